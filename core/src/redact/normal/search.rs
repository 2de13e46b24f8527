//! What the bits of a block say: long runs of base64, single characters spaced out.
//!
//! A run is looked for within 64 bytes; one that crosses a border is told by the ones at both sides of
//! it. Cost: a few shifts a block.

/// The shortest run of base64 that is looked at.
const LEAST: u32 = 24;

/// Where runs of at least 24 ones begin in the block at `base`, whose bits are `now`; `then` are those of
/// the block before. One that began there is told at its first bit in it.
#[inline]
pub(super) fn runs(base: usize, now: u64, then: u64) -> (Option<usize>, u64) {
    let (left, right) = (then.leading_ones(), now.trailing_ones());
    let crosses = left > 0 && right > 0 && left < LEAST && left + right >= LEAST;
    let crossing = if crosses { base.checked_sub(left as usize) } else { None };
    let two = now & now >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let long = eight & eight >> 8 & eight >> 16;
    // What goes on from the block before has been told, or is told now.
    let first = if left > 0 { 1 } else { 0 };
    (crossing, long & !(long << 1) & !first)
}

/// The last of five blanks that stand two apart with something else between the first: single characters,
/// spaced out, of which some may be blanks themselves. `then` are the bits of the block before.
#[inline]
pub(super) const fn spaced(now: u64, then: u64) -> u64 {
    let two = now & (now << 2 | then >> 62);
    // Most blocks have no three.
    let four = two & (now << 4 | then >> 60);
    if four == 0 {
        return 0;
    }
    let between = (now << 3 | then >> 61) & (now << 5 | then >> 59) | now << 7 | then >> 57;
    four & (now << 6 | then >> 58) & (now << 8 | then >> 56) & !between
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_begin_where_they_begin() {
        assert_eq!(runs(64, 0xff_ffff << 7, 0), (None, 1 << 7));
        assert_eq!(runs(64, 0x7f_ffff << 7, 0), (None, 0));
        assert_eq!(runs(64, 0xffff, 0xff << 56), (Some(56), 0));
        assert_eq!(runs(64, 0x7fff, 0xff << 56), (None, 0));
        assert_eq!(runs(64, u64::MAX, u64::MAX), (None, 0), "told in the block before");
        assert_eq!(runs(64, 0xff_ffff | 0xff_ffff << 30, 1 << 63), (Some(63), 1 << 30));
    }

    #[test]
    fn spaced_out() {
        let blanks =
            |text: &str| text.bytes().rev().fold(0, |bits, c| bits << 1 | u64::from(c == b' '));
        assert_eq!(spaced(blanks("x: 4 1 1 1 1"), 0), 1 << 10);
        assert_ne!(spaced(blanks("+ 4 4   2 0   7"), 0), 0);
        assert_eq!(spaced(blanks("x: 4 1 1 22 1 1 1"), 0), 0);
        assert_eq!(spaced(blanks("                        "), 0), 0);
        assert_eq!(spaced(blanks("1 1"), blanks("4 1 1 1 ") << 56), 1 << 1, "across blocks");
    }
}
