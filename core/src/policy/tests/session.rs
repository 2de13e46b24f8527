//! Rules about the calls before, through a guard.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Admit, Charges, Exhausted, Policy};
use super::{error, policy};
use crate::caller::{Call, Caller};
use crate::guard::{Guard, Settled};
use crate::reason::Reason;
use crate::scratch::Scratch;
use crate::session::{Outcome, Session, Ticket};

fn guard(json: &str) -> Guard {
    Guard::builder().policy(policy(json)).unwrap().build().unwrap()
}

fn session() -> Session {
    Session::new([7; 16])
}

/// The ticket, or why not.
fn ask(
    guard: &Guard,
    session: Option<&mut Session>,
    tool: &str,
    arguments: &str,
    now: Option<u64>,
) -> Result<Option<Ticket>, Reason> {
    let caller = Caller { agent: Some("bob"), ..Caller::default() };
    let call = Call { tool, arguments: arguments.as_bytes(), caller, now, ..Call::default() };
    match guard.settle_unlisted(&call, None, session, &mut Scratch::new()) {
        Settled::Allow(cleared) => Ok(cleared.ticket()),
        Settled::Refuse(barred) => {
            let reason = Settled::Refuse(barred).reason().unwrap();
            Err(reason)
        }
    }
}

/// Makes a call at a second and ends it, when it may run.
fn run(
    guard: &Guard,
    session: &mut Session,
    (tool, arguments, second): (&str, &str, u64),
    outcome: Outcome,
) -> Result<(), Reason> {
    let now = Some(second * 1000);
    let ticket = ask(guard, Some(&mut *session), tool, arguments, now)?.unwrap();
    session.finish(ticket, outcome);
    Ok(())
}

const REFUSED: Result<(), Reason> = Err(Reason::SessionRule);

const PAY: &str = r#"{"rule": [
    {"id": "look", "effect": "allow", "tools": ["get"]},
    {"id": "pay", "effect": "allow", "tools": ["pay"], "after": {"tool": "get", "same": ["id"], "within": "30m"}, "once": "args.key"}]}"#;

#[test]
fn after_counts_only_calls_that_ended_well() {
    let guard = guard(PAY);
    for (outcome, expected) in
        [(Outcome::Ok, Ok(())), (Outcome::Failed, REFUSED), (Outcome::Unknown, REFUSED)]
    {
        let mut session = session();
        run(&guard, &mut session, ("get", r#"{"id": "x"}"#, 0), outcome).unwrap();
        let paid = run(&guard, &mut session, ("pay", r#"{"id": "x", "key": 1}"#, 1), Outcome::Ok);
        assert_eq!(paid, expected, "{outcome:?}");
    }
    // One that still runs has not ended well.
    let mut session = session();
    let ticket = ask(&guard, Some(&mut session), "get", r#"{"id": "x"}"#, Some(0)).unwrap();
    let pay = ("pay", r#"{"id": "x", "key": 1}"#, 1);
    assert_eq!(run(&guard, &mut session, pay, Outcome::Ok), REFUSED);
    session.finish(ticket.unwrap(), Outcome::Ok);
    assert_eq!(run(&guard, &mut session, pay, Outcome::Ok), Ok(()));
}

#[test]
fn after_compares_values_and_time() {
    let guard = guard(PAY);
    let mut session = session();
    run(&guard, &mut session, ("get", r#"{"id": "x"}"#, 1000), Outcome::Ok).unwrap();
    for (arguments, second, expected) in [
        (r#"{"id": "y", "key": 1}"#, 1001, REFUSED),
        (r#"{"key": 1}"#, 1001, REFUSED),
        (r#"{"id": ["x"], "key": 1}"#, 1001, REFUSED),
        (r#"{"id": "x", "key": 1}"#, 2801, REFUSED),
        // The clock was set back.
        (r#"{"id": "x", "key": 1}"#, 999, REFUSED),
        (r#"{"id": "\u0078", "key": 1}"#, 2800, Ok(())),
    ] {
        let paid = run(&guard, &mut session, ("pay", arguments, second), Outcome::Failed);
        assert_eq!(paid, expected, "{arguments} {second}");
    }
    let arguments = r#"{"id": "x", "key": 1}"#;
    let timeless = ask(&guard, Some(&mut session), "pay", arguments, None);
    assert_eq!(timeless, Err(Reason::SessionRule), "no moment");
    assert_eq!(
        ask(&guard, None, "pay", arguments, Some(0)),
        Err(Reason::SessionRule),
        "no session"
    );
}

#[test]
fn a_clock_that_only_goes_forward_measures_in_place_of_the_time_of_day() {
    let guard = guard(PAY);
    let mut session = session();
    session.set_elapsed(5);
    run(&guard, &mut session, ("get", r#"{"id": "x"}"#, 1_000_000), Outcome::Ok).unwrap();
    session.set_elapsed(1_800_006);
    let pay = |session: &mut Session, second| {
        run(&guard, session, ("pay", r#"{"id": "x", "key": 1}"#, second), Outcome::Failed)
    };
    assert_eq!(pay(&mut session, 1_000_001), REFUSED);
    session.set_elapsed(1_800_005);
    assert_eq!(pay(&mut session, 1), Ok(()));
}

#[test]
fn failed_returns_once_and_nothing_else_does() {
    let guard = guard(PAY);
    for (outcome, again) in
        [(Outcome::Failed, Ok(())), (Outcome::Ok, REFUSED), (Outcome::Unknown, REFUSED)]
    {
        let mut session = session();
        run(&guard, &mut session, ("get", r#"{"id": "x"}"#, 0), Outcome::Ok).unwrap();
        let pay = ("pay", r#"{"id": "x", "key": 10}"#, 1);
        run(&guard, &mut session, pay, outcome).unwrap();
        let pay = ("pay", r#"{"id": "x", "key": 1.0e1}"#, 1);
        assert_eq!(run(&guard, &mut session, pay, Outcome::Ok), again, "{outcome:?}");
        let other = ("pay", r#"{"id": "x", "key": "10"}"#, 1);
        assert_eq!(run(&guard, &mut session, other, Outcome::Ok), Ok(()), "another key");
        let missing = ("pay", r#"{"id": "x"}"#, 1);
        assert_eq!(run(&guard, &mut session, missing, Outcome::Ok), REFUSED, "no key");
    }
}

#[test]
fn two_parallel_calls_in_one_session_cannot_both_take_the_last() {
    let rules = guard(
        r#"{"rule": [{"id": "o", "effect": "allow", "tools": ["once"], "once": "args.key"},
            {"id": "c", "effect": "allow", "tools": ["cap"], "max_calls": 1}]}"#,
    );
    let capped = guard(r#"{"default": "allow", "session": {"max_calls": 1}}"#);
    for (guard, tool) in [(&rules, "once"), (&rules, "cap"), (&capped, "any")] {
        let mut session = session();
        let first = ask(guard, Some(&mut session), tool, r#"{"key": 1}"#, None);
        let second = ask(guard, Some(&mut session), tool, r#"{"key": 1}"#, None);
        assert!(matches!(first, Ok(Some(_))), "{tool}");
        assert_eq!(second, Err(Reason::SessionRule), "{tool}: the first has not ended");
    }
}

#[test]
fn the_48th_call_of_a_session_capped_at_47_is_refused() {
    let guard = guard(
        r#"{"session": {"max_calls": 47}, "rule": [
            {"id": "a", "effect": "allow", "tools": ["read"]},
            {"id": "p", "effect": "ask", "tools": ["ask"]}]}"#,
    );
    let mut session = session();
    for call in 0..47 {
        // What is refused takes nothing, and how a call ends changes nothing.
        assert_eq!(
            run(&guard, &mut session, ("no", "{}", 0), Outcome::Ok),
            Err(Reason::ToolNotAllowed)
        );
        assert_eq!(
            run(&guard, &mut session, ("read", "[", 0), Outcome::Ok),
            Err(Reason::MalformedArguments)
        );
        assert_eq!(
            run(&guard, &mut session, ("ask", "{}", 0), Outcome::Ok),
            Err(Reason::ApprovalRequired)
        );
        let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Unknown][call % 3];
        assert_eq!(run(&guard, &mut session, ("read", "{}", 0), outcome), Ok(()), "call {call}");
    }
    assert_eq!(run(&guard, &mut session, ("read", "{}", 0), Outcome::Ok), REFUSED);
    assert_eq!(run(&guard, &mut session, ("ask", "{}", 0), Outcome::Ok), REFUSED);
    assert_eq!(session.calls(), 47);
    assert_eq!(ask(&guard, None, "read", "{}", None), Err(Reason::SessionRule), "no session");
}

#[test]
fn a_rule_has_its_own_bound_and_pause() {
    let guard = guard(
        r#"{"rule": [{"id": "a", "effect": "allow", "tools": ["a", "b*"], "max_calls": 3, "cooldown": "30s"}]}"#,
    );
    let mut session = session();
    let mut call = |tool, second| run(&guard, &mut session, (tool, "{}", second), Outcome::Failed);
    assert_eq!(call("a", 100), Ok(()));
    assert_eq!(call("bb", 129), REFUSED);
    assert_eq!(call("bb", 130), Ok(()));
    assert_eq!(call("bb", 90), REFUSED, "the clock was set back");
    assert_eq!(call("bb", 200), Ok(()));
    assert_eq!(call("a", 900), REFUSED, "that were three");
    let mut fresh = self::session();
    assert_eq!(
        ask(&guard, Some(&mut fresh), "a", "{}", None),
        Err(Reason::SessionRule),
        "no moment"
    );
}

const FLOW: &str = r#"{"rule": [
    {"id": "read", "effect": "allow", "tools": ["read"], "adds": ["private"], "adds_when": {"args.table": {"in": ["customers"]}}},
    {"id": "web", "effect": "allow", "tools": ["web"], "adds": "untrusted"},
    {"id": "send", "effect": "allow", "tools": ["send"]},
    {"id": "no-exfil", "effect": "deny", "tools": ["SEND*"], "labels": ["private", "untrusted"]},
    {"id": "only", "effect": "allow", "tools": ["report"], "labels": ["private"]}]}"#;

#[test]
fn labels_deny_when_the_session_has_all_of_them() {
    let guard = guard(FLOW);
    let mut session = session();
    let mut call =
        |tool, arguments| run(&guard, &mut session, (tool, arguments, 0), Outcome::Failed);
    assert_eq!(call("report", "{}"), REFUSED);
    assert_eq!(call("read", r#"{"table": "orders"}"#), Ok(()));
    assert_eq!(call("report", "{}"), REFUSED, "nothing private yet");
    assert_eq!(call("read", r#"{"table": "CUSTOMERS"}"#), Ok(()), "whatever the case");
    assert_eq!(call("report", "{}"), Ok(()));
    assert_eq!(call("send", "{}"), Ok(()), "one of two labels");
    assert_eq!(call("web", "{}"), Ok(()));
    assert_eq!(call("send", "{}"), REFUSED);
    assert_eq!(guard.policy().labels(&session).collect::<Vec<_>>(), ["private", "untrusted"]);
    // Nobody knows what a call without a session comes after.
    assert_eq!(ask(&guard, None, "send", "{}", None), Err(Reason::SessionRule));
    assert_eq!(ask(&guard, None, "report", "{}", None), Err(Reason::SessionRule));
    assert_eq!(ask(&guard, None, "web", "{}", None), Ok(None));
}

#[test]
fn what_may_be_so_is_labelled() {
    let guard = guard(FLOW);
    for arguments in ["{}", r#"{"table": 7}"#, r#"{"table": ["customers"]}"#] {
        let mut session = session();
        run(&guard, &mut session, ("read", arguments, 0), Outcome::Ok).unwrap();
        assert_eq!(guard.policy().labels(&session).count(), 1, "{arguments}");
    }
}

#[test]
fn a_refused_call_takes_nothing_from_a_session() {
    struct No;
    impl Admit for No {
        fn admit(&self, _: Charges<'_>) -> Result<(), Exhausted> {
            Err(Exhausted { limit: 0, retry_after_ms: Some(9) })
        }
    }
    let guard = guard(
        r#"{"rule": [{"id": "a", "effect": "allow", "tools": ["t"], "once": "args.k", "adds": ["l"], "max_calls": 1}],
            "limit": [{"id": "l", "tools": ["t"], "rate": "1/hour"}]}"#,
    );
    let (mut session, mut scratch) = (session(), Scratch::new());
    let call = Call { tool: "t", arguments: br#"{"k": 1}"#, ..Call::default() };
    let refused = guard.settle_unlisted(&call, Some(&No), Some(&mut session), &mut scratch);
    assert_eq!(refused.reason(), Some(Reason::RateLimited));
    assert_eq!((session.calls(), session.labels()), (0, 0));
    // A keeper that is asked apart, when the session is not held any more.
    let settled = guard.settle_unlisted(&call, None, Some(&mut session), &mut scratch);
    let charges = guard.charges(&settled, &call, &mut scratch).unwrap();
    let exhausted = No.admit(charges).unwrap_err();
    assert!(
        guard.charges(&settled, &call, &mut scratch).unwrap().any(|charge| charge.limit.id == "l")
    );
    assert_eq!(session.calls(), 1, "reserved meanwhile");
    let limited = guard.limited(settled, exhausted, &call, Some(&mut session), &mut scratch);
    let Settled::Refuse(barred) = limited else { panic!("refused") };
    assert_eq!(barred.refusal(&scratch).retry_after_ms(), Some(9));
    assert_eq!(barred.refusal(&scratch).rule(), Some("l"));
    assert_eq!(session.calls(), 0);
    assert_eq!(run(&guard, &mut session, ("t", r#"{"k": 1}"#, 0), Outcome::Ok), Ok(()));
}

#[test]
fn refused_calls_have_charges_of_their_own() {
    let guard = guard(
        r#"{"denied_tools": ["t"], "limit": [{"id": "l", "tools": ["*"], "rate": "1/hour", "refused": true}]}"#,
    );
    let mut scratch = Scratch::new();
    let call = Call { tool: "t", arguments: b"{}", ..Call::default() };
    let settled = guard.settle_unlisted(&call, None, None, &mut scratch);
    let charges = guard.charges(&settled, &call, &mut scratch).unwrap();
    assert_eq!(charges.map(|charge| charge.limit.id).collect::<Vec<_>>(), ["l"]);
}

#[test]
fn an_argument_that_is_stripped_is_no_key() {
    let schema = br#"{"type": "object", "additionalProperties": false, "properties": {"id": {}}}"#;
    let tool =
        crate::catalog::ToolDefinition { name: "t1", input_schema: schema, output_schema: None };
    let text = r#"{"rule": [{"id": "a", "effect": "allow", "tools": ["t?"], "once": "args.key"}]}"#;
    let guard = Guard::builder().policy(policy(text)).unwrap().tool(tool).unwrap().build().unwrap();
    let call = Call { tool: "t1", arguments: br#"{"id": 1, "key": 1}"#, ..Call::default() };
    let settled = guard.settle(&call, None, Some(&mut session()), &mut Scratch::new());
    assert_eq!(settled.reason(), Some(Reason::SessionRule));
    // A rule for named tools is not even compiled.
    let text = text.replace("t?", "t1");
    let named = Guard::builder().policy(policy(&text)).unwrap().tool(tool).unwrap().build();
    assert!(named.is_err());
}

#[test]
fn session_keys_are_errors_where_they_would_not_hold() {
    let rule = |effect: &str, keys: &str| {
        let adder = r#"{"id": "x", "effect": "allow", "tools": ["x"], "adds": ["secret"]}"#;
        format!(
            r#"{{"rule": [{adder}, {{"id": "a", "effect": "{effect}", "tools": ["t"], {keys}}}]}}"#
        )
    };
    for (effect, keys, message) in [
        ("deny", r#""after": {"tool": "x"}"#, "only for `labels`"),
        ("deny", r#""once": ["args.x"]"#, "only for `labels`"),
        ("deny", r#""max_calls": 3"#, "only for `labels`"),
        ("deny", r#""adds": ["x"]"#, "only for `labels`"),
        ("ask", r#""adds": ["x"]"#, "a person must approve"),
        ("ask", r#""cooldown": "3s""#, "a person must approve"),
        ("allow", r#""adds_when": {"args.x": {"eq": 1}}"#, "`adds` is missing"),
        ("allow", r#""adds": ["x"], "adds_when": {}"#, "empty condition"),
        ("allow", r#""adds": []"#, "empty list"),
        ("allow", r#""once": []"#, "empty list"),
        ("allow", r#""once": ["x"]"#, "args.id"),
        ("allow", r#""once": ["args.x[]"]"#, "one argument"),
        ("allow", r#""after": {"tool": "g_*"}"#, "without wildcards"),
        ("allow", r#""after": {"same": ["x"]}"#, "`tool` is missing"),
        ("allow", r#""after": {"tool": "g", "same": ["args.x"]}"#, "written x here"),
        ("allow", r#""after": {"tool": "g", "same": ["**"]}"#, "one argument"),
        ("allow", r#""after": {"tool": "g", "within": "soon"}"#, "30s"),
        ("allow", r#""cooldown": 30"#, "must be a string"),
        ("allow", r#""max_calls": 0"#, "above 0"),
        ("deny", r#""labels": ["secrte"]"#, "no rule adds the label `secrte`"),
        ("allow", r#""labels": ["a"]"#, "no rule adds"),
    ] {
        let error = error(&rule(effect, keys));
        assert!(error.message.contains(message), "{keys}: {}", error.message);
    }
    let typo = error(&rule("deny", r#""labels": ["secrte"]"#));
    assert_eq!(typo.hint.as_deref(), Some("did you mean `secret`?"));
    policy(&rule("ask", r#""labels": ["secret"], "after": {"tool": "g"}"#));
    for (table, message) in [
        (r#"{"max_calls": 0}"#, "above 0"),
        (r#"{"idle": "1 hour"}"#, "30s"),
        (r#"{"calls": 3}"#, "unknown key"),
    ] {
        let error = error(&format!(r#"{{"session": {table}}}"#));
        assert!(error.message.contains(message), "{table}: {}", error.message);
    }
}

fn labelled(prefix: &str, count: usize) -> String {
    let labels: Vec<String> = (0..count).map(|at| format!("{prefix}{at}")).collect();
    json!({"rule": [{"id": "a", "effect": "allow", "tools": ["t"], "adds": labels}]}).to_string()
}

#[test]
fn there_are_64_labels() {
    policy(&labelled("l", 64));
    assert!(error(&labelled("l", 65)).message.contains("at most 64 labels"));
    let stacked = policy(&labelled("l", 40)).narrowed_by(policy(&labelled("m", 25)));
    assert!(stacked.unwrap_err().message.contains("over 64 labels"));
    policy(&labelled("l", 64)).succeed(&policy(&labelled("l", 64))).unwrap();
    let error = policy(&labelled("l", 40)).succeed(&policy(&labelled("m", 25))).unwrap_err();
    assert!(error.message.contains("over 64 labels"));
}

#[test]
fn a_session_means_the_same_to_the_next_policy() {
    const OLD: &str = r#"{"rule": [
        {"id": "gone", "effect": "allow", "tools": ["gone"], "adds": ["first"]},
        {"id": "read", "effect": "allow", "tools": ["read"], "adds": ["pii"]},
        {"id": "cap", "effect": "allow", "tools": ["cap"], "max_calls": 1},
        {"id": "once", "effect": "allow", "tools": ["once"], "once": ["args.k"], "after": {"tool": "read", "same": ["id"]}}]}"#;
    const NEW: &str = r#"{"rule": [
        {"id": "other", "effect": "allow", "tools": ["other"], "adds": ["new", "last"]},
        {"id": "once", "effect": "allow", "tools": ["once", "twice"], "once": ["args.k"], "after": {"tool": "read", "same": ["id"]}},
        {"id": "cap", "effect": "allow", "tools": ["cap"], "max_calls": 2},
        {"id": "read", "effect": "allow", "tools": ["read"], "adds": ["pii"]},
        {"id": "send", "effect": "allow", "tools": ["send"]},
        {"id": "no-new", "effect": "deny", "tools": ["send"], "labels": ["new"]},
        {"id": "no-pii", "effect": "deny", "tools": ["mail"], "labels": ["pii"]},
        {"id": "mail", "effect": "allow", "tools": ["mail"]}]}"#;
    let old = guard(OLD);
    let mut session = session();
    let mut call = |guard: &Guard, tool, arguments| {
        run(guard, &mut session, (tool, arguments, 0), Outcome::Ok)
    };
    call(&old, "gone", "{}").unwrap();
    call(&old, "read", r#"{"id": 1}"#).unwrap();
    call(&old, "cap", "{}").unwrap();
    call(&old, "once", r#"{"k": 1, "id": 1}"#).unwrap();
    let mut next = policy(NEW);
    next.succeed(old.policy()).unwrap();
    let new = Guard::builder().policy(next).unwrap().build().unwrap();
    assert_eq!(call(&new, "send", "{}"), Ok(()), "`new` has not the number of `first`");
    assert_eq!(call(&new, "mail", "{}"), REFUSED);
    assert_eq!(call(&new, "twice", r#"{"k": 1, "id": 1}"#), REFUSED, "used up before");
    assert_eq!(call(&new, "twice", r#"{"k": 2, "id": 1}"#), Ok(()), "read before");
    assert_eq!(call(&new, "cap", "{}"), Ok(()));
    assert_eq!(call(&new, "cap", "{}"), REFUSED, "one before and one now");
    assert_eq!(new.policy().labels(&session).collect::<Vec<_>>(), ["first", "pii"]);
}

#[test]
fn labels_are_those_of_the_whole_stack() {
    let upper = r#"{"default": "allow", "rule": [{"id": "r", "effect": "allow", "tools": ["read"], "adds": ["x", "pii"]}]}"#;
    let lower = r#"{"default": "allow", "session": {"labels": ["pii"], "max_calls": 3}, "rule": [
        {"id": "r", "effect": "deny", "tools": ["send"], "labels": ["pii"]}]}"#;
    let stack = policy(upper).narrowed_by(policy(lower)).unwrap();
    let guard = Guard::builder().policy(stack).unwrap().build().unwrap();
    let mut session = session();
    let mut call = |tool| run(&guard, &mut session, (tool, "{}", 0), Outcome::Ok);
    assert_eq!(call("send"), Ok(()));
    assert_eq!(call("read"), Ok(()));
    assert_eq!(call("send"), REFUSED);
    assert_eq!(call("read"), Ok(()));
    assert_eq!(call("read"), REFUSED, "the bound of the lower one");
}

#[test]
fn shadow_rules_take_nothing() {
    let guard = guard(
        r#"{"default": "allow", "rule": [
            {"id": "s", "effect": "allow", "mode": "shadow", "tools": ["t"], "adds": ["l"], "max_calls": 1},
            {"id": "d", "effect": "deny", "mode": "shadow", "tools": ["t"], "labels": ["l"]}]}"#,
    );
    let mut session = session();
    for _ in 0..3 {
        assert_eq!(run(&guard, &mut session, ("t", "{}", 0), Outcome::Ok), Ok(()));
    }
    assert_eq!(session.labels(), 0);
}

#[test]
fn explain_shows_what_a_session_says() {
    let guard = guard(PAY);
    let mut builder = crate::catalog::Catalog::builder(crate::catalog::Origin::Trusted);
    let tool = crate::catalog::ToolDefinition {
        name: "pay",
        input_schema: br#"{"type": "object"}"#,
        output_schema: None,
    };
    builder.tool(tool).unwrap();
    let catalog = builder.build();
    let call = Call { tool: "pay", arguments: br#"{"id": 1, "key": 2}"#, ..Call::default() };
    let mut scratch = Scratch::new();
    let found = guard.explain(&catalog, &call, None, Some(&mut session()), &mut scratch);
    assert_eq!(found.reason, Some(Reason::SessionRule));
    let lines: Vec<_> =
        found.rules[0].conditions.iter().map(|line| (line.target, line.test, line.truth)).collect();
    use super::super::Truth::{False, True};
    assert_eq!(lines, [("session", "after", False), ("session", "once", True)]);
    assert_eq!(found.rules[0].truth, Some(False));
}

/// A policy in which sessions decide much, over the tools a, b, c.
fn rules() -> impl Strategy<Value = Vec<Value>> {
    let tools = prop::sample::select(vec!["a", "b", "c", "?"]);
    let labels = || prop::sample::subsequence(vec!["x", "y", "z"], 0..=2);
    let same = prop::option::of(prop::sample::select(vec![json!(["k"]), json!(["k", "v"])]));
    let after = prop::option::of((prop::sample::select(vec!["a", "b"]), same, any::<bool>()));
    let once =
        prop::option::of(prop::sample::select(vec![json!("args.k"), json!(["args.k", "args.v"])]));
    let counts = (prop::option::of(1..4), any::<bool>());
    let rule = (any::<bool>(), tools, labels(), labels(), after, once, counts);
    let rule = rule.prop_map(|(denies, tool, asks, adds, after, once, (max_calls, pauses))| {
        let mut rule = json!({"effect": if denies { "deny" } else { "allow" }, "tools": tool});
        let mut set = |key: &str, value: Value| {
            rule.as_object_mut().unwrap().insert(key.to_string(), value);
        };
        if denies {
            // One without labels would deny the tool for good.
            set("labels", if asks.is_empty() { json!("z") } else { json!(asks) });
            return rule;
        }
        if !asks.is_empty() && adds.is_empty() {
            set("labels", json!(asks));
        }
        if !adds.is_empty() {
            set("adds", json!(adds));
        }
        if let Some((tool, same, within)) = after.filter(|_| max_calls.is_none()) {
            let mut after = json!({"tool": tool});
            if let Some(same) = same {
                after["same"] = same;
            }
            if within {
                after["within"] = json!("3s");
            }
            set("after", after);
        }
        if let Some(once) = once {
            set("once", once);
        }
        if let Some(max_calls) = max_calls {
            set("max_calls", json!(max_calls));
        }
        if pauses {
            set("cooldown", json!("2s"));
        }
        rule
    });
    prop::collection::vec(rule, 1..6)
}

fn compile(rules: &[Value], default: &str) -> Guard {
    let mut rules = rules.to_vec();
    for (id, rule) in rules.iter_mut().enumerate() {
        if rule.get("id").is_none() {
            rule["id"] = json!(format!("r{id}"));
        }
    }
    let document = json!({"default": default, "rule": rules,
        "session": {"labels": ["x", "y", "z"], "max_calls": 12}});
    guard(&document.to_string())
}

#[derive(Clone, Debug)]
struct Move {
    tool: &'static str,
    arguments: Value,
    pause: u64,
    outcome: Outcome,
    /// Whether the call ends before the next one.
    ends: bool,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let arguments = prop::sample::select(vec![
        json!({}),
        json!({"k": 1}),
        json!({"k": 1, "v": "p"}),
        json!({"k": 2, "v": "p"}),
        json!({"k": "1", "v": null}),
        json!({"k": [1]}),
    ]);
    let outcome = prop::sample::select(vec![Outcome::Ok, Outcome::Failed, Outcome::Unknown]);
    let tool = prop::sample::select(vec!["a", "b", "c"]);
    let one = (tool, arguments, 0_u64..3, outcome, any::<bool>()).prop_map(
        |(tool, arguments, pause, outcome, ends)| Move { tool, arguments, pause, outcome, ends },
    );
    prop::collection::vec(one, 0..16)
}

/// One session on its way, which has a clock of its own so that it does not depend on others.
struct Walk {
    session: Session,
    now: u64,
    open: Vec<(Ticket, Outcome)>,
    verdicts: Vec<Result<(), Reason>>,
}

impl Walk {
    fn new() -> Self {
        Self { session: session(), now: 1000, open: Vec::new(), verdicts: Vec::new() }
    }

    fn step(&mut self, guard: &Guard, step: &Move) {
        self.now += step.pause * 1000;
        let (arguments, now) = (step.arguments.to_string(), Some(self.now));
        let verdict = ask(guard, Some(&mut self.session), step.tool, &arguments, now);
        if let Ok(ticket) = verdict {
            self.open.push((ticket.unwrap(), step.outcome));
        }
        if step.ends {
            for (ticket, outcome) in self.open.drain(..) {
                self.session.finish(ticket, outcome);
            }
        }
        self.verdicts.push(verdict.map(drop));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn no_interleaving_of_two_sessions_changes_the_verdicts_of_either(
        rules in rules(),
        one in moves(),
        other in moves(),
        order in prop::collection::vec(any::<bool>(), 32),
    ) {
        let guard = compile(&rules, "deny");
        let alone = |moves: &[Move]| {
            let mut walk = Walk::new();
            moves.iter().for_each(|step| walk.step(&guard, step));
            walk.verdicts
        };
        let (mut first, mut second) = (Walk::new(), Walk::new());
        let (mut left, mut right) = (one.iter(), other.iter());
        for is_first in order {
            let (walk, steps) =
                if is_first { (&mut first, &mut left) } else { (&mut second, &mut right) };
            if let Some(step) = steps.next() {
                walk.step(&guard, step);
            }
        }
        left.for_each(|step| first.step(&guard, step));
        right.for_each(|step| second.step(&guard, step));
        prop_assert_eq!(first.verdicts, alone(&one));
        prop_assert_eq!(second.verdicts, alone(&other));
    }

    #[test]
    fn labels_never_disappear_within_a_session(rules in rules(), moves in moves()) {
        let guard = compile(&rules, "allow");
        let mut walk = Walk::new();
        for step in &moves {
            let before = walk.session.labels();
            walk.step(&guard, step);
            prop_assert_eq!(walk.session.labels() & before, before);
        }
    }

    /// Neither the verdict nor what is remembered depends on which rule comes first.
    #[test]
    fn the_order_of_rules_changes_nothing(rules in rules(), moves in moves(), seed in any::<u64>()) {
        let mut named = rules;
        for (id, rule) in named.iter_mut().enumerate() {
            rule["id"] = json!(format!("r{id}"));
        }
        let mut shuffled = named.clone();
        shuffled.sort_by_key(|rule| rule["id"].to_string().bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        }));
        let (guard, other) = (compile(&named, "deny"), compile(&shuffled, "deny"));
        let (mut walk, mut again) = (Walk::new(), Walk::new());
        for step in &moves {
            walk.step(&guard, step);
            again.step(&other, step);
        }
        let decided = |walk: &Walk| walk.verdicts.iter().map(Result::is_ok).collect::<Vec<_>>();
        prop_assert_eq!(decided(&walk), decided(&again));
        let labels = |guard: &Guard, walk: &Walk| {
            let mut labels: Vec<String> =
                guard.policy().labels(&walk.session).map(ToString::to_string).collect();
            labels.sort();
            labels
        };
        prop_assert_eq!(labels(&guard, &walk), labels(&other, &again));
    }

    /// Arguments that are left out make no call pass that its session refuses.
    #[test]
    fn leaving_out_arguments_never_allows_what_a_session_refuses(
        rules in rules(),
        moves in moves(),
        allows in any::<bool>(),
    ) {
        let guard = compile(&rules, if allows { "allow" } else { "deny" });
        let mut walk = Walk::new();
        for step in &moves {
            let Value::Object(whole) = &step.arguments else { unreachable!() };
            let now = Some(walk.now + step.pause * 1000);
            let verdict = |arguments: &serde_json::Map<String, Value>| {
                let mut session = walk.session.clone();
                let text = Value::Object(arguments.clone()).to_string();
                ask(&guard, Some(&mut session), step.tool, &text, now).map(drop)
            };
            if verdict(whole).is_err() {
                for gone in [&["k"][..], &["v"], &["k", "v"]] {
                    let mut less = whole.clone();
                    less.retain(|name, _| !gone.contains(&name.as_str()));
                    prop_assert!(verdict(&less).is_err(), "{:?} without {gone:?}", whole);
                }
            }
            walk.step(&guard, step);
        }
    }
}

/// The rules of the sessions of a policy are found whoever asks.
#[test]
fn a_policy_knows_whether_it_has_session_rules() {
    assert!(!Policy::permissive().has_session_rules());
    assert!(policy(PAY).has_session_rules());
    let stack = policy(r#"{"default": "allow"}"#).narrowed_by(policy(PAY)).unwrap();
    assert!(stack.has_session_rules());
}
