//! What a subschema says of itself, for the words of a report.
//!
//! A branch of a union is mostly an object, often behind a `$ref` or an `allOf`; these are followed a few
//! steps, no further: what is not seen is not told. Nothing here decides anything.

use super::{Member, NONE, Schema, Types};
use crate::json::{Kind, Value};

/// How many references and `allOf`s are followed.
const MAX_DEPTH: u32 = 4;
/// How many members are looked at in all.
const MAX_MEMBERS: u32 = 256;

impl Schema {
    /// Calls `found` with each name that objects of subschema `sub` have, its subschema, and whether it is
    /// required, until it says that it has seen enough.
    pub(crate) fn each_member(&self, sub: u32, mut found: impl FnMut(u32, u32, bool) -> bool) {
        let mut left = MAX_MEMBERS;
        self.members_of(sub, MAX_DEPTH, &mut left, &mut found);
    }

    fn members_of(
        &self,
        sub: u32,
        depth: u32,
        left: &mut u32,
        found: &mut impl FnMut(u32, u32, bool) -> bool,
    ) -> bool {
        let Some(sub) = self.sub(sub) else { return true };
        if let Some(rules) = self.objects.get(sub.object as usize) {
            for &Member { name, sub, required, .. } in rules.members.of(&self.members) {
                if *left == 0 || !found(name, sub, required) {
                    return false;
                }
                *left -= 1;
            }
        }
        let Some(logic) = self.logics.get(sub.logic as usize).filter(|_| depth > 0) else {
            return true;
        };
        let below = Some(logic.reference).filter(|&sub| sub != NONE);
        below
            .into_iter()
            .chain(logic.all.of(&self.lists).iter().copied())
            .all(|sub| self.members_of(sub, depth - 1, left, found))
    }

    /// The one value that `sub` admits: its `const`, or an `enum` of one member.
    pub(crate) fn sole_value(&self, sub: u32) -> Option<Value<'_>> {
        let sub = self.sub(sub)?;
        if sub.constant != NONE {
            return Some(self.document().at(sub.constant));
        }
        let choices = Some(self.document().at(sub.choices)).filter(|_| sub.choices != NONE)?;
        choices.elements().next().filter(|_| choices.len() == 1)
    }

    /// What tells the objects of `sub` from those of other branches: the first member that admits one
    /// value only, those that are required before others.
    pub(crate) fn tag_of(&self, sub: u32) -> Option<(u32, Value<'_>)> {
        let mut tag = None;
        self.each_member(sub, |name, member, required| {
            if let Some(value) = self.sole_value(member)
                && (required || tag.is_none())
            {
                tag = Some((name, value));
                return !required;
            }
            true
        });
        tag
    }

    /// The types that `sub` admits, `$ref` followed.
    pub(crate) fn types_of(&self, mut sub: u32) -> Types {
        for _ in 0..MAX_DEPTH {
            let Some(found) = self.sub(sub) else { return Types::ANY };
            if found.types != Types::ANY {
                return found.types;
            }
            match self.logics.get(found.logic as usize) {
                Some(logic) if logic.reference != NONE => sub = logic.reference,
                _ => return Types::ANY,
            }
        }
        Types::ANY
    }

    /// The empty array or object, when `sub` asks for an array or an object and admits that.
    pub(crate) fn empty_value(&self, sub: u32) -> Option<&'static str> {
        let sub = self.sub(sub)?;
        let array = self.arrays.get(sub.array as usize);
        let object = self.objects.get(sub.object as usize);
        match sub.types {
            Types::ARRAY => array.is_none_or(|rules| rules.min == 0).then_some("[]"),
            Types::OBJECT => {
                object.is_none_or(|rules| rules.min == 0 && rules.required == 0).then_some("{}")
            }
            _ => None,
        }
    }

    /// The branches of the `anyOf`, or of the `oneOf`, of subschema `sub`.
    pub(crate) fn branches(&self, sub: u32, one: bool) -> &[u32] {
        let Some(logic) = self.sub(sub).and_then(|sub| self.logics.get(sub.logic as usize)) else {
            return &[];
        };
        if one { logic.one.of(&self.lists) } else { logic.any.of(&self.lists) }
    }

    /// Whether objects are among what `sub` admits, as far as its own keywords say.
    pub(crate) fn describes_objects(&self, sub: u32) -> bool {
        let mut any = false;
        self.each_member(sub, |_, _, _| {
            any = true;
            false
        });
        any || self.types_of(sub) == Types::OBJECT
    }
}

/// Whether a value of the schema is one that a message can show whole.
pub(crate) fn is_short(value: Value<'_>) -> bool {
    value.raw().len() <= 60 && !matches!(value.kind(), Kind::Array | Kind::Object)
}
