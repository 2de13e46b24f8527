//! Processes that share limits and a kill switch through a Redis server of their own.
//!
//! This file is its own fleet (`fleet __member …`), hence no test harness.
// Without the harness, clippy does not know that these are tests.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/harness.rs"]
mod harness;
#[path = "support/redis_server.rs"]
mod redis_server;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use airlock::clock::SystemClock;
use airlock::core::policy::{Admit, Hold, OnLoss, Policy};
use airlock::core::{Call, Caller, Guard, Reason, Scratch, Settled, ToolDefinition};
use airlock::firewall::FirewallError;
use airlock::kill::{Causes, KillFile, KillKey};
use airlock::limit::{RedisLimiter, RedisOptions, StoreError, StoreEvent};
use airlock::observe::Metrics;
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};
use redis_server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name)),*] };
}

const TESTS: &[harness::Test] = tests![
    four_processes_of_a_thousand_calls_admit_exactly_the_limit,
    a_lost_server_admits_nothing_and_comes_back_used_up,
    a_fallback_admits_the_rate_of_each_process_and_comes_back_used_up,
    what_was_admitted_alone_is_not_admitted_again_by_a_server_that_lost_nothing,
    a_server_that_restarts_between_two_calls_has_forgotten_them,
    a_process_that_comes_first_to_an_empty_server_gives_no_second_burst,
    a_server_that_hangs_costs_one_time_out,
    a_server_that_is_not_there_at_the_start,
    a_decision_is_one_question_for_all_limits,
    four_processes_never_take_more_than_a_budget,
    only_a_call_that_failed_gives_back_to_all,
    a_decision_on_budgets_and_limits_is_one_question,
    accounts_of_budgets_expire_and_show_nothing,
    a_budget_that_was_lost_is_used_up_until_its_window_is_over,
    a_budget_is_kept_by_each_process_while_the_server_is_lost,
    a_flushed_script_is_loaded_again,
    accounts_expire_when_they_are_full,
    keys_of_a_decision_are_in_one_slot_and_show_nothing,
    a_node_of_a_cluster_keeps_limits,
    the_node_that_has_the_keys_is_asked,
    no_password_is_shown,
    a_kill_key_halts_the_fleet_within_a_second,
    a_lost_kill_key_halts_or_holds_on,
    a_kill_file_and_a_kill_key_do_not_undo_each_other,
    a_firewall_under_a_policy_with_a_store_shares_its_limits,
    a_policy_that_is_changed_counts_on_at_the_server,
    many_threads_of_a_firewall_get_exactly_what_there_is,
    an_outage_is_two_records_however_many_calls_it_meets,
    data_that_the_store_lost_between_two_calls_are_recorded,
    a_kill_key_that_turns_is_recorded_and_counted,
];

#[cfg(not(feature = "redis-tls"))]
const TLS: &[harness::Test] = &[];
#[cfg(feature = "redis-tls")]
const TLS: &[harness::Test] = tests![
    an_encrypted_server_is_trusted_by_its_name_and_its_authority,
    a_server_that_never_shakes_hands_costs_a_time_out,
];

fn main() {
    let mut arguments = env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("__member") {
        return member(&arguments.collect::<Vec<_>>());
    }
    if redis_server::is_there() {
        harness::run(&[TESTS, TLS].concat(), first.as_deref());
    }
}

const ARGUMENTS: &[u8] = br#"{"amount": "0.1"}"#;
/// A day has ten of them.
const DAILY: &str = r#"{"budget": [
    {"id": "spend", "tools": "*", "sum": "args.amount", "max": "1", "window": "day@UTC"}]}"#;
const DAY: u64 = 86_400_000;
/// Of a day that is not over: what is lost now was lost in it.
const NOON: u64 = 4_102_444_800_000 + DAY / 2;
const LONG: &str = r#"{"limit": [{"id": "l", "tools": "*", "rate": "100/100d"}]}"#;

/// One process with its guard and limiter, and what it was told.
struct Member {
    guard: Guard,
    limiter: RedisLimiter,
    scratch: Scratch<'static>,
    now: u64,
    events: Arc<Mutex<Vec<StoreEvent>>>,
}

impl Member {
    fn new(document: &str, options: &RedisOptions) -> Self {
        let tool = ToolDefinition { name: "search", input_schema: b"{}", output_schema: None };
        let builder = Guard::builder().policy(Policy::from_json(document).unwrap()).unwrap();
        let guard = builder.tool(tool).unwrap().build().unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let tell = move |event: &StoreEvent| told.lock().unwrap().push(event.clone());
        let clock = Arc::new(SystemClock::new());
        let limiter = RedisLimiter::telling(guard.policy(), options, clock, tell).unwrap();
        let scratch = guard.scratch();
        Self { guard, limiter, scratch, now: NOON, events }
    }

    /// Why a call of `agent` is refused, and how long to wait.
    fn call_as(&mut self, agent: &str) -> Result<(), (Reason, Option<u64>)> {
        self.start_as(agent).map(|_| ())
    }

    /// The same for a call that goes on; what it holds of budgets.
    fn start_as(&mut self, agent: &str) -> Result<Option<Hold>, (Reason, Option<u64>)> {
        let caller = Caller { agent: Some(agent), ..Caller::default() };
        let (tool, arguments, now) = ("search", ARGUMENTS, Some(self.now));
        let call = Call { tool, arguments, caller, now, ..Call::default() };
        match self.guard.settle(&call, Some(&self.limiter), None, &mut self.scratch) {
            Settled::Allow(cleared) => Ok(cleared.hold()),
            Settled::Refuse(barred) => {
                let refusal = barred.refusal(&self.scratch);
                Err((refusal.reason(), refusal.retry_after_ms()))
            }
        }
    }

    /// How many of `calls` pass.
    fn pass(&mut self, calls: usize) -> usize {
        (0..calls).filter(|_| self.call_as("bob").is_ok()).count()
    }

    fn events(&self) -> Vec<StoreEvent> {
        self.events.lock().unwrap().clone()
    }

    fn wait_for_return(&self) {
        wait_until(|| !self.limiter.is_lost());
    }
}

fn options(server: &Server) -> RedisOptions {
    // The machine that tests may be busy; a server that hangs is tested with a time-out of its own.
    RedisOptions::new(&server.url()).unwrap().timeout(PATIENCE)
}

/// How long to wait for what is sure to come: long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it never happens");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A process of a fleet: makes its calls and says how many passed.
fn member(arguments: &[String]) {
    let [url, calls, document] = arguments else { panic!("{arguments:?}") };
    let options = RedisOptions::new(url).unwrap().timeout(PATIENCE);
    let mut member = Member::new(document, &options);
    println!("{}", member.pass(calls.parse().unwrap()));
    assert_eq!(member.events(), []);
}

fn four_processes_of_a_thousand_calls_admit_exactly_the_limit() {
    let server = Server::start();
    let document = r#"{"limit": [
        {"id": "each", "tools": "*", "key": ["agent"], "rate": "2500/1000d"},
        {"id": "all", "tools": "*", "rate": "3999/1000d"}]}"#;
    assert_eq!(fleet(&server, document), 2500);
}

fn four_processes_never_take_more_than_a_budget() {
    let server = Server::start();
    let document = r#"{"budget": [
        {"id": "each", "tools": "*", "sum": "args.amount", "max": "250.05", "window": "day@UTC", "key": ["agent"]},
        {"id": "all", "tools": "*", "sum": "args.amount", "max": "999", "window": "month@UTC"}]}"#;
    assert_eq!(fleet(&server, document), 2500);
}

/// How many calls pass of four processes of a thousand each.
fn fleet(server: &Server, document: &str) -> usize {
    let own = env::current_exe().unwrap();
    let fleet: Vec<_> = (0..4)
        .map(|_| {
            let mut process = Command::new(&own);
            let process = process.args(["__member", &server.url(), "1000", document]);
            process.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let passed = fleet.into_iter().map(|process| {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().parse::<usize>().unwrap()
    });
    passed.sum()
}

fn only_a_call_that_failed_gives_back_to_all() {
    let server = Server::start();
    let mut members = [0; 2].map(|_| Member::new(DAILY, &options(&server)));
    let hold = members[0].start_as("ann").unwrap().unwrap();
    assert_eq!(members[1].pass(20), 9);
    members[0].limiter.settle(hold, Outcome::Failed);
    members[0].limiter.settle(hold, Outcome::Failed);
    assert_eq!(members[1].pass(20), 1, "once");
    for outcome in [Outcome::Ok, Outcome::Unknown] {
        members.iter_mut().for_each(|member| member.now += DAY);
        let hold = members[0].start_as("ann").unwrap().unwrap();
        members[0].limiter.settle(hold, outcome);
        assert_eq!(members[1].pass(20), 9);
    }
    // Another day, and back: what is used up stays used up.
    members[0].now += DAY;
    assert_eq!(members[0].pass(3), 3);
    members[0].now -= DAY;
    assert_eq!(members[0].pass(20), 7, "a clock that is set back counts in the later day");
}

fn a_decision_on_budgets_and_limits_is_one_question() {
    let server = Server::start();
    let document = r#"{"limit": [{"id": "all", "tools": "*", "rate": "5/100d"}], "budget": [
        {"id": "day", "tools": "*", "sum": "args.amount", "max": "0.8", "window": "day@UTC"},
        {"id": "month", "tools": "*", "sum": "args.amount", "max": "9", "window": "month@UTC"}]}"#;
    let mut member = Member::new(document, &options(&server));
    let (by_name, whole) = asked(&server);
    assert_eq!(member.pass(5), 5);
    assert!(matches!(member.call_as("bob"), Err((Reason::RateLimited, Some(_)))));
    assert_eq!(asked(&server), (by_name + 6, whole));
    // What a limit refused took nothing from budgets.
    let more = document.replace("5/100d", "90/100d").replace("\"all\"", "\"more\"");
    let mut member = Member::new(&more, &options(&server));
    assert_eq!(member.pass(9), 3);
    assert_eq!(member.call_as("bob"), Err((Reason::BudgetExceeded, None)));
}

/// How often scripts were called, by name and as a whole.
fn asked(server: &Server) -> (u32, u32) {
    let stats: String = server.ask("INFO commandstats");
    let of = |name: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0,");
        line.split(',').next().unwrap().parse::<u32>().unwrap()
    };
    (of("cmdstat_evalsha:calls="), of("cmdstat_eval:calls="))
}

fn accounts_of_budgets_expire_and_show_nothing() {
    let server = Server::start();
    let document = r#"{"budget": [
        {"id": "spend", "tools": "*", "sum": "args.amount", "max": "1", "window": "hour", "key": ["agent"]},
        {"id": "all", "tools": "*", "sum": "args.amount", "max": "9", "window": "hour"}]}"#;
    let mut member = Member::new(document, &options(&server).namespace("n"));
    let holds: Vec<_> = ["ann", "bob"].map(|agent| member.start_as(agent).unwrap().unwrap()).into();
    holds.into_iter().for_each(|hold| member.limiter.settle(hold, Outcome::Failed));
    let keys: Vec<String> = server.ask("KEYS *");
    assert_eq!(keys.len(), 4);
    for key in &keys {
        assert!(key.starts_with("airlock:{n}:"), "{key}");
        assert!(["ann", "bob", "spend"].iter().all(|name| !key.contains(name)), "{key}");
        assert!(server.ask::<i64>(&format!("TTL {key}")) > 0, "{key}");
        if !key.ends_with("since") {
            assert!(server.ask::<i64>(&format!("TTL {key}")) <= 2 * 3600);
            assert_eq!(server.ask::<String>(&format!("GET {key}")), "0 0 0");
        }
    }
}

fn a_budget_that_was_lost_is_used_up_until_its_window_is_over() {
    let server = Server::start();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    let mut member = Member::new(DAILY, &options(&server));
    member.now = now;
    assert_eq!(member.pass(3), 3);
    let () = server.ask("FLUSHALL");
    assert_eq!(member.pass(9), 0);
    assert_eq!(member.events(), [StoreEvent::Forgot]);
    let mut other = Member::new(DAILY, &options(&server));
    other.now = now;
    assert_eq!(other.pass(9), 0, "whoever asks");
    member.now = now + DAY;
    assert_eq!(member.pass(20), 10);
}

fn a_budget_is_kept_by_each_process_while_the_server_is_lost() {
    let server = Server::start();
    let options = options(&server).timeout(Duration::from_millis(100));
    let mut strict = Member::new(DAILY, &options.clone().on_loss(OnLoss::Refuse));
    let mut member = Member::new(DAILY, &options.clone().on_loss(OnLoss::Fallback));
    let hold = member.start_as("ann").unwrap().unwrap();
    assert_eq!((member.pass(1), strict.pass(1)), (1, 1));
    server.signal("STOP");
    assert_eq!(strict.call_as("bob"), Err((Reason::BudgetExceeded, None)));
    let alone = member.start_as("ann").unwrap().unwrap();
    assert_eq!(member.pass(20), 7, "its own ten, two of which it had");
    // One comes back to its own books, and one is still at the server.
    member.limiter.settle(alone, Outcome::Failed);
    assert_eq!(member.pass(20), 1);
    server.signal("CONT");
    member.wait_for_return();
    strict.wait_for_return();
    member.limiter.settle(hold, Outcome::Failed);
    // The call that waited may have been charged when the server went on.
    assert_eq!(member.pass(20) + strict.pass(20), 0, "eleven, of which one came back");
}

fn a_lost_server_admits_nothing_and_comes_back_used_up() {
    let mut server = Server::start();
    let mut members = [0; 2].map(|_| Member::new(LONG, &options(&server)));
    assert_eq!(members.each_mut().map(|member| member.pass(30)), [30, 30]);
    server.kill();
    assert_eq!(members.each_mut().map(|member| member.pass(500)), [0, 0]);
    assert_eq!(members[0].call_as("bob"), Err((Reason::RateLimited, None)));
    server.restart();
    members.iter().for_each(Member::wait_for_return);
    assert_eq!(members.each_mut().map(|member| member.pass(100)), [0, 0], "used up, not full");
    for (member, calls) in members.iter().zip([501, 500]) {
        let events = member.events();
        let [StoreEvent::Lost { on_loss: OnLoss::Refuse, .. }, returned] = &*events else {
            panic!("{events:?}");
        };
        let StoreEvent::Returned { refused, admitted, .. } = returned else { panic!("{events:?}") };
        assert_eq!((*refused, *admitted), (calls, 0));
    }
    let forgot =
        |member: &Member| matches!(member.events()[1], StoreEvent::Returned { forgot: true, .. });
    assert!(members.iter().any(forgot));
}

fn a_fallback_admits_the_rate_of_each_process_and_comes_back_used_up() {
    let mut server = Server::start();
    let options = options(&server).on_loss(OnLoss::Fallback);
    let mut members = [0; 2].map(|_| Member::new(LONG, &options));
    assert_eq!(members.each_mut().map(|member| member.pass(30)), [30, 30]);
    server.kill();
    // Each has counted its own 30.
    assert_eq!(members.each_mut().map(|member| member.pass(500)), [70, 70]);
    server.restart();
    members.iter().for_each(Member::wait_for_return);
    assert_eq!(members.each_mut().map(|member| member.pass(100)), [0, 0]);
    for member in &members {
        let events = member.events();
        let [StoreEvent::Lost { on_loss: OnLoss::Fallback, .. }, returned] = &*events else {
            panic!("{events:?}");
        };
        let StoreEvent::Returned { refused, admitted, .. } = returned else { panic!("{events:?}") };
        assert_eq!((*refused, *admitted), (430, 70));
    }
}

fn what_was_admitted_alone_is_not_admitted_again_by_a_server_that_lost_nothing() {
    let server = Server::start();
    let patient = options(&server).on_loss(OnLoss::Fallback);
    let options = patient.clone().timeout(Duration::from_millis(100));
    let document = r#"{"limit": [{"id": "l", "tools": "*", "key": ["agent"], "rate": "9/100d"}]}"#;
    let mut member = Member::new(document, &options);
    assert_eq!(member.call_as("eve"), Ok(()));
    server.signal("STOP");
    assert_eq!(member.pass(20), 9);
    server.signal("CONT");
    member.wait_for_return();
    // The server is told what he used up without it.
    assert_eq!(member.pass(20), 0);
    let mut other = Member::new(document, &patient);
    assert_eq!(other.pass(20), 0);
    assert_eq!(other.call_as("eve"), Ok(()), "her account was there all the time");
}

fn a_server_that_restarts_between_two_calls_has_forgotten_them() {
    let mut server = Server::start();
    let mut member = Member::new(LONG, &options(&server));
    assert_eq!(member.pass(60), 60);
    server.restart();
    assert_eq!(member.pass(100), 0);
    assert_eq!(member.events(), [StoreEvent::Forgot]);
    let () = server.ask("FLUSHALL");
    assert_eq!(member.pass(100), 0);
    assert_eq!(member.events(), [StoreEvent::Forgot, StoreEvent::Forgot]);
}

fn a_process_that_comes_first_to_an_empty_server_gives_no_second_burst() {
    let server = Server::start();
    let document = r#"{"limit": [{"id": "l", "tools": "*", "key": ["agent"], "rate": "9/100d"}]}"#;
    let mut old = Member::new(document, &options(&server));
    assert_eq!(old.pass(20), 9);
    let () = server.ask("FLUSHALL");
    // It cannot know that the server was ever anything but empty...
    let mut new = Member::new(document, &options(&server));
    assert_eq!(new.call_as("eve"), Ok(()));
    // ...but who knows says so to all.
    assert_eq!(old.call_as("tom").map_err(|(reason, _)| reason), Err(Reason::RateLimited));
    assert_eq!(new.pass(20), 0);
    assert_eq!((old.events(), new.events()), (vec![StoreEvent::Forgot], vec![]));
}

fn a_server_that_hangs_costs_one_time_out() {
    let server = Server::start();
    // Long enough that a server that runs is never taken for one that hangs.
    let timeout = Duration::from_secs(2);
    let mut member = Member::new(LONG, &options(&server).timeout(timeout));
    assert_eq!(member.pass(1), 1);
    server.signal("STOP");
    let started = Instant::now();
    assert_eq!(member.pass(10_000), 0);
    assert!(started.elapsed() >= timeout);
    assert!(started.elapsed() < timeout * 20, "{:?}", started.elapsed());
    server.signal("CONT");
    member.wait_for_return();
    // The call that waited may have been charged when the server went on.
    assert!((98..=99).contains(&member.pass(200)), "nothing was lost");
    let events = member.events();
    let [StoreEvent::Lost { .. }, StoreEvent::Returned { refused: 10_000, forgot: false, .. }] =
        &*events
    else {
        panic!("{events:?}");
    };
}

fn a_server_that_is_not_there_at_the_start() {
    let mut server = Server::start();
    server.kill();
    let mut member = Member::new(LONG, &options(&server));
    assert!(member.limiter.is_lost());
    assert_eq!(member.pass(3), 0);
    server.restart();
    member.wait_for_return();
    assert_eq!(member.pass(200), 100, "nothing was ever charged");
}

fn a_decision_is_one_question_for_all_limits() {
    let server = Server::start();
    let document = r#"{"limit": [
        {"id": "one", "tools": "*", "key": ["agent"], "rate": "99/1h"},
        {"id": "two", "tools": "*", "key": ["agent", "tool"], "rate": "99/1h"},
        {"id": "all", "tools": "*", "rate": "99/1h"}]}"#;
    let mut member = Member::new(document, &options(&server));
    let (by_name, whole) = asked(&server);
    assert_eq!(member.pass(50), 50);
    assert_eq!(asked(&server), (by_name + 50, whole));
}

fn a_flushed_script_is_loaded_again() {
    let server = Server::start();
    let mut member = Member::new(LONG, &options(&server));
    assert_eq!(member.pass(50), 50);
    let () = server.ask("SCRIPT FLUSH");
    assert_eq!(member.pass(100), 50);
    assert_eq!(member.events(), []);
}

fn accounts_expire_when_they_are_full() {
    let server = Server::start();
    let document = |rate: &str| {
        format!(r#"{{"limit": [{{"id": "l", "tools": "*", "key": ["agent"], "rate": "{rate}"}}]}}"#)
    };
    let mut member = Member::new(&document("2/1000s"), &options(&server));
    for agent in 0..50 {
        assert_eq!(member.call_as(&format!("agent-{agent}")), Ok(()));
    }
    let keys: Vec<String> = server.ask("KEYS *");
    assert_eq!(keys.len(), 51);
    // One of two calls was made; the mark of the namespace is kept for longer.
    let left = keys.iter().map(|key| server.ask::<i64>(&format!("PTTL {key}")));
    let left: Vec<_> = left.collect();
    assert!(left.iter().all(|&left| left > 0), "{left:?}");
    let accounts = left.iter().filter(|left| (300_000..=501_000).contains(*left));
    assert_eq!(accounts.count(), 50, "{left:?}");
    let soon = options(&server).namespace("soon");
    let mut member = Member::new(&document("2/1s"), &soon);
    assert_eq!(member.call_as("bob"), Ok(()));
    wait_until(|| server.ask::<usize>("DBSIZE") == 52);
}

/// CRC16 of XMODEM over what is between the first braces, as the specification of Redis Cluster has it.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).unwrap().0;
    let step = |crc: u16, byte: u8| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    };
    tag.bytes().fold(0, step) % 16_384
}

fn keys_of_a_decision_are_in_one_slot_and_show_nothing() {
    assert_eq!(slot("{123456789}"), 0x31c3);
    let server = Server::start();
    let document = r#"{"limit": [
        {"id": "one", "tools": "*", "key": ["agent"], "rate": "9/1h"},
        {"id": "two", "tools": "*", "key": ["agent", "tool"], "rate": "9/1h"},
        {"id": "all", "tools": "*", "rate": "9/1h"}]}"#;
    let mut member = Member::new(document, &options(&server).namespace("pay{ments}"));
    assert_eq!(member.call_as("bob-the-agent"), Ok(()));
    let keys: Vec<String> = server.ask("KEYS *");
    assert_eq!(keys.len(), 4, "{keys:?}");
    let slots: BTreeSet<_> = keys.iter().map(|key| slot(key)).collect();
    assert_eq!(slots.len(), 1, "{keys:?}");
    for key in &keys {
        assert!(key.starts_with("airlock:{pay_ments_}:") && !key.contains("bob"), "{key}");
    }
    // Other limits for another namespace.
    let mut other = Member::new(document, &options(&server).namespace("other"));
    assert_eq!((member.pass(20), other.pass(20)), (8, 9));
}

fn a_node_of_a_cluster_keeps_limits() {
    let server = Server::with(&["--cluster-enabled", "yes"]);
    let () = server.ask("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until(|| server.ask::<String>("CLUSTER INFO").contains("cluster_state:ok"));
    let document = r#"{"limit": [
        {"id": "one", "tools": "*", "key": ["agent"], "rate": "9/1h"},
        {"id": "all", "tools": "*", "rate": "99/1h"}]}"#;
    let mut member = Member::new(document, &options(&server));
    assert_eq!(member.pass(20), 9);
    assert_eq!(member.events(), []);
    for key in server.ask::<Vec<String>>("KEYS *") {
        assert_eq!(server.ask::<u16>(&format!("CLUSTER KEYSLOT {key}")), slot(&key));
    }
}

/// A node that has none of the keys.
fn the_node_that_has_the_keys_is_asked() {
    let server = Server::start();
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", node.local_addr().unwrap());
    let moved = format!("-MOVED 42 127.0.0.1:{}\r\n", server.port);
    thread::spawn(move || {
        for stream in node.incoming() {
            let mut stream = stream.unwrap();
            let mut question = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut question) {
                let text = String::from_utf8_lossy(&question[..length]).into_owned();
                let commands = text.matches("\r\n*").count() + 1;
                if text.contains("EVALSHA") {
                    stream.write_all(moved.as_bytes()).unwrap();
                } else {
                    stream.write_all("-ERR not now\r\n".repeat(commands).as_bytes()).unwrap();
                }
            }
        }
    });
    let options = RedisOptions::new(&url).unwrap().timeout(PATIENCE);
    let mut member = Member::new(LONG, &options);
    assert_eq!(member.events(), []);
    assert_eq!(member.pass(200), 100);
}

fn no_password_is_shown() {
    let password = format!("{}-{}", "hunter", 40 + 2);
    let server = Server::with(&["--requirepass", "another"]);
    let url = format!("redis://:{password}@127.0.0.1:{}/", server.port);
    let options = RedisOptions::new(&url).unwrap();
    let member = Member::new(LONG, &options);
    assert!(member.limiter.is_lost());
    let [StoreEvent::Lost { why, .. }] = &*member.events() else { panic!() };
    assert!(!why.is_empty());
    let shown = format!("{options:?} {:?} {:?} {why}", member.limiter, member.events());
    assert!(!shown.contains(&password), "{shown}");
    for bad in [format!("http://u:{password}@h/"), format!("redis://u:{password}@h:x/")] {
        let error = RedisOptions::new(&bad).unwrap_err();
        assert_eq!(error, StoreError::Url);
        assert!(!error.to_string().contains(&password));
    }
    if cfg!(feature = "redis-tls") {
        let unchecked = RedisOptions::new("rediss://h/#insecure").unwrap_err();
        assert_eq!(unchecked, StoreError::Unchecked);
    } else {
        assert_eq!(RedisOptions::new("rediss://h/").unwrap_err(), StoreError::NoTls);
    }
    let plain = RedisOptions::new("redis://h/").unwrap().ca_file(Path::new("ca.pem"));
    assert_eq!(plain.unwrap_err(), StoreError::NotEncrypted);
    let policy = format!(r#"{{"store": {{"redis": "{url}"}}}}"#);
    let error = Policy::from_json(&policy).unwrap_err().to_string();
    assert!(error.contains("no password") && !error.contains(&password), "{error}");
}

/// A certificate of an authority, and one that it gave to `localhost` with its key; none without openssl.
#[cfg(feature = "redis-tls")]
fn certificates(folder: &Path, name: &str) -> Option<[String; 3]> {
    let file = |part: &str| folder.join(format!("{name}-{part}.pem")).display().to_string();
    let [ca, ca_key, certificate, key] = ["ca", "ca-key", "cert", "key"].map(file);
    let make = |subject: &str, key: &str, out: &str, more: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        openssl.args(["-nodes", "-days", "2", "-subj", subject, "-keyout", key, "-out", out]);
        let openssl = openssl.args(more).stdout(Stdio::null()).stderr(Stdio::null());
        openssl.status().is_ok_and(|status| status.success())
    };
    let names = "subjectAltName=DNS:localhost";
    let leaf = "basicConstraints=critical,CA:FALSE";
    let signed = ["-CA", &ca, "-CAkey", &ca_key, "-addext", names, "-addext", leaf];
    let made = make("/CN=airlock tests", &ca_key, &ca, &[])
        && make("/CN=localhost", &key, &certificate, &signed);
    made.then_some([ca, certificate, key])
}

#[cfg(feature = "redis-tls")]
fn an_encrypted_server_is_trusted_by_its_name_and_its_authority() {
    let folder = env::temp_dir().join(format!("airlock-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let made = certificates(&folder, "one").zip(certificates(&folder, "other"));
    let Some(([ca, certificate, key], [other, ..])) = made else {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "openssl 3 is missing");
        return eprintln!("SKIPPED: openssl 3 is missing");
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let files = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let more = ["--tls-auth-clients", "no", "--tls-ca-cert-file", &ca];
    let server = Server::with(&[&files[..], &more].concat());
    let encrypted = |host: &str| {
        let options = RedisOptions::new(&format!("rediss://{host}:{port}/")).unwrap();
        options.timeout(Duration::from_secs(2))
    };
    let trusting = |host: &str, ca: &str| encrypted(host).ca_file(Path::new(ca)).unwrap();
    let mut member = Member::new(LONG, &trusting("localhost", &ca));
    assert_eq!((member.pass(200), member.events()), (100, vec![]));
    assert_eq!(Member::new(LONG, &options(&server)).pass(9), 0, "the same server");
    for (options, why) in [
        (encrypted("localhost"), "the system does not know the authority"),
        (trusting("localhost", &other), "another authority"),
        (trusting("127.0.0.1", &ca), "another name"),
    ] {
        let mut member = Member::new(LONG, &options);
        assert_eq!(member.call_as("eve"), Err((Reason::RateLimited, None)), "{why}");
        let events = member.events();
        let [StoreEvent::Lost { why: told, .. }] = &*events else { panic!("{why}: {events:?}") };
        assert!(told.to_lowercase().contains("certificate"), "{why}: {told}");
    }
    for bad in [&key, &folder.join("none").display().to_string()] {
        let error = encrypted("localhost").ca_file(Path::new(bad)).unwrap_err();
        assert_eq!(error, StoreError::CaFile);
    }
    // A policy says the same.
    let store =
        format!(r#"{{"store": {{"redis": "rediss://localhost:{port}", "ca_file": {ca:?}}}}}"#);
    let policy = Policy::from_json(&store).unwrap();
    let options = RedisOptions::of(&policy, None).unwrap().unwrap();
    assert_eq!(
        Member::new(LONG, &options.timeout(Duration::from_secs(2)).namespace("n")).pass(9),
        9
    );
    let _ = fs::remove_dir_all(&folder);
}

#[cfg(feature = "redis-tls")]
fn a_server_that_never_shakes_hands_costs_a_time_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rediss://localhost:{}/", silent.local_addr().unwrap().port());
    let started = Instant::now();
    let timeout = Duration::from_millis(100);
    let mut member = Member::new(LONG, &RedisOptions::new(&url).unwrap().timeout(timeout));
    assert_eq!(member.pass(1000), 0);
    assert!(started.elapsed() < timeout * 30, "{:?}", started.elapsed());
}

fn a_kill_key_halts_the_fleet_within_a_second() {
    let server = Server::start();
    let options = options(&server).kill_key("halt-all");
    // With this a look that takes too long on a busy machine halts nobody.
    let holding_on = options.clone().on_loss(OnLoss::Fallback);
    let fleet = [0; 3].map(|_| {
        let causes = Causes::default();
        let key = KillKey::watch(&holding_on, &causes, |_| {}).unwrap().unwrap();
        (causes, key)
    });
    let halted = |wanted| fleet.iter().all(|(causes, _)| causes.switch().is_on() == wanted);
    assert!(halted(false));
    let turns = [("SET halt-all 1", true), ("DEL halt-all", false)].into_iter().cycle().take(6);
    let mut took: Vec<_> = turns
        .map(|(command, on)| {
            let _: redis::Value = server.ask(command);
            let turned = Instant::now();
            wait_until(|| halted(on));
            turned.elapsed()
        })
        .collect();
    // The machine may stand still now and then, not most of the time.
    took.sort();
    assert!(took[2] < Duration::from_secs(1), "{took:?}");
    // In force from the first call on.
    let () = server.ask("SET halt-all 1");
    let causes = Causes::default();
    let _key = KillKey::watch(&options, &causes, |_| {}).unwrap();
    assert!(causes.switch().is_on());
}

fn a_lost_kill_key_halts_or_holds_on() {
    let mut server = Server::start();
    let watch = |on_loss| {
        let causes = Causes::default();
        let turns = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&turns);
        let tell = move |on| told.lock().unwrap().push(on);
        let options = options(&server).kill_key("halt").on_loss(on_loss);
        let key = KillKey::watch(&options, &causes, tell).unwrap();
        (causes, key, turns)
    };
    let (refuse, _first, turns) = watch(OnLoss::Refuse);
    let (fallback, _second, _) = watch(OnLoss::Fallback);
    server.kill();
    wait_until(|| refuse.switch().is_on());
    assert!(!fallback.switch().is_on(), "what it said last holds on");
    server.restart();
    wait_until(|| !refuse.switch().is_on());
    // A look that took too long on a busy machine is a turn too.
    let told = turns.lock().unwrap().clone();
    assert!(told.len() >= 2, "{told:?}");
    let alternate = told.iter().enumerate().all(|(number, &on)| on == (number % 2 == 0));
    assert!(alternate, "told once each: {told:?}");
    let () = server.ask("SET halt 1");
    wait_until(|| refuse.switch().is_on() && fallback.switch().is_on());
    server.kill();
    thread::sleep(Duration::from_millis(600));
    assert!(refuse.switch().is_on() && fallback.switch().is_on());
}

fn a_kill_file_and_a_kill_key_do_not_undo_each_other() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kill");
    let causes = Causes::default();
    let file = KillFile::among(path.clone(), &causes);
    let holding_on = options(&server).kill_key("halt").on_loss(OnLoss::Fallback);
    let is_there = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_there);
    let turned = move |came| seen.store(came, Ordering::SeqCst);
    let _key = KillKey::watch(&holding_on, &causes, turned).unwrap();
    let () = server.ask("SET halt 1");
    wait_until(|| is_there.load(Ordering::SeqCst));
    file.poll();
    assert!(causes.switch().is_on(), "the file is not there, the key is");
    fs::write(&path, "").unwrap();
    file.poll();
    let _: u8 = server.ask("DEL halt");
    wait_until(|| !is_there.load(Ordering::SeqCst));
    assert!(causes.switch().is_on(), "the key is gone, the file is not");
    fs::remove_file(&path).unwrap();
    file.poll();
    assert!(!causes.switch().is_on());
}

fn stored(store: &str, limits: &str) -> PolicyFile {
    let document = format!(
        "name = \"shop\"\n[store]\nredis = \"{store}\"\ntimeout_ms = 10000\non_loss = \"fallback\"\n\
         kill_key = \"stop-shop\"\n{limits}"
    );
    PolicyFile::parse("policy.toml", &document).unwrap()
}

fn firewall(server: &Server) -> Firewall {
    let policy =
        stored(&server.url(), "[[limit]]\nid = \"l\"\ntools = [\"*\"]\nrate = \"50/100d\"\n");
    let tool = ToolDefinition { name: "search", input_schema: b"{}", output_schema: None };
    Firewall::builder().policy(policy).tool(tool).unwrap().build().unwrap()
}

fn a_firewall_under_a_policy_with_a_store_shares_its_limits() {
    let server = Server::start();
    let fleet = [0; 2].map(|_| firewall(&server));
    let call = Call { tool: "search", arguments: b"{}", ..Call::default() };
    let pass = |firewall: &Firewall| {
        let passes = || firewall.call(&call).map(|permit| permit.finish(Outcome::Ok)).is_ok();
        (0..30).filter(|_| passes()).count()
    };
    assert_eq!(fleet.each_ref().map(pass), [30, 20]);
    let () = server.ask("SET stop-shop 1");
    wait_until(|| fleet.iter().all(|firewall| firewall.kill_switch().is_on()));
    assert_eq!(fleet[0].call(&call).unwrap_err().reason(), Reason::Halted);
}

fn a_policy_that_is_changed_counts_on_at_the_server() {
    let server = Server::start();
    let old = firewall(&server);
    let call = Call { tool: "search", arguments: b"{}", ..Call::default() };
    let pass = |firewall: &Firewall, calls| {
        let passes = || firewall.call(&call).map(|permit| permit.finish(Outcome::Ok)).is_ok();
        (0..calls).filter(|_| passes()).count()
    };
    assert_eq!(pass(&old, 30), 30);
    // Another limit comes first, so that numbers are others.
    let limits = "[[limit]]\nid = \"first\"\ntools = [\"*\"]\nrate = \"500/100d\"\n\
                  [[limit]]\nid = \"l\"\ntools = [\"*\"]\nrate = \"50/100d\"\n";
    let new = old.succeed(stored(&server.url(), limits)).unwrap();
    assert_eq!((pass(&new, 5), pass(&old, 5), pass(&new, 30)), (5, 5, 10));
    let refusal = new.call(&call).unwrap_err();
    assert_eq!(refusal.refusal().rule(), Some("l"));
    let () = server.ask("SET stop-shop 1");
    wait_until(|| new.kill_switch().is_on());
    let elsewhere = new.succeed(stored("redis://127.0.0.1:1/0", limits));
    assert!(matches!(elsewhere, Err(FirewallError::StoreChanged)));
}

fn many_threads_of_a_firewall_get_exactly_what_there_is() {
    let server = Server::start();
    let firewall = firewall(&server);
    let passed = thread::scope(|scope| {
        let threads = [0; 8].map(|_| {
            scope.spawn(|| {
                let call = Call { tool: "search", arguments: b"{}", ..Call::default() };
                (0..50).filter(|_| firewall.call(&call).is_ok()).count()
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(passed.iter().sum::<usize>(), 50, "{passed:?}");
}

/// A firewall with an audit log and counters, on a store.
struct Recorded {
    firewall: Firewall,
    metrics: Metrics,
    folder: TempDir,
}

/// The audit log in its folder.
const LOG: &str = "audit.jsonl";

impl Recorded {
    fn new(options: RedisOptions) -> Self {
        let (folder, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let limits = "[[limit]]\nid = \"l\"\ntools = \"*\"\nrate = \"100/100d\"\n";
        let policy = PolicyFile::parse("policy.toml", limits).unwrap();
        let builder = Firewall::builder().policy(policy).redis(options).metrics(metrics.clone());
        let tool = ToolDefinition { name: "search", input_schema: b"{}", output_schema: None };
        let firewall =
            builder.audit_file(&folder.path().join(LOG)).tool(tool).unwrap().build().unwrap();
        Self { firewall, metrics, folder }
    }

    fn passes(&self) -> bool {
        let call = Call { tool: "search", arguments: b"{}", ..Call::default() };
        self.firewall.call(&call).map(|permit| permit.finish(Outcome::Ok)).is_ok()
    }

    fn counted(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|found| found == line)
    }

    /// What a log that was closed with its firewall has of a kind.
    fn records(self, kind: &str) -> Vec<Value> {
        drop(self.firewall);
        let text = fs::read_to_string(self.folder.path().join(LOG)).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let records: Vec<_> = records.collect();
        assert_eq!(records.last().unwrap()["kind"], "close", "nobody else keeps it open");
        records.into_iter().filter(|record| record["kind"] == kind).collect()
    }
}

fn an_outage_is_two_records_however_many_calls_it_meets() {
    let mut server = Server::start();
    let recorded = Recorded::new(options(&server).on_loss(OnLoss::Refuse));
    assert!(recorded.passes());
    server.kill();
    (0..7).for_each(|_| assert!(!recorded.passes()));
    assert!(recorded.counted("airlock_store_lost_total 1"));
    assert!(recorded.counted("airlock_store_returned_total 0"));
    server.restart();
    wait_until(|| recorded.counted("airlock_store_returned_total 1"));
    for line in [
        "airlock_store_lost_total 1",
        "airlock_store_forgot_total 1",
        "airlock_store_outage_calls_total{outcome=\"refused\"} 7",
        "airlock_store_outage_calls_total{outcome=\"admitted\"} 0",
    ] {
        assert!(recorded.counted(line), "{line}");
    }
    let stores = recorded.records("store");
    let [lost, returned] = &stores[..] else { panic!("{stores:?}") };
    assert_eq!((&lost["event"], &lost["on_loss"]), (&json!("lost"), &json!("refuse")));
    assert!(lost["detail"].is_string() && returned["after_ms"].is_u64(), "{stores:?}");
    let told = ["event", "refused", "admitted", "forgot"].map(|member| returned[member].clone());
    assert_eq!(told, [json!("returned"), json!(7), json!(0), json!(true)]);
}

fn data_that_the_store_lost_between_two_calls_are_recorded() {
    let mut server = Server::start();
    let recorded = Recorded::new(options(&server));
    assert!(recorded.passes());
    server.restart();
    recorded.passes();
    assert!(recorded.counted("airlock_store_forgot_total 1"));
    let stores = recorded.records("store");
    assert_eq!(stores.last().unwrap()["event"], "forgot", "{stores:?}");
}

fn a_kill_key_that_turns_is_recorded_and_counted() {
    let server = Server::start();
    let holding_on = options(&server).kill_key("airlock:halt").on_loss(OnLoss::Fallback);
    let recorded = Recorded::new(holding_on);
    assert!(recorded.passes() && recorded.counted("airlock_halted 0"));
    server.ask::<()>("SET airlock:halt 1");
    wait_until(|| recorded.counted("airlock_halted 1"));
    assert!(!recorded.passes());
    server.ask::<()>("DEL airlock:halt");
    wait_until(|| recorded.counted("airlock_halted 0"));
    assert!(recorded.counted("airlock_halts_total{cause=\"kill_key\"} 1"));
    let halts = recorded.records("halt");
    let told: Vec<_> = halts
        .iter()
        .map(|halt| ["cause", "came", "halted"].map(|member| halt[member].clone()))
        .collect();
    let halt = |on: bool| [json!("kill_key"), json!(on), json!(on)];
    assert_eq!(told, [halt(true), halt(false)]);
}
