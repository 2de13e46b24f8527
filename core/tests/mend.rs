//! The repair `json-string`: arrays and objects that were sent as strings of JSON.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use airlock_core::policy::Policy;
use airlock_core::{Call, Guard, Reason, ToolDefinition, Verdict};

const SCHEMA: &str = r##"{
    "type": "object",
    "properties": {
        "tags": {"type": "array", "items": {"type": "string"}},
        "maybe": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        "shared": {"$ref": "#/$defs/options"},
        "either": {"type": ["string", "array"]},
        "text": {"type": "string"},
        "deep": {"type": "object", "properties": {"list": {"type": "array"}}}
    },
    "$defs": {"options": {"type": "object", "properties": {"size": {"type": "integer"}}}}
}"##;

/// The arguments that are passed on and where they were repaired, or the reason and the first path.
fn check(policy: &str, arguments: &str) -> Result<(String, Vec<String>), (Reason, String)> {
    let tool = ToolDefinition { name: "t", input_schema: SCHEMA.as_bytes(), output_schema: None };
    let policy = Policy::from_json(policy).unwrap();
    let guard = Guard::builder().policy(policy).unwrap().tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
    let cleaned = match guard.check(&call, &mut scratch) {
        Verdict::Allow(allowed) => {
            let text = String::from_utf8(allowed.arguments().to_vec()).unwrap();
            (text, allowed.repaired().map(str::to_owned).collect::<Vec<_>>())
        }
        Verdict::Refuse(refusal) => {
            let first = refusal.violations().next().map(|violation| violation.path.to_owned());
            return Err((refusal.reason(), first.unwrap_or_default()));
        }
    };
    // What was cleaned is clean.
    let call = Call { arguments: cleaned.0.as_bytes(), ..call };
    let Verdict::Allow(again) = guard.check(&call, &mut scratch) else { panic!("{}", cleaned.0) };
    assert!(!again.is_changed(), "{}", cleaned.0);
    Ok(cleaned)
}

fn repaired(arguments: &str) -> Result<(String, Vec<String>), (Reason, String)> {
    check(r#"{"repair": ["json-string"]}"#, arguments)
}

#[test]
fn strings_become_what_they_hold() {
    for (arguments, after, at) in [
        (r#"{"tags":"[\"a\", \"b\"]"}"#, r#"{"tags":["a", "b"]}"#, &["/tags"][..]),
        (r#"{"maybe": "[1.0,2e0]" }"#, r#"{"maybe": [1.0,2e0] }"#, &["/maybe"]),
        (r#"{"shared":" {\"size\":1}\n"}"#, "{\"shared\": {\"size\":1}\n}", &["/shared"]),
        (
            r#"{"tags":"[]","text":"[]","maybe":"[]"}"#,
            r#"{"tags":[],"text":"[]","maybe":[]}"#,
            &["/tags", "/maybe"],
        ),
        (r#"{"deep":{"list":"[1]"}}"#, r#"{"deep":{"list":[1]}}"#, &["/deep/list"]),
        (r#""{\"text\":\"a\"}""#, r#"{"text":"a"}"#, &[""]),
        // A ghost inside is stripped as anywhere.
        (
            r#"{"zzz":1,"shared":"{\"zzz\":[2],\"size\":3}"}"#,
            r#"{"shared":{"size":3}}"#,
            &["/shared"],
        ),
    ] {
        let at = at.iter().map(ToString::to_string).collect();
        assert_eq!(repaired(arguments), Ok((after.to_owned(), at)), "{arguments}");
    }
}

#[test]
fn what_a_string_may_be_stays_a_string() {
    for arguments in [r#"{"either":"[1]"}"#, r#"{"text":"{\"a\":1}"}"#] {
        assert_eq!(repaired(arguments), Ok((arguments.to_owned(), Vec::new())));
    }
}

/// Nothing is repaired in a refused call, and what is wrong is told of the call as it came.
#[test]
fn every_rule_holds_inside() {
    let deep = format!(r#"{{"tags":"{}{}"}}"#, "[".repeat(127), "]".repeat(127));
    let deepest = format!(r#"{{"tags":"{}{}"}}"#, "[".repeat(128), "]".repeat(128));
    for arguments in [
        r#"{"tags":"[1]"}"#,
        r#"{"tags":"[\"a\",]"}"#,
        r#"{"tags":"{}"}"#,
        r#"{"tags":"[\"a\"] [\"b\"]"}"#,
        r#"{"tags":"\"[]\""}"#,
        r#"{"tags":"['a']"}"#,
        &deep,
        &deepest,
    ] {
        let refused = Err((Reason::ValidationFailed, "/tags".to_owned()));
        assert_eq!(repaired(arguments), refused, "{arguments}");
    }
    for (arguments, path) in [
        (r#"{"shared":"{\"size\":1,\"size\":2}"}"#, "/shared"),
        (r#"{"shared":"{\"sise\":1}"}"#, "/shared"),
        // One level and no more.
        (r#"{"deep":"{\"list\":\"[1]\"}"}"#, "/deep"),
        (r#"{"tags":"[]","text":1}"#, "/tags"),
    ] {
        let refused = Err((Reason::ValidationFailed, path.to_owned()));
        assert_eq!(repaired(arguments), refused, "{arguments}");
    }
    assert_eq!(repaired(r#""[1]""#), Err((Reason::MalformedArguments, String::new())));
}

#[test]
fn never_unless_asked_for() {
    for policy in ["{}", r#"{"repair": []}"#, r#"{"preset": "permissive"}"#] {
        assert!(check(policy, r#"{"tags":"[]"}"#).is_err(), "{policy}");
    }
    let error = Policy::from_json(r#"{"repair": ["json-strings"]}"#).unwrap_err();
    assert!(error.to_string().contains("json-string"), "{error}");
}
