//! The values of a Kubernetes Secret, whatever their keys are: `kind: Secret` with `data` or `stringData`.
//!
//! The kind is the anchor; the entries stand before it, as `kubectl get` prints them, or behind. Worst case: a
//! look at 1 KiB before it and 2 KiB behind.

use super::TypeId;
use super::bytes::{Set, before, byte, run, run_back, skip_blank, slice};
use super::place::place;
use super::scan::Scan;
use super::value::{holds_mask, is_placeholder};
use crate::buf::Full;

/// How far before its kind an entry may begin.
const BEFORE: usize = 1024;
/// How far behind it an entry may end.
const BEHIND: usize = 2048;

const BLANK: Set = Set::new(b" ");

impl Scan<'_, '_, '_> {
    /// Looks at the kind at `at`, whose name begins at `name`.
    #[cold]
    pub(super) fn kind(&mut self, name: usize, at: usize) -> Result<(), Full> {
        let text = slice(self.text, 0, at + BEHIND);
        let place = place(text, at, true);
        if slice(text, place.start, place.end(slice(text, 0, at + 16))) != b"Secret"
            || !self.types.contains(TypeId::SECRET)
        {
            return Ok(());
        }
        if before(text, name) == b'"' {
            return self.object(text, at);
        }
        let line = run_back(text, name, BLANK, 32);
        if !matches!(before(text, line), b'\n' | 0) {
            return Ok(());
        }
        let indent = name - line;
        let mut start = at.saturating_sub(BEFORE);
        let head = slice(text, start, line);
        if let Some(i) = memchr::memmem::rfind(head, b"---\n") {
            start += i + 4;
        } else if start > 0 {
            start += memchr::memchr(b'\n', head).map_or(head.len(), |i| i + 1);
        }
        let mut within = false;
        while start < text.len() {
            let Some(len) = memchr::memchr(b'\n', slice(text, start, text.len())) else {
                // The last line of the text, not of what is looked at.
                return if within && text.len() == self.text.len() {
                    self.entry(text, start, text.len())
                } else {
                    Ok(())
                };
            };
            let (end, from) = (start + len, run(text, start, BLANK));
            let field = slice(text, from, end).trim_ascii_end();
            match (from - start).cmp(&indent) {
                _ if field.is_empty() => {}
                core::cmp::Ordering::Greater if within => self.entry(text, from, end)?,
                core::cmp::Ordering::Greater => {}
                core::cmp::Ordering::Equal => {
                    if field.starts_with(b"---") {
                        return Ok(());
                    }
                    within = matches!(field, b"data:" | b"stringData:");
                }
                core::cmp::Ordering::Less if start > at => return Ok(()),
                core::cmp::Ordering::Less => within = false,
            }
            start = end + 1;
        }
        Ok(())
    }

    /// Masks the value of the entry, or of a block the line, that is `start..end`.
    fn entry(&mut self, text: &[u8], start: usize, end: usize) -> Result<(), Full> {
        const KEY: Set = Set::new(b"0-9A-Za-z_.\"'-");
        let key = run(text, start, KEY);
        let is_entry =
            byte(text, key) == b':' && matches!(byte(text, key + 1), b' ' | b'\r' | b'\n');
        let from = if is_entry { skip_blank(text, key + 1) } else { start };
        let line = slice(text, from, end).trim_ascii_end();
        let quoted = matches!(line, [b'"', .., b'"'] | [b'\'', .., b'\'']);
        let (from, to) = match quoted {
            true => (from + 1, from + line.len() - 1),
            false => (from, from + line.len()),
        };
        self.sealed(text, from, to)
    }

    /// Looks for the entries around the kind at `at` in JSON.
    fn object(&mut self, text: &[u8], at: usize) -> Result<(), Full> {
        const SPACE: Set = Set::new(b" \t\r\n");
        let from = at.saturating_sub(BEFORE);
        for name in [&b"\"data\""[..], b"\"stringData\""] {
            let near = slice(text, from, text.len());
            let Some(i) = memchr::memmem::find(near, name) else { continue };
            let mut next = run(text, from + i + name.len(), SPACE);
            if byte(text, next) != b':' {
                continue;
            }
            next = run(text, next + 1, SPACE);
            if byte(text, next) != b'{' {
                continue;
            }
            loop {
                let key = place(text, run(text, next + 1, SPACE), true);
                if key.quote != b'"' {
                    break;
                }
                let colon = run(text, key.end(text) + 1, SPACE);
                let value = place(text, run(text, colon + 1, SPACE), true);
                let end = value.end(text);
                if byte(text, colon) != b':' || value.quote != b'"' || byte(text, end) != b'"' {
                    break;
                }
                self.sealed(text, value.start, end)?;
                next = run(text, end + 1, SPACE);
                if byte(text, next) != b',' {
                    break;
                }
            }
        }
        Ok(())
    }

    fn sealed(&mut self, text: &[u8], start: usize, end: usize) -> Result<(), Full> {
        let value = slice(text, start, end);
        let block = matches!(byte(value, 0), b'|' | b'>') && value.len() <= 3;
        if value.len() < 4 || block || is_placeholder(value) || holds_mask(value) {
            return Ok(());
        }
        self.push(TypeId::SECRET, start, end)
    }
}
