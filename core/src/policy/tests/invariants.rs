//! Invariants of conditions over random policies and calls.

use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::tree::Tree;
use super::super::{OnlyUtc, Policy, Sql, SqlTable, SqlText};
use super::conditions::judge;
use crate::caller::{Call, Caller};

#[derive(Clone, Debug)]
pub(super) struct RandomRule {
    effect: &'static str,
    tools: &'static str,
    roles: Option<&'static str>,
    when: Option<Value>,
    skip: bool,
}

impl RandomRule {
    fn json(&self, id: usize) -> Value {
        let mut rule = json!({"id": format!("r{id}"), "effect": self.effect, "tools": self.tools});
        let mut set = |key: &str, value: Value| {
            rule.as_object_mut().unwrap().insert(key.to_string(), value);
        };
        if let Some(role) = self.roles {
            set("roles", json!([role]));
        }
        if let Some(when) = &self.when {
            set("when", when.clone());
        }
        if self.skip && self.effect == "deny" {
            set("missing", json!("skip"));
        }
        rule
    }
}

/// A condition on one argument; none asks for presence itself.
fn leaf() -> impl Strategy<Value = Value> {
    let target = prop::sample::select(vec!["args.a", "args.b", "args.c[]", "args.a.b", "@kind"]);
    let test = prop::sample::select(vec![
        json!({"eq": "x"}),
        json!({"ne": "x"}),
        json!({"in": ["x", 1, true]}),
        json!({"not_in": ["x", "y"]}),
        json!({"gt": 1}),
        json!({"le": "1.5"}),
        json!({"prefix": "x"}),
        json!({"contains": ["y", "x"]}),
        json!({"glob": "/w/**"}),
        json!({"under": "/w"}),
        json!({"type": ["string", "null"]}),
        json!({"max_len": 1}),
        json!({"regex": "x*"}),
        json!({"eq_ctx": "agent"}),
        json!({"url": {"host": "x.test"}}),
        json!({"argv": {"program": "x"}}),
        json!({"subset": ["x"], "each": "any"}),
        json!({"verbs": ["drop"]}),
        json!({"verbs_only": ["select"], "single": true}),
        json!({"tables_only": ["x"], "sql": "words"}),
        json!({"tables_any": ["x"]}),
    ]);
    (target, test).prop_map(|(target, test)| json!({ target: test }))
}

fn merged(parts: Vec<Value>) -> Value {
    let parts = parts.into_iter().filter_map(|part| part.as_object().cloned());
    Value::Object(parts.flatten().collect::<Map<_, _>>())
}

fn when() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(merged),
            inner.clone().prop_map(|part| json!({ "not": part })),
            prop::collection::vec(inner, 1..3).prop_map(|parts| json!({ "any": parts })),
        ]
    })
}

pub(super) fn rule() -> impl Strategy<Value = RandomRule> {
    (
        prop::sample::select(vec!["allow", "ask", "deny", "deny"]),
        prop::sample::select(vec!["t", "*", "t*", "u"]),
        prop::option::weighted(0.3, Just("x")),
        prop::option::weighted(0.9, when()),
        any::<bool>(),
    )
        .prop_map(|(effect, tools, roles, when, skip)| RandomRule {
            effect,
            tools,
            roles,
            when,
            skip,
        })
}

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!("x"),
        json!("X"),
        json!("y"),
        json!("bob"),
        json!("select x"),
        json!("drop y"),
        json!("/w/x"),
        json!("/W/.."),
        json!("https://x.test/"),
        json!("x; y"),
        json!(1),
        json!(2.5),
        json!("1.50"),
        json!(null),
        json!(true),
        json!(["x", "y"]),
        json!([]),
        json!({"b": "x"}),
        json!({"b": 1}),
    ])
}

pub(super) fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let member = (prop::sample::select(vec!["a", "b", "c", "d"]), value());
    prop::collection::vec(member, 0..4).prop_map(|members| {
        members.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    })
}

pub(super) fn compile(rules: &[RandomRule], default: &str) -> Policy {
    let rules: Vec<Value> = rules.iter().enumerate().map(|(id, rule)| rule.json(id)).collect();
    let text = json!({"default": default, "rule": rules, "kinds": {"t": {"kind": ["b", "c[]"]}}});
    let tree = Tree::from_json(&text.to_string()).unwrap();
    Policy::compile_with(&tree, &OnlyUtc, Some(Arc::new(Words))).unwrap()
}

/// Reads `verb table` and nothing else, in two dialects that agree.
#[derive(Debug)]
struct Words;

impl Sql for Words {
    fn knows(&self, dialect: &str) -> bool {
        self.common().contains(&dialect)
    }

    fn common(&self) -> &[&str] {
        &["words", "others"]
    }

    fn read(&self, _: &str, text: &str) -> Option<SqlText> {
        let (verb, table) = text.split_once(' ')?;
        let plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
        (plain(verb) && plain(table)).then(|| SqlText {
            statements: 1,
            verbs: vec![verb.to_string()],
            tables: vec![SqlTable { name: table.to_string(), quoted: false }],
            all_tables: verb == "select",
            comments: false,
        })
    }
}

pub(super) fn decide(policy: &Policy, arguments: &Map<String, Value>, roles: &[&str]) -> String {
    let arguments = Value::Object(arguments.clone()).to_string();
    let caller = Caller { agent: Some("bob"), roles, tenant: None };
    judge(policy, &Call { tool: "t", arguments: arguments.as_bytes(), caller, ..Call::default() })
}

/// The decision without the rule that is named and the place.
pub(super) fn effect(decision: &str) -> &str {
    decision.split(' ').next().unwrap_or("")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_order_of_rules_changes_nothing(
        (rules, shuffled) in prop::collection::vec(rule(), 0..8)
            .prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        arguments in arguments(),
        default in prop::sample::select(vec!["allow", "deny"]),
        roles in prop::sample::subsequence(&["x"][..], 0..=1),
    ) {
        let before = decide(&compile(&rules, default), &arguments, &roles);
        let after = decide(&compile(&shuffled, default), &arguments, &roles);
        prop_assert_eq!(effect(&before), effect(&after));
    }

    #[test]
    fn removing_an_argument_never_undoes_a_denial(
        rules in prop::collection::vec(rule(), 1..6),
        arguments in arguments(),
        default in prop::sample::select(vec!["allow", "deny"]),
        roles in prop::sample::subsequence(&["x"][..], 0..=1),
    ) {
        let policy = compile(&rules, default);
        let before = decide(&policy, &arguments, &roles);
        let by = before.split(' ').nth(1).and_then(|id| id.strip_prefix('r')?.parse::<usize>().ok());
        let by = by.and_then(|id| rules.get(id)).filter(|rule| rule.effect == "deny" && !rule.skip);
        let denied = by.is_some();
        for name in arguments.keys().filter(|_| denied) {
            let mut fewer = arguments.clone();
            fewer.remove(name);
            let after = decide(&policy, &fewer, &roles);
            prop_assert_ne!(effect(&after), "allow", "without {}: {}, was {}", name, after, before);
        }
    }

    #[test]
    fn another_deny_rule_never_helps(
        rules in prop::collection::vec(rule(), 0..6),
        mut more in rule(),
        arguments in arguments(),
        default in prop::sample::select(vec!["allow", "deny"]),
    ) {
        more.effect = "deny";
        let before = decide(&compile(&rules, default), &arguments, &[]);
        let with: Vec<_> = rules.iter().cloned().chain([more]).collect();
        let after = decide(&compile(&with, default), &arguments, &[]);
        prop_assert!(effect(&before) == "allow" || effect(&after) != "allow", "{} {}", before, after);
    }

    /// What one formula says, as the rule that denies and the rule that allows see it: nothing is
    /// both known to be admitted and known not to be refused.
    #[test]
    fn what_is_admitted_would_be_refused(when in when(), arguments in arguments()) {
        let rule = |effect| RandomRule { effect, tools: "t", roles: None, when: Some(when.clone()), skip: false };
        let allowed = decide(&compile(&[rule("allow")], "deny"), &arguments, &[]);
        let denied = decide(&compile(&[rule("deny")], "allow"), &arguments, &[]);
        prop_assert!(effect(&allowed) != "allow" || effect(&denied) != "allow", "{} {} {}", when, allowed, denied);
    }
}
