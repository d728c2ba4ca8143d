//! The checksum of a preamble (CRC-32C, RFC 3720, appendix B.4).

/// The polynomial, with its bits in the order in which they are computed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
}

/// A checksum of what was added so far.
#[derive(Clone, Copy)]
pub(super) struct Crc32c(u32);

impl Crc32c {
    pub(super) const fn new() -> Self {
        Self(!0)
    }

    pub(super) fn add(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |value, byte| {
            let [low, ..] = value.to_le_bytes();
            (value >> 8) ^ TABLE[usize::from(low ^ byte)]
        }))
    }

    pub(super) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        #[rustfmt::skip]
        let rows: [(&[u8], u32); 4] = [
            (b"",          0),
            (b"123456789", 0xe306_9283),
            (&[0; 32],     0x8a91_36aa),
            (&[0xff; 32],  0x62a8_ab43),
        ];
        for (bytes, sum) in rows {
            assert_eq!(Crc32c::new().add(bytes).value(), sum, "{bytes:?}");
        }
    }
}
