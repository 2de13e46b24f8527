//! The ghost rule of `docs/ghosts.md`, on hand-written cases.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/compact.rs"]
mod compact;
#[path = "support/shared.rs"]
mod shared;

use airlock_core::policy::{NearMiss, Policy};
use airlock_core::{Call, Caller, Guard, ToolDefinition, Verdict};

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
