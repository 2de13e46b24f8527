//! `airlock run` with a collector of OpenTelemetry: what it is sent, and that nobody waits for it.
#![cfg(all(unix, feature = "otel"))]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::Folder;

/// A server with one tool, which says what it was told.
const SERVER: &str = r#"
while IFS= read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([^,}]*\).*/\1/p')
    result='{"content":[{"type":"text","text":"hunter2hunter2"}]}'
    case "$line" in
        *tools/list*) result='{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]}' ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"#;

/// A collector: the heads and bodies of its requests.
fn collector() -> (SocketAddr, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, received) = channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && connection.read_line(&mut head).unwrap() > 0 {}
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
            });
            let mut body = vec![0; length.unwrap_or(0)];
            connection.read_exact(&mut body).unwrap();
            let _ = requests.send((head, body));
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            connection.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, received)
}

/// Some calls through `airlock run`; what it said.
fn run(variables: &[(&str, &str)]) -> String {
    let folder = Folder::new("traces");
    let policy = folder.file("policy.toml", "denied_tools = [\"drop_*\"]\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_airlock"))
        .args(["run", "--policy", &policy, "--", "sh", "-c", SERVER])
        .envs(variables.iter().copied())
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let calls = [
        ("echo", json!({"text": "hunter2hunter2"})),
        ("echo", json!({"text": ["hunter2hunter2"]})),
        ("drop_hunter2", json!({})),
    ];
    for (id, (tool, arguments)) in calls.into_iter().cycle().take(30).enumerate() {
        let meta =
            json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        writeln!(stdin, "{call}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("\"id\":{id}")), "{line}");
        // Spans go out while calls run.
        thread::sleep(Duration::from_millis(5));
    }
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    String::from_utf8(done.stderr).unwrap()
}

fn count(bytes: &[u8], what: &str) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what.as_bytes()).count()
}

#[test]
fn the_collector_gets_a_span_of_each_call_and_no_value() {
    let (address, received) = collector();
    let said = run(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}")),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue"),
        ("OTEL_SERVICE_NAME", "the-gate"),
    ]);
    assert_eq!(said, "");
    let mut bodies = Vec::new();
    // What it sent was answered, and before that it was put here.
    for (head, body) in received.try_iter() {
        let head = head.to_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("x-team: blue\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        assert_eq!(count(&body, "the-gate"), 1);
        bodies.extend(body);
    }
    assert_eq!(count(&bodies, "hunter2"), 0);
    // Name, and the attribute of the method.
    assert_eq!(count(&bodies, "tools/call echo"), 20);
    assert_eq!(count(&bodies, "tools/call (other)"), 10);
    assert_eq!(count(&bodies, "validation_failed"), 20, "error.type and airlock.reason");
    // The trace of the client: in its bytes as they are.
    let trace = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
    assert_eq!(bodies.windows(16).filter(|window| *window == trace).count(), 30);
}

#[test]
fn a_collector_that_hangs_or_fails_delays_no_call_and_hardly_the_end() {
    // It takes connections and never answers: whoever waited for it would wait for an hour.
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    // The system gives this port to nobody who asks for any.
    let closed = SocketAddr::from(([127, 0, 0, 1], 1));
    for (address, complains) in [(hangs.local_addr().unwrap(), false), (closed, true)] {
        let endpoint = format!("http://{address}");
        let began = Instant::now();
        let said = run(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
        ]);
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        let lines = said.matches("traces cannot be exported").count();
        assert_eq!(lines, usize::from(complains), "{said}");
    }
}

#[test]
fn variables_turn_it_off_and_what_is_wrong_with_them_is_said() {
    let (address, received) = collector();
    let endpoint = &*format!("http://{address}");
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let said = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), (name, value)]);
        assert_eq!(said, "");
    }
    let said = run(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://example.org")]);
    assert!(said.contains("does not encrypt"), "{said}");
    assert!(received.try_recv().is_err());
}
