//! The phrases of a report.

use core::fmt::{self, Write};

use crate::json::{Kind, Str, Value};
use crate::schema::Types;

/// Text of a model or a server, safe to show: at most `most` bytes, and nothing that moves the cursor,
/// hides or reorders text (categories Cc and Cf, and the tag characters).
#[derive(Clone, Copy)]
pub(super) struct Shown<'t> {
    pub(super) text: Str<'t>,
    pub(super) most: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |byte: &u8| matches!(byte, 0x20..0x7f);
        if let Some(text) = self.text.as_plain()
            && text.len() <= self.most
            && text.as_bytes().iter().all(plain)
        {
            return f.write_str(text);
        }
        let mut room = self.most;
        for c in self.text.chars() {
            let c = if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
            let Some(left) = room.checked_sub(c.len_utf8()) else { return f.write_char('…') };
            f.write_char(c)?;
            room = left;
        }
        Ok(())
    }
}

/// A name, cut at 64 bytes.
pub(super) const fn shown(text: Str<'_>) -> Shown<'_> {
    Shown { text, most: 64 }
}

/// A name without escapes, cut at 64 bytes.
pub(super) const fn shown_name(text: &str) -> Shown<'_> {
    shown(Str::new(text.as_bytes(), false))
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

/// Types in words: `integer`, or with articles `an integer or null`.
#[derive(Clone, Copy)]
pub(super) struct TypeList {
    pub(super) types: Types,
    pub(super) articles: bool,
}

impl fmt::Display for TypeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.types == Types::ANY {
            return f.write_str(if self.articles { "any value" } else { "any" });
        }
        let mut first = true;
        for (bit, name) in Types::NAMED {
            if !self.types.meets(bit) {
                continue;
            }
            if !first {
                f.write_str(" or ")?;
            }
            if self.articles {
                f.write_str(match name {
                    "integer" | "array" | "object" => "an ",
                    "null" => "",
                    _ => "a ",
                })?;
            }
            f.write_str(name)?;
            first = false;
        }
        if first { f.write_str("nothing") } else { Ok(()) }
    }
}

/// A value of the schema document as it is spelt there, cut at `most` bytes.
pub(super) fn spelt(value: Value<'_>, most: usize) -> Shown<'_> {
    Shown { text: Str::new(value.raw(), false), most }
}

/// The members of an `enum`, at most 20 of them and about 300 characters.
pub(super) struct Choices<'t>(pub(super) Value<'t>);

impl fmt::Display for Choices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = 0;
        let mut left = self.0.len();
        for choice in self.0.elements().take(20) {
            if written > 300 {
                break;
            }
            if written > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", spelt(choice, 60))?;
            written += choice.raw().len().min(60) + 2;
            left -= 1;
        }
        if left > 0 { write!(f, " and {left} more") } else { Ok(()) }
    }
}
