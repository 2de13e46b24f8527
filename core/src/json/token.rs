//! The tokens of JSON text: where each ends, and whether it is well formed.
//!
//! The common token takes a straight way: a string of plain ASCII, a short integer. Escapes, other
//! alphabets and long numbers branch off it. Worst case: linear in the token.

use super::{ESCAPED, PLAIN, ParseError, ParseErrorKind};
use crate::simd::text::{BLOCK, WINDOW, plain_windows, stops, wide_specials, wide_stops};

/// No number of so many bytes without an exponent leaves binary64.
const SURELY_FINITE: usize = 308;

#[cold]
pub(super) const fn fault(kind: ParseErrorKind, offset: usize) -> ParseError {
    ParseError { kind, offset: offset as u32 }
}

/// The bytes that are parsed.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl<'a> Text<'a> {
    /// The offset of the first byte that is not UTF-8, when that is `offset` or before.
    #[cold]
    pub(super) fn invalid_by(self, offset: usize) -> Option<usize> {
        if self.slice(0, offset.saturating_add(1).min(self.0.len())).is_ascii() {
            return None;
        }
        let valid = core::str::from_utf8(self.0).err()?.valid_up_to();
        (valid <= offset).then_some(valid)
    }

    /// The byte at `at`; zero, which no token begins with, past the end.
    #[inline(always)]
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    pub(super) fn slice(self, start: usize, end: usize) -> &'a [u8] {
        self.0.get(start..end).unwrap_or(&[])
    }

    /// The offset after the white space at `at`.
    #[inline(always)]
    pub(super) fn space(self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { self.skip_space(at) }
    }

    #[inline]
    fn skip_space(self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        at
    }

    /// The offset after the digits at `at`.
    #[inline(always)]
    fn digits(self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }

    /// The fault of kind `kind` at `at`, unless the input ends there.
    #[cold]
    pub(super) fn wrong(self, kind: ParseErrorKind, at: usize) -> ParseError {
        if at < self.0.len() {
            fault(kind, at)
        } else {
            fault(ParseErrorKind::Truncated, self.0.len())
        }
    }

    /// The offset of the quote that closes the string whose text begins at `start`, and its flags.
    #[inline(always)]
    pub(super) fn string(self, start: usize) -> Result<(usize, u32), ParseError> {
        // Most strings end in their first block.
        let hits = stops(self.0, start);
        let end = start + hits.trailing_zeros() as usize;
        if hits != 0 && self.byte(end) == b'"' {
            return Ok((end, 0));
        }
        self.long_string(start, hits == 0)
    }

    /// The same for any string, whose first block is `plain` or not: from special byte to special byte, a
    /// window of them at a time.
    #[inline(never)]
    fn long_string(self, start: usize, plain: bool) -> Result<(usize, u32), ParseError> {
        let mut flags = 0;
        let mut ascii = true;
        let mut base = start;
        if plain {
            base += BLOCK;
            let hits = stops(self.0, base);
            let end = base + hits.trailing_zeros() as usize;
            if hits != 0 && self.byte(end) == b'"' {
                return Ok((end, 0));
            }
        }
        'window: while base < self.0.len() {
            let mut hits = if ascii {
                base = plain_windows(self.0, base);
                wide_stops(self.0, base)
            } else {
                wide_specials(self.0, base)
            };
            while hits != 0 {
                let at = base + hits.trailing_zeros() as usize;
                match self.byte(at) {
                    b'"' => return self.end_of_string(start, at, ascii).map(|end| (end, flags)),
                    b'\\' => {
                        flags = ESCAPED;
                        let next = self.escape(at)?;
                        if next - base >= WINDOW {
                            base = next;
                            continue 'window;
                        }
                        hits &= u64::MAX << (next - base);
                    }
                    0x80.. => {
                        ascii = false;
                        base = at;
                        continue 'window;
                    }
                    _ => return Err(fault(ParseErrorKind::ControlCharacter, at)),
                }
            }
            base += WINDOW;
        }
        Err(fault(ParseErrorKind::Truncated, self.0.len()))
    }

    fn end_of_string(self, start: usize, end: usize, ascii: bool) -> Result<usize, ParseError> {
        if !ascii && let Err(error) = core::str::from_utf8(self.slice(start, end)) {
            return Err(fault(ParseErrorKind::InvalidUtf8, start + error.valid_up_to()));
        }
        Ok(end)
    }

    /// Checks the escape whose backslash is at `at` and returns the offset after it.
    #[inline]
    fn escape(self, at: usize) -> Result<usize, ParseError> {
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' => self.escaped_unit(at),
            _ => Err(self.wrong(ParseErrorKind::BadEscape, at + 1)),
        }
    }

    fn escaped_unit(self, at: usize) -> Result<usize, ParseError> {
        match self.hex4(at + 2)? {
            0xdc00..=0xdfff => Err(fault(ParseErrorKind::LoneSurrogate, at)),
            0xd800..=0xdbff => self.low_surrogate(at),
            _ => Ok(at + 6),
        }
    }

    /// The second half of the pair whose first half is the escape at `high`.
    fn low_surrogate(self, high: usize) -> Result<usize, ParseError> {
        let lone = fault(ParseErrorKind::LoneSurrogate, high);
        match (self.0.get(high + 6), self.0.get(high + 7)) {
            (None, _) | (Some(b'\\'), None) => Err(self.wrong(ParseErrorKind::Truncated, high + 8)),
            (Some(b'\\'), Some(b'u')) => match self.hex4(high + 8)? {
                0xdc00..=0xdfff => Ok(high + 12),
                _ => Err(lone),
            },
            _ => Err(lone),
        }
    }

    fn hex4(self, at: usize) -> Result<u32, ParseError> {
        let mut value = 0;
        for at in at..at + 4 {
            let digit = char::from(self.byte(at))
                .to_digit(16)
                .ok_or_else(|| self.wrong(ParseErrorKind::BadEscape, at))?;
            value = value * 16 + digit;
        }
        Ok(value)
    }

    /// The offset after the number at `start`, and its flags.
    #[inline(always)]
    pub(super) fn number(self, start: usize) -> Result<(usize, u32), ParseError> {
        let first = start + usize::from(self.byte(start) == b'-');
        let at = self.some_digits(first)?;
        if self.byte(first) == b'0' && at > first + 1 {
            return Err(fault(ParseErrorKind::BadNumber, first + 1));
        }
        if !matches!(self.byte(at), b'.' | b'e' | b'E') && at - start <= SURELY_FINITE {
            return Ok((at, PLAIN));
        }
        let end = self.rest_of_number(start, at)?;
        Ok((end, if end == at { PLAIN } else { 0 }))
    }

    /// The end of the number that begins at `start`, whose digits before a fraction or an exponent end
    /// at `at`.
    fn rest_of_number(self, start: usize, mut at: usize) -> Result<usize, ParseError> {
        if self.byte(at) == b'.' {
            at = self.some_digits(at + 1)?;
        }
        let mut surely_finite = at - start <= SURELY_FINITE;
        if matches!(self.byte(at), b'e' | b'E') {
            surely_finite = false;
            at += 1;
            if matches!(self.byte(at), b'+' | b'-') {
                at += 1;
            }
            at = self.some_digits(at)?;
        }
        if !surely_finite && !is_finite(self.slice(start, at)) {
            return Err(fault(ParseErrorKind::NumberRange, start));
        }
        Ok(at)
    }

    /// The offset after one or more digits.
    #[inline]
    fn some_digits(self, at: usize) -> Result<usize, ParseError> {
        match self.digits(at) {
            end if end == at => Err(self.wrong(ParseErrorKind::BadNumber, at)),
            end => Ok(end),
        }
    }

    /// The offset after `word`, which must stand at `at`.
    #[inline]
    pub(super) fn word(self, at: usize, word: &[u8]) -> Result<usize, ParseError> {
        let rest = self.0.get(at..).unwrap_or(&[]);
        if rest.starts_with(word) {
            return Ok(at + word.len());
        }
        let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
        Err(self.wrong(ParseErrorKind::BadLiteral, at + same))
    }
}

fn is_finite(raw: &[u8]) -> bool {
    core::str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(f64::is_finite)
}
