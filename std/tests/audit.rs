//! The audit log under processes that are killed, disks that are full, and files that are renamed.
//!
//! This file is its own process to kill (`audit __decide …`); hence no test harness.
#![cfg(unix)]
// Without the harness, clippy does not know that these are tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/harness.rs"]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use airlock::audit::{AuditLog, Places};
use airlock::core::mcp::{Direction, Event, Outcome, Unrecorded};
use airlock::core::policy::{AuditPolicy, Policy};
use serde_json::{Value, json};

const TESTS: &[harness::Test] = &[
    ("killed_in_sync_mode_every_answer_is_on_disk", killed_in_sync_mode_every_answer_is_on_disk),
    (
        "killed_in_async_mode_no_more_than_the_queue_is_lost",
        killed_in_async_mode_no_more_than_the_queue_is_lost,
    ),
    ("a_clean_end_leaves_no_gap", a_clean_end_leaves_no_gap),
    ("a_start_without_decisions_leaves_nothing", a_start_without_decisions_leaves_nothing),
    ("a_run_that_lives_is_no_gap", a_run_that_lives_is_no_gap),
    ("a_torn_line_is_ended_by_the_next_start", a_torn_line_is_ended_by_the_next_start),
    ("a_full_disk_refuses_or_continues", a_full_disk_refuses_or_continues),
    ("a_disk_that_fills_and_empties_leaves_a_gap", a_disk_that_fills_and_empties_leaves_a_gap),
    ("a_full_queue_waits_or_refuses", a_full_queue_waits_or_refuses),
    ("a_flush_waits_until_all_is_written", a_flush_waits_until_all_is_written),
    ("full_files_are_rotated_by_whoever_finds_them", full_files_are_rotated_by_whoever_finds_them),
    ("the_oldest_file_is_deleted", the_oldest_file_is_deleted),
    ("a_renamed_file_is_opened_anew", a_renamed_file_is_opened_anew),
    ("a_deleted_file_is_created_again", a_deleted_file_is_created_again),
    ("threads_share_a_log", threads_share_a_log),
];

fn main() {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("__decide") => decide(&arguments.collect::<Vec<_>>()),
        Some("__fill") => fill(&arguments.collect::<Vec<_>>()),
        filter => harness::run(TESTS, filter),
    }
}

/// How long to wait for what is sure to come: long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of one test.
struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("audit.jsonl")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// What a document with this `[audit]` says.
fn settings(audit: Value) -> AuditPolicy {
    let document = json!({ "audit": audit }).to_string();
    Policy::from_json(&document).unwrap().audit().clone()
}

fn open(path: &Path, audit: Value) -> AuditLog {
    AuditLog::open_with(path, &settings(audit), Places::default(), None).unwrap()
}

fn record(log: &AuditLog) -> Result<(), Unrecorded> {
    let outcome = Outcome::Rejected { code: -32602, why: "unknown tool" };
    let arguments = Some(&br#"{"text":"some text","n":1}"#[..]);
    let event = Event { tool: Some("echo"), arguments, ..Event::new(Direction::ToServer, outcome) };
    log.record(&event, Instant::now())
}

/// The records in `path`; what is torn is none.
fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn of_kind<'r>(records: &'r [Value], kind: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

/// Decides until it is killed, and says so after each decision. Arguments: the log, its settings, and
/// after how many decisions to end, if at all.
fn decide(arguments: &[String]) {
    let log = open(Path::new(&arguments[0]), serde_json::from_str(&arguments[1]).unwrap());
    let most = arguments.get(2).map_or(u64::MAX, |most| most.parse().unwrap());
    let mut out = std::io::stdout().lock();
    for _ in 0..most {
        record(&log).unwrap();
        // A line buffer lets go at each line feed.
        out.write_all(b"\n").unwrap();
    }
}

fn start(log: &Path, audit: &Value, most: Option<u32>) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["__decide", log.to_str().unwrap(), &audit.to_string()])
        .args(most.map(|most| most.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills a process that decides at 50 moments; for each of them how many answers it gave and how many
/// records there are, after the log was opened again.
fn kill_50_times(audit: &Value) -> Vec<(u64, u64)> {
    let dir = Dir::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut counts = Vec::new();
    for round in 0..50 {
        let log = dir.log();
        let mut child = start(&log, audit, None);
        let mut out = child.stdout.take().unwrap();
        // Some are killed late, however slow the machine is.
        let mut answered = vec![0; if round % 10 == 0 { 100 } else { 1 }];
        out.read_exact(&mut answered).unwrap();
        // The pipe must not fill: a process that waits for it is always killed at the same place.
        let reader = thread::spawn(move || {
            out.read_to_end(&mut answered).unwrap();
            answered.len() as u64
        });
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        thread::sleep(Duration::from_micros(random % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let answered = reader.join().unwrap();

        let before = fs::read_to_string(&log).unwrap();
        let (whole, torn) = before.rsplit_once('\n').unwrap_or_default();
        for line in whole.lines() {
            let read = serde_json::from_str::<Value>(line);
            read.unwrap_or_else(|error| panic!("{error}: {line}"));
        }
        let decisions = records(&log);
        let decisions = of_kind(&decisions, "decision");
        let last = decisions.last().map_or(0, |last| last["seq"].as_u64().unwrap());
        assert_eq!(last, decisions.len() as u64, "no number is missing before the last one");
        let mark = dir
            .names()
            .into_iter()
            .find_map(|name| name.strip_prefix("audit.jsonl.run-").map(str::to_owned));

        // The next start says what is missing, and goes on in a line of its own.
        let next = open(&log, audit.clone());
        let gap = records(&log).pop().unwrap();
        assert_eq!((&gap["kind"], &gap["cause"]), (&json!("gap"), &json!("not_closed")), "{round}");
        assert_eq!(gap["run"], mark.expect("a killed run leaves its mark"));
        assert!(decisions.iter().all(|record| record["run"] == gap["run"]));
        assert_eq!(gap["last_seq"].as_u64().unwrap_or(0), last);
        assert_eq!(gap["lost_at_most"], audit["queue"].as_u64().unwrap_or(0));
        assert_eq!(gap["torn"], !torn.is_empty());
        record(&next).unwrap();
        next.close();
        assert_eq!(records(&log).last().unwrap()["kind"], "close");
        // One that comes later does not say it again.
        open(&log, audit.clone()).close();
        assert_eq!(of_kind(&records(&log), "gap").len(), 1);
        counts.push((answered, last));
        fs::remove_file(&log).unwrap();
    }
    counts
}

fn killed_in_sync_mode_every_answer_is_on_disk() {
    for (answered, recorded) in kill_50_times(&json!({"mode": "sync"})) {
        assert!(answered <= recorded, "{answered} answered, {recorded} recorded");
    }
}

fn killed_in_async_mode_no_more_than_the_queue_is_lost() {
    let queue = 32;
    let counts = kill_50_times(&json!({"mode": "async", "queue": queue}));
    for (answered, recorded) in &counts {
        assert!(*answered <= recorded + queue, "{answered} answered, {recorded} recorded");
    }
    assert!(counts.iter().any(|(answered, _)| *answered > 2 * queue), "{counts:?}");
}

fn a_clean_end_leaves_no_gap() {
    for audit in [json!({}), json!({"mode": "async"})] {
        let dir = Dir::new();
        for _ in 0..2 {
            assert!(
                start(&dir.log(), &audit, Some(300)).wait_with_output().unwrap().status.success()
            );
        }
        let records = records(&dir.log());
        assert_eq!(of_kind(&records, "decision").len(), 600);
        for kind in ["open", "close"] {
            assert_eq!(of_kind(&records, kind).len(), 2, "{kind}");
        }
        assert!(of_kind(&records, "gap").is_empty());
        assert_eq!(dir.names(), ["audit.jsonl", "audit.jsonl.lock"]);
    }
}

/// Some clients start a server only to see what it can, and kill it.
fn a_start_without_decisions_leaves_nothing() {
    let dir = Dir::new();
    let log = open(&dir.log(), json!({"mode": "async"}));
    assert_eq!(dir.names(), ["audit.jsonl", "audit.jsonl.lock"]);
    log.close();
    assert_eq!(fs::read(dir.log()).unwrap(), b"");
    assert_eq!(record(&log), Err(Unrecorded), "closed");
    assert_eq!(record(&AuditLog::none()), Ok(()));
}

fn a_run_that_lives_is_no_gap() {
    let dir = Dir::new();
    let one = open(&dir.log(), json!({}));
    record(&one).unwrap();
    let other = open(&dir.log(), json!({}));
    record(&other).unwrap();
    record(&one).unwrap();
    one.close();
    other.close();
    let records = records(&dir.log());
    assert!(of_kind(&records, "gap").is_empty());
    let decisions = of_kind(&records, "decision");
    assert_eq!(decisions[0]["run"], decisions[2]["run"]);
    assert_ne!(decisions[0]["run"], decisions[1]["run"]);
    let numbers: Vec<_> = decisions.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 1, 2]);
}

fn a_torn_line_is_ended_by_the_next_start() {
    let dir = Dir::new();
    fs::write(dir.log(), "{\"v\":1,\"kind\":\"decision\"}\n{\"v\":1,\"ki").unwrap();
    let log = open(&dir.log(), json!({}));
    record(&log).unwrap();
    log.close();
    let text = fs::read_to_string(dir.log()).unwrap();
    assert!(text.contains("\"ki\n{\"v\":1,\"kind\":\"open\""), "{text}");
    let kinds = records(&dir.log());
    let kinds: Vec<_> = kinds.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["decision", "open", "decision", "close"]);
}

fn a_full_disk_refuses_or_continues() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        println!("SKIPPED: no /dev/full here");
        return;
    }
    assert_eq!(record(&open(full, json!({}))), Err(Unrecorded));
    assert_eq!(record(&open(full, json!({"on_error": "continue"}))), Ok(()));
    // A queue takes what it can and knows only later.
    let refusing = open(full, json!({"mode": "async", "queue": 8}));
    let continuing = open(full, json!({"mode": "async", "queue": 8, "on_error": "continue"}));
    let until = Instant::now() + PATIENCE;
    while record(&refusing).is_ok() {
        assert!(Instant::now() < until, "a disk that takes nothing is noticed");
    }
    for _ in 0..100 {
        assert_eq!(record(&continuing), Ok(()));
    }
}

/// Fills the file up to a limit, then lifts it. Arguments: the log and its settings.
fn fill(arguments: &[String]) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Without a handler the signal of the limit would end us.
    signal_hook::flag::register(25, Default::default()).unwrap();
    let unlimited = getrlimit(Resource::Fsize);
    let limited = Rlimit { current: Some(3000), ..unlimited };
    setrlimit(Resource::Fsize, limited).unwrap();
    let log = open(Path::new(&arguments[0]), serde_json::from_str(&arguments[1]).unwrap());
    let refused = (0..100).filter(|_| record(&log).is_err()).count();
    println!("{refused}");
    setrlimit(Resource::Fsize, unlimited).unwrap();
    let until = Instant::now() + PATIENCE;
    while record(&log).is_err() {
        assert!(Instant::now() < until, "a disk that takes records again is used again");
        thread::sleep(Duration::from_millis(10));
    }
}

fn a_disk_that_fills_and_empties_leaves_a_gap() {
    for on_error in ["refuse", "continue"] {
        let dir = Dir::new();
        let done = Command::new(env::current_exe().unwrap())
            .args([
                "__fill",
                dir.log().to_str().unwrap(),
                &json!({"on_error": on_error}).to_string(),
            ])
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{said}");
        assert_eq!(said.matches("cannot be written").count(), 1, "once an outage: {said}");
        let refused: usize = String::from_utf8(done.stdout).unwrap().trim().parse().unwrap();
        let text = fs::read_to_string(dir.log()).unwrap();
        let torn = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count();
        assert_eq!(torn, 1, "the line at the limit: {text}");
        let records = records(&dir.log());
        let [gap] = of_kind(&records, "gap")[..] else { panic!("one gap: {text}") };
        assert_eq!(gap["cause"], "not_written");
        let lost = gap["lost"].as_u64().unwrap() as usize;
        assert_eq!(lost + of_kind(&records, "decision").len(), 101);
        assert_eq!(refused, if on_error == "refuse" { lost } else { 0 });
    }
}

/// A pipe that nobody reads fills, so the thread that writes to it stands still.
fn a_full_queue_waits_or_refuses() {
    let dir = Dir::new();
    let pipe = dir.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut reader =
        fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("it never blocks");
    let audit = json!({"mode": "async", "queue": 4, "when_full": "refuse"});
    let log = open(&pipe, audit);
    let mut kept = 0;
    while record(&log).is_ok() {
        kept += 1;
        assert!(kept < 10_000, "a queue has an end");
        thread::sleep(Duration::from_micros(100));
    }
    // The same with patience: the decision comes through as soon as someone reads.
    let waiting = open(&pipe, json!({"mode": "async", "queue": 4}));
    let writer = thread::spawn(move || (0..1000).all(|_| record(&waiting).is_ok()));
    thread::sleep(Duration::from_millis(50));
    assert!(!writer.is_finished());
    thread::spawn(move || {
        let mut sink = [0; 4096];
        while reader.read(&mut sink).is_ok() {}
    });
    assert!(writer.join().unwrap());
}

fn a_flush_waits_until_all_is_written() {
    let dir = Dir::new();
    for audit in [json!({}), json!({"mode": "async"})] {
        let log = open(&dir.log(), audit);
        assert_eq!(log.flush(), Ok(()), "nothing is missing");
        let before =
            fs::read_to_string(dir.log()).unwrap().matches("\"kind\":\"decision\"").count();
        (0..200).for_each(|_| record(&log).unwrap());
        assert_eq!(log.flush(), Ok(()));
        let text = fs::read_to_string(dir.log()).unwrap();
        assert_eq!(text.matches("\"kind\":\"decision\"").count(), before + 200);
        log.close();
        assert_eq!(log.flush(), Err(Unrecorded), "closed");
    }
    assert_eq!(AuditLog::none().flush(), Ok(()));
    let full = Path::new("/dev/full");
    if !full.exists() {
        println!("SKIPPED: no /dev/full here");
        return;
    }
    let log = open(full, json!({"mode": "async", "on_error": "continue"}));
    let _ = record(&log);
    assert_eq!(log.flush(), Err(Unrecorded), "the file takes nothing");
}

/// The number of every decision, by run, in the files beside the log.
fn numbers(dir: &Dir) -> BTreeMap<String, BTreeSet<u64>> {
    let mut numbers: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let names = dir.names().into_iter().filter(|name| !name.ends_with("lock"));
    for path in names.map(|name| dir.path(&name)) {
        for record in of_kind(&records(&path), "decision") {
            let run = numbers.entry(record["run"].as_str().unwrap().to_owned()).or_default();
            assert!(run.insert(record["seq"].as_u64().unwrap()), "a record occurs once");
        }
        assert!(fs::metadata(&path).unwrap().len() <= 65_536 + 2000, "{path:?}");
    }
    numbers
}

fn full_files_are_rotated_by_whoever_finds_them() {
    let dir = Dir::new();
    for audit in [
        json!({"max_bytes": 65_536, "keep": 100}),
        json!({"max_bytes": 65_536, "keep": 100, "mode": "async", "queue": 8}),
    ] {
        let children: Vec<_> = (0..4).map(|_| start(&dir.log(), &audit, Some(800))).collect();
        for child in children {
            assert!(child.wait_with_output().unwrap().status.success());
        }
    }
    let numbers = numbers(&dir);
    assert_eq!(numbers.len(), 8);
    assert!(numbers.values().all(|run| run.iter().copied().eq(1..=800)));
    assert!(dir.names().len() > 8, "{:?}", dir.names());
}

fn the_oldest_file_is_deleted() {
    let dir = Dir::new();
    let audit = json!({"max_bytes": 65_536, "keep": 2});
    assert!(start(&dir.log(), &audit, Some(3000)).wait_with_output().unwrap().status.success());
    assert_eq!(dir.names(), ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.lock"]);
    let numbers = numbers(&dir);
    let kept = numbers.values().next().unwrap();
    let first = *kept.first().unwrap();
    assert!(first > 1);
    assert!(kept.iter().copied().eq(first..=3000), "the newest are kept");
}

fn a_renamed_file_is_opened_anew() {
    for audit in [json!({}), json!({"mode": "async"})] {
        let dir = Dir::new();
        let log = open(&dir.log(), audit);
        record(&log).unwrap();
        let other = dir.path("yesterday.jsonl");
        let until = Instant::now() + PATIENCE;
        while records(&dir.log()).len() < 2 {
            assert!(Instant::now() < until);
            thread::sleep(Duration::from_millis(1));
        }
        fs::rename(dir.log(), &other).unwrap();
        log.reopen();
        record(&log).unwrap();
        log.close();
        assert_eq!(of_kind(&records(&other), "decision")[0]["seq"], 1);
        assert_eq!(of_kind(&records(&dir.log()), "decision")[0]["seq"], 2);
    }
}

fn a_deleted_file_is_created_again() {
    let dir = Dir::new();
    let log = open(&dir.log(), json!({}));
    record(&log).unwrap();
    fs::remove_file(dir.log()).unwrap();
    record(&log).unwrap();
    assert_eq!(records(&dir.log())[0]["seq"], 2);
}

fn threads_share_a_log() {
    for audit in [json!({}), json!({"mode": "async", "queue": 5})] {
        let dir = Dir::new();
        let log = open(&dir.log(), audit);
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let log = log.clone();
                thread::spawn(move || (0..200).for_each(|_| record(&log).unwrap()))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drop(log);
        let records = records(&dir.log());
        let decisions = of_kind(&records, "decision").into_iter();
        assert!(decisions.map(|record| record["seq"].as_u64().unwrap()).eq(1..=1600));
        assert_eq!(records.last().unwrap()["kind"], "close", "the last clone closes");
    }
}
