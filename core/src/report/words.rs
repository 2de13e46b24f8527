//! The phrases of a report.

use core::fmt::{self, Write};

use crate::json::{Kind, Str, Value};
use crate::schema::Keyword;

/// What a text is made of, as far as showing it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Visible ASCII that a JSON string need not escape.
    #[default]
    Plain,
    /// Visible ASCII, quotes or backslashes among it.
    Quoted,
    /// Anything else.
    Odd,
}

impl Look {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let rest = match bytes.last_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().fold(SPACES, |word, &byte| word << 8 | u64::from(byte)),
        };
        let (mut odd, mut quoted) = (odd_bytes(rest), quoted_bytes(rest));
        for word in words {
            odd |= odd_bytes(u64::from_le_bytes(*word));
            quoted |= quoted_bytes(u64::from_le_bytes(*word));
        }
        match (odd, quoted) {
            (0, 0) => Self::Plain,
            (0, _) => Self::Quoted,
            _ => Self::Odd,
        }
    }
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;
const SPACES: u64 = ONES * b' ' as u64;

/// Not zero when a byte of `word` is a control character or none of ASCII.
const fn odd_bytes(word: u64) -> u64 {
    // The classic less-than test; one more than DEL, and every byte above it, has the high bit.
    ((word.wrapping_sub(SPACES) & !word) | word.wrapping_add(ONES) | word) & HIGH
}

/// Not zero when a byte of `word` is a quote or a backslash.
const fn quoted_bytes(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    ((quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash)) & HIGH
}

/// Text of a model or a server, safe to show: at most `most` bytes, and nothing that moves the cursor,
/// hides or reorders text (categories Cc and Cf, and the tag characters).
#[derive(Clone, Copy)]
pub(super) struct Shown<'t> {
    text: Str<'t>,
    most: usize,
    pub(super) look: Look,
}

impl<'t> Shown<'t> {
    pub(super) fn new(text: Str<'t>, most: usize) -> Self {
        let whole = !text.is_escaped() && text.raw().len() <= most;
        Self { text, most, look: if whole { Look::of(text.raw()) } else { Look::Odd } }
    }

    /// Text whose look is plain.
    pub(super) fn plain(text: &'t [u8], most: usize) -> Self {
        let look = if text.len() <= most { Look::Plain } else { Look::Odd };
        Self { text: Str::new(text, false), most, look }
    }

    /// The text, when it is shown as it is written.
    pub(super) fn as_written(self) -> Option<&'t [u8]> {
        (self.look != Look::Odd).then_some(self.text.raw())
    }

    /// Whether what is shown is all of the text, as it is.
    pub(super) fn is_whole(self) -> bool {
        self.look != Look::Odd
            || !self.text.is_escaped()
                && self.text.raw().len() <= self.most
                && !self.text.chars().any(is_hidden)
    }

    /// Writes what is shown.
    pub(super) fn write(self, out: &mut impl Write) -> fmt::Result {
        let mut room = self.most;
        if let Some(text) = self.text.as_plain()
            && text.len() <= room
            && !text.chars().any(is_hidden)
        {
            return out.write_str(text);
        }
        for c in self.text.chars() {
            let c = if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
            let Some(left) = room.checked_sub(c.len_utf8()) else { return out.write_char('…') };
            out.write_char(c)?;
            room = left;
        }
        Ok(())
    }
}

/// A name, cut at 64 bytes.
pub(super) fn shown(text: Str<'_>) -> Shown<'_> {
    Shown::new(text, 64)
}

/// A name without escapes, cut at 64 bytes.
pub(super) fn shown_name(text: &[u8]) -> Shown<'_> {
    shown(Str::new(text, false))
}

/// A value of the schema document as it is spelt there, cut at `most` bytes.
pub(super) fn spelt(value: Value<'_>, most: usize) -> Shown<'_> {
    Shown::new(Str::new(value.raw(), false), most)
}

/// How a message calls the value that it is about: `amount`, `items[2]`, `this value`.
#[derive(Clone, Copy)]
pub(super) enum Name<'t> {
    Member(Shown<'t>),
    Element { array: Shown<'t>, position: &'t [u8] },
    This,
    Root,
}

impl<'t> Name<'t> {
    /// The last reference token of `pointer`, or the last two for an element of an array.
    pub(super) fn new(pointer: &'t [u8], look: Look, element: bool) -> Self {
        let Some((before, last)) = rsplit(pointer) else { return Self::Root };
        let shown = |name| match look {
            Look::Plain => Shown::plain(name, 64),
            _ => shown_name(name),
        };
        if !element {
            return Self::Member(shown(last));
        }
        match rsplit(before).map_or(before, |(_, token)| token) {
            [] => Self::This,
            array => Self::Element { array: shown(array), position: last },
        }
    }
}

/// What stands before and after the last slash.
fn rsplit(pointer: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(b'/', pointer)?;
    Some((pointer.get(..at)?, pointer.get(at + 1..)?))
}

fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The type of a value, with its article.
pub(super) const fn a_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::False | Kind::True => "a boolean",
        Kind::Number => "a number",
        Kind::String | Kind::Key => "a string",
        Kind::Array => "an array",
        Kind::Object => "an object",
    }
}

/// The type of a value, as JSON Schema calls it.
pub(super) const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::False | Kind::True => "boolean",
        Kind::Number => "number",
        Kind::String | Kind::Key => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

/// A phrase before and after its gap; without a gap there is nothing after it.
type Phrase = (&'static str, Option<&'static str>);

const fn gap(before: &'static str, after: &'static str) -> Phrase {
    (before, Some(after))
}

const fn whole(phrase: &'static str) -> Phrase {
    (phrase, None)
}

/// What a value must be that breaks a rule on its size or shape, and what to send instead. In the gap
/// stands the limit in the schema.
pub(super) const fn rule_words(keyword: Keyword) -> (Phrase, Phrase) {
    match keyword {
        Keyword::Minimum => (gap("a number of at least ", ""), gap("Send ", " or more.")),
        Keyword::Maximum => (gap("a number of at most ", ""), gap("Send ", " or less.")),
        Keyword::ExclusiveMinimum => (gap("a number above ", ""), gap("Send more than ", ".")),
        Keyword::ExclusiveMaximum => (gap("a number below ", ""), gap("Send less than ", ".")),
        Keyword::MultipleOf => (gap("a multiple of ", ""), gap("Send a multiple of ", ".")),
        Keyword::MinLength => {
            (gap("a string with a length of at least ", ""), gap("Lengthen it to ", " or more."))
        }
        Keyword::MaxLength => {
            (gap("a string with a length of at most ", ""), gap("Shorten it to ", " or less."))
        }
        Keyword::Pattern => {
            (gap("a string that matches the pattern ", ""), gap("Send text that matches ", "."))
        }
        Keyword::Format => {
            (gap("a string in the format ", ""), gap("Send text in the format ", "."))
        }
        Keyword::ContentEncoding => {
            (whole("a string in base64"), whole("Send the content in base64."))
        }
        Keyword::ContentMediaType => {
            (whole("a string that holds JSON"), whole("Send a JSON text."))
        }
        Keyword::MinItems => {
            (gap("an array with a length of at least ", ""), gap("Send ", " or more elements."))
        }
        Keyword::MaxItems => {
            (gap("an array with a length of at most ", ""), gap("Send ", " or fewer elements."))
        }
        Keyword::UniqueItems => (
            whole("an array without equal elements"),
            whole("Remove the elements that occur twice."),
        ),
        Keyword::Contains => {
            (gap("an array with an element that fits ", ""), gap("Add an element that fits ", "."))
        }
        Keyword::MinContains => (
            gap("an array with at least ", " elements of the kind that contains describes"),
            whole("Add such elements."),
        ),
        Keyword::MaxContains => (
            gap("an array with at most ", " elements of the kind that contains describes"),
            whole("Remove such elements."),
        ),
        Keyword::MinProperties => (
            gap("an object with a member count of at least ", ""),
            gap("Send ", " or more members."),
        ),
        Keyword::MaxProperties => (
            gap("an object with a member count of at most ", ""),
            gap("Send ", " or fewer members."),
        ),
        Keyword::UnevaluatedItems => {
            (whole("an array without further elements"), whole("Remove the last elements."))
        }
        Keyword::Not => (gap("something that does not fit ", ""), whole("Send another value.")),
        _ => (whole("left out"), whole("Leave it out.")),
    }
}

/// Text of a format, for who does not know its name.
pub(super) fn format_example(format: Str<'_>) -> Option<&'static str> {
    const EXAMPLES: [(&str, &str); 12] = [
        ("date", "2026-01-31"),
        ("date-time", "2026-01-31T09:30:00Z"),
        ("duration", "PT1H30M"),
        ("email", "name@example.com"),
        ("hostname", "www.example.com"),
        ("ipv4", "192.0.2.1"),
        ("ipv6", "2001:db8::1"),
        ("json-pointer", "/a/0"),
        ("regex", "^[a-z]+$"),
        ("time", "09:30:00Z"),
        ("uri", "https://example.com/a"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
    ];
    EXAMPLES.iter().find(|(name, _)| format.is(name.as_bytes())).map(|&(_, example)| example)
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    fn expected(bytes: &[u8]) -> Look {
        let look = |&byte: &u8| match byte {
            b'"' | b'\\' => Look::Quoted,
            0x20..0x7f => Look::Plain,
            _ => Look::Odd,
        };
        bytes.iter().map(look).max().unwrap_or_default()
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=255 {
            for len in 1..20 {
                for at in 0..len {
                    let mut bytes = std::vec![b'a'; len];
                    bytes[at] = byte;
                    assert_eq!(Look::of(&bytes), expected(&bytes), "{bytes:?}");
                }
            }
        }
        assert_eq!(Look::of(b""), Look::Plain);
    }

    proptest! {
        #[test]
        fn looks(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[ -~]{0,40}") {
            prop_assert_eq!(Look::of(&bytes), expected(&bytes));
            prop_assert_eq!(Look::of(text.as_bytes()), expected(text.as_bytes()));
        }

        /// What is shown as it is written is what the slow way writes.
        #[test]
        fn shown_as_written(text in "[ -~]{0,90}", most in 0_usize..90) {
            let shown = Shown::new(text.as_str().into(), most);
            let mut slow = String::new();
            shown.write(&mut slow).unwrap();
            if let Some(bytes) = shown.as_written() {
                prop_assert_eq!(bytes, slow.as_bytes());
            }
        }
    }

    #[test]
    fn names_of_values() {
        assert!(matches!(Name::new(b"", Look::of(b""), false), Name::Root));
        assert!(matches!(Name::new(b"/0", Look::of(b"/0"), true), Name::This));
        assert!(matches!(Name::new(b"//0", Look::of(b"//0"), true), Name::This));
        assert!(
            matches!(Name::new(b"/a/b", Look::of(b"/a/b"), false), Name::Member(n) if n.as_written() == Some(b"b"))
        );
        assert!(matches!(
            Name::new(b"/a/12", Look::of(b"/a/12"), true),
            Name::Element { array, position: b"12" } if array.as_written() == Some(b"a")
        ));
    }
}
