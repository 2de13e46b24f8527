//! What is wrong with a call, in words that a model can act on.
//!
//! Faults are indexes; here they become [`Violation`]s: where (RFC 6901 pointer), what was expected,
//! what came (its type, never its value), an imperative hint, and where possible a [`Fix`] that a
//! program can apply. Everything is text in one buffer of the scratch. Texts that come from the call or
//! from a schema are cut and stripped of control characters: a model or a server wrote them.

mod argument;
mod json;
mod repair;
mod text;
mod violation;
mod words;

use crate::buf::Buf;

pub(crate) use json::{Notice, write_refusal};
pub(crate) use violation::Reporter;

use crate::schema::Keyword;
use text::{Text, Writer};

/// Most violations that are gathered for one call.
pub(crate) const MAX_VIOLATIONS: usize = 64;
/// Most bytes of one pointer; what is longer is cut.
const MAX_POINTER: usize = 4096;

/// One violation as ranges of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    keyword: Keyword,
    path: Text,
    property: Option<Text>,
    offset: Option<u32>,
    expected: Text,
    received: &'static str,
    message: Text,
    hint: Text,
    fix: Option<FixRecord>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            keyword: Keyword::Type,
            path: Text::default(),
            property: None,
            offset: None,
            expected: Text::default(),
            received: "",
            message: Text::default(),
            hint: Text::default(),
            fix: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct FixRecord {
    op: &'static str,
    path: Text,
    to: Option<Text>,
}

/// A near miss: a pointer and what was probably meant there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meant {
    path: Text,
    to: Text,
}

/// Everything that is said about one call.
#[derive(Debug, Default)]
pub(crate) struct Report<'m> {
    text: Buf<'m, u8>,
    violations: Buf<'m, Record>,
    stripped: Buf<'m, Text>,
    suggestions: Buf<'m, Meant>,
    /// Memory for one pointer.
    path: Buf<'m, u8>,
    /// Memory for one string without its escapes; needed while `path` is in use.
    decoded: Buf<'m, u8>,
}

impl<'m> Report<'m> {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.violations.clear();
        self.stripped.clear();
        self.suggestions.clear();
    }

    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        self.clear();
        self.text.shrink_to(bytes);
        for buf in [&mut self.path, &mut self.decoded] {
            buf.clear();
            buf.shrink_to(bytes);
        }
    }

    /// Begins a text.
    #[inline]
    fn begin(&mut self) -> Writer<'_, 'm> {
        Writer::new(&mut self.text)
    }

    fn get(&self, text: Text) -> &str {
        core::str::from_utf8(text.of(&self.text)).unwrap_or("")
    }

    /// How many violations there are.
    pub(crate) fn count(&self) -> usize {
        self.violations.len()
    }

    pub(crate) fn violations(&self) -> impl Iterator<Item = Violation<'_>> {
        self.violations.iter().map(|record| Violation {
            path: self.get(record.path),
            keyword: record.keyword.name(),
            property: record.property.map(|text| self.get(text)),
            offset: record.offset,
            expected: self.get(record.expected),
            received: record.received,
            message: self.get(record.message),
            fix_hint: self.get(record.hint),
            fix: record.fix.map(|fix| Fix {
                op: fix.op,
                path: self.get(fix.path),
                to: fix.to.map(|text| self.get(text)),
            }),
        })
    }

    pub(crate) fn stripped(&self) -> impl Iterator<Item = &str> {
        self.stripped.iter().map(|&text| self.get(text))
    }

    pub(crate) fn suggestions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.suggestions.iter().map(|meant| (self.get(meant.path), self.get(meant.to)))
    }
}

/// One violation.
#[derive(Clone, Copy, Debug)]
pub struct Violation<'s> {
    /// RFC 6901 pointer into the arguments; at most 4 KiB.
    pub path: &'s str,
    /// The JSON Schema keyword, or `parse`, `duplicateKey` or `ghost`.
    pub keyword: &'s str,
    /// For `required` and `dependentRequired`: the missing name; at most 4 KiB.
    pub property: Option<&'s str>,
    /// For `parse` and `duplicateKey`: the byte offset.
    pub offset: Option<u32>,
    /// What the schema wants, in words.
    pub expected: &'s str,
    /// What came: a type, never the value.
    pub received: &'s str,
    /// A sentence for the model.
    pub message: &'s str,
    /// An imperative sentence; empty when there is nothing to advise.
    pub fix_hint: &'s str,
    /// A repair that a program can make.
    pub fix: Option<Fix<'s>>,
}

/// A repair that a program can make without reading prose.
#[derive(Clone, Copy, Debug)]
pub struct Fix<'s> {
    /// `add`, `list`, `number`, `parse`, `quote`, `remove`, `rename`, `replace`, `unquote`, `unwrap` or
    /// `wrap`; the documentation on refusals has each with an example.
    pub op: &'static str,
    /// RFC 6901 pointer to what it applies to.
    pub path: &'s str,
    /// The new name or value as JSON text. It comes from the schema, never from the call.
    pub to: Option<&'s str>,
}
