//! Replacements of spans of a message; every byte outside them stays.

use alloc::vec::Vec;
use core::fmt;

use crate::json::write_escaped;

/// Spans to replace, in any order, none inside another, and the bytes that replace them.
#[derive(Debug, Default)]
pub(super) struct Edits {
    spans: Vec<Edit>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Edit {
    start: usize,
    end: usize,
    /// The replacement, in `Edits::bytes`.
    from: usize,
    to: usize,
}

impl Edits {
    pub(super) fn clear(&mut self) {
        self.spans.clear();
        self.bytes.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Replaces `span` by `bytes`.
    pub(super) fn replace(&mut self, (start, end): (usize, usize), bytes: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.spans.push(Edit { start, end, from, to: self.bytes.len() });
    }

    /// Puts `bytes` in the place of what replaces `span`.
    pub(super) fn replace_again(&mut self, (start, end): (usize, usize), bytes: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let to = self.bytes.len();
        let edits = self.spans.iter_mut().filter(|edit| edit.start == start && edit.end == end);
        edits.for_each(|edit| (edit.from, edit.to) = (from, to));
    }

    /// Replaces `span`, a string literal, by a literal of `text`; bytes that are not UTF-8 become
    /// U+FFFD.
    pub(super) fn replace_text(&mut self, (start, end): (usize, usize), text: &[u8]) {
        let from = self.bytes.len();
        push_literal(text, &mut self.bytes);
        self.spans.push(Edit { start, end, from, to: self.bytes.len() });
    }

    /// What replaces exactly `span`.
    pub(super) fn replacement(&self, (start, end): (usize, usize)) -> Option<&[u8]> {
        let edit = self.spans.iter().find(|edit| edit.start == start && edit.end == end)?;
        self.bytes.get(edit.from..edit.to)
    }

    /// Makes [`apply`](Self::apply) possible.
    pub(super) fn sort(&mut self) {
        self.spans.sort_unstable_by_key(|edit| edit.start);
    }

    /// Appends the bytes of `message` from `start` to `end` with the edits in between made.
    pub(super) fn apply(&self, message: &[u8], (start, end): (usize, usize), out: &mut Vec<u8>) {
        let mut at = start;
        let inside = |edit: &&Edit| edit.start >= start && edit.end <= end;
        for edit in self.spans.iter().filter(inside) {
            out.extend_from_slice(message.get(at..edit.start).unwrap_or(&[]));
            out.extend_from_slice(self.bytes.get(edit.from..edit.to).unwrap_or(&[]));
            at = edit.end;
        }
        out.extend_from_slice(message.get(at..end).unwrap_or(&[]));
    }

    /// Forgets all, and gives memory above `bytes` back.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        self.clear();
        self.bytes.shrink_to(bytes);
        self.spans.shrink_to(bytes);
    }
}

/// Appends `text` as a JSON string literal.
pub(super) fn push_literal(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        push_escaped(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Appends `text` as the inside of a JSON string literal.
pub(super) fn push_escaped(text: &str, out: &mut Vec<u8>) {
    struct Sink<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Sink<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // A vector takes everything.
    let _ = write_escaped(text, &mut Sink(out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spans_change() {
        let message = br#"{"a":"x","b":[1,2],"c":"y"}"#;
        let mut edits = Edits::default();
        edits.replace((13, 18), b"[]");
        edits.replace_text((5, 8), b"q\"\n\xff");
        edits.sort();
        let mut out = Vec::new();
        edits.apply(message, (0, message.len()), &mut out);
        assert_eq!(out, "{\"a\":\"q\\\"\\n\u{fffd}\",\"b\":[],\"c\":\"y\"}".as_bytes());
        out.clear();
        edits.apply(message, (13, 18), &mut out);
        assert_eq!(out, b"[]");
    }
}
