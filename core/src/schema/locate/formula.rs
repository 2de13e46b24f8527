//! Which subschemas speak of a place.
//!
//! A [`Formula`] says of subschemas that they do always, that they may, and of each union that one of
//! several sets does. It is kept in a normal form, so that equal places have equal formulas however many
//! paths lead there. Worst case: unions inside unions multiply; their cases, and the steps to compare them,
//! are bounded.

use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use super::super::compile::Tables;
use super::super::{CompileError, NONE, ROOT};
use super::{Container, Locator};

/// Most subschemas that apply in one place through each other.
const MAX_NESTING: u32 = 64;
/// Most cases of one union, those of unions inside it multiplied.
const MAX_CASES: usize = 4096;

/// Subschemas, by their own keywords alone.
pub(super) type Subs = BTreeSet<u32>;

/// What one branch of a union demands: all of these.
pub(super) type Case = Subs;

/// Which subschemas speak of a place, in normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Formula {
    /// These do.
    pub(super) all: Subs,
    /// All of one of these may: they declare names but never close. None meets `all` or is made up of
    /// smaller ones.
    pub(super) maybe: BTreeSet<Case>,
    /// For each union at least one of its cases. There are two or more, and none is empty, meets `all` or
    /// holds another; or there is none, and what has no room for objects and arrays applies.
    pub(super) unions: BTreeSet<BTreeSet<Case>>,
}

impl Formula {
    /// How many subschemas it names, in all.
    pub(super) fn len(&self) -> usize {
        let cases = self.unions.iter().flatten().chain(&self.maybe);
        self.all.len() + cases.map(|case| case.len() + 1).sum::<usize>()
    }

    /// Adds what `other` says.
    pub(super) fn and(&mut self, other: &Self) {
        self.all.extend(&other.all);
        self.maybe.extend(other.maybe.iter().cloned());
        self.unions.extend(other.unions.iter().cloned());
    }
}

impl Locator<'_, '_> {
    /// Refuses subschemas that apply to their own place without end: no check of them would end either.
    pub(super) fn refuse_loops(&mut self) -> Result<(), CompileError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            /// The walk is below it.
            Open,
            Done,
        }
        let count = self.compiler.tables.subs.len();
        let mut seen = vec![Seen::Not; count];
        let mut todo: Vec<u32> = (0..count as u32).collect();
        while let Some(&sub) = todo.last() {
            let Some(state) = seen.get_mut(sub as usize) else { break };
            if *state != Seen::Not {
                // Back from below it, or met it a second time.
                *state = Seen::Done;
                todo.pop();
                continue;
            }
            *state = Seen::Open;
            for next in self.compiler.tables.in_place(sub) {
                self.pay(sub, 1)?;
                match seen.get(next as usize) {
                    Some(Seen::Open) => {
                        return Err(self.error(sub, "this subschema leads back to itself"));
                    }
                    Some(Seen::Not) => todo.push(next),
                    Some(Seen::Done) | None => {}
                }
            }
        }
        Ok(())
    }

    /// The formula of subschema `sub` with everything that applies in its place.
    pub(super) fn expand(&mut self, sub: u32) -> Result<Rc<Formula>, CompileError> {
        self.pay(sub, 1)?;
        if let Some(formula) = self.expanded.get(&sub) {
            return Ok(formula.clone());
        }
        if self.depth == MAX_NESTING {
            return Err(self.error(sub, "references and combinations are nested more than 64 deep"));
        }
        self.depth += 1;
        let tables = &self.compiler.tables;
        let (object, logic) = match tables.subs.get(sub as usize) {
            Some(sub) => (
                tables.objects.get(sub.object as usize).copied(),
                tables.logics.get(sub.logic as usize).copied(),
            ),
            None => (None, None),
        };
        let mut formula = Formula { all: [sub].into(), ..Formula::default() };
        let mut maybe = Vec::new();
        if let Some(logic) = logic {
            let lists = &self.compiler.tables.lists;
            let all = logic.all.of(lists).to_vec();
            let unions = [logic.any.of(lists).to_vec(), logic.one.of(lists).to_vec()];
            let reference = Some(logic.reference).filter(|&sub| sub != NONE);
            for part in reference.into_iter().chain(all) {
                let part = self.expand(part)?;
                self.pay(sub, part.len())?;
                formula.and(&part);
            }
            for union in unions.into_iter().filter(|union| !union.is_empty()) {
                let branches = union.into_iter().map(|branch| self.expand(branch));
                let branches = branches.collect::<Result<Vec<_>, _>>()?;
                self.any(&mut formula, &branches)?;
            }
            // What a dynamic reference resolves to names and never closes: the place itself is open.
            maybe.extend([logic.dynamic, logic.condition, logic.then, logic.otherwise]);
        }
        if let Some(object) = object {
            let dependents = object.dependents.of(&self.compiler.tables.dependents);
            maybe.extend(dependents.iter().map(|dependent| dependent.sub));
        }
        for part in maybe.into_iter().filter(|&part| part != NONE) {
            let part = self.expand(part)?;
            self.pay(sub, part.len())?;
            self.suppose(&part, &mut formula.maybe)?;
        }
        let formula = self.normal(formula)?;
        self.expanded.insert(sub, formula.clone());
        self.depth -= 1;
        Ok(formula)
    }

    /// Adds to `formula` that one of `branches` applies.
    pub(super) fn any(
        &mut self,
        formula: &mut Formula,
        branches: &[Rc<Formula>],
    ) -> Result<(), CompileError> {
        if let [one] = branches {
            formula.and(one);
            return Ok(());
        }
        let mut union = BTreeSet::new();
        let mut closes = true;
        for branch in branches {
            let cases = self.cases(branch)?;
            self.pay(ROOT, cases.len() * (branch.maybe.len() + 1))?;
            for case in cases {
                for more in &branch.maybe {
                    self.suppose_case(&case | more, &mut formula.maybe);
                }
                // What takes neither objects nor arrays says nothing of what they hold.
                if Container::BOTH.into_iter().any(|kind| self.admits(&case, kind)) {
                    closes &= !case.is_empty();
                    union.insert(case);
                }
            }
        }
        if closes {
            formula.unions.insert(union);
        } else {
            // One branch says nothing, so that nothing is closed here or below.
            formula.maybe.extend(union);
        }
        Ok(())
    }

    /// Adds to `maybe` what `formula` says.
    pub(super) fn suppose(
        &mut self,
        formula: &Formula,
        maybe: &mut BTreeSet<Case>,
    ) -> Result<(), CompileError> {
        let cases = self.cases(formula)?;
        self.pay(ROOT, formula.len() + cases.len() * (formula.maybe.len() + 1))?;
        for case in cases {
            for more in &formula.maybe {
                self.suppose_case(&case | more, maybe);
            }
            self.suppose_case(case, maybe);
        }
        Ok(())
    }

    /// Adds `case` to `maybe`, unless it has no room for objects and arrays.
    pub(super) fn suppose_case(&self, case: Case, maybe: &mut BTreeSet<Case>) {
        if Container::BOTH.into_iter().any(|kind| self.admits(&case, kind)) {
            maybe.insert(case);
        }
    }

    /// The sets of subschemas of which one applies where `formula` does, names aside.
    pub(super) fn cases(&mut self, formula: &Formula) -> Result<Vec<Case>, CompileError> {
        let mut cases = vec![formula.all.clone()];
        for union in &formula.unions {
            let count = cases.len() * union.len();
            if count > MAX_CASES {
                return Err(self.error(ROOT, "combinations of variants are too many"));
            }
            self.pay(ROOT, count * formula.all.len().max(1))?;
            let each = |case: &Case| union.iter().map(|more| case | more).collect::<Vec<_>>();
            cases = cases.iter().flat_map(each).collect();
        }
        Ok(cases)
    }

    /// Brings `formula` into normal form. What is left out cannot decide whether a place is closed: a case
    /// that holds another is closed when that one is, a union with a case that applies anyhow closes only
    /// where that case does, and so does a union whose cases are all within those of another. What it
    /// declares remains.
    pub(super) fn normal(&mut self, mut formula: Formula) -> Result<Rc<Formula>, CompileError> {
        let mut compared = formula.len();
        let Formula { all, maybe, unions } = &mut formula;
        loop {
            let before = all.len();
            for union in core::mem::take(unions) {
                let mut cases: Vec<(&Case, Case)> =
                    union.iter().map(|case| (case, case - all)).collect();
                cases.sort_by_key(|(_, rest)| rest.len());
                let mut kept: BTreeSet<Case> = BTreeSet::new();
                for (case, rest) in cases {
                    let mut smaller = kept.iter().filter(|other| other.len() < rest.len());
                    compared += kept.len() / 2;
                    if smaller.any(|other| other.is_subset(&rest)) {
                        maybe.insert(case.clone());
                    } else {
                        kept.insert(rest);
                    }
                }
                if kept.len() == 1 {
                    // One that applies anyhow is empty by now, and alone.
                    all.extend(kept.into_iter().flatten());
                } else {
                    unions.insert(kept);
                }
            }
            if all.len() == before {
                break;
            }
        }
        if unions.len() > 1 {
            for union in unions.clone() {
                let implies = |other: &BTreeSet<Case>| {
                    compared += union.len() * other.len() / 2;
                    !other.is_empty()
                        && *other != union
                        && other.iter().all(|case| union.iter().any(|part| part.is_subset(case)))
                };
                if unions.iter().any(implies) {
                    maybe.extend(union.iter().cloned());
                    unions.remove(&union);
                }
            }
        }
        let rests: BTreeSet<Case> = maybe.iter().map(|case| case - all).collect();
        let declared = unions.iter().map(BTreeSet::len).sum::<usize>();
        // The parts have room wherever the whole has.
        *maybe = rests
            .iter()
            .filter(|case| {
                compared += rests.len() + declared;
                let smaller = |other: &&Case| other.len() < case.len() && other.is_subset(case);
                let parts = rests.iter().chain(unions.iter().flatten()).filter(smaller);
                let said: Subs = parts.flatten().copied().collect();
                said.len() < case.len()
            })
            .cloned()
            .collect();
        self.pay(ROOT, compared)?;
        Ok(Rc::new(formula))
    }
}

impl Tables {
    /// The subschemas that apply where `sub` does.
    fn in_place(&self, sub: u32) -> Vec<u32> {
        let Some(sub) = self.subs.get(sub as usize) else { return Vec::new() };
        let mut found = Vec::new();
        if let Some(logic) = self.logics.get(sub.logic as usize) {
            for list in [logic.all, logic.any, logic.one] {
                found.extend(list.of(&self.lists));
            }
            found.extend([logic.reference, logic.dynamic, logic.not]);
            found.extend([logic.condition, logic.then, logic.otherwise]);
        }
        if let Some(object) = self.objects.get(sub.object as usize) {
            found.extend(object.dependents.of(&self.dependents).iter().map(|d| d.sub));
        }
        found.retain(|&sub| sub != NONE);
        found
    }
}
