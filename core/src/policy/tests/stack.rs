//! Policies in a stack.

use std::string::ToString;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::{Disclose, Ghosts, Policy, UnknownTool};
use super::invariants::{arguments, compile, decide, effect, rule};
use super::{NOBODY, policy};
use crate::caller::{Call, Caller};
use crate::catalog::{Catalog, Origin, ToolDefinition};
use crate::guard::{Guard, Output, Verdict};

fn stack(documents: &[&str]) -> Policy {
    let mut policies = documents.iter().map(|document| policy(document));
    let first = policies.next().unwrap();
    policies.fold(first, |upper, lower| upper.narrowed_by(lower).unwrap())
}

fn rank(effect: &str) -> u8 {
    match effect {
        "allow" => 0,
        "approval_required" => 1,
        _ => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The strictest of the policies decides, and no other: whatever a lower one says, it allows
    /// nothing that a higher one refuses, and the reverse.
    #[test]
    fn a_stack_is_as_strict_as_its_strictest_policy(
        layers in prop::collection::vec(prop::collection::vec(rule(), 0..5), 1..4),
        defaults in prop::collection::vec(prop::sample::select(vec!["allow", "deny"]), 3),
        arguments in arguments(),
        roles in prop::sample::subsequence(&["x"][..], 0..=1),
    ) {
        let policies = || layers.iter().zip(&defaults).map(|(rules, default)| compile(rules, default));
        let alone: Vec<_> = policies().map(|policy| decide(&policy, &arguments, &roles)).collect();
        let mut all = policies();
        let first = all.next().unwrap();
        let stacked = all.fold(first, |upper, lower| upper.narrowed_by(lower).unwrap());
        let together = decide(&stacked, &arguments, &roles);
        let strictest = alone.iter().map(|decision| rank(effect(decision))).max().unwrap();
        prop_assert_eq!(rank(effect(&together)), strictest, "{} of {:?}", &together, alone);
        // By name alone the same holds.
        let caller = Caller { agent: Some("bob"), roles: &roles, tenant: None };
        let named = policies().all(|policy| policy.decide("t", &caller).is_allow());
        prop_assert_eq!(stacked.decide("t", &caller).is_allow(), named);
    }
}

#[test]
fn a_decision_names_the_policy_that_made_it() {
    let upper = r#"{"default": "allow", "rule": [{"id": "a", "effect": "deny", "tools": "x"}]}"#;
    let lower = r#"{"default": "allow", "rule": [{"id": "b", "effect": "deny", "tools": ["x", "y"], "when": {"args.n": {"gt": 1}}}]}"#;
    let policy = stack(&[upper, r#"{"default": "allow"}"#, lower]);
    assert_eq!(policy.depth(), 3);
    let builder = Guard::builder().policy(policy).unwrap();
    let tool = |name| ToolDefinition { name, input_schema: b"{}", output_schema: None };
    let guard = builder.tool(tool("x")).unwrap().tool(tool("y")).unwrap().build().unwrap();
    let mut catalog = Catalog::builder(Origin::Trusted);
    for name in ["x", "y"] {
        catalog.tool(tool(name)).unwrap();
    }
    let catalog = catalog.build();
    let mut scratch = guard.scratch();
    let mut explain = |tool, arguments: &str| {
        let call = Call { tool, arguments: arguments.as_bytes(), ..Call::default() };
        let found = guard.explain(&catalog, &call, None, None, &mut scratch);
        let rule = found.rule.map(|rule| (rule.id.to_string(), rule.layer));
        (found.effect(), rule, found.at, found.rules.len())
    };
    assert_eq!(explain("x", "{}"), ("deny", Some(("a".into(), 0)), None, 2));
    let missing = Some("/n".to_string());
    assert_eq!(explain("y", "{}"), ("deny", Some(("b".into(), 2)), missing, 1));
    assert_eq!(explain("y", r#"{"n": 1}"#), ("allow", None, None, 1));
}

#[test]
fn limits_of_all_apply_and_have_different_names() {
    let policy = stack(&[
        r#"{"rate_limits": {"*": "10/hour"}}"#,
        r#"{"default": "allow", "rate_limits": {"*": "5/hour", "w*": "1/hour"}, "limit": [{"id": "k", "tools": "W?", "rate": "2/1m", "key": ["args.a", "tenant"]}]}"#,
    ]);
    let ids: Vec<_> = policy.limits().map(|limit| limit.id).collect();
    assert_eq!(ids, ["rate_limits.\"*\"", "k", "rate_limits.\"*\"@2", "rate_limits.\"w*\""]);
    let builder = Guard::builder().policy(policy).unwrap();
    let tool = ToolDefinition { name: "w1", input_schema: b"{}", output_schema: None };
    let guard = builder.tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let call = Call {
        tool: "w1",
        arguments: br#"{"a": 7}"#,
        caller: Caller { agent: Some("bob"), roles: &[], tenant: Some("acme") },
        ..Call::default()
    };
    let Verdict::Allow(allowed) = guard.check(&call, &mut scratch) else { panic!("it is allowed") };
    let charges: Vec<_> = allowed
        .charges()
        .map(|charge| {
            (charge.limit.id, core::str::from_utf8(charge.key).unwrap(), charge.limit.count)
        })
        .collect();
    let expected = [
        ("rate_limits.\"*\"", "3:bob,", 10),
        ("k", "n7,4:acme,", 2),
        ("rate_limits.\"*\"@2", "3:bob,", 5),
        ("rate_limits.\"w*\"", "3:bob,", 1),
    ];
    assert_eq!(charges, expected);
}

#[test]
fn outputs_are_masked_by_all_and_cut_by_the_tightest() {
    let guard =
        |documents: &[&str]| Guard::builder().policy(stack(documents)).unwrap().build().unwrap();
    let card = ["4111", "1111", "1111", "1111"].concat();
    let text = std::format!("mail a@example.com card {card} and more of it");
    let upper = r#"{"output": {"*": {"mask": ["pii.core.credit_card"], "max_chars": 60}, "r*": {"mask": []}}}"#;
    let lower =
        r#"{"output": {"*": {"mask": []}, "read": {"mask": ["pii.core.email"], "max_lines": 1}}}"#;
    for documents in [[upper, lower], [lower, upper]] {
        let guard = guard(&documents);
        let mut scratch = guard.scratch();
        let mut masked = |tool: &str| {
            let shown = guard.filter(tool, Output::Text(text.as_bytes()), &mut scratch).unwrap();
            let shown = core::str::from_utf8(shown.bytes).unwrap();
            (shown.contains("a@example.com"), shown.contains(&card))
        };
        assert_eq!(masked("read"), (false, true), "{documents:?}");
        assert_eq!(masked("rest"), (true, true), "{documents:?}");
        assert_eq!(masked("other"), (true, false), "{documents:?}");
        let output = guard.policy().output("read");
        assert_eq!((output.max_chars, output.max_lines), (Some(60), Some(1)));
    }
}

#[test]
fn of_every_switch_the_stricter_position_counts() {
    let upper = r#"{"ghosts": "allow", "near_miss": "strip", "repair": ["json-string"], "disclose": "full", "unknown_tool": "forward", "empty_properties": "open"}"#;
    let lower = r#"{"ghosts": "reject", "near_miss": "refuse", "disclose": "opaque", "unknown_tool": "refuse", "hide": true, "empty_properties": "closed", "preset": "strict"}"#;
    for documents in [[upper, lower], [lower, upper]] {
        let stacked = stack(&documents);
        let settings = stacked.settings();
        assert_eq!(settings.ghosts, Ghosts::Reject);
        assert_eq!(settings.disclose, Disclose::Opaque);
        assert_eq!(settings.unknown_tool, UnknownTool::Refuse);
        assert!(settings.hide && settings.needs_audit && !stacked.repair("x").json_string);
        // `strict` wants the name of the agent, from above and from below.
        assert!(!stacked.decide("x", &NOBODY).is_allow());
        assert!(!stacked.admits_spelling("a:b"));
    }
}

#[test]
fn what_cannot_be_narrowed_belongs_into_the_first_policy() {
    let refused = |lower: &str| {
        let error = policy("{}").narrowed_by(policy(lower)).unwrap_err();
        assert_eq!(error.layer, 1);
        error.to_string()
    };
    for (document, words) in [
        (r#"{"agents": {"bob": {"roles": "admin"}}}"#, "agents: only the first policy"),
        (r#"{"audit": {"path": "a"}}"#, "audit: only the first policy"),
        (r#"{"store": {}}"#, "store: only the first policy"),
        (r#"{"output": {"*": {"style": "partial"}}}"#, "output: only the first policy"),
        (r#"{"output": {"*": {"allow": "value:x"}}}"#, "output: only the first policy"),
        (r#"{"output": {"*": {"keep": "tail"}}}"#, "output: only the first policy"),
        (r#"{"mode": "shadow"}"#, "as a whole or not at all"),
    ] {
        let error = refused(document);
        assert!(error.contains(words), "{error}");
    }
    let eight = (0..7).fold(policy("{}"), |upper, _| upper.narrowed_by(policy("{}")).unwrap());
    assert!(eight.narrowed_by(policy("{}")).is_err());
    assert!(policy("{}").narrowed_by(stack(&["{}", "{}"])).is_err());
}
