//! The ghost rule, compiled: which names are declared at each place of a document.
//!
//! Which schemas speak of a place is a [`Formula`] over subschemas: some of them always, some maybe, and of
//! each union one of several sets. Formulas are kept in a normal form, so that equal places are one
//! location however many paths lead there and a recursive schema has finitely many, and a work
//! list follows each location to the places below it. A location is *closed* when its formula closes and
//! nothing in it opens (the rule is written out in `docs/ghosts.md`).
//!
//! Worst case: a hostile schema has exponentially many places; locations, and the steps to find them,
//! are bounded, and a schema beyond the bounds does not compile.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::compile::{Compiler, Tables, append};
use super::pattern::Pattern;
use super::{CompileError, Declared, FREE, Location, MAX_LOCATIONS, NONE, ROOT, Span};

/// The finished tables.
pub(super) struct Located {
    pub(super) locations: Vec<Location>,
    pub(super) declared: Vec<Declared>,
    pub(super) places: Vec<u32>,
    pub(super) root: u32,
}

/// Subschemas, by their own keywords alone.
type Subs = BTreeSet<u32>;

/// What one branch of a union demands: all of these.
type Case = Subs;

/// Which subschemas speak of a place, in normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Formula {
    /// These do.
    all: Subs,
    /// All of one of these may: they declare names but never close. None meets `all` or is made up of
    /// smaller ones.
    maybe: BTreeSet<Case>,
    /// For each union at least one of its cases. There are two or more, and none is empty, meets `all` or
    /// holds another; or there is none, and what has no room for objects and arrays applies.
    unions: BTreeSet<BTreeSet<Case>>,
}

impl Formula {
    /// How many subschemas it names, in all.
    fn len(&self) -> usize {
        let cases = self.unions.iter().flatten().chain(&self.maybe);
        self.all.len() + cases.map(|case| case.len() + 1).sum::<usize>()
    }

    /// Adds what `other` says.
    fn and(&mut self, other: &Self) {
        self.all.extend(&other.all);
        self.maybe.extend(other.maybe.iter().cloned());
        self.unions.extend(other.unions.iter().cloned());
    }
}

/// Most subschemas that apply in one place through each other.
const MAX_NESTING: u32 = 64;
/// Most cases of one union, those of unions inside it multiplied.
const MAX_CASES: usize = 4096;

/// Most automata that every undeclared name in one place is put through.
const MAX_AUTOMATA: usize = 32;

/// What descending from a place looks for.
#[derive(Clone, Copy)]
enum Step<'p> {
    /// The value of a member that is declared.
    Name(u32),
    /// The value of a member that no `properties` has; the patterns that its name matches.
    Other(&'p [u32]),
    /// An element of an array.
    Element(u32),
}

impl Step<'_> {
    const fn kind(self) -> Container {
        match self {
            Self::Element(_) => Container::Array,
            Self::Name(_) | Self::Other(_) => Container::Object,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

impl Container {
    const BOTH: [Self; 2] = [Self::Object, Self::Array];
}

pub(super) fn locate(compiler: &mut Compiler<'_>) -> Result<Located, CompileError> {
    let mut locator = Locator {
        compiler,
        expanded: HashMap::new(),
        by_formula: HashMap::new(),
        todo: Vec::new(),
        depth: 0,
        out: Located {
            locations: vec![Location::FREE],
            declared: Vec::new(),
            places: Vec::new(),
            root: FREE,
        },
    };
    locator.refuse_loops()?;
    locator.by_formula.insert(Rc::default(), FREE);
    let root = locator.expand(ROOT)?;
    locator.out.root = locator.place(root)?;
    while let Some((location, formula)) = locator.todo.pop() {
        locator.fill(location, &formula)?;
    }
    let mut out = locator.out;
    free_the_open(&mut out);
    Ok(out)
}

impl Location {
    const FREE: Self = Self {
        closed: false,
        names: Span { start: 0, len: 0 },
        patterns: Span { start: 0, len: 0 },
        others: NONE,
        prefix: Span { start: 0, len: 0 },
        rest: FREE,
    };
}

struct Locator<'c, 'a> {
    compiler: &'c mut Compiler<'a>,
    /// Formula of each subschema that was asked for.
    expanded: HashMap<u32, Rc<Formula>>,
    by_formula: HashMap<Rc<Formula>, u32>,
    todo: Vec<(u32, Rc<Formula>)>,
    /// How many subschemas are being expanded.
    depth: u32,
    out: Located,
}

impl Locator<'_, '_> {
    /// Refuses subschemas that apply to their own place without end: no check of them would end either.
    fn refuse_loops(&mut self) -> Result<(), CompileError> {
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
    fn expand(&mut self, sub: u32) -> Result<Rc<Formula>, CompileError> {
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
    fn any(&mut self, formula: &mut Formula, branches: &[Rc<Formula>]) -> Result<(), CompileError> {
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
    fn suppose(
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
    fn suppose_case(&self, case: Case, maybe: &mut BTreeSet<Case>) {
        if Container::BOTH.into_iter().any(|kind| self.admits(&case, kind)) {
            maybe.insert(case);
        }
    }

    /// The sets of subschemas of which one applies where `formula` does, names aside.
    fn cases(&mut self, formula: &Formula) -> Result<Vec<Case>, CompileError> {
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
    fn normal(&mut self, mut formula: Formula) -> Result<Rc<Formula>, CompileError> {
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
                    compared += kept.len() / 8;
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
                    compared += union.len() * other.len() / 8;
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
                compared += (rests.len() + declared) / 4;
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

    /// The location of `formula`; it is put on the work list when it is new.
    fn place(&mut self, formula: Rc<Formula>) -> Result<u32, CompileError> {
        if let Some(&location) = self.by_formula.get(&formula) {
            return Ok(location);
        }
        if self.out.locations.len() >= MAX_LOCATIONS {
            return Err(self.error(ROOT, "the schema describes too many different places"));
        }
        let location = self.out.locations.len() as u32;
        self.out.locations.push(Location::FREE);
        self.by_formula.insert(formula.clone(), location);
        self.todo.push((location, formula));
        Ok(location)
    }

    fn fill(&mut self, location: u32, formula: &Formula) -> Result<(), CompileError> {
        let found = self.collect(formula)?;
        let patterns: Vec<u32> = found.patterns.into_iter().collect();
        let compiled = &self.compiler.tables.patterns;
        let automata = patterns.iter().filter_map(|&index| compiled.get(index as usize));
        if automata.map(Pattern::machines).sum::<usize>() > MAX_AUTOMATA {
            return Err(self.error(ROOT, "too many patterns with look-aheads apply in one place"));
        }
        let mut declared = Vec::with_capacity(found.names.len());
        for name in found.names {
            let location = self.below(formula, Step::Name(name))?;
            declared.push(Declared { name, location });
        }
        let sets = u32::checked_shl(1, patterns.len() as u32)
            .filter(|_| patterns.len() <= 16)
            .ok_or_else(|| self.error(ROOT, "more than 16 patterns apply in one place"))?;
        let others = self.out.places.len() as u32;
        self.out.places.resize(others as usize + sets as usize, FREE);
        for set in 0..sets {
            let matched: Vec<u32> = (0..)
                .zip(&patterns)
                .filter(|(bit, _)| set >> bit & 1 == 1)
                .map(|(_, &pattern)| pattern)
                .collect();
            let child = self.below(formula, Step::Other(&matched))?;
            if let Some(slot) = self.out.places.get_mut((others + set) as usize) {
                *slot = child;
            }
        }
        let mut prefix = Vec::new();
        for nth in 0..found.prefix {
            prefix.push(self.below(formula, Step::Element(nth))?);
        }
        let rest = self.below(formula, Step::Element(u32::MAX))?;
        let closed = !found.open && self.closes(formula);
        let names = append(&mut self.out.declared, &declared);
        let patterns = append(&mut self.out.places, &patterns);
        let prefix = append(&mut self.out.places, &prefix);
        if let Some(slot) = self.out.locations.get_mut(location as usize) {
            *slot = Location { closed, names, patterns, others, prefix, rest };
        }
        Ok(())
    }

    /// Gathers what `formula` declares, whichever of its parts apply.
    fn collect(&mut self, formula: &Formula) -> Result<Found, CompileError> {
        let mut found = Found::default();
        self.pay(ROOT, formula.len())?;
        for &sub in &formula.all {
            self.collect_own(sub, &mut found)?;
        }
        for case in formula.unions.iter().flatten().chain(&formula.maybe) {
            if self.admits(case, Container::Object) {
                for &sub in case {
                    self.collect_own(sub, &mut found)?;
                }
            }
        }
        let cases = formula.unions.iter().flatten().chain(&formula.maybe).flatten();
        for &sub in formula.all.iter().chain(cases) {
            let tables = &self.compiler.tables;
            let array = tables.subs.get(sub as usize).map_or(NONE, |sub| sub.array);
            if let Some(array) = tables.arrays.get(array as usize) {
                found.prefix = found.prefix.max(array.prefix.len);
            }
        }
        Ok(found)
    }

    fn collect_own(&mut self, sub: u32, found: &mut Found) -> Result<(), CompileError> {
        let tables = &self.compiler.tables;
        let Some(schema) = tables.subs.get(sub as usize) else { return Ok(()) };
        let before = found.names.len();
        found.open |= tables.shapes.get(sub as usize).is_some_and(|shape| shape.opens);
        if let Some(object) = tables.objects.get(schema.object as usize) {
            found.names.extend(object.members.of(&tables.members).iter().map(|m| m.name));
            found.patterns.extend(object.patterns.of(&tables.keyed).iter().map(|&(p, _)| p));
            for dependent in object.dependents.of(&tables.dependents) {
                if dependent.sub == NONE {
                    found.names.insert(dependent.name);
                    found.names.extend(dependent.names.of(&tables.lists).iter().copied());
                }
            }
        }
        self.pay(sub, found.names.len() - before)
    }

    /// Whether an object at `formula` is closed, opening keywords aside.
    fn closes(&self, formula: &Formula) -> bool {
        let shapes = &self.compiler.tables.shapes;
        let closes = |sub: &u32| shapes.get(*sub as usize).is_some_and(|shape| shape.closes);
        formula.all.iter().any(closes)
            || formula.unions.iter().any(|union| {
                let mut cases =
                    union.iter().filter(|case| self.admits(case, Container::Object)).peekable();
                cases.peek().is_some() && cases.all(|case| case.iter().any(closes))
            })
    }

    /// Whether `case` leaves room for such a container.
    fn admits(&self, case: &Case, kind: Container) -> bool {
        case.iter().all(|&sub| {
            let shape = self.compiler.tables.shapes.get(sub as usize);
            shape.is_none_or(|shape| match kind {
                Container::Object => shape.object,
                Container::Array => shape.array,
            })
        })
    }

    /// The location one step below `formula`.
    fn below(&mut self, formula: &Formula, step: Step<'_>) -> Result<u32, CompileError> {
        self.pay(ROOT, formula.len())?;
        let mut below = Formula::default();
        for &sub in &formula.all {
            self.descend(sub, step, &mut below)?;
        }
        for case in &formula.maybe {
            if self.admits(case, step.kind()) {
                let mut supposed = Formula::default();
                for &sub in case {
                    self.descend(sub, step, &mut supposed)?;
                }
                let supposed = self.normal(supposed)?;
                self.suppose(&supposed, &mut below.maybe)?;
            }
        }
        for union in &formula.unions {
            // A case that has no room for this kind of container does not apply below it.
            let mut branches = Vec::with_capacity(union.len());
            for case in union {
                if !self.admits(case, step.kind()) {
                    continue;
                }
                let mut branch = Formula::default();
                for &sub in case {
                    self.descend(sub, step, &mut branch)?;
                }
                branches.push(self.normal(branch)?);
            }
            self.any(&mut below, &branches)?;
        }
        let below = self.normal(below)?;
        self.place(below)
    }

    /// Adds to `below` what `sub` says of the place one step below its own.
    fn descend(
        &mut self,
        sub: u32,
        step: Step<'_>,
        below: &mut Formula,
    ) -> Result<(), CompileError> {
        let tables = &self.compiler.tables;
        let Some(schema) = tables.subs.get(sub as usize) else { return Ok(()) };
        let mut subs = Vec::new();
        match step {
            Step::Element(nth) => {
                if let Some(array) = tables.arrays.get(schema.array as usize) {
                    let prefix = array.prefix.of(&tables.lists).get(nth as usize);
                    let items = Some(&array.items).filter(|&&sub| sub != NONE);
                    subs.extend(prefix.or(items));
                }
            }
            Step::Name(_) | Step::Other(_) => {
                if let Some(object) = tables.objects.get(schema.object as usize) {
                    if let Step::Name(name) = step {
                        let members = object.members.of(&tables.members);
                        let member = members.binary_search_by_key(&name, |m| m.name).ok();
                        let sub = member.and_then(|at| members.get(at)).map(|m| m.sub);
                        subs.extend(sub.filter(|&sub| sub != NONE));
                    }
                    for &(pattern, sub) in object.patterns.of(&tables.keyed) {
                        let matches = match step {
                            Step::Other(matched) => matched.contains(&pattern),
                            Step::Name(name) => tables
                                .patterns
                                .get(pattern as usize)
                                .is_some_and(|p| p.is_match(self.compiler.names.name(name))),
                            Step::Element(_) => false,
                        };
                        subs.extend(matches.then_some(sub));
                    }
                    if subs.is_empty() {
                        let rest = [object.additional, object.unevaluated];
                        subs.extend(rest.into_iter().find(|&sub| sub != NONE));
                    }
                }
            }
        }
        for sub in subs {
            let formula = self.expand(sub)?;
            self.pay(sub, formula.len())?;
            below.and(&formula);
        }
        Ok(())
    }

    /// Takes steps for `sub`.
    fn pay(&mut self, sub: u32, count: usize) -> Result<(), CompileError> {
        let node = self.compiler.tables.subs.get(sub as usize).map_or(0, |sub| sub.node);
        let place = self.compiler.doc.at(node);
        self.compiler.pay(place, count)
    }

    fn error(&self, sub: u32, message: &str) -> CompileError {
        let node = self.compiler.tables.subs.get(sub as usize).map_or(0, |sub| sub.node);
        let place = self.compiler.doc.at(node);
        self.compiler.error(place, &format!("{message}; simplify the schema"))
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

/// What a formula declares.
#[derive(Default)]
struct Found {
    names: BTreeSet<u32>,
    patterns: BTreeSet<u32>,
    open: bool,
    /// How many first elements have schemas of their own.
    prefix: u32,
}

/// Points every link to a location at and below which nothing is closed to [`FREE`], so that whole
/// subtrees of a document are passed over.
fn free_the_open(out: &mut Located) {
    // A location matters when it is closed or leads to one that matters: walk the links backwards.
    let count = out.locations.len();
    let mut parents: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (index, location) in (0_u32..).zip(&out.locations) {
        for child in children(out, location) {
            if let Some(list) = parents.get_mut(child as usize) {
                list.push(index);
            }
        }
    }
    let mut matters = vec![false; count];
    let mut todo: Vec<u32> =
        (0..).zip(&out.locations).filter(|(_, l)| l.closed).map(|(index, _)| index).collect();
    while let Some(index) = todo.pop() {
        let Some(seen) = matters.get_mut(index as usize) else { continue };
        if !core::mem::replace(seen, true) {
            todo.extend(parents.get(index as usize).into_iter().flatten());
        }
    }
    let free = |location: u32| {
        if matters.get(location as usize).copied().unwrap_or(false) { location } else { FREE }
    };
    for declared in &mut out.declared {
        declared.location = free(declared.location);
    }
    for index in 0..count {
        let Some(location) = out.locations.get(index).copied() else { continue };
        let sets = sets(&location);
        for at in (location.others..location.others.saturating_add(sets))
            .chain(location.prefix.start..location.prefix.start + location.prefix.len)
        {
            if let Some(slot) = out.places.get_mut(at as usize) {
                *slot = free(*slot);
            }
        }
        if let Some(slot) = out.locations.get_mut(index) {
            slot.rest = free(slot.rest);
        }
    }
    out.root = free(out.root);
}

/// How many sets of patterns a name can match at `location`.
fn sets(location: &Location) -> u32 {
    if location.others == NONE { 0 } else { 1 << location.patterns.len }
}

fn children(out: &Located, location: &Location) -> Vec<u32> {
    let others = Span { start: location.others, len: sets(location) };
    let others = if location.others == NONE { Span::default() } else { others };
    location
        .names
        .of(&out.declared)
        .iter()
        .map(|declared| declared.location)
        .chain(others.of(&out.places).iter().copied())
        .chain(location.prefix.of(&out.places).iter().copied())
        .chain(core::iter::once(location.rest))
        .collect()
}
