//! The ghost rule of `docs/ghosts.md`, on hand-written cases and against a slow reading of it.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/compact.rs"]
mod compact;
#[path = "support/ghost_reference.rs"]
mod ghost_reference;
#[path = "support/random_schema.rs"]
mod random_schema;
#[path = "support/shared.rs"]
mod shared;

use airlock_core::policy::{NearMiss, Policy};
use airlock_core::{Call, Caller, Guard, ToolDefinition, Verdict};

use proptest::prelude::*;

use compact::compact;

/// What was stripped, and the arguments if the call is allowed.
fn strip(schema: &str, arguments: &str) -> (Vec<String>, Option<String>) {
    let tool = ToolDefinition { name: "t", input_schema: schema.as_bytes(), output_schema: None };
    let policy = Policy::permissive().with_near_miss(NearMiss::Strip);
    let guard = Guard::builder().policy(policy).unwrap().tool(tool).unwrap().build().unwrap();
    let call = Call {
        tool: "t",
        arguments: arguments.as_bytes(),
        caller: Caller::default(),
        ..Call::default()
    };
    let mut scratch = guard.scratch();
    match guard.check(&call, &mut scratch) {
        Verdict::Allow(allowed) => (
            allowed.stripped().map(str::to_owned).collect(),
            Some(String::from_utf8(allowed.arguments().to_vec()).unwrap()),
        ),
        Verdict::Refuse(refusal) => (refusal.stripped().map(str::to_owned).collect(), None),
    }
}

#[test]
fn hand_written_cases() {
    let Some(cases) = shared::lines("validation/ghost_cases.jsonl") else { return };
    assert_eq!(cases.len(), 38);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let schema = case["input_schema"].to_string();
        let (stripped, arguments) = strip(&schema, case["arguments_text"].as_str().unwrap());
        let wanted: Vec<&str> =
            case["stripped"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        assert_eq!(stripped, wanted, "{name}");
        // What remains may still be wrong in other ways.
        if let Some(arguments) = arguments {
            assert_eq!(compact(&arguments), case["after_strip"].as_str().unwrap(), "{name}");
        }
    }
}

/// The examples of `docs/ghosts.md`: schema, arguments, what remains.
#[test]
fn examples_of_the_documentation() {
    for (schema, arguments, remains) in EXAMPLES {
        let (_, arguments) = strip(schema, arguments);
        assert_eq!(arguments.as_deref(), Some(*remains), "{schema}");
    }
    let page = include_str!("../../docs/ghosts.md");
    for (schema, ..) in EXAMPLES {
        assert!(page.contains(schema), "docs/ghosts.md does not show {schema}");
    }
}

const EXAMPLES: &[(&str, &str, &str)] = &[
    (r#"{"properties": {"a": {}}}"#, r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
    (
        r#"{"properties": {"a": {}}, "additionalProperties": false}"#,
        r#"{"b":2,"a":1}"#,
        r#"{"a":1}"#,
    ),
    (
        r#"{"properties": {"a": {}}, "additionalProperties": true}"#,
        r#"{"a":1,"b":2}"#,
        r#"{"a":1,"b":2}"#,
    ),
    (r#"{"type": "object"}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#),
    (r#"{"properties": {}}"#, r#"{"a":1,"b":2}"#, "{}"),
    (r#"{"properties": {"a": {}}, "required": ["b"]}"#, r#"{"b":2,"c":3}"#, r#"{"b":2}"#),
    (r#"{"patternProperties": {"^x-": {}}}"#, r#"{"x-a":1,"b":2}"#, r#"{"x-a":1}"#),
    (
        r#"{"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}"#,
        r#"{"a":1,"b":2,"c":3}"#,
        r#"{"a":1,"b":2}"#,
    ),
    (
        r#"{"anyOf": [{"properties": {"a": {}}}, {"type": "object"}]}"#,
        r#"{"a":1,"c":3}"#,
        r#"{"a":1,"c":3}"#,
    ),
    (
        r#"{"properties": {"a": {}}, "if": {}, "then": {"properties": {"b": {}}}}"#,
        r#"{"b":2,"c":3}"#,
        r#"{"b":2}"#,
    ),
    (
        r#"{"properties": {"a": {"properties": {"b": {}}}}}"#,
        r#"{"a":{"b":1,"c":2}}"#,
        r#"{"a":{"b":1}}"#,
    ),
];

/// Recursive schemas whose unions meet themselves again one level down: each has few places.
#[test]
fn recursive_schemas_that_alternate_all_and_any_compile() {
    for schema in [
        // Base and one variant declare the same child.
        r##"{"$ref":"#/$defs/n","$defs":{"n":{
            "allOf":[{"properties":{"next":{"$ref":"#/$defs/n"},"kind":{}}}],
            "anyOf":[{"properties":{"next":{"$ref":"#/$defs/n"},"x":{}}},{"properties":{"y":{}}}]}}}"##,
        // Two unions that refer to each other.
        r##"{"$ref":"#/$defs/e","$defs":{
            "e":{"oneOf":[{"$ref":"#/$defs/l"},{"$ref":"#/$defs/b"},{"$ref":"#/$defs/u"}]},
            "l":{"type":"object","properties":{"value":{}},"required":["value"]},
            "u":{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"arg":{"$ref":"#/$defs/e"}}}]},
            "b":{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"arg":{"$ref":"#/$defs/p"},"right":{"$ref":"#/$defs/e"}}}]},
            "p":{"anyOf":[{"$ref":"#/$defs/u"},{"$ref":"#/$defs/b"},{"properties":{"arg":{"$ref":"#/$defs/e"},"z":{}}}]},
            "base":{"properties":{"op":{},"meta":{"anyOf":[{"$ref":"#/$defs/e"},{"$ref":"#/$defs/p"}]}}}}}"##,
        // Lists of conditions under every combination of them, as filters are written.
        r##"{"properties":{"where":{"$ref":"#/$defs/w"}},"$defs":{"w":{"type":"object",
            "properties":{"and":{"type":"array","items":{"$ref":"#/$defs/w"}},"or":{"type":"array","items":{"$ref":"#/$defs/w"}},"not":{"$ref":"#/$defs/w"}},
            "allOf":[{"anyOf":[{"properties":{"not":{"allOf":[{"$ref":"#/$defs/w"},{"properties":{"deep":{}}}]}}},{"properties":{"and":{"items":{"$ref":"#/$defs/w"}}}}]}],
            "anyOf":[{"properties":{"eq":{},"not":{"$ref":"#/$defs/w"}}},{"properties":{"lt":{},"or":{"items":{"anyOf":[{"$ref":"#/$defs/w"},{"properties":{"raw":{}}}]}}}}]}}}"##,
    ] {
        let (stripped, _) = strip(schema, r#"{"ghost":{"a":1}}"#);
        assert_eq!(stripped, ["/ghost"], "{schema}");
    }
}

#[test]
fn a_condition_that_takes_nothing_hides_no_other_one() {
    let schema = r##"{"properties":{"v":{"additionalProperties":{"properties":{}},
        "if":{"unevaluatedProperties":false},"then":{"properties":{"w":{"properties":{"a":{}}}}}}}}"##;
    assert_eq!(strip(schema, r#"{"v":{"w":{"a":1,"b":2}}}"#).0, ["/v/w/b"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_rule_read_word_for_word(bytes in prop::collection::vec(any::<u8>(), 40..400)) {
        ghost_reference::check(&bytes);
    }
}

#[test]
fn enum_and_const_both_say_what_a_variant_takes() {
    let schema = r#"{"anyOf":[{"properties":{"a":{}}},{"const":1,"enum":[1,{"b":2}]}]}"#;
    assert_eq!(strip(schema, r#"{"a":1,"c":2}"#).0, ["/c"]);
}
