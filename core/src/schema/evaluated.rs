//! Which members and elements are evaluated, for `unevaluatedProperties` and `unevaluatedItems`.
//!
//! Only a subschema that has one of the two asks, after everything else in its place was checked: the
//! keywords of the place are walked once more, and what they evaluate is marked on a stack of flags.
//! Worst case: a second validation of the branches of `anyOf`, `oneOf` and `if` in that place; it takes
//! steps like any other.

use super::run::{Fault, Faults, Run, Silent};
use super::{ArrayRules, Keyword, LogicRules, NONE, ObjectRules, Sub, find_named};
use crate::json::{CUT, Kind};

impl Run<'_, '_> {
    /// `unevaluatedProperties` and `unevaluatedItems` (JSON Schema core, section 11).
    pub(super) fn unevaluated<F: Faults>(
        &mut self,
        index: u32,
        sub: &Sub,
        at: u32,
        valid: bool,
        faults: &mut F,
    ) -> bool {
        let node = self.doc.node(at);
        let (rule, keyword) = match node.kind() {
            Kind::Object => (
                self.schema.objects.get(sub.object as usize).map_or(NONE, |r| r.unevaluated),
                Keyword::UnevaluatedProperties,
            ),
            Kind::Array => (
                self.schema.arrays.get(sub.array as usize).map_or(NONE, |r| r.unevaluated),
                Keyword::UnevaluatedItems,
            ),
            _ => return true,
        };
        if rule == NONE {
            return true;
        }
        let base = self.memory.marks.len();
        let count = node.number() as usize;
        if !self.pay(count) {
            return false;
        }
        let Ok(room) = self.memory.marks.reserve(count) else {
            self.steps = 0;
            return false;
        };
        room.iter_mut().take(count).for_each(|mark| *mark = false);
        self.memory.marks.commit(count);
        self.mark(index, at, base, true);
        let mut clean = true;
        let mut nth = base;
        let mut child = at + 1;
        while child < node.link {
            let member = self.doc.node(child).kind() == Kind::Key;
            let value = if member { child + 1 } else { child };
            if !(member && self.doc.node(child).has(CUT)) {
                let evaluated = self.memory.marks.get(nth).copied().unwrap_or(false);
                if !evaluated && !self.sub(rule, value, &mut Silent) {
                    clean = false;
                    // Where the object has another violation this one is often only its echo.
                    if valid {
                        faults.add(Fault { node: at, sub: index, keyword, detail: child });
                    }
                }
                nth += 1;
            }
            child = self.doc.after(value);
        }
        self.memory.marks.truncate(base);
        clean
    }

    /// Marks the members or elements of `at` that subschema `index` evaluates, which `at` satisfies.
    /// `asking` is the subschema whose `unevaluated…` asks: that keyword itself does not count.
    fn mark(&mut self, index: u32, at: u32, base: usize, asking: bool) {
        if self.calls == 0 || self.steps <= 1 {
            self.steps = 0;
            return;
        }
        self.steps -= 1;
        self.calls -= 1;
        let schema = self.schema;
        if let Some(sub) = schema.sub(index) {
            if self.doc.node(at).kind() == Kind::Object {
                if let Some(rules) = schema.objects.get(sub.object as usize) {
                    self.mark_members(rules, at, base, asking);
                }
            } else if let Some(rules) = schema.arrays.get(sub.array as usize) {
                self.mark_elements(rules, at, base, asking);
            }
            if let Some(rules) = schema.logics.get(sub.logic as usize) {
                self.mark_logic(rules, at, base);
            }
        }
        self.calls += 1;
    }

    fn mark_members(&mut self, rules: &ObjectRules, at: u32, base: usize, asking: bool) {
        let schema = self.schema;
        let members = rules.members.of(&schema.members);
        let rest = rules.additional != NONE || (rules.unevaluated != NONE && !asking);
        let object = self.doc.node(at);
        let mut nth = base;
        let mut key = at + 1;
        self.pay(object.number() as usize / 4);
        while key < object.link {
            let node = self.doc.node(key);
            if !node.has(CUT) {
                let name = node.number();
                let known = rest
                    || find_named(members, name, |m| m.name).is_some_and(|m| m.sub != NONE)
                    || rules.patterns.of(&schema.keyed).iter().any(|&(p, _)| self.matches(p, key));
                self.set_mark(nth, known);
                nth += 1;
            }
            if self.steps == 0 {
                return;
            }
            key = self.doc.after(key + 1);
        }
        for dependent in rules.dependents.of(&schema.dependents) {
            if self.steps == 0 {
                return;
            }
            if dependent.sub != NONE && self.has(at, dependent.name) {
                self.mark(dependent.sub, at, base, false);
            }
        }
    }

    fn mark_elements(&mut self, rules: &ArrayRules, at: u32, base: usize, asking: bool) {
        let all = rules.items != NONE || (rules.unevaluated != NONE && !asking);
        self.pay(self.doc.node(at).number() as usize / 4);
        for (nth, element) in self.doc.at(at).elements().enumerate() {
            let known = all
                || nth < rules.prefix.len as usize
                || (rules.contains != NONE
                    && rules.contains_evaluates
                    && self.sub(rules.contains, element.index(), &mut Silent));
            self.set_mark(base + nth, known);
        }
    }

    fn mark_logic(&mut self, rules: &LogicRules, at: u32, base: usize) {
        let lists = &self.schema.lists;
        if rules.reference != NONE {
            self.mark(rules.reference, at, base, false);
        }
        if rules.dynamic != NONE {
            self.mark(rules.dynamic, at, base, false);
        }
        for &sub in rules.all.of(lists) {
            self.mark(sub, at, base, false);
        }
        for &sub in rules.any.of(lists).iter().chain(rules.one.of(lists)) {
            if self.sub(sub, at, &mut Silent) {
                self.mark(sub, at, base, false);
            }
        }
        if rules.condition != NONE {
            let holds = self.sub(rules.condition, at, &mut Silent);
            if holds {
                self.mark(rules.condition, at, base, false);
            }
            let branch = if holds { rules.then } else { rules.otherwise };
            if branch != NONE {
                self.mark(branch, at, base, false);
            }
        }
    }

    fn set_mark(&mut self, at: usize, known: bool) {
        if let Some(mark) = self.memory.marks.get_mut(at) {
            *mark |= known;
        }
    }
}
