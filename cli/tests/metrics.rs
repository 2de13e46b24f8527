//! `airlock run --metrics`: the port is read while calls run, and what it says is parsed.
#![cfg(unix)]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Folder, airlock};

/// A server with two tools: it answers `wait` only after the next request.
const SERVER: &str = r#"
held=
while IFS= read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([^,}]*\).*/\1/p')
    result='{"content":[{"type":"text","text":"key = ghp_TAIL"}]}'
    case "$line" in
        *tools/list*) result='{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"n":{"type":"integer"}}}},{"name":"wait","inputSchema":{"type":"object","properties":{}}}]}' ;;
        *'"wait"'*) held=$id; printf '{"jsonrpc":"2.0","method":"notifications/message","params":{}}\n'; continue ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
    [ -z "$held" ] || printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$held" "$result"
    held=
done
"#;

/// The samples of a text in the exposition format, by name and labels; each line must be of it.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut types = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap());
            assert!(matches!(kind, "HELP" | "TYPE"), "{line}");
            if kind == "TYPE" {
                let known = ["counter", "gauge", "histogram"].contains(&words.next().unwrap());
                assert!(known && types.insert(name.to_owned(), ()).is_none(), "{line}");
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let typed = |name: &str| types.contains_key(name);
        assert!(typed(name) || family.is_some_and(typed), "{line} has no type");
        if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            let labels = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
            for label in labels.split("\",") {
                let (label, value) = label.split_once("=\"").unwrap();
                assert!(label.bytes().all(|b| b.is_ascii_lowercase()), "{line}");
                assert!(!value.trim_end_matches('"').contains('"'), "{line}");
            }
        }
        let value: f64 = value.parse().unwrap();
        assert!(samples.insert(series.to_owned(), value).is_none(), "{line} twice");
    }
    samples
}

fn scrape(address: &str) -> BTreeMap<String, f64> {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    parse(body)
}

#[test]
fn the_port_tells_what_a_run_does_while_it_runs() {
    let folder = Folder::new("metrics");
    let policy = folder.file("policy.toml", "denied_tools = [\"drop_*\"]\n");
    let audit = folder.missing();
    // Put together here: no file of ours holds what looks like a key.
    let tail: String = (b'A'..=b'Z').chain(b'0'..=b'9').map(char::from).collect();
    let server = SERVER.replace("ghp_TAIL", &format!("ghp_{tail}"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(["run", "--policy", &policy, "--audit", &audit, "--metrics", "127.0.0.1:0"])
        .args(["--", "sh", "-c", &server])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("airlock: metrics are at http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |id: u32, tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        writeln!(stdin, "{call}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
    };
    ask(1, "echo", json!({"n": 1}));
    ask(2, "echo", json!({"n": "hunter2"}));
    ask(3, "drop_hunter2", json!({}));
    // A log message stands for the answer that comes later.
    ask(4, "wait", json!({}));
    let samples = scrape(address);
    assert!(samples.keys().all(|series| !series.contains("hunter2")), "{samples:?}");
    let decisions = |direction: &str, tool: &str, decision: &str, reason: &str| {
        let series = format!(
            "airlock_decisions_total{{direction=\"{direction}\",tool=\"{tool}\",\
             decision=\"{decision}\",reason=\"{reason}\"}}"
        );
        samples.get(&series).copied().unwrap_or(0.0)
    };
    assert_eq!(decisions("to_server", "echo", "allow", ""), 1.0);
    assert_eq!(decisions("to_server", "echo", "block", "validation_failed"), 1.0);
    assert_eq!(decisions("to_server", "(other)", "block", "tool_denied"), 1.0);
    assert_eq!(decisions("to_client", "echo", "filter", ""), 1.0);
    assert_eq!(samples["airlock_running_calls"], 1.0, "the one that waits");
    assert_eq!(samples["airlock_masked_values_total{type=\"secret.prefixed.github\"}"], 1.0);
    let records = std::fs::read_to_string(&audit).unwrap();
    let written = samples["airlock_audit_records_total{outcome=\"written\"}"];
    let decided = records.matches("\"kind\":\"decision\"").count();
    assert_eq!(written, decided as f64);
    let all: f64 = samples
        .iter()
        .filter(|(series, _)| series.starts_with("airlock_decisions_total{"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(all, decided as f64, "what is recorded is counted");
    let bucket = |bound| {
        let name = "airlock_decision_duration_seconds";
        samples[&format!("{name}_bucket{{direction=\"to_server\",le=\"{bound}\"}}")]
    };
    assert!(bucket("0.000001") <= bucket("0.001") && bucket("0.001") <= bucket("+Inf"));
    let count = samples["airlock_decision_duration_seconds_count{direction=\"to_server\"}"];
    assert_eq!(bucket("+Inf"), count);
    ask(5, "echo", json!({"n": 1}));
    assert_eq!(
        scrape(address)["airlock_decision_duration_seconds_count{direction=\"to_server\"}"],
        count + 1.0
    );
    drop(stdin);
    child.wait().unwrap();
}

#[test]
fn an_address_that_others_reach_must_be_asked_for() {
    for (arguments, said) in [
        (&["--metrics", "0.0.0.0:0"][..], "no loopback address"),
        (&["--metrics", "metrics"], "invalid value"),
        (&["--metrics-anywhere"], "--metrics"),
    ] {
        let done = airlock(&[&["run"], arguments, &["--", "true"]].concat(), "");
        assert_eq!(done.code, Some(2), "{arguments:?}");
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
}
