//! Which generation of the protocol a connection speaks.

/// The range of protocol versions that a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolRange {
    /// The lowest that it takes.
    pub min: u32,
    /// The highest that it takes.
    pub max: u32,
}

/// The generation that a connection speaks. The one place for what differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Protocol 3, as OpenClaw 2026.2.
    V3,
    /// Protocol 4, as OpenClaw 2026.9.
    V4,
}

impl Dialect {
    /// The newest generation within a client's range; `None` where the range holds neither 3 nor 4.
    pub fn negotiate(range: ProtocolRange) -> Option<Self> {
        let contains = |version| range.min <= version && version <= range.max;
        if contains(4) {
            Some(Self::V4)
        } else if contains(3) {
            Some(Self::V3)
        } else {
            None
        }
    }

    /// The number in `hello-ok`.
    pub const fn number(self) -> u32 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_with_3_or_4_is_served() {
        #[rustfmt::skip]
        let rows = [
            (1, 2, None),
            (1, 3, Some(Dialect::V3)),
            (3, 3, Some(Dialect::V3)),
            (3, 4, Some(Dialect::V4)),
            (4, 4, Some(Dialect::V4)),
            (4, 9, Some(Dialect::V4)),
            (5, 9, None),
            (4, 3, None), // an empty range holds nothing
        ];
        for (min, max, spoken) in rows {
            assert_eq!(Dialect::negotiate(ProtocolRange { min, max }), spoken, "{min}..{max}");
        }
    }
}
