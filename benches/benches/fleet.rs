//! A decision on a shared limit, beside a plain `INCR` of the same server over a connection of the same kind.
//!
//! Time of the wall, for most of it is waiting: the peers take turns, so that a busy machine slows both. The
//! difference of the medians is what the script and we add to one round trip. The tool that is called has one limit,
//! or two, of which none is used up.

#[path = "../../std/tests/support/redis_server.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod redis_server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use airlock::clock::SystemClock;
use airlock::core::policy::{Admit, Charges, Policy};
use airlock::core::{Call, Caller, Guard, ToolDefinition, Verdict};
use airlock::limit::{RedisLimiter, RedisOptions};
use airlock_benches::median;
use redis_server::Server;

const ONE: &str =
    r#"{"limit": [{"id": "a", "tools": "*", "key": ["agent"], "rate": "999999999/1s"}]}"#;
const TWO: &str = r#"{"limit": [{"id": "a", "tools": "*", "key": ["agent"], "rate": "999999999/1s"},
    {"id": "b", "tools": "t", "key": ["agent", "tool"], "rate": "999999999/1s"}]}"#;
const ROUNDS: usize = 20_000;

fn main() {
    if !redis_server::is_there() {
        return;
    }
    let server = Server::start();
    let options = RedisOptions::new(&server.url()).unwrap().timeout(Duration::from_secs(5));
    let guards = [ONE, TWO].map(|document| {
        let tool = ToolDefinition { name: "t", input_schema: b"{}", output_schema: None };
        let policy = Policy::from_json(document).unwrap();
        Guard::builder().policy(policy).unwrap().tool(tool).unwrap().build().unwrap()
    });
    let mut scratches = guards.each_ref().map(Guard::scratch);
    let limiters = guards.each_ref().map(|guard| {
        RedisLimiter::new(guard.policy(), &options, Arc::new(SystemClock::new())).unwrap()
    });
    let caller = Caller { agent: Some("ci-bot"), ..Caller::default() };
    let call = Call { tool: "t", arguments: b"{}", caller, ..Call::default() };
    let [one, two] = &guards;
    let [first, second] = &mut scratches;
    let (Verdict::Allow(one), Verdict::Allow(two)) =
        (one.check(&call, first), two.check(&call, second))
    else {
        panic!("the call is allowed");
    };
    let mut client = server.client();
    let mut increment = redis::cmd("INCR");
    increment.arg("counter");
    let admit = |limiter: &RedisLimiter, charges: Charges<'_>| {
        let started = Instant::now();
        limiter.admit(charges).unwrap();
        nanos(started)
    };
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let _: u64 = increment.query(&mut client).unwrap();
        times[0].push(nanos(started));
        times[1].push(admit(&limiters[0], one.charges()));
        times[2].push(admit(&limiters[1], two.charges()));
    }
    let [plain, one, two] = times.map(|times| median(times) / 1000.0);
    println!("fleet: median of {ROUNDS} rounds, wall time");
    println!("  INCR                    {plain:>8.1} µs");
    println!("  a decision, one limit   {one:>8.1} µs, {:.1} µs more", one - plain);
    println!("  a decision, two limits  {two:>8.1} µs, {:.1} µs more", two - plain);
}

fn nanos(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64
}
