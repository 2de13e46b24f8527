//! What the first look at every byte tells: where a value could be in disguise.
//!
//! [`classes`](crate::simd::classes) reduces text to masks of a bit a byte, 64 bytes at a time; here are the
//! shapes that are looked for in them.

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
