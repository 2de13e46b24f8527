//! Which variant of a union was meant, and what it lacks.
//!
//! A value that fits no branch of `anyOf` or `oneOf` is checked against each of them once more, this time
//! gathering faults. The branch that was probably meant is one whose tag matches (a member that admits one
//! value only, like `kind`), then one whose tag is not contradicted, then the one with the fewest faults;
//! what it lacks is told inside the one violation of the union. Branches that differ in type alone, or that
//! are one value each, are told like a `type` or an `enum`. Worst case: the steps that the reporter has.

use super::line::Line;
use super::reporter::{Reporter, is_echo};
use super::words::{Look, Name, Shown, shown, spelt};
use super::wrong::{Choices, Strays, Wrong};
use super::{FixRecord, Text};
use crate::json;
use crate::schema::{Collect, Cut, Fault, Keyword, Types, examine, is_short};

/// Most branches that are looked into.
const MAX_BRANCHES: usize = 32;
/// Most faults of one branch that are counted.
const MAX_COUNTED: usize = 16;
/// Most faults of the best branch that are told.
const MAX_TOLD: usize = 2;
/// Most variants that are listed, names in each of them, and bytes in all.
const MAX_LISTED: usize = 4;
const MAX_NAMES: usize = 8;
const MAX_BYTES: usize = 600;

/// What is known of a union that refused a value.
pub(super) struct Union<'w> {
    /// It says no more than this.
    pub(super) plain: Option<Wrong<'w>>,
    branches: &'w [u32],
    /// How many branches the value fits: none, or several where it must be one.
    fitting: usize,
    /// Position of the branch that was probably meant.
    best: usize,
    /// How many faults it has, and the first of them.
    wrong: usize,
    told: [Option<Told<'w>>; MAX_TOLD],
}

impl Union<'_> {
    /// Whether nothing is wrong but names that are told with the ghosts that they are spelt as.
    pub(super) const fn is_told(&self) -> bool {
        self.plain.is_none() && self.fitting == 0 && self.wrong == 0
    }
}

/// A fault of the best branch.
#[derive(Clone, Copy)]
struct Told<'w> {
    wrong: Wrong<'w>,
    element: bool,
    /// Its pointer, in the memory for inner pointers.
    start: usize,
    end: usize,
}

/// How well a value fits a branch; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The tag is the branch's own.
    Tagged,
    /// The branch has no tag, or the value has none.
    Untagged,
    /// The tag is another's.
    OtherTag,
    /// The type is wrong.
    OtherType,
}

impl<'a> Reporter<'a, '_> {
    /// Looks into the union that `fault` is about; none when it is about something else, or when that
    /// takes too long.
    pub(super) fn union<'w>(&mut self, fault: Fault, cuts: &'w [Cut]) -> Option<Union<'w>>
    where
        'a: 'w,
    {
        let one = match fault.keyword {
            Keyword::AnyOf => false,
            Keyword::OneOf => true,
            _ => return None,
        };
        let schema = self.schema;
        let branches = schema.branches(fault.sub, one);
        let mut union =
            Union { plain: None, branches, fitting: 0, best: 0, wrong: 0, told: [None; MAX_TOLD] };
        if branches.iter().all(|&branch| schema.sole_value(branch).is_some()) {
            let choices = Choices::Constants(schema, branches);
            union.plain = Some(self.wrong_choice(fault, choices));
            return Some(union);
        }
        if let Some(tagged) = schema.tagged(fault.sub, one, self.doc, fault.node) {
            union.best = tagged;
            if !self.examine(*branches.get(tagged)?, fault.node)? {
                self.recount(&mut union, cuts);
                return Some(union);
            }
        }
        let mut least = None;
        let mut types = Types::EMPTY;
        for (at, &branch) in branches.iter().enumerate().take(MAX_BRANCHES) {
            if self.examine(branch, fault.node)? {
                union.fitting += 1;
                continue;
            }
            let fit = self.fit(branch, fault.node);
            if fit == Fit::OtherType {
                types = types.and(schema.types_of(branch));
            }
            let order = (fit, self.branch.len());
            if least.is_none_or(|least| order < least) {
                least = Some(order);
                union.best = at;
            }
        }
        if union.fitting > 0 {
            return Some(union);
        }
        let (fit, _) = least?;
        if fit == Fit::OtherType {
            union.plain = Some(self.wrong_type(fault.node, types, branches));
            return Some(union);
        }
        // What stands in the memory is of the last branch.
        self.examine(*branches.get(union.best)?, fault.node)?;
        self.recount(&mut union, cuts);
        Some(union)
    }

    /// Gathers the faults of one branch in the reporter's memory.
    fn examine(&mut self, branch: u32, at: u32) -> Option<bool> {
        self.branch.clear();
        let memory = self.memory.lend();
        let mut collect = Collect { faults: &mut *self.branch, most: MAX_COUNTED };
        examine(self.schema, self.doc, (branch, at), &mut self.steps, memory, &mut collect)
    }

    /// How the faults of `branch`, which stand in the memory, rank it.
    fn fit(&self, branch: u32, at: u32) -> Fit {
        let wrong_type = |fault: &Fault| {
            fault.node == at && matches!(fault.keyword, Keyword::Type | Keyword::FalseSchema)
        };
        if self.branch.iter().any(wrong_type) {
            return Fit::OtherType;
        }
        let Some((name, _)) = self.schema.tag_of(branch) else { return Fit::Untagged };
        let Some(tag) = self.doc.member(at, name) else { return Fit::Untagged };
        if self.branch.iter().any(|fault| fault.node == tag) { Fit::OtherTag } else { Fit::Tagged }
    }

    /// Keeps the first faults of the best branch, whose faults stand in the memory.
    fn recount<'w>(&mut self, union: &mut Union<'w>, cuts: &'w [Cut])
    where
        'a: 'w,
    {
        self.branch.sort_unstable_by_key(|fault| (fault.node, fault.keyword, fault.detail));
        let mut last: Option<Fault> = None;
        self.report.inner.clear();
        for at in 0..self.branch.len() {
            let from = self.branch.get(at..).unwrap_or(&[]);
            let Some(&fault) = from.first() else { break };
            if last.is_some_and(|last| is_echo(last, fault)) || self.is_misspelt(fault, cuts) {
                continue;
            }
            last = Some(fault);
            let strays = Strays::of(from);
            union.wrong += 1;
            let Some(slot) = union.told.get_mut(union.wrong - 1) else { continue };
            let start = self.report.inner.len();
            if json::write_pointer(self.doc, fault.node, &mut self.report.inner).is_err() {
                continue;
            }
            let end = self.report.inner.len();
            if let Some(wrong) = self.wrong(fault, strays, cuts) {
                *slot = Some(Told { wrong, element: self.is_element(fault.node), start, end });
            }
        }
    }

    fn name_of(&self, told: &Told<'_>) -> Name<'_> {
        let pointer = self.report.inner.get(told.start..told.end).unwrap_or(&[]);
        Name::new(pointer, Look::of(pointer), told.element)
    }

    pub(super) fn union_message(&self, line: &mut Line<'_>, union: &Union<'_>, name: Name<'_>) {
        let count = union.branches.len() as u64;
        line.name(name).put(" must fit one of ").number(count).put(" variants");
        if union.fitting > 0 {
            line.put(" and no other.");
            return;
        }
        line.put("; the nearest is ");
        let best = union.branches.get(union.best).copied();
        match best.and_then(|best| self.schema.tag_of(best)).filter(|&(_, value)| is_short(value)) {
            Some((name, value)) => {
                line.shown(shown(self.schema.name(name).into())).put(" = ").shown(spelt(value, 60))
            }
            None => line.put("variant ").number(union.best as u64 + 1),
        };
        line.put(":");
        for told in union.told.iter().flatten() {
            let name = self.name_of(told);
            self.message(line.put(" "), &told.wrong, name);
        }
        if let Some(more @ 1..) = union.wrong.checked_sub(MAX_TOLD) {
            line.put(" And ").number(more as u64).put(" more.");
        }
    }

    pub(super) fn union_hint(&self, line: &mut Line<'_>, union: &Union<'_>) {
        if union.fitting > 0 {
            line.put("Send what one of the variants wants, and no other.");
        }
        for (at, told) in union.told.iter().flatten().enumerate() {
            if at > 0 {
                line.put(" ");
            }
            let name = self.name_of(told);
            self.hint(line, &told.wrong, name);
        }
    }

    /// The repair of the best branch's only fault.
    pub(super) fn union_fix(
        &mut self,
        line: &mut Line<'_>,
        union: &Union<'_>,
    ) -> Option<FixRecord> {
        let [Some(told), None] = &union.told else {
            line.put("null");
            return None;
        };
        let inner = core::mem::take(&mut self.report.inner);
        let pointer = inner.get(told.start..told.end).unwrap_or(&[]);
        let fix = self.fix(line, &told.wrong, None, pointer);
        self.report.inner = inner;
        fix
    }

    /// Lists the variants as JSON, the best first, when they are objects.
    pub(super) fn variants(&self, line: &mut Line<'_>, union: &Union<'_>) -> Option<Text> {
        let best = union.branches.get(union.best).copied()?;
        if !union.branches.iter().all(|&branch| self.schema.describes_objects(branch)) {
            return None;
        }
        line.put(r#","variants":"#);
        let start = line.at();
        let limit = line.len() + MAX_BYTES;
        line.put("[");
        self.variant(line, best);
        let others = (0..).zip(union.branches).filter(|&(at, _)| at != union.best);
        for (_, &branch) in others.take(MAX_LISTED - 1) {
            if line.len() < limit {
                self.variant(line.put(","), branch);
            }
        }
        line.put("]");
        Some(Text::plain(start, line.at()))
    }

    fn variant(&self, line: &mut Line<'_>, branch: u32) {
        let schema = self.schema;
        line.put("{");
        let tag = schema.tag_of(branch).filter(|&(_, value)| is_short(value));
        if let Some((name, value)) = tag
            && Look::of(value.raw()) != Look::Odd
        {
            line.put(r#""tag":{"#).quoted(Shown::new(schema.name(name).into(), 40)).put(":");
            line.bytes(value.raw()).put("},");
        }
        line.put(r#""required":["#);
        self.names(line, branch, true);
        line.put(r#"],"optional":["#);
        self.names(line, branch, false);
        line.put("]}");
    }

    fn names(&self, line: &mut Line<'_>, branch: u32, wanted: bool) {
        let mut written = 0;
        self.schema.each_member(branch, |name, _, required| {
            if required == wanted {
                if written > 0 {
                    line.put(",");
                }
                line.quoted(Shown::new(self.schema.name(name).into(), 40));
                written += 1;
            }
            written < MAX_NAMES
        });
    }
}
