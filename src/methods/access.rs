//! What a method requires of its caller.

use crate::{
    protocol::{ErrorShape, Role, Scope},
    session::{Answer, Caller},
};

/// What a method requires of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// An operator that holds this scope.
    Needs(Scope),
    /// Whoever was let in, nodes and operators without any scope included.
    Anybody,
}

impl Access {
    /// Checks `caller`.
    ///
    /// # Errors
    /// The answer to give instead.
    pub(super) fn check(&self, caller: &Caller) -> Result<(), Answer> {
        let Self::Needs(scope) = self else { return Ok(()) };
        if caller.principal.role != Role::Operator {
            let role = caller.principal.role;
            return Err(Answer::Unauthorized(ErrorShape::invalid(format!("unauthorized role: {role}"))));
        }
        caller.require(scope).map_err(|error| Answer::Now(Err(error)))
    }
}
