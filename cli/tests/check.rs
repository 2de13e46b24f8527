//! `airlock check` as programs and people use it.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};

use support::{Done, Folder, airlock};

const TOOLS: &str = concat!(
    r#"{"name":"search","inputSchema":{"type":"object","properties":{"query":{"type":"string"},"limit":{"type":"integer"}},"required":["query"]}}"#,
    "\n\n",
    r#"{"tool":"mail:send","name":"send","input_schema":{"type":"object","properties":{"to":{"type":"string","format":"email"}}},"source":"ignored"}"#,
    "\n",
);

/// Checks `calls` against [`TOOLS`].
fn batch(name: &str, calls: impl AsRef<[u8]>, more: &[&str]) -> Done {
    let folder = Folder::new(name);
    let tools = folder.file("tools.jsonl", TOOLS);
    let calls = folder.file("calls.jsonl", calls);
    let mut args = vec!["check", "--tools", &tools, "--calls", &calls];
    args.extend(more);
    airlock(&args, "")
}

fn lines(done: &Done) -> Vec<Value> {
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_answer_a_line_in_order() {
    let calls = concat!(
        r#"{"id":"one","tool":"search","arguments_text":"{\"query\":\"a\", \"zzz\":1}"}"#,
        "\n\n",
        r#"{"id":{"any":[2]},"tool":"search","arguments":{"query":1.50}}"#,
        "\n",
        r#"{"tool":"search","arguments_base64":"eyJxdWVyeSI6Iv8ifQ==","note":"ignored"}"#,
        "\n",
        r#"{"id":4,"tool":"search","arguments_b64":"eyJxdWVyeSI6ImEifQ=="}"#,
        "\n",
        r#"{"id":5,"tool":"send"}"#,
        "\n",
        r#"{"id":6,"tool":"mail:send"}"#,
    );
    let answers = lines(&batch("order", calls, &[]));
    assert_eq!(
        answers[0],
        json!({
            "v": 1, "id": "one", "decision": "allow", "reason": null,
            "arguments_text": "{\"query\":\"a\"}", "stripped": ["/zzz"], "repaired": [],
            "violations": [], "suggest": [],
        })
    );
    assert_eq!(answers[1]["id"], json!({"any": [2]}));
    assert_eq!(answers[1]["reason"], "validation_failed");
    let violation = &answers[1]["violations"][0];
    assert_eq!((&violation["path"], &violation["keyword"]), (&json!("/query"), &json!("type")));
    assert_eq!(violation["fix"], json!({"op": "quote", "path": "/query", "to": null}));
    assert_eq!(answers[1]["arguments_text"], Value::Null);
    assert_eq!(answers[2]["id"], Value::Null);
    assert_eq!(answers[2]["violations"][0]["keyword"], "parse");
    assert_eq!(answers[2]["violations"][0]["offset"], 10);
    assert_eq!(answers[3]["arguments_text"], "{\"query\":\"a\"}");
    assert_eq!(answers[4]["reason"], "unknown_tool");
    assert_eq!(
        (&answers[5]["decision"], &answers[5]["arguments_text"]),
        (&json!("allow"), &json!("{}"))
    );
    assert_eq!(answers.len(), 6);
}

#[test]
fn arguments_keep_their_spelling() {
    let calls = r#"{"id":1,"tool":"search","arguments":{ "query" : "\u0041\/", "limit":1e2 }}"#;
    let answers = lines(&batch("spelling", calls, &[]));
    assert_eq!(answers[0]["arguments_text"], r#"{ "query" : "\u0041\/", "limit":1e2 }"#);
}

#[test]
fn calls_from_standard_input() {
    let folder = Folder::new("stdin");
    let tools = folder.file("tools.jsonl", TOOLS);
    let args = ["check", "--tools", &tools, "--calls", "-"];
    let done = airlock(&args, "{\"id\":1,\"tool\":\"search\",\"arguments\":{\"query\":\"\"}}\n");
    assert_eq!(lines(&done)[0]["decision"], "allow");
    let done = airlock(&args, "{\n");
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("-:1:"), "{}", done.stderr);
    assert_eq!(airlock(&args, "").code, Some(0));
}

#[test]
fn switches_win_over_the_policy() {
    let calls = r#"{"tool":"search","arguments":{"query":"a","limt":1}}"#;
    assert_eq!(lines(&batch("default", calls, &[]))[0]["reason"], "ghost_arguments");
    let strip = lines(&batch("strip", calls, &["--near-miss", "strip"]));
    assert_eq!(strip[0]["arguments_text"], r#"{"query":"a"}"#);
    assert_eq!(strip[0]["suggest"], json!([{"path": "/limt", "to": "limit"}]));
    let read_only = lines(&batch("preset", calls, &["--policy", "read_only"]));
    assert_eq!(read_only[0]["reason"], "tool_not_allowed");
    let folder = Folder::new("policy");
    let policy = folder.file("policy.toml", "near_miss = \"strip\"\n");
    assert_eq!(lines(&batch("toml", calls, &["--policy", &policy]))[0]["decision"], "allow");
    let refuse = ["--policy", &policy, "--near-miss", "refuse"];
    assert_eq!(lines(&batch("refuse", calls, &refuse))[0]["decision"], "block");
}

#[test]
fn json_in_strings_is_repaired_where_the_policy_says_so() {
    let folder = Folder::new("repair");
    let schema = r#"{"type":"object","properties":{"tags":{"type":"array"}}}"#;
    let tools = folder.file("tools.jsonl", format!(r#"{{"name":"t","inputSchema":{schema}}}"#));
    let calls = folder.file("calls.jsonl", r#"{"tool":"t","arguments":{"tags":"[1.0, 2]"}}"#);
    let policy = folder.file("policy.toml", "repair = [\"json-string\"]\n");
    let args = ["check", "--tools", &tools, "--calls", &calls];
    let refused = lines(&airlock(&args, ""));
    assert_eq!((&refused[0]["decision"], &refused[0]["repaired"]), (&json!("block"), &json!([])));
    let repaired = lines(&airlock(&[&args[..], &["--policy", &policy]].concat(), ""));
    assert_eq!(repaired[0]["arguments_text"], r#"{"tags":[1.0, 2]}"#);
    assert_eq!(repaired[0]["repaired"], json!(["/tags"]));
    let one = ["check", "t", r#"{"tags":"[]"}"#, "--tools", &tools, "--policy", &policy];
    let done = airlock(&one, "");
    assert!(done.stdout.contains("Repaired   /tags"), "{}", done.stdout);
}

#[test]
fn another_spelling_is_repaired_for_the_tools_that_the_policy_names() {
    let folder = Folder::new("spelling");
    let schema = r#"{"type":"object","properties":{"limit":{"type":"integer"}}}"#;
    let tool = |name: &str| format!("{{\"name\":\"{name}\",\"inputSchema\":{schema}}}\n");
    let tools = folder.file("tools.jsonl", tool("old_search") + &tool("search"));
    let call = |name: &str| format!("{{\"tool\":\"{name}\",\"arguments\":{{\"limit\":\"5\"}}}}\n");
    let calls = folder.file("calls.jsonl", call("old_search") + &call("search"));
    let policy = folder.file("policy.toml", "[arguments]\n\"old_*\" = { repair = [\"scalar\"] }\n");
    let args = ["check", "--tools", &tools, "--calls", &calls, "--policy", &policy];
    let [old, strict] = &lines(&airlock(&args, ""))[..] else { panic!("two lines") };
    assert_eq!(
        (&old["arguments_text"], &old["repaired"]),
        (&json!(r#"{"limit":5}"#), &json!(["/limit"]))
    );
    assert_eq!((&strict["decision"], &strict["repaired"]), (&json!("block"), &json!([])));
}

#[test]
fn formats_are_remarks_unless_asserted() {
    let calls = r#"{"tool":"mail:send","arguments":{"to":"nobody"}}"#;
    assert_eq!(lines(&batch("annotate", calls, &["--format", "annotate"]))[0]["decision"], "allow");
    let asserted = batch("assert", calls, &["--format", "assert"]);
    assert_eq!(lines(&asserted).len(), 1);
}

#[test]
fn who_calls_is_part_of_a_line() {
    let folder = Folder::new("caller");
    let policy = folder.file(
        "policy.json",
        r#"{"rule":[{"id":"ops","effect":"allow","tools":["search"],"roles":["ops"],"tenants":["acme"]},{"id":"not-bots","effect":"deny","tools":["search"],"agents":["bot-*"]}]}"#,
    );
    let calls = concat!(
        r#"{"tool":"search","arguments":{"query":""},"agent":"a","roles":["ops"],"tenant":"acme"}"#,
        "\n",
        r#"{"tool":"search","arguments":{"query":""},"agent":"a","roles":["dev"],"tenant":"acme"}"#,
        "\n",
        r#"{"tool":"search","arguments":{"query":""},"agent":"bot-1","roles":["ops"],"tenant":"acme"}"#,
    );
    let answers = lines(&batch("callers", calls, &["--policy", &policy]));
    assert_eq!(answers[0]["decision"], "allow");
    assert_eq!(answers[1]["reason"], "role_denied");
    // No rule refused: none allowed.
    assert_eq!(answers[1]["rule"], Value::Null);
    assert_eq!(
        (&answers[2]["reason"], &answers[2]["rule"]),
        (&json!("tool_denied"), &json!("not-bots"))
    );
}

#[test]
fn a_tool_that_cannot_be_honoured_is_said_so_and_refused() {
    let folder = Folder::new("unsupported");
    let tools = folder.file(
        "tools.jsonl",
        "{\"name\":\"a\",\"inputSchema\":{\"$ref\":\"other.json\"}}\n{\"name\":\"b\",\"inputSchema\":{\"propertis\":{}}}\n",
    );
    let calls = folder.file("calls.jsonl", "{\"tool\":\"a\"}\n{\"tool\":\"b\"}\n");
    let done = airlock(&["check", "--tools", &tools, "--calls", &calls], "");
    let answers = lines(&done);
    assert_eq!(answers[0]["reason"], "tool_unsupported");
    assert_eq!(answers[1]["decision"], "allow");
    assert!(
        done.stderr.contains("tools.jsonl:1: \"a\" is not supported: /$ref"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("did you mean properties?"), "{}", done.stderr);
}

/// Runs that must end with 2 and say where.
#[test]
fn bad_input_names_file_and_line() {
    let bad_calls = [
        ("{\"tool\":\"search\"}\n{\"tool\":}", "calls.jsonl:2:"),
        ("{\"id\":1}", "calls.jsonl:1:"),
        ("{\"tool\":\"search\",\"arguments_base64\":\"***\"}", "calls.jsonl:1: arguments_base64:"),
        (
            "{\"tool\":\"search\",\"arguments\":{},\"arguments_text\":\"{}\"}",
            "calls.jsonl:1: the arguments are given more than once",
        ),
        ("{\"tool\":\"search\",\"at\":\"yesterday\"}", "calls.jsonl:1: at:"),
    ];
    for (calls, place) in bad_calls {
        let done = batch("bad", calls, &[]);
        assert_eq!(done.code, Some(2), "{calls}");
        assert!(
            done.stderr.starts_with("airlock check: ") && done.stderr.contains(place),
            "{}",
            done.stderr
        );
    }
    let done = batch("bytes", b"{\"tool\":\"search\"}\n\xff\n", &[]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("calls.jsonl:2:"), "{}", done.stderr);
}

#[test]
fn bad_tools_name_file_and_line() {
    let folder = Folder::new("tools");
    let calls = folder.file("calls.jsonl", "");
    let bad_tools = [
        (
            "{\"name\":\"a\",\"inputSchema\":{}}\n\n{\"tool\":\"a\",\"inputSchema\":{}}",
            "tools.jsonl:3: the tool \"a\" is already on line 1",
        ),
        ("{\"inputSchema\":{}}", "tools.jsonl:1: a tool needs a name"),
        ("{\"name\":\"a\"}", "tools.jsonl:1:"),
        ("[]", "tools.jsonl:1:"),
    ];
    for (tools, place) in bad_tools {
        let tools = folder.file("tools.jsonl", tools);
        let done = airlock(&["check", "--tools", &tools, "--calls", &calls], "");
        assert_eq!(done.code, Some(2), "{place}");
        assert!(done.stderr.contains(place), "{}", done.stderr);
        assert_eq!(done.stdout, "");
    }
}

#[test]
fn bad_usage_ends_with_2() {
    let folder = Folder::new("usage");
    let (tools, missing) = (folder.file("tools.jsonl", TOOLS), folder.missing());
    let policy = folder.file("policy.toml", "denied_tols = []\n");
    let none: [&[&str]; 7] = [
        &["check"],
        &["check", "--tools", &tools],
        &["check", "--tools", &tools, "--calls", &missing],
        &["check", "--tools", &missing, "--calls", "-"],
        &["check", "--tools", &tools, "search"],
        &["check", "--tools", &tools, "--calls", "-", "--policy", &policy],
        &["check", "--tools", &tools, "--calls", "-", "--policy", "strictest"],
    ];
    for args in none {
        let done = airlock(args, "");
        assert_eq!(done.code, Some(2), "{args:?}");
        assert!(!done.stderr.is_empty() && done.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn one_call_for_people() {
    let folder = Folder::new("one");
    let tools = folder.file("tools.jsonl", TOOLS);
    let check = |tool, arguments, more: &[&str]| {
        let mut args = vec!["check", tool, arguments, "--tools", &tools];
        args.extend(more);
        airlock(&args, "")
    };
    let done = check("search", r#"{"query":"a","zzz":1}"#, &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.contains("allowed search") && done.stdout.contains("/zzz"),
        "{}",
        done.stdout
    );
    let done = check("search", r#"{"query":"a","limit":"3"}"#, &[]);
    assert_eq!(done.code, Some(1));
    for part in
        ["blocked search", "Reason  validation_failed", "Wrong   /limit", "Fix     Send limit as"]
    {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let done = check("serch", "{}", &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("mail:send, search"), "{}", done.stdout);
    let policy = folder.file(
        "policy.toml",
        "[[rule]]\nid = \"ops\"\neffect = \"allow\"\ntools = [\"search\"]\nroles = [\"ops\"]\ntenants = [\"acme\"]\n",
    );
    let who = ["--policy", &policy, "--agent", "bot", "--role", "ops", "--tenant", "acme"];
    assert_eq!(check("search", r#"{"query":""}"#, &who).code, Some(0));
    let done = check("search", r#"{"query":""}"#, &who[..6]);
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("Reason  identity_required"), "{}", done.stdout);
    let policy = folder
        .file("deny.toml", "denied_tools = [{ tools = [\"search\"], hint = \"Ask Ann.\" }]\n");
    let done = check("search", "{}", &["--policy", &policy]);
    assert_eq!(done.code, Some(1));
    for part in ["Reason  tool_denied", "Policy  denied_tools[0]", "Fix     Ask Ann."] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
}

#[test]
fn limits_count_the_calls_that_say_when_they_were_made() {
    let folder = Folder::new("check-limits");
    let policy = folder.file("policy.toml", "rate_limits = { \"*\" = \"2/hour\" }\n");
    let tools = folder.file("tools.jsonl", r#"{"name":"t","inputSchema":{"type":"object"}}"#);
    let line = |at: &str, arguments: &str| {
        let at = if at.is_empty() { String::new() } else { format!(r#","at":"2026-03-01T{at}Z""#) };
        format!("{{\"tool\":\"t\",\"agent\":\"bob\",\"arguments\":{arguments}{at}}}\n")
    };
    let calls = [
        ("09:00:00", "{}"),
        ("", "{}"),
        ("10:00:00", "{}"),
        ("10:00:00", "7"),
        ("10:00:01", "{}"),
        ("10:00:02", "{}"),
        ("09:59:00", "{}"),
        ("", "{}"),
        ("10:30:00", "{}"),
    ];
    let calls: String = calls.iter().map(|(at, arguments)| line(at, arguments)).collect();
    let options = ["check", "--tools", &tools, "--policy", &policy, "--calls", "-"];
    let done = airlock(&options, calls);
    let answers = lines(&done);
    let told: Vec<_> = answers
        .iter()
        .map(|answer| (answer["reason"].as_str().unwrap_or("-"), answer["retry_after_ms"].as_u64()))
        .collect();
    assert_eq!(
        told,
        [
            ("-", None),
            ("-", None),
            ("-", None),
            ("malformed_arguments", None),
            ("-", None),
            ("rate_limited", Some(1_798_000)),
            ("rate_limited", Some(1_798_000)),
            ("-", None),
            ("-", None),
        ]
    );
}
