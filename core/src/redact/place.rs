//! Where a value stands that a name leads to: its quotes, and its end.
//!
//! Quotes are honoured at any depth of escaping; a value without them ends at a blank, or at a sign that parts
//! fields where those are parted by signs. Worst case: linear in the value.

use super::bytes::{Set, byte, looked_at, run, run_back, skip_blank, slice, trimmed_end};
use super::value::{holds_mask, is_joined_left, is_joined_right};

/// A value as it stands in the text.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) start: usize,
    /// The quote around it, or NUL.
    pub(super) quote: u8,
    /// How many backslashes stand before that quote.
    pub(super) level: usize,
    /// Unquoted, it ends at the signs that part fields too.
    pub(super) inline: bool,
    /// Between the name and the value is nothing but `=`.
    pub(super) tight: bool,
    /// It is one of several settings that semicolons part.
    pub(super) listed: bool,
}

impl Place {
    /// Where the value ends in `text`, which may be cut short.
    pub(super) fn end(self, text: &[u8]) -> usize {
        if self.quote != 0 { self.closing(text) } else { self.bare_end(text) }
    }

    /// The offset of the closing quote, or of the line's end where it has none.
    fn closing(self, text: &[u8]) -> usize {
        let mut at = self.start;
        while let Some(i) = memchr::memchr2(self.quote, b'\n', text.get(at..).unwrap_or(&[])) {
            let stop = at + i;
            looked_at(i);
            if byte(text, stop) == b'\n' {
                return stop;
            }
            const SLASH: Set = Set::new(b"\\");
            let slashes = stop - run_back(text, stop, SLASH, (stop - self.start).min(32));
            let closes =
                if self.level == 0 { slashes.is_multiple_of(2) } else { slashes <= self.level };
            // SQL doubles a quote instead of escaping it.
            let doubled = self.quote == b'\''
                && stop > self.start
                && byte(text, stop + 1) == b'\''
                && byte(text, stop + 2) != b'\'';
            if closes && !doubled {
                return stop - slashes.min(self.level);
            }
            at = stop + if doubled { 2 } else { 1 };
        }
        text.len()
    }

    /// The end of a value without quotes.
    fn bare_end(self, text: &[u8]) -> usize {
        let rest = text.get(self.start..).unwrap_or(&[]);
        let ends = |i: usize, c: u8| match c {
            b'"' | b'\'' | b'`' => true,
            b'\\' => matches!(byte(rest, i + 1), b'n' | b'r' | b't' | b'"' | b'\''),
            b';' if self.listed => true,
            _ if self.listed => matches!(c, b'\r' | b'\n'),
            b'<' => is_tag(rest, i),
            b',' | b';' => self.inline || begins_field(rest, i + 1),
            // Passwords hold it too: it ends a value only before another parameter, or as an entity.
            b'&' => begins_parameter(rest, i + 1) || is_entity(slice(rest, i + 1, i + 6)),
            b']' => self.inline && !is_joined_left(rest, i + 1) && closes(rest, i),
            b')' | b'}' => self.inline && closes(rest, i),
            _ => c.is_ascii_whitespace(),
        };
        let len = rest.iter().enumerate().position(|(i, &c)| ends(i, c)).unwrap_or(rest.len());
        looked_at(len);
        // What ends a sentence is no part of a value in it.
        const STOPS: Set = Set::new(b",;");
        const FULL_STOPS: Set = Set::new(b",;.");
        let stops = if self.inline { FULL_STOPS } else { STOPS };
        trimmed_end(text, self.start, self.start + len, stops)
    }
}

/// Whether a tag begins at `at`: a closing one, or a name and what ends it or parts its attributes.
fn is_tag(text: &[u8], at: usize) -> bool {
    const TAG: Set = Set::new(b"0-9A-Za-z_:.-");
    let end = run(slice(text, 0, at + 48), at + 1, TAG);
    if holds_mask(slice(text, at + 1, end)) {
        return false;
    }
    byte(text, at + 1) == b'/'
        || end == at + 1 && matches!(byte(text, end), b'!' | b'?')
        || end > at + 1 && matches!(byte(text, end), b'>' | b' ' | b'/')
}

/// Whether the bracket at `at` closes something that was opened before the value: nothing but other
/// brackets and the ends of sentences follows.
fn closes(text: &[u8], at: usize) -> bool {
    const CLOSING: Set = Set::new(b")}],;.>");
    let end = run(slice(text, 0, at + 16), at, CLOSING);
    let next = byte(text, end);
    next == 0
        || next.is_ascii_whitespace()
        || matches!(next, b'"' | b'\'' | b'`' | b'{' | b'(' | b'<')
        || next == b'[' && !is_joined_right(text, end)
}

/// Whether `text`, after an ampersand, is what HTML and XML escape a character as.
fn is_entity(text: &[u8]) -> bool {
    let names: [&[u8]; 6] = [b"amp;", b"quot;", b"lt;", b"gt;", b"apos;", b"#"];
    names.into_iter().any(|name| text.starts_with(name))
}

/// Reads the quotes at `at`.
pub(super) fn place(text: &[u8], at: usize, inline: bool) -> Place {
    const SLASH: Set = Set::new(b"\\");
    let is_quote = |c| matches!(c, b'"' | b'\'' | b'`');
    let mut open = at;
    // The prefixes of string literals in Python, Rust, C# and SQL.
    while open < at + 2
        && matches!(byte(text, open), b'b' | b'r' | b'f' | b'u' | b'N' | b'E' | b'@' | b'$')
        && (is_quote(byte(text, open + 1)) || is_quote(byte(text, open + 2)))
    {
        open += 1;
    }
    let slashes = run(slice(text, 0, open + 16), open, SLASH) - open;
    let quote = byte(text, open + slashes);
    if !is_quote(quote) {
        return Place { start: at, quote: 0, level: 0, inline, tight: false, listed: false };
    }
    let mut start = open + slashes + 1;
    if slashes == 0 && slice(text, start, start + 2) == [quote, quote] {
        start += 2;
    }
    Place { start, quote, level: slashes, inline, tight: false, listed: false }
}

/// Whether another `name=` or `name:` begins at `at`, or nothing does.
fn begins_field(text: &[u8], at: usize) -> bool {
    const FIELD: Set = Set::new(b"0-9A-Za-z_. -");
    let end = run(slice(text, 0, at + 48), at, FIELD);
    matches!(byte(text, end), b'=' | b':') || is_line_end(text, skip_blank(text, at))
}

/// Whether the line ends at `at`.
pub(super) fn is_line_end(text: &[u8], at: usize) -> bool {
    matches!(byte(text, at), b'\r' | b'\n' | 0)
}

/// Whether another parameter of a query string, `name=`, begins at `at`.
fn begins_parameter(text: &[u8], at: usize) -> bool {
    const PARAMETER: Set = Set::new(b"0-9A-Za-z_.%-");
    let end = run(slice(text, 0, at + 48), at, PARAMETER);
    end > at && byte(text, end) == b'='
}
