//! One spelling for each JSON value (RFC 8785, but for the digits of numbers).
//!
//! Recursion is as deep as the parser has let the document be.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt::{self, Write};

use crate::json::{Kind, Str, Value, write_escaped};

/// An object of these members, which are sorted by name; none when it is longer than `most` bytes.
pub(super) fn object<'v>(
    members: impl Iterator<Item = (&'static str, Value<'v>)>,
    most: usize,
) -> Option<Vec<u8>> {
    let mut out = Sink { bytes: Vec::new(), most };
    write_members(members.map(|(name, value)| (Str::from(name), value)), &mut out).ok()?;
    Some(out.bytes)
}

/// Takes no more than `most` bytes.
struct Sink {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.most.saturating_sub(self.bytes.len()) < text.len() {
            return Err(fmt::Error);
        }
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn write(value: Value<'_>, out: &mut Sink) -> fmt::Result {
    match value.kind() {
        Kind::Object => {
            let mut members: Vec<_> = value.members().collect();
            members.sort_by(|(one, _), (other, _)| by_units(*one, *other));
            write_members(members.into_iter(), out)
        }
        Kind::Array => {
            out.write_char('[')?;
            for (index, element) in value.elements().enumerate() {
                if index > 0 {
                    out.write_char(',')?;
                }
                write(element, out)?;
            }
            out.write_char(']')
        }
        Kind::String => value.as_str().map_or(Ok(()), |text| write_text(text, out)),
        Kind::Number => value.as_number().map_or(Ok(()), |number| number.write_canonical(out)),
        // Words have one spelling.
        Kind::True => out.write_str("true"),
        Kind::False => out.write_str("false"),
        Kind::Null | Kind::Key => out.write_str("null"),
    }
}

fn write_members<'v>(
    members: impl Iterator<Item = (Str<'v>, Value<'v>)>,
    out: &mut Sink,
) -> fmt::Result {
    out.write_char('{')?;
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        write_text(name, out)?;
        out.write_char(':')?;
        write(value, out)?;
    }
    out.write_char('}')
}

fn write_text(text: Str<'_>, out: &mut Sink) -> fmt::Result {
    out.write_char('"')?;
    match text.as_plain() {
        Some(plain) => write_escaped(plain, out)?,
        None => {
            let mut utf8 = [0; 4];
            text.chars().try_for_each(|c| write_escaped(c.encode_utf8(&mut utf8), out))?;
        }
    }
    out.write_char('"')
}

/// The order of RFC 8785, section 3.2.3: characters beyond the first plane begin with a surrogate, and
/// stand before those from U+E000 on.
fn by_units(one: Str<'_>, other: Str<'_>) -> Ordering {
    let weight = |c: char| match u32::from(c) {
        code @ 0xe000..=0xffff => code.saturating_add(0x20_0000),
        code => code,
    };
    one.chars().map(weight).cmp(other.chars().map(weight))
}
