//! One charge of a limiter, beside `governor` as it comes.
//!
//! Each call is charged to the account of one agent, which exists, by one thread. Ours reads the clock, takes the
//! lock and finds the account by the bytes of its key; the peer, keyed by text, does the same without the
//! second limit that a call may have. The row of two limits is a call that both must admit.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;

use airlock::clock::SystemClock;
use airlock::core::policy::{Admit, Policy};
use airlock::core::{Call, Caller, Guard, ToolDefinition, Verdict};
use airlock::limit::Limiter;
use airlock_benches::{Peer, measure};
use governor::{Quota, RateLimiter};

const ONE: &str =
    r#"{"limit": [{"id": "a", "tools": "*", "key": ["agent"], "rate": "999999999/1s"}]}"#;
const TWO: &str = r#"{"limit": [{"id": "a", "tools": "*", "key": ["agent"], "rate": "999999999/1s"},
    {"id": "b", "tools": "t", "key": ["agent", "tool"], "rate": "999999999/1s"}]}"#;

fn main() {
    let guards = [ONE, TWO].map(|document| {
        let tool = ToolDefinition { name: "t", input_schema: b"{}", output_schema: None };
        let policy = Policy::from_json(document).unwrap();
        Guard::builder().policy(policy).unwrap().tool(tool).unwrap().build().unwrap()
    });
    let mut scratches = guards.each_ref().map(Guard::scratch);
    let caller = Caller { agent: Some("ci-bot"), ..Caller::default() };
    let call = Call { tool: "t", arguments: b"{}", caller, ..Call::default() };
    let [one, two] = &guards;
    let [first, second] = &mut scratches;
    let limiter =
        |guard: &Guard| Limiter::new(guard.policy(), Arc::new(SystemClock::new())).unwrap();
    let limiters = [limiter(one), limiter(two)];
    let (Verdict::Allow(one), Verdict::Allow(two)) =
        (one.check(&call, first), two.check(&call, second))
    else {
        panic!("the call is allowed");
    };
    assert_eq!((one.charges().count(), two.charges().count()), (1, 2));
    let peer = RateLimiter::keyed(Quota::per_second(NonZeroU32::new(999_999_999).unwrap()));
    let key = String::from("ci-bot");
    let mut peers = [
        Peer::new("limiter", || limiters[0].admit(black_box(one.charges())).unwrap()),
        Peer::new("limiter, two limits", || limiters[1].admit(black_box(two.charges())).unwrap()),
        Peer::new("governor, keyed", || peer.check_key(black_box(&key)).unwrap()),
    ];
    let times = measure(1, 41, 10_000, &mut peers);
    times.print("limiter", &peers);
}
