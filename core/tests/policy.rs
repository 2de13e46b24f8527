//! A policy in a guard: from the bytes of a call to the verdict and what it carries.
#![cfg(feature = "alloc")]
// Clippy takes helpers of tests for library code.
#![allow(clippy::unwrap_used, clippy::panic)]

use airlock_core::policy::{KillSwitch, Policy};
use airlock_core::{Call, Caller, Guard, Reason, ToolDefinition, Verdict};

const OPEN: &[u8] = br#"{"type": "object"}"#;

fn guard(policy: &str, tools: &[(&str, &[u8])], switch: &KillSwitch) -> Guard {
    let policy = Policy::from_json(policy).unwrap();
    let mut builder = Guard::builder().policy(policy).unwrap().kill_switch(switch.clone());
    for (name, input_schema) in tools {
        let tool = ToolDefinition { name, input_schema, output_schema: None };
        builder = builder.tool(tool).unwrap();
    }
    builder.build().unwrap()
}

fn call<'a>(tool: &'a str, arguments: &'a str) -> Call<'a> {
    Call { tool, arguments: arguments.as_bytes(), ..Call::default() }
}

/// The verdict in a line: the arguments that pass, or the reason and the first violation.
fn check(guard: &Guard, call: &Call<'_>) -> String {
    let mut scratch = guard.scratch();
    match guard.check(call, &mut scratch) {
        Verdict::Allow(allowed) => {
            format!("allow {}", String::from_utf8_lossy(allowed.arguments()))
        }
        Verdict::Refuse(refusal) => {
            let first = refusal.violations().next();
            let first = first.map(|v| format!(" {} {} {}", v.keyword, v.path, v.received));
            format!("{}{}", refusal.reason().name(), first.unwrap_or_default())
        }
    }
}

const RULES: &str = r#"{"kinds": {"*": {"path": ["path", "paths[]"]}}, "rule": [
    {"id": "read", "effect": "allow", "tools": "read", "when": {"@path": {"under": "/w"}}},
    {"id": "tenant", "effect": "deny", "tools": "read", "when": {"args.tenant": {"ne_ctx": "tenant"}}},
    {"id": "move", "effect": "ask", "tools": "move", "ttl": "5m"}
]}"#;

#[test]
fn a_refusal_points_to_the_argument_and_gives_nothing_away() {
    let guard = guard(RULES, &[("read", OPEN), ("move", OPEN)], &KillSwitch::new());
    let by = |arguments: &'static str| Call {
        caller: Caller { agent: Some("bob"), roles: &[], tenant: Some("t1") },
        ..call("read", arguments)
    };
    for (arguments, expected) in [
        (
            r#"{"paths": ["/w/a", "/w/b"], "tenant": "t1"}"#,
            r#"allow {"paths": ["/w/a", "/w/b"], "tenant": "t1"}"#,
        ),
        (
            r#"{"paths": ["/w/a", "/etc/secret"], "tenant": "t1"}"#,
            "condition_failed policy /paths/1 string",
        ),
        (r#"{"path": 5, "tenant": "t1"}"#, "condition_failed policy /path number"),
        (r#"{"path": "/w/a"}"#, "condition_failed policy /tenant nothing"),
        (r#"{"path": "/w/a", "tenant": "t2"}"#, "condition_failed policy /tenant string"),
        ("[]", "malformed_arguments type  array"),
        (
            r#"{"path": "/w/a", "path": "/w/b"}"#,
            "malformed_arguments duplicateKey /path a repeated name",
        ),
    ] {
        assert_eq!(check(&guard, &by(arguments)), expected, "{arguments}");
    }
    let mut scratch = guard.scratch();
    let call = by(r#"{"paths": ["/etc/secret"], "tenant": "t1"}"#);
    let Verdict::Refuse(refusal) = guard.check(&call, &mut scratch) else { panic!("allowed") };
    let json = std::str::from_utf8(refusal.json()).unwrap();
    for word in ["secret", "/w\"", "under", "\"read\"}", "t1"] {
        assert!(!json.contains(word), "{word} in {json}");
    }
    assert!(json.contains("absolute path"), "{json}");
}

#[test]
fn an_approval_is_asked_for_after_everything_else_was_checked() {
    let schema = br#"{"type": "object", "properties": {"to": {"type": "string"}}}"#;
    let guard = guard(RULES, &[("move", schema)], &KillSwitch::new());
    assert_eq!(check(&guard, &call("move", r#"{"to": 1}"#)), "validation_failed type /to number");
    let mut scratch = guard.scratch();
    let Verdict::Refuse(refusal) = guard.check(&call("move", r#"{"to": "x"}"#), &mut scratch)
    else {
        panic!("allowed")
    };
    assert_eq!(refusal.reason(), Reason::ApprovalRequired);
    assert_eq!((refusal.rule(), refusal.approval_ms()), (Some("move"), Some(300_000)));
}

#[test]
fn conditions_see_what_is_passed_on() {
    let schema = br#"{"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}"#;
    let rules = r#"{"rule": [
        {"id": "open", "effect": "allow", "tools": "t"},
        {"id": "ghost", "effect": "deny", "tools": "t*", "missing": "skip", "when": {"args.force": {"eq": true}}}
    ]}"#;
    let guard = guard(rules, &[("t", schema)], &KillSwitch::new());
    assert_eq!(check(&guard, &call("t", r#"{"a":"x","force":true}"#)), r#"allow {"a":"x"}"#);
}

#[test]
fn the_kill_switch_comes_first_and_can_be_turned_at_any_time() {
    let switch = KillSwitch::new();
    let guard = guard("{}", &[("t", OPEN)], &switch);
    assert_eq!(check(&guard, &call("t", "{}")), "allow {}");
    switch.set(true);
    assert_eq!(check(&guard, &call("t", "{}")), "halted");
    assert_eq!(check(&guard, &call("no such tool", "not json")), "halted");
    let mut scratch = guard.scratch();
    let refused = guard.check_name(&call("t", "{}"), &mut scratch);
    assert_eq!(refused.map(|refusal| refusal.reason()), Some(Reason::Halted));
    switch.set(false);
    assert_eq!(check(&guard, &call("t", "{}")), "allow {}");
}

#[test]
fn a_policy_in_shadow_mode_reports_and_lets_pass() {
    let rules = r#"{"mode": "shadow", "rule": [
        {"id": "r", "effect": "deny", "tools": "t", "when": {"args.a": {"eq": 1}}}
    ], "default": "allow"}"#;
    let guard = guard(rules, &[("t", OPEN), ("u", OPEN)], &KillSwitch::new());
    let mut scratch = guard.scratch();
    for (arguments, expected) in
        [(r#"{"a": 1}"#, Some((Some(Reason::ConditionFailed), Some("r")))), (r#"{"a": 2}"#, None)]
    {
        let call = call("t", arguments);
        let Verdict::Allow(allowed) = guard.check(&call, &mut scratch) else { panic!("refused") };
        assert_eq!(allowed.would().map(|would| (would.reason, would.rule)), expected);
    }
    let broken = call("t", "{");
    assert!(matches!(guard.check(&broken, &mut scratch), Verdict::Refuse(_)));
}

#[test]
fn an_allowed_call_lists_what_it_costs() {
    let rules = r#"{"rate_limits": {"*": "100/hour"}, "limit": [
        {"id": "by-tool", "tools": "t", "key": ["tool"], "rate": "5/1m", "burst": 1}
    ]}"#;
    let guard = guard(rules, &[("t", OPEN), ("u", OPEN)], &KillSwitch::new());
    let mut scratch = guard.scratch();
    let mut costs = |tool| {
        let call = call(tool, "{}");
        let Verdict::Allow(allowed) = guard.check(&call, &mut scratch) else { panic!("refused") };
        let charge =
            |c: airlock_core::policy::Charge<'_>| (c.limit.id.to_owned(), c.cost, c.limit.burst);
        allowed.charges().map(charge).collect::<Vec<_>>()
    };
    let every = (r#"rate_limits."*""#.to_owned(), 1, 100);
    assert_eq!(costs("t"), [("by-tool".to_owned(), 1, 1), every.clone()]);
    assert_eq!(costs("u"), [every]);
}

#[test]
fn a_condition_on_an_argument_that_no_tool_declares_is_an_error() {
    let closed =
        br#"{"type": "object", "properties": {"path": {}}, "additionalProperties": false}"#;
    let plain = br#"{"type": "object", "properties": {"path": {}}}"#;
    let build = |tools: &str, argument: &str, schema: &[u8]| {
        let rules = format!(
            r#"{{"rule": [{{"id": "r", "effect": "deny", "tools": {tools}, "when": {{"{argument}": {{"eq": 1}}}}}}]}}"#
        );
        let builder = Guard::builder().policy(Policy::from_json(&rules).unwrap()).unwrap();
        let tool = ToolDefinition { name: "t", input_schema: schema, output_schema: None };
        builder.tool(tool).unwrap().build().map(drop).map_err(|error| error.message)
    };
    for schema in [&closed[..], plain] {
        let error = build(r#"["t", "not-here"]"#, "args.pth", schema).unwrap_err();
        assert!(error.contains("`r`") && error.contains("`pth`"), "{error}");
        assert!(build(r#""t""#, "args.path", schema).is_ok());
        assert!(build(r#""t*""#, "args.pth", schema).is_ok(), "a pattern is about many");
        assert!(build(r#""u""#, "args.pth", schema).is_ok(), "nothing is known of it");
    }
    assert!(build(r#""t""#, "args.pth", OPEN).is_ok(), "any name may stand there");
}
