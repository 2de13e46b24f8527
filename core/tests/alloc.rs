//! After a first pass that sizes the memory of a thread, nothing allocates: no check, no refusal, no
//! filter.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/dev.rs"]
mod dev;
#[path = "support/shared.rs"]
mod shared;

use airlock_core::policy::{NearMiss, Policy, Repair};
use airlock_core::{
    Call, Caller, Catalog, Guard, Origin, Outcome, Output, Session, Settled, ToolDefinition,
    Verdict,
};

use counting::allocations;

/// What the verdict shows is read as well: reading must not allocate either.
fn read(verdict: &Verdict<'_>) -> usize {
    match verdict {
        Verdict::Allow(allowed) => {
            allowed.arguments().len() + allowed.stripped().count() + allowed.suggestions().count()
        }
        Verdict::Refuse(refusal) => {
            refusal.json().len()
                + refusal.violations().map(|v| v.message.len()).sum::<usize>()
                + refusal.stripped().count()
                + refusal.suggestions().count()
        }
    }
}

/// Two passes; the second must not allocate. Returns how many calls were allowed.
fn check_all(guard: &Guard, catalog: &Catalog, calls: &[(&str, Call<'_>)]) -> usize {
    let mut scratch = guard.scratch();
    for (_, call) in calls {
        read(&guard.check_in(catalog, call, &mut scratch));
    }
    let mut allowed = 0;
    for (name, call) in calls {
        let count = allocations(|| {
            let verdict = guard.check_in(catalog, call, &mut scratch);
            read(&verdict);
            allowed += usize::from(matches!(verdict, Verdict::Allow(_)));
        });
        assert_eq!(count, 0, "{name} allocates");
    }
    allowed
}

const TOOLS: [(&str, &str); 5] = [
    (
        "search",
        r#"{"type": "object", "required": ["query"], "properties": {
            "query": {"type": "string", "maxLength": 20, "pattern": "^[a-z ]*$"},
            "limit": {"type": "integer", "minimum": 1, "default": 10},
            "order": {"enum": ["ascending", "descending"]},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true, "contains": {"const": "x"}},
            "filter": {"anyOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"type": "null"}]},
            "page": {"oneOf": [{"type": "integer"}, {"type": "number", "multipleOf": 0.5}]}},
            "dependentRequired": {"order": ["limit"]}}"#,
    ),
    (
        "loose",
        r#"{"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "unevaluatedProperties": false,
            "allOf": [{"properties": {"a": {"not": {"type": "null"}}}}], "if": {"required": ["a"]}, "then": {"minProperties": 2}}"#,
    ),
    ("delete_all", r#"{"type": "object"}"#),
    ("admin", r#"{"type": "object"}"#),
    ("broken", r#"{"$schema": "urn:no-such-dialect"}"#),
];

const POLICY: &str = r#"{
    "default": "deny", "disclose": "full", "near_miss": "refuse",
    "roles": {"viewer": [], "editor": ["viewer"]},
    "agents": {"bot": {"roles": ["viewer"], "tenant": "acme"}},
    "rule": [
        {"id": "use", "effect": "allow", "tools": ["search", "loose", "broken", "nothing"]},
        {"id": "edit", "effect": "allow", "tools": ["admin"], "roles": ["editor"], "tenants": ["acme*"], "hint": "Editors only."},
        {"id": "never", "effect": "deny", "tools": ["delete_*"], "hint": "Nothing may be deleted."}
    ]
}"#;

#[test]
fn built_in_calls() {
    let mut builder = Catalog::builder(Origin::Trusted);
    for (name, schema) in TOOLS {
        let compiled = builder.tool(ToolDefinition {
            name,
            input_schema: schema.as_bytes(),
            output_schema: None,
        });
        assert_eq!(compiled.is_ok(), name != "broken");
    }
    let catalog = builder.build();
    let deep = format!(r#"{{"query":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let ghosts: String = (0..1500).map(|at| format!(r#","g{at}":{at}"#)).collect();
    let ghosts = format!(r#"{{"query":"a"{ghosts}}}"#);
    let many: String = (0..80).map(|_| r#"1,"#).collect();
    let many = format!(r#"{{"query":"a","tags":[{many}1]}}"#);
    let calls = [
        ("allowed", "search", r#"{"query":"cats","limit":3}"#),
        ("stripped", "search", r#"{"query":"cats","verbose":true,"nested":{"a":[1]}}"#),
        ("near miss", "search", r#"{"query":"cats","limt":3}"#),
        ("missing", "search", r#"{"quary":"cats"}"#),
        ("quoted number", "search", r#"{"query":"cats","limit":"3"}"#),
        ("JSON in a string", "search", r#"{"query":"cats","filter":"{\"a\":1}","tags":"[\"x\"]"}"#),
        ("wrong types", "search", r#"{"query":1,"limit":null,"tags":{}}"#),
        ("fraction", "search", r#"{"query":"cats","limit":1.5e0}"#),
        ("minimum", "search", r#"{"query":"cats","limit":-9007199254740993}"#),
        ("enum", "search", r#"{"query":"cats","limit":1,"order":"Descnding"}"#),
        ("anyOf", "search", r#"{"query":"cats","filter":{"a":"1"}}"#),
        ("oneOf", "search", r#"{"query":"cats","page":2}"#),
        ("pattern", "search", r#"{"query":"\u0043ATS"}"#),
        ("maxLength", "search", r#"{"query":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#),
        ("contains, unique", "search", r#"{"query":"a","tags":["y","y","z","z"]}"#),
        ("dependentRequired", "search", r#"{"query":"a","order":"ascending"}"#),
        ("many violations", "search", &many),
        ("many ghosts", "search", &ghosts),
        ("unevaluated", "loose", r#"{"a":1,"x-b":2,"c":3}"#),
        ("patternProperties", "loose", r#"{"a":1,"x-b":"2"}"#),
        ("if and then", "loose", r#"{"a":null}"#),
        ("trailing comma", "search", r#"{"query":"cats",}"#),
        ("truncated", "search", r#"{"query":"ca"#),
        ("single quotes", "search", "{'query':'cats'}"),
        ("code fence", "search", "```json\n{}\n```"),
        ("surrogate", "search", r#"{"query":"\ud800"}"#),
        ("repeated", "search", r#"{"query":"a","qu\u0065ry":"b"}"#),
        ("deep", "search", &deep),
        ("empty", "search", ""),
        ("no object", "search", r#"["cats"]"#),
        ("denied", "delete_all", "{}"),
        ("role", "admin", "{}"),
        ("not allowed", "other", "{}"),
        ("unknown", "nothing", "{}"),
        ("unsupported", "broken", "{}"),
    ];
    let guard =
        Guard::builder().policy(Policy::from_json(POLICY).unwrap()).unwrap().build().unwrap();
    let plain = dev::guard(NearMiss::Strip);
    let opaque = POLICY.replace(r#""full""#, r#""opaque""#);
    let opaque =
        Guard::builder().policy(Policy::from_json(&opaque).unwrap()).unwrap().build().unwrap();
    let callers = [
        Caller::default(),
        Caller { agent: Some("bot"), roles: &["viewer"], tenant: Some("acme") },
        Caller { agent: Some("ann"), roles: &["editor"], tenant: Some("acme-west") },
    ];
    for caller in callers {
        let calls: Vec<_> = calls
            .iter()
            .map(|&(name, tool, arguments)| {
                (name, Call { tool, arguments: arguments.as_bytes(), caller, ..Call::default() })
            })
            .collect();
        assert!(check_all(&guard, &catalog, &calls) >= 2);
        assert!(check_all(&plain, &catalog, &calls) >= 2);
        check_all(&opaque, &catalog, &calls);
    }
}

#[test]
fn labelled_calls() {
    let (Some(catalog), Some(calls)) = (dev::catalog(), dev::calls()) else { return };
    let calls: Vec<_> = calls
        .iter()
        .map(|call| {
            let (tool, arguments) = (call.tool.as_str(), call.arguments.as_slice());
            (
                call.id.as_str(),
                Call { tool, arguments, caller: Caller::default(), ..Call::default() },
            )
        })
        .collect();
    assert!(check_all(&dev::guard(NearMiss::Strip), &catalog, &calls) > 1000);
    assert!(check_all(&dev::guard(NearMiss::Refuse), &catalog, &calls) > 1000);
    let policy =
        Policy::permissive().with_repair("*", Repair::JSON_STRING.or(Repair::SCALAR)).unwrap();
    let mending = Guard::builder().policy(policy).unwrap().build().unwrap();
    assert!(check_all(&mending, &catalog, &calls) > 1000);
}

#[test]
fn filtered_outputs() {
    let key = format!("{}{}", "gh", "p_Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3");
    let policy = r#"{"output": {
        "*": {"mask": ["secret", "pii.core"], "max_chars": 400},
        "raw": {"mask": []},
        "clean": {"mask": ["secret"], "strip": ["ansi", "bidi", "control", "invisible"]}
    }}"#;
    let guard =
        Guard::builder().policy(Policy::from_json(policy).unwrap()).unwrap().build().unwrap();
    let long = "a line of words, and then another one\n".repeat(100);
    let rows: Vec<String> = (0..60)
        .map(|at| format!(r#"{{"id":{at},"mail":"ann{at}@example.org","note":"\u0041\n"}}"#))
        .collect();
    let rows = format!("[{}]", rows.join(", "));
    let secret_json = format!(
        r#"{{"token":"{key}","nested":{{"password":"hunter2-Zq9xW","card":4111111111111111}}}}"#
    );
    let secret_text = format!("token {key}\nmail ann@example.org\nDB_PASSWORD=hunter2-Zq9xW\n");
    let outputs = [
        ("plain", Output::Text(b"nothing here")),
        ("secrets", Output::Text(secret_text.as_bytes())),
        ("long", Output::Text(long.as_bytes())),
        ("no UTF-8", Output::Text(b"\xff\xfe ann@example.org \x80")),
        ("JSON as text", Output::Text(rows.as_bytes())),
        ("broken JSON as text", Output::Text(br#"{"password": "hunter2-Zq9xW""#)),
        ("JSON", Output::Json(secret_json.as_bytes())),
        ("long JSON", Output::Json(rows.as_bytes())),
        ("a string", Output::Json(br#""ann@example.org""#)),
        ("no JSON", Output::Json(b"{")),
        (
            "hidden",
            Output::Text("\u{1b}[1ma\u{200b}b\u{202e}c \u{1f469}\u{200d}\u{1f680}".as_bytes()),
        ),
        ("hidden in JSON", Output::Json(br#"{"a":["\u200b\u001b[1mx"],"b\u0000":"y"}"#)),
    ];
    let mut scratch = guard.scratch();
    let mut seen = (0, 0);
    for warm in [false, true] {
        for tool in ["read", "raw", "clean"] {
            for (name, output) in outputs {
                let count = allocations(|| {
                    let filtered = guard.filter(tool, output, &mut scratch).unwrap();
                    seen.0 += filtered.masked;
                    seen.1 += usize::from(filtered.truncated);
                });
                assert!(!warm || count == 0, "{tool}: {name} allocates {count} times");
            }
        }
    }
    assert!(seen.0 > 10 && seen.1 >= 6, "{seen:?}");
}

/// Every kind of condition, on plain values and on such as must be decoded first.
#[test]
fn conditions() {
    let rules = r#"{
        "kinds": {"*": {"path": ["path", "paths[]"]}},
        "limit": [{"id": "l", "tools": "*", "key": ["agent", "args.path"], "rate": "5/1m"}],
        "default": "allow", "rule": [
        {"id": "glob", "effect": "deny", "tools": "t", "missing": "skip",
         "when": {"@path": {"glob": "**/.git/**"}}},
        {"id": "url", "effect": "deny", "tools": "t", "missing": "skip",
         "when": {"args.url": {"url": {"address": ["private", "metadata"]}}}},
        {"id": "rm", "effect": "deny", "tools": "t", "missing": "skip",
         "when": {"args.line": {"argv": {"program": "rm", "flags": "-r"}}}},
        {"id": "text", "effect": "deny", "tools": "t", "missing": "skip",
         "when": {"any": [{"args.**": {"contains": "needle"}}, {"args.n": {"gt": "10.5"}}]}},
        {"id": "under", "effect": "allow", "tools": "t", "when": {"@path": {"under": "/w"}}}
    ]}"#;
    let policy = Policy::from_json(rules).unwrap();
    let tool =
        ToolDefinition { name: "t", input_schema: br#"{"type":"object"}"#, output_schema: None };
    let guard = Guard::builder().policy(policy).unwrap().tool(tool).unwrap().build().unwrap();
    let calls = [
        r#"{"path": "/w/a", "n": 1, "line": "ls -la; echo x", "url": "https://example.com/"}"#,
        r#"{"path": "/w/\u002e\u002e/.git/x"}"#,
        r#"{"paths": ["/w/a", "/w/%2e%2e/etc"]}"#,
        r#"{"url": "http://0xa9fea9fe/"}"#,
        r#"{"line": "sudo sh -c 'cd /; rm -\u0072f .'"}"#,
        r#"{"line": ["env", "A=b", "r\u006d", "-r"]}"#,
        r#"{"deep": {"er": ["a needle"]}}"#,
        r#"{"n": "11.25"}"#,
        r#"{"n": "x"}"#,
    ];
    let mut scratch = guard.scratch();
    let mut allowed = 0;
    for warm in [false, true] {
        for arguments in calls {
            let call = Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() };
            let count = allocations(|| {
                if let Verdict::Allow(call) = guard.check(&call, &mut scratch) {
                    allowed += call.charges().count();
                }
            });
            assert!(!warm || count == 0, "{arguments} allocates {count} times");
        }
    }
    assert!((2..=8).contains(&allowed), "{allowed}");
}

/// Every kind of session rule, from the question to the end of the call.
#[test]
fn session_rules() {
    let rules = r#"{"session": {"max_calls": 9000}, "rule": [
        {"id": "get", "effect": "allow", "tools": ["get"], "adds": ["seen"], "adds_when": {"args.id": {"ne": "x"}}},
        {"id": "pay", "effect": "allow", "tools": ["pay"], "once": ["args.key", "args.id"], "max_calls": 5000,
         "cooldown": "1s", "after": {"tool": "get", "same": ["id"], "within": "1h"}},
        {"id": "send", "effect": "deny", "tools": ["send"], "labels": ["seen"], "hint": "Not after reading."}
    ]}"#;
    let mut builder = Guard::builder().policy(Policy::from_json(rules).unwrap()).unwrap();
    for name in ["get", "pay", "send"] {
        let input_schema = br#"{"type":"object"}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    let guard = builder.build().unwrap();
    let (mut scratch, mut session) = (guard.scratch(), Session::new([3; 16]));
    let calls = [
        ("get", r#"{"id": "\u0061"}"#, Outcome::Ok),
        ("pay", r#"{"id": "a", "key": 1.50}"#, Outcome::Failed),
        ("pay", r#"{"id": "b", "key": 1}"#, Outcome::Ok),
        ("send", "{}", Outcome::Ok),
        ("get", r#"{"id": "c"}"#, Outcome::Unknown),
    ];
    let mut allowed = 0;
    for round in 0..100_u64 {
        for (tool, arguments, outcome) in calls {
            let now = Some(round * 2000);
            let call = Call { tool, arguments: arguments.as_bytes(), now, ..Call::default() };
            let count = allocations(|| {
                let settled = guard.settle(&call, None, Some(&mut session), &mut scratch);
                read(&settled.verdict(call.arguments, &scratch));
                if let Settled::Allow(cleared) = settled {
                    session.finish(cleared.ticket().unwrap(), outcome);
                    allowed += 1;
                }
            });
            assert!(round == 0 || count == 0, "{tool} {arguments} allocates");
        }
    }
    assert_eq!(allowed, 300);
}
