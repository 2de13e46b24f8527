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

mod formula;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use self::formula::{Case, Formula};
use super::compile::{Compiler, append};
use super::pattern::Pattern;
use super::{CompileError, Declared, FREE, Location, MAX_LOCATIONS, NONE, ROOT, Span};

/// The finished tables.
pub(super) struct Located {
    pub(super) locations: Vec<Location>,
    pub(super) declared: Vec<Declared>,
    pub(super) places: Vec<u32>,
    pub(super) root: u32,
}

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
