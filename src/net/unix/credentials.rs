//! Whom the kernel names at the other end.

use std::fs;

use nix::unistd::geteuid;

/// The uid that stands for every user whom a namespace does not know, where /proc does not tell.
const COMMON_OVERFLOW_UID: u32 = 65534;

/// Who may be at the other end: our own user, or root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    own: u32,
    overflow: u32,
}

impl Guard {
    pub(super) fn new() -> Self {
        let overflow =
            fs::read_to_string("/proc/sys/kernel/overflowuid").ok().and_then(|text| text.trim().parse().ok());
        Self::of(geteuid().as_raw(), overflow.unwrap_or(COMMON_OVERFLOW_UID))
    }

    pub(super) fn of(own: u32, overflow: u32) -> Self {
        Self { own, overflow }
    }

    /// Whether `uid` may be there. The overflow uid is nobody in particular, so it is never ours.
    pub(super) fn admits(self, uid: u32) -> bool {
        uid != self.overflow && (uid == self.own || uid == 0)
    }

    /// Whether our own user is nobody in particular.
    pub(super) fn refuses_own_user(self) -> bool {
        self.own == self.overflow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_at_the_other_end() {
        #[rustfmt::skip]
        let rows = [
            // own   overflow  peer   admitted
            (1000,   65534,    1000,  true),
            (1000,   65534,    0,     true),
            (1000,   65534,    1001,  false),
            (1000,   65534,    65534, false),
            (65534,  65534,    65534, false), // every user whom this namespace does not know looks like us
            (65534,  65534,    0,     true),
            (0,      65534,    1000,  false),
        ];
        for (own, overflow, peer, admitted) in rows {
            assert_eq!(Guard::of(own, overflow).admits(peer), admitted, "{peer} at {own}");
        }
    }
}
