//! What holds for every check, whatever the schema and whatever the arguments.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/dev.rs"]
mod dev;
#[path = "support/shared.rs"]
mod shared;

use std::collections::BTreeMap;

use airlock_core::policy::{Ghosts, Policy, Repair};
use airlock_core::{
    Call, Caller, Catalog, Guard, Origin, Output, Scratch, ToolDefinition, Verdict,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Stands in every string value of random arguments; no schema contains it.
const MARKER: &str = "zqmarker";
/// The same for numbers.
const MARKED_NUMBER: &str = "918273645";

fn call<'a>(tool: &'a str, arguments: &'a [u8]) -> Call<'a> {
    Call { tool, arguments, caller: Caller::default(), ..Call::default() }
}

fn guards() -> Vec<Guard> {
    let documents = [
        r#"{"near_miss": "strip"}"#,
        r#"{"near_miss": "refuse"}"#,
        r#"{"ghosts": "reject"}"#,
        r#"{"ghosts": "allow"}"#,
        r#"{"near_miss": "strip", "repair": ["json-string", "scalar"]}"#,
    ];
    let guard = |text| Guard::builder().policy(Policy::from_json(text).unwrap()).unwrap();
    documents.into_iter().map(|text| guard(text).build().unwrap()).collect()
}

/// Everything that holds for one call.
fn holds(
    guard: &Guard,
    catalog: &Catalog,
    scratch: &mut Scratch<'_>,
    tool: &str,
    arguments: &[u8],
) {
    let cleaned = match guard.check_in(catalog, &call(tool, arguments), scratch) {
        Verdict::Allow(allowed) => {
            let (stripped, repaired) = (allowed.stripped().count(), allowed.repaired().count());
            assert_eq!(allowed.is_changed(), stripped > 0 || repaired > 0);
            assert!(repaired == 0 || guard.policy().repair(tool) != Repair::default());
            assert!(allowed.is_changed() || allowed.arguments() == arguments);
            assert!(stripped == 0 || guard.policy().settings().ghosts == Ghosts::Strip);
            allowed.arguments().to_vec()
        }
        Verdict::Refuse(refusal) => {
            let json = refusal.json();
            assert!(json.len() <= 2048, "{} bytes", json.len());
            let read: Value = serde_json::from_slice(json).expect("a refusal is JSON");
            assert_eq!(read["status"], "blocked");
            assert_eq!(read["reason"], refusal.reason().name());
            let told = read["violations"].as_array().unwrap().len();
            let more = read["more"].as_u64().unwrap_or(0) as usize;
            assert_eq!(told + more, refusal.violations().count());
            return;
        }
    };
    match guard.check_in(catalog, &call(tool, &cleaned), scratch) {
        Verdict::Allow(again) => {
            assert_eq!((again.stripped().count(), again.repaired().count()), (0, 0));
            assert_eq!(again.arguments(), cleaned);
        }
        Verdict::Refuse(refusal) => panic!(
            "cleaned arguments are refused: {} {}",
            String::from_utf8_lossy(&cleaned),
            String::from_utf8_lossy(refusal.json())
        ),
    }
}

#[test]
fn labelled_calls_clean_once() {
    let (Some(catalog), Some(calls)) = (dev::catalog(), dev::calls()) else { return };
    for guard in guards() {
        let mut scratch = guard.scratch();
        for call in &calls {
            holds(&guard, &catalog, &mut scratch, &call.tool, &call.arguments);
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] =
        &["a", "b", "ab", "x-a", "x-ab", "limit", "limti", "", "__proto__", "a/b", "\u{e9}"];
    proptest::sample::select(NAMES).prop_map(str::to_owned)
}

fn kind() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &["null", "boolean", "integer", "number", "string", "array", "object", "object"][..],
    )
}

/// A schema of a small grammar that has every keyword that is supported.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => kind().prop_map(|kind| json!({"type": kind})),
        1 => (kind(), kind()).prop_map(|(a, b)| json!({"type": [a, b]})),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(json!({})),
        1 => Just(json!({"enum": ["red", "green", 1, null, [1], {"a": 1}]})),
        1 => Just(json!({"const": {"a": [1.0, "x"]}})),
        1 => (-2..5, -2..5).prop_map(|(a, b)| json!({"minimum": a, "exclusiveMaximum": b})),
        1 => Just(json!({"multipleOf": 0.5})),
        1 => (0..4, 0..9).prop_map(|(a, b)| json!({"minLength": a, "maxLength": b})),
        1 => Just(json!({"type": "string", "pattern": "^[a-z]+$"})),
        1 => Just(json!({"$ref": "#"})),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let map = |inner: BoxedStrategy<Value>| {
            proptest::collection::btree_map(name(), inner, 0..4)
                .prop_map(|map: BTreeMap<String, Value>| json!(map))
        };
        let list = |inner: BoxedStrategy<Value>| proptest::collection::vec(inner, 1..3);
        let inner = inner.boxed();
        let names = || proptest::collection::btree_set(name(), 0..3);
        // Each part is an object; the schema is the union of a few.
        let part = prop_oneof![
            4 => map(inner.clone()).prop_map(|map| json!({"type": "object", "properties": map})),
            2 => names().prop_map(|names| json!({"required": names})),
            2 => inner.clone().prop_map(|schema| json!({"additionalProperties": schema})),
            1 => inner.clone().prop_map(|schema| json!({"unevaluatedProperties": schema})),
            1 => inner.clone().prop_map(|schema| json!({"patternProperties": {"^x-": schema}})),
            1 => inner.clone().prop_map(|schema| json!({"propertyNames": schema})),
            1 => names().prop_map(|names| json!({"dependentRequired": {"a": names}})),
            1 => inner.clone().prop_map(|schema| json!({"dependentSchemas": {"b": schema}})),
            1 => (0..3, 0..4).prop_map(|(a, b)| json!({"minProperties": a, "maxProperties": b})),
            1 => inner.clone().prop_map(|schema| json!({"items": schema})),
            1 => list(inner.clone()).prop_map(|all| json!({"prefixItems": all})),
            1 => inner.clone().prop_map(|schema| json!({"contains": schema, "maxContains": 2})),
            1 => inner.clone().prop_map(|schema| json!({"unevaluatedItems": schema})),
            1 => (0..3, 0..3).prop_map(|(a, b)| json!({"minItems": a, "maxItems": b, "uniqueItems": true})),
            2 => list(inner.clone()).prop_map(|all| json!({"allOf": all})),
            2 => list(inner.clone()).prop_map(|all| json!({"anyOf": all})),
            2 => list(inner.clone()).prop_map(|all| json!({"oneOf": all})),
            1 => inner.clone().prop_map(|schema| json!({"not": schema})),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| json!({"if": a, "then": b, "else": c})),
        ];
        proptest::collection::vec(part, 1..4).prop_map(|parts| {
            let mut whole = Map::new();
            for part in parts {
                let Value::Object(part) = part else { unreachable!("parts are objects") };
                whole.extend(part);
            }
            Value::Object(whole)
        })
    })
}

/// Argument text. Every value in it that the schemas cannot know holds a marker.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("-0.5e1".to_owned()),
        Just(MARKED_NUMBER.to_owned()),
        Just(format!("{MARKED_NUMBER}.25")),
        Just(format!("\"{MARKER}\"")),
        Just(format!("\"{MARKED_NUMBER}\"")),
        Just(format!("\"gren {MARKER}\"")),
        Just(format!("\"{{\\\"a\\\":\\\"{MARKER}\\\"}}\"")),
        Just(format!("\"\\u0041 \\ud83d\\ude00 {MARKER}\"")),
        Just("\"red\"".to_owned()),
        Just("\"[1, \\\"red\\\"]\"".to_owned()),
        Just("\"{\\\"b\\\":1,\\\"zzz\\\":2}\"".to_owned()),
    ];
    let value = leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(" ,"))),
            object(inner),
        ]
    });
    let damage = proptest::option::weighted(
        0.1,
        (any::<prop::sample::Index>(), proptest::sample::select(&b"{}[]\",:\\ 0\x01"[..])),
    );
    (prop_oneof![9 => object(value.clone()), 1 => value.boxed()], damage).prop_map(
        |(text, damage)| match damage {
            Some((at, byte)) => {
                let mut bytes = text.into_bytes();
                let at = at.index(bytes.len() + 1);
                bytes.insert(at, byte);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            None => text,
        },
    )
}

fn object(value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    let spelt = name().prop_map(|name| Value::String(name).to_string());
    let key = prop_oneof![9 => spelt.boxed(), 1 => Just("\"\\u0061\"".to_owned()).boxed()];
    proptest::collection::btree_map(key, value, 0..5)
        .prop_map(|members| {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{name} :{value}")).collect();
            format!("{{{} }}", members.join(" , "))
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_on_any_document(
        schema in schema(),
        documents in proptest::collection::vec(document(), 1..8),
    ) {
        let schema = schema.to_string();
        prop_assert!(!schema.contains(MARKER) && !schema.contains(MARKED_NUMBER));
        let mut builder = Catalog::builder(Origin::Trusted);
        let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
        // A reference can lead to itself without end; nothing else here is refused.
        prop_assert!(builder.tool(tool).is_ok() || schema.contains("$ref"), "{schema}");
        let catalog = builder.build();
        for guard in guards() {
            let mut scratch = guard.scratch();
            for document in &documents {
                holds(&guard, &catalog, &mut scratch, "t", document.as_bytes());
                let verdict = guard.check_in(&catalog, &call("t", document.as_bytes()), &mut scratch);
                if let Verdict::Refuse(refusal) = verdict {
                    let text = String::from_utf8_lossy(refusal.json()).into_owned();
                    prop_assert!(!text.contains(MARKER), "{text}");
                    prop_assert!(!text.contains(MARKED_NUMBER), "{text}");
                }
            }
        }
    }

    #[test]
    fn any_bytes_as_a_schema(text in "[\\[\\]{}\",:a-z0-9\\\\ $#/-]{0,60}") {
        let mut builder = Catalog::builder(Origin::Live);
        let tool = ToolDefinition { name: "t", input_schema: text.as_bytes(), output_schema: None };
        let compiled = builder.tool(tool).is_ok();
        let guard = Guard::builder().build().unwrap();
        let (catalog, mut scratch) = (builder.build(), guard.scratch());
        let verdict = guard.check_in(&catalog, &call("t", b"{}"), &mut scratch);
        prop_assert!(compiled || matches!(verdict, Verdict::Refuse(_)));
    }
}

/// The worst that a caller and an operator can write still fits, and is JSON.
#[test]
fn refusals_are_bounded_by_construction() {
    for unit in ["\u{1}", "\"", "\\", "\u{e9}", "\u{202e}", "\u{1f600}", "n"] {
        // Names of rules hold no control characters.
        let id = if unit == "\u{1}" { "r".repeat(64) } else { unit.repeat(64 / unit.len()) };
        for count in [60, 64, 100, 200, 512] {
            let hint = unit.repeat(count).chars().take(512 / unit.len()).collect::<String>();
            let tool = unit.repeat(count);
            let policy = json!({
                "disclose": "full",
                "rule": [{"id": id, "effect": "deny", "tools": ["*"], "hint": hint}],
            });
            let policy = Policy::from_json(&policy.to_string()).unwrap();
            let guard = Guard::builder().policy(policy).unwrap().build().unwrap();
            let mut scratch = guard.scratch();
            for tool in [&tool, &unit.repeat(64 / unit.len())] {
                holds(&guard, &Catalog::default(), &mut scratch, tool, b"{}");
            }

            let names: Map<String, Value> =
                (0..70).map(|at| (format!("{}{at}", unit.repeat(count)), json!(1))).collect();
            let schema = json!({"type": "object", "properties": {"a": {"enum": [tool, hint]}, (tool.clone()): {"pattern": "^x"}}});
            let schema = schema.to_string();
            let definition = ToolDefinition {
                name: &tool,
                input_schema: schema.as_bytes(),
                output_schema: None,
            };
            let mut builder = Catalog::builder(Origin::Trusted);
            builder.tool(definition).unwrap();
            let catalog = builder.build();
            let mut arguments = names.clone();
            arguments.insert("a".to_owned(), json!("?"));
            arguments.insert(tool.clone(), json!("y"));
            let arguments = Value::Object(arguments).to_string();
            for guard in guards() {
                let mut scratch = guard.scratch();
                holds(&guard, &catalog, &mut scratch, &tool, arguments.as_bytes());
            }
        }
    }
}

/// Violations are dropped only as far as room asks for it.
#[test]
fn refusals_tell_as_much_as_fits() {
    let names: Map<String, Value> =
        (0..60).map(|at| (format!("m{at:02}"), json!({"type": "integer"}))).collect();
    let schema = json!({"type": "object", "properties": names}).to_string();
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let guard = Guard::builder().tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let mut most = 0;
    for count in 1..60 {
        let arguments: Map<String, Value> =
            names.keys().take(count).map(|name| (name.clone(), json!("x"))).collect();
        let arguments = Value::Object(arguments).to_string();
        let Verdict::Refuse(refusal) = guard.check(&call("t", arguments.as_bytes()), &mut scratch)
        else {
            panic!("allowed: {arguments}")
        };
        let json: Value = serde_json::from_slice(refusal.json()).unwrap();
        let told = json["violations"].as_array().unwrap();
        assert_eq!(told.len() as u64 + json["more"].as_u64().unwrap_or(0), count as u64);
        let next = told[0].to_string().len() + r#","more":99"#.len();
        assert!(told.len() == count || refusal.json().len() + next > 2048, "{json}");
        most = most.max(told.len());
    }
    assert!(most >= 10, "{most}");
}

/// Unions that share their parts: walking every path through them would take 2^30 steps.
#[test]
fn shared_unions_compile_or_are_refused_in_bounded_time() {
    let mut definitions = Map::new();
    definitions.insert("d0".to_owned(), json!({"type": "string"}));
    for level in 1..30 {
        let below = format!("#/$defs/d{}", level - 1);
        let schema =
            json!({"anyOf": [{"$ref": below}, {"title": "t", "allOf": [{"$ref": below}]}]});
        definitions.insert(format!("d{level}"), schema);
    }
    let object = json!({"type": "object", "properties": {"k": {}}});
    let schema = json!({
        "type": "object",
        "properties": {"o": {"anyOf": [{"$ref": "#/$defs/d29"}, object]}},
        "$defs": definitions,
    })
    .to_string();
    let mut builder = Catalog::builder(Origin::Live);
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    if let Err(error) = builder.tool(tool) {
        assert!(error.message.contains("too complex"), "{error}");
        return;
    }
    let (catalog, guard) = (builder.build(), Guard::builder().build().unwrap());
    let mut scratch = guard.scratch();
    let Verdict::Refuse(refusal) =
        guard.check_in(&catalog, &call("t", br#"{"o":1}"#), &mut scratch)
    else {
        panic!("a number is none of the variants")
    };
    assert!(refusal.json().len() <= 2048);
}

/// Masks by type, allow-lists and numbers, as a policy has them.
#[test]
fn outputs_are_masked_in_the_styles_of_the_policy() {
    let policy = |entry: &str| {
        let text = format!(r#"{{"output": {{"*": {{"mask": ["secret", "pii"], {entry}}}}}}}"#);
        Guard::builder().policy(Policy::from_json(&text).unwrap())
    };
    let shown = |entry: &str, text: &str| {
        let guard = policy(entry).unwrap().build().unwrap();
        let mut scratch = guard.scratch();
        let shown = guard.filter("t", Output::Text(text.as_bytes()), &mut scratch).unwrap();
        String::from_utf8(shown.bytes.to_vec()).unwrap()
    };
    let text = "ann@acme.io 123-45-6789 ann@acme.io";
    assert_eq!(shown(r#""style": "type""#, text), "[EMAIL] [US_SSN] [EMAIL]");
    let by_type = r#""style": {"pii.core.email": "pseudonym", "pii": "full"}"#;
    assert_eq!(shown(by_type, text), "[EMAIL_1] [REDACTED] [EMAIL_1]");
    assert_eq!(shown(r#""allow": ["domain:acme.io"]"#, text), "ann@acme.io [REDACTED] ann@acme.io");
    for (entry, says) in [
        (r#""style": "hushed""#, "no mask is called \"hushed\""),
        (r#""style": {"pii.core.mail": "full"}"#, "pii.core.mail"),
        (r#""allow": ["acme.io"]"#, "`domain:`"),
    ] {
        let error = policy(entry).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("output.\"*\"."), "{error}");
    }
    let error = policy(r#""style": "hash""#).unwrap().build().unwrap_err().to_string();
    assert!(error.contains("needs a key"), "{error}");
}

/// A value keeps its number in a session, and in a document where there is none.
#[test]
fn pseudonyms_last_as_long_as_their_table() {
    let policy = r#"{"output": {"*": {"mask": ["pii"], "style": "pseudonym"}}}"#;
    let policy = Policy::from_json(policy).unwrap();
    let guard = Guard::builder().policy(policy).unwrap().build().unwrap();
    let (mut names, mut scratch) = (airlock_core::redact::Pseudonyms::growable(), guard.scratch());
    for (text, in_session, alone) in [
        ("a@x.org", "[EMAIL_1]", "[EMAIL_1]"),
        ("b@x.org a@x.org", "[EMAIL_2] [EMAIL_1]", "[EMAIL_1] [EMAIL_2]"),
        (r#"{"m":"b@x.org"}"#, r#"{"m":"[EMAIL_2]"}"#, r#"{"m":"[EMAIL_1]"}"#),
    ] {
        let output = Output::Text(text.as_bytes());
        let shown = guard.filter_in(&mut names, "t", output, &mut scratch).unwrap();
        assert_eq!(core::str::from_utf8(shown.bytes), Ok(in_session));
        let shown = guard.filter("t", output, &mut scratch).unwrap();
        assert_eq!(core::str::from_utf8(shown.bytes), Ok(alone));
    }
}
