//! The three policies of the specification with their embedded tests, as far as what they use is built,
//! and labelled arguments under a policy as an operator would write it.

// Clippy takes helpers of tests for library code.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../core/tests/support/shared.rs"]
mod shared;

use airlock::core::{Call, Guard, ToolDefinition, Verdict};
use airlock::policy::{PolicyFile, tests};
use serde_json::{Value, json};

/// The document without what is not built: without the feature `sql` the conditions on SQL.
fn reduced(text: &str) -> (Value, Vec<Value>) {
    let mut document: Value = toml::from_str(text).unwrap();
    let members = document.as_object_mut().unwrap();
    let tests = members.remove("test").unwrap().as_array().unwrap().clone();
    let rules = members["rule"].as_array_mut().unwrap();
    rules.retain(|rule| {
        let denies = rule["effect"] == "deny";
        let sql = denies && rule.to_string().contains("@sql") && !cfg!(feature = "sql");
        !sql
    });
    for rule in rules {
        let rule = rule.as_object_mut().unwrap();
        if !cfg!(feature = "sql") && rule.get("adds_when").is_some() {
            // Labels of what cannot be looked into would be set always.
            rule["adds_when"] = json!({"args.sql": {"contains": "customers"}});
        }
        if let Some(when) = rule.get_mut("when").and_then(Value::as_object_mut)
            && !cfg!(feature = "sql")
        {
            when.remove("@sql");
            if when.is_empty() {
                rule.remove("when");
            }
        }
    }
    for output in
        members.get_mut("output").into_iter().flat_map(|o| o.as_object_mut().unwrap().values_mut())
    {
        output.as_object_mut().unwrap().remove("strip");
        // The specification's names of types are not those of the detectors.
        output.as_object_mut().unwrap().remove("mask");
    }
    (document, tests)
}

#[test]
fn embedded_tests_hold_as_far_as_what_they_use_is_built() {
    // By document: tests, and steps of the last test, that use only what is built.
    let db: (&[usize], &[usize]) =
        if cfg!(feature = "sql") { (&[0, 1, 2, 3, 4], &[0, 1, 2]) } else { (&[2], &[0, 1, 2]) };
    let selected: [(&str, &[usize], &[usize]); 3] = [
        ("fs", &[0, 1, 2, 3, 4], &[0, 1, 2]),
        ("db", db.0, db.1),
        ("pay", &[0, 1, 2, 3], &[0, 1, 2, 3, 4, 5, 6]),
    ];
    for (name, numbers, steps) in selected {
        let Some(text) = shared::text(&format!("policy/{name}.toml")) else { return };
        let (mut document, all) = reduced(&text);
        let last = all.last().unwrap()["steps"].as_array().unwrap();
        let mut kept: Vec<Value> = numbers.iter().map(|number| all[*number].clone()).collect();
        kept.push(json!({"steps": steps.iter().map(|at| last[*at].clone()).collect::<Vec<_>>()}));
        document["test"] = kept.into();
        let file = PolicyFile::parse("p.json", &document.to_string());
        let policy = file.unwrap_or_else(|error| panic!("{error}")).into_policy();
        let guard = Guard::builder().policy(policy).unwrap().build().unwrap();
        let outcomes = tests::run(&guard, None);
        assert_eq!(outcomes.len(), numbers.len() + steps.len());
        for outcome in outcomes {
            assert!(
                outcome.failures.is_empty(),
                "{name} {}: {:?}",
                outcome.title(),
                outcome.failures
            );
        }
    }
}

/// What an operator of such tools writes: what is allowed, for each tool.
const ATTACKED: &str = r#"
default = "deny"
ghosts = "reject"

[[rule]]
id = "code"
effect = "allow"
tools = ["calculate", "math_eval"]
when = { any = [
    { "args.expression" = { regex = '[0-9a-z_ .,+*/()-]*', max_len = 200 }, not = { "args.expression" = { regex = '(.*[^a-z_])?(eval|exec|compile|getattr|parse_expr)[ ]*\(.*' } } },
    { "args.expression" = { regex = "[a-z]+\\['[a-z]+'\\]" } },
    { "args.expression" = { eq = "parse_expr(user_input, local_dict={})" } },
    { "args.items" = { regex = '\[("[a-z]*"(, )?)*\]' } },
] }

[[rule]]
id = "servers"
effect = "allow"
tools = ["register_server", "connect_mcp_server"]
when = { any = [
    { "args.server_package" = { eq = "mcp-calculate-server" }, "args.server_version" = { regex = '0\.(1\.[1-9][0-9]*|[2-9]\..*)' } },
    { "args.server_package" = { eq = "fastmcp" } },
    { "args.url" = { url = { scheme = "https", host = "api.example.com" } } },
    { "args.endpoint" = { url = { scheme = "https", host = "api.example.com" } } },
] }

[[rule]]
id = "run"
effect = "allow"
tools = ["run_mcp", "spawn_mcp"]
when = { any = [
    { "args.command" = { argv = { program = ["uvx", "node"], rest = "args" } } },
    { "args.args" = { argv = { program = ["uvx", "node"] } } },
] }

[[rule]]
id = "no-shell-words"
effect = "deny"
tools = ["run_mcp", "spawn_mcp"]
when = { "args.**" = { regex = '(.|\n)*[;|&`$<>\n](.|\n)*' } }
hint = "Words are passed on as they are; no shell reads them."

[[rule]]
id = "no-loader-variables"
effect = "deny"
tools = ["spawn_mcp"]
when = { "args.env" = { present = true } }

[[rule]]
id = "state"
effect = "allow"
tools = ["load_state"]
when = { any = [ { "args.data" = { type = "object" } }, { "args.config" = { regex = "[a-z0-9=-]*" } } ] }

[[rule]]
id = "text"
effect = "allow"
tools = ["describe", "ping", "generate_agent", "render_template"]
when = { not = { "args.**" = { contains = ['"""', "'''", '");'] } } }

[[rule]]
id = "transfer"
effect = "allow"
tools = ["transfer"]
when = { "args.amount" = { gt = 0, le = 1000 } }

[[rule]]
id = "read"
effect = "allow"
tools = ["read_file"]
when = { "args.path" = { glob = "reports/**" } }

[[rule]]
id = "fetch"
effect = "allow"
tools = ["fetch"]
when = { "args.url" = { url = { scheme = ["http", "https"] } } }

[[rule]]
id = "query"
effect = "allow"
tools = ["run_query"]
"#;

#[test]
fn labelled_arguments_are_judged_as_their_labels_say() {
    let Some(text) = shared::text("seed/cases.jsonl") else { return };
    let names = [
        "calculate",
        "math_eval",
        "register_server",
        "connect_mcp_server",
        "run_mcp",
        "spawn_mcp",
        "load_state",
        "describe",
        "ping",
        "generate_agent",
        "render_template",
        "read_file",
        "fetch",
        "run_query",
        "run_code",
        "run_python",
        "admin_execute",
    ];
    let policy = PolicyFile::parse("p.toml", ATTACKED).unwrap_or_else(|e| panic!("{e}"));
    let mut builder = Guard::builder().policy(policy.into_policy()).unwrap();
    for name in names {
        let input_schema = br#"{"type": "object"}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    let transfer = ToolDefinition {
        name: "transfer",
        input_schema: br#"{"type": "object", "additionalProperties": false, "required": ["amount"],
            "properties": {"account": {"type": "string"}, "amount": {"type": "integer"}}}"#,
        output_schema: None,
    };
    let guard = builder.tool(transfer).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if !matches!(case["category"].as_str(), Some("corpus:guard_args" | "corpus:vs_gateway")) {
            continue;
        }
        let arguments = case["input"]["args"].to_string();
        let tool = case["input"]["tool"].as_str().unwrap();
        let call = Call { tool, arguments: arguments.as_bytes(), ..Call::default() };
        let blocked = matches!(guard.check(&call, &mut scratch), Verdict::Refuse(_));
        checked += 1;
        if Some(blocked) != case["expected"]["block"].as_bool() {
            wrong.push(format!("{}: {}", case["id"], case["input"]));
        }
    }
    assert_eq!(checked, 65);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each of the servers that the recorded attacks were found against may be called with.
const FOUND: &str = r#"
[[rule]]
id = "kubectl"
effect = "allow"
tools = ["kubectl"]
when = { "args.**" = { regex = "[A-Za-z0-9][A-Za-z0-9.-]*" } }

[[rule]]
id = "repository"
effect = "allow"
tools = ["repository"]
when = { "args.repo_path" = { under = ["/tmp"], regex = "[A-Za-z0-9/._-]+" } }

[[rule]]
id = "launch"
effect = "allow"
tools = ["launch"]
when = { "args.argv" = { argv = { program = ["uvx", "npx"] } }, "args.argv[]" = { regex = "[A-Za-z0-9@/._=-]+" } }
"#;

/// Found attacks on single arguments. The others of their kind are not about a call: addresses that a
/// server binds to, entries of a client's configuration, and a policy that is changed under its guard, which
/// is immutable here. Nor is there a counterpart for the recorded search for serialised objects of Python.
#[test]
fn attacks_that_were_found_are_refused() {
    let Some(text) = shared::text("seed/cases.jsonl") else { return };
    let policy = PolicyFile::parse("p.toml", FOUND).unwrap_or_else(|e| panic!("{e}"));
    let mut builder = Guard::builder().policy(policy.into_policy()).unwrap();
    for name in ["kubectl", "repository", "launch"] {
        let input_schema = br#"{"type": "object"}"#;
        builder = builder.tool(ToolDefinition { name, input_schema, output_schema: None }).unwrap();
    }
    let guard = builder.build().unwrap();
    let mut scratch = guard.scratch();
    let mut is_refused = |tool: &str, arguments: &Value| {
        let arguments = arguments.to_string();
        let call = Call { tool, arguments: arguments.as_bytes(), ..Call::default() };
        matches!(guard.check(&call, &mut scratch), Verdict::Refuse(_))
    };
    for (tool, arguments) in [
        ("kubectl", json!({"namespace": "kube-system", "localPort": "8080"})),
        ("repository", json!({"repo_path": "/tmp/repo-1/src"})),
        ("launch", json!({"argv": ["uvx", "mcp-server-git", "--repository=/srv/x"]})),
    ] {
        assert!(!is_refused(tool, &arguments), "{tool} {arguments}");
    }
    let mut checked = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let input = &case["input"];
        if case["category"] != "corpus:cve_fixture" || input["mutation_type"].is_string() {
            continue;
        }
        let (tool, arguments) = match (input["field"].as_str(), input.get("argv")) {
            (Some("repo_path"), _) => ("repository", json!({"repo_path": input["value"]})),
            (Some(field), _) => ("kubectl", json!({field: input["value"]})),
            (_, Some(argv)) => ("launch", json!({"argv": argv})),
            _ => continue,
        };
        checked += 1;
        assert_eq!(is_refused(tool, &arguments), case["expected"]["block"], "{}", case["id"]);
    }
    assert_eq!(checked, 19);
}
