//! Turns faults, ghosts and parse errors into violations, in document order.

use super::line::{Line, head};
use super::union::Union;
use super::words::{Look, Name, Shown, shown};
use super::wrong::{Strays, Wrong};
use super::{Meant, Record, Report, Text};
use crate::buf::Buf;
use crate::json::{self, Document, Kind, ParseError, ParseErrorKind, Str};
use crate::near::Undeclared;
use crate::schema::{Cut, Fault, Keyword, Memory, Schema, Types};

/// Names and members that the search for what all ghosts of a call were meant to be looks at.
const MAX_SEARCH: usize = 1 << 17;

/// Which ghosts refuse a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    All,
    NearMisses,
    None,
}

impl Refused {
    fn covers(self, cut: &Cut) -> bool {
        match self {
            Self::All => true,
            Self::NearMisses => cut.meant.is_some(),
            Self::None => false,
        }
    }
}

/// Writes a report about one parsed document.
pub(crate) struct Reporter<'a, 'm> {
    pub(crate) report: &'a mut Report<'m>,
    pub(crate) doc: Document<'a>,
    pub(crate) schema: &'a Schema,
    /// Every ghost, in document order.
    pub(crate) cuts: &'a mut [Cut],
    pub(crate) refused: Refused,
    /// Memory to look into unions and into strings that may hold JSON, and the steps that may take.
    pub(crate) memory: Memory<'a, 'm>,
    pub(crate) branch: &'a mut Buf<'m, Fault>,
    pub(crate) steps: u32,
}

impl Reporter<'_, '_> {
    /// Finds out what each ghost was probably meant to be. The search pays for every name that it looks
    /// at and every member that it passes; it gives up, with false, above [`MAX_SEARCH`].
    pub(crate) fn find_meant(&mut self) -> bool {
        let mut left = MAX_SEARCH;
        for at in 0..self.cuts.len() {
            let Some(cut) = self.cuts.get(at) else { continue };
            let Some(meant) = self.meant(cut, &mut left) else { return false };
            if let Some(cut) = self.cuts.get_mut(at) {
                cut.meant = meant;
            }
        }
        true
    }

    /// The declared name that a ghost probably is: nearest of those absent from its object, when
    /// exactly one is nearest. None when the search costs more than is `left`.
    fn meant(&self, cut: &Cut, left: &mut usize) -> Option<Option<u32>> {
        let text = self.doc.text(cut.key);
        let ghost = Undeclared::new(text);
        let folds = self.schema.folded_names();
        let mut best = None;
        let mut least = u32::MAX;
        for name in self.schema.declared_at(cut.location) {
            let declared = self.schema.name(name);
            // Folding may read both to their ends.
            *left = left.checked_sub(1 + (text.raw().len() + declared.len()) / 64)?;
            let near = ghost.near_miss(declared, folds, name as usize);
            let Some(distance) = near else { continue };
            if distance > least {
                continue;
            }
            *left = left.checked_sub(self.doc.at(cut.object).len() / 16)?;
            if self.doc.member(cut.object, name).is_some() {
                continue;
            }
            best = if distance < least { Some(name) } else { None };
            least = distance;
        }
        Some(best)
    }

    /// Reports every ghost, as a violation or as stripped, and every fault. `faults` are sorted here.
    pub(crate) fn tell(&mut self, faults: &mut [Fault]) {
        faults.sort_unstable_by_key(|fault| (fault.node, fault.keyword, fault.detail));
        let own = core::mem::take(&mut self.cuts);
        let mut path = core::mem::take(&mut self.report.path);
        let (cuts, faults) = (&*own, &*faults);
        let all = Merged { cuts, faults };
        let mut rest = all;
        let mut last: Option<Fault> = None;
        let nodes = all.map(|item| match item {
            Item::Ghost(cut) => cut.key,
            Item::Fault(fault, _) => fault.node,
        });
        // Only lent storage can refuse; what is not reported is cut and refused all the same.
        let _ = json::each_pointer(self.doc, nodes, &mut path, |_, pointer| match rest.next() {
            Some(Item::Ghost(cut)) => self.ghost(cut, pointer, all),
            Some(Item::Fault(fault, from)) => {
                let echo = last.is_some_and(|last| is_echo(last, fault));
                if !echo && !self.is_misspelt(fault, cuts) {
                    self.fault(fault, pointer, Merged { cuts, faults: from });
                    last = Some(fault);
                }
            }
            None => {}
        });
        self.report.path = path;
        self.cuts = own;
    }

    /// Reports arguments that are no object, whatever the schema says of them.
    pub(crate) fn not_an_object(&mut self) {
        let wrong = self.wrong_type(0, Types::OBJECT, &[]);
        self.write(Keyword::Type, &wrong, None, (b"", Look::Plain), Name::Root);
    }

    fn ghost(&mut self, cut: &Cut, pointer: &[u8], all: Merged<'_>) {
        if !self.refused.covers(cut) {
            let path = Text::beside(&mut self.report.side, head(pointer));
            let _ = self.report.stripped.push(path);
            self.suggest(cut, path);
            return;
        }
        let same = |other: &&Cut| other.object == cut.object && other.meant == cut.meant;
        let wrong = Wrong::Ghost {
            name: self.doc.text(cut.key),
            meant: cut.meant.map(|name| self.schema.name(name)),
            required: all.faults.iter().any(|fault| is_missing(*fault, cut)),
            // Of several spellings only the first can have the name.
            first: all.cuts.iter().find(same).is_none_or(|first| first.key == cut.key),
        };
        let place = (pointer, Look::of(pointer));
        let path = self.write(Keyword::Ghost, &wrong, None, place, Name::Root);
        self.suggest(cut, path);
    }

    fn suggest(&mut self, cut: &Cut, path: Text) {
        if let Some(name) = cut.meant {
            let to = Text::beside(&mut self.report.side, self.schema.name(name).as_bytes());
            let _ = self.report.suggestions.push(Meant { path, to });
        }
    }

    /// Whether a missing name is told already: with the refused ghost that it is spelt as.
    pub(super) fn is_misspelt(&self, fault: Fault, cuts: &[Cut]) -> bool {
        cuts.iter().any(|cut| self.refused.covers(cut) && is_missing(fault, cut))
    }

    fn fault(&mut self, fault: Fault, pointer: &[u8], from: Merged<'_>) {
        let union = self.union(fault, from.cuts);
        if union.as_ref().is_some_and(Union::is_told) {
            return;
        }
        let wrong = match &union {
            Some(Union { plain: Some(wrong), .. }) => Some(*wrong),
            _ => self.wrong(fault, Strays::of(from.faults), from.cuts),
        };
        let Some(wrong) = wrong else { return };
        let union = union.as_ref().filter(|union| union.plain.is_none());
        let look = Look::of(pointer);
        let name = Name::new(pointer, look, self.is_element(fault.node));
        let path = self.write(fault.keyword, &wrong, union, (pointer, look), name);
        if let Wrong::Choice { near: Some(text), .. } = wrong {
            let to = Text::decoded(&mut self.report.side, text);
            let _ = self.report.suggestions.push(Meant { path, to });
        }
    }

    pub(super) fn is_element(&self, node: u32) -> bool {
        node > 0
            && self.doc.node(node - 1).kind() != Kind::Key
            && self.doc.node(node).kind() != Kind::Key
    }

    /// Writes one violation; gives back where its pointer stands.
    fn write(
        &mut self,
        keyword: Keyword,
        wrong: &Wrong<'_>,
        union: Option<&Union<'_>>,
        place: (&[u8], Look),
        name: Name<'_>,
    ) -> Text {
        let mut lines = core::mem::take(&mut self.report.lines);
        let side = &mut self.report.side;
        let (mut line, path) = Line::begin(&mut lines, side, keyword, place);
        let mut property = None;
        if let Wrong::Missing { property: name, .. } = *wrong {
            line.put(r#"","property":""#).shown(shown(name.into()));
            property = Some(Text::beside(side, head(name.as_bytes())));
        }
        line.put(r#"","expected":""#);
        let expected = match self.phrase(wrong) {
            Some(phrase) => {
                line.bytes(phrase.escaped());
                Text::beside(&mut self.report.side, phrase.plain())
            }
            None => {
                let mark = line.field();
                self.expected(&mut line, wrong);
                line.text(mark, &mut self.report.side)
            }
        };
        let received = wrong.received();
        line.put(r#"","received":""#).bytes(received.as_bytes()).put(r#"","message":""#);
        let mark = line.field();
        match union {
            Some(union) => self.union_message(&mut line, union, name),
            None => self.message(&mut line, wrong, name),
        }
        let message = line.text(mark, &mut self.report.side);
        line.put(r#"","fix_hint":""#);
        let mark = line.field();
        match union {
            Some(union) => self.union_hint(&mut line, union),
            None => self.hint(&mut line, wrong, name),
        }
        let hint = line.text(mark, &mut self.report.side);
        line.put(r#"","fix":"#);
        let (fix, variants) = match union {
            Some(union) => {
                let fix = self.union_fix(&mut line, union);
                (fix, self.variants(&mut line, union))
            }
            None => (self.fix(&mut line, wrong, Some(path), place.0), None),
        };
        line.put("}");
        let (len, end, full) = (line.len(), line.at(), line.full);
        if !full {
            lines.commit(len);
            let offset = None;
            let _ = self.report.violations.push(Record {
                keyword,
                end,
                path,
                property,
                offset,
                expected,
                received,
                message,
                hint,
                fix,
                variants,
            });
        }
        self.report.lines = lines;
        path
    }
}

/// Whether the violation that was told last makes this one go without saying.
pub(super) fn is_echo(last: Fault, fault: Fault) -> bool {
    last.node == fault.node
        && (matches!(last.keyword, Keyword::Type | Keyword::FalseSchema)
            || last.keyword == fault.keyword
                && (last.detail == fault.detail || fault.keyword.names_members()))
}

/// Whether `fault` is the absence of the name that the ghost was probably meant to have.
fn is_missing(fault: Fault, cut: &Cut) -> bool {
    matches!(fault.keyword, Keyword::Required | Keyword::DependentRequired)
        && cut.object == fault.node
        && cut.meant == Some(fault.detail)
}

/// Ghosts and faults in document order.
#[derive(Clone, Copy)]
struct Merged<'c> {
    cuts: &'c [Cut],
    faults: &'c [Fault],
}

#[derive(Clone, Copy)]
enum Item<'c> {
    Ghost(&'c Cut),
    /// A fault, and the faults from it on.
    Fault(Fault, &'c [Fault]),
}

impl<'c> Iterator for Merged<'c> {
    type Item = Item<'c>;

    fn next(&mut self) -> Option<Item<'c>> {
        let ghost = self.cuts.split_first();
        let fault = self.faults.split_first();
        match (ghost, fault) {
            (Some((cut, cuts)), fault) if fault.is_none_or(|(fault, _)| cut.key < fault.node) => {
                self.cuts = cuts;
                Some(Item::Ghost(cut))
            }
            (_, Some((fault, rest))) => {
                let from = core::mem::replace(&mut self.faults, rest);
                Some(Item::Fault(*fault, from))
            }
            _ => None,
        }
    }
}

impl Report<'_> {
    /// Reports that the arguments are not one document.
    pub(crate) fn parse_error(&mut self, bytes: &[u8], error: ParseError) {
        let duplicate = error.kind == ParseErrorKind::DuplicateKey;
        let truncated = error.kind == ParseErrorKind::Truncated;
        let (keyword, received) = if duplicate {
            (Keyword::DuplicateKey, "a repeated name")
        } else {
            (Keyword::Parse, "malformed JSON")
        };
        self.path.clear();
        if duplicate || truncated {
            let _ = json::write_pointer_at(bytes, error.offset as usize, &mut self.path);
        }
        let cause = json::cause(bytes, error);
        let (row, column) = json::line_column(bytes, error.offset as usize);
        let Self { lines, side, path, violations, .. } = self;
        let pointer = if duplicate { &**path } else { &[] };
        let place = (pointer, Look::of(pointer));
        let (mut line, path_text) = Line::begin(lines, side, keyword, place);
        line.put(r#"","offset":"#).number(error.offset.into());
        line.put(r#","expected":""#);
        let mark = line.field();
        line.put("one JSON object");
        let expected = line.text(mark, side);
        line.put(r#"","received":""#).bytes(received.as_bytes()).put(r#"","message":""#);
        let mark = line.field();
        line.put("Line ").number(row.into()).put(", column ").number(column.into()).put(": ");
        if truncated && !path.is_empty() {
            line.put("The JSON ends inside ")
                .shown(Shown::new(Str::new(path, false), 120))
                .put(".");
        } else {
            line.shown(Shown::new(cause.message.into(), 200));
        }
        let message = line.text(mark, side);
        line.put(r#"","fix_hint":""#);
        let mark = line.field();
        line.shown(Shown::new(cause.hint.into(), 200));
        let hint = line.text(mark, side);
        line.put(r#"","fix":null}"#);
        let (len, end) = (line.len(), line.at());
        let record = Record {
            keyword,
            end,
            path: path_text,
            offset: Some(error.offset),
            expected,
            received,
            message,
            hint,
            ..Record::default()
        };
        lines.commit(len);
        let _ = violations.push(record);
    }
}
