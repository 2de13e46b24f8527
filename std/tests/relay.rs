//! A real server process behind the relay: what a client sees on the pipes, and what is left behind.
//!
//! This file is its own server and its own relay (`relay __server …`, `relay __run …`), so that the
//! tests need nothing but themselves; hence no test harness.
#![cfg(unix)]
// Without the harness, clippy does not know that these are tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::zombie_processes)]

#[path = "support/harness.rs"]
mod harness;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use airlock::Firewall;
use airlock::audit::AuditLog;
use airlock::core::mcp::Bounds;
use airlock::stdio::{self, Identity, Options};
use serde_json::{Value, json};

const TESTS: &[harness::Test] = &[
    (
        "a_call_goes_through_and_a_wrong_one_is_answered",
        a_call_goes_through_and_a_wrong_one_is_answered,
    ),
    ("many_calls_in_flight_come_back_whole", many_calls_in_flight_come_back_whole),
    ("nothing_but_messages_on_standard_output", nothing_but_messages_on_standard_output),
    ("the_last_line_needs_no_line_feed", the_last_line_needs_no_line_feed),
    ("the_exit_code_is_the_servers", the_exit_code_is_the_servers),
    ("a_command_that_does_not_exist", a_command_that_does_not_exist),
    ("a_server_that_does_not_end_is_ended", a_server_that_does_not_end_is_ended),
    ("signals_are_passed_on", signals_are_passed_on),
    ("no_process_is_left_behind", no_process_is_left_behind),
    ("a_client_that_went_away_ends_the_server", a_client_that_went_away_ends_the_server),
    ("a_line_above_the_limit_is_answered", a_line_above_the_limit_is_answered),
    ("a_server_that_dies_is_not_waited_for", a_server_that_dies_is_not_waited_for),
    (
        "the_last_words_of_a_server_reach_a_slow_client",
        the_last_words_of_a_server_reach_a_slow_client,
    ),
    (
        "decisions_are_recorded_before_they_take_effect",
        decisions_are_recorded_before_they_take_effect,
    ),
    ("a_hangup_opens_the_log_anew", a_hangup_opens_the_log_anew),
];

fn main() {
    let mut arguments = env::args_os().skip(1);
    match arguments.next().as_deref().and_then(OsStr::to_str) {
        Some("__exec") => std::process::exit(airlock::child::become_server(arguments)),
        Some("__run") => std::process::exit(relay(arguments.collect())),
        Some("__server") => std::process::exit(server(&arguments.next().unwrap_or_default())),
        filter => harness::run(TESTS, filter),
    }
}

/// What `airlock run` does. The first argument is the audit log, or empty.
fn relay(mut arguments: Vec<OsString>) -> i32 {
    let log = PathBuf::from(arguments.remove(0));
    let mut builder = Firewall::builder();
    if !log.as_os_str().is_empty() {
        builder = builder.audit(AuditLog::open(&log, Some("tester")).unwrap());
    }
    let own = env::current_exe().unwrap();
    stdio::run(Options {
        reload: None,
        firewall: builder.build().unwrap(),
        identity: Identity::default(),
        command: &arguments,
        own: Some((&own, OsStr::new("__exec"))),
        bounds: Bounds { message: 1 << 20, ..Bounds::default() },
        server: None,
    })
    .unwrap()
}

/// A server: echoes the arguments of calls, and misbehaves as `mode` says.
fn server(mode: &OsStr) -> i32 {
    let mode = mode.to_str().unwrap();
    if mode == "stubborn" || mode == "grandchild" {
        // Outlives the end of its input and every polite signal.
        let own = env::current_exe().unwrap();
        if mode == "grandchild" {
            let mut child = Command::new(own);
            child.args(["__server", "stubborn"]).stdin(Stdio::null()).stdout(Stdio::null());
            let child = child.spawn().unwrap();
            say_pid(child.id());
        }
        let _ignored = signal_hook::flag::register(15, Arc::default()).unwrap();
        say_pid(std::process::id());
        loop {
            thread::sleep(Duration::from_secs(60));
        }
    }
    if mode == "noisy" {
        println!("Server starting on stdio...");
        println!("{{\"level\":\"info\"}}");
        eprintln!("{}", "e".repeat(1 << 20));
    }
    say_pid(std::process::id());
    let mut late = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            println!("cannot read {line:?}");
            continue;
        };
        let result = match message["method"].as_str() {
            Some("tools/list") if mode == "mute" => return 3,
            Some("tools/list") => json!({"tools": [{"name": "echo", "inputSchema": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "n": {"type": "integer"}},
            }}]}),
            Some("tools/call") => {
                let text = message["params"]["arguments"].to_string();
                json!({"content": [{"type": "text", "text": text}]})
            }
            Some("exit") => return 42,
            Some("abort") => std::process::abort(),
            Some("say much") => json!({"text": "lorem ipsum ".repeat(80_000)}),
            _ => json!({}),
        };
        let reply = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
        if mode == "reverse" && message["method"] == "tools/call" {
            late.push(reply);
            if late.len() == 100 {
                late.drain(..).rev().for_each(|reply| println!("{reply}"));
            }
        } else {
            println!("{reply}");
        }
        if message["method"] == "say much" {
            return 0;
        }
    }
    0
}

/// Says a process id in one write, because several processes share the pipe.
fn say_pid(pid: u32) {
    io::stderr().write_all(format!("pid {pid}\n").as_bytes()).unwrap();
}

/// A relay with a server behind it.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn start(mode: &str) -> Self {
        let own = env::current_exe().unwrap();
        Self::command("", &[own.as_os_str(), OsStr::new("__server"), OsStr::new(mode)])
    }

    fn command(log: &str, command: &[&OsStr]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["__run", log])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdin, stdout, stderr }
    }

    fn send(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn call(&mut self, id: u32, arguments: &str) {
        self.send(&call(id, arguments));
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The next process id that the server says on standard error.
    fn pid(&mut self) -> i32 {
        for line in self.stderr.by_ref().lines() {
            if let Some(pid) = line.unwrap().strip_prefix("pid ") {
                return pid.parse().unwrap();
            }
        }
        panic!("the server says no pid")
    }

    fn end(mut self) -> (ExitStatus, String, String) {
        drop(self.stdin.take());
        let (mut out, mut err) = (String::new(), String::new());
        let reader = thread::spawn(move || {
            self.stderr.read_to_string(&mut err).unwrap();
            err
        });
        self.stdout.read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap(), out, reader.join().unwrap())
    }
}

fn call(id: u32, arguments: &str) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"echo\",\"arguments\":{arguments}}}}}\n"
    )
}

/// How long to wait for what is sure to come: long enough for any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until no process of this program has the id: a zombie has none, and another program may have got
/// the id since.
fn assert_gone(pid: i32) {
    let until = Instant::now() + PATIENCE;
    let (own, program) = (env::current_exe().unwrap(), format!("/proc/{pid}/exe"));
    let is_there = || match fs::read_link(&program) {
        Ok(program) => program == own,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    while is_there() {
        assert!(Instant::now() < until, "process {pid} is still there");
        thread::sleep(Duration::from_millis(10));
    }
}

fn a_call_goes_through_and_a_wrong_one_is_answered() {
    let mut relay = Running::start("plain");
    relay.call(1, r#"{"text":"hi","ghost":1}"#);
    let reply = relay.receive();
    assert_eq!(reply["id"], 1);
    assert_eq!(reply["result"]["content"][0]["text"], r#"{"text":"hi"}"#);
    relay.call(2, r#"{"text":5}"#);
    let refusal = &relay.receive()["result"]["_meta"]["airlock/refusal"];
    assert_eq!(refusal["reason"], "validation_failed");
    relay.send("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}\r\n");
    assert_eq!(relay.receive()["id"], 3);
    let (status, out, _) = relay.end();
    assert_eq!((status.code(), out.as_str()), (Some(0), ""));
}

fn many_calls_in_flight_come_back_whole() {
    let mut relay = Running::start("reverse");
    let mut stdin = relay.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        for id in 0..100 {
            let filler = "x".repeat(id as usize * 97);
            let line = call(id, &format!(r#"{{"text":"{filler}","n":{id}}}"#));
            // In pieces, and now and then a wrong call between, which is answered at once.
            for piece in line.as_bytes().chunks(1000) {
                stdin.write_all(piece).unwrap();
            }
            if id % 10 == 0 {
                stdin.write_all(call(1000 + id, r#"{"n":"x"}"#).as_bytes()).unwrap();
            }
        }
        stdin
    });
    let mut echoed = Vec::new();
    let mut refused = 0;
    for _ in 0..110 {
        let reply = relay.receive();
        if reply["result"]["isError"] == true {
            refused += 1;
            continue;
        }
        let text = reply["result"]["content"][0]["text"].as_str().unwrap();
        let arguments: Value = serde_json::from_str(text).unwrap();
        assert_eq!(arguments["n"], reply["id"]);
        echoed.push(reply["id"].as_u64().unwrap());
    }
    assert_eq!(refused, 10);
    assert_eq!(echoed, (0..100).rev().collect::<Vec<_>>());
    drop(writer.join().unwrap());
    assert_eq!(relay.end().0.code(), Some(0));
}

fn nothing_but_messages_on_standard_output() {
    let mut relay = Running::start("noisy");
    relay.send("not json\n\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n[1]\n");
    let (_, out, err) = relay.end();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines.iter().all(|line| line["jsonrpc"] == "2.0"));
    assert!(err.contains("Server starting on stdio..."), "noise is shown to the person");
    assert!(err.contains("{\"level\":\"info\"}"));
    assert!(err.len() > 1 << 20, "standard error is the server's own");
    assert!(!err.contains("not json"), "what is no message does not reach the server");
}

fn the_last_line_needs_no_line_feed() {
    let mut relay = Running::start("plain");
    relay.send(call(1, r#"{"text":7}"#).trim_end());
    let (status, out, _) = relay.end();
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(reply["result"]["_meta"]["airlock/refusal"]["reason"], "validation_failed");
    assert_eq!(status.code(), Some(0));
    let mut relay = Running::start("plain");
    relay.send(call(1, r#"{"text":"ok"}"#).trim_end());
    let (_, out, _) = relay.end();
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["id"], 1);
}

fn the_exit_code_is_the_servers() {
    let mut relay = Running::start("plain");
    relay.send("{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}\n");
    assert_eq!(relay.child.wait().unwrap().code(), Some(42));
    let mut relay = Running::start("plain");
    relay.send("{\"jsonrpc\":\"2.0\",\"method\":\"abort\"}\n");
    assert_eq!(relay.child.wait().unwrap().code(), Some(128 + 6));
}

fn a_command_that_does_not_exist() {
    let relay = Running::command("", &[OsStr::new("no-such-command-anywhere")]);
    let (status, out, err) = relay.end();
    assert_eq!((status.code(), out.as_str()), (Some(127), ""));
    assert!(err.contains("airlock: cannot start no-such-command-anywhere: "), "{err}");
}

fn a_server_that_does_not_end_is_ended() {
    let mut relay = Running::start("stubborn");
    let pid = relay.pid();
    let (status, _, _) = relay.end();
    assert_eq!(status.code(), Some(128 + 9));
    assert_gone(pid);
}

fn signals_are_passed_on() {
    for (signal, code) in [(15, 128 + 15), (2, 128 + 2), (1, 128 + 1)] {
        let mut relay = Running::start("plain");
        let pid = relay.pid();
        kill(relay.child.id(), signal);
        assert_eq!(relay.child.wait().unwrap().code(), Some(code));
        assert_gone(pid);
    }
}

fn no_process_is_left_behind() {
    // Killed, the relay can do nothing; the kernel ends the server.
    let mut relay = Running::start("stubborn");
    let pid = relay.pid();
    kill(relay.child.id(), 9);
    assert_eq!(relay.child.wait().unwrap().signal(), Some(9));
    assert_gone(pid);
    // Ended politely, it ends what the server started, too.
    let mut relay = Running::start("grandchild");
    // The server says both, the process that it started its own once more.
    let mut pids = BTreeSet::new();
    while pids.len() < 2 {
        pids.insert(relay.pid());
    }
    kill(relay.child.id(), 15);
    relay.child.wait().unwrap();
    pids.into_iter().for_each(assert_gone);
}

fn a_client_that_went_away_ends_the_server() {
    let mut relay = Running::start("plain");
    let pid = relay.pid();
    let stdin = relay.stdin.take();
    let Running { mut child, stdout, .. } = relay;
    drop(stdout);
    let mut stdin = stdin.unwrap();
    // Its input stays open: only the output is gone.
    stdin.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n").unwrap();
    child.wait().unwrap();
    assert_gone(pid);
}

fn a_line_above_the_limit_is_answered() {
    let mut relay = Running::start("plain");
    let long = "x".repeat(2 << 20);
    relay.call(1, &format!(r#"{{"text":"{long}"}}"#));
    let reply = relay.receive();
    assert_eq!((&reply["id"], &reply["error"]["code"]), (&json!(1), &json!(-32600)));
    // The echo repeats the text escaped once more, which pushes it over the limit.
    let most = r#"\""#.repeat(400_000);
    relay.call(2, &format!(r#"{{"text":"{most}"}}"#));
    let reply = relay.receive();
    assert_eq!((&reply["id"], &reply["error"]["code"]), (&json!(2), &json!(-32603)));
    relay.call(3, r#"{"text":"still here"}"#);
    assert_eq!(relay.receive()["id"], 3);
    assert_eq!(relay.end().0.code(), Some(0));
}

fn a_server_that_dies_is_not_waited_for() {
    let mut relay = Running::start("mute");
    // The call waits for a list that will never come.
    relay.call(1, "{}");
    let started = Instant::now();
    assert_eq!(relay.child.wait().unwrap().code(), Some(3));
    assert!(started.elapsed() < Duration::from_secs(9), "not as long as a list is waited for");
}

fn the_last_words_of_a_server_reach_a_slow_client() {
    let mut relay = Running::start("echo");
    relay.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"say much\"}\n");
    // Long after the server is gone: the pipe holds a small part of the reply.
    thread::sleep(Duration::from_millis(1500));
    let reply = relay.receive();
    assert_eq!(
        reply["result"]["text"].as_str().map(str::len),
        Some(960_000),
        "{:.200}",
        reply.to_string()
    );
    assert_eq!(relay.end().0.code(), Some(0));
}

fn decisions_are_recorded_before_they_take_effect() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let own = env::current_exe().unwrap();
    let mut relay = Running::command(
        log.to_str().unwrap(),
        &[own.as_os_str(), OsStr::new("__server"), OsStr::new("plain")],
    );
    relay.call(1, r#"{"text":"a","ghost":"SECRETVALUE"}"#);
    relay.receive();
    let records = || -> Vec<Value> {
        let text = fs::read_to_string(&log).unwrap();
        assert!(!text.contains("SECRETVALUE"), "no value of a call is in the log");
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["direction"] == "to_server").collect()
    };
    let [allowed] = &records()[..] else { panic!("one decision, one record") };
    assert_eq!(allowed["decision"], "allow");
    assert_eq!(allowed["tool"], "echo");
    assert_eq!(allowed["agent"], "tester");
    assert_eq!(allowed["stripped"], json!(["/ghost"]));
    relay.call(2, r#"{"text":1}"#);
    relay.receive();
    let refused = &records()[1];
    assert_eq!(refused["reason"], "validation_failed");
    assert_eq!(refused["violations"], json!([{"path": "/text", "keyword": "type"}]));
    relay.end();
    let text = fs::read_to_string(&log).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "close");
}

fn a_hangup_opens_the_log_anew() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let old = log.with_extension("old");
    let own = env::current_exe().unwrap();
    let server = [own.as_os_str(), OsStr::new("__server"), OsStr::new("plain")];
    let mut relay = Running::command(log.to_str().unwrap(), &server);
    relay.call(1, r#"{"text":"a"}"#);
    relay.receive();
    fs::rename(&log, &old).unwrap();
    kill(relay.child.id(), 1);
    let until = Instant::now() + PATIENCE;
    while !log.exists() {
        assert!(Instant::now() < until, "the file is there again");
        thread::sleep(Duration::from_millis(5));
    }
    relay.call(2, r#"{"text":"b"}"#);
    assert_eq!(relay.receive()["id"], 2, "the relay lives on");
    assert_eq!(relay.end().0.code(), Some(0));
    let decisions = |path| fs::read_to_string(path).unwrap().matches("\"allow\"").count();
    assert_eq!((decisions(&old), decisions(&log)), (1, 1));
}

fn kill(pid: u32, signal: i32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
