//! Judgements on URLs, paths, times and arguments that the Python program recorded, or that come with
//! labels of their own.
//!
//! Each case is put into a policy as its operator would write it. Those that do not agree are listed
//! with the reason; nothing else may differ.

use std::format;
use std::path::{Path, PathBuf};
use std::println;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use serde_json::{Value, json};

use super::super::Policy;
use super::super::time::read_moment;
use super::conditions::judge;
use super::policy;
use crate::caller::Call;

/// Cases that do not agree, and why.
const DEVIATIONS: &[(&str, &str)] = &[
    ("00634", "a host of one label is a name of the site: only admitted when it is spelt out"),
    ("00931", "depth of paths is no condition here"),
    ("00940", "depth of paths is no condition here"),
    ("00932", "nothing is looked up in a file system"),
    ("00933", "a relative path is below no root: the guard does not know where the server stands"),
    ("00945", "a deny pattern covers every case of its letters"),
    ("00040", "windows are half open"),
    ("01265", "windows are half open"),
    ("01273", "windows are half open"),
    ("01277", "windows are half open"),
    ("01281", "windows are half open"),
    ("01298", "windows are half open"),
    ("01303", "windows are half open"),
    ("01283", "a window that ends when it begins is never open, so it is an error"),
    ("01284", "a window that ends when it begins is never open, so it is an error"),
];

fn cases(keep: impl Fn(&str) -> bool) -> Option<Vec<Value>> {
    let shared = std::env::var_os("AIRLOCK_SHARED").map(PathBuf::from).or_else(|| {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.map(|folder| folder.join("shared")).find(|shared| shared.join("data").is_dir())
    });
    let Some(text) =
        shared.and_then(|s| std::fs::read_to_string(s.join("data/seed/cases.jsonl")).ok())
    else {
        println!("SKIPPED: shared/data/seed/cases.jsonl is not here");
        return None;
    };
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    Some(all.filter(|case| keep(case["category"].as_str().unwrap())).collect())
}

/// Compares what was found with what is expected, but for the known deviations.
fn compare(case: &Value, allowed: bool, expected: bool, wrong: &mut Vec<String>) {
    let id = case["id"].as_str().unwrap();
    let known = DEVIATIONS.iter().any(|(deviation, _)| id.ends_with(deviation));
    if (allowed == expected) == known {
        wrong.push(format!("{id}: allowed {allowed}, expected {expected}: {}", case["input"]));
    }
}

fn finish(checked: usize, least: usize, wrong: &[String]) {
    println!("{checked} recorded judgements");
    assert!(checked >= least, "only {checked} cases are usable");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|item| item.as_str().map(ToString::to_string)).collect()
}

/// Whether a policy lets the tool `t` have `value`.
fn allows(policy: &Policy, value: &str) -> bool {
    let arguments = json!({ "v": value }).to_string();
    judge(policy, &Call { tool: "t", arguments: arguments.as_bytes(), ..Call::default() })
        .starts_with("allow")
}

fn rules(rules: &[Value]) -> Policy {
    policy(&json!({ "rule": rules }).to_string())
}

fn rule(id: &str, effect: &str, test: Value) -> Value {
    json!({"id": id, "effect": effect, "tools": "t", "when": {"args.v": test}})
}

#[test]
fn urls() {
    let names = [
        "SafeURLValidator",
        "validate_endpoint",
        "SSRFEgressGuard.check_url",
        "_is_host_allowed",
        "_is_port_allowed",
        "_is_private_ip",
    ];
    let Some(cases) = cases(|category| names.iter().any(|name| category.ends_with(name))) else {
        return;
    };
    let mut wrong = Vec::new();
    for case in &cases {
        let (category, input) = (case["category"].as_str().unwrap(), &case["input"]);
        let mut url = json!({"scheme": ["http", "https"]});
        let mut all = Vec::new();
        let (value, expected);
        let returned = &case["expected"]["returns"];
        if category.ends_with("SafeURLValidator") {
            url["scheme"] = input["guard"]["allowed_schemes"].clone();
            if input["guard"]["allowed_hosts"].is_array() {
                url["host"] = input["guard"]["allowed_hosts"].clone();
            }
            value = input["value"].as_str().unwrap_or("").to_string();
            expected = case["expected"]["allowed"] == true;
        } else if category.ends_with("validate_endpoint") {
            let options = &input["policy"];
            if !strings(&options["allowed_endpoints"]).is_empty() {
                url["host"] = options["allowed_endpoints"].clone();
            }
            let mut classes = vec!["public"];
            if options["allow_private_ips"] == true {
                classes.extend(["private", "loopback", "link_local"]);
            }
            if options["allow_metadata_urls"] == true {
                classes.push("metadata");
            }
            url["address"] = json!(classes);
            let blocked = strings(&options["blocked_patterns"]);
            if !blocked.is_empty() {
                all.push(rule("blocked", "deny", json!({"url": {"host": blocked}})));
            }
            value = input["url"].as_str().unwrap().to_string();
            expected = case["expected"]["allowed"] == true;
        } else if category.ends_with("check_url") {
            let hosts = strings(&input["guard"]["_allow_hosts"]);
            if !hosts.is_empty() {
                all.push(rule("listed", "allow", json!({"url": {"host": hosts}})));
            }
            value = input["url"].as_str().unwrap().to_string();
            expected = returned["allowed"] == true;
        } else if category.ends_with("_is_private_ip") {
            all.push(rule(
                "private",
                "deny",
                json!({"url": {"address":
                ["private", "loopback", "link_local", "metadata", "reserved"]}}),
            ));
            url = json!({"scheme": "http", "address":
                ["public", "private", "loopback", "link_local", "metadata", "reserved"]});
            value = format!("http://[{}]/", input["hostname"].as_str().unwrap());
            expected = *returned == json!(false);
        } else {
            let hosts = strings(&input["policy"]["allowed_hosts"]);
            if input["policy"]["allow_egress"] == false {
                continue;
            }
            if !hosts.is_empty() && input["host"].is_string() {
                url["host"] = json!(hosts);
            }
            let ports = input["policy"]["allowed_ports"].clone();
            if input["port"].is_number() && ports.as_array().is_some_and(|ports| !ports.is_empty())
            {
                url["port"] = ports;
            }
            let host = input["host"].as_str().unwrap_or("example.com");
            let port = input["port"].as_u64().map(|port| format!(":{port}")).unwrap_or_default();
            value = format!("http://{host}{port}/");
            expected = *returned == json!(true);
        }
        all.push(rule("allow", "allow", json!({ "url": url })));
        compare(case, allows(&rules(&all), &value), expected, &mut wrong);
    }
    finish(cases.len(), 120, &wrong);
}

#[test]
fn paths() {
    let names = ["SafePathValidator", "filesystem.validate_path"];
    let Some(cases) = cases(|category| names.iter().any(|name| category.ends_with(name))) else {
        return;
    };
    let mut wrong = Vec::new();
    for case in &cases {
        let text = case.to_string().replace("$ROOT", "/srv/root");
        let Value::Object(case) = serde_json::from_str(&text).unwrap() else { panic!("an object") };
        let case = Value::Object(case);
        let input = &case["input"];
        let safe = case["category"].as_str().unwrap().ends_with("SafePathValidator");
        let options = if safe { &input["guard"] } else { &input["policy"] };
        let roots = if safe {
            input["guard"]["root_dir"].as_str().map(ToString::to_string).into_iter().collect()
        } else {
            strings(&options["allowed_roots"])
        };
        // There a star crosses slashes and a pattern without one is about the last name.
        let glob = |pattern: &String| {
            let pattern = pattern.replace("**", "*").replace('*', "**");
            if pattern.contains('/') { pattern } else { format!("**/{pattern}") }
        };
        let mut globs: Vec<String> = strings(&options["deny_patterns"]).iter().map(glob).collect();
        if safe && !globs.is_empty() {
            globs.extend(["..", "../**", "**/..", "**/../**", "~**"].map(ToString::to_string));
        }
        let mut all = Vec::new();
        if !globs.is_empty() {
            all.push(rule("hidden", "deny", json!({ "glob": globs })));
        }
        let test =
            if roots.is_empty() { json!({"type": "string"}) } else { json!({ "under": roots }) };
        all.push(rule("allow", "allow", test));
        let value = input["value"].as_str().or(input["path"].as_str()).unwrap();
        let expected = case["expected"]["allowed"] == true;
        compare(&case, allows(&rules(&all), value), expected, &mut wrong);
    }
    finish(cases.len(), 39, &wrong);
}

#[test]
fn times() {
    let Some(cases) = cases(|category| category.contains("TimeWindow.")) else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let input = &case["input"];
        let window = input["window"].as_str().or(input["window_str"].as_str()).unwrap();
        let document = json!({"time_restrictions": {"t": window}}).to_string();
        let compiled = Policy::from_json(&document);
        let Some(moment) = input["dt"].as_str() else {
            let expected = case["expected"]["raises"].is_null();
            compare(case, compiled.is_ok(), expected, &mut wrong);
            continue;
        };
        let Ok(policy) = compiled else {
            compare(case, false, case["expected"]["returns"] == true, &mut wrong);
            continue;
        };
        let now = read_moment(&format!("{moment}Z"));
        assert!(now.is_some(), "{moment}");
        let call = Call { tool: "t", arguments: b"{}", now, ..Call::default() };
        let allowed = judge(&policy, &call).starts_with("allow");
        compare(case, allowed, case["expected"]["returns"] == true, &mut wrong);
    }
    finish(cases.len(), 66, &wrong);
}
