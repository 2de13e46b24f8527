//! Rules that ask whether two values are equal: `enum`, `const` and `uniqueItems`.
//!
//! Values are compared as the specification says, by value and whatever their spelling, and each comparison
//! takes steps for what it reads. Worst case: sorting the elements of an array, paid for before.

use super::run::Run;
use super::same::{order, same, sorting};
use crate::json::{Kind, Str};

/// Up to this many elements `uniqueItems` compares pairwise, above it sorts.
const PAIRWISE: usize = 16;

impl Run<'_, '_> {
    pub(super) fn is_choice(&mut self, choices: u32, at: u32) -> bool {
        if let Some((sorted, longest)) = self.schema.choices.of(choices) {
            // A number is read to its end, anything else as far as it can agree, each member of an object
            // once for each other.
            let value = self.doc.at(at);
            let bytes = value.raw().len();
            let read = match value.kind() {
                Kind::Number => bytes,
                Kind::Object => bytes.min(longest * 6).saturating_mul(value.len() + 1),
                _ => bytes.min(longest * 6),
            };
            return self.pay_bytes(read.saturating_mul(sorted.len().ilog2() as usize))
                && sorted.binary_search_by(|&own| order(self.own, own, self.doc, at)).is_ok();
        }
        let choices = self.own.at(choices);
        if self.doc.node(at).kind() == Kind::String {
            self.pay(choices.len() / 4);
            let text = self.doc.text(at);
            if text.is_escaped() {
                self.pay_bytes(text.raw().len());
            }
            let print = text.digest().print();
            return choices.elements().any(|choice| self.is_text(choice.index(), print, text));
        }
        choices.elements().any(|choice| self.equal(choice.index(), at))
    }

    /// Whether the value at `own` of the schema document is the string `text`, whose fingerprint is
    /// `print`.
    pub(super) fn is_text(&mut self, own: u32, print: u32, text: Str<'_>) -> bool {
        let node = self.own.node(own);
        if node.kind() != Kind::String || node.link != print {
            return false;
        }
        self.pay_bytes(text.raw().len());
        self.own.text(own).cmp_bytes(text).is_eq()
    }

    /// Whether the value at `own` of the schema document equals the instance at `at`.
    pub(super) fn equal(&mut self, own: u32, at: u32) -> bool {
        // What `propertyNames` looks at is a name, and a name is a string.
        if self.doc.node(at).kind() == Kind::Key {
            self.steps = self.steps.saturating_sub(1);
            let own = self.own.at(own).as_str();
            return own.is_some_and(|own| own.cmp_bytes(self.doc.text(at)).is_eq());
        }
        same(self.own, own, self.doc, at, &mut self.steps).unwrap_or_else(|| {
            self.steps = 0;
            false
        })
    }

    /// Whether no two elements of the array at `at` are equal.
    pub(super) fn unique(&mut self, at: u32) -> bool {
        let doc = self.doc;
        self.memory.order.clear();
        for element in doc.at(at).elements() {
            if self.memory.order.push(element.index()).is_err() {
                self.steps = 0;
                return false;
            }
        }
        let count = self.memory.order.len();
        if count > PAIRWISE {
            let steps = self.memory.order.iter().map(|&element| sorting(doc, element, count));
            let steps = steps.fold(0_usize, usize::saturating_add);
            if !self.pay(steps) {
                return false;
            }
            self.memory.order.sort_unstable_by(|&a, &b| order(doc, a, doc, b));
            let mut pairs = self.memory.order.windows(2);
            return !pairs.any(|pair| matches!(*pair, [a, b] if order(doc, a, doc, b).is_eq()));
        }
        for (i, &a) in self.memory.order.iter().enumerate() {
            for &b in self.memory.order.iter().skip(i + 1) {
                match same(doc, a, doc, b, &mut self.steps) {
                    Some(false) => {}
                    Some(true) => return false,
                    None => {
                        self.steps = 0;
                        return false;
                    }
                }
            }
        }
        true
    }
}
