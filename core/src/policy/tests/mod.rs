//! Tests of policies as a whole, from document to decision.

mod conditions;
mod decisions;
mod documents;
mod invariants;
mod properties;
mod seed;
mod seed_arguments;
mod session;
mod stack;

use std::string::{String, ToString};

use super::{Decision, Policy, PolicyError};
use crate::caller::Caller;

const NOBODY: Caller<'_> = Caller { agent: None, roles: &[], tenant: None };

fn policy(json: &str) -> Policy {
    Policy::from_json(json).unwrap_or_else(|error| panic!("{error}\n{json}"))
}

fn error(json: &str) -> PolicyError {
    Policy::from_json(json).map(drop).expect_err(json)
}

/// The decision in one word: the rule that allowed, or the reason for a refusal.
fn decide(policy: &Policy, tool: &str, caller: &Caller<'_>) -> String {
    match policy.decide(tool, caller) {
        Decision::Allow { rule } => std::format!("allow {}", rule.map_or("default", |r| r.id)),
        Decision::Refuse { reason, .. } => reason.name().to_string(),
    }
}
