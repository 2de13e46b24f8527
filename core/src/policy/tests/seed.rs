//! Decisions that the Python program this one descends from recorded in its own tests.
//!
//! Used: every policy check that was allowed or was refused by name or identity, with the keys that
//! exist here (the others could only have refused more), and the labelled cases of least privilege.
//! Left out, until the keys exist: refusals by time, rate, approval and capability. Deviations
//! among the cases used: none but the names of reasons. Known ones that no case shows: an empty
//! `allowed_tools` allows nothing here (there: everything), a caller without identity does not pass
//! `allowed_roles` (there: it does), deny patterns ignore ASCII case, character classes in patterns
//! are refused, and a name that is denied is told so before identity is asked for.

use std::path::{Path, PathBuf};
use std::println;
use std::string::{String, ToString};
use std::vec::Vec;

use serde_json::{Map, Value, json};

use super::{NOBODY, decide, policy};
use crate::caller::Caller;

fn cases() -> Option<String> {
    let shared = std::env::var_os("AIRLOCK_SHARED").map(PathBuf::from).or_else(|| {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.map(|folder| folder.join("shared")).find(|shared| shared.join("data").is_dir())
    });
    std::fs::read_to_string(shared?.join("data/seed/cases.jsonl")).ok()
}

/// The part of the recorded policy that exists here, in our terms.
fn translate(recorded: &Map<String, Value>) -> Value {
    let mut document = Map::new();
    for (key, value) in recorded {
        // Empty lists are recorded for keys that were not given.
        let is_list = value.as_array().is_some_and(|list| !list.is_empty());
        match key.as_str() {
            "allowed_tools" | "denied_tools" | "allowed_roles" if is_list => {
                document.insert(key.clone(), value.clone());
            }
            "require_agent_id" => {
                document.insert(key.clone(), value.clone());
            }
            "default_deny" if *value == json!(true) => {
                document.insert("default".to_string(), json!("deny"));
            }
            _ => {}
        }
    }
    Value::Object(document)
}

#[test]
fn recorded_policy_checks_agree() {
    let Some(text) = cases() else {
        println!("SKIPPED: shared/data/seed/cases.jsonl is not here");
        return;
    };
    let (mut checked, mut left_out) = (0, 0);
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let category = case["category"].as_str().unwrap();
        if !category.ends_with("policy.SecurityPolicy.check") {
            continue;
        }
        let input = &case["input"];
        let expected = match case["expected"]["violation_type"].as_str() {
            None => "allow",
            Some("agent_required") => "identity_required",
            Some("role_required") => "role_denied",
            Some(same @ ("tool_denied" | "tool_not_allowed")) => same,
            Some(_) => {
                left_out += 1;
                continue;
            }
        };
        let document = translate(input["policy"].as_object().unwrap());
        let roles = input["agent"]["roles"].as_array().cloned().unwrap_or_default();
        let roles: Vec<&str> = roles.iter().filter_map(Value::as_str).collect();
        let agent = input["agent"]["agent_id"].as_str();
        let caller = Caller { agent, roles: &roles, tenant: None };
        let found =
            decide(&policy(&document.to_string()), input["tool"].as_str().unwrap(), &caller);
        assert_eq!(found.split(' ').next(), Some(expected), "{}", case["id"]);
        checked += 1;
    }
    println!("{checked} recorded checks agree, {left_out} need what does not exist yet");
    assert!(checked >= 90, "only {checked} cases are usable");
}

#[test]
fn labelled_cases_of_least_privilege_agree() {
    let Some(text) = cases() else {
        println!("SKIPPED: shared/data/seed/cases.jsonl is not here");
        return;
    };
    let mut checked = 0;
    for line in text.lines().filter(|line| line.contains("corpus:least_privilege")) {
        let case: Value = serde_json::from_str(line).unwrap();
        let document = json!({ "allowed_tools": case["input"]["allowed_tools"] });
        let found = decide(
            &policy(&document.to_string()),
            case["input"]["tool"].as_str().unwrap(),
            &NOBODY,
        );
        let blocked = !found.starts_with("allow");
        assert_eq!(Some(blocked), case["expected"]["block"].as_bool(), "{}", case["id"]);
        checked += 1;
    }
    assert_eq!(checked, 10);
}
