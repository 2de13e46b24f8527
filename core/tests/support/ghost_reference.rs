//! The ghost rule of `docs/ghosts.md` read word for word, over trees and without a thought for cost.

use airlock_core::policy::{NearMiss, Policy};
use airlock_core::{Call, Guard, Reason, ToolDefinition, Verdict};
use regress::Regex;
use serde_json::Value;

use super::random_schema::{self, Dialect, Source, resolve};

/// Everything that holds for the schema, and the documents, that are drawn from `bytes`: what is stripped is
/// what the rule says, and what is allowed and cleaned is allowed again with nothing stripped.
pub(crate) fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let (schema, dialect) = random_schema::schema(&mut source);
    let text = schema.to_string();
    let tool = ToolDefinition { name: "t", input_schema: text.as_bytes(), output_schema: None };
    let policy = Policy::permissive().with_near_miss(NearMiss::Strip);
    let guard = Guard::builder().policy(policy).expect("a preset").tool(tool);
    let Ok(guard) = guard else { return };
    let guard = guard.build().expect("a preset");
    let mut scratch = guard.scratch();
    let reference = Reference { root: &schema, dialect };
    for arguments in random_schema::arguments(source, &schema) {
        let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
        let mut cleaned = None;
        let stripped: Vec<String> = match guard.check(&call, &mut scratch) {
            Verdict::Allow(allowed) => {
                cleaned = Some(allowed.arguments().to_vec());
                allowed.stripped().map(str::to_owned).collect()
            }
            Verdict::Refuse(refusal) if refusal.reason() == Reason::TooComplex => continue,
            Verdict::Refuse(refusal) => refusal.stripped().map(str::to_owned).collect(),
        };
        let document = serde_json::from_str(&arguments).expect("JSON");
        let (mut expected, moot) = reference.ghosts(&document);
        let is_moot = |path: &String| {
            moot.iter().any(|place| path.strip_prefix(place).is_some_and(|r| r.starts_with('/')))
        };
        let mut found: Vec<String> = stripped.into_iter().filter(|path| !is_moot(path)).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{schema} {arguments}");
        if let Some(cleaned) = cleaned {
            let call = Call { tool: "t", arguments: &cleaned, ..Call::default() };
            match guard.check(&call, &mut scratch) {
                Verdict::Allow(allowed) => assert!(!allowed.is_changed(), "{schema} {arguments}"),
                Verdict::Refuse(_) => panic!("cleaned and refused: {schema} {arguments}"),
            }
        }
    }
}

/// The schemas that speak of a place: all of these.
type Place<'s> = Vec<Part<'s>>;

enum Part<'s> {
    /// The keywords that stand in this schema itself.
    Own(&'s Value),
    /// The variants of a union.
    Any(Vec<Place<'s>>),
    /// What may apply.
    Maybe(Place<'s>),
}

#[derive(Clone, Copy)]
enum Step<'n> {
    Name(&'n str),
    Element(usize),
}

#[derive(Default)]
struct Found {
    ghosts: Vec<String>,
    moot: Vec<String>,
}

/// Reads a schema of the grammar.
struct Reference<'s> {
    root: &'s Value,
    dialect: Dialect,
}

fn matches(pattern: &str, name: &str) -> bool {
    Regex::with_flags(pattern, "u").expect("a pattern of the grammar").find(name).is_some()
}

impl<'s> Reference<'s> {
    /// The pointers of the ghosts of `document`, and of the objects and arrays in places that take none:
    /// there and below the rule says nothing, for whatever stands there is refused.
    fn ghosts(&self, document: &Value) -> (Vec<String>, Vec<String>) {
        let mut found = Found::default();
        self.value(document, &self.place(self.root), String::new(), &mut found);
        (found.ghosts, found.moot)
    }

    fn value(&self, value: &Value, place: &Place<'s>, path: String, found: &mut Found) {
        if (value.is_object() || value.is_array()) && !self.admits(place, value.is_object()) {
            return found.moot.push(path);
        }
        match value {
            Value::Object(members) => {
                let closed = !self.opens(place) && self.closes(place);
                for (name, value) in members {
                    let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                    if closed && !self.declares(place, name) {
                        found.ghosts.push(path);
                    } else {
                        self.value(value, &self.below(place, Step::Name(name)), path, found);
                    }
                }
            }
            Value::Array(elements) => {
                for (nth, element) in elements.iter().enumerate() {
                    let below = self.below(place, Step::Element(nth));
                    self.value(element, &below, format!("{path}/{nth}"), found);
                }
            }
            _ => {}
        }
    }

    fn place(&self, schema: &'s Value) -> Place<'s> {
        let reference = schema.get("$ref").and_then(|target| resolve(self.root, target));
        if self.dialect == Dialect::Draft7
            && let Some(target) = reference
        {
            return self.place(target);
        }
        let mut place = vec![Part::Own(schema)];
        if let Some(target) = reference {
            place.extend(self.place(target));
        }
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        for schema in list("allOf").into_iter().flatten() {
            place.extend(self.place(schema));
        }
        for union in ["anyOf", "oneOf"].into_iter().filter_map(list) {
            place.push(Part::Any(union.iter().map(|schema| self.place(schema)).collect()));
        }
        let conditional =
            ["if", "then", "else"].into_iter().filter_map(|keyword| schema.get(keyword));
        let dependent = ["dependentSchemas", "dependencies"].into_iter();
        let dependent = dependent.filter_map(|keyword| schema.get(keyword)?.as_object());
        let dependent = dependent.flat_map(|map| map.values()).filter(|value| !value.is_array());
        place.extend(conditional.chain(dependent).map(|schema| Part::Maybe(self.place(schema))));
        place
    }

    /// Whether something that applies has room for the kind of container.
    fn admits(&self, place: &Place<'s>, object: bool) -> bool {
        place.iter().all(|part| match part {
            Part::Own(schema) => admits(schema, object),
            Part::Any(variants) => variants.iter().any(|variant| self.admits(variant, object)),
            Part::Maybe(_) => true,
        })
    }

    fn variants<'p>(&'p self, variants: &'p [Place<'s>]) -> impl Iterator<Item = &'p Place<'s>> {
        variants.iter().filter(|variant| self.admits(variant, true))
    }

    fn closes(&self, place: &Place<'s>) -> bool {
        place.iter().any(|part| match part {
            Part::Own(schema) => {
                let is_false = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(false));
                schema.get("properties").is_some()
                    || schema.get("patternProperties").is_some()
                    || is_false("additionalProperties")
                    || is_false("unevaluatedProperties")
            }
            Part::Any(variants) => {
                self.variants(variants).next().is_some()
                    && self.variants(variants).all(|variant| self.closes(variant))
            }
            Part::Maybe(_) => false,
        })
    }

    fn opens(&self, place: &Place<'s>) -> bool {
        place.iter().any(|part| match part {
            Part::Own(schema) => {
                let open = |keyword: &str| schema.get(keyword).is_some_and(|value| *value != false);
                open("additionalProperties") || open("unevaluatedProperties")
            }
            Part::Any(variants) => self.variants(variants).any(|variant| self.opens(variant)),
            Part::Maybe(place) => self.admits(place, true) && self.opens(place),
        })
    }

    fn declares(&self, place: &Place<'s>, name: &str) -> bool {
        place.iter().any(|part| match part {
            Part::Own(schema) => {
                let listed = |list: &Value| {
                    list.as_array().is_some_and(|list| list.iter().any(|member| *member == name))
                };
                schema.get("properties").is_some_and(|map| map.get(name).is_some())
                    || schema.get("required").is_some_and(listed)
                    || ["dependentRequired", "dependencies"].iter().any(|keyword| {
                        let map = schema.get(*keyword).and_then(Value::as_object);
                        let mut lists =
                            map.into_iter().flatten().filter(|(_, value)| value.is_array());
                        lists.any(|(key, list)| key == name || listed(list))
                    })
                    || patterns(schema).any(|(pattern, _)| matches(pattern, name))
            }
            Part::Any(variants) => self.variants(variants).any(|part| self.declares(part, name)),
            Part::Maybe(place) => self.admits(place, true) && self.declares(place, name),
        })
    }

    fn below(&self, place: &Place<'s>, step: Step<'_>) -> Place<'s> {
        let mut below = Vec::new();
        for part in place {
            match part {
                Part::Own(schema) => {
                    for schema in self.children(schema, step) {
                        below.extend(self.place(schema));
                    }
                }
                Part::Any(variants) => {
                    let object = matches!(step, Step::Name(_));
                    let variants = variants.iter().filter(|variant| self.admits(variant, object));
                    below.push(Part::Any(variants.map(|part| self.below(part, step)).collect()));
                }
                Part::Maybe(place) => {
                    if self.admits(place, matches!(step, Step::Name(_))) {
                        below.push(Part::Maybe(self.below(place, step)));
                    }
                }
            }
        }
        below
    }

    fn children(&self, schema: &'s Value, step: Step<'_>) -> Vec<&'s Value> {
        match step {
            Step::Name(name) => {
                let property = schema.get("properties").and_then(|map| map.get(name));
                let matching = patterns(schema).filter(|(pattern, _)| matches(pattern, name));
                let mut found: Vec<_> = property.into_iter().collect();
                found.extend(matching.map(|(_, schema)| schema));
                if found.is_empty() {
                    let rest = schema.get("additionalProperties");
                    found.extend(rest.or_else(|| schema.get("unevaluatedProperties")));
                }
                found
            }
            Step::Element(nth) => {
                let (list, rest) = match schema.get("items") {
                    Some(list @ Value::Array(_)) => (Some(list), schema.get("additionalItems")),
                    items => (schema.get("prefixItems"), items),
                };
                list.and_then(|list| list.get(nth)).or(rest).into_iter().collect()
            }
        }
    }
}

fn patterns(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten()
}

/// Whether the own keywords of `schema` leave room for an object, or for an array.
fn admits(schema: &Value, object: bool) -> bool {
    let is_kind = |value: &Value| if object { value.is_object() } else { value.is_array() };
    let name = if object { "object" } else { "array" };
    let by_type = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|kind| *kind == name),
        Some(kind) => *kind == name,
        None => *schema != Value::Bool(false),
    };
    let by_enum = schema.get("enum").and_then(Value::as_array);
    let by_const = schema.get("const");
    by_type
        && by_enum.is_none_or(|choices| choices.iter().any(is_kind))
        && by_const.is_none_or(is_kind)
}
