//! Invariants over random policies, and the definition as an oracle.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::super::{Decision, Policy};
use super::policy;
use crate::caller::Caller;
use crate::glob::{self, Case};
use crate::reason::Reason;

const ROLES: [&str; 3] = ["x", "y", "z"];

#[derive(Clone, Debug)]
struct RandomRule {
    deny: bool,
    tools: Vec<String>,
    roles: Vec<&'static str>,
    except: Vec<&'static str>,
    agents: Vec<String>,
}

impl RandomRule {
    fn json(&self, id: usize) -> String {
        let effect = if self.deny { "deny" } else { "allow" };
        let mut text = format!(r#"{{"id": "r{id}", "effect": "{effect}""#);
        let roles = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (key, list) in [
            ("tools", &self.tools),
            ("roles", &roles(&self.roles)),
            ("except_roles", &roles(&self.except)),
            ("agents", &self.agents),
        ] {
            if !list.is_empty() {
                text += &format!(r#", "{key}": {list:?}"#);
            }
        }
        text + "}"
    }

    /// `None` is unknown.
    fn is_about(&self, caller: &Caller<'_>) -> Option<bool> {
        let known = caller.agent.is_some() || !caller.roles.is_empty();
        let has = |list: &[&str]| list.iter().any(|role| caller.roles.contains(role));
        let case = if self.deny { Case::Fold } else { Case::Exact };
        let parts = [
            (!self.roles.is_empty()).then(|| known.then(|| has(&self.roles))),
            (!self.except.is_empty()).then(|| known.then(|| !has(&self.except))),
            (!self.agents.is_empty()).then(|| {
                let covers = |agent| self.agents.iter().any(|p| glob::matches(p, agent, case));
                caller.agent.map(covers)
            }),
        ];
        let parts: Vec<Option<bool>> = parts.into_iter().flatten().collect();
        if parts.contains(&Some(false)) {
            return Some(false);
        }
        if parts.contains(&None) { None } else { Some(true) }
    }

    fn names(&self, tool: &str) -> bool {
        let case = if self.deny { Case::Fold } else { Case::Exact };
        self.tools.iter().any(|pattern| glob::matches(pattern, tool, case))
    }
}

/// The rules of precedence, spelt out over all rules.
fn oracle(rules: &[RandomRule], tool: &str, caller: &Caller<'_>) -> Result<usize, Reason> {
    let named = || rules.iter().enumerate().filter(|(_, rule)| rule.names(tool));
    if named().any(|(_, rule)| rule.deny && rule.is_about(caller) != Some(false)) {
        return Err(Reason::ToolDenied);
    }
    let allows: Vec<_> = named()
        .filter(|(_, rule)| !rule.deny)
        .map(|(i, rule)| (i, rule.is_about(caller)))
        .collect();
    if let Some((rule, _)) = allows.iter().find(|(_, about)| *about == Some(true)) {
        return Ok(*rule);
    }
    Err(match allows.iter().map(|(_, about)| *about).collect::<Vec<_>>() {
        all if all.is_empty() => Reason::ToolNotAllowed,
        all if all.contains(&None) => Reason::IdentityRequired,
        _ => Reason::RoleDenied,
    })
}

fn compile(rules: &[RandomRule]) -> Policy {
    let rules: Vec<String> = rules.iter().enumerate().map(|(id, rule)| rule.json(id)).collect();
    policy(&format!(r#"{{"rule": [{}]}}"#, rules.join(",")))
}

/// A decision without the name of the rule.
fn effect(policy: &Policy, tool: &str, caller: &Caller<'_>) -> Result<(), Reason> {
    match policy.decide(tool, caller) {
        Decision::Allow { .. } => Ok(()),
        Decision::Refuse { reason, .. } => Err(reason),
    }
}

fn subset() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(&ROLES[..], 0..=2)
}

fn rule() -> impl Strategy<Value = RandomRule> {
    (
        any::<bool>(),
        prop::collection::vec("[abA*?]{1,3}", 1..3),
        subset(),
        subset(),
        prop::collection::vec("[ab*]{1,2}", 0..2),
    )
        .prop_map(|(deny, tools, roles, except, agents)| RandomRule {
            deny,
            tools,
            roles,
            except,
            agents,
        })
}

fn caller() -> impl Strategy<Value = (Option<String>, Vec<&'static str>)> {
    (prop::option::of("[abA]{1,2}"), subset())
}

proptest! {
    #[test]
    fn decides_as_defined(
        rules in prop::collection::vec(rule(), 0..8),
        tool in "[abA]{0,3}",
        (agent, roles) in caller(),
    ) {
        let caller = Caller { agent: agent.as_deref(), roles: &roles, tenant: None };
        let policy = compile(&rules);
        let found = match policy.decide(&tool, &caller) {
            Decision::Allow { rule } => Ok(rule.unwrap().id[1..].parse::<usize>().unwrap()),
            Decision::Refuse { reason, .. } => Err(reason),
        };
        prop_assert_eq!(found, oracle(&rules, &tool, &caller));
    }

    #[test]
    fn the_order_of_rules_changes_nothing(
        (rules, shuffled) in prop::collection::vec(rule(), 0..8)
            .prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        tool in "[abA]{0,3}",
        (agent, roles) in caller(),
    ) {
        let caller = Caller { agent: agent.as_deref(), roles: &roles, tenant: None };
        prop_assert_eq!(
            effect(&compile(&rules), &tool, &caller),
            effect(&compile(&shuffled), &tool, &caller)
        );
    }

    #[test]
    fn another_deny_rule_never_turns_a_refusal_into_an_allowance(
        rules in prop::collection::vec(rule(), 0..8),
        mut more in rule(),
        tool in "[abA]{0,3}",
        (agent, roles) in caller(),
    ) {
        more.deny = true;
        let caller = Caller { agent: agent.as_deref(), roles: &roles, tenant: None };
        let before = effect(&compile(&rules), &tool, &caller);
        let with: Vec<_> = rules.iter().cloned().chain([more]).collect();
        let after = effect(&compile(&with), &tool, &caller);
        prop_assert!(before.is_ok() || after.is_err(), "{before:?} {after:?}");
    }

    #[test]
    fn one_who_hides_gains_nothing(
        rules in prop::collection::vec(rule(), 0..8),
        tool in "[abA]{0,3}",
        (agent, roles) in caller(),
    ) {
        let policy = compile(&rules);
        let known = Caller { agent: agent.as_deref(), roles: &roles, tenant: None };
        let hidden = Caller { agent: None, roles: &[], tenant: None };
        let (known, hidden) = (effect(&policy, &tool, &known), effect(&policy, &tool, &hidden));
        prop_assert!(known.is_ok() || hidden.is_err(), "{known:?} {hidden:?}");
    }

    #[test]
    fn no_document_panics(text in "[\\[\\]{}\":,a-z_0-9 ]{0,60}") {
        let _ = Policy::from_json(&text);
    }
}
