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
        if self.escaped {
            return self.chars().count();
        }
        // Every character has one byte that does not continue another.
        self.raw.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
    }

    /// Whether the text, escapes undone, equals `name`.
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

    /// Four bytes that differ for most different names: the length, the first two bytes and the last.
    /// A filter before a comparison, never instead of one.
    #[inline]
    pub(crate) fn fingerprint(self) -> u32 {
        if !self.escaped {
            return fingerprint(self.raw);
        }
        let mut head = [0_u8; 2];
        let (mut last, mut len) = (0, 0_usize);
        for byte in self.bytes() {
            if let Some(slot) = head.get_mut(len) {
                *slot = byte;
            }
            last = byte;
            len += 1;
        }
        mix(len, head, last)
    }
}

/// Text that holds no escape.
impl<'t> From<&'t str> for Str<'t> {
    fn from(text: &'t str) -> Self {
        Self::new(text.as_bytes(), false)
    }
}

/// The fingerprint of a name that holds no escapes.
#[inline]
pub(crate) fn fingerprint(name: &[u8]) -> u32 {
    let head = [name.first().copied().unwrap_or(0), name.get(1).copied().unwrap_or(0)];
    mix(name.len(), head, name.last().copied().unwrap_or(0))
}

#[inline]
fn mix(len: usize, [first, second]: [u8; 2], last: u8) -> u32 {
    u32::from_le_bytes([len.min(255) as u8, first, second, last])
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
    fn text_without_escapes_stays() {
        assert!(Str::new(br"C:\new", false).chars().eq(r"C:\new".chars()));
    }

    #[test]
    fn a_name_equals_its_escaped_spelling() {
        let plain = Str::new(b"force", false);
        let escaped = Str::new(br"\u0066orce", true);
        assert!(escaped.is(b"force"));
        assert_eq!(plain.fingerprint(), escaped.fingerprint());
        assert_eq!(plain.cmp_bytes(escaped), Ordering::Equal);
        assert_eq!(escaped.cmp_bytes(Str::new(b"forcf", false)), Ordering::Less);
    }
}
