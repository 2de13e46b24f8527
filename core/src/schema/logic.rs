//! Rules that combine other subschemas in place: references, `allOf`, `anyOf`, `oneOf`, `not`, `if`.

use super::run::{Fault, Faults, Run, Silent};
use super::{Keyword, LogicRules, NONE, Span};

impl Run<'_, '_> {
    pub(super) fn logic<F: Faults>(
        &mut self,
        index: u32,
        rules: &LogicRules,
        at: u32,
        faults: &mut F,
    ) -> bool {
        let lists = &self.schema.lists;
        let fault = |keyword| Fault { node: at, sub: index, keyword, detail: NONE };
        let mut valid = rules.reference == NONE || self.sub(rules.reference, at, faults);
        if rules.dynamic != NONE && (valid || F::ALL) {
            valid &= self.sub(rules.dynamic, at, faults);
        }
        for &sub in rules.all.of(lists) {
            if !valid && !F::ALL {
                return false;
            }
            valid &= self.sub(sub, at, faults);
        }
        if !rules.any.is_empty() && self.matching(rules.any, rules.any_tags, at, 1) == 0 {
            valid = false;
            faults.add(fault(Keyword::AnyOf));
        }
        if !rules.one.is_empty() && self.matching(rules.one, rules.one_tags, at, 2) != 1 {
            valid = false;
            faults.add(fault(Keyword::OneOf));
        }
        if rules.not != NONE && self.sub(rules.not, at, &mut Silent) {
            valid = false;
            faults.add(fault(Keyword::Not));
        }
        if rules.condition != NONE && (rules.then != NONE || rules.otherwise != NONE) {
            let holds = self.sub(rules.condition, at, &mut Silent);
            let branch = if holds { rules.then } else { rules.otherwise };
            valid &= branch == NONE || self.sub(branch, at, faults);
        }
        valid
    }

    /// How many of `branches` the node at `at` satisfies; stops at `most`. Those whose tag it contradicts
    /// are not visited.
    fn matching(&mut self, branches: Span, tags: u32, at: u32, most: usize) -> usize {
        let schema = self.schema;
        let tag = self.tag(tags, at);
        let branches = branches.of(&schema.lists).iter().enumerate();
        branches
            .filter(|&(nth, &sub)| !self.contradicts(tag, nth) && self.sub(sub, at, &mut Silent))
            .take(most)
            .count()
    }
}
