//! Variants of a union that a member tells apart, like `{"kind": {"const": "circle"}}`.
//!
//! A value is compared with the tags of all variants first, and only those that it does not contradict are
//! visited. That decides nothing that visiting would not: a variant is passed over only where it requires
//! the member and admits one string for it, and the value has another or none.
//!
//! Worst case: to find the tags, the members of every variant, and a bound on both; a union beyond it has
//! none. To use them, the members of the value and one comparison a variant.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::run::Run;
use super::{NONE, Schema, Span};
use crate::json::{Document, Kind, Str};

/// Most variants and members that are looked at while a schema is compiled.
const MAX_STEPS: usize = 1 << 16;

/// The tags of every union of a schema.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// For each union that has some the member that tells its variants apart, and one of `values` for each
    /// variant.
    unions: Box<[(u32, Span)]>,
    /// Nodes of strings in the schema document; [`NONE`] for a variant that has to be visited.
    values: Box<[u32]>,
}

/// What the value of a union says to the tags of the variants.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    values: &'a [u32],
    /// Its string and the fingerprint of it; none where the member is missing or is no string.
    found: Option<(u32, Str<'a>)>,
}

impl Schema {
    /// Finds the tags of every union.
    pub(super) fn find_tags(&mut self) {
        let mut steps = MAX_STEPS;
        let (mut unions, mut values) = (vec![], vec![]);
        let mut find = |branches: Span| {
            let Some(name) = self.tags_of(branches, &mut steps, &mut values) else { return NONE };
            unions.push((
                name,
                Span { start: (values.len() - branches.len as usize) as u32, len: branches.len },
            ));
            unions.len() as u32 - 1
        };
        let found: Vec<_> =
            self.logics.iter().map(|rules| (find(rules.any), find(rules.one))).collect();
        for (rules, (any, one)) in self.logics.iter_mut().zip(found) {
            rules.any_tags = any;
            rules.one_tags = one;
        }
        self.tags = Tags { unions: unions.into(), values: values.into() };
    }

    /// The member that tells most of `branches` apart, after its strings were added to `values`.
    fn tags_of(&self, branches: Span, steps: &mut usize, values: &mut Vec<u32>) -> Option<u32> {
        if branches.len < 2 {
            return None;
        }
        let mut tags = vec![];
        for (nth, &branch) in branches.of(&self.lists).iter().enumerate() {
            *steps = steps.checked_sub(1)?;
            self.each_member(branch, |name, member, required| {
                let value = self.sole_value(member).filter(|_| required);
                if let Some(value) = value.filter(|value| value.kind() == Kind::String) {
                    tags.push((name, nth, value.index()));
                }
                *steps = steps.saturating_sub(1);
                *steps > 0
            });
        }
        tags.sort_unstable();
        let same_name = |a: &(u32, usize, u32), b: &(u32, usize, u32)| a.0 == b.0;
        let tags =
            tags.chunk_by(same_name).max_by_key(|tags| tags.len()).filter(|tags| tags.len() > 1)?;
        let start = values.len();
        values.resize(start + branches.len as usize, NONE);
        for &(_, nth, node) in tags {
            if let Some(value) = values.get_mut(start + nth) {
                *value = node;
            }
        }
        tags.first().map(|&(name, ..)| name)
    }
}

impl<'a> Tag<'a> {
    fn new(schema: &'a Schema, tags: u32, doc: Document<'a>, at: u32) -> Option<Self> {
        let &(name, values) = schema.tags.unions.get(tags as usize)?;
        doc.node(at).is(Kind::Object).then_some(())?;
        let value = doc.member(at, name).filter(|&value| doc.node(value).is(Kind::String));
        let found = value.map(|value| doc.text(value));
        let found = found.map(|text| (text.digest().print(), text));
        Some(Self { values: values.of(&schema.tags.values), found })
    }
}

impl Schema {
    /// The position of the only variant of an `anyOf`, or of a `oneOf`, that the object at `at` has the tag
    /// of.
    pub(crate) fn tagged(&self, sub: u32, one: bool, doc: Document<'_>, at: u32) -> Option<usize> {
        let logic = self.logics.get(self.sub(sub)?.logic as usize)?;
        let tag = Tag::new(self, if one { logic.one_tags } else { logic.any_tags }, doc, at)?;
        let (print, text) = tag.found?;
        let own = self.document();
        let mut left = tag.values.iter().enumerate().filter(|&(_, &value)| {
            value == NONE
                || own.node(value).link == print && own.text(value).cmp_bytes(text).is_eq()
        });
        let only = left.next().filter(|_| left.next().is_none())?;
        (*only.1 != NONE).then_some(only.0)
    }
}

impl<'a> Run<'a, '_> {
    /// What the node at `at` says to the tags with the number `tags`; none unless both exist.
    pub(super) fn tag(&mut self, tags: u32, at: u32) -> Option<Tag<'a>> {
        if tags == NONE {
            return None;
        }
        let tag = Tag::new(self.schema, tags, self.doc, at)?;
        self.pay((self.doc.node(at).number() as usize + tag.values.len()) / 4 + 1);
        if let Some((_, text)) = tag.found.filter(|(_, text)| text.is_escaped()) {
            self.pay_bytes(text.raw().len());
        }
        Some(tag)
    }

    /// Whether the variant at position `nth` is surely not satisfied.
    pub(super) fn contradicts(&mut self, tag: Option<Tag<'_>>, nth: usize) -> bool {
        let Some(tag) = tag else { return false };
        match tag.values.get(nth) {
            None | Some(&NONE) => false,
            Some(&own) => tag.found.is_none_or(|(print, text)| !self.is_text(own, print, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use crate::scratch::Scratch;
    use crate::{Budget, Reason, Validator};

    fn union(keyword: &str, variants: &[&str]) -> Validator {
        let schema = format!(r#"{{"items":{{"{keyword}":[{}]}}}}"#, variants.join(","));
        Validator::new(schema.as_bytes()).unwrap()
    }

    fn accepts(validator: &Validator, value: &str) -> bool {
        let document = format!("[{value}]");
        validator.check(document.as_bytes(), &mut Scratch::new()).is_ok()
    }

    #[test]
    fn only_what_a_tag_surely_contradicts_is_passed_over() {
        let a = r#"{"properties":{"k":{"const":"a"}},"required":["k"]}"#;
        let b = r#"{"properties":{"k":{"enum":["b"]}},"required":["k"]}"#;
        let optional = r#"{"type":"object","properties":{"k":{"const":"c"}}}"#;
        let seven = r#"{"type":"object","properties":{"k":{"const":7}},"required":["k"]}"#;
        let tagged = union("oneOf", &[a, b, optional, seven]);
        assert!(accepts(&tagged, r#"{"k":"a"}"#));
        assert!(accepts(&tagged, r#"{"k":"\u0062"}"#));
        assert!(accepts(&tagged, r#"{"k":"c"}"#));
        assert!(accepts(&tagged, r#"{"k":7.0}"#));
        assert!(accepts(&tagged, "{}"), "the variant whose member is optional");
        assert!(!accepts(&tagged, r#"{"k":"d"}"#));
        assert!(!accepts(&tagged, r#"{"k":null}"#));
        assert!(!accepts(&tagged, "1"), "a number fits both variants that ask for no object");
        assert!(accepts(&union("anyOf", &[a, b]), "1"));
    }

    #[test]
    fn a_tag_may_stand_behind_a_reference() {
        let schema = br##"{"items":{"anyOf":[{"$ref":"#/$defs/a"},{"allOf":[{"$ref":"#/$defs/b"}]}]},"$defs":{
            "a":{"properties":{"k":{"const":"a"},"x":{"type":"integer"}},"required":["k"]},
            "b":{"properties":{"k":{"const":"b"},"x":{"type":"string"}},"required":["k"]}}}"##;
        let validator = Validator::new(schema).unwrap();
        assert!(
            accepts(&validator, r#"{"k":"a","x":1}"#) && accepts(&validator, r#"{"k":"b","x":""}"#)
        );
        assert!(!accepts(&validator, r#"{"k":"b","x":1}"#) && !accepts(&validator, r#"{"x":1}"#));
    }

    #[test]
    fn variants_that_are_passed_over_cost_next_to_nothing() {
        let variants: Vec<_> = (0..60)
            .map(|nth| format!(r#"{{"properties":{{"k":{{"const":"k{nth}"}}}},"required":["k"]}}"#))
            .collect();
        let schema = format!(r#"{{"items":{{"oneOf":[{}]}}}}"#, variants.join(","));
        let budget = Budget { steps: 25_000, ..Budget::default() };
        let validator = Validator::builder().budget(budget).build(schema.as_bytes()).unwrap();
        for value in [r#"{"k":"none"}"#, "{}"] {
            let document = format!("[{}]", [value; 1000].join(","));
            let mut scratch = Scratch::new();
            let refused = validator.check(document.as_bytes(), &mut scratch).unwrap_err();
            assert_eq!(refused.reason(), Reason::ValidationFailed, "{value}");
        }
    }
}
