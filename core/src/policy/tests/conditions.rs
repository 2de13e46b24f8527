//! Conditions on arguments, from document to decision.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::super::condition::Memory;
use super::super::{Decision, Early, Policy};
use super::policy;
use crate::caller::{Call, Caller};
use crate::json::{self, Limits, Tape};

/// The decision on a call with these arguments: `allow`, or the reason; behind it the rule, and the
/// pointer of the argument that decided.
pub(super) fn judge(policy: &Policy, call: &Call<'_>) -> String {
    let mut tape = Tape::growable();
    let doc = json::parse(call.arguments, Limits::ARGUMENTS, &mut tape).unwrap();
    let ruling = match policy.early(call) {
        Early::Settled(ruling) => ruling,
        Early::Open(open) => policy.judge(call, &open, doc, None, None, &mut Memory::default()),
    };
    let (word, rule) = match ruling.decision {
        Decision::Allow { rule } => ("allow", rule),
        Decision::Refuse { reason, rule, .. } => (reason.name(), rule),
    };
    let mut text = format!("{word} {}", rule.map_or("default", |rule| rule.id));
    if word != "allow"
        && let Some(at) = ruling.at
    {
        text.push(' ');
        json::write_pointer(doc, at.node, &mut text).unwrap();
        if let Some(name) = policy.missing_name(at) {
            text = format!("{text}/{name}");
        }
    }
    text
}

fn call<'a>(tool: &'a str, arguments: &'a str) -> Call<'a> {
    Call { tool, arguments: arguments.as_bytes(), ..Call::default() }
}

/// A policy with one rule over the tool `t`, everything else as the effect leaves it.
fn one(effect: &str, when: &str, more: &str) -> Policy {
    let default = if effect == "deny" { "allow" } else { "deny" };
    policy(&format!(
        r#"{{"default": "{default}", "sets": {{"ab": ["a", "b"]}},
            "kinds": {{"*": {{"path": ["path", "paths[]", "to.dir"]}}}},
            "rule": [{{"id": "r", "effect": "{effect}", "tools": "t", "when": {when}{more}}}]}}"#
    ))
}

/// Whether an allow rule with this condition allows, and whether a deny rule with it denies.
fn both(when: &str, arguments: &str) -> (bool, bool) {
    let judged = |effect| judge(&one(effect, when, ""), &call("t", arguments));
    (judged("allow").starts_with("allow"), !judged("deny").starts_with("allow"))
}

/// Rows of a condition, arguments, whether it allows and whether it denies.
fn check(rows: &[(&str, &str, bool, bool)]) {
    for (when, arguments, allows, denies) in rows {
        assert_eq!(both(when, arguments), (*allows, *denies), "{when} on {arguments}");
    }
}

#[test]
fn what_is_not_known_denies_and_never_allows() {
    for test in [
        r#"{"eq": "x"}"#,
        r#"{"ne": "x"}"#,
        r#"{"in": "@ab"}"#,
        r#"{"not_in": ["x"]}"#,
        r#"{"gt": 5}"#,
        r#"{"le": "5.00"}"#,
        r#"{"min_len": 1}"#,
        r#"{"prefix": "x"}"#,
        r#"{"suffix": "x"}"#,
        r#"{"contains": "x"}"#,
        r#"{"glob": "x*"}"#,
        r#"{"regex": "x"}"#,
        r#"{"under": "/w"}"#,
        r#"{"url": {"host": "x.test"}}"#,
        r#"{"argv": {"program": "x"}}"#,
        r#"{"email": "x.test"}"#,
        r#"{"subset": ["x"]}"#,
        r#"{"type": "string"}"#,
        r#"{"eq_ctx": "tenant"}"#,
    ] {
        let when = format!(r#"{{"args.a": {test}}}"#);
        assert_eq!(both(&when, "{}"), (false, true), "{when} on nothing");
        assert_eq!(both(&when, r#"{"b": 1, "A": "x"}"#), (false, true), "{when} on another");
        let wrong = format!(r#"{{"args.a.b": {test}}}"#);
        assert_eq!(both(&wrong, r#"{"a": "x"}"#), (false, true), "{when} on a string");
        if !test.contains("type") {
            assert_eq!(both(&when, r#"{"a": null}"#), (false, true), "{when} on null");
        }
        let negated = format!(r#"{{"not": {when}}}"#);
        assert_eq!(both(&negated, "{}"), (false, true), "{negated} on nothing");
        let any = format!(r#"{{"any": [{when}, {when}]}}"#);
        assert_eq!(both(&any, "{}"), (false, true), "{any} on nothing");
    }
}

#[test]
fn texts() {
    check(&[
        (r#"{"args.a": {"eq": "x"}}"#, r#"{"a": "x"}"#, true, true),
        (r#"{"args.a": {"eq": "x"}}"#, r#"{"a": "\u0078"}"#, true, true),
        (r#"{"args.a": {"eq": "x"}}"#, r#"{"a": "X"}"#, false, true),
        (r#"{"args.a": {"eq": "x"}}"#, r#"{"a": "y"}"#, false, false),
        (r#"{"args.a": {"ne": "x"}}"#, r#"{"a": "X"}"#, false, true),
        (r#"{"args.a": {"ne": "x"}}"#, r#"{"a": "x"}"#, false, false),
        (r#"{"args.a": {"ne": "x"}}"#, r#"{"a": "y"}"#, true, true),
        (r#"{"args.a": {"in": "@ab"}}"#, r#"{"a": "b"}"#, true, true),
        (r#"{"args.a": {"in": "@ab"}}"#, r#"{"a": "c"}"#, false, false),
        (r#"{"args.a": {"not_in": "@ab"}}"#, r#"{"a": "c"}"#, true, true),
        (r#"{"args.a": {"not_in": "@ab"}}"#, r#"{"a": "B"}"#, false, true),
        (r#"{"args.a": {"prefix": ["x", "acct_"]}}"#, r#"{"a": "acct_1"}"#, true, true),
        (r#"{"args.a": {"prefix": "acct_"}}"#, r#"{"a": "ACCT_1"}"#, false, true),
        (r#"{"args.a": {"prefix": "acct_"}}"#, r#"{"a": "acct"}"#, false, false),
        (r#"{"args.a": {"suffix": ".sh"}}"#, r#"{"a": "x.SH"}"#, false, true),
        (r#"{"args.a": {"suffix": ".sh"}}"#, r#"{"a": "\u00e9"}"#, false, false),
        (r#"{"args.a": {"contains": "rop t"}}"#, r#"{"a": "DROP TABLE"}"#, false, true),
        (r#"{"args.a": {"contains": "b"}}"#, r#"{"a": "abc"}"#, true, true),
        (r#"{"args.a": {"contains": "b"}}"#, r#"{"a": ["a", "b"]}"#, true, true),
        (r#"{"args.a": {"contains": "b"}}"#, r#"{"a": ["abc"]}"#, false, false),
        (r#"{"args.a": {"regex": "[a-z]+"}}"#, r#"{"a": "abc"}"#, true, true),
        (r#"{"args.a": {"regex": "a|b"}}"#, r#"{"a": "bc"}"#, false, false),
        (r#"{"args.a": {"regex": "a."}}"#, r#"{"a": "a\n"}"#, false, false),
        (r#"{"args.a": {"glob": "*@example.com"}}"#, r#"{"a": "bob@example.com"}"#, true, true),
        (r#"{"args.a": {"glob": "*@example.com"}}"#, r#"{"a": "bob@example.org"}"#, false, false),
        (r#"{"args.a": {"email": "example.com"}}"#, r#"{"a": "bob@Example.com"}"#, true, true),
        (r#"{"args.a": {"email": "example.com"}}"#, r#"{"a": "bob@x.example.com"}"#, false, false),
        (r#"{"args.a": {"email": "*.example.com"}}"#, r#"{"a": "bob@x.example.com"}"#, true, true),
        (
            r#"{"args.a": {"email": "example.com"}}"#,
            r#"{"a": "a@b.c, bob@example.com"}"#,
            false,
            true,
        ),
        (
            r#"{"args.a": {"email": "example.com"}}"#,
            r#"{"a": "x@evil.test@example.com"}"#,
            false,
            true,
        ),
        (r#"{"args.a": {"min_len": 2, "max_len": 3}}"#, r#"{"a": "\u00e9\u00e9"}"#, true, true),
        (r#"{"args.a": {"max_len": 3}}"#, r#"{"a": "abcd"}"#, false, false),
        (r#"{"args.a": {"max_len": 1}}"#, r#"{"a": [1, 2]}"#, false, false),
    ]);
}

#[test]
fn numbers_are_exact() {
    check(&[
        (r#"{"args.a": {"gt": "2000.00"}}"#, r#"{"a": 2000.01}"#, true, true),
        (r#"{"args.a": {"gt": "2000.00"}}"#, r#"{"a": 2e3}"#, false, false),
        (r#"{"args.a": {"gt": "2000.00"}}"#, r#"{"a": "2000.001"}"#, true, true),
        (r#"{"args.a": {"gt": "2000.00"}}"#, r#"{"a": "1"}"#, false, false),
        (r#"{"args.a": {"gt": 0, "le": 100.5}}"#, r#"{"a": 100.5}"#, true, true),
        (
            r#"{"args.a": {"gt": 0, "le": 100.5}}"#,
            r#"{"a": 100.50000000000000000001}"#,
            false,
            false,
        ),
        (r#"{"args.a": {"lt": 9007199254740993}}"#, r#"{"a": 9007199254740992}"#, true, true),
        (r#"{"args.a": {"ge": 9007199254740993}}"#, r#"{"a": 9007199254740992}"#, false, false),
        (r#"{"args.a": {"eq": 5}}"#, r#"{"a": 5.0}"#, true, true),
        (r#"{"args.a": {"eq": 5}}"#, r#"{"a": "5"}"#, true, true),
        (r#"{"args.a": {"eq": 5}}"#, r#"{"a": 6}"#, false, false),
        (r#"{"args.a": {"eq": true}}"#, r#"{"a": true}"#, true, true),
        (r#"{"args.a": {"eq": true}}"#, r#"{"a": false}"#, false, false),
        (r#"{"args.a": {"type": ["integer", "null"]}}"#, r#"{"a": 1.0}"#, true, true),
        (r#"{"args.a": {"type": "integer"}}"#, r#"{"a": 1.5}"#, false, false),
        (r#"{"args.a": {"type": "number"}}"#, r#"{"a": 1}"#, true, true),
    ]);
    for spelling in [
        r#""2e3""#,
        r#""1e9""#,
        r#""NaN""#,
        r#""1_000""#,
        r#""+5""#,
        r#"" 5""#,
        r#"".5""#,
        r#""5.""#,
        r#""0x10""#,
        r#""\u0035""#,
        r#""\u0665""#,
        "null",
        "[5]",
        "true",
        r#""""#,
    ] {
        let arguments = format!(r#"{{"a": {spelling}}}"#);
        let when = r#"{"args.a": {"gt": 0, "le": 2000}}"#;
        assert_eq!(both(when, &arguments), (false, true), "{spelling}");
    }
}

#[test]
fn all_values_to_admit_and_one_to_refuse() {
    check(&[
        (r#"{"args.a[]": {"prefix": "x"}}"#, r#"{"a": ["x1", "x2"]}"#, true, true),
        (r#"{"args.a[]": {"prefix": "x"}}"#, r#"{"a": ["x1", "y"]}"#, false, true),
        (r#"{"args.a[]": {"prefix": "x"}}"#, r#"{"a": ["y"]}"#, false, false),
        (r#"{"args.a[]": {"prefix": "x"}}"#, r#"{"a": []}"#, false, false),
        (r#"{"args.a[]": {"prefix": "x"}}"#, r#"{"a": ["x", 1]}"#, false, true),
        (r#"{"args.a[]": {"prefix": "x"}}"#, r#"{"a": "x"}"#, false, true),
        (r#"{"args.a[]": {"prefix": "x", "each": "any"}}"#, r#"{"a": ["y", "x"]}"#, true, true),
        (r#"{"args.a[]": {"prefix": "x", "each": "all"}}"#, r#"{"a": ["y", "x"]}"#, false, false),
        (r#"{"args.a[].b": {"eq": "x"}}"#, r#"{"a": [{"b": "x"}, {}]}"#, false, true),
        (r#"{"args.a[].b": {"eq": "x"}}"#, r#"{"a": [{"b": "y"}, {}]}"#, false, true),
        (r#"{"args.a[].b": {"eq": "x"}}"#, r#"{"a": [{"b": "y"}]}"#, false, false),
        (r#"{"args.a": {"subset": "@ab"}}"#, r#"{"a": ["b", "a", "b"]}"#, true, true),
        (r#"{"args.a": {"subset": "@ab"}}"#, r#"{"a": ["b", "c"]}"#, false, false),
        (r#"{"args.**": {"contains": "x"}}"#, r#"{"a": {"b": [{"c": "axa"}]}}"#, true, true),
        (
            r#"{"args.**": {"contains": "x"}}"#,
            r#"{"a": {"b": [{"c": "a"}], "d": "b"}}"#,
            false,
            false,
        ),
        (r#"{"args.\"a.b\"": {"eq": "x"}}"#, r#"{"a.b": "x"}"#, true, true),
        (r#"{"args": {"max_len": 1}}"#, r#"{"a": 1}"#, true, true),
    ]);
}

#[test]
fn kinds_cover_every_argument_of_a_sort() {
    let under = r#"{"@path": {"under": "/w"}}"#;
    check(&[
        (under, r#"{"path": "/w/a"}"#, true, true),
        (under, r#"{"paths": ["/w/a", "/w/b"]}"#, true, true),
        (under, r#"{"paths": ["/w/a", "/etc"]}"#, false, true),
        (under, r#"{"path": "/w/a", "to": {"dir": "/etc"}}"#, false, true),
        (under, r#"{"path": "/w/a", "to": "/w"}"#, false, true),
        (under, r#"{"path": "/etc", "other": "/w"}"#, false, false),
        (under, r#"{"other": "/w"}"#, false, true),
    ]);
    let skip = one("deny", r#"{"@path": {"glob": "**/.git/**"}}"#, r#", "missing": "skip""#);
    for (arguments, expected) in [
        (r#"{"path": "/w/.git/x"}"#, "condition_failed r /path"),
        (r#"{"paths": ["/a", "/w/.git"]}"#, "condition_failed r /paths/1"),
        (r#"{"path": 5}"#, "condition_failed r /path"),
        (r#"{"path": "/w/x"}"#, "allow default"),
        ("{}", "allow default"),
    ] {
        assert_eq!(judge(&skip, &call("t", arguments)), expected, "{arguments}");
    }
}

#[test]
fn missing_arguments_can_be_let_go() {
    let optional = one("allow", r#"{"args.a": {"max_len": 2, "optional": true}}"#, "");
    assert_eq!(judge(&optional, &call("t", "{}")), "allow r");
    assert_eq!(judge(&optional, &call("t", r#"{"a": "abc"}"#)), "condition_failed default /a");
    for when in [r#"{"args.a": {"eq": "x"}}"#, r#"{"not": {"args.a": {"in": ["y"]}}}"#] {
        let skip = one("deny", when, r#", "missing": "skip""#);
        assert_eq!(judge(&skip, &call("t", "{}")), "allow default", "{when}");
        assert_eq!(judge(&skip, &call("t", r#"{"a": "x"}"#)), "condition_failed r /a", "{when}");
        assert_eq!(judge(&skip, &call("t", r#"{"a": {}}"#)), "condition_failed r /a", "{when}");
    }
    check(&[
        (r#"{"args.a": {"present": true}}"#, r#"{"a": null}"#, true, true),
        (r#"{"args.a": {"present": true}}"#, "{}", false, false),
        (r#"{"args.a": {"present": false}}"#, "{}", true, true),
        (r#"{"args.a": {"present": false}}"#, r#"{"a": 1}"#, false, false),
        (r#"{"args.a.b": {"present": false}}"#, r#"{"a": 1}"#, false, true),
    ]);
}

#[test]
fn alternatives_and_negations() {
    let when = r#"{"any": [{"args.a": {"eq": 1}}, {"args.b": {"eq": 2}, "args.c": {"eq": 3}}]}"#;
    check(&[
        (when, r#"{"a": 1, "b": 0, "c": 0}"#, true, true),
        (when, r#"{"a": 0, "b": 2, "c": 3}"#, true, true),
        (when, r#"{"a": 0, "b": 2, "c": 0}"#, false, false),
        (when, r#"{"a": 0, "b": 0}"#, false, false),
        (when, r#"{"a": 0, "b": 2}"#, false, true),
        (when, r#"{"a": 1}"#, true, true),
        (
            r#"{"not": {"@path": {"glob": "**/*.pem"}}}"#,
            r#"{"paths": ["/a", "/b.PEM"]}"#,
            false,
            true,
        ),
        (r#"{"not": {"@path": {"glob": "**/*.pem"}}}"#, r#"{"paths": ["/a", "/b"]}"#, true, true),
        (r#"{"not": {"@path": {"under": "/w"}}}"#, r#"{"path": "/w/../etc"}"#, true, true),
        (r#"{"not": {"@path": {"under": "/w"}}}"#, r#"{"path": "/w/a"}"#, false, false),
    ]);
}

#[test]
fn the_caller_can_be_compared_with() {
    let rule = |test: &str| one("deny", &format!(r#"{{"args.a": {test}}}"#), "");
    let by = |tenant, arguments: &'static str| Call {
        caller: Caller { agent: Some("bob"), roles: &[], tenant },
        ..call("t", arguments)
    };
    let other = rule(r#"{"ne_ctx": "tenant"}"#);
    for (tenant, arguments, expected) in [
        (Some("t1"), r#"{"a": "t1"}"#, "allow default"),
        (Some("t1"), r#"{"a": "T1"}"#, "condition_failed r /a"),
        (Some("t1"), r#"{"a": "t2"}"#, "condition_failed r /a"),
        (Some("t1"), "{}", "condition_failed r /a"),
        (Some("t1"), r#"{"a": ["t1"]}"#, "condition_failed r /a"),
        (None, r#"{"a": "t1"}"#, "condition_failed r /a"),
        (Some(""), r#"{"a": ""}"#, "condition_failed r /a"),
    ] {
        assert_eq!(judge(&other, &by(tenant, arguments)), expected, "{tenant:?} {arguments}");
    }
    let own = one("allow", r#"{"args.a": {"eq_ctx": "agent"}}"#, "");
    assert_eq!(judge(&own, &by(None, r#"{"a": "bob"}"#)), "allow r");
    assert_eq!(judge(&own, &by(None, r#"{"a": "Bob"}"#)), "condition_failed default /a");
}

#[test]
fn ask_stands_between_deny_and_allow() {
    let policy = policy(
        r#"{"rule": [
            {"id": "small", "effect": "allow", "tools": "pay", "when": {"args.n": {"le": 100}}},
            {"id": "large", "effect": "ask", "tools": "pay", "ttl": "5m", "when": {"args.n": {"gt": 50}}},
            {"id": "never", "effect": "deny", "tools": "pay", "when": {"args.n": {"gt": 1000}}},
            {"id": "plain", "effect": "ask", "tools": "move"}
        ]}"#,
    );
    for (tool, arguments, expected) in [
        ("pay", r#"{"n": 10}"#, "allow small"),
        ("pay", r#"{"n": 60}"#, "approval_required large"),
        ("pay", r#"{"n": 500}"#, "approval_required large"),
        ("pay", r#"{"n": 5000}"#, "condition_failed never /n"),
        ("pay", r#"{"n": "x"}"#, "condition_failed never /n"),
        ("pay", "{}", "condition_failed never /n"),
        ("move", "{}", "approval_required plain"),
    ] {
        assert_eq!(judge(&policy, &call(tool, arguments)), expected, "{tool} {arguments}");
    }
}

#[test]
fn the_reason_is_the_furthest_stage() {
    let policy = policy(
        r#"{"calendar": {"day": {"from": "09:00", "to": "17:00"}}, "rule": [
            {"id": "a", "effect": "allow", "tools": "t", "roles": ["x"], "hint": "role",
             "when": {"time": "@day", "args.a": {"eq": 1}}},
            {"id": "b", "effect": "allow", "tools": "t", "roles": ["y"], "hint": "other",
             "when": {"args.a": {"eq": 2}}}
        ]}"#,
    );
    let at = |roles, now, arguments: &'static str| Call {
        caller: Caller { agent: Some("bob"), roles, tenant: None },
        now: super::super::time::read_moment(now),
        ..call("t", arguments)
    };
    for (roles, now, arguments, expected) in [
        (&["z"][..], "2026-01-01T10:00:00Z", r#"{"a": 1}"#, "role_denied default"),
        (&["x"], "2026-01-01T20:00:00Z", r#"{"a": 1}"#, "time_restricted default"),
        (&["x"], "", r#"{"a": 1}"#, "time_restricted default"),
        (&["x"], "2026-01-01T10:00:00Z", r#"{"a": 3}"#, "condition_failed default /a"),
        (&["x"], "2026-01-01T10:00:00Z", r#"{"a": 1}"#, "allow a"),
        (&["x", "y"], "2026-01-01T20:00:00Z", r#"{"a": 3}"#, "condition_failed default /a"),
        (&["y"], "2026-01-01T20:00:00Z", r#"{"a": 2}"#, "allow b"),
    ] {
        assert_eq!(judge(&policy, &at(roles, now, arguments)), expected, "{roles:?} {now}");
    }
    assert_eq!(judge(&policy, &call("t", r#"{"a": 1}"#)), "identity_required default");
    assert_eq!(judge(&policy, &call("u", r#"{"a": 1}"#)), "tool_not_allowed default");
}

#[test]
fn servers_are_subjects() {
    let policy = policy(
        r#"{"default": "allow", "rule": [
            {"id": "r", "effect": "deny", "tools": "*", "servers": ["evil-*"]}
        ]}"#,
    );
    for (server, expected) in [
        (Some("good"), "allow default"),
        (Some("Evil-1"), "tool_denied r"),
        (Some(""), "tool_denied r"),
        (None, "tool_denied r"),
    ] {
        assert_eq!(judge(&policy, &Call { server, ..call("t", "{}") }), expected, "{server:?}");
    }
}

#[test]
fn times_of_the_simple_form_and_the_preset() {
    let restricted =
        policy(r#"{"time_restrictions": {"deploy_*": "09:00-17:00", "*_prod": "10:00-12:00"}}"#);
    let at = |tool, now| Call { now: super::super::time::read_moment(now), ..call(tool, "{}") };
    for (tool, now, expected) in [
        ("deploy_x", "2026-01-31T16:59:59Z", "allow default"),
        ("deploy_x", "2026-01-31T17:00:00Z", r#"time_restricted time_restrictions."deploy_*""#),
        ("DEPLOY_x", "2026-01-31T18:00:00Z", r#"time_restricted time_restrictions."deploy_*""#),
        ("deploy_x", "", r#"time_restricted time_restrictions."deploy_*""#),
        ("read_x", "", "allow default"),
        // All that name a tool apply, not only the most specific.
        ("deploy_prod", "2026-01-31T11:00:00Z", "allow default"),
        ("deploy_prod", "2026-01-31T13:00:00Z", r#"time_restricted time_restrictions."*_prod""#),
    ] {
        assert_eq!(judge(&restricted, &at(tool, now)), expected, "{tool} {now}");
    }
    let hours = Policy::preset("business_hours").unwrap();
    assert_eq!(judge(&hours, &at("drop_table", "2026-01-31T12:00:00Z")), "allow default");
    assert_eq!(
        judge(&hours, &at("drop_table", "2026-01-31T08:00:00Z")),
        "time_restricted business_hours"
    );
    assert_eq!(judge(&hours, &at("x_production", "")), "time_restricted business_hours");
    assert_eq!(judge(&hours, &at("read_table", "")), "allow default");
    assert!(hours.windows().all(|(text, assumed)| text == "09:00-17:00 UTC" && assumed));
    assert!(hours.windows().count() == 1);
    let named = policy(r#"{"preset": "business_hours", "tz": "UTC"}"#);
    assert!(named.windows().all(|(_, assumed)| !assumed));
}

#[test]
fn a_rule_in_shadow_only_says_what_it_would() {
    let policy = policy(
        r#"{"rule": [
            {"id": "open", "effect": "allow", "tools": "t"},
            {"id": "new", "effect": "deny", "tools": "t", "mode": "shadow", "when": {"args.a": {"eq": 1}}},
            {"id": "soon", "effect": "allow", "tools": "u", "mode": "shadow"}
        ]}"#,
    );
    let would = |tool, arguments: &str| {
        let mut tape = Tape::growable();
        let call = call(tool, arguments);
        let doc = json::parse(call.arguments, Limits::ARGUMENTS, &mut tape).unwrap();
        let ruling = match policy.early(&call) {
            Early::Settled(ruling) => ruling,
            Early::Open(open) => {
                policy.judge(&call, &open, doc, None, None, &mut Memory::default())
            }
        };
        let word = |decision| match decision {
            Decision::Allow { rule } => format!("allow {}", rule.map_or("default", |r| r.id)),
            Decision::Refuse { reason, .. } => reason.name().to_string(),
        };
        (word(ruling.decision), ruling.would.map(word))
    };
    let row = |decision: &str, would: Option<&str>| {
        (decision.to_string(), would.map(ToString::to_string))
    };
    assert_eq!(would("t", r#"{"a": 1}"#), row("allow open", Some("condition_failed")));
    assert_eq!(would("t", r#"{"a": 2}"#), row("allow open", None));
    assert_eq!(would("u", "{}"), row("tool_not_allowed", Some("allow soon")));
    assert_eq!(would("v", "{}"), row("tool_not_allowed", None));
}

#[test]
fn charges_list_every_limit_and_tell_callers_apart() {
    let policy = policy(
        r#"{"rate_limits": {"*": "1000/hour", "write_*": "100/hour"}, "limit": [
            {"id": "each", "tools": "write_*", "key": ["tenant", "args.to"], "rate": "20/1h", "burst": 2},
            {"id": "loop", "tools": "*", "key": "session", "rate": "10/1m", "refused": true}
        ]}"#,
    );
    let charges = |tool, agent, tenant, arguments: &str, refused: bool| {
        let mut tape = Tape::growable();
        let caller = Caller { agent, roles: &[], tenant };
        let call = Call { caller, session: Some("s"), ..call(tool, arguments) };
        let doc = json::parse(call.arguments, Limits::ARGUMENTS, &mut tape).unwrap();
        let mut memory = Memory::default();
        policy.charge(&call, (!refused).then_some(doc), &mut memory).unwrap();
        let charges = policy.charges(&memory);
        charges.map(|c| (c.limit.id.to_string(), c.key.to_vec(), c.limit.burst)).collect::<Vec<_>>()
    };
    let all = charges("WRITE_x", Some("bob"), Some("t"), r#"{"to": "a"}"#, false);
    let ids: Vec<&str> = all.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(ids, ["each", r#"rate_limits."*""#, r#"rate_limits."write_*""#]);
    assert_eq!(all[0].2, 2);
    assert_eq!(all[1].2, 1000);
    let refused = charges("read", None, None, "{}", true);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, "loop");
    let key = |agent, tenant, arguments| {
        charges("write_x", agent, tenant, arguments, false)
            .into_iter()
            .map(|(_, key, _)| key)
            .collect::<Vec<_>>()
    };
    let base = key(Some("bob"), Some("t"), r#"{"to": "a"}"#);
    assert_eq!(
        base,
        key(Some("bob"), Some("t"), r#"{"x": 1, "to": "\u0061"}"#),
        "one spelling or another"
    );
    assert_ne!(base[0], key(Some("bob"), Some("t"), r#"{"to": "b"}"#)[0]);
    assert_ne!(base[0], key(Some("bob"), Some("u"), r#"{"to": "a"}"#)[0]);
    assert_ne!(base[1], key(Some("eve"), Some("t"), r#"{"to": "a"}"#)[1]);
    assert_ne!(key(None, None, "{}")[1], key(Some("-"), None, "{}")[1]);
    assert_ne!(key(None, Some("1:a,1:b"), "{}")[0], key(None, Some("a"), r#"{"to": "b"}"#)[0]);
    assert_eq!(key(None, None, r#"{"to": 1}"#)[0], key(None, None, r#"{"to": 1.0}"#)[0]);
}

#[test]
fn work_is_bounded() {
    let texts: Vec<String> = (0..1000).map(|i| format!("\"needle{i}\"")).collect();
    let policy =
        one("deny", &format!(r#"{{"args.**": {{"contains": [{}]}}}}"#, texts.join(",")), "");
    let arguments = format!(r#"{{"a": "{}"}}"#, "n".repeat(500_000));
    assert_eq!(judge(&policy, &call("t", &arguments)), "too_complex default");
}
