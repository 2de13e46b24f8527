//! What is wrong with a call, in words that a model can act on.
//!
//! Faults are indexes; here they become [`Violation`]s: where (RFC 6901 pointer), what was expected,
//! what came (its type, never its value), an imperative hint, and where possible a [`Fix`] that a
//! program can apply. Each is written once, as the JSON that the refusal shows. Texts that come from the
//! call or from a schema are cut and stripped of control characters: a model or a server wrote them.

mod argument;
mod line;
mod phrase;
mod refusal;
pub(crate) mod repair;
mod reporter;
mod union;
mod words;
mod wrong;

use core::fmt::Write;

use crate::buf::{Buf, Full};
use crate::json::{self, Document, Str};
use crate::schema::Keyword;

pub(crate) use phrase::Phrase;
pub(crate) use refusal::{Notice, write_refusal};
pub(crate) use reporter::{Refused, Reporter};

/// Most violations that are gathered for one call.
pub(crate) const MAX_VIOLATIONS: usize = 64;
/// Most bytes of one pointer; what is longer is cut.
const MAX_POINTER: usize = 4096;

/// A range of the texts of a report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text {
    start: u32,
    end: u32,
    place: Place,
}

/// Where a [`Text`] stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In a line.
    #[default]
    Line,
    /// Beside the lines.
    Side,
}

impl Text {
    const fn plain(start: u32, end: u32) -> Self {
        Self { start, end, place: Place::Line }
    }

    const fn side(start: u32, end: u32) -> Self {
        Self { start, end, place: Place::Side }
    }

    /// Appends `bytes` to `side`; nothing of them when they do not fit into lent storage.
    fn beside(side: &mut Buf<'_, u8>, bytes: &[u8]) -> Self {
        let start = side.len() as u32;
        let _ = side.extend(bytes);
        Self::side(start, side.len() as u32)
    }

    /// Appends `text` to `side`, its escapes undone.
    fn decoded(side: &mut Buf<'_, u8>, text: Str<'_>) -> Self {
        let start = side.len();
        if text.chars().try_for_each(|c| side.write_char(c)).is_err() {
            side.truncate(start);
        }
        Self::side(start as u32, side.len() as u32)
    }

    /// Appends the text of a line to `side`, its escapes undone: most are quotes.
    fn unescaped(side: &mut Buf<'_, u8>, text: &[u8]) -> Self {
        let start = side.len();
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'\\', rest)
            && let Some((plain, special)) = rest.split_at_checked(at)
        {
            let [_, byte @ (b'"' | b'\\'), after @ ..] = special else {
                side.truncate(start);
                return Self::decoded(side, Str::new(text, true));
            };
            if side.extend(plain).and_then(|()| side.push(*byte)).is_err() {
                break;
            }
            rest = after;
        }
        if side.extend(rest).is_err() {
            side.truncate(start);
        }
        Self::side(start as u32, side.len() as u32)
    }

    #[inline]
    fn of(self, all: &[u8]) -> &[u8] {
        all.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}

/// One violation: where its line ends, and where the parts of it stand.
#[derive(Clone, Copy, Debug)]
struct Record {
    keyword: Keyword,
    end: u32,
    path: Text,
    property: Option<Text>,
    offset: Option<u32>,
    expected: Text,
    received: &'static str,
    message: Text,
    hint: Text,
    fix: Option<FixRecord>,
    variants: Option<Text>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            keyword: Keyword::Type,
            end: 0,
            path: Text::default(),
            property: None,
            offset: None,
            expected: Text::default(),
            received: "",
            message: Text::default(),
            hint: Text::default(),
            fix: None,
            variants: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct FixRecord {
    op: &'static str,
    path: Text,
    /// JSON.
    to: Option<Text>,
}

/// A near miss: a pointer and what was probably meant there.
#[derive(Clone, Copy, Debug, Default)]
struct Meant {
    path: Text,
    to: Text,
}

/// Everything that is said about one call.
#[derive(Debug, Default)]
pub(crate) struct Report<'m> {
    /// One JSON object for each violation, with commas between them.
    lines: Buf<'m, u8>,
    /// Texts that stand in no line, or only with escapes.
    side: Buf<'m, u8>,
    violations: Buf<'m, Record>,
    stripped: Buf<'m, Text>,
    /// Strings that were replaced by the JSON in them.
    repaired: Buf<'m, Text>,
    suggestions: Buf<'m, Meant>,
    /// Memory for one pointer.
    path: Buf<'m, u8>,
    /// Memory for the pointer of a fault inside a union, while `path` is in use.
    inner: Buf<'m, u8>,
    /// Memory for one string without its escapes.
    decoded: Buf<'m, u8>,
}

impl<'m> Report<'m> {
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.side.clear();
        self.violations.clear();
        self.stripped.clear();
        self.repaired.clear();
        self.suggestions.clear();
    }

    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        self.clear();
        for buf in
            [&mut self.lines, &mut self.side, &mut self.path, &mut self.inner, &mut self.decoded]
        {
            buf.clear();
            buf.shrink_to(bytes);
        }
    }

    /// The lines of the first `count` violations.
    fn first(&self, count: usize) -> &[u8] {
        let last = count.checked_sub(1).and_then(|last| self.violations.get(last));
        last.and_then(|last| self.lines.get(..last.end as usize)).unwrap_or(&[])
    }

    fn get(&self, text: Text) -> &str {
        let all = if text.place == Place::Side { &self.side } else { &self.lines };
        core::str::from_utf8(text.of(all)).unwrap_or("")
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
            variants: record.variants.map(|text| self.get(text)),
        })
    }

    pub(crate) fn stripped(&self) -> impl Iterator<Item = &str> {
        self.stripped.iter().map(|&text| self.get(text))
    }

    pub(crate) fn repaired(&self) -> impl Iterator<Item = &str> {
        self.repaired.iter().map(|&text| self.get(text))
    }

    /// Notes that the string at `node` was replaced by the JSON in it.
    pub(crate) fn add_repaired(&mut self, doc: Document<'_>, node: u32) -> Result<(), Full> {
        let start = self.side.len() as u32;
        json::write_pointer(doc, node, &mut self.side).map_err(|_| Full)?;
        self.repaired.push(Text::side(start, self.side.len() as u32))
    }

    pub(crate) fn suggestions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.suggestions.iter().map(|meant| (self.get(meant.path), self.get(meant.to)))
    }
}

/// One violation.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
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
    /// For `anyOf` and `oneOf` over objects: the variants as a JSON array, the one that was probably
    /// meant first. Each has some of `tag` (an object of one member, which tells it from the others),
    /// `required` and `optional` (names).
    pub variants: Option<&'s str>,
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
