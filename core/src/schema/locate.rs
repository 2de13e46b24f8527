//! The ghost rule, compiled: which names are declared at each place of a document.
//!
//! Which schemas apply at a place is a *formula* over subschemas: all of these, any of those, maybe
//! this. Formulas are interned, so that equal places are one location however many paths lead there,
//! and a work list follows each location to the places below it. A location is *closed* when its
//! formula closes and nothing in it opens (the rule is written out in `docs/ghosts.md`).
//!
//! Worst case: a hostile schema has exponentially many places; locations, and the steps to find them,
//! are bounded, and a schema beyond the bounds does not compile.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

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

/// Which schemas apply at a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Formula {
    /// The own keywords of one subschema.
    Own(u32),
    /// All of these apply.
    All(Box<[u32]>),
    /// At least one of these applies.
    Any(Box<[u32]>),
    /// This may apply: it declares names but never closes.
    Maybe(u32),
}

/// Most subschemas that apply in one place through each other.
const MAX_NESTING: u32 = 64;
/// Most levels of one formula.
const MAX_HEIGHT: u32 = 256;

/// Most automata that every undeclared name in one place is put through.
const MAX_AUTOMATA: usize = 32;

/// The formula of a place that no schema speaks of.
const NOTHING: u32 = 0;

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

pub(super) fn locate(compiler: &mut Compiler<'_>) -> Result<Located, CompileError> {
    let mut locator = Locator {
        compiler,
        formulas: vec![Formula::All(Box::default())],
        traits: vec![Traits::NOTHING],
        interned: HashMap::new(),
        expanded: HashMap::new(),
        by_formula: HashMap::new(),
        todo: Vec::new(),
        depth: 0,
        out: Located {
            locations: Vec::new(),
            declared: Vec::new(),
            places: Vec::new(),
            root: FREE,
        },
    };
    locator.interned.insert(Formula::All(Box::default()), NOTHING);
    locator.by_formula.insert(NOTHING, FREE);
    locator.out.locations.push(Location::FREE);

    let root = locator.expand(ROOT)?;
    locator.out.root = locator.place(root)?;
    while let Some((location, formula)) = locator.todo.pop() {
        locator.fill(location, formula)?;
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
    formulas: Vec<Formula>,
    /// What is known of each formula, found when it is interned: formulas share parts, so that walking
    /// one can take exponentially many steps.
    traits: Vec<Traits>,
    interned: HashMap<Formula, u32>,
    /// Formula of each subschema; none while it is being found, to notice a loop.
    expanded: HashMap<u32, Option<u32>>,
    by_formula: HashMap<u32, u32>,
    todo: Vec<(u32, u32)>,
    /// How many subschemas are being expanded.
    depth: u32,
    out: Located,
}

impl Locator<'_, '_> {
    /// The formula of subschema `sub` with everything that applies in its place.
    fn expand(&mut self, sub: u32) -> Result<u32, CompileError> {
        self.step(sub)?;
        match self.expanded.get(&sub) {
            Some(Some(formula)) => return Ok(*formula),
            Some(None) => return Err(self.error(sub, "this $ref leads back to itself")),
            None => {}
        }
        if self.depth == MAX_NESTING {
            return Err(self.error(sub, "references and combinations are nested more than 64 deep"));
        }
        self.depth += 1;
        self.expanded.insert(sub, None);
        let tables = &self.compiler.tables;
        let (object, logic) = match tables.subs.get(sub as usize) {
            Some(sub) => (
                tables.objects.get(sub.object as usize).copied(),
                tables.logics.get(sub.logic as usize).copied(),
            ),
            None => (None, None),
        };
        let mut parts = vec![self.intern(Formula::Own(sub))];
        if let Some(logic) = logic {
            let lists = &self.compiler.tables.lists;
            let all = logic.all.of(lists).to_vec();
            let unions = [logic.any.of(lists).to_vec(), logic.one.of(lists).to_vec()];
            if logic.reference != NONE {
                parts.push(self.expand(logic.reference)?);
            }
            if logic.dynamic != NONE {
                // It names and never closes: the place itself is open.
                let formula = self.expand(logic.dynamic)?;
                parts.push(self.maybe(formula)?);
            }
            for sub in all {
                parts.push(self.expand(sub)?);
            }
            for union in unions.into_iter().filter(|union| !union.is_empty()) {
                let branches =
                    union.into_iter().map(|sub| self.expand(sub)).collect::<Result<_, _>>()?;
                parts.push(self.any(branches)?);
            }
            for sub in [logic.condition, logic.then, logic.otherwise] {
                if sub != NONE {
                    let formula = self.expand(sub)?;
                    parts.push(self.maybe(formula)?);
                }
            }
            if logic.not != NONE {
                // It declares nothing, but a loop through it is a loop all the same.
                self.expand(logic.not)?;
            }
        }
        if let Some(object) = object {
            let dependents = object.dependents.of(&self.compiler.tables.dependents).to_vec();
            for dependent in dependents.into_iter().filter(|d| d.sub != NONE) {
                let formula = self.expand(dependent.sub)?;
                parts.push(self.maybe(formula)?);
            }
        }
        let formula = self.all(parts)?;
        self.expanded.insert(sub, Some(formula));
        self.depth -= 1;
        Ok(formula)
    }

    /// Maybe `part`: what may apply of all or of any is each of them, so that no such formula nests.
    fn maybe(&mut self, part: u32) -> Result<u32, CompileError> {
        let parts = match self.formulas.get(part as usize).cloned() {
            Some(Formula::All(parts) | Formula::Any(parts)) => parts,
            Some(Formula::Maybe(_)) => return Ok(part),
            _ => return Ok(self.intern(Formula::Maybe(part))),
        };
        self.pay(ROOT, parts.len())?;
        let parts = parts.iter().map(|&part| self.maybe(part)).collect::<Result<_, _>>()?;
        self.all(parts)
    }

    fn intern(&mut self, formula: Formula) -> u32 {
        if let Some(&index) = self.interned.get(&formula) {
            return index;
        }
        let traits = self.describe(&formula);
        let index = self.formulas.len() as u32;
        self.formulas.push(formula.clone());
        self.traits.push(traits);
        self.interned.insert(formula, index);
        index
    }

    /// All of `parts`, in the one spelling that equal formulas share.
    fn all(&mut self, parts: Vec<u32>) -> Result<u32, CompileError> {
        let mut flat = BTreeSet::new();
        for part in parts {
            match self.formulas.get(part as usize) {
                Some(Formula::All(inner)) => flat.extend(inner.iter().copied()),
                _ => {
                    flat.insert(part);
                }
            }
        }
        let parts: Box<[u32]> = flat.into_iter().collect();
        self.pay(ROOT, parts.len())?;
        Ok(match *parts {
            [one] => one,
            _ => self.intern(Formula::All(parts)),
        })
    }

    /// Any of `branches`, in the one spelling that equal formulas share.
    fn any(&mut self, branches: Vec<u32>) -> Result<u32, CompileError> {
        let mut flat = BTreeSet::new();
        for branch in branches {
            match self.formulas.get(branch as usize) {
                Some(Formula::Any(inner)) => flat.extend(inner.iter().copied()),
                _ => {
                    flat.insert(branch);
                }
            }
        }
        let branches: Box<[u32]> = flat.into_iter().collect();
        self.pay(ROOT, branches.len())?;
        Ok(match *branches {
            [one] => one,
            _ => self.intern(Formula::Any(branches)),
        })
    }

    /// The location of `formula`; it is put on the work list when it is new.
    fn place(&mut self, formula: u32) -> Result<u32, CompileError> {
        if let Some(&location) = self.by_formula.get(&formula) {
            return Ok(location);
        }
        let too_high = self.traits_of(formula).height > MAX_HEIGHT;
        if too_high || self.out.locations.len() >= MAX_LOCATIONS {
            return Err(self.error(ROOT, "the schema describes too many different places"));
        }
        let location = self.out.locations.len() as u32;
        self.out.locations.push(Location::FREE);
        self.by_formula.insert(formula, location);
        self.todo.push((location, formula));
        Ok(location)
    }

    fn fill(&mut self, location: u32, formula: u32) -> Result<(), CompileError> {
        let mut found = Found::default();
        self.collect(formula, &mut found)?;
        let patterns: Vec<u32> = found.patterns.into_iter().collect();
        let compiled = &self.compiler.tables.patterns;
        let automata = patterns.iter().filter_map(|&index| compiled.get(index as usize));
        if automata.map(Pattern::machines).sum::<usize>() > MAX_AUTOMATA {
            return Err(self.error(ROOT, "too many patterns with look-aheads apply in one place"));
        }
        let mut declared = Vec::with_capacity(found.names.len());
        for name in found.names {
            let child = self.descend(formula, Step::Name(name))?;
            declared.push(Declared { name, location: self.place(child)? });
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
            let child = self.descend(formula, Step::Other(&matched))?;
            let child = self.place(child)?;
            if let Some(slot) = self.out.places.get_mut((others + set) as usize) {
                *slot = child;
            }
        }
        let mut prefix = Vec::new();
        for nth in 0..found.prefix {
            let child = self.descend(formula, Step::Element(nth))?;
            prefix.push(self.place(child)?);
        }
        let rest = self.descend(formula, Step::Element(u32::MAX))?;
        let rest = self.place(rest)?;
        let closed = self.traits_of(formula).closes && !found.open;
        let names = append(&mut self.out.declared, &declared);
        let patterns = append(&mut self.out.places, &patterns);
        let prefix = append(&mut self.out.places, &prefix);
        if let Some(slot) = self.out.locations.get_mut(location as usize) {
            *slot = Location { closed, names, patterns, others, prefix, rest };
        }
        Ok(())
    }

    /// Gathers what `formula` declares, whichever of its parts apply.
    fn collect(&mut self, formula: u32, found: &mut Found) -> Result<(), CompileError> {
        self.step(ROOT)?;
        match self.formulas.get(formula as usize).cloned() {
            Some(Formula::Own(sub)) => {
                let before = found.names.len();
                self.collect_own(sub, found);
                self.pay(sub, found.names.len() - before)?;
            }
            Some(Formula::All(parts)) => {
                for &part in &parts {
                    self.collect(part, found)?;
                }
            }
            Some(Formula::Any(parts)) => {
                for &part in &parts {
                    if self.traits_of(part).object {
                        self.collect(part, found)?;
                    } else {
                        // What takes no objects says nothing of their members.
                        let mut other = Found::default();
                        self.collect(part, &mut other)?;
                        found.prefix = found.prefix.max(other.prefix);
                    }
                }
            }
            Some(Formula::Maybe(part)) => self.collect(part, found)?,
            None => {}
        }
        Ok(())
    }

    fn collect_own(&self, sub: u32, found: &mut Found) {
        let tables = &self.compiler.tables;
        let Some(schema) = tables.subs.get(sub as usize) else { return };
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
        if let Some(array) = tables.arrays.get(schema.array as usize) {
            found.prefix = found.prefix.max(array.prefix.len);
        }
    }

    /// The formula one step below `formula`.
    fn descend(&mut self, formula: u32, step: Step<'_>) -> Result<u32, CompileError> {
        self.step(ROOT)?;
        match self.formulas.get(formula as usize).cloned() {
            Some(Formula::Own(sub)) => self.descend_own(sub, step),
            Some(Formula::All(parts)) => {
                let parts =
                    parts.iter().map(|&part| self.descend(part, step)).collect::<Result<_, _>>()?;
                self.all(parts)
            }
            Some(Formula::Any(branches)) => {
                // A branch that has no room for this kind of container does not apply below it.
                let array = matches!(step, Step::Element(_));
                let branches = branches
                    .iter()
                    .filter(|&&branch| self.traits_of(branch).admits(array))
                    .copied()
                    .collect::<Vec<_>>();
                let branches = branches
                    .into_iter()
                    .map(|branch| self.descend(branch, step))
                    .collect::<Result<_, _>>()?;
                self.any(branches)
            }
            Some(Formula::Maybe(part)) => {
                let part = self.descend(part, step)?;
                self.maybe(part)
            }
            None => Ok(NOTHING),
        }
    }

    fn descend_own(&mut self, sub: u32, step: Step<'_>) -> Result<u32, CompileError> {
        let tables = &self.compiler.tables;
        let Some(schema) = tables.subs.get(sub as usize) else { return Ok(NOTHING) };
        let mut below = Vec::new();
        match step {
            Step::Element(nth) => {
                if let Some(array) = tables.arrays.get(schema.array as usize) {
                    let prefix = array.prefix.of(&tables.lists).get(nth as usize);
                    let items = Some(&array.items).filter(|&&sub| sub != NONE);
                    below.extend(prefix.or(items));
                }
            }
            Step::Name(_) | Step::Other(_) => {
                if let Some(object) = tables.objects.get(schema.object as usize) {
                    if let Step::Name(name) = step {
                        let members = object.members.of(&tables.members);
                        let member = members.binary_search_by_key(&name, |m| m.name).ok();
                        let sub = member.and_then(|at| members.get(at)).map(|m| m.sub);
                        below.extend(sub.filter(|&sub| sub != NONE));
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
                        below.extend(matches.then_some(sub));
                    }
                    if below.is_empty() {
                        let rest = [object.additional, object.unevaluated];
                        below.extend(rest.into_iter().find(|&sub| sub != NONE));
                    }
                }
            }
        }
        let parts = below.into_iter().map(|sub| self.expand(sub)).collect::<Result<_, _>>()?;
        self.all(parts)
    }

    fn traits_of(&self, formula: u32) -> Traits {
        self.traits.get(formula as usize).copied().unwrap_or(Traits::NOTHING)
    }

    /// The traits of a formula, from those of its parts.
    fn describe(&self, formula: &Formula) -> Traits {
        let height = |parts: &[u32]| {
            parts.iter().map(|&part| self.traits_of(part).height).max().unwrap_or(0) + 1
        };
        match formula {
            &Formula::Own(sub) => {
                let shape = self.compiler.tables.shapes.get(sub as usize);
                let shape = shape.copied().unwrap_or_default();
                Traits { height: 1, object: shape.object, array: shape.array, closes: shape.closes }
            }
            Formula::All(parts) => {
                let each = || parts.iter().map(|&part| self.traits_of(part));
                Traits {
                    height: height(parts),
                    object: each().all(|part| part.object),
                    array: each().all(|part| part.array),
                    closes: each().any(|part| part.closes),
                }
            }
            Formula::Any(parts) => {
                let each = || parts.iter().map(|&part| self.traits_of(part));
                let object = each().any(|part| part.object);
                Traits {
                    height: height(parts),
                    object,
                    array: each().any(|part| part.array),
                    closes: object && each().all(|part| part.closes || !part.object),
                }
            }
            &Formula::Maybe(part) => Traits { height: height(&[part]), ..Traits::NOTHING },
        }
    }

    fn step(&mut self, sub: u32) -> Result<(), CompileError> {
        self.pay(sub, 1)
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

/// What is known of a formula without walking it.
#[derive(Clone, Copy)]
struct Traits {
    /// How deep it is nested; bounds every recursion over it.
    height: u32,
    /// Whether it leaves room for an object, and for an array.
    object: bool,
    array: bool,
    /// Whether it closes, opening keywords aside.
    closes: bool,
}

impl Traits {
    const NOTHING: Self = Self { height: 1, object: true, array: true, closes: false };

    const fn admits(self, array: bool) -> bool {
        if array { self.array } else { self.object }
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
