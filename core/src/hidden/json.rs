//! Hidden text in the strings of a document, however they are spelt.
//!
//! Members' names are not stripped: two could become one. What hides in them is written out instead, as
//! `<U+200B>`.

use core::fmt::Write;

use super::class::{is_candidate, is_sign};
use super::{Found, Hiding, Kinds, Span, find, may_hide};
use crate::buf::{Buf, Full};
use crate::json::{Document, Kind, Str, write_escaped};

/// Whether the strings of a document could hide anything, spelt as it is or as an escape. Of text beyond
/// ASCII the characters are looked at, so that most of it need not be parsed for this.
pub(crate) fn may_hide_in_json(text: &[u8]) -> bool {
    const BLOCK: usize = 64;
    // A backslash and `b`, `f` or `u`, which is more than what hides.
    let spelt = |block: &[u8], next: &[u8]| {
        block.iter().zip(next).fold(false, |any, (&one, &other)| {
            any | (one == b'\\') & ((other == b'u') | (other == b'b') | (other == b'f'))
        })
    };
    may_hide(text) && has_candidate(text) || {
        let (ones, others) = (text, text.get(1..).unwrap_or(&[]));
        ones.chunks(BLOCK).zip(others.chunks(BLOCK)).any(|(one, other)| spelt(one, other))
    }
}

/// Whether there is a character that hides in some place.
fn has_candidate(text: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(text) else { return true };
    let mut at = 0;
    while let Some(rest) = text.as_bytes().get(at..)
        && let Some(more) = rest.iter().position(|&byte| is_sign(byte))
    {
        at = at.saturating_add(more);
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { return true };
        if is_candidate(c) {
            return true;
        }
        at = at.saturating_add(c.len_utf8());
    }
    false
}

/// What to do with the strings of a document.
pub(crate) struct Cleaning<'a, 'm> {
    /// What becomes of hidden text.
    pub(crate) hiding: Hiding,
    /// A string, escapes undone.
    pub(crate) text: &'a mut Buf<'m, u8>,
    /// What was found.
    pub(crate) found: &'a mut Found,
}

/// Appends `doc` to `out` without the hidden text that is stripped, and counts all that is there. Answers
/// whether something is stripped; else nothing is appended.
///
/// # Errors
/// [`Full`] when a buffer is used up.
pub(crate) fn in_json(
    doc: Document<'_>,
    cleaning: Cleaning<'_, '_>,
    out: &mut Buf<'_, u8>,
) -> Result<bool, Full> {
    let Cleaning { hiding, text: decoded, found } = cleaning;
    let bytes = doc.bytes();
    let mut copied = 0;
    for index in 0..doc.len() {
        let node = doc.node(index);
        let is_key = node.kind() == Kind::Key;
        if !(is_key || node.kind() == Kind::String) {
            continue;
        }
        let text = doc.text(index);
        if !text.is_escaped() && !may_hide(text.raw()) {
            continue;
        }
        let plain = plain(text, decoded)?;
        let mut strips = false;
        for span in find(plain, Kinds::ALL) {
            found.add(span.kind);
            strips |= hiding.strip.contains(span.kind);
        }
        if !strips {
            continue;
        }
        let (start, end) = (node.start as usize, node.end as usize);
        out.extend(bytes.get(copied..start).unwrap_or(&[]))?;
        write(plain, hiding.strip, is_key, out)?;
        copied = end;
    }
    if copied > 0 {
        out.extend(bytes.get(copied..).unwrap_or(&[]))?;
    }
    Ok(copied > 0)
}

/// The text of a string, in `decoded` when it has escapes.
pub(crate) fn plain<'a>(text: Str<'a>, decoded: &'a mut Buf<'_, u8>) -> Result<&'a str, Full> {
    if let Some(plain) = text.as_plain() {
        return Ok(plain);
    }
    decoded.clear();
    text.decode(decoded)?;
    core::str::from_utf8(decoded).map_err(|_| Full)
}

/// Appends `text` as a string literal, hidden text left out or, in a name, written out.
pub(crate) fn write(
    text: &str,
    strip: Kinds,
    is_name: bool,
    out: &mut Buf<'_, u8>,
) -> Result<(), Full> {
    let part = |from, to| text.get(from..to).unwrap_or("");
    out.push(b'"')?;
    let mut copied = 0;
    for Span { start, end, .. } in find(text, strip) {
        write_escaped(part(copied, start), out).map_err(|_| Full)?;
        if is_name {
            for c in part(start, end).chars() {
                write!(out, "<U+{:04X}>", u32::from(c)).map_err(|_| Full)?;
            }
        }
        copied = end;
    }
    write_escaped(part(copied, text.len()), out).map_err(|_| Full)?;
    out.push(b'"')
}
