use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::super::keys::{
    AFTER, AGENT, ARGUMENTS, ARGV, AUDIT, CALL, CONDITION, DEFINITIONS, DENIED, DOCUMENT, EXPECT,
    Keys, LIMIT, OUTPUT, PINS, RULE, SESSION, STEP, STORE, TEST, URL, WINDOW,
};
use super::super::tree::{Member, Span, Tree, Value};
use super::super::{Disclose, EmptyProperties, Ghosts, MAX_RULES, NearMiss, Policy, UnknownTool};
use super::{error, policy};

/// One table of each kind inside an otherwise complete document.
const TABLES: [(&str, Keys, &str, &str); 21] = [
    (r#"arguments."read_*""#, ARGUMENTS, r#"{"arguments": {"read_*": {"#, "}}}"),
    ("definitions", DEFINITIONS, r#"{"definitions": {"#, "}}"),
    ("pins", PINS, r#"{"pins": {"#, "}}"),
    ("session", SESSION, r#"{"session": {"#, "}}"),
    (
        "rule[0].after",
        AFTER,
        r#"{"rule": [{"id": "a", "effect": "allow", "tools": "x", "after": {"#,
        "}}]}",
    ),
    ("store", STORE, r#"{"store": {"#, "}}"),
    ("audit", AUDIT, r#"{"audit": {"#, "}}"),
    ("calendar.c", WINDOW, r#"{"calendar": {"c": {"#, "}}}"),
    ("limit[0]", LIMIT, r#"{"limit": [{"#, "}]}"),
    (
        r#"rule[0].when."args.x""#,
        CONDITION,
        r#"{"rule": [{"id": "a", "effect": "allow", "tools": "x", "when": {"args.x": {"#,
        "}}}]}",
    ),
    (
        r#"rule[0].when."args.x".url"#,
        URL,
        r#"{"rule": [{"id": "a", "effect": "allow", "tools": "x", "when": {"args.x": {"url": {"#,
        "}}}}]}",
    ),
    (
        r#"rule[0].when."args.x".argv"#,
        ARGV,
        r#"{"rule": [{"id": "a", "effect": "allow", "tools": "x", "when": {"args.x": {"argv": {"#,
        "}}}}]}",
    ),
    ("", DOCUMENT, "{", "}"),
    ("rule[0]", RULE, r#"{"rule": [{"#, "}]}"),
    ("denied_tools[0]", DENIED, r#"{"denied_tools": [{"#, "}]}"),
    ("agents.bob", AGENT, r#"{"agents": {"bob": {"#, "}}}"),
    ("test[0]", TEST, r#"{"test": [{"#, "}]}"),
    ("test[0].call", CALL, r#"{"test": [{"expect": {"effect": "ask"}, "call": {"#, "}}]}"),
    ("test[0].steps[0]", STEP, r#"{"test": [{"steps": [{"#, "}]}]}"),
    ("test[0].expect", EXPECT, r#"{"test": [{"call": {"tool": "a"}, "expect": {"#, "}}]}"),
    (r#"output."read_*""#, OUTPUT, r#"{"output": {"read_*": {"#, "}}}"),
];

/// Every key that a table must have with a valid value, but for `key`.
fn without(key: &str, keys: &[(&str, &str)]) -> String {
    keys.iter()
        .filter(|(name, _)| *name != key)
        .map(|(name, value)| format!(r#""{name}": {value}, "#))
        .collect()
}

#[test]
fn every_known_key_is_read() {
    for (table, keys, before, after) in TABLES {
        for key in keys.known {
            let others = match table {
                "rule[0]" if *key == "missing" => {
                    without(key, &[("id", r#""a""#), ("effect", r#""deny""#), ("tools", r#""x""#)])
                }
                "rule[0]" => {
                    without(key, &[("id", r#""a""#), ("effect", r#""ask""#), ("tools", r#""x""#)])
                }
                "test[0]" if *key == "expect" => without(key, &[("call", r#"{"tool": "a"}"#)]),
                "test[0]" if *key == "call" => without(key, &[("expect", r#"{"effect": "ask"}"#)]),
                "test[0].call" => without(key, &[("tool", r#""a""#)]),
                "test[0].steps[0]" => {
                    without(key, &[("tool", r#""a""#), ("expect", r#"{"effect": "ask"}"#)])
                }
                "test[0].expect" => without(key, &[("effect", r#""deny""#)]),
                "limit[0]" => {
                    without(key, &[("id", r#""a""#), ("tools", r#""x""#), ("rate", r#""1/1s""#)])
                }
                "rule[0].after" => without(key, &[("tool", r#""a""#)]),
                table if table.ends_with("argv") && *key != "program" => {
                    without(key, &[("program", r#""a""#)])
                }
                "denied_tools[0]" if *key == "hint" => r#""tools": "x", "#.to_string(),
                _ => String::new(),
            };
            // No key of the language takes a null.
            let found = error(&format!(r#"{before}{others}"{key}": null{after}"#));
            let path = if table.is_empty() { key.to_string() } else { format!("{table}.{key}") };
            assert_eq!(found.path, path, "{found}");
        }
    }
}

#[test]
fn what_comes_later_is_refused_by_name() {
    for (table, keys, before, after) in TABLES {
        for (key, what) in keys.later {
            let text = format!(r#"{before}"{key}": 1{after}"#);
            let found = error(&text);
            assert!(found.message.contains(what), "{found}");
            assert!(found.message.contains("does not support"), "{found}");
            assert!(found.path.starts_with(table) && found.path.ends_with(key), "{found}");
            let key_at = text.find(&format!("{key:?}")).unwrap() as u32;
            assert_eq!(found.span.start, key_at, "{found}");
        }
        for key in keys.known {
            assert!(keys.later.iter().all(|(later, _)| later != key), "{key}");
        }
    }
}

#[test]
fn every_key_is_documented() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/");
    let page = |name: &str| std::fs::read_to_string(format!("{docs}{name}.md")).unwrap();
    let text = page("policy") + &page("pins");
    for (table, keys, _, _) in TABLES {
        let later = keys.later.iter().map(|(key, _)| key);
        for key in keys.known.iter().chain(later) {
            assert!(text.contains(&format!("`{key}`")), "{table} {key}");
        }
    }
}

/// The published schema knows every key that the compiler reads, and no other.
#[test]
fn the_published_schema_has_every_key() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/policy.schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let places = [
        ("", DOCUMENT),
        ("/$defs/rule", RULE),
        ("/$defs/condition", CONDITION),
        ("/$defs/url", URL),
        ("/$defs/argv", ARGV),
        ("/$defs/limit", LIMIT),
        ("/$defs/test", TEST),
        ("/$defs/test/properties/call", CALL),
        ("/$defs/test/properties/steps/items", STEP),
        ("/$defs/expect", EXPECT),
        ("/$defs/window/anyOf/1", WINDOW),
        ("/properties/agents/additionalProperties", AGENT),
        ("/properties/audit", AUDIT),
        ("/properties/arguments/additionalProperties", ARGUMENTS),
        ("/properties/definitions", DEFINITIONS),
        ("/properties/output/additionalProperties", OUTPUT),
        ("/properties/pins", PINS),
        ("/properties/session", SESSION),
        ("/$defs/rule/properties/after", AFTER),
        ("/properties/store", STORE),
        ("/properties/denied_tools/items/anyOf/1", DENIED),
    ];
    for (place, keys) in places {
        let properties = &schema.pointer(place).unwrap()["properties"];
        let mut found: Vec<&str> = properties.as_object().unwrap().keys().map(|k| &**k).collect();
        let mut known = keys.known.to_vec();
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known, "{place}");
    }
}

#[test]
fn unknown_keys_are_errors_everywhere() {
    for (_, _, before, after) in TABLES {
        let found = error(&format!(r#"{before}"firewall": 1{after}"#));
        assert_eq!(found.message, "unknown key", "{found}");
    }
    assert_eq!(
        error(r#"{"alowed_tools": []}"#).hint.as_deref(),
        Some("did you mean `allowed_tools`?")
    );
}

/// Each document, the path of the error and a part of its text.
const WRONG: &[(&str, &str, &str)] = &[
    ("[]", "", "must be a table, not a list"),
    (r#"{"airlock": 2}"#, "airlock", "format 1, not 2"),
    (r#"{"airlock": "1"}"#, "airlock", "must be a whole number, not a string"),
    (r#"{"mode": "watch"}"#, "mode", "one of: enforce, shadow"),
    (r#"{"tz": "Mars/Base"}"#, "tz", "no time zone is called `Mars/Base`"),
    (r#"{"time_restrictions": {"a": "9-17"}}"#, "time_restrictions.a", "like 09:00-17:00"),
    (r#"{"time_restrictions": {"[a]": "09:00-17:00"}}"#, r#"time_restrictions."[a]""#, "classes"),
    (r#"{"time_restrictions": {"a": "@b"}}"#, "time_restrictions.a", "no window `b`"),
    (r#"{"calendar": {"c": {"from": "17:00", "to": "17:00"}}}"#, "calendar.c", "never open"),
    (r#"{"calendar": {"c": {"days": "monday"}}}"#, "calendar.c.days", "mon-fri"),
    (r#"{"calendar": {"c": {"except_dates": "2026-02-30"}}}"#, "calendar.c.except_dates", "date"),
    (r#"{"rate_limits": {"*": "0/hour"}}"#, r#"rate_limits."*""#, "above 0"),
    (r#"{"rate_limits": {"*": "100/hours"}}"#, r#"rate_limits."*""#, "like 100/hour"),
    (
        r#"{"limit": [{"id": "a", "tools": "x", "rate": "1/1s", "key": ["agnet"]}]}"#,
        "limit[0].key[0]",
        "mean `agent`?",
    ),
    (
        r#"{"limit": [{"id": "a", "tools": "x", "rate": "1/1s", "refused": true, "key": "args.a"}]}"#,
        "limit[0].id",
        "not read",
    ),
    (r#"{"sets": {"a": []}}"#, "sets.a", "empty set"),
    (r#"{"kinds": {"*": {"path": []}}}"#, r#"kinds."*".path"#, "empty list"),
    (r#"{"kinds": {"*": {"path": ["a..b"]}}}"#, r#"kinds."*".path[0]"#, "no path to an argument"),
    (r#"{"airlock": 1.5}"#, "airlock", "not a number that is not whole"),
    (r#"{"name": ""}"#, "name", "empty name"),
    (r#"{"name": "a\nb"}"#, "name", "control characters"),
    (r#"{"preset": "read-only"}"#, "preset", "did you mean `read_only`?"),
    (r#"{"default": "ask"}"#, "default", "one of: allow, deny"),
    (r#"{"default": "allow", "allowed_tools": ["a"]}"#, "default", "nothing else is allowed"),
    (r#"{"ghosts": "drop"}"#, "ghosts", "one of: strip, reject, allow"),
    (r#"{"ghosts": "strip", "unknown_args": "strip"}"#, "unknown_args", "another name of `ghosts`"),
    (r#"{"unknown_args": "drop"}"#, "unknown_args", "one of: strip, reject, allow"),
    (r#"{"near_miss": "reject"}"#, "near_miss", "one of: refuse, strip"),
    (r#"{"hide": "yes"}"#, "hide", "must be true or false, not a string"),
    (r#"{"max_output_chars": 0}"#, "max_output_chars", "leave the key out for no limit"),
    (r#"{"max_output_chars": -5}"#, "max_output_chars", "must be above 0"),
    (r#"{"allowed_roles": []}"#, "allowed_roles", "leave the key out to mean all"),
    (r#"{"allowed_tools": ["a", 1]}"#, "allowed_tools[1]", "must be a string"),
    (r#"{"allowed_tools": [{"tools": "a"}]}"#, "allowed_tools[0]", "must be a string, not a table"),
    (r#"{"allowed_tools": ["[ab]*"]}"#, "allowed_tools[0]", "no classes"),
    (r#"{"denied_tools": ["a", ""]}"#, "denied_tools[1]", "matches nothing"),
    (r#"{"denied_tools": "rm"}"#, "denied_tools", "must be a list, not a string"),
    (r#"{"denied_tools": [{"hint": "x"}]}"#, "denied_tools[0]", "the key `tools` is missing"),
    (r#"{"denied_tools": [{"tools": []}]}"#, "denied_tools[0].tools", "empty list"),
    (r#"{"denied_tools": [{"tools": ["a", "{b}"]}]}"#, "denied_tools[0].tools[1]", "no classes"),
    (r#"{"roles": {"a": ["b"]}}"#, "roles.a[0]", "the role `b` is not in [roles]"),
    (r#"{"roles": {"a": ["a"]}}"#, "roles.a[0]", "cannot inherit itself"),
    (r#"{"roles": {"a": "b", "b": "c", "c": "a"}}"#, "roles.a", "inherits itself through"),
    (r#"{"roles": {"": []}}"#, r#"roles."""#, "empty name"),
    (r#"{"roles": {"ops": []}, "allowed_roles": ["opps"]}"#, "allowed_roles[0]", "mean `ops`?"),
    (
        r#"{"roles": {"ops": []}, "agents": {"b": {"roles": ["dev"]}}}"#,
        "agents.b.roles[0]",
        "not in",
    ),
    (r#"{"agents": {"b": {"tenant": ""}}}"#, "agents.b.tenant", "empty name"),
    (r#"{"rule": {}}"#, "rule", "must be a list, not a table"),
    (r#"{"rule": [{}]}"#, "rule[0]", "the key `id` is missing"),
    (r#"{"rule": [{"id": "a"}]}"#, "rule[0]", "the key `effect` is missing"),
    (r#"{"rule": [{"id": "a", "effect": "deny"}]}"#, "rule[0]", "the key `tools` is missing"),
    (
        r#"{"rule": [{"id": "a", "effect": "permit", "tools": "x"}]}"#,
        "rule[0].effect",
        "one of: allow, ask, deny",
    ),
    (r#"{"rule": [{"id": "a", "effect": "deny", "tools": []}]}"#, "rule[0].tools", "empty list"),
    (
        r#"{"rule": [{"id": "a", "effect": "deny", "tools": "x", "roles": []}]}"#,
        "rule[0].roles",
        "leave the key out to mean all",
    ),
    (
        r#"{"rule": [{"id": "a", "effect": "deny", "tools": "x", "agents": ["a[b]"]}]}"#,
        "rule[0].agents[0]",
        "no classes",
    ),
    (
        r#"{"rule": [{"id": "a", "effect": "deny", "tools": "x"}, {"id": "a", "effect": "allow", "tools": "x"}]}"#,
        "rule[1].id",
        "another rule has the id `a`",
    ),
    (
        r#"{"rule": [{"id": "allowed_tools", "effect": "deny", "tools": "x"}], "allowed_tools": "x"}"#,
        "allowed_tools",
        "another rule has the id",
    ),
    (
        r#"{"rule": [{"id": "default", "effect": "deny", "tools": "x"}]}"#,
        "rule[0].id",
        "no rule makes",
    ),
    (r#"{"output": {"[a]": {}}}"#, r#"output."[a]""#, "no classes"),
    (r#"{"output": {"*": {"mask": ["-"]}}}"#, r#"output."*".mask[0]"#, "empty name"),
    (r#"{"output": {"*": {"max_chars": 0}}}"#, r#"output."*".max_chars"#, "above 0"),
];

/// A condition of an allow rule, the path below `when` and a part of the error.
const WRONG_CONDITIONS: &[(&str, &str, &str)] = &[
    (r#"{}"#, "", "empty condition"),
    (r#"{"args.a": {}}"#, r#"."args.a""#, "tests nothing"),
    (r#"{"args.a": {"optional": true}}"#, r#"."args.a""#, "tests nothing"),
    (r#"{"arg.a": {"eq": 1}}"#, r#"."arg.a""#, "no condition"),
    (r#"{"path": {"eq": 1}}"#, r#".path"#, "args.NAME"),
    (r#"{"args.": {"eq": 1}}"#, r#"."args.""#, "no path to an argument"),
    (r#"{"args.a[": {"eq": 1}}"#, r#"."args.a[""#, "no path to an argument"),
    (r#"{"@url": {"eq": 1}}"#, r#"."@url""#, "no kind of arguments `url`"),
    (r#"{"args.a": {"in": "@b"}}"#, r#"."args.a".in"#, "no set `b`"),
    (r#"{"args.a": {"in": []}}"#, r#"."args.a".in"#, "empty list"),
    (r#"{"args.a": {"under": "w"}}"#, r#"."args.a".under"#, "absolute path"),
    (r#"{"args.a": {"under": "/w/../x"}}"#, r#"."args.a".under"#, "absolute path"),
    (r#"{"args.a": {"glob": "[a]"}}"#, r#"."args.a".glob"#, "no classes"),
    (r#"{"args.a": {"glob": "a***"}}"#, r#"."args.a".glob"#, "two stars"),
    (r#"{"args.a": {"regex": "(a)\\1"}}"#, r#"."args.a".regex"#, "linear time"),
    (r#"{"args.a": {"gt": "1e9"}}"#, r#"."args.a".gt"#, "like -12.50"),
    (r#"{"args.a": {"gt": true}}"#, r#"."args.a".gt"#, "must be a number"),
    (r#"{"args.a": {"eq": null}}"#, r#"."args.a".eq"#, "a string, a number or a boolean"),
    (r#"{"args.a": {"type": "int"}}"#, r#"."args.a".type"#, "one of"),
    (r#"{"args.a": {"eq_ctx": "role"}}"#, r#"."args.a".eq_ctx"#, "one of: agent, tenant"),
    (r#"{"args.a": {"url": {}}}"#, r#"."args.a".url"#, "tests nothing"),
    (r#"{"args.a": {"url": {"host": "https://x"}}}"#, r#"."args.a".url.host"#, "without port"),
    (r#"{"args.a": {"url": {"host": "example.*"}}}"#, r#"."args.a".url.host"#, "open covers any"),
    (r#"{"args.a": {"url": {"port": 70000}}}"#, r#"."args.a".url.port"#, "at most 65535"),
    (r#"{"args.a": {"url": {"address": "lan"}}}"#, r#"."args.a".url.address"#, "one of"),
    (r#"{"args.a": {"argv": {}}}"#, r#"."args.a".argv"#, "`program` is missing"),
    (
        r#"{"args.a": {"argv": {"program": "a", "flags": "r"}}}"#,
        r#"."args.a".argv.flags"#,
        "like -r",
    ),
    (r#"{"any": []}"#, ".any", "never holds"),
    (r#"{"any": [{}]}"#, ".any[0]", "empty condition"),
    (r#"{"not": {}}"#, ".not", "empty condition"),
    (
        r#"{"not": {"not": {"not": {"not": {"not": {"args.a": {"eq": 1}}}}}}}"#,
        ".not.not.not.not.not",
        "nested",
    ),
    (r#"{"time": "@bank"}"#, ".time", "no window `bank`"),
    (r#"{"args.a": {"verbs": "drop"}}"#, r#"."args.a".verbs"#, "this program cannot read SQL"),
    (r#"{"args.a": {"pii": true}}"#, r#"."args.a".pii"#, "does not support"),
];

#[test]
fn every_error_in_a_condition_says_where_and_why() {
    for (when, path, part) in WRONG_CONDITIONS {
        let json = format!(
            r#"{{"rule": [{{"id": "a", "effect": "allow", "tools": "x", "when": {when}}}]}}"#
        );
        let found = error(&json);
        assert_eq!(found.path, format!("rule[0].when{path}"), "{found}");
        assert!(found.to_string().contains(part), "{found}\n{json}");
    }
    let many: Vec<String> = (0..33).map(|i| format!(r#""args.a{i}": {{"eq": 1}}"#)).collect();
    let json = format!(
        r#"{{"rule": [{{"id": "a", "effect": "deny", "tools": "x", "when": {{{}}}}}]}}"#,
        many.join(",")
    );
    assert!(error(&json).message.contains("at most 32 conditions"));
}

#[test]
fn what_would_let_calls_pass_by_accident_is_an_error() {
    for (rule, path, part) in [
        (
            r#""effect": "deny", "when": {"args.a": {"eq": 1, "optional": true}}"#,
            r#"rule[0].when."args.a""#,
            "missing = ",
        ),
        (r#""effect": "allow", "missing": "skip""#, "rule[0].missing", "optional = true"),
        (r#""effect": "allow", "ttl": "5m""#, "rule[0].ttl", "only an approval"),
        (r#""effect": "ask", "ttl": "5 minutes""#, "rule[0].ttl", "like 30s"),
    ] {
        let found = error(&format!(r#"{{"rule": [{{"id": "a", "tools": "x", {rule}}}]}}"#));
        assert_eq!(found.path, path, "{found}");
        assert!(found.to_string().contains(part), "{found}");
    }
}

#[test]
fn every_error_says_where_and_why() {
    for (json, path, part) in WRONG {
        let found = error(json);
        assert_eq!(found.path, *path, "{found}\n{json}");
        assert!(found.to_string().contains(part), "{found}\n{json}");
        let span = found.span.start as usize..found.span.end as usize;
        assert!(json.get(span).is_some_and(|text| !text.is_empty()), "{:?} {json}", found.span);
    }
}

#[test]
fn long_texts_and_many_things_are_bounded() {
    let rule = |i: usize| format!(r#"{{"id": "r{i}", "effect": "allow", "tools": "t{i}"}}"#);
    let rules = |n| format!(r#"{{"rule": [{}]}}"#, (0..n).map(rule).collect::<Vec<_>>().join(","));
    assert!(Policy::from_json(&rules(MAX_RULES)).is_ok());
    assert_eq!(error(&rules(MAX_RULES + 1)).path, "rule");
    let both = rules(MAX_RULES).replace(r#"{"rule""#, r#"{"denied_tools": ["x"], "rule""#);
    assert_eq!(error(&both).message, "a policy has at most 4096 rules");
    let roles: Vec<String> = (0..257).map(|i| format!("\"r{i}\"")).collect();
    let roles = format!(r#"{{"allowed_roles": [{}]}}"#, roles.join(","));
    assert_eq!(error(&roles).message, "a policy names at most 256 roles");
    let hint = format!(r#"{{"denied_tools": [{{"tools": "x", "hint": "{}"}}]}}"#, "h".repeat(513));
    assert_eq!(error(&hint).path, "denied_tools[0].hint");
    let id = rule(0).replace("r0", &"r".repeat(129));
    assert_eq!(error(&format!(r#"{{"rule": [{id}]}}"#)).path, "rule[0].id");
    let pattern = format!(r#"{{"allowed_tools": ["{}"]}}"#, "a".repeat(257));
    assert!(error(&pattern).message.contains("256 bytes"));
}

#[test]
fn a_key_that_a_tree_has_twice_is_an_error() {
    let member = |start| Member {
        name: "hide".to_string(),
        span: Span { start, end: start + 4 },
        value: Tree { span: Span::default(), value: Value::Bool(true) },
    };
    let value = Value::Table([member(10), member(0)].into());
    let found = Policy::from_tree(&Tree { span: Span::default(), value }).unwrap_err();
    assert_eq!((found.path.as_str(), found.span.start), ("hide", 10));
    assert_eq!(found.message, "this key occurs twice");
}

#[test]
fn settings_have_safe_defaults_and_are_read() {
    let settings = *policy("{}").settings();
    assert_eq!(settings.ghosts, Ghosts::Strip);
    assert_eq!(settings.near_miss, NearMiss::Refuse);
    assert_eq!(settings.disclose, Disclose::Code);
    assert_eq!(settings.unknown_tool, UnknownTool::Refuse);
    assert_eq!(settings.empty_properties, EmptyProperties::Open);
    assert!(!settings.hide);
    let other = policy(
        r#"{"airlock": 1, "name": "n", "ghosts": "reject", "near_miss": "strip", "hide": true,
            "disclose": "opaque", "unknown_tool": "forward", "empty_properties": "closed"}"#,
    );
    assert_eq!(other.name(), Some("n"));
    let other = *other.settings();
    assert_eq!(other.ghosts, Ghosts::Reject);
    assert_eq!(other.near_miss, NearMiss::Strip);
    assert_eq!(other.disclose, Disclose::Opaque);
    assert_eq!(other.unknown_tool, UnknownTool::Forward);
    assert_eq!(other.empty_properties, EmptyProperties::Closed);
    assert!(other.hide);
    assert_eq!(policy(r#"{"unknown_args": "allow"}"#).settings().ghosts, Ghosts::Allow);
    let unknown = |preset: &str| Policy::preset(preset).unwrap().settings().unknown_tool;
    assert_eq!(unknown("permissive"), UnknownTool::Forward);
    assert_eq!(unknown("read_only"), UnknownTool::Refuse);
    let narrowed = policy(r#"{"preset": "permissive", "unknown_tool": "refuse"}"#);
    assert_eq!(narrowed.settings().unknown_tool, UnknownTool::Refuse);
}

#[test]
fn agents_have_roles_and_a_tenant() {
    let policy = policy(
        r#"{"roles": {"a": [], "b": ["a"]},
            "agents": {"zoe": {"roles": ["b", "a"], "tenant": "acme"}, "bob": {}}}"#,
    );
    let zoe = policy.agent("zoe").unwrap();
    assert_eq!(zoe.name(), "zoe");
    assert_eq!(zoe.roles().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(zoe.tenant(), Some("acme"));
    let bob = policy.agent("bob").unwrap();
    assert_eq!((bob.roles().count(), bob.tenant()), (0, None));
    assert!(policy.agent("Zoe").is_none());
    assert!(policy.knows_role("a") && !policy.knows_role("A"));
}

#[test]
fn the_most_specific_output_entry_that_has_a_setting_gives_it() {
    let policy = policy(
        r#"{"max_output_chars": 9, "mask_pii": false, "output": {
            "*": {"mask": ["secret"], "max_chars": 100},
            "read_*": {"max_chars": 200},
            "read_f*": {"max_chars": 300},
            "read_file": {"mask": []},
            "git_*": {"mask": "pii.core"}
        }}"#,
    );
    let words = |tool| {
        let list = &policy.mask_lists()[policy.output(tool).mask];
        list.words().collect::<Vec<_>>().join(" ")
    };
    let most = |tool| policy.output(tool).max_chars;
    assert_eq!((words("x").as_str(), most("x")), ("secret", Some(100)));
    assert_eq!((words("read_x").as_str(), most("read_x")), ("secret", Some(200)));
    assert_eq!((words("read_file").as_str(), most("read_file")), ("", Some(300)));
    assert_eq!((words("git_log").as_str(), most("git_log")), ("pii.core", Some(100)));
}

#[test]
fn masks_are_on_unless_switched_off() {
    let words = |json| {
        let policy = policy(json);
        let output = policy.output("any");
        let types = policy.mask_lists()[output.mask].words().collect::<Vec<_>>().join(" ");
        (types, output.max_chars)
    };
    let pii = "pii.core pii.national -pii.core.email -pii.core.ip -pii.core.mac";
    assert_eq!(words("{}"), (format!("secret {pii}"), None));
    assert_eq!(words(r#"{"mask_secrets": false}"#).0, pii);
    assert_eq!(words(r#"{"mask_pii": false}"#).0, "secret");
    assert_eq!(words(r#"{"mask_pii": false, "mask_secrets": false}"#).0, "");
    assert_eq!(words(r#"{"max_output_chars": 20000}"#).1, Some(20000));
    assert_eq!(Policy::permissive().mask_lists()[0].words().count(), 6);
}

#[test]
fn a_mask_that_the_redactor_does_not_know_is_reported_in_its_place() {
    let json = r#"{"output": {"*": {"mask": ["sceret"]}}}"#;
    let policy = policy(json);
    let error = policy.mask_lists()[policy.output("x").mask].error("`sceret` is no type");
    assert_eq!(error.to_string(), r#"output."*".mask: `sceret` is no type"#);
    assert_eq!(&json[error.span.start as usize..error.span.end as usize], r#"["sceret"]"#);
}

/// A test of a document that could never hold, or that says two things, is an error with its place.
#[test]
fn tests_in_a_document_compile_or_say_why() {
    let rule = r#""rule": [{"id": "write", "effect": "deny", "tools": "w"}], "rate_limits": {"w": "1/day"}"#;
    let with = |test: &str| format!(r#"{{{rule}, "test": [{test}]}}"#);
    let found = policy(&with(
        r#"{"name": "n", "params": "a", "call": {"tool": "w", "role": "r", "now": "2026-11-25T23:30:00Z", "args": {"a": [1, -2.50, true, null, "\""]}}, "expect": {"effect": "deny", "rule": "write", "stripped": ["b", "/c/d"]}},
           {"steps": [{"tool": "w", "args": "{\"a\":", "expect": {"effect": "allow", "rule": "limit:rate_limits.w"}}]}"#,
    ));
    let [one, two] = found.cases() else { panic!("two tests") };
    assert_eq!(&*one.steps[0].arguments, r#"{"a":[1,-2.50,true,null,"\""]}"#);
    assert_eq!(one.steps[0].now, Some(1_795_649_400_000));
    assert_eq!(one.steps[0].expect.stripped.as_ref().unwrap()[0], "/b".into());
    assert_eq!((&*two.steps[0].arguments, two.steps[0].expect.effect), (r#"{"a":"#, "allow"));

    let call = r#""call": {"tool": "w"}"#;
    let cases = [
        (format!(r#"{{{call}}}"#), "test[0]", "`expect` is missing"),
        (r#"{"expect": {"effect": "deny"}}"#.into(), "test[0]", "either a `call` or `steps`"),
        (r#"{"steps": []}"#.into(), "test[0]", "without a call"),
        (format!(r#"{{{call}, "expect": {{"effect": "dney"}}}}"#), "test[0].expect.effect", "dney"),
        (
            format!(r#"{{{call}, "expect": {{"effect": "deny", "rule": "wirte"}}}}"#),
            "test[0].expect.rule",
            "did you mean `write`?",
        ),
        (
            format!(r#"{{{call}, "expect": {{"effect": "deny", "rule": "limit:x"}}}}"#),
            "test[0].expect.rule",
            "no rule is called",
        ),
        (
            format!(r#"{{{call}, "expect": {{"effect": "allow", "reason": "tool_denied"}}}}"#),
            "test[0].expect.reason",
            "no reason",
        ),
        (
            format!(r#"{{{call}, "expect": {{"effect": "deny", "reason": "denied"}}}}"#),
            "test[0].expect.reason",
            "is no reason",
        ),
        (
            format!(r#"{{{call}, "expect": {{"effect": "deny", "at": "path"}}}}"#),
            "test[0].expect.at",
            "pointer",
        ),
        (
            r#"{"call": {"tool": "w", "now": "today"}, "expect": {"effect": "deny"}}"#.into(),
            "test[0].call.now",
            "a moment",
        ),
        (
            r#"{"call": {"tool": "w", "args": {"a": 1e9}}, "expect": {"effect": "deny"}}"#.into(),
            "test[0].call.args",
            "as a text of JSON",
        ),
    ];
    for (test, path, words) in cases {
        let found = error(&with(&test));
        assert!(found.path == path && found.to_string().contains(words), "{found}");
    }
}
