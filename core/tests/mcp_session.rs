//! The session of a connection: the relay settles each call when its result arrives.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use airlock_core::mcp::{Action, Bounds, Event, Relay, Unrecorded};
use airlock_core::policy::{Admit, Charges, Exhausted, Hold, Overspent, PLACES, Policy, Sums};
use airlock_core::{Caller, Guard, Outcome, Session};

struct Link {
    relay: Relay,
    out: Vec<u8>,
    id: u32,
    fails: bool,
}

impl Link {
    fn new(session: Option<Session>) -> Self {
        let policy = r#"{"rule": [
            {"id": "get", "effect": "allow", "tools": ["get"]},
            {"id": "pay", "effect": "allow", "tools": ["pay"], "after": {"tool": "get", "same": ["id"]}, "once": "args.key"}]}"#;
        let policy = Policy::from_json(policy).unwrap();
        let guard = Guard::builder().policy(policy).unwrap().build().unwrap();
        let mut relay = Relay::new(Arc::new(guard), Bounds::default(), "n");
        if let Some(session) = session {
            relay = relay.session(session);
        }
        let mut link = Self { relay, out: Vec::new(), id: 0, fails: false };
        link.list();
        link
    }

    fn list(&mut self) {
        self.client(r#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#);
        self.server(r#"{"jsonrpc":"2.0","id":"l","result":{"tools":[{"name":"get","inputSchema":{"type":"object"}},{"name":"pay","inputSchema":{"type":"object"}}]}}"#);
    }

    fn kept() -> Self {
        Self::new(Some(Session::new([9; 16])))
    }

    /// Whether the message is passed on.
    fn client(&mut self, message: &str) -> bool {
        let fails = self.fails;
        let mut audit = |_: &Event<'_>| if fails { Err(Unrecorded) } else { Ok(()) };
        let caller = Caller::default();
        let action = self.relay.client(message.as_bytes(), caller, None, &mut self.out, &mut audit);
        matches!(action, Action::Forward(_))
    }

    fn server(&mut self, message: &str) {
        let mut audit = |_: &Event<'_>| Ok(());
        self.relay.server(message.as_bytes(), Caller::default(), &mut self.out, &mut audit);
    }

    /// The id of the call, when it is passed on.
    fn call(&mut self, tool: &str, arguments: &str) -> Option<u32> {
        self.id += 1;
        let id = self.id;
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        );
        self.client(&message).then_some(id)
    }

    fn reply(&mut self, id: u32, rest: &str) {
        self.server(&format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#));
    }

    /// Whether a payment of a key would be passed on after what was got; it fails, so that nothing of it stays.
    fn pays(&mut self, key: u32) -> bool {
        let paid = self.call("pay", &format!(r#"{{"id":1,"key":{key}}}"#));
        if let Some(id) = paid {
            self.reply(id, FAILED);
        }
        paid.is_some()
    }
}

/// What is left of one budget, and what calls that run took from it, by their holds.
struct Purse(Mutex<(u128, Vec<u128>)>);

impl Purse {
    fn left(&self) -> u128 {
        self.0.lock().unwrap().0
    }
}

impl Admit for Purse {
    fn admit(&self, _: Charges<'_>) -> Result<(), Exhausted> {
        Ok(())
    }

    fn reserve(&self, mut sums: Sums<'_>) -> Result<Option<Hold>, Overspent> {
        let Some(sum) = sums.next() else { return Ok(None) };
        let (left, taken) = &mut *self.0.lock().unwrap();
        let amount = sum.amount / 10_u128.pow(PLACES);
        *left = left.checked_sub(amount).ok_or(Overspent { budget: sum.budget.index })?;
        taken.push(amount);
        Ok(Some(Hold(taken.len() as u64 - 1)))
    }

    fn settle(&self, Hold(hold): Hold, outcome: Outcome) {
        let (left, taken) = &mut *self.0.lock().unwrap();
        let amount = std::mem::take(&mut taken[hold as usize]);
        if outcome == Outcome::Failed {
            *left += amount;
        }
    }
}

#[test]
fn budgets_are_settled_by_results() {
    let policy = r#"{"default": "allow", "budget": [
        {"id": "b", "tools": "pay", "sum": "args.id", "max": 100, "window": "hour"}]}"#;
    let guard = || {
        let policy = Policy::from_json(policy).unwrap();
        Arc::new(Guard::builder().policy(policy).unwrap().build().unwrap())
    };
    let mut link = Link::kept();
    link.relay.succeed(guard(), None);
    link.list();
    assert_eq!(link.call("pay", r#"{"id":1}"#), None, "what nobody counts is used up");
    let purse = Arc::new(Purse(Mutex::new((10, Vec::new()))));
    link.relay.succeed(guard(), Some(Arc::clone(&purse) as _));
    link.list();
    for (reply, left) in [(FAILED, 10), (ERROR, 10), (DONE, 6)] {
        let id = link.call("pay", r#"{"id":4}"#).unwrap();
        assert_eq!(purse.left(), 6);
        link.reply(id, reply);
        assert_eq!(purse.left(), left, "{reply}");
    }
    assert_eq!(link.call("pay", r#"{"id":7}"#), None);
    assert_eq!(link.call("pay", "{}"), None);
    link.fails = true;
    assert_eq!(link.call("pay", r#"{"id":4}"#), None, "not recorded");
    link.fails = false;
    let id = link.call("pay", r#"{"id":6}"#).unwrap();
    let cancelled =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":ID}}"#;
    link.client(&cancelled.replace("ID", &id.to_string()));
    link.reply(id, FAILED);
    assert_eq!(purse.left(), 0, "nobody knows what it did");
}

const DONE: &str = r#""result":{"content":[{"type":"text","text":"done"}]}"#;
const FAILED: &str = r#""result":{"content":[],"isError":true}"#;
const ERROR: &str = r#""error":{"code":-32000,"message":"no"}"#;

#[test]
fn after_counts_only_results() {
    for (reply, counts) in [
        (DONE, true),
        (r#""result":{"content":[],"isError":false}"#, true),
        (FAILED, false),
        (ERROR, false),
        (r#""result":{"content":[],"isError":"no"}"#, false),
        // Both a result and an error: a reply that cannot be read.
        (r#""result":{"content":[]},"error":{"code":1,"message":"no"}"#, false),
    ] {
        let mut link = Link::kept();
        let id = link.call("get", r#"{"id":1}"#).unwrap();
        assert!(!link.pays(1), "it still runs");
        link.reply(id, reply);
        assert_eq!(link.pays(1), counts, "{reply}");
    }
}

#[test]
fn what_failed_may_be_tried_again_and_what_was_cancelled_may_not() {
    let mut link = Link::kept();
    let id = link.call("get", r#"{"id":1}"#).unwrap();
    link.reply(id, DONE);
    for (key, reply, again) in [(1, FAILED, true), (2, ERROR, true), (3, DONE, false)] {
        let id = link.call("pay", &format!(r#"{{"id":1,"key":{key}}}"#)).unwrap();
        assert!(!link.pays(key), "it still runs");
        link.reply(id, reply);
        assert_eq!(link.pays(key), again, "{reply}");
    }
    let id = link.call("pay", r#"{"id":1,"key":4}"#).unwrap();
    link.client(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
    ));
    // Too late to say that nothing was done.
    link.reply(id, FAILED);
    assert!(!link.pays(4));
}

#[test]
fn a_task_ends_with_its_result() {
    for (reply, again) in [(FAILED, true), (DONE, false), (ERROR, false)] {
        let mut link = Link::kept();
        let id = link.call("get", r#"{"id":1}"#).unwrap();
        link.reply(id, DONE);
        let id = link.call("pay", r#"{"id":1,"key":1}"#).unwrap();
        link.reply(id, r#""result":{"task":{"taskId":"t","status":"working"}}"#);
        assert!(!link.pays(1), "it runs as a task");
        for (id, method) in [(900, "tasks/get"), (901, "tasks/result")] {
            link.client(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"taskId":"t"}}}}"#
            ));
        }
        link.reply(900, FAILED);
        assert!(!link.pays(1), "how it goes is not how it ended");
        link.reply(901, reply);
        assert_eq!(link.pays(1), again, "{reply}");
    }
}

#[test]
fn a_call_that_is_not_recorded_takes_nothing() {
    let mut link = Link::kept();
    let id = link.call("get", r#"{"id":1}"#).unwrap();
    link.reply(id, DONE);
    link.fails = true;
    assert_eq!(link.call("pay", r#"{"id":1,"key":1}"#), None);
    link.fails = false;
    assert!(link.pays(1));
}

#[test]
fn without_a_session_rules_about_one_allow_nothing() {
    let mut link = Link::new(None);
    let id = link.call("get", r#"{"id":1}"#).unwrap();
    link.reply(id, DONE);
    assert!(!link.pays(1));
}
