//! `airlock policy` as programs and people use it.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};

use support::{Done, Folder, airlock};

const TOOLS: &str = concat!(
    r#"{"name":"read_file","inputSchema":{"type":"object","properties":{"path":{"type":"string"}}}}"#,
    "\n",
    r#"{"name":"pay","inputSchema":{"type":"object","properties":{"amount":{"type":"number"}}}}"#,
    "\n",
);

fn lines(done: &Done) -> Vec<Value> {
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn codes(done: &Done) -> Vec<(u64, String)> {
    let finding = |line: &Value| {
        (line["line"].as_u64().unwrap_or(0), line["code"].as_str().unwrap().to_owned())
    };
    lines(done).iter().map(finding).collect()
}

#[test]
fn a_policy_without_faults_has_nothing_to_report() {
    let folder = Folder::new("lint-clean");
    let text = "[[rule]]\nid = \"read\"\neffect = \"allow\"\ntools = \"read_*\"\nwhen = { \"args.path\" = { under = \"/w\" } }\n";
    let policy = folder.file("p.toml", text);
    let tools = folder.file("tools.jsonl", TOOLS);
    let done = airlock(&["policy", "lint", &policy, "strict", "--tools", &tools], "");
    assert_eq!((done.code, &*done.stdout, &*done.stderr), (Some(0), "", ""));
}

#[test]
fn warnings_have_their_place_and_their_code() {
    let folder = Folder::new("lint-warn");
    let text = r#"sets = { unused = ["a"] }
kinds = { "*" = { path = ["path"] } }
time_restrictions = { "deploy_*" = "09:00-17:00" }
calendar = { never = { from = "01:00", tz = "UTC" } }
limit = []
[[rule]]
id = "no-pay"
effect = "deny"
tools = "pay*"
[[rule]]
id = "pay"
effect = "allow"
tools = "pay"
[[rule]]
id = "pay-or-read"
effect = "ask"
tools = ["pay", "read_file"]
roles = ["a"]
[[rule]]
id = "skips"
effect = "deny"
tools = "raed_file"
when = { "args.path" = { eq = "x" } }
missing = "skip"
[[rule]]
id = "nobody"
effect = "allow"
tools = "read_file"
roles = ["a"]
except_roles = ["a"]
[[rule]]
id = "all"
effect = "allow"
tools = "read_*"
[[rule]]
id = "some"
effect = "allow"
tools = "read_file"
roles = ["b"]
mode = "shadow"
"#;
    let policy = folder.file("p.toml", text);
    let tools = folder.file("tools.jsonl", TOOLS);
    let done = airlock(&["policy", "lint", &policy, "--tools", &tools, "--json"], "");
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let expected = [
        (1, "unused"),
        (2, "unused"),
        (3, "window-without-zone"),
        (3, "no-such-tool"),
        (4, "unused"),
        (5, "empty-list"),
        (10, "unreachable"),
        (14, "shadowed"),
        (19, "deny-skips-missing"),
        (19, "no-such-tool"),
        (25, "unreachable"),
        (25, "redundant"),
        (35, "shadow-mode"),
    ];
    let found = codes(&done);
    let found: Vec<(u64, &str)> = found.iter().map(|(line, code)| (*line, &**code)).collect();
    assert_eq!(found, expected, "{}", done.stdout);
    let near = &lines(&done)[9];
    assert_eq!(near["hint"], "did you mean `read_file`?");
    assert_eq!((&near["column"], &near["file"]), (&json!(1), &json!(policy)));

    let done = airlock(&["policy", "lint", &policy], "");
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("p.toml:3:36: "), "{}", done.stdout);
    assert!(!done.stdout.contains("no-such-tool") && !done.stdout.contains('\u{1b}'));
}

#[test]
fn what_cannot_be_honoured_is_an_error_of_the_lint() {
    let folder = Folder::new("lint-error");
    let misspelt = folder.file("a.toml", "\ndenied_tols = []\n");
    let done = airlock(&["policy", "lint", &misspelt, "--json"], "");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let found = &lines(&done)[0];
    assert_eq!(
        (&found["level"], &found["line"], &found["column"]),
        (&json!("error"), &json!(2), &json!(1))
    );
    assert_eq!(found["hint"], "did you mean `denied_tools`?");

    // An argument that no tool declares, and a mask that does not exist.
    let rule = "[[rule]]\nid = \"a\"\neffect = \"deny\"\ntools = \"pay\"\nwhen = { \"args.amuont\" = { gt = 1 } }\n";
    let undeclared = folder.file("b.toml", rule);
    let masks = folder.file("c.toml", "[output]\n\"*\" = { mask = [\"sceret\"] }\n");
    let tools = folder.file("tools.jsonl", TOOLS);
    let done = airlock(&["policy", "lint", &undeclared, &masks, "--tools", &tools], "");
    assert_eq!(done.code, Some(2));
    assert!(
        done.stdout.contains("b.toml:1:1: rule `a` has a condition on `amuont`"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("c.toml:2:16: "), "{}", done.stdout);
    assert_eq!(airlock(&["policy", "lint", &folder.missing()], "").code, Some(2));

    // The same error ends a check before any call is answered.
    let calls = folder.file("calls.jsonl", r#"{"tool":"read_file"}"#);
    let check = ["check", "--tools", &tools, "--calls", &calls, "--policy", &undeclared];
    let done = airlock(&check, "");
    assert_eq!((done.code, &*done.stdout), (Some(2), ""));
    assert!(done.stderr.contains("b.toml:1:1: rule `a`"), "{}", done.stderr);
}

const TESTED: &str = r#"
[[rule]]
id = "cap"
effect = "deny"
tools = "pay"
when = { "args.amount" = { gt = 100 } }
[[rule]]
id = "pay"
effect = "allow"
tools = "pay"
roles = ["clerk"]
[[test]]
name = "little"
call = { tool = "pay", role = "clerk", args = { amount = 5, note = "x" } }
params = ["amount"]
expect = { effect = "allow", rule = "pay", stripped = ["note"] }
[[test]]
steps = [
    { tool = "pay", role = "clerk", args = { amount = 500 }, expect = { effect = "deny", rule = "cap", at = "/amount" } },
    { tool = "pay", role = "clerk", args = '{"amount":1e9}', expect = { effect = "deny", reason = "condition_failed" } },
    { tool = "pay", expect = { effect = "deny", rule = "default", reason = "identity_required" } },
    { tool = "pay", role = "clerk", expect = { effect = "deny", rule = "cap", at = "/amount" } },
]
"#;

#[test]
fn embedded_tests_pass_or_say_what_was_expected() {
    let folder = Folder::new("test");
    let good = folder.file("good.toml", TESTED);
    let done = airlock(&["policy", "test", &good], "");
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.ends_with("5 passed, 0 failed\n"), "{}", done.stdout);
    let bad = folder.file("bad.toml", TESTED.replace("gt = 100", "gt = 1000"));
    let done = airlock(&["policy", "test", &bad], "");
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("bad.toml:19)\n  expected deny, got allow"), "{}", done.stdout);
    assert!(done.stdout.contains("expected `cap` to decide, it was `pay`"), "{}", done.stdout);
    assert!(done.stdout.contains("`pay` is at ") && done.stdout.ends_with("4 passed, 1 failed\n"));
    // With the real tools the ghost is one of the real schema, and the test with `params` keeps its own.
    let tools = folder.file("tools.jsonl", TOOLS);
    let done = airlock(&["policy", "test", &good, "--tools", &tools, "--json"], "");
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    let found = lines(&done);
    assert_eq!((&found[0]["test"], &found[0]["stripped"]), (&json!("little"), &json!(["/note"])));
    assert_eq!((&found[1]["effect"], &found[1]["rule"]), (&json!("deny"), &json!("cap")));
    let none = airlock(&["policy", "test", "strict"], "");
    assert!(none.code == Some(0) && none.stderr.contains("it has no tests"));
}

#[test]
fn an_explanation_names_rules_and_places_and_no_values() {
    let folder = Folder::new("explain");
    let policy = folder.file("p.toml", TESTED);
    let call = ["policy", "explain", "pay", r#"{"amount":54321,"secret":"hunter2"}"#];
    let who = ["--policy", &policy, "--role", "clerk"];
    let done = airlock(&[&call[..], &who].concat(), "");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for part in [
        "blocked pay",
        "Reason   condition_failed",
        &format!("Decided  `cap`, {policy}:2"),
        "Where    /amount",
        "\u{2192} deny `cap`: yes",
        "yes     args.amount gt  at /amount",
        "  allow `pay`: yes",
    ] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let done_json = airlock(&[&call[..], &who, &["--json"]].concat(), "");
    for value in ["54321", "hunter2"] {
        assert!(!done.stdout.contains(value) && !done_json.stdout.contains(value));
    }
    let found = &lines(&done_json)[0];
    assert_eq!((&found["effect"], &found["rule"]), (&json!("deny"), &json!("cap")));
    let condition = &found["rules"][0]["conditions"][0];
    assert_eq!((&condition["target"], &condition["holds"]), (&json!("args.amount"), &json!("yes")));
    assert_eq!(condition["place"], format!("{policy}:6"));
    assert_eq!(found["rules"][1]["decides"], false);

    // Who is not known, and an argument that is missing.
    let done = airlock(&["policy", "explain", "pay", "{}", "--policy", &policy], "");
    assert!(done.stdout.contains("unknown about this caller"), "{}", done.stdout);
    assert!(done.stdout.contains("unknown args.amount gt  at /amount"), "{}", done.stdout);
    let timed = folder.file("t.toml", "time_restrictions = { \"*\" = \"09:00-17:00\" }\n");
    let at = ["policy", "explain", "x", "--policy", &timed, "--at", "2026-01-05T20:00:00Z"];
    let done = airlock(&at, "");
    assert!(done.stdout.contains("yes     time 09:00-17:00 UTC"), "{}", done.stdout);
    assert_eq!(airlock(&["policy", "explain", "x", "--policy", "strictest"], "").code, Some(2));
}

#[test]
fn an_explanation_says_what_a_call_takes_from_budgets() {
    let folder = Folder::new("explain-budget");
    let text = "[[budget]]\nid = \"spend\"\ntools = \"pay\"\nsum = \"args.amount\"\nmax = \"250.50\"\n\
                window = \"day@UTC\"\n";
    let policy = folder.file("p.toml", text);
    let explain = |arguments: &str, more: &[&str]| {
        let call = ["policy", "explain", "pay", arguments, "--policy", &policy];
        airlock(&[&call[..], more].concat(), "")
    };
    for (arguments, first, says, enough) in [
        (r#"{"amount":"250.5"}"#, "allowed pay", "enough", "yes"),
        (r#"{"amount":"250.51"}"#, "blocked pay", "the call takes more", "no"),
        (r#"{"amount":"much"}"#, "blocked pay", "is missing or is no sum", "unknown"),
    ] {
        let done = explain(arguments, &[]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.starts_with(first), "{}", done.stdout);
        let budget = "Budget   `budget:spend`: 250.5 each day@UTC, ";
        assert!(done.stdout.contains(budget), "{}", done.stdout);
        assert!(done.stdout.contains(says), "{}", done.stdout);
        let found = &lines(&explain(arguments, &["--json"]))[0];
        assert_eq!(found["budgets"][0]["enough"], enough);
        assert_eq!(found["budgets"][0]["place"], format!("{policy}:1"));
        let refused = enough != "yes";
        assert_eq!(found["budget"], if refused { json!("budget:spend") } else { json!(null) });
        assert!(!refused || done.stdout.contains("Decided  `budget:spend`"), "{}", done.stdout);
    }
}

#[test]
fn every_pattern_that_covers_no_tool_is_told() {
    let folder = Folder::new("lint-patterns");
    let text = "\
[kinds]
raed_file = { file = [\"path\"] }
[arguments]
read_file = { repair = [\"scalar\"] }
\"raed_*\" = { repair = [\"scalar\"] }
[output]
\"read_*\" = { max_chars = 9 }
reed_file = { max_chars = 9 }
";
    let policy = folder.file("p.toml", text);
    let tools = folder.file("tools.jsonl", TOOLS);
    let done = airlock(&["policy", "lint", &policy, "--tools", &tools, "--json"], "");
    let found = codes(&done);
    let wrong: Vec<u64> =
        found.iter().filter(|(_, code)| code == "no-such-tool").map(|(line, _)| *line).collect();
    assert_eq!(wrong, [2, 5, 8], "{}{}", done.stdout, done.stderr);
    let done = airlock(&["policy", "lint", &policy, "--json"], "");
    assert!(!done.stdout.contains("no-such-tool"), "{}", done.stdout);
}

#[test]
fn policies_in_a_stack_narrow_each_other_and_keep_their_places() {
    let folder = Folder::new("stack");
    let org = folder.file("org.toml", "denied_tools = [\"pay\"]\n");
    let team = folder.file("team.toml", "allowed_tools = [\"read_*\", \"pay\"]\n");
    let tools = folder.file("tools.jsonl", TOOLS);
    for (tool, arguments, code) in [("pay", "{}", 1), ("read_file", "{}", 0)] {
        for (one, other) in [(&org, &team), (&team, &org)] {
            let check =
                ["check", tool, arguments, "--tools", &tools, "--policy", one, "--policy", other];
            assert_eq!(airlock(&check, "").code, Some(code), "{tool} {one}");
        }
    }
    let explain = ["policy", "explain", "pay", "--policy", &team, "--policy", &org];
    let done = airlock(&explain, "");
    assert!(
        done.stdout.contains("org.toml:1") && done.stdout.contains("team.toml:1"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains(&format!("Decided  `denied_tools[0]`, {org}:1")),
        "{}",
        done.stdout
    );
    let agents = folder.file("agents.toml", "[agents]\nbob = { roles = \"admin\" }\n");
    let done = airlock(&["policy", "explain", "pay", "--policy", &org, "--policy", &agents], "");
    assert_eq!(done.code, Some(2));
    assert!(
        done.stderr.contains("agents.toml:1:1: agents: only the first policy"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_difference_is_shown_in_words_and_in_effects() {
    let folder = Folder::new("diff");
    let old = folder.file("old.toml", TESTED);
    let same = folder.file("same.toml", format!("# another order\n{TESTED}"));
    let done = airlock(&["policy", "diff", &old, &same], "");
    assert_eq!((done.code, &*done.stdout), (Some(0), ""), "{}", done.stderr);

    let new = TESTED.replace("gt = 100", "gt = 1000").replace(
        "[[test]]\nname",
        "[[rule]]\nid = \"r\"\neffect = \"allow\"\ntools = \"read_*\"\n[[test]]\nname",
    );
    let new = folder.file("new.toml", new);
    let tools = folder.file("tools.jsonl", TOOLS);
    let calls = folder.file(
        "calls.jsonl",
        concat!(
            r#"{"tool":"pay","arguments":{"amount":700},"roles":["clerk"]}"#,
            "\n",
            r#"{"tool":"pay","arguments":{"amount":7},"roles":["clerk"]}"#,
            "\n"
        ),
    );
    let both = ["policy", "diff", &old, &new, "--tools", &tools, "--calls", &calls];
    let done = airlock(&both, "");
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    for part in [
        "rule.cap.when\n  - {\"args.amount\": {\"gt\": 100}}",
        "rule.r.effect\n  + \"allow\"",
        "read_file: deny (tool_not_allowed) \u{2192} allow  (tool)",
        "pay: deny by `cap` \u{2192} allow by `pay`  (a test of the old policy)",
        "calls.jsonl:1)",
    ] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("calls.jsonl:2"), "{}", done.stdout);
    let found = lines(&airlock(&[&both[..], &["--json"]].concat(), ""));
    let kinds: Vec<_> = found.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "effect").count(), 3, "{kinds:?}");
    let presets = airlock(&["policy", "diff", "strict", "permissive"], "");
    assert_eq!(presets.code, Some(1));
    assert_eq!(airlock(&["policy", "diff", "strict", "nothing"], "").code, Some(2));
}
