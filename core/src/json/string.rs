//! Strings as they stand in the input.

use core::cmp::Ordering;

#[cfg(feature = "alloc")]
use crate::buf::{Buf, Full};

/// The text of a JSON string or member name: the bytes between its quotes, escapes and all.
///
/// The parser has checked it, so every method may assume valid UTF-8 and valid escapes.
#[derive(Clone, Copy, Debug)]
pub struct Str<'t> {
    raw: &'t [u8],
    escaped: bool,
}

impl<'t> Str<'t> {
    #[inline]
    pub(crate) const fn new(raw: &'t [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// The bytes between the quotes, escapes not undone.
    #[must_use]
    pub const fn raw(self) -> &'t [u8] {
        self.raw
    }

    /// Whether the text holds an escape.
    #[must_use]
    pub const fn is_escaped(self) -> bool {
        self.escaped
    }

    /// The text itself, when it holds no escape.
    #[must_use]
    pub fn as_plain(self) -> Option<&'t str> {
        if self.escaped { None } else { core::str::from_utf8(self.raw).ok() }
    }

    /// The characters, escapes undone.
    #[must_use]
    pub fn chars(self) -> Chars<'t> {
        // The parser saw valid UTF-8; were it not so, the text would read as empty.
        Chars { rest: core::str::from_utf8(self.raw).unwrap_or(""), escaped: self.escaped }
    }

    /// The UTF-8 bytes, escapes undone.
    pub fn bytes(self) -> impl Iterator<Item = u8> + 't {
        self.chars().flat_map(|c| {
            let mut utf8 = [0; 4];
            let len = c.encode_utf8(&mut utf8).len();
            utf8.into_iter().take(len)
        })
    }

    /// Writes the UTF-8 bytes, escapes undone, to `memory`, which is emptied before.
    ///
    /// # Errors
    /// When `memory` is lent and too small.
    #[cfg(feature = "alloc")]
    pub(crate) fn decode(self, memory: &mut Buf<'_, u8>) -> Result<(), Full> {
        memory.clear();
        if !self.escaped {
            return memory.extend(self.raw);
        }
        self.chars().try_for_each(|c| memory.extend(c.encode_utf8(&mut [0; 4]).as_bytes()))
    }

    /// How many characters the text has, escapes undone.
    #[must_use]
    pub fn length(self) -> usize {
        let spelt = count_chars(self.raw);
        if !self.escaped {
            return spelt;
        }
        let mut more = 0;
        let mut rest = self.raw;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let escape = rest.get(at..).unwrap_or(&[]);
            let bytes = match escape {
                [_, b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
                [_, b'u', ..] => 6,
                _ => 2,
            };
            more += bytes - 1;
            rest = escape.get(bytes..).unwrap_or(&[]);
        }
        spelt.saturating_sub(more)
    }

    /// Whether the text, escapes undone, equals `name`.
    #[inline]
    #[must_use]
    pub fn is(self, name: &[u8]) -> bool {
        if self.escaped { self.bytes().eq(name.iter().copied()) } else { self.raw == name }
    }

    /// Orders two texts by their bytes, escapes undone.
    pub(crate) fn cmp_bytes(self, other: Str<'_>) -> Ordering {
        match (self.escaped, other.escaped) {
            (false, false) => self.raw.cmp(other.raw),
            (true, false) => self.bytes().cmp(other.raw.iter().copied()),
            (false, true) => self.raw.iter().copied().cmp(other.bytes()),
            // UTF-8 orders characters as their code points do.
            (true, true) => self.chars().cmp(other.chars()),
        }
    }

    /// What tells the text from most others (see [`Digest`]).
    #[inline]
    pub(crate) fn digest(self) -> Digest {
        if self.escaped { Digest::of_bytes(self.bytes()) } else { Digest::of(self.raw) }
    }
}

/// The length of a text and its first and last eight bytes, escapes undone: up to [`Digest::WHOLE`] bytes
/// the whole text, of a longer one a filter before a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest {
    len: u32,
    head: u64,
    /// Zero when the head is all.
    tail: u64,
}

impl Digest {
    /// Texts of at most so many bytes are equal when their digests are.
    #[cfg(any(test, feature = "alloc"))]
    pub(crate) const WHOLE: u32 = 16;

    #[inline(always)]
    pub(crate) fn of(text: &[u8]) -> Self {
        let len = text.len() as u32;
        match (text.first_chunk(), text.last_chunk()) {
            (Some(head), Some(tail)) if len > 8 => {
                Self { len, head: u64::from_le_bytes(*head), tail: u64::from_le_bytes(*tail) }
            }
            _ => Self { len, head: short(text), tail: 0 },
        }
    }

    fn of_bytes(bytes: impl Iterator<Item = u8>) -> Self {
        let mut digest = Self::default();
        for byte in bytes {
            let byte = u64::from(byte);
            if digest.len < 8 {
                digest.head |= byte << (8 * digest.len);
            }
            digest.tail = digest.tail >> 8 | byte << 56;
            digest.len += 1;
        }
        if digest.len <= 8 {
            digest.tail = 0;
        }
        digest
    }

    /// How many bytes the text has.
    #[cfg(feature = "alloc")]
    pub(crate) const fn len(self) -> u32 {
        self.len
    }

    /// Four bytes that differ for most different texts. A filter before a comparison, never instead of
    /// one, and never what decides a cost.
    #[inline(always)]
    pub(crate) const fn print(self) -> u32 {
        let head = (self.head ^ self.len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let both = (head ^ self.tail).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (both >> 32) as u32
    }
}

/// Up to eight bytes as a number, the first lowest: two halves that may overlap.
#[inline(always)]
fn short(text: &[u8]) -> u64 {
    let len = text.len();
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let last = u64::from(u32::from_le_bytes(*last));
        return u64::from(u32::from_le_bytes(*first)) | last << (8 * len.saturating_sub(4));
    }
    text.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// How many characters are in UTF-8 text.
pub(crate) fn count_chars(text: &[u8]) -> usize {
    // Every character has one byte that does not continue another. Sums that fit a byte are added in
    // vector registers.
    let count = |some: &[u8]| some.iter().map(|byte| u8::from(byte & 0xc0 != 0x80)).sum::<u8>();
    text.chunks(255).map(|some| usize::from(count(some))).sum()
}

/// Text that holds no escape.
impl<'t> From<&'t str> for Str<'t> {
    fn from(text: &'t str) -> Self {
        Self::new(text.as_bytes(), false)
    }
}

/// Iterator over the characters of a [`Str`], escapes undone.
#[derive(Clone, Debug)]
pub struct Chars<'t> {
    rest: &'t str,
    /// Whether a backslash begins an escape.
    escaped: bool,
}

impl<'t> Chars<'t> {
    /// What is not read yet, escapes and all.
    #[must_use]
    pub const fn rest(&self) -> &'t str {
        self.rest
    }

    /// The `\u` escape's four digits, after the `\u` was taken.
    fn hex4(&mut self) -> u32 {
        let (digits, rest) = self.rest.split_at_checked(4).unwrap_or((self.rest, ""));
        self.rest = rest;
        u32::from_str_radix(digits, 16).unwrap_or(0)
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    #[inline]
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next()?;
        self.rest = chars.as_str();
        if first != '\\' || !self.escaped {
            return Some(first);
        }
        let kind = chars.next()?;
        self.rest = chars.as_str();
        Some(match kind {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let mut code = self.hex4();
                if (0xd800..0xdc00).contains(&code) {
                    self.rest = self.rest.get(2..).unwrap_or("");
                    let low = self.hex4();
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low & 0x3ff);
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> std::string::String {
        Str::new(raw.as_bytes(), true).chars().collect()
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(decoded(r#"a\n\t\"\\\/\b\f\r"#), "a\n\t\"\\/\u{8}\u{c}\r");
        assert_eq!(decoded(r"\u0041\u00e9\ud83d\ude00z"), "A\u{e9}\u{1f600}z");
    }

    #[test]
    fn digests_are_equal_for_equal_short_texts_only() {
        let texts: std::vec::Vec<_> = (0..40)
            .flat_map(|n| ["x".repeat(n), "x".repeat(n) + "y", ["y", &"x".repeat(n)].concat()])
            .collect();
        for a in &texts {
            let spelt: std::string::String =
                a.bytes().map(|b| std::format!("\\u{b:04x}")).collect();
            assert_eq!(Str::new(spelt.as_bytes(), true).digest(), Digest::of(a.as_bytes()), "{a}");
            for b in texts.iter().filter(|_| a.len() <= Digest::WHOLE as usize) {
                assert_eq!(Digest::of(a.as_bytes()) == Digest::of(b.as_bytes()), a == b, "{a} {b}");
            }
        }
    }

    #[test]
    fn lengths_count_characters() {
        for raw in [r"\u00e9\n\ud83d\ude00\uD83D\uDE00\uabcd", "\u{e9}x\u{1f600}", r"\\u0041", ""] {
            let text = Str::new(raw.as_bytes(), true);
            assert_eq!(text.length(), text.chars().count(), "{raw}");
        }
        let long = "\u{e9}x".repeat(300);
        assert_eq!(Str::from(&*long).length(), 600);
    }

    #[test]
    fn text_without_escapes_stays() {
        assert!(Str::new(br"C:\new", false).chars().eq(r"C:\new".chars()));
    }

    #[test]
    fn a_name_equals_its_escaped_spelling() {
        let plain = Str::new(b"force", false);
        let escaped = Str::new(br"\u0066orce", true);
        assert!(escaped.is(b"force"));
        assert_eq!(plain.digest(), escaped.digest());
        assert_eq!(plain.cmp_bytes(escaped), Ordering::Equal);
        assert_eq!(escaped.cmp_bytes(Str::new(b"forcf", false)), Ordering::Less);
    }
}
