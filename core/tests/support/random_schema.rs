//! Random schemas from a grammar, and documents that are built to hit them.
//!
//! Everything is drawn from bytes, so that property tests and fuzzers share it. References never leave the
//! document. Left out are `format`, which is an annotation, and what only a reader of several documents
//! needs.
#![allow(dead_code, reason = "not every test needs every helper")]

use serde_json::{Map, Value, json};

/// Bytes to draw from; past the end everything is zero, the simplest choice.
pub(crate) struct Source<'a> {
    bytes: &'a [u8],
}

impl<'a> Source<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                first
            }
            None => 0,
        }
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    /// True `times` in 256.
    fn chance(&mut self, times: u8) -> bool {
        u16::from(self.byte()) + u16::from(times) > 255
    }

    fn pick<'p, T: ?Sized>(&mut self, from: &[&'p T]) -> &'p T {
        from[self.below(from.len())]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Draft7,
    Draft2020,
}

const NAMES: &[&str] = &["a", "b", "c", "d", "ab", "é", "", "a/b"];
const PATTERNS: &[&str] = &["^a", "b", "^[a-c]$", "^(?:ab)*$", "\\d", "^.{1,2}$", "é|^$", "^\\w+$"];
const TYPES: &[&str] = &["object", "array", "string", "integer", "number", "boolean", "null"];
const TEXTS: &[&str] = &["", "a", "ab", "b1", "é", "abc", "\u{1f432}", "a b"];
/// Spellings of numbers, many of them of one value.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "1.0",
    "1e0",
    "10e-1",
    "0.0",
    "-0",
    "1.5",
    "15e-1",
    "0.5",
    "100",
    "1e2",
    "9007199254740993",
    "9007199254740992",
    "-2.5",
    "7",
];

/// A schema whose member `v` holds a random one; recursive through `$defs` and `#`.
pub(crate) fn schema(source: &mut Source<'_>) -> (Value, Dialect) {
    let dialect = if source.chance(64) { Dialect::Draft7 } else { Dialect::Draft2020 };
    let mut grammar = Grammar { source, dialect };
    let v = grammar.schema(3);
    let mut defs = Map::new();
    for nth in 0..DEFS {
        let schema = grammar.schema(2);
        defs.insert(format!("s{nth}"), schema);
    }
    let (uri, keyword) = match dialect {
        Dialect::Draft7 => ("http://json-schema.org/draft-07/schema#", "definitions"),
        Dialect::Draft2020 => ("https://json-schema.org/draft/2020-12/schema", "$defs"),
    };
    (json!({"$schema": uri, keyword: defs, "properties": {"v": v}}), dialect)
}

/// How many definitions a schema has.
const DEFS: usize = 3;

struct Grammar<'s, 'a> {
    source: &'s mut Source<'a>,
    dialect: Dialect,
}

impl Grammar<'_, '_> {
    fn schema(&mut self, depth: u32) -> Value {
        match self.source.byte() {
            0..=15 => return Value::Bool(true),
            16..=23 => return Value::Bool(false),
            _ => {}
        }
        let mut schema = Map::new();
        for _ in 0..=self.source.below(4) {
            self.keyword(&mut schema, depth);
        }
        Value::Object(schema)
    }

    fn keyword(&mut self, schema: &mut Map<String, Value>, depth: u32) {
        let modern = self.dialect == Dialect::Draft2020;
        let choice = self.source.below(if depth == 0 { 16 } else { 40 });
        let (keyword, value) = match choice {
            0 => ("type", json!(self.source.pick(TYPES))),
            1 => ("type", {
                let mut types = vec![self.source.pick(TYPES), self.source.pick(TYPES)];
                types.dedup();
                json!(types)
            }),
            2 => ("required", self.names()),
            3 => ("enum", {
                let mut values = Vec::<Value>::new();
                for _ in 0..=self.source.below(4) {
                    let value = self.value(2);
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                json!(values)
            }),
            4 => ("const", self.value(2)),
            5 => (self.source.pick(&["minLength", "maxLength"]), self.count()),
            6 => ("pattern", json!(self.source.pick(PATTERNS))),
            7 => (
                self.source.pick(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
                self.number(),
            ),
            8 => (
                "multipleOf",
                self.source.pick(&[&json!(1), &json!(2), &json!(0.5), &json!(1.5)]).clone(),
            ),
            9 => (self.source.pick(&["minItems", "maxItems"]), self.count()),
            10 => (self.source.pick(&["minProperties", "maxProperties"]), self.count()),
            11 => ("uniqueItems", json!(!self.source.chance(32))),
            12 => {
                let mut map = Map::new();
                for _ in 0..=self.source.below(2) {
                    map.insert(self.source.pick(NAMES).to_owned(), self.names());
                }
                (if modern { "dependentRequired" } else { "dependencies" }, map.into())
            }
            13 | 14 => ("$ref", self.reference()),
            15 => ("additionalProperties", json!(self.source.chance(96))),
            16..=20 => ("properties", self.map(NAMES, depth, 3)),
            21 => ("patternProperties", self.map(PATTERNS, depth, 2)),
            22 => ("additionalProperties", self.schema(depth - 1)),
            23 => ("propertyNames", self.schema(depth - 1)),
            24 => {
                let map = self.map(NAMES, depth, 2);
                (if modern { "dependentSchemas" } else { "dependencies" }, map)
            }
            25 | 26 => ("allOf", self.list(depth)),
            27 | 28 => ("anyOf", self.variants(depth)),
            29 | 30 => ("oneOf", self.variants(depth)),
            31 => ("not", self.schema(depth - 1)),
            32 => {
                schema.insert("if".into(), self.schema(depth - 1));
                if self.source.chance(200) {
                    schema.insert("then".into(), self.schema(depth - 1));
                }
                if self.source.chance(100) {
                    schema.insert("else".into(), self.schema(depth - 1));
                }
                return;
            }
            33 | 34 => ("items", self.schema(depth - 1)),
            35 => {
                if self.source.chance(128) {
                    let rest = if modern { "items" } else { "additionalItems" };
                    schema.insert(rest.into(), self.schema(depth - 1));
                }
                (if modern { "prefixItems" } else { "items" }, self.list(depth))
            }
            36 => {
                for keyword in ["minContains", "maxContains"] {
                    if modern && self.source.chance(64) {
                        schema.insert(keyword.into(), self.count());
                    }
                }
                ("contains", self.schema(depth - 1))
            }
            37 | 38 if modern => (
                "unevaluatedProperties",
                if self.source.chance(160) { json!(false) } else { self.schema(depth - 1) },
            ),
            39 if modern => (
                "unevaluatedItems",
                if self.source.chance(160) { json!(false) } else { self.schema(depth - 1) },
            ),
            _ => ("title", json!("no assertion")),
        };
        schema.insert(keyword.into(), value);
    }

    fn reference(&mut self) -> Value {
        let defs = if self.dialect == Dialect::Draft7 { "definitions" } else { "$defs" };
        match self.source.below(DEFS + 1) {
            DEFS => json!("#"),
            nth => json!(format!("#/{defs}/s{nth}")),
        }
    }

    fn list(&mut self, depth: u32) -> Value {
        (0..=self.source.below(3)).map(|_| self.schema(depth - 1)).collect()
    }

    /// A list whose schemas are now and then told apart by a member.
    fn variants(&mut self, depth: u32) -> Value {
        let mut list = self.list(depth);
        if !self.source.chance(80) {
            return list;
        }
        let name = self.source.pick(NAMES);
        for schema in list.as_array_mut().into_iter().flatten() {
            let Some(schema) = schema.as_object_mut().filter(|_| self.source.chance(224)) else {
                continue;
            };
            let tag = json!(self.source.pick(TEXTS));
            let tag =
                if self.source.chance(64) { json!({"enum": [tag]}) } else { json!({"const": tag}) };
            let properties = schema.entry("properties").or_insert_with(|| json!({}));
            properties[name] = tag;
            if self.source.chance(224) {
                let required = schema.entry("required").or_insert_with(|| json!([]));
                if let Some(names) =
                    required.as_array_mut().filter(|names| !names.contains(&json!(name)))
                {
                    names.push(json!(name));
                }
            }
        }
        list
    }

    fn map(&mut self, names: &[&str], depth: u32, most: usize) -> Value {
        let mut map = Map::new();
        for _ in 0..self.source.below(most + 1) {
            map.insert(self.source.pick(names).to_owned(), self.schema(depth - 1));
        }
        map.into()
    }

    fn names(&mut self) -> Value {
        let mut names = Vec::new();
        for _ in 0..=self.source.below(2) {
            let name = self.source.pick(NAMES);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        json!(names)
    }

    fn count(&mut self) -> Value {
        json!(self.source.below(4))
    }

    fn number(&mut self) -> Value {
        serde_json::from_str(self.source.pick(NUMBERS)).expect("a number")
    }

    fn value(&mut self, depth: u32) -> Value {
        serde_json::from_str(&value(self.source, depth)).expect("JSON")
    }
}

/// The text of a random document.
fn value(source: &mut Source<'_>, depth: u32) -> String {
    match source.below(if depth == 0 { 5 } else { 7 }) {
        0 => source.pick(&["null", "true", "false"]).to_owned(),
        1 | 2 => source.pick(NUMBERS).to_owned(),
        3 | 4 => quoted(source.pick(TEXTS), source),
        5 => {
            let items: Vec<_> = (0..source.below(4)).map(|_| value(source, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => {
            let names: Vec<&str> = NAMES.iter().copied().filter(|_| source.chance(80)).collect();
            let members: Vec<_> = names
                .into_iter()
                .map(|name| format!("{}:{}", quoted(name, source), value(source, depth - 1)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// `text` as a JSON string, its first character escaped now and then.
fn quoted(text: &str, source: &mut Source<'_>) -> String {
    let plain = Value::from(text).to_string();
    match text.chars().next() {
        Some(first) if source.chance(24) => {
            let mut units = [0; 2];
            let units = first.encode_utf16(&mut units).iter();
            let escaped: String = units.map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{escaped}{}", &plain[1 + first.len_utf8()..])
        }
        _ => plain,
    }
}

/// Texts of objects whose member `v` is built along the `schema` that [`schema`] made: the first from what is
/// left of `source`, the others from noise that it seeds, for compiling costs more than checking.
pub(crate) fn arguments(source: Source<'_>, schema: &Value) -> impl Iterator<Item = String> {
    let mut seed = source
        .bytes
        .iter()
        .fold(1_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut bytes = source.bytes.to_vec();
    (0..DOCUMENTS).map(move |_| {
        let v = &schema["properties"]["v"];
        let text = fitting(&mut Source::new(&bytes), schema, v, 7);
        bytes.clear();
        for _ in 0..128 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            bytes.push((seed >> 56) as u8);
        }
        format!(r#"{{"v":{text}}}"#)
    })
}

/// How many documents are made for one schema.
const DOCUMENTS: usize = 12;

/// The text of a document that `schema` may accept.
fn fitting(source: &mut Source<'_>, root: &Value, schema: &Value, depth: u32) -> String {
    let Some(keywords) = schema.as_object() else { return value(source, depth.min(2)) };
    if depth == 0 || source.chance(16) {
        return value(source, depth.min(2));
    }
    if let Some(fixed) = keywords.get("const") {
        return fixed.to_string();
    }
    if let Some(Value::Array(choices)) = keywords.get("enum") {
        return choices[source.below(choices.len())].to_string();
    }
    // Follow one of the applicators, or build from the keywords that stand here.
    let mut inside = Vec::new();
    for keyword in ["allOf", "anyOf", "oneOf"] {
        inside.extend(keywords.get(keyword).and_then(Value::as_array).into_iter().flatten());
    }
    inside.extend(["if", "then", "else"].iter().filter_map(|keyword| keywords.get(*keyword)));
    inside.extend(keywords.get("$ref").and_then(|target| resolve(root, target)));
    let own = ["properties", "items", "prefixItems", "patternProperties", "additionalProperties"];
    let has_own = own.iter().any(|keyword| keywords.contains_key(*keyword));
    let stay = inside.is_empty() || has_own && source.chance(128);
    if !stay {
        let next = inside[source.below(inside.len())];
        return fitting(source, root, next, depth - 1);
    }
    let kind = match keywords.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds[source.below(kinds.len())].as_str().unwrap_or("null"),
        _ if ["properties", "required", "patternProperties", "unevaluatedProperties"]
            .iter()
            .any(|keyword| keywords.contains_key(*keyword)) =>
        {
            "object"
        }
        _ if ["items", "prefixItems", "contains", "uniqueItems", "unevaluatedItems"]
            .iter()
            .any(|keyword| keywords.contains_key(*keyword)) =>
        {
            "array"
        }
        _ => source.pick(TYPES),
    };
    match kind {
        "object" => {
            let mut members: Vec<(String, String)> = Vec::new();
            let properties = keywords.get("properties").and_then(Value::as_object);
            for (name, schema) in properties.into_iter().flatten() {
                if source.chance(190) {
                    members.push((name.clone(), fitting(source, root, schema, depth - 1)));
                }
            }
            let required = keywords.get("required").and_then(Value::as_array);
            let required: Vec<&str> =
                required.into_iter().flatten().filter_map(Value::as_str).collect();
            let more = keywords.get("additionalProperties").unwrap_or(&Value::Bool(true));
            for &name in NAMES {
                let wanted = required.contains(&name) || source.chance(40);
                if wanted && !members.iter().any(|(other, _)| other == name) {
                    members.push((name.to_owned(), fitting(source, root, more, depth - 1)));
                }
            }
            let members = members.into_iter();
            let members: Vec<_> =
                members.map(|(name, value)| format!("{}:{value}", quoted(&name, source))).collect();
            format!("{{{}}}", members.join(","))
        }
        "array" => {
            let mut items = Vec::new();
            for nth in 0..source.below(4) {
                let at = |keyword: &str| keywords.get(keyword).and_then(|list| list.get(nth));
                let item = at("prefixItems").or_else(|| at("items")).or(keywords.get("items"));
                let item = item.or(keywords.get("contains")).unwrap_or(&Value::Bool(true));
                items.push(fitting(source, root, item, depth - 1));
            }
            format!("[{}]", items.join(","))
        }
        "string" => {
            let text = source.pick(TEXTS);
            quoted(text, source)
        }
        "integer" | "number" => source.pick(NUMBERS).to_owned(),
        "boolean" => source.pick(&["true", "false"]).to_owned(),
        _ => "null".to_owned(),
    }
}

/// What a reference of the grammar points to.
pub(crate) fn resolve<'v>(root: &'v Value, target: &Value) -> Option<&'v Value> {
    root.pointer(target.as_str()?.strip_prefix('#')?)
}
