//! RFC 6901 pointers to nodes and to byte offsets.

use core::fmt::{self, Write};

use super::{Document, Kind, Str};
#[cfg(feature = "alloc")]
use crate::buf::{Buf, Full};

/// Writes the JSON pointer of the value or key at node `index` (RFC 6901, section 3); the empty
/// string for the root. A key's pointer is that of its value.
///
/// # Errors
/// When `out` refuses.
pub fn write_pointer(doc: Document<'_>, index: u32, out: &mut impl Write) -> fmt::Result {
    write_pointer_below(doc, 0, index, out)
}

/// Writes the pointer from the value at node `root` to the value or key below it at node `index`.
///
/// # Errors
/// When `out` refuses.
pub(crate) fn write_pointer_below(
    doc: Document<'_>,
    root: u32,
    index: u32,
    out: &mut impl Write,
) -> fmt::Result {
    let mut at = root;
    while at < index {
        // `at` is a container and an ancestor of the target: find the child that holds it.
        let node = doc.node(at);
        let mut child = at + 1;
        let mut position = 0_u32;
        loop {
            let value = if node.kind() == Kind::Object { child + 1 } else { child };
            let after = doc.after(value);
            if index < after {
                out.write_char('/')?;
                if node.kind() == Kind::Object {
                    write_token(doc.text(child).chars(), out)?;
                } else {
                    write!(out, "{position}")?;
                }
                at = value;
                break;
            }
            if after >= node.link {
                return Ok(());
            }
            child = after;
            position += 1;
        }
    }
    Ok(())
}

/// Writes the pointer of the innermost value that is still open at byte `offset` of `bytes`, which are
/// valid JSON up to there. The name of a member counts from its opening quote on, unless the fault is in
/// the name itself: what stands behind it may be a value by then.
///
/// # Errors
/// When `out` refuses, or when the containers are nested more than 132 deep.
pub fn write_pointer_at(bytes: &[u8], offset: usize, out: &mut impl Write) -> fmt::Result {
    /// An open container: its last key (start and end of the text), or the position in the array.
    #[derive(Clone, Copy)]
    enum Step {
        Start,
        Key(usize, usize),
        Item(u32),
    }
    let mut steps = [Step::Start; 132];
    let mut depth = 0;
    let mut at = 0;
    // Whether a string that begins here would be a member name.
    let mut naming = false;
    while let Some(&byte) = bytes.get(at).filter(|_| at <= offset) {
        match byte {
            b'{' | b'[' if at < offset => {
                naming = byte == b'{';
                *steps.get_mut(depth).ok_or(fmt::Error)? =
                    if naming { Step::Start } else { Step::Item(0) };
                depth += 1;
            }
            b'}' | b']' if at < offset => {
                depth = depth.saturating_sub(1);
                naming = false;
            }
            b',' if at < offset => match depth.checked_sub(1).and_then(|d| steps.get_mut(d)) {
                Some(Step::Item(position)) => *position += 1,
                _ => naming = true,
            },
            b'"' => {
                let start = at + 1;
                at = end_of_string(bytes, start);
                let whole = bytes.get(at) == Some(&b'"') && !(start..=at).contains(&offset);
                if naming && let Some(step) = depth.checked_sub(1).and_then(|d| steps.get_mut(d)) {
                    *step = if whole { Step::Key(start, at) } else { Step::Start };
                    naming = false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    for step in steps.iter().take(depth) {
        match *step {
            Step::Start => {}
            Step::Key(start, end) => {
                out.write_char('/')?;
                let end = end.min(bytes.len());
                let name = Str::new(bytes.get(start..end).unwrap_or(&[]), true);
                write_token(name.chars(), out)?;
            }
            Step::Item(position) => write!(out, "/{position}")?,
        }
    }
    Ok(())
}

/// The offset of the quote that closes the string whose text begins at `at`; past the input when none does.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next;
        if bytes.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    at.max(bytes.len())
}

/// One reference token: `~` and `/` escaped.
///
/// # Errors
/// When `out` refuses.
pub(crate) fn write_token(
    mut name: impl Iterator<Item = char>,
    out: &mut impl Write,
) -> fmt::Result {
    name.try_for_each(|c| match c {
        '~' => out.write_str("~0"),
        '/' => out.write_str("~1"),
        c => out.write_char(c),
    })
}

/// The reference token of `name`, when nothing in it is escaped.
#[cfg(feature = "alloc")]
fn plain_token(name: Str<'_>) -> Option<&[u8]> {
    let special = |&byte: &u8| matches!(byte, b'~' | b'/');
    (!name.is_escaped() && !name.raw().iter().any(special)).then_some(name.raw())
}

/// A whole number in decimal digits.
#[cfg(feature = "alloc")]
pub(crate) struct Decimal {
    digits: [u8; 20],
    start: usize,
}

#[cfg(feature = "alloc")]
impl Decimal {
    pub(crate) fn new(mut number: u64) -> Self {
        let mut decimal = Self { digits: [b'0'; 20], start: 20 };
        for slot in decimal.digits.iter_mut().rev() {
            *slot = b'0' + (number % 10) as u8;
            decimal.start -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        decimal
    }

    pub(crate) fn digits(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or(&[])
    }
}

/// Calls `found` with the pointer of each of `targets`, which are node indexes in ascending order: one
/// walk over the document for all of them. The pointer of a key is that of its value.
///
/// # Errors
/// When `path`, the memory for one pointer, is full.
#[cfg(feature = "alloc")]
pub(crate) fn each_pointer(
    doc: Document<'_>,
    targets: impl Iterator<Item = u32>,
    path: &mut Buf<'_, u8>,
    mut found: impl FnMut(u32, &[u8]),
) -> fmt::Result {
    path.clear();
    visit(doc, 0, &mut targets.peekable(), path, &mut found)
}

#[cfg(feature = "alloc")]
fn visit(
    doc: Document<'_>,
    index: u32,
    targets: &mut core::iter::Peekable<impl Iterator<Item = u32>>,
    path: &mut Buf<'_, u8>,
    found: &mut impl FnMut(u32, &[u8]),
) -> fmt::Result {
    while targets.next_if_eq(&index).is_some() {
        found(index, path);
    }
    let node = doc.node(index);
    let object = node.kind() == Kind::Object;
    if !object && node.kind() != Kind::Array {
        return Ok(());
    }
    let mut child = index + 1;
    let mut position = 0_u32;
    while let Some(&next) = targets.peek() {
        // The child that holds the next target.
        let value = loop {
            if child >= node.link {
                return Ok(());
            }
            let value = child + u32::from(object);
            let after = doc.after(value);
            if next < after {
                break value;
            }
            child = after;
            position += 1;
        };
        let length = path.len();
        path.write_char('/')?;
        if object {
            push_token(doc.text(child), path)?;
            while targets.next_if_eq(&child).is_some() {
                found(child, path);
            }
        } else {
            path.extend(Decimal::new(u64::from(position)).digits()).map_err(|Full| fmt::Error)?;
        }
        visit(doc, value, targets, path, found)?;
        path.truncate(length);
        child = doc.after(value);
        position += 1;
    }
    Ok(())
}

#[cfg(feature = "alloc")]
fn push_token(name: Str<'_>, path: &mut Buf<'_, u8>) -> fmt::Result {
    match plain_token(name) {
        Some(token) => path.extend(token).map_err(|Full| fmt::Error),
        None => write_token(name.chars(), path),
    }
}
