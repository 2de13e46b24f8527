//! The first look at every byte: where a value could be in disguise.
//!
//! Text goes by in blocks of 64 bytes, each reduced to three masks of a bit a byte. The loops are plain
//! comparisons without branches, which compilers turn into vector instructions of the baseline of every
//! target that has some. Cost: about 40 instructions per 64 bytes, whatever they are.

/// How many bytes one look takes in.
pub(super) const BLOCK: usize = 64;

/// What the bytes of a block are, the first in the lowest bit.
#[derive(Clone, Copy, Default)]
pub(super) struct Masks {
    /// Beginnings of escapes, line breaks, brackets, quotes, control characters, anything beyond ASCII.
    pub(super) signs: u64,
    /// Spaces.
    pub(super) blanks: u64,
    /// The alphabets of base64 and base64url.
    pub(super) codes: u64,
}

impl Masks {
    #[inline]
    pub(super) fn of(block: &[u8; BLOCK]) -> Self {
        let (mut signs, mut blanks, mut codes) = ([0; BLOCK], [0; BLOCK], [0; BLOCK]);
        let slots = signs.iter_mut().zip(&mut blanks).zip(&mut codes);
        for (&byte, ((sign, blank), code)) in block.iter().zip(slots) {
            *sign = u8::from(byte >= 0x7f)
                | u8::from(byte < 0x20) & u8::from(byte != b'\t')
                | u8::from(byte == b'\\')
                | u8::from(byte == b'%')
                | u8::from(byte == b'&')
                | u8::from(byte == b'=')
                | u8::from(byte == b'[')
                | u8::from(byte == b'(')
                | u8::from(byte == b'\'');
            *blank = u8::from(byte == b' ');
            *code = u8::from((byte | 0x20).wrapping_sub(b'a') < 26)
                | u8::from(byte.wrapping_sub(b'/') < 11)
                | u8::from(byte == b'+')
                | u8::from(byte == b'-')
                | u8::from(byte == b'_');
        }
        Self { signs: packed(&signs), blanks: packed(&blanks), codes: packed(&codes) }
    }
}

/// The bytes of `flags`, each 0 or 1, as bits.
#[inline]
fn packed(flags: &[u8; BLOCK]) -> u64 {
    let (eights, _) = flags.as_chunks::<8>();
    eights.iter().rev().fold(0, |bits, &eight| {
        // The product brings the lowest bit of byte i to bit 56 + i.
        bits << 8 | u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

/// The starts of runs of at least 24 bits in `bits`.
#[inline]
pub(super) const fn runs24(bits: u128) -> u128 {
    let two = bits & bits >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    eight & eight >> 8 & eight >> 16
}

/// Where six blanks stand two apart with something else between the first: single characters, spaced
/// out, of which some may be blanks themselves.
#[inline]
pub(super) const fn spaced(blanks: u128) -> u128 {
    let two = blanks & blanks >> 2;
    let four = two & two >> 4;
    let between = !(blanks >> 1) & !(blanks >> 3 & blanks >> 5);
    four & two >> 8 & between
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_what_a_look_at_each_byte_says() {
        let all: std::vec::Vec<u8> = (0..=255).collect();
        for block in all.as_chunks::<BLOCK>().0 {
            let masks = Masks::of(block);
            for (at, &byte) in block.iter().enumerate() {
                let bit = |mask: u64| mask >> at & 1 == 1;
                let sign =
                    byte >= 0x7f || byte < 0x20 && byte != b'\t' || b"\\%&=[('".contains(&byte);
                assert_eq!(bit(masks.signs), sign, "{byte}");
                assert_eq!(bit(masks.blanks), byte == b' ');
                assert_eq!(
                    bit(masks.codes),
                    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
                );
            }
        }
    }

    #[test]
    fn runs() {
        assert_eq!(runs24(0xff_ffff << 7), 1 << 7);
        assert_eq!(runs24(0x7f_ffff << 7), 0);
        let blanks =
            |text: &str| text.bytes().rev().fold(0, |bits, c| bits << 1 | u128::from(c == b' '));
        assert_ne!(spaced(blanks("x: 4 1 1 1 1 1 1 1")), 0);
        assert_eq!(spaced(blanks("x: 4 1 1 1 22 1 1 1")), 0);
        assert_ne!(spaced(blanks("+ 4 4   2 0   7")), 0);
        assert_eq!(spaced(blanks("                        ")), 0);
    }
}
