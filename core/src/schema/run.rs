//! Runs a compiled schema over a tape.
//!
//! One function for each kind of rule, generic over what happens to a fault: a check gathers all of them
//! ([`Collect`]); a branch that need not hold, or a check that only wants a verdict, stops at the first
//! ([`Silent`]). Every visited pair of subschema and node takes a step of the budget; so do compared
//! items, every few members that a loop passes and every few bytes of text that it reads. A check that
//! runs out of steps or of depth has no verdict and must be refused.

use super::{
    ArrayRules, Content, Keyword, NONE, NumberRules, ObjectRules, ROOT, Schema, StringRules, Sub,
    Types, find_named,
};
use crate::buf::{Buf, Full};
use crate::json::{CUT, Document, Kind, Node, Tape};

/// Nested calls that one check may make; bounds the stack.
const MAX_CALLS: u32 = 1024;
/// How many bytes of text are read for one step.
pub(super) const BYTES_A_STEP: usize = 8;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Valid,
    Invalid,
    /// The budget ran out before there was a verdict.
    TooComplex,
}

/// One violation, as indexes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Node of the instance.
    pub(crate) node: u32,
    /// The subschema that it violates.
    pub(crate) sub: u32,
    pub(crate) keyword: Keyword,
    /// Name id for `required` and `dependentRequired`; node of the member's name for
    /// `additionalProperties`, `unevaluatedProperties` and `propertyNames`, one fault each.
    pub(crate) detail: u32,
}

impl Default for Fault {
    fn default() -> Self {
        Self { node: 0, sub: ROOT, keyword: Keyword::Type, detail: NONE }
    }
}

/// What happens to a fault.
pub(crate) trait Faults {
    /// Whether to look for more after the first.
    const ALL: bool;
    /// Whether a ghost is a fault.
    const CLOSED: bool = false;
    fn add(&mut self, fault: Fault);
}

/// Nothing: only the verdict counts.
pub(super) struct Silent;

impl Faults for Silent {
    const ALL: bool = false;
    fn add(&mut self, _: Fault) {}
}

/// Nothing, and ghosts are faults.
struct Whole;

impl Faults for Whole {
    const ALL: bool = false;
    const CLOSED: bool = true;
    fn add(&mut self, _: Fault) {}
}

/// Keeps faults until the buffer holds `most`.
pub(crate) struct Collect<'a, 'm> {
    pub(crate) faults: &'a mut Buf<'m, Fault>,
    pub(crate) most: usize,
}

impl Faults for Collect<'_, '_> {
    const ALL: bool = true;
    fn add(&mut self, fault: Fault) {
        if self.faults.len() < self.most {
            // Lent storage that is full keeps the faults it has.
            let _ = self.faults.push(fault);
        }
    }
}

/// Memory of a check.
pub(crate) struct Memory<'a, 'm> {
    /// Elements of an array, sorted.
    pub(crate) order: &'a mut Buf<'m, u32>,
    /// A stack of flags: which members or elements of a container are evaluated.
    pub(crate) marks: &'a mut Buf<'m, bool>,
    /// One text without its escapes, or decoded.
    pub(crate) text: &'a mut Buf<'m, u8>,
    /// A document inside a string.
    pub(crate) inner: &'a mut Tape<'m>,
}

impl<'m> Memory<'_, 'm> {
    /// The same memory, lent on.
    pub(crate) fn lend(&mut self) -> Memory<'_, 'm> {
        let Self { order, marks, text, inner } = self;
        Memory { order, marks, text, inner }
    }
}

/// Validates the document, parsed with the names of `schema`. With `faults` every violation is
/// gathered, in no particular order.
pub(crate) fn validate(
    schema: &Schema,
    doc: Document<'_>,
    steps: u32,
    memory: Memory<'_, '_>,
    faults: Option<&mut Collect<'_, '_>>,
) -> Outcome {
    memory.marks.clear();
    let mut run = Run { schema, own: schema.document(), doc, steps, calls: MAX_CALLS, memory };
    let valid = match faults {
        Some(faults) => run.sub(ROOT, 0, faults),
        None => run.sub(ROOT, 0, &mut Silent),
    };
    match (run.steps, valid) {
        (0, _) => Outcome::TooComplex,
        (_, true) => Outcome::Valid,
        (_, false) => Outcome::Invalid,
    }
}

/// Whether the document, parsed with the names of `schema`, surely has neither ghosts nor faults. False
/// decides nothing.
#[inline]
pub(crate) fn accepts(
    schema: &Schema,
    doc: Document<'_>,
    steps: u32,
    memory: Memory<'_, '_>,
) -> bool {
    if !schema.one_pass {
        return false;
    }
    memory.marks.clear();
    let mut run = Run { schema, own: schema.document(), doc, steps, calls: MAX_CALLS, memory };
    run.sub(ROOT, 0, &mut Whole) && run.steps > 0
}

/// Gathers the faults of one subschema on one node, for a report; `steps` says how many are left. None
/// when they, or the room for calls, ran out.
pub(crate) fn examine(
    schema: &Schema,
    doc: Document<'_>,
    (sub, at): (u32, u32),
    steps: &mut u32,
    memory: Memory<'_, '_>,
    faults: &mut Collect<'_, '_>,
) -> Option<bool> {
    memory.marks.clear();
    let own = schema.document();
    let mut run = Run { schema, own, doc, steps: *steps, calls: MAX_CALLS, memory };
    let valid = run.sub(sub, at, faults);
    *steps = run.steps;
    (run.steps > 0).then_some(valid)
}

pub(super) struct Run<'a, 'm> {
    pub(super) schema: &'a Schema,
    /// The schema document.
    pub(super) own: Document<'a>,
    pub(super) doc: Document<'a>,
    /// Steps left; at zero every answer is void.
    pub(super) steps: u32,
    /// Nested calls left.
    pub(super) calls: u32,
    pub(super) memory: Memory<'a, 'm>,
}

impl Run<'_, '_> {
    /// Whether the node at `at` satisfies subschema `index`.
    pub(super) fn sub<F: Faults>(&mut self, index: u32, at: u32, faults: &mut F) -> bool {
        if self.calls == 0 || self.steps <= 1 {
            self.steps = 0;
            return false;
        }
        let schema = self.schema;
        let Some(sub) = schema.sub(index) else { return false };
        self.steps -= 1;
        if sub.types != Types::ANY && !self.meets(sub.types, at) {
            let keyword = if sub.never { Keyword::FalseSchema } else { Keyword::Type };
            faults.add(Fault { node: at, sub: index, keyword, detail: NONE });
            return false;
        }
        if sub.simple {
            return true;
        }
        self.calls -= 1;
        let valid = self.rules(index, sub, at, faults);
        self.calls += 1;
        valid
    }

    fn rules<F: Faults>(&mut self, index: u32, sub: &Sub, at: u32, faults: &mut F) -> bool {
        let schema = self.schema;
        let fault = |keyword| Fault { node: at, sub: index, keyword, detail: NONE };
        let mut valid = true;
        if sub.choices != NONE && !self.is_choice(sub.choices, at) {
            faults.add(fault(Keyword::Enum));
            valid = false;
        }
        if sub.constant != NONE && !self.equal(sub.constant, at) {
            faults.add(fault(Keyword::Const));
            valid = false;
        }
        if !valid && !F::ALL {
            return false;
        }
        valid &= match self.doc.node(at).kind() {
            Kind::Object => match schema.objects.get(sub.object as usize) {
                Some(rules) => self.object(index, rules, at, faults),
                None => true,
            },
            Kind::Array => match schema.arrays.get(sub.array as usize) {
                Some(rules) => self.array(index, rules, at, faults),
                None => true,
            },
            Kind::String | Kind::Key => match schema.strings.get(sub.string as usize) {
                Some(rules) => self.string(index, rules, at, faults),
                None => true,
            },
            Kind::Number => match schema.numbers.get(sub.number as usize) {
                Some(rules) => self.number(index, rules, at, faults),
                None => true,
            },
            Kind::Null | Kind::False | Kind::True => true,
        };
        if (valid || F::ALL)
            && let Some(rules) = schema.logics.get(sub.logic as usize)
        {
            valid &= self.logic(index, rules, at, faults);
        }
        // Last, for they ask what everything else in this place has evaluated.
        if sub.unevaluated && (valid || F::ALL) {
            valid &= self.unevaluated(index, sub, at, valid, faults);
        }
        valid
    }

    fn object<F: Faults>(
        &mut self,
        index: u32,
        rules: &ObjectRules,
        at: u32,
        faults: &mut F,
    ) -> bool {
        let schema = self.schema;
        let members = rules.members.of(&schema.members);
        let object = self.doc.node(at);
        let count = u64::from(object.number());
        let fault = |keyword| Fault { node: at, sub: index, keyword, detail: NONE };
        if !self.pay(count as usize / 4) {
            return false;
        }
        let mut valid = true;
        let mut required = 0;
        let mut key = at + 1;
        if F::CLOSED && rules.closed {
            while key < object.link {
                let [node, content] = self.doc.pair(key);
                let value = key + 1;
                let member = find_named(members, node.number(), |member| member.name);
                let Some(member) = member.filter(|member| member.sub != NONE) else {
                    return false;
                };
                required += u32::from(member.required);
                if !(self.admits_at_once(member.at_once, content)
                    || self.sub(member.sub, value, faults))
                {
                    return false;
                }
                if rules.names != NONE && !self.sub(rules.names, key, &mut Silent) {
                    return false;
                }
                key = content.after(value);
            }
        }
        while key < object.link {
            let [node, content] = self.doc.pair(key);
            let value = key + 1;
            let after = content.after(value);
            if node.has(CUT) {
                key = after;
                continue;
            }
            let mut known = false;
            if let Some(member) = find_named(members, node.number(), |member| member.name) {
                required += u32::from(member.required);
                if member.sub != NONE {
                    known = true;
                    valid &= self.admits_at_once(member.at_once, content)
                        || self.sub(member.sub, value, faults);
                }
            }
            for &(pattern, sub) in rules.patterns.of(&schema.keyed) {
                if self.matches(pattern, key) {
                    known = true;
                    valid &= self.sub(sub, value, faults);
                }
            }
            if !known && rules.additional != NONE {
                if schema.sub(rules.additional).is_some_and(|sub| sub.never) {
                    valid = false;
                    faults.add(Fault { detail: key, ..fault(Keyword::AdditionalProperties) });
                } else {
                    valid &= self.sub(rules.additional, value, faults);
                }
            }
            if rules.names != NONE && !self.sub(rules.names, key, &mut Silent) {
                valid = false;
                faults.add(Fault { detail: key, ..fault(Keyword::PropertyNames) });
            }
            if (!valid && !F::ALL) || self.steps == 0 {
                return false;
            }
            key = after;
        }
        if required < rules.required {
            valid = false;
            if !F::ALL {
                return false;
            }
            for member in members.iter().filter(|member| member.required) {
                if !self.has(at, member.name) {
                    faults.add(Fault { detail: member.name, ..fault(Keyword::Required) });
                }
                if self.steps == 0 {
                    return false;
                }
            }
        }
        if count < rules.min {
            valid = false;
            faults.add(fault(Keyword::MinProperties));
        }
        if count > rules.max {
            valid = false;
            faults.add(fault(Keyword::MaxProperties));
        }
        for dependent in rules.dependents.of(&schema.dependents) {
            if self.steps == 0 {
                return false;
            }
            if !self.has(at, dependent.name) {
                continue;
            }
            for &name in dependent.names.of(&schema.lists) {
                if self.steps == 0 {
                    return false;
                }
                if !self.has(at, name) {
                    valid = false;
                    faults.add(Fault { detail: name, ..fault(Keyword::DependentRequired) });
                }
            }
            if dependent.sub != NONE {
                valid &= self.sub(dependent.sub, at, faults);
            }
        }
        valid
    }

    /// Whether a value of type `types` admits a node without a closer look. A subschema is visited all the
    /// same: it takes its step.
    #[inline(always)]
    fn admits_at_once(&mut self, types: Types, node: Node) -> bool {
        let admitted = types.meets(Types::at_a_glance(node));
        // What counts down to nothing is left to the closer look.
        let short = !node.is(Kind::Number) || node.end - node.start < BYTES_A_STEP as u32;
        if admitted && short && self.steps > 1 {
            self.steps -= 1;
            return true;
        }
        false
    }

    fn array<F: Faults>(
        &mut self,
        index: u32,
        rules: &ArrayRules,
        at: u32,
        faults: &mut F,
    ) -> bool {
        let schema = self.schema;
        let array = self.doc.node(at);
        let count = u64::from(array.number());
        let prefix = rules.prefix.of(&schema.lists);
        let mut valid = true;
        if rules.items != NONE || !prefix.is_empty() {
            let rest_at_once = schema.sub(rules.items).map_or(Types::EMPTY, Sub::at_once);
            let mut element = at + 1;
            let mut nth = 0;
            while element < array.link {
                let content = self.doc.node(element);
                let (sub, at_once) = match prefix.get(nth) {
                    Some(&sub) => (sub, Types::EMPTY),
                    None if rules.items == NONE => break,
                    None => (rules.items, rest_at_once),
                };
                valid &= self.admits_at_once(at_once, content) || self.sub(sub, element, faults);
                if !valid && !F::ALL {
                    return false;
                }
                element = content.after(element);
                nth += 1;
            }
        }
        let fault = |keyword| Fault { node: at, sub: index, keyword, detail: NONE };
        if count < rules.min {
            valid = false;
            faults.add(fault(Keyword::MinItems));
        }
        if count > rules.max {
            valid = false;
            faults.add(fault(Keyword::MaxItems));
        }
        if rules.contains != NONE {
            let mut found = 0;
            for element in self.doc.at(at).elements() {
                found += u64::from(self.sub(rules.contains, element.index(), &mut Silent));
            }
            if found < rules.min_contains {
                valid = false;
                faults.add(fault(if found == 0 && rules.min_contains == 1 {
                    Keyword::Contains
                } else {
                    Keyword::MinContains
                }));
            }
            if found > rules.max_contains {
                valid = false;
                faults.add(fault(Keyword::MaxContains));
            }
        }
        if rules.unique && !self.unique(at) {
            valid = false;
            faults.add(fault(Keyword::UniqueItems));
        }
        valid
    }

    fn string<F: Faults>(
        &mut self,
        index: u32,
        rules: &StringRules,
        at: u32,
        faults: &mut F,
    ) -> bool {
        let text = self.doc.text(at);
        let fault = |keyword| Fault { node: at, sub: index, keyword, detail: NONE };
        let mut valid = true;
        if rules.min > 0 || rules.max < u64::MAX {
            // A text of n bytes has at most n characters and at least n / 4, or n / 12 where all of them
            // are escaped as pairs: mostly nothing needs counting.
            let bytes = text.raw().len() as u64;
            let least = bytes.div_ceil(if text.is_escaped() { 12 } else { 4 });
            let clear = least >= rules.min && bytes <= rules.max;
            if !clear {
                self.pay_bytes(text.raw().len());
            }
            let length = if clear { bytes } else { text.length() as u64 };
            if length < rules.min {
                valid = false;
                faults.add(fault(Keyword::MinLength));
            }
            if length > rules.max {
                valid = false;
                faults.add(fault(Keyword::MaxLength));
            }
        }
        if rules.pattern != NONE && !self.matches(rules.pattern, at) {
            valid = false;
            faults.add(fault(Keyword::Pattern));
        }
        if let Some(format) = rules.format {
            // Two passes at most.
            self.pay_bytes(text.raw().len().saturating_mul(2));
            let accepted = format.accepts(text, self.memory.text);
            if !self.outcome(accepted) {
                valid = false;
                faults.add(fault(Keyword::Format));
            }
        }
        if rules.content != Content::default() {
            self.pay_bytes(text.raw().len().saturating_mul(2));
            let faulty = rules.content.check(text, self.memory.text, self.memory.inner);
            if let Some(keyword) = self.outcome(faulty) {
                valid = false;
                faults.add(fault(keyword));
            }
        }
        valid
    }

    fn number<F: Faults>(
        &mut self,
        index: u32,
        rules: &NumberRules,
        at: u32,
        faults: &mut F,
    ) -> bool {
        let Some(number) = self.doc.at(at).as_number() else { return true };
        self.pay_bytes(number.raw().len());
        let own = self.own;
        let mut valid = true;
        let mut check = |bound: u32, holds: fn(core::cmp::Ordering) -> bool, keyword| {
            if bound != NONE
                && let Some(bound) = own.at(bound).as_number()
                && !holds(number.cmp(bound))
            {
                valid = false;
                faults.add(Fault { node: at, sub: index, keyword, detail: NONE });
            }
        };
        check(rules.min, core::cmp::Ordering::is_ge, Keyword::Minimum);
        check(rules.max, core::cmp::Ordering::is_le, Keyword::Maximum);
        check(rules.above, core::cmp::Ordering::is_gt, Keyword::ExclusiveMinimum);
        check(rules.below, core::cmp::Ordering::is_lt, Keyword::ExclusiveMaximum);
        if let Some(&divisor) = self.schema.divisors.get(rules.multiple_of as usize)
            && !number.is_multiple_of(divisor)
        {
            valid = false;
            faults.add(Fault { node: at, sub: index, keyword: Keyword::MultipleOf, detail: NONE });
        }
        valid
    }

    /// Whether the object at `at` has a member called `name` that is not cut.
    pub(super) fn has(&mut self, at: u32, name: u32) -> bool {
        self.pay(self.doc.node(at).number() as usize / 4 + 1);
        self.doc.member(at, name).is_some()
    }

    pub(super) fn matches(&mut self, pattern: u32, at: u32) -> bool {
        let text = self.doc.text(at);
        let Some(pattern) = self.schema.patterns.get(pattern as usize) else { return false };
        self.pay_bytes(text.raw().len().saturating_mul(pattern.machines()));
        self.steps > 0 && pattern.is_match_str(text)
    }

    /// Whether the instance at `at` has one of `types`.
    fn meets(&mut self, types: Types, at: u32) -> bool {
        let node = self.doc.node(at);
        if node.kind() != Kind::Number {
            return types.meets(Types::at_a_glance(node));
        }
        // Whether a long number is an integer takes reading it.
        self.pay((node.end - node.start) as usize / BYTES_A_STEP);
        types.meets(Types::at_a_glance(node)) || types.meets(Types::of(self.doc, at))
    }

    /// What was found out, unless lent memory was too small for it.
    fn outcome<T: Default>(&mut self, found: Result<T, Full>) -> T {
        found.unwrap_or_else(|Full| {
            self.steps = 0;
            T::default()
        })
    }

    /// Takes the steps for reading `count` bytes of text; false when they ran out.
    pub(super) fn pay_bytes(&mut self, count: usize) -> bool {
        self.pay(count / BYTES_A_STEP + 1)
    }

    /// Takes `count` steps; false when they ran out.
    pub(super) fn pay(&mut self, count: usize) -> bool {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_sub(count);
        self.steps > 0
    }
}
