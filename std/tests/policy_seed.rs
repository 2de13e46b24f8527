//! What the Python program that this one descends from promised, and what its own tests recorded of whole
//! calls: ghosts, validation and policy together.
//!
//! No case that has a counterpart deviates. None has one that passes positional arguments, expects the
//! missing sandbox to fail, or uses a feature of later versions that is not a policy here; ghosts under
//! `oneOf` are recorded as names without values, and tested in the core.

// Clippy takes helpers of tests for library code.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../core/tests/support/shared.rs"]
mod shared;

use airlock::core::{Call, Guard, ToolDefinition, Verdict};
use airlock::policy::{PolicyFile, tests};
use serde_json::{Map, Value, json};

/// Its sample of a policy of one's own, in our words.
const SAMPLE: &str = r#"
allowed_tools = ["read_*", "query_*"]
denied_tools = ["delete_*", "drop_*", "rm_*"]
rate_limits = { "*" = "1000/hour", "write_*" = "100/hour" }
time_restrictions = { "deploy_*" = "09:00-17:00" }
"#;

#[test]
fn its_sample_of_a_policy_holds() {
    let tests = r#"
        [[test]]
        call = { tool = "read_file" }
        expect = { effect = "allow", rule = "allowed_tools" }
        [[test]]
        call = { tool = "query_orders" }
        expect = { effect = "allow" }
        [[test]]
        call = { tool = "delete_user" }
        expect = { effect = "deny", rule = "denied_tools[0]", reason = "tool_denied" }
        [[test]]
        call = { tool = "DROP_table" }
        expect = { effect = "deny", rule = "denied_tools[1]" }
        [[test]]
        call = { tool = "rm_all" }
        expect = { effect = "deny", rule = "denied_tools[2]" }
        [[test]]
        call = { tool = "deploy_site", now = "2026-03-02T20:00:00Z" }
        expect = { effect = "deny", rule = 'time_restrictions."deploy_*"', reason = "time_restricted" }
        [[test]]
        call = { tool = "deploy_site", now = "2026-03-02T10:00:00Z" }
        expect = { effect = "deny", rule = "default", reason = "tool_not_allowed" }
        [[test]]
        call = { tool = "write_file" }
        expect = { effect = "deny", rule = "default" }
    "#;
    // The sample with a budget that a test can use up, and so as it is.
    let calls: Vec<String> = (0..1001)
        .map(|at| {
            let expect = if at < 1000 {
                r#"{ effect = "allow" }"#
            } else {
                r#"{ effect = "deny", rule = 'limit:rate_limits."*"', reason = "rate_limited" }"#
            };
            format!(r#"{{ tool = "read_file", agent = "bob", expect = {expect} }}"#)
        })
        .collect();
    let text = format!("{SAMPLE}{tests}\n[[test]]\nsteps = [{}]\n", calls.join(", "));
    let file = PolicyFile::parse("sample.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    let guard = Guard::builder().policy(file.into_policy()).unwrap().build().unwrap();
    let outcomes = tests::run(&guard, None);
    assert_eq!(outcomes.len(), 8 + 1001);
    for outcome in outcomes {
        assert!(outcome.failures.is_empty(), "{}: {:?}", outcome.title(), outcome.failures);
    }
}

fn cases(area: &str) -> Option<Vec<Value>> {
    let cases = shared::lines("seed/cases.jsonl")?;
    Some(cases.into_iter().filter(|case| case["area"] == area).collect())
}

/// The schema of a recorded signature; none when it has parts that no schema has.
fn schema(signature: &Value) -> Option<Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut open = false;
    for param in signature["params"].as_array()? {
        match param["kind"].as_str()? {
            "VAR_KEYWORD" => open = true,
            "VAR_POSITIONAL" => {}
            _ => {
                let schema = &param["json_schema"];
                if !schema.is_object() {
                    return None;
                }
                properties.insert(param["name"].as_str()?.to_owned(), schema.clone());
                if param["required"] == true {
                    required.push(param["name"].clone());
                }
            }
        }
    }
    let mut schema = json!({"type": "object", "properties": properties, "required": required});
    schema["additionalProperties"] = open.into();
    Some(schema)
}

/// The recorded configuration and policy in our words; none when they use what does not exist here.
fn document(case: &Value) -> Option<Value> {
    const SAME: [&str; 5] =
        ["allowed_tools", "denied_tools", "rate_limits", "time_restrictions", "require_agent_id"];
    let input = &case["input"];
    let mut document = json!({"near_miss": "strip"});
    for (key, value) in input["config"].as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("strict_mode", Value::Bool(true)) => document["ghosts"] = json!("reject"),
            ("unknown_args", mode) if mode == "block" => document["ghosts"] = json!("reject"),
            ("strict_mode" | "unknown_args", _) => {}
            // What becomes of outputs is no part of a decision.
            ("mask_pii" | "mask_secrets" | "sanitize_output" | "max_output_chars", _) => {}
            _ => return None,
        }
    }
    for (key, value) in input["policy"].as_object().into_iter().flatten() {
        let empty = value.is_null()
            || value == false
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if empty {
            continue;
        }
        if !SAME.contains(&key.as_str()) {
            return None;
        }
        document[key] = value.clone();
    }
    Some(document)
}

#[test]
fn recorded_calls_are_decided_alike() {
    let Some(cases) = cases("end_to_end") else { return };
    let (mut checked, mut wrong) = (0, Vec::new());
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let input = &case["input"];
        let expected = &case["expected"];
        // Positional arguments, the sandbox and other features of later versions have no counterpart.
        let counterpart =
            input["args"].as_array().is_some_and(Vec::is_empty) && input["sandbox"] == false;
        let reason = expected["block_reason"].as_str();
        let same = match expected["decision"].as_str() {
            Some("executed") => true,
            Some("blocked") => {
                matches!(reason, Some("validation_error" | "ghost_arguments" | "policy_violation"))
                    && !expected["error"].as_str().unwrap_or("").contains("Unexpected error")
            }
            _ => false,
        };
        let (Some(schema), Some(document)) = (schema(&input["signature"]), document(case)) else {
            continue;
        };
        if !counterpart || !same {
            continue;
        }
        let Ok(file) = PolicyFile::parse("p.json", &document.to_string()) else { continue };
        let schema = schema.to_string();
        let name = input["signature"]["name"].as_str().unwrap();
        let tool = ToolDefinition { name, input_schema: schema.as_bytes(), output_schema: None };
        let guard = Guard::builder().policy(file.into_policy()).unwrap();
        let Ok(guard) = guard.tool(tool).map(|builder| builder.build().unwrap()) else { continue };
        let arguments = input["kwargs"].to_string();
        let call = Call { tool: name, arguments: arguments.as_bytes(), ..Call::default() };
        let mut scratch = guard.scratch();
        let verdict = guard.check(&call, &mut scratch);
        checked += 1;
        let allowed = matches!(verdict, Verdict::Allow(_));
        if allowed != (expected["decision"] == "executed") {
            wrong.push(format!("{id}: {input} expected {expected}"));
        }
    }
    println!("{checked} of {}", cases.len());
    assert!(checked >= 100, "{checked}");
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn recorded_ghosts_are_found_and_stripped_alike() {
    let Some(cases) = cases("ghost") else { return };
    let mut checked = 0;
    for case in &cases {
        let (input, expected) = (&case["input"], &case["expected"]);
        let Some(schema) = schema(&input["signature"]) else { continue };
        let mode = if input["strict"] == true { "reject" } else { "strip" };
        let document = json!({"ghosts": mode, "near_miss": "strip"}).to_string();
        let file = PolicyFile::parse("p.json", &document).unwrap();
        let schema = schema.to_string();
        let tool =
            ToolDefinition { name: "f", input_schema: schema.as_bytes(), output_schema: None };
        let guard = Guard::builder().policy(file.into_policy()).unwrap().tool(tool).unwrap();
        let guard = guard.build().unwrap();
        let arguments = input["kwargs"].to_string();
        let call = Call { tool: "f", arguments: arguments.as_bytes(), ..Call::default() };
        let mut scratch = guard.scratch();
        let wanted = expected.get("returns").or_else(|| expected.get("stripped"));
        match guard.check(&call, &mut scratch) {
            Verdict::Allow(allowed) => {
                let mut stripped: Vec<&str> = allowed.stripped().map(|path| &path[1..]).collect();
                stripped.sort_unstable();
                assert_eq!(&json!(stripped), wanted.unwrap(), "{}", case["id"]);
                if let Some(cleaned) = expected.get("cleaned") {
                    let found: Value = serde_json::from_slice(allowed.arguments()).unwrap();
                    assert_eq!(&found, cleaned, "{}", case["id"]);
                }
            }
            Verdict::Refuse(refusal) => {
                assert_eq!(refusal.reason().name(), "ghost_arguments", "{}", case["id"]);
                assert_eq!(expected["raises"], "GhostArgumentError", "{}", case["id"]);
            }
        }
        checked += 1;
    }
    assert_eq!(checked, 12);
}
