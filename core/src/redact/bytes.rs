//! Sets of bytes, runs of them, and reads that cannot fail.

use core::ops::RangeInclusive;

/// A set of ASCII bytes. No other byte is ever in it, but there is room for all: so that a look needs no
/// branch.
#[derive(Clone, Copy)]
pub(super) struct Set([u32; 8]);

impl Set {
    /// The bytes that `spec` lists: ranges as in `A-Z`, and single bytes; a `-` that stands last is
    /// itself.
    pub(super) const fn new(spec: &[u8]) -> Self {
        let mut bits = [0; 8];
        let mut at = 0;
        while at < spec.len() {
            let first = spec[at];
            let mut last = first;
            if at + 2 < spec.len() && spec[at + 1] == b'-' {
                last = spec[at + 2];
                at += 2;
            }
            let mut byte = first;
            while byte <= last {
                bits[byte as usize >> 5] |= 1 << (byte & 31);
                byte += 1;
            }
            at += 1;
        }
        Self(bits)
    }

    #[inline]
    pub(super) const fn has(self, byte: u8) -> bool {
        self.bit(byte) & 1 == 1
    }

    /// The same as the lowest bit.
    #[inline]
    const fn bit(self, byte: u8) -> u32 {
        self.0[byte as usize >> 5] >> (byte & 31)
    }
}

/// Decimal digits.
pub(super) const DIGITS: Set = Set::new(b"0-9");
/// Hexadecimal digits as most vendors spell them.
pub(super) const HEX: Set = Set::new(b"0-9a-f");
/// Letters and digits.
pub(super) const ALNUM: Set = Set::new(b"0-9A-Za-z");
/// The base64url alphabet (RFC 4648 section 5).
pub(super) const URL64: Set = Set::new(b"0-9A-Za-z_-");
/// The base64 alphabet with its padding (RFC 4648 section 4).
pub(super) const BASE64: Set = Set::new(b"0-9A-Za-z+/=");

/// Counts bytes that were looked at, for the test that pins linear cost; nothing outside of tests.
#[inline]
pub(super) fn looked_at(_count: usize) {
    #[cfg(test)]
    LOOKED_AT.with(|sum| sum.set(sum.get() + _count));
}

#[cfg(test)]
std::thread_local! {
    /// How many bytes this thread has looked at.
    pub(super) static LOOKED_AT: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// The byte at `at`, or NUL outside of the text: NUL is in none of the sets.
#[inline]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    looked_at(1);
    text.get(at).copied().unwrap_or(0)
}

/// The byte before `at`, or NUL at the start.
#[inline]
pub(super) fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |at| byte(text, at))
}

/// `text[start..end]`, or nothing where that is no range of it.
#[inline]
pub(super) fn slice(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end.min(text.len())).unwrap_or(&[])
}

/// The end of the run of bytes of `set` that begins at `at`.
#[inline]
pub(super) fn run(text: &[u8], at: usize, set: Set) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    let len = rest.iter().position(|&byte| !set.has(byte)).unwrap_or(rest.len());
    looked_at(len);
    at + len
}

/// The same for a run that is likely long.
pub(super) fn long_run(text: &[u8], at: usize, set: Set) -> usize {
    let (eights, _) = text.get(at..).unwrap_or(&[]).as_chunks::<8>();
    let inside = |eight: &&[u8; 8]| eight.iter().fold(1, |all, &byte| all & set.bit(byte)) == 1;
    let whole = eights.iter().take_while(inside);
    let len = 8 * whole.count();
    looked_at(len);
    run(text, at + len, set)
}

/// The start of the run of bytes of `set` that ends before `end`, at most `most` bytes long.
#[inline]
pub(super) fn run_back(text: &[u8], end: usize, set: Set, most: usize) -> usize {
    let head = slice(text, end.saturating_sub(most), end);
    let len = head.iter().rev().take_while(|&&byte| set.has(byte)).count();
    looked_at(len);
    end - len
}

/// The end of the value `start..end` without the bytes of `set` that it ends with, of which it takes a few:
/// where what is in view of a value ends in them, the value may go on behind them.
pub(super) fn trimmed_end(text: &[u8], start: usize, end: usize, set: Set) -> usize {
    run_back(text, end, set, 64.min(end - start))
}

/// Where the byte at `at` is once bytes `from..to` are gone; one of those would be at `from`.
pub(super) const fn moved(at: usize, from: usize, to: usize) -> usize {
    if at >= to {
        at - (to - from)
    } else if at > from {
        from
    } else {
        at
    }
}

/// The offset at or after `at` of the first byte that is no space or tab; it looks at 64 bytes.
pub(super) fn skip_blank(text: &[u8], at: usize) -> usize {
    let rest = slice(text, at, at + 64);
    at + rest.iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count()
}

/// Whether `text` begins with `word`, ASCII case ignored. `word` is in lower case.
pub(super) fn starts_folded(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// How many different bytes there are among the first 64 of `text`.
pub(super) fn variety(text: &[u8]) -> u32 {
    looked_at(text.len().min(64));
    let seen = text.iter().take(64).fold(0_u128, |seen, &byte| seen | 1 << (byte & 127));
    seen.count_ones()
}

/// Whether there are at least `least` different bytes among the first 64 of `text`; it looks no further.
pub(super) fn varies(text: &[u8], least: u32) -> bool {
    let (mut seen, mut count) = (0_u128, 0);
    text.iter().take(64).any(|&byte| {
        looked_at(1);
        let bit = 1 << (byte & 127);
        count += u32::from(seen & bit == 0);
        seen |= bit;
        count >= least
    })
}

/// Whether `text` holds a byte of `range`, which is ASCII: eight at a time, since most that is asked holds
/// none.
pub(super) fn has_any(text: &[u8], range: RangeInclusive<u8>) -> bool {
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (first, last) = (0x80 - *range.start(), 0x7f - *range.end());
    let (first, last) = (u64::from_ne_bytes([first; 8]), u64::from_ne_bytes([last; 8]));
    // The sum with what is missing to 0x80 carries into the top bit of a byte, and no further.
    let within = |bytes: u64| {
        let low = bytes & !TOPS;
        (low + first) & !(low + last) & !bytes & TOPS != 0
    };
    let (chunks, rest) = text.as_chunks::<8>();
    looked_at(text.len());
    chunks.iter().any(|chunk| within(u64::from_ne_bytes(*chunk)))
        || rest.iter().any(|byte| range.contains(byte))
}

/// The value of a byte of base64 or base64url.
pub(super) const fn value64(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Decodes base64 or base64url into `out` until either ends or a foreign byte comes; what was decoded.
pub(super) fn decode64<'o>(text: &[u8], out: &'o mut [u8]) -> &'o [u8] {
    let (mut bits, mut held, mut len) = (0_u32, 0, 0);
    for value in text.iter().map_while(|&byte| value64(byte)) {
        bits = bits << 6 | u32::from(value);
        held += 6;
        looked_at(1);
        if held >= 8 {
            held -= 8;
            let Some(slot) = out.get_mut(len) else { break };
            *slot = (bits >> held) as u8;
            len += 1;
        }
    }
    out.get(..len).unwrap_or(&[])
}

/// Whether `text` holds `word`.
pub(super) fn contains(text: &[u8], word: &[u8]) -> bool {
    looked_at(text.len());
    memchr::memmem::find(text, word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_their_ranges() {
        for byte in 0..=255_u8 {
            let word = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            assert_eq!(URL64.has(byte), word);
        }
    }

    #[test]
    fn ranges_are_found_wherever_they_are() {
        for byte in 0..=255_u8 {
            for at in 0..11 {
                let mut text = [b' '; 11];
                text[at] = byte;
                assert_eq!(has_any(&text, b'0'..=b'9'), byte.is_ascii_digit(), "{byte} at {at}");
                assert_eq!(has_any(&text, b'A'..=b'Z'), byte.is_ascii_uppercase(), "{byte}");
            }
        }
    }

    #[test]
    fn differences_are_counted_up_to_what_is_asked() {
        assert!(varies(b"abca", 3) && !varies(b"abca", 4) && !varies(b"", 1));
        assert!(!varies(&[&[b'a'; 64][..], b"b"].concat(), 2), "the first 64 decide");
    }

    #[test]
    fn base64_is_decoded() {
        let mut out = [0; 8];
        assert_eq!(decode64(b"dTpwYXNz", &mut out), b"u:pass");
        assert_eq!(decode64(b"dTpw!", &mut out), b"u:p");
        assert_eq!(decode64(b"dTpwYXNzdTpwYXNz", &mut out), b"u:passu:", "bounded by the buffer");
    }
}
