//! The recorded cases of the original, area rate: its notation of rates, and what is told of a wait.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../core/tests/support/shared.rs"]
mod shared;

use airlock::policy::Policy;
use serde_json::{Value, json};

/// Cases that differ, by the end of their ids, and why.
const DIFFERENT: &[(&str, &[&str])] = &[
    ("a rate of nothing is an error: who wants none denies the tool", &["#00840", "#01312"]),
    ("words of the notation are spelt in one way", &["#01314", "#01315", "#01316"]),
];

/// What is wrong with the case, if anything; none also for what has no counterpart.
fn fault(input: &Value, expected: &Value) -> Option<String> {
    let rate = input["limit_str"].as_str()?;
    let document = json!({ "rate_limits": { "*": rate } }).to_string();
    match (Policy::from_json(&document), expected["max_tokens"].as_u64()) {
        (Err(_), None) => None,
        (Ok(_), None) => Some(format!("{rate:?} is read")),
        (Err(error), Some(_)) => Some(format!("{rate:?} is not read: {error}")),
        (Ok(policy), Some(count)) => {
            let limit = policy.limits().next()?;
            let period = expected["period_s"].as_f64()? * 1000.0;
            let same = u64::from(limit.count) == count
                && u64::from(limit.burst) == count
                && limit.period_ms as f64 == period;
            (!same).then(|| format!("{rate:?} became {limit:?}"))
        }
    }
}

#[test]
fn the_recorded_cases() {
    let Some(cases) = shared::lines("seed/cases.jsonl") else { return };
    let (mut faults, mut checked) = (Vec::new(), 0);
    for case in cases {
        if case["area"] != "rate" {
            continue;
        }
        checked += u32::from(case["input"]["limit_str"].is_string());
        let id = case["id"].as_str().unwrap();
        let listed = DIFFERENT.iter().any(|(_, ids)| ids.iter().any(|end| id.ends_with(end)));
        match fault(&case["input"], &case["expected"]) {
            Some(fault) if !listed => faults.push(format!("{id}: {fault}")),
            None if listed => faults.push(format!("{id} is listed and agrees")),
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked >= 30, "only {checked} cases are usable");
}
