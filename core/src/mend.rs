//! Arrays and objects that were sent as strings of JSON: the repair that a policy can ask for.
//!
//! A string is replaced by its own text where the schema wants an array or an object and no string, and
//! the text is strict JSON of that type. What comes out is then read and checked like any other call, so
//! that every rule on size, depth, names and ghosts holds inside as well, and a string inside such a text
//! stays a string. Worst case: linear in the input, a few times.

use crate::buf::{Buf, Full};
use crate::json::{self, Document, Kind, Limits, Str, Tape};
use crate::report::Report;
use crate::schema::{Fault, Keyword, ROOT, Schema, Types};

/// Most strings of one call that are replaced.
const MAX_MENDED: usize = 64;

/// Memory for one repair.
pub(crate) struct Mending<'a, 'm> {
    /// To look into a string.
    pub(crate) inner: &'a mut Tape<'m>,
    /// The repaired document.
    pub(crate) out: &'a mut Buf<'m, u8>,
    pub(crate) report: &'a mut Report<'m>,
}

impl Mending<'_, '_> {
    /// Writes `doc` with every string replaced that `faults`, which are sorted, show to be the JSON of
    /// what belongs there, and reports where. False when there is none.
    pub(crate) fn mend(mut self, schema: &Schema, doc: Document<'_>, faults: &[Fault]) -> bool {
        self.out.clear();
        let whole = [Fault { keyword: Keyword::Type, node: 0, sub: ROOT, ..Fault::default() }];
        let faults = match doc.root().kind() {
            Kind::Object => faults,
            Kind::String => &whole,
            _ => return false,
        };
        let (mut kept, mut count, mut last) = (0, 0, None);
        for fault in faults {
            let value = doc.at(fault.node);
            let Some(text) = value.as_str().filter(|_| last != Some(fault.node)) else { continue };
            let wanted = if fault.node == 0 { Types::OBJECT } else { wanted(schema, fault) };
            if count == MAX_MENDED || !wanted.meets(Types::ARRAY.and(Types::OBJECT)) {
                continue;
            }
            last = Some(fault.node);
            let (start, end) = value.span();
            let before = self.out.len();
            let copied = self.copy(doc.bytes().get(kept..start).unwrap_or(&[]), text);
            let from = before + (start - kept);
            let fits = copied.is_ok() && self.holds(from, wanted);
            if !fits {
                self.out.truncate(before);
                continue;
            }
            if self.report.add_repaired(doc, fault.node).is_err() {
                return false;
            }
            count += 1;
            kept = end;
        }
        count > 0 && self.out.extend(doc.bytes().get(kept..).unwrap_or(&[])).is_ok()
    }

    fn copy(&mut self, before: &[u8], text: Str<'_>) -> Result<(), Full> {
        self.out.extend(before)?;
        if !text.is_escaped() {
            return self.out.extend(text.raw());
        }
        let mut utf8 = [0; 4];
        text.chars().try_for_each(|c| self.out.extend(c.encode_utf8(&mut utf8).as_bytes()))
    }

    /// Whether what was written from `from` on is JSON of a wanted type.
    fn holds(&mut self, from: usize, wanted: Types) -> bool {
        let text = self.out.get(from..).unwrap_or(&[]);
        let container = matches!(text.trim_ascii_start(), [b'[' | b'{', ..]);
        container
            && json::parse(text, Limits::ARGUMENTS, self.inner)
                .is_ok_and(|doc| Types::of(doc, 0).meets(wanted))
    }
}

/// The types that belong where `fault` found a string; none when a string is among them.
fn wanted(schema: &Schema, fault: &Fault) -> Types {
    let types = match fault.keyword {
        Keyword::Type => schema.sub(fault.sub).map_or(Types::EMPTY, |sub| sub.types),
        Keyword::AnyOf | Keyword::OneOf => schema
            .branches(fault.sub, fault.keyword == Keyword::OneOf)
            .iter()
            .fold(Types::EMPTY, |types, &branch| types.and(schema.types_of(branch))),
        _ => Types::EMPTY,
    };
    if types.meets(Types::STRING) { Types::EMPTY } else { types }
}
