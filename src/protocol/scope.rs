//! What an operator may do, and which permission implies which.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// One permission, such as `operator.read`.
///
/// Unknown names are carried along (newer clients ask for permissions that we have no use for); they imply nothing and
/// only `operator.admin` implies them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// Everything that an operator can do.
    pub const ADMIN: Self = Self(Cow::Borrowed("operator.admin"));
    /// Reading state: presence, status, logs.
    pub const READ: Self = Self(Cow::Borrowed("operator.read"));
    /// Acting on nodes and agents; implies reading.
    pub const WRITE: Self = Self(Cow::Borrowed("operator.write"));
    /// Deciding on requests to run something.
    pub const APPROVALS: Self = Self(Cow::Borrowed("operator.approvals"));
    /// Deciding which devices may connect.
    pub const PAIRING: Self = Self(Cow::Borrowed("operator.pairing"));

    /// Wraps a name from the wire.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether holding `self` includes `other` (gateway protocol, scopes: admin includes every operator scope, write
    /// includes read, talk and both session scopes, and so on down).
    pub fn implies(&self, other: &Self) -> bool {
        let (held, wanted) = (self.as_str(), other.as_str());
        held == wanted
            || match held {
                "operator.admin" => wanted.starts_with("operator."),
                "operator.write" => matches!(
                    wanted,
                    "operator.read" | "operator.talk" | "operator.sessions.read" | "operator.sessions.write"
                ),
                "operator.read" | "operator.sessions.write" => wanted == "operator.sessions.read",
                _ => false,
            }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A list of permissions without repeats, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// No permission at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// What our own CLI asks for at every call, and what the Unix socket grants.
    ///
    /// Always the same set: gateways of protocol 3 compare the wish literally with the record of the first connect.
    pub fn full_operator() -> Self {
        Self(vec![Scope::ADMIN, Scope::APPROVALS, Scope::PAIRING])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The permissions in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// Whether `wanted` is held, directly or by implication.
    pub fn cover(&self, wanted: &Scope) -> bool {
        self.iter().any(|held| held.implies(wanted))
    }

    /// Whether every one of `wanted` is held; none wanted is always held.
    pub fn cover_all(&self, wanted: &Self) -> bool {
        wanted.iter().all(|scope| self.cover(scope))
    }

    /// What a connection that asks for `wanted` gets out of these approved scopes while the rest waits: each wanted scope
    /// that is approved, and each approved scope that a wanted one implies.
    #[must_use]
    pub fn granted_to(&self, wanted: &Self) -> Self {
        let asked = wanted.iter().filter(|scope| self.cover(scope));
        let implied = self.iter().filter(|held| wanted.iter().any(|scope| scope.implies(held)));
        asked.chain(implied).cloned().collect()
    }

    /// These and `other`, in that order.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).cloned().collect()
    }

    /// Sorted, with every scope that is implied by one held: the form in which token scopes are stored.
    #[must_use]
    pub fn expanded(&self) -> Self {
        let mut all = self.clone();
        for scope in self {
            match scope.as_str() {
                "operator.admin" => all = all.union(&[Scope::READ, Scope::WRITE].into_iter().collect()),
                "operator.write" => all = all.union(&std::iter::once(Scope::READ).collect()),
                _ => {}
            }
        }
        all.0.sort();
        all
    }

    /// Comma-separated, as in signature payloads.
    pub fn join(&self) -> String {
        self.0.iter().map(Scope::as_str).collect::<Vec<_>>().join(",")
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut unique = Vec::new();
        for scope in scopes {
            if !unique.contains(&scope) {
                unique.push(scope);
            }
        }
        Self(unique)
    }
}

impl<'a> IntoIterator for &'a Scopes {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Scope>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(names: &str) -> Scopes {
        names.split_whitespace().map(|name| Scope::new(format!("operator.{name}"))).collect()
    }

    #[test]
    fn implication() {
        #[rustfmt::skip]
        let rows = [
            // held          wanted               covered
            ("admin",        "read",              true),
            ("admin",        "talk.secrets",      true),
            ("write",        "read",              true),
            ("write",        "sessions.read",     true),
            ("write",        "pairing",           false),
            ("read",         "write",             false),
            ("read",         "sessions.read",     true),
            ("pairing",      "read",              false),
            ("pairing read", "read pairing",      true),
            ("",             "",                  true),
            ("",             "read",              false),
        ];
        for (held, wanted, covered) in rows {
            assert_eq!(scopes(held).cover_all(&scopes(wanted)), covered, "{held} covers {wanted}");
        }
    }

    #[test]
    fn a_waiting_widening_leaves_what_was_approved() {
        #[rustfmt::skip]
        let rows = [
            // approved        asked                          gets meanwhile
            ("read",           "admin approvals pairing",     "read"),
            ("pairing read",   "pairing write",               "pairing read"),
            ("admin",          "read",                        "read"),
            ("approvals",      "read",                        ""),
        ];
        for (approved, asked, gets) in rows {
            assert_eq!(scopes(approved).granted_to(&scopes(asked)), scopes(gets), "{asked} of {approved}");
        }
    }
}
