//! Whether one pass over a call sees both its faults and its ghosts.
//!
//! Ghosts are cut before validation, because what is cut must not be validated: two walks. Where objects
//! are closed by the very `properties` that validate them, as in most tools, an object without ghosts
//! has no member that `properties` lacks, and the validator sees that on its way. Compiling finds out
//! whether this holds at every place of a schema. Worst case: places times members, and a bound on both;
//! a schema beyond it, or with unions and the like at places that close, takes two walks.

use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashSet;

use super::{Declared, FREE, Location, LogicRules, Member, NONE, ROOT, Schema, Span, Sub};

/// Most members and elements that are looked at.
const MAX_STEPS: usize = 1 << 16;

impl Schema {
    /// Decides whether the schema is checked in one pass, and marks the objects that are closed.
    pub(super) fn find_one_pass(&mut self) {
        let mut walk = Walk { schema: self, seen: HashSet::new(), todo: vec![], steps: MAX_STEPS };
        walk.follow(ROOT, walk.schema.root);
        let mut closed = vec![];
        let mut holds = true;
        while let Some((sub, location)) = walk.todo.pop() {
            if walk.visit(sub, location, &mut closed).is_none() {
                holds = false;
                break;
            }
        }
        for object in closed {
            if let Some(rules) = self.objects.get_mut(object as usize) {
                rules.closed = true;
            }
        }
        self.one_pass = holds;
    }
}

struct Walk<'a> {
    schema: &'a Schema,
    /// Subschemas and the locations where they were met.
    seen: HashSet<(u32, u32)>,
    todo: Vec<(u32, u32)>,
    steps: usize,
}

impl Walk<'_> {
    fn follow(&mut self, sub: u32, location: u32) {
        // Where nothing is ever cut there is nothing to see.
        if location != FREE && self.seen.insert((sub, location)) {
            self.todo.push((sub, location));
        }
    }

    /// Whether `sub` alone decides about the place `location`; what is below is left to do, and its object
    /// rules are added to `closed` when the place is.
    fn visit(&mut self, sub: u32, location: u32, closed: &mut Vec<u32>) -> Option<()> {
        let schema = self.schema;
        let place = schema.locations.get(location as usize)?;
        let sub = schema.sub(sub)?;
        if sub.unevaluated || !place.patterns.is_empty() {
            return None;
        }
        if let Some(logic) = schema.logics.get(sub.logic as usize) {
            let refers = sub.object == NONE && sub.array == NONE && only_refers(logic);
            self.follow(logic.reference, location);
            return refers.then_some(());
        }
        self.visit_object(sub, place)?;
        self.visit_array(sub, place)?;
        if place.closed {
            closed.push(sub.object);
        }
        Some(())
    }

    fn visit_object(&mut self, sub: &Sub, place: &Location) -> Option<()> {
        let schema = self.schema;
        let declared = place.names.of(&schema.declared);
        let others = schema.places.get(place.others as usize).copied();
        let others = if place.closed { FREE } else { others? };
        let Some(rules) = schema.objects.get(sub.object as usize) else {
            let inert = declared.iter().all(|declared| declared.location == FREE);
            return (inert && !place.closed && others == FREE).then_some(());
        };
        let members = rules.members.of(&schema.members);
        self.pay(members.len().checked_add(declared.len())?)?;
        let refers = rules.dependents.of(&schema.dependents).iter().any(|rule| rule.sub != NONE);
        if refers || !rules.patterns.is_empty() {
            return None;
        }
        let mut validated = members.iter().filter(|member| member.sub != NONE).peekable();
        for &Declared { name, location } in declared {
            while let Some(&&Member { sub, .. }) = validated.peek().filter(|next| next.name < name)
            {
                // It is valid and yet not declared.
                (!place.closed).then_some(())?;
                self.follow(sub, others);
                validated.next();
            }
            match validated.next_if(|next| next.name == name) {
                Some(member) => self.follow(member.sub, location),
                // Where the place is closed the name is taken for that of a ghost, and looked at again.
                None if place.closed || location == FREE => {}
                None => return None,
            }
        }
        for member in validated {
            (!place.closed).then_some(())?;
            self.follow(member.sub, others);
        }
        if others != FREE {
            (rules.additional != NONE).then_some(())?;
            self.follow(rules.additional, others);
        }
        Some(())
    }

    fn visit_array(&mut self, sub: &Sub, place: &Location) -> Option<()> {
        let schema = self.schema;
        let locations = place.prefix.of(&schema.places);
        let rules = schema.arrays.get(sub.array as usize);
        let (prefix, items) = rules.map_or((Span::default(), NONE), |r| (r.prefix, r.items));
        let prefix = prefix.of(&schema.lists);
        let count = locations.len().max(prefix.len()).checked_add(1)?;
        self.pay(count)?;
        for nth in 0..count {
            let location = locations.get(nth).copied().unwrap_or(place.rest);
            let sub = prefix.get(nth).copied().unwrap_or(items);
            if location != FREE {
                (sub != NONE).then_some(())?;
                self.follow(sub, location);
            }
        }
        Some(())
    }

    fn pay(&mut self, steps: usize) -> Option<()> {
        self.steps = self.steps.checked_sub(steps)?;
        Some(())
    }
}

/// Whether all that the rules say is a `$ref`.
fn only_refers(logic: &LogicRules) -> bool {
    logic.reference != NONE
        && logic.dynamic == NONE
        && logic.all.is_empty()
        && logic.any.is_empty()
        && logic.one.is_empty()
        && logic.not == NONE
        && logic.condition == NONE
}

#[cfg(test)]
mod tests {
    use super::super::{Documents, MAX_COMPILE_STEPS, Memory, Options, accepts, compile};
    use super::*;
    use crate::buf::Buf;
    use crate::json::{Limits, Tape, parse_named};

    fn compiled(schema: &str) -> Schema {
        let mut steps = MAX_COMPILE_STEPS;
        let documents = Documents::new();
        compile(schema.as_bytes(), Options::default(), &documents, &mut steps).unwrap().0
    }

    fn accepted(schema: &Schema, arguments: &str) -> bool {
        let limits = Limits::ARGUMENTS;
        let (mut tape, mut inner) = (Tape::growable(), Tape::growable());
        let (mut order, mut marks, mut text) = (Buf::growable(), Buf::growable(), Buf::growable());
        let doc = parse_named(arguments.as_bytes(), limits, &mut tape, schema.names()).unwrap();
        let memory =
            Memory { order: &mut order, marks: &mut marks, text: &mut text, inner: &mut inner };
        accepts(schema, doc, 1000, memory)
    }

    #[test]
    fn neither_ghosts_nor_faults_pass() {
        let inner = r#""properties":{"c":{"type":"integer"}},"required":["c"]"#;
        let schema = compiled(&std::format!(
            r##"{{"properties":{{"a":{{"type":"string"}},"b":{{{inner}}},"l":{{"items":{{"$ref":"#/$defs/x"}}}},"f":{{}}}},
                "$defs":{{"x":{{{inner}}}}}}}"##
        ));
        assert!(schema.one_pass);
        for arguments in
            [r#"{}"#, r#"{"a":"x","b":{"c":1},"l":[{"c":1},{"c":2}],"f":{"a":{"z":1}}}"#]
        {
            assert!(accepted(&schema, arguments), "{arguments}");
        }
        for arguments in [
            r#"{"z":1}"#,
            // A name that is declared elsewhere, and one that is declared nowhere.
            r#"{"c":1}"#,
            r#"{"b":{"c":1,"a":1}}"#,
            r#"{"b":{"c":1,"z":1}}"#,
            r#"{"l":[{"c":1},{"c":2,"z":1}]}"#,
            r#"{"a":1}"#,
            r#"{"b":{}}"#,
            r#"{"l":[{"c":"x"}]}"#,
        ] {
            assert!(!accepted(&schema, arguments), "{arguments}");
        }
    }

    #[test]
    fn only_where_one_subschema_decides_alone() {
        for schema in [
            r#"{}"#,
            r#"{"properties":{"a":{}},"additionalProperties":false}"#,
            r#"{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}"#,
            r#"{"properties":{"a":{"type":"object","additionalProperties":{"properties":{"b":{}}}}}}"#,
            r#"{"properties":{"a":{"prefixItems":[{"properties":{"b":{}}}],"items":{"properties":{"c":{}}}}}}"#,
            r##"{"properties":{"a":{"$ref":"#"}}}"##,
        ] {
            assert!(compiled(schema).one_pass, "{schema}");
        }
        for schema in [
            r#"{"allOf":[{"properties":{"a":{}}}],"properties":{"b":{}}}"#,
            r#"{"anyOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}"#,
            r#"{"properties":{"a":{}},"patternProperties":{"^x-":{}}}"#,
            r#"{"properties":{"a":{}},"dependentSchemas":{"a":{"properties":{"b":{}}}}}"#,
            r#"{"properties":{"a":{}},"if":{},"then":{"properties":{"b":{}}}}"#,
        ] {
            assert!(!compiled(schema).one_pass, "{schema}");
        }
    }
}
