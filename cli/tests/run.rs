//! `airlock run` with a server behind it: limits and the kill switch, as a client sees them.
#![cfg(unix)]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "redis")]
#[path = "../../std/tests/support/redis_server.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod redis_server;
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Folder;

/// A server with one tool, in the shell: it answers each request with its id.
const SERVER: &str = r#"
while IFS= read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([^,}]*\).*/\1/p')
    case "$line" in
        *tools/list*) result='{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"n":{"type":"integer"}}}}]}' ;;
        *) result='{"content":[{"type":"text","text":"done"}]}' ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"#;

/// A wrapped server and its client.
struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    id: u32,
}

impl Session {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
            .arg("run")
            .args(options)
            .args(["--", "sh", "-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout, id: 0 }
    }

    /// The reason and the wait of a refusal; none for a call that reached the server.
    fn call(&mut self, tool: &str, arguments: Value) -> Option<(String, Option<u64>)> {
        self.id += 1;
        let params = json!({"name": tool, "arguments": arguments});
        let request =
            json!({"jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params});
        writeln!(self.stdin.as_ref().unwrap(), "{request}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(reply["id"], self.id);
        if reply["error"]["code"] == -32602 {
            return Some(("unknown".into(), None));
        }
        let result = &reply["result"];
        let text = result["content"][0]["text"].as_str().unwrap();
        if text == "done" {
            return None;
        }
        let refusal = &result["_meta"]["airlock/refusal"];
        assert_eq!(result["isError"], true);
        assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), refusal);
        let reason = refusal["reason"].as_str().unwrap().to_owned();
        Some((reason, refusal["retry_after_ms"].as_u64()))
    }

    fn end(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

fn reason(refusal: Option<(String, Option<u64>)>) -> String {
    refusal.map_or("none".into(), |(reason, _)| reason)
}

#[test]
fn a_call_above_a_limit_is_told_when_to_come_back() {
    let folder = Folder::new("run-limit");
    let policy = folder
        .file("policy.toml", "rate_limits = { \"*\" = \"1000/hour\", \"echo\" = \"2/hour\" }\n");
    let audit = folder.file("audit.jsonl", "");
    let mut session = Session::start(&["--policy", &policy, "--audit", &audit]);
    assert_eq!(session.call("echo", json!({"n": 1})), None);
    assert_eq!(reason(session.call("echo", json!({"n": "1"}))), "validation_failed");
    assert_eq!(session.call("echo", json!({"n": 2})), None);
    let (why, wait) = session.call("echo", json!({"n": 3})).unwrap();
    assert_eq!(why, "rate_limited");
    assert!((1_700_000..=1_800_000).contains(&wait.unwrap()), "{wait:?}");
    session.end();
    let audit = fs::read_to_string(audit).unwrap();
    let records = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused: Vec<_> = records.filter(|record| record["reason"] == "rate_limited").collect();
    assert_eq!(refused.len(), 1, "{audit}");
    assert_eq!(refused[0]["rule"], "rate_limits.echo");
}

#[test]
fn a_loop_of_refused_calls_is_stopped() {
    let folder = Folder::new("run-loop");
    let policy = folder.file(
        "policy.toml",
        "denied_tools = [\"drop_*\"]\n\
         [[limit]]\nid = \"loop\"\ntools = [\"*\"]\nrate = \"3/1h\"\nrefused = true\n",
    );
    let mut session = Session::start(&["--policy", &policy]);
    assert_eq!(reason(session.call("echo", json!({"n": "x"}))), "validation_failed");
    assert_eq!(reason(session.call("no_such_tool", json!({}))), "unknown");
    assert_eq!(reason(session.call("drop_table", json!({}))), "tool_denied");
    for (tool, arguments) in
        [("echo", json!({"n": "x"})), ("no_such_tool", json!({})), ("drop_table", json!({}))]
    {
        let (why, wait) = session.call(tool, arguments).unwrap();
        assert_eq!(why, "rate_limited", "{tool}");
        assert!((1_100_000..=1_200_000).contains(&wait.unwrap()), "{tool}: {wait:?}");
    }
    assert_eq!(
        session.call("echo", json!({"n": 1})),
        None,
        "valid calls have a budget of their own"
    );
    session.end();
}

#[test]
fn calls_that_pass_unchecked_are_counted() {
    let folder = Folder::new("run-unchecked");
    let policy = folder
        .file("policy.toml", "unknown_tool = \"forward\"\nrate_limits = { \"*\" = \"2/hour\" }\n");
    let mut session = Session::start(&["--policy", &policy]);
    assert_eq!(session.call("not_listed", json!({"a": 1})), None);
    assert_eq!(session.call("echo", json!({"n": 1})), None);
    assert_eq!(reason(session.call("not_listed", json!({"a": 1}))), "rate_limited");
    session.end();
}

#[test]
fn rules_about_arguments_hold_for_calls_that_pass_unchecked() {
    let folder = Folder::new("run-unlisted");
    let policy = folder.file(
        "policy.toml",
        "unknown_tool = \"forward\"\ndefault = \"allow\"\n\
         [[rule]]\nid = \"etc\"\neffect = \"deny\"\ntools = [\"*\"]\nmissing = \"skip\"\n\
         when = { \"args.path\" = { prefix = \"/etc\" } }\n",
    );
    let mut session = Session::start(&["--policy", &policy]);
    assert_eq!(
        reason(session.call("not_listed", json!({"path": "/etc/passwd"}))),
        "condition_failed"
    );
    assert_eq!(session.call("not_listed", json!({"path": "/a"})), None);
    session.end();
}

#[test]
fn strict_allows_a_hundred_calls_of_a_named_agent() {
    let folder = Folder::new("run-strict");
    let audit = folder.file("audit.jsonl", "");
    let mut session = Session::start(&["--policy", "strict", "--audit", &audit, "--agent", "bob"]);
    for n in 0..100 {
        assert_eq!(session.call("echo", json!({"n": n})), None);
    }
    assert_eq!(reason(session.call("echo", json!({"n": 100}))), "rate_limited");
    session.end();
}

#[test]
fn calls_are_halted_while_the_kill_file_exists() {
    let folder = Folder::new("run-kill");
    let kill = folder.missing();
    let audit = folder.file("audit.jsonl", "");
    let mut session = Session::start(&["--kill-file", &kill, "--audit", &audit]);
    assert_eq!(session.call("echo", json!({"n": 1})), None);
    fs::write(&kill, "").unwrap();
    assert_eq!(reason(session.call("echo", json!({"n": 1}))), "halted");
    assert_eq!(reason(session.call("echo", json!({"n": "x"}))), "halted");
    fs::remove_file(&kill).unwrap();
    assert_eq!(session.call("echo", json!({"n": 1})), None);
    session.end();
    let text = fs::read_to_string(&audit).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let halts = records.filter(|record| record["kind"] == "halt");
    let halted: Vec<_> = halts.map(|halt| halt["halted"].clone()).collect();
    assert_eq!(halted, [json!(true), json!(false)]);
}

/// Waits until `done`: what is sure to come has long enough for any machine.
fn wait(mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_policy_that_is_changed_comes_into_force_and_a_bad_one_does_not() {
    for watch in [false, true] {
        let folder = Folder::new(if watch { "run-watch" } else { "run-hup" });
        let limit = "rate_limits = { \"*\" = \"4/day\" }\n";
        let write = |text: &str| folder.file("policy.toml", format!("{limit}{text}"));
        let policy = write("");
        let audit = folder.file("audit.jsonl", "");
        let options = ["--policy", &policy, "--audit", &audit, "--watch"];
        let mut session = Session::start(&options[..if watch { 5 } else { 4 }]);
        let reloads = || {
            let text = fs::read_to_string(&audit).unwrap();
            // The last record may be half written.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let records = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let reloads = records.filter(|record| record["kind"] == "reload");
            reloads.map(|record| record["outcome"].clone()).collect::<Vec<_>>()
        };
        let reload = |session: &Session, expected: &[&str]| {
            if !watch {
                let id = session.child.id().to_string();
                assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
            }
            wait(|| reloads() == expected);
        };
        assert_eq!(session.call("echo", json!({"n": 1})), None);
        write("denied_tools = [\"echo\"]\n");
        reload(&session, &["ok"]);
        assert_eq!(reason(session.call("echo", json!({"n": 1}))), "tool_denied");
        write("denied_tools = [\"ec");
        reload(&session, &["ok", "failed"]);
        assert_eq!(reason(session.call("echo", json!({"n": 1}))), "tool_denied");
        // Rules that a tool does not fit withhold it, as at the start.
        let rule = "[[rule]]\nid = \"x\"\neffect = \"allow\"\ntools = \"echo\"\n";
        write(&format!("{rule}when = {{ \"args.m\" = {{ eq = 1 }} }}\n"));
        reload(&session, &["ok", "failed", "ok"]);
        assert_eq!(reason(session.call("echo", json!({"n": 1}))), "tool_unsupported");
        write("ghosts = \"reject\"\n");
        reload(&session, &["ok", "failed", "ok", "ok"]);
        assert_eq!(reason(session.call("echo", json!({"n": 1, "zzz": 2}))), "ghost_arguments");
        // The call before the first change counts.
        for _ in 0..3 {
            assert_eq!(session.call("echo", json!({"n": 1})), None);
        }
        assert_eq!(reason(session.call("echo", json!({"n": 1}))), "rate_limited");
        session.end();
    }
}

#[cfg(feature = "redis")]
#[test]
fn two_servers_share_limits_and_a_kill_key() {
    if !redis_server::is_there() {
        return;
    }
    let redis = redis_server::Server::start();
    let folder = Folder::new("run-fleet");
    let policy = folder.file(
        "policy.toml",
        "rate_limits = { \"*\" = \"3/day\" }\n[store]\ntimeout_ms = 10000\n\
         on_loss = \"fallback\"\nkill_key = \"halt\"\n",
    );
    let options = ["--policy", &policy, "--redis", &redis.url()];
    let mut fleet = [0; 2].map(|_| Session::start(&options));
    for (member, reason_of) in [(0, None), (1, None), (0, None), (1, Some("rate_limited"))] {
        let refused = fleet[member].call("echo", json!({"n": 1})).map(|(reason, _)| reason);
        assert_eq!(refused.as_deref(), reason_of);
    }
    let () = redis.ask("SET halt 1");
    for member in &mut fleet {
        wait(|| reason(member.call("echo", json!({"n": 1}))) == "halted");
    }
    fleet.into_iter().for_each(Session::end);
}

#[test]
fn a_store_that_nobody_names_is_no_store() {
    let folder = Folder::new("run-nowhere");
    let policy = folder.file("policy.toml", "[store]\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(["run", "--policy", &policy, "--", "true"]).env_remove("AIRLOCK_REDIS_URL");
    let done = command.output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8(done.stderr).unwrap().contains("store"));
}
