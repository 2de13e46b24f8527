//! The message firewall: what passes, what is rewritten, what never reaches the other side.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/shared.rs"]
mod shared;

use std::sync::Arc;

use airlock_core::mcp::{Action, Bounds, Direction, Event, Outcome, Outline, Relay, Unrecorded};
use airlock_core::policy::Policy;
use airlock_core::{Caller, Guard};
use serde_json::{Value, json};

/// The tools that most tests begin with.
const TOOLS: &str = r#"[
    {"name":"echo","inputSchema":{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}},
    {"name":"now","inputSchema":{"type":"object","additionalProperties":false}},
    {"name":"broken","inputSchema":{"type":"object","$schema":"urn:no-such-dialect"}}
]"#;

/// A connection, and a record of what the audit heard.
struct Link {
    relay: Relay,
    out: Vec<u8>,
    events: Vec<String>,
    fail_audit: bool,
}

/// An action with bytes of its own.
#[derive(Debug, PartialEq, Eq)]
enum Did {
    /// Exactly the message itself.
    Passed,
    Forwarded(String),
    Answered(String),
    Held,
    Dropped,
    Noise,
}

impl Did {
    fn new(action: Action<'_>, message: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match action {
            Action::Forward(bytes) if bytes == message => Self::Passed,
            Action::Forward(bytes) => Self::Forwarded(text(bytes)),
            Action::Answer(bytes) => Self::Answered(text(bytes)),
            Action::Hold => Self::Held,
            Action::Drop => Self::Dropped,
            Action::Noise => Self::Noise,
        }
    }

    /// The message that was written in place of another, or as an answer.
    #[track_caller]
    fn json(&self) -> Value {
        match self {
            Self::Forwarded(text) | Self::Answered(text) => serde_json::from_str(text).unwrap(),
            other => panic!("no message was written: {other:?}"),
        }
    }

    #[track_caller]
    fn error(&self) -> (Value, i64) {
        let message = self.json();
        (message["id"].clone(), message["error"]["code"].as_i64().expect("an error"))
    }
}

impl Link {
    /// A connection on which nothing was said yet. Every tool is allowed, unknown ones are not.
    fn fresh() -> Self {
        Self::under("{}")
    }

    /// A fresh connection under a policy.
    fn under(policy: &str) -> Self {
        Self::with(guard(policy), Bounds::default())
    }

    fn with(guard: Guard, bounds: Bounds) -> Self {
        let relay = Relay::new(Arc::new(guard), bounds, "n0nce");
        Self { relay, out: Vec::new(), events: Vec::new(), fail_audit: false }
    }

    /// A connection whose client has listed [`TOOLS`].
    fn listed() -> Self {
        let mut link = Self::fresh();
        link.list(TOOLS);
        link
    }

    fn list(&mut self, tools: &str) -> Did {
        assert_eq!(
            self.client(r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#),
            Did::Passed
        );
        let tools = tools.replace('\n', "");
        self.server(&format!(r#"{{"result":{{"tools":{tools}}},"jsonrpc":"2.0","id":"list"}}"#))
    }

    fn client(&mut self, message: &str) -> Did {
        self.client_bytes(message.as_bytes())
    }

    fn client_bytes(&mut self, message: &[u8]) -> Did {
        let Self { relay, out, events, fail_audit } = self;
        let mut audit = |event: &Event<'_>| note(event, events, *fail_audit);
        Did::new(relay.client(message, Caller::default(), None, out, &mut audit), message)
    }

    fn server(&mut self, message: &str) -> Did {
        self.server_bytes(message.as_bytes())
    }

    fn server_bytes(&mut self, message: &[u8]) -> Did {
        let Self { relay, out, events, fail_audit } = self;
        let mut audit = |event: &Event<'_>| note(event, events, *fail_audit);
        Did::new(relay.server(message, Caller::default(), out, &mut audit), message)
    }

    /// A call of `tool` with an id.
    fn call(&mut self, id: u32, tool: &str, arguments: &str) -> Did {
        self.client(&call(id, tool, arguments))
    }

    /// Our own request for the list, as JSON.
    fn list_request(&mut self) -> Value {
        serde_json::from_slice(&self.relay.list_request().expect("a request to send")).unwrap()
    }
}

fn guard(policy: &str) -> Guard {
    let policy = Policy::from_json(policy).unwrap();
    Guard::builder().policy(policy).unwrap().build().unwrap()
}

fn call(id: u32, tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}

fn note(event: &Event<'_>, events: &mut Vec<String>, fail: bool) -> Result<(), Unrecorded> {
    let what = match &event.outcome {
        Outcome::Allowed(allowed) => {
            format!("allow {:?}", allowed.stripped().collect::<Vec<_>>())
        }
        Outcome::Dropped(why) => format!("drop: {why}"),
        Outcome::Filtered { masked, truncated, .. } => {
            if masked.total() == 0 && !truncated {
                return if fail { Err(Unrecorded) } else { Ok(()) };
            }
            format!("filter {} {truncated}", masked.total())
        }
        Outcome::Refused(refusal) => format!("refuse {}", refusal.reason().name()),
        Outcome::Rejected { code, .. } => format!("reject {code}"),
        Outcome::Withheld(_) => "withhold".into(),
        other => format!("{other:?}"),
    };
    let way = if event.direction == Direction::ToServer { '>' } else { '<' };
    events.push(format!("{way} {} {what}", event.tool.unwrap_or("-")));
    if fail { Err(Unrecorded) } else { Ok(()) }
}

#[test]
fn an_allowed_call_passes_byte_for_byte() {
    let mut link = Link::listed();
    for (id, message) in [
        call(1, "echo", r#"{ "message" : "hi \u0041 12345678901234567890" }"#),
        r#"{"params":{"arguments":{"message":"x"},"n\u0061me":"\u0065cho"},"method":"tools\/call","id":"1","jsonrpc":"2.0"}"#.into(),
        " {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"now\"},\"x\":1e2}\r".into(),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(link.client(&message), Did::Passed, "{id}: {message}");
    }
    assert_eq!(link.events.split_off(1), ["> echo allow []", "> echo allow []", "> now allow []"]);
}

#[test]
fn a_ghost_is_cut_and_nothing_else_changes() {
    let mut link = Link::listed();
    let message = r#"{"id":1, "jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"n":1.0},"arguments":{"message":"a","ghost":[1]},"name":"echo"},"big":18446744073709551617}"#;
    let expected = message.replace(r#","ghost":[1]"#, "");
    assert_eq!(link.client(message), Did::Forwarded(expected));
    assert_eq!(link.events.last().unwrap(), r#"> echo allow ["/ghost"]"#);
}

#[test]
fn a_refusal_is_a_result_that_the_model_reads() {
    let mut link = Link::listed();
    let reply = link.call(7, "echo", r#"{"message":5}"#).json();
    let text = reply["result"]["content"][0]["text"].as_str().unwrap();
    let refusal: Value = serde_json::from_str(text).unwrap();
    assert_eq!(refusal["reason"], "validation_failed");
    assert_eq!(refusal["violations"][0]["path"], "/message");
    assert_eq!(reply["result"]["_meta"]["airlock/refusal"], refusal);
    assert_eq!(reply["result"]["isError"], true);
    assert_eq!(reply["id"], 7);
    assert_eq!(reply["result"].get("structuredContent"), None);
    assert_eq!(reply["result"].get("resultType"), None, "the legacy protocol has no such member");

    let modern = r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    assert_eq!(link.client(modern).json()["result"]["resultType"], "complete");
    // A refused call is not in flight.
    assert_eq!(link.call(7, "echo", r#"{"message":""}"#), Did::Passed);
}

#[test]
fn arguments_are_an_object_or_absent() {
    let mut link = Link::listed();
    for arguments in ["null", "[1]", "\"s\"", "1", "true"] {
        let reply = link.call(1, "now", arguments).json();
        let refusal = &reply["result"]["_meta"]["airlock/refusal"];
        assert_eq!(refusal["reason"], "malformed_arguments", "{arguments}");
    }
    let absent = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
    let reply = link.client(absent).json();
    let refusal = &reply["result"]["_meta"]["airlock/refusal"];
    assert_eq!(refusal["violations"][0]["keyword"], "required");
}

#[test]
fn what_two_readers_could_read_differently_is_answered_and_not_passed_on() {
    for (message, code) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"now"}}"#,
            -32600,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"a","m\u0065ssage":"b"}}}"#,
            -32600,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"now","Name":"echo"}}"#,
            -32600,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"now","argument\u017f":{}}}"#,
            -32600,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["echo"]}}"#, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"s":"\ud800"}}"#, -32700),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"x\":\r{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\"}\r}}",
            -32700,
        ),
    ] {
        let mut link = Link::listed();
        assert_eq!(link.client(message).error(), (json!(1), code), "{message}");
        assert!(link.events.last().unwrap().starts_with("> - reject"), "{:?}", link.events);
    }
    let mut link = Link::listed();
    let bytes = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"s\":\"\xff\"}}";
    assert_eq!(link.client_bytes(bytes).error(), (json!(1), -32700));
    let deep = format!(
        r#"{{"jsonrpc":"2.0","method":"x","params":{}{},"id":"d"}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    assert_eq!(link.client(&deep).error(), (json!("d"), -32600));
}

#[test]
fn what_cannot_be_answered_is_dropped() {
    let mut link = Link::listed();
    let before = link.events.len();
    for message in ["", "  \r", "\t"] {
        assert_eq!(link.client(message), Did::Dropped);
    }
    assert_eq!(link.events.len(), before, "blank lines are nothing");
    for message in [
        "hello",
        "{\"jsonrpc\":\"2.0\"",
        "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
        "17",
        "\"text\"",
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","arguments":{"message":""}}}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"now"}}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{"name":"now"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"now"}}"#,
        r#"{"jsonrpc":"2.0","method":"x","method":"y"}"#,
    ] {
        assert_eq!(link.client(message), Did::Dropped, "{message}");
        assert!(link.events.last().unwrap().starts_with("> - drop: "), "{message}");
    }
    assert_eq!(link.events.len(), before + 10, "every drop is on record");
}

#[test]
fn an_answer_never_repeats_an_id_that_is_no_json() {
    let mut link = Link::listed();
    for id in [&b"\"\x16\""[..], b"\"\xff\"", b"\"\\q\"", b"\"\\ud800\"", b"01"] {
        let message = [b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":", id, b"}"].concat();
        assert_eq!(link.client_bytes(&message), Did::Dropped, "{message:?}");
    }
}

#[test]
fn batches_are_answered_and_never_passed_on() {
    let mut link = Link::listed();
    for batch in ["[]", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "[[1],[2]]"] {
        assert_eq!(link.client(batch).error(), (Value::Null, -32600), "{batch}");
    }
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    assert_eq!(link.call(2, "now", "{}"), Did::Passed);
    let batch = r#"[{"jsonrpc":"2.0","id":2,"result":{}},{"jsonrpc":"2.0","id":9,"result":{}},{"jsonrpc":"2.0","id":1,"result":{}}]"#;
    let Did::Forwarded(lines) = link.server(batch) else { panic!("those who wait get an error") };
    let ids: Vec<Value> = lines
        .lines()
        .map(|line| {
            let message: Value = serde_json::from_str(line).unwrap();
            assert_eq!(message["error"]["code"], -32603);
            message["id"].clone()
        })
        .collect();
    assert_eq!(ids, [json!(2), json!(1)]);
    assert_eq!(link.server("[]"), Did::Dropped);
}

#[test]
fn a_bad_reply_becomes_an_error_for_whoever_waits() {
    for bad in [
        r#"{"result":{"a":1,"a":2},"jsonrpc":"2.0","id":1}"#,
        r#"{"result":{"content":[{"type":"text","text":"\ud800"}]},"jsonrpc":"2.0","id":1}"#,
        r#"{"result":{},"error":{},"jsonrpc":"2.0","id":1}"#,
        r#"{"result":{},"Result":{},"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"result":{},"id":1}"#,
        "{\"result\":{\"x\":\u{1}},\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"result\":\r{},\"jsonrpc\":\"2.0\",\"id\":1}",
    ] {
        let mut link = Link::listed();
        assert_eq!(link.call(1, "now", "{}"), Did::Passed);
        assert_eq!(link.server(bad).error(), (json!(1), -32603), "{bad}");
        // It was answered: what comes now answers nobody.
        assert_eq!(link.call(1, "now", "{}"), Did::Passed, "{bad}");
    }
    let mut link = Link::listed();
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    let bytes = b"{\"result\":{\"x\":\"\xff\"},\"jsonrpc\":\"2.0\",\"id\":1}";
    assert_eq!(link.server_bytes(bytes).error(), (json!(1), -32603));
    for noise in ["Server listening on port 3000", r#"{"level":"info","msg":"up"}"#, "1", "{oops"] {
        assert_eq!(link.server(noise), Did::Noise, "{noise}");
    }
    for dropped in [
        r#"{"jsonrpc":"2.0","method":"x","params":{"a":1,"a":2}}"#,
        r#"{"jsonrpc":"2.0","id":5,"method":"x","method":"y"}"#,
        r#"{"jsonrpc":"2.0","id":5,"result":{"a":1,"a":2}}"#,
    ] {
        assert_eq!(link.server(dropped), Did::Dropped, "{dropped}");
    }
}

#[test]
fn ids_are_typed_and_used_once_at_a_time() {
    let mut link = Link::listed();
    for id in ["1", "\"1\"", "0", "\"\"", "-1", "9007199254740993", "12345678901234567890"] {
        let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(link.client(&ping), Did::Passed, "{id}");
        assert_eq!(link.client(&ping).error().1, -32600, "{id} is in flight");
    }
    let escaped = r#"{"jsonrpc":"2.0","id":"\u0031","method":"ping"}"#;
    assert_eq!(link.client(escaped).error(), (json!("1"), -32600), "another spelling of \"1\"");
    for id in ["1.5", "1e0", "-0"] {
        let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(link.client(&ping).error().1, -32600, "{id}");
    }
    assert_eq!(link.server(r#"{"jsonrpc":"2.0","id":"1","result":{}}"#), Did::Passed);
    assert_eq!(link.client(escaped), Did::Passed);
    let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(300));
    assert_eq!(link.client(&long), Did::Dropped);
}

#[test]
fn both_directions_may_use_the_same_id() {
    let mut link = Link::listed();
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    assert_eq!(link.server(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#), Did::Passed);
    assert_eq!(link.client(r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#), Did::Passed);
    assert_eq!(link.call(1, "now", "{}").error(), (json!(1), -32600), "the call still waits");
    assert_eq!(link.server(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#), Did::Passed);
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
}

#[test]
fn an_answer_of_the_client_that_cannot_pass_becomes_an_error_for_the_server() {
    let mut link = Link::listed();
    assert_eq!(link.server(r#"{"jsonrpc":"2.0","id":4,"method":"roots/list"}"#), Did::Passed);
    let bad = r#"{"jsonrpc":"2.0","id":4,"result":{"a":1,"a":2}}"#;
    let Did::Forwarded(error) = link.client(bad) else { panic!("the server waits") };
    assert_eq!(serde_json::from_str::<Value>(&error).unwrap()["error"]["code"], -32603);
    assert_eq!(link.client(bad), Did::Dropped);
}

#[test]
fn a_full_table_refuses_new_requests_until_one_is_cancelled() {
    let bounds = Bounds { pending: 3, ..Bounds::default() };
    let mut link = Link::with(guard("{}"), bounds);
    let ping = |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    for id in 0..3 {
        assert_eq!(link.client(&ping(id)), Did::Passed);
    }
    assert_eq!(link.client(&ping(3)).error(), (json!(3), -32603));
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(link.client(cancel), Did::Passed);
    assert_eq!(link.client(&ping(1)).error().1, -32600, "a late reply could still come");
    assert_eq!(link.client(&ping(3)), Did::Passed);
    assert_eq!(link.client(&ping(4)).error(), (json!(4), -32603));
    for id in [10, 11, 12] {
        let ask = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#);
        assert_eq!(link.server(&ask), Did::Passed);
    }
    assert_eq!(link.server(r#"{"jsonrpc":"2.0","id":13,"method":"ping"}"#), Did::Dropped);
}

#[test]
fn an_unknown_tool_is_looked_up_once_and_then_denied() {
    let mut link = Link::fresh();
    let call = call(5, "echo", r#"{"message":"x"}"#);
    assert_eq!(link.client(&call), Did::Held);
    assert!(link.relay.is_listing());
    let request = link.list_request();
    assert_eq!(request["method"], "tools/list");
    assert!(request["id"].as_str().unwrap().starts_with("airlock:n0nce:"));
    assert_eq!(link.relay.list_request(), None, "it is sent once");
    assert_eq!(link.client(&call), Did::Held, "the list is still on its way");

    let id = &request["id"];
    let tools = TOOLS.replace('\n', "");
    let page = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{tools},"nextCursor":"p\"2"}}}}"#
    );
    assert_eq!(link.server(&page), Did::Dropped, "the client never asked");
    assert!(link.relay.is_listing());
    let request = link.list_request();
    assert_eq!(request["params"]["cursor"], "p\"2");
    let id = &request["id"];
    let page = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{{"name":"last","inputSchema":{{"type":"object"}}}}]}}}}"#
    );
    assert_eq!(link.server(&page), Did::Dropped);
    assert!(!link.relay.is_listing());
    assert_eq!(link.client(&call), Did::Passed);
    assert_eq!(link.call(6, "last", "{}"), Did::Passed);
    let reply = link.call(7, "nosuch", "{}").json();
    assert_eq!(reply["error"], json!({"code": -32602, "message": "Unknown tool: nosuch"}));
    assert_eq!(link.server(&page), Did::Dropped, "a second answer to us is nobody's");

    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    assert_eq!(link.server(changed), Did::Passed);
    assert_eq!(link.call(8, "nosuch", "{}"), Did::Held, "the list may have changed");
    link.relay.abandon_list();
    assert_eq!(link.call(8, "nosuch", "{}").error(), (json!(8), -32602));
    assert_eq!(link.call(9, "last", "{}"), Did::Passed, "the old list stands");
}

#[test]
fn a_connection_begins_with_the_tools_that_another_has_learned() {
    let first = Link::listed();
    let tools = Arc::clone(first.relay.tools().expect("the list is complete"));
    let mut link = Link::fresh();
    assert!(link.relay.tools().is_none());
    link.relay.adopt_tools(tools);
    assert_eq!(link.call(1, "echo", r#"{"message":"x"}"#), Did::Passed);
    assert_eq!(link.call(2, "echo", r#"{"message":7}"#).json()["result"]["isError"], true);
    assert_eq!(link.call(3, "nosuch", "{}"), Did::Held, "what is adopted may be out of date");
    link.relay.abandon_list();
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    link.server(changed);
    assert!(link.relay.tools().is_none(), "what has changed is not passed on");
}

#[test]
fn a_list_of_our_own_repeats_the_envelope_of_the_modern_protocol() {
    let mut link = Link::fresh();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":1,"io.modelcontextprotocol/clientInfo":{"name":"c"}}}}"#;
    assert_eq!(link.client(call), Did::Held);
    assert_eq!(
        link.list_request()["params"],
        json!({"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c"}}})
    );
}

#[test]
fn a_server_without_a_list_has_no_tools() {
    let mut link = Link::fresh();
    for reply in [
        r#""error":{"code":-32601,"message":"no"}"#,
        r#""result":{"tools":{}}"#,
        r#""result":{"tools":[],"nextCursor":7}"#,
        r#""result":{"tools":[],"tools":[]}"#,
    ] {
        assert_eq!(link.call(1, "echo", "{}"), Did::Held, "{reply}");
        let id = link.list_request()["id"].clone();
        assert_eq!(link.server(&format!(r#"{{"jsonrpc":"2.0","id":{id},{reply}}}"#)), Did::Dropped);
        assert_eq!(link.call(1, "echo", "{}").error(), (json!(1), -32602), "{reply}");
    }
    // Pages without end come to one.
    assert_eq!(link.call(1, "echo", "{}"), Did::Held);
    let mut pages = 0;
    while let Some(request) = link.relay.list_request() {
        let id = serde_json::from_slice::<Value>(&request).unwrap()["id"].clone();
        link.server(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[],"nextCursor":"x"}}}}"#
        ));
        pages += 1;
    }
    assert_eq!(pages, 65);
    assert!(!link.relay.is_listing());
}

#[test]
fn the_catalog_is_learned_from_the_pages_that_the_client_reads() {
    let mut link = Link::fresh();
    let ask = |id: u32, cursor: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{{cursor}}}}}"#)
    };
    let page = |id: u32, name: &str, next: &str| {
        format!(
            r#"{{"result":{{"tools":[{{"name":"{name}","inputSchema":{{"type":"object"}}}}]{next}}},"jsonrpc":"2.0","id":{id}}}"#
        )
    };
    assert_eq!(link.client(&ask(1, "")), Did::Passed);
    assert_eq!(link.server(&page(1, "one", r#","nextCursor":"c1""#)), Did::Passed);
    assert_eq!(link.call(9, "one", "{}"), Did::Held, "the list is not complete");
    link.relay.abandon_list();
    assert_eq!(link.client(&ask(2, r#""cursor":"c\u0031""#)), Did::Passed);
    assert_eq!(link.server(&page(2, "two", "")), Did::Passed);
    assert_eq!(link.call(9, "one", "{}"), Did::Passed);
    assert_eq!(link.call(10, "two", "{}"), Did::Passed);
    // A page of another list is shown, and not learned.
    assert_eq!(link.client(&ask(3, r#""cursor":"c7""#)), Did::Passed);
    assert_eq!(link.server(&page(3, "three", "")), Did::Passed);
    assert_eq!(link.call(11, "three", "{}"), Did::Held);
}

#[test]
fn a_tool_that_lacks_the_argument_of_a_condition_is_withheld() {
    let rules = r#"{"default": "allow", "rule": [
        {"id": "r", "effect": "deny", "tools": "t", "when": {"args.pth": {"glob": "**/.git/**"}}}
    ]}"#;
    let mut link = Link::under(rules);
    let tools = r#"[{"name":"t","inputSchema":{"type":"object","properties":{"path":{}}}},{"name":"u","inputSchema":{"type":"object"}}]"#;
    let Did::Forwarded(list) = link.list(tools) else { panic!("one tool cannot be guarded") };
    assert!(list.contains(r#""u""#) && !list.contains(r#""t""#), "{list}");
    assert_eq!(link.events, ["< t withhold"]);
    let reply = link.call(1, "t", "{}").json();
    assert_eq!(reply["result"]["_meta"]["airlock/refusal"]["reason"], "tool_unsupported");
}

#[test]
fn tools_that_cannot_be_guarded_are_left_out_of_the_list() {
    let mut link = Link::fresh();
    let Did::Forwarded(list) = link.list(TOOLS) else { panic!("one tool does not compile") };
    let shown: Value = serde_json::from_str(&list).unwrap();
    let names: Vec<&str> = shown["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["echo", "now"]);
    assert_eq!(link.events, ["< broken withhold"]);
    let reply = link.call(1, "broken", "{}").json();
    assert_eq!(reply["result"]["_meta"]["airlock/refusal"]["reason"], "tool_unsupported");

    let tool = |name: &str| format!(r#"{{"name":{name},"inputSchema":{{"type":"object"}}}}"#);
    let list = format!(
        "[{},{},{},{},{},{}]",
        tool(r#""good""#),
        tool(r#""good""#),
        tool(r#""go od""#),
        tool(r#""g\u00f6od""#),
        tool("7"),
        r#"{"name":"schemaless"}"#,
    );
    let shown = link.list(&list).json();
    assert_eq!(shown["result"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(link.call(2, "go od", "{}").error(), (json!(2), -32602));
    let huge = format!(
        r#"[{{"name":"huge","inputSchema":{{"type":"object","description":"{}"}}}}]"#,
        "x".repeat(300 << 10)
    );
    assert_eq!(link.list(&huge).json()["result"]["tools"], json!([]));
    let reply = link.call(3, "huge", "{}").json();
    assert_eq!(reply["result"]["_meta"]["airlock/refusal"]["reason"], "tool_unsupported");
    let many: Vec<String> = (0..2049).map(|n| tool(&format!("\"t{n}\""))).collect();
    assert_eq!(link.list(&format!("[{}]", many.join(","))).error(), (json!("list"), -32603));
}

#[test]
fn a_filtered_list_is_not_for_everyone_to_cache() {
    let mut link = Link::fresh();
    assert_eq!(link.client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#), Did::Passed);
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"public","tools":[{"name":"x"}],"ttlMs":5}}"#;
    let expected =
        r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"private","tools":[],"ttlMs":5}}"#;
    assert_eq!(link.server(list), Did::Forwarded(expected.into()));
}

#[test]
fn a_call_that_cannot_be_recorded_does_not_run() {
    let mut link = Link::listed();
    link.fail_audit = true;
    assert_eq!(link.call(1, "now", "{}").error(), (json!(1), -32603));
    link.fail_audit = false;
    assert_eq!(link.call(1, "now", "{}"), Did::Passed, "it is not in flight");
}

#[test]
fn a_message_above_the_limit_is_answered_without_being_kept() {
    let bounds = Bounds { message: 100, ..Bounds::default() };
    let mut link = Link::with(guard("{}"), bounds);
    let long = format!(
        r#"{{"jsonrpc":"2.0","method":"ping","params":{{"x":"{}"}},"id":3}}"#,
        "y".repeat(100)
    );
    assert_eq!(link.client(&long).error(), (json!(3), -32600));
    assert_eq!(link.client(r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#), Did::Passed);
    let mut outline = Outline::new();
    outline.feed(br#"{"result":{"content":[{"text":""#);
    outline.feed(&[b'x'; 1000]);
    outline.feed(br#""}]},"jsonrpc":"2.0","id":4}"#);
    let mut out = Vec::new();
    let mut audit = |_: &Event<'_>| Ok(());
    let action = link.relay.oversize(Direction::ToClient, &outline, &mut out, &mut audit);
    assert_eq!(Did::new(action, b"").error(), (json!(4), -32603));
}

#[test]
fn a_denied_tool_stays_listed_and_answers_a_refusal() {
    let mut link = Link::under(r#"{"denied_tools":["ec*","nosuch"]}"#);
    // Refused by name before anything is asked of the server.
    for tool in ["echo", "nosuch", "ECHO"] {
        let reply = link.call(1, tool, r#"{"message":5}"#).json();
        let reason = &reply["result"]["_meta"]["airlock/refusal"]["reason"];
        assert_eq!(reason, "tool_denied", "{tool}");
    }
    assert_eq!(link.events.last().unwrap(), "> ECHO refuse tool_denied");
    let Did::Forwarded(list) = link.list(TOOLS) else { panic!("one tool does not compile") };
    assert!(list.contains("\"echo\""));
    assert_eq!(link.call(2, "now", "{}"), Did::Passed);
}

#[test]
fn a_hidden_tool_does_not_seem_to_exist() {
    let mut link = Link::under(r#"{"denied_tools":["echo"],"hide":true}"#);
    assert_eq!(link.call(1, "echo", "{}").error(), (json!(1), -32602));
    let shown = link.list(TOOLS).json();
    assert_eq!(shown["result"]["tools"].as_array().unwrap().len(), 1);
    let hidden = link.call(1, "echo", "{}").json();
    let unknown = link.call(1, "nosuch", "{}");
    assert_eq!(unknown, Did::Held);
    link.relay.abandon_list();
    let unknown = link.call(1, "nosuch", "{}").json().to_string();
    assert_eq!(hidden.to_string().replace("echo", "nosuch"), unknown);
}

#[test]
fn an_unknown_tool_may_be_left_to_the_server() {
    let mut link = Link::under(r#"{"unknown_tool":"forward","denied_tools":["danger"]}"#);
    assert_eq!(link.call(1, "nosuch", "{}"), Did::Held, "first the list must be known");
    link.relay.abandon_list();
    assert_eq!(link.call(1, "nosuch", "{}"), Did::Passed);
    assert_eq!(link.events.last().unwrap(), "> nosuch Unchecked");
    let reply = link.call(2, "danger", "{}").json();
    assert_eq!(reply["result"]["isError"], true, "a name rule holds for unknown tools too");
    assert_eq!(link.call(3, "no such", "{}").error(), (json!(3), -32602));
}

#[test]
fn a_name_that_mcp_does_not_allow_needs_a_rule_that_spells_it() {
    let mut link = Link::under(r#"{"allowed_tools":["zähl mich","*"]}"#);
    let tools = r#"[{"name":"zähl mich","inputSchema":{"type":"object"}},{"name":"zahl mich","inputSchema":{"type":"object"}}]"#;
    assert_eq!(link.list(tools).json()["result"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(link.call(1, r"z\u00e4hl mich", "{}"), Did::Passed);
    assert_eq!(link.call(2, "zahl mich", "{}").error(), (json!(2), -32602));
}

#[test]
fn text_blocks_share_one_budget() {
    let mut link = Link::under(r#"{"max_output_chars":100}"#);
    link.list(TOOLS);
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    let block = json!({"type": "text", "text": "é".repeat(60)}).to_string();
    let reply =
        format!(r#"{{"id":1,"jsonrpc":"2.0","result":{{"content":[{block},{block},{block}]}}}}"#);
    let shown = link.server(&reply).json();
    let texts: Vec<&str> = shown["result"]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["text"].as_str().unwrap())
        .collect();
    assert!(texts.concat().chars().count() <= 100, "{texts:?}");
    assert_eq!(texts.len(), 3);
    assert!(link.events.last().unwrap().ends_with("true"));
}

/// What looks like an access key id of AWS, made here so that no scanner takes this file for a leak.
fn secret() -> String {
    ["AK", "IA", "QX7RZ2LM9KWT4BVN"].concat()
}

/// What the server says is masked to, with a mark in place of each secret and its mask.
fn masked(link: &mut Link, message: &str) -> String {
    let secret = secret();
    let sent = message.replace("SECRET", &secret);
    let Did::Forwarded(text) = link.server(&sent) else { panic!("nothing was masked: {message}") };
    assert!(!text.contains(&secret), "{text}");
    serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    // The bytes before the first and after the last secret are those of the message.
    let (head, tail) = (message.find("SECRET").unwrap(), message.rfind("SECRET").unwrap());
    assert!(text.starts_with(&message[..head]), "{text}");
    assert!(text.ends_with(&message[tail + "SECRET".len()..]), "{text}");
    text
}

#[test]
fn secrets_in_a_result_are_masked_and_the_rest_stays() {
    for result in [
        r#""content":[{"type":"text","text":"a\n SECRET \"z"}],"n":1.0"#,
        r#""content":[{"type":"text","text":"SECRET"}],"isError":true"#,
        r#""content":[{"type":"resource","resource":{"uri":"x://y","text":"k SECRET"}}]"#,
        r#""content":[{"type":"resource_link","uri":"x://y?k=SECRET","name":"n"}]"#,
        r#""content":[{"type":"image","data":"SECRET is no image","mimeType":"image/png"}]"#,
        r#""content":[],"structuredContent":{"a":[{"b":"SECRET"}],"big":18446744073709551617}"#,
        r#""content":[],"structuredContent":{"SECRET":1}"#,
        r#""content":[],"_meta":{"x":{"y":"SECRET"}}"#,
        r#""content":[],"unheard-of":"SECRET""#,
        r#""content":[],"SECRET":true"#,
        r#""content":"SECRET""#,
        r#""Content":[{"type":"text","text":"SECRET"}]"#,
    ] {
        let mut link = Link::listed();
        assert_eq!(link.call(1, "now", "{}"), Did::Passed);
        let message = format!(r#"{{"result":{{{result}}},"jsonrpc":"2.0","id":1}}"#);
        masked(&mut link, &message);
        assert_eq!(link.events.last().unwrap(), "< now filter 1 false", "{result}");
    }
}

#[test]
fn a_value_has_one_number_in_all_results_of_a_connection() {
    const POLICY: &str = r#"{"output": {"*": {"mask": ["pii"], "style": "pseudonym"}}}"#;
    let numbered = |link: &mut Link, id: u32, text: &str| {
        assert_eq!(link.call(id, "now", "{}"), Did::Passed);
        let result = json!({"content": [{"type": "text", "text": text}]});
        let sent = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        let shown = link.server(&sent).json();
        shown["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    };
    let mut link = Link::under(POLICY);
    link.list(TOOLS);
    assert_eq!(
        numbered(&mut link, 1, "from ann@acme.io to bob@acme.io"),
        "from [EMAIL_1] to [EMAIL_2]"
    );
    assert_eq!(
        numbered(&mut link, 2, "bob@acme.io wrote to eve@acme.io"),
        "[EMAIL_2] wrote to [EMAIL_3]"
    );
    let mut other = Link::under(POLICY);
    other.list(TOOLS);
    assert_eq!(numbered(&mut other, 1, "bob@acme.io"), "[EMAIL_1]", "a connection of its own");
}

/// The audit hears of every result, also of one that passes as it came; then, too, it must be heard.
#[test]
fn a_result_is_told_in_any_case() {
    let mut link = Link::listed();
    for fail in [false, true] {
        assert_eq!(link.call(1, "now", "{}"), Did::Passed);
        let message =
            br#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}]}}"#;
        let Link { relay, out, .. } = &mut link;
        let mut told = Vec::new();
        let mut audit = |event: &Event<'_>| {
            let Outcome::Filtered { masked, truncated, output, .. } = event.outcome else {
                return Ok(());
            };
            told.push((event.tool.map(str::to_owned), masked.total(), truncated));
            assert!(
                matches!(output, airlock_core::Output::Json(bytes) if bytes.starts_with(b"{\"content"))
            );
            if fail { Err(Unrecorded) } else { Ok(()) }
        };
        let action = relay.server(message, Caller::default(), out, &mut audit);
        let passed = action == airlock_core::mcp::Action::Forward(message);
        assert_eq!(passed, !fail, "{action:?}");
        assert_eq!(told[0], (Some("now".to_owned()), 0, false));
    }
}

#[test]
fn a_member_that_no_message_has_is_masked_by_its_name_too() {
    let password = ["hunter2", "-Xy9!kd83"].concat();
    let mut link = Link::listed();
    link.call(1, "echo", r#"{"message":"x"}"#);
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "result": {}, "password": password, secret(): 1}),
        json!({"jsonrpc": "2.0", "method": "notifications/x", "password": password}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": secret()}}),
    ] {
        let Did::Forwarded(text) = link.server(&message.to_string()) else { panic!("{message}") };
        assert!(!text.contains(&password) && !text.contains(&secret()), "{text}");
    }
}

#[test]
fn masked_names_of_one_object_stay_apart() {
    let mut link = Link::listed();
    link.call(1, "echo", r#"{"message":"x"}"#);
    let (one, other) = (secret(), secret().replace('7', "6"));
    assert_ne!(one, other);
    let meta = json!({one: 1, other: 2, "plain": 3});
    let reply = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [], "_meta": meta}});
    let read = link.server(&reply.to_string()).json();
    assert_eq!(read["result"]["_meta"].as_object().map(serde_json::Map::len), Some(3), "{read}");
}

/// Both dialects, with what only one of them knows.
#[test]
fn structured_output_that_breaks_its_schema_is_not_shown() {
    let draft7 = r#""$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"l":{"items":[{"type":"integer"}],"additionalItems":false}},"required":["l"]"#;
    let later = r#""type":"object","properties":{"l":{"prefixItems":[{"type":"integer"}],"items":false}},"required":["l"],"unevaluatedProperties":false"#;
    for schema in [draft7, later] {
        let mut link = Link::fresh();
        link.list(&format!(
            r#"[{{"name":"pick","inputSchema":{{"type":"object"}},"outputSchema":{{{schema}}}}}]"#
        ));
        let reply = |structured: &str, more: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":"x"}}],"structuredContent":{structured}{more}}}}}"#
            )
        };
        for good in [r#"{"l":[1]}"#, r#"{"l":[]}"#] {
            assert_eq!(link.call(1, "pick", "{}"), Did::Passed);
            assert_eq!(link.server(&reply(good, "")), Did::Passed, "{good}");
        }
        // What an error carries was never promised.
        assert_eq!(link.call(1, "pick", "{}"), Did::Passed);
        assert_eq!(link.server(&reply("{}", r#","isError":true"#)), Did::Passed);
        for bad in [r#"{"l":[1,2]}"#, r#"{"l":["1"]}"#, "{}"] {
            assert_eq!(link.call(1, "pick", "{}"), Did::Passed);
            let shown = link.server(&reply(bad, "")).json();
            assert_eq!(shown["result"]["isError"], true, "{bad}: {shown}");
            assert_eq!(shown["result"].get("structuredContent"), None);
            assert_eq!(shown["result"]["_meta"]["airlock/refusal"]["reason"], "output_invalid");
        }
    }
}

#[test]
fn structured_output_that_masking_broke_becomes_an_error_without_it() {
    let tools = r#"[{"name":"whoami","inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":{"key":{"type":"string","pattern":"^AK[A-Z0-9]+$","minLength":20},"exact":{"type":"string","pattern":"^AK.*7"},"note":{"type":"string"}}}}]"#;
    let mut link = Link::fresh();
    link.list(tools);
    let reply = |structured: &str| {
        let text = r#"[{"type":"text","text":"it is SECRET"}]"#;
        format!(
            r#"{{"result":{{"content":{text},"structuredContent":{structured},"_meta":{{"n":1.0}}}},"jsonrpc":"2.0","id":1}}"#
        )
    };
    // A mask that the schema takes.
    assert_eq!(link.call(1, "whoami", "{}"), Did::Passed);
    let shown = masked(&mut link, &reply(r#"{"note":"k SECRET"}"#));
    assert!(shown.contains("structuredContent") && !shown.contains("isError"), "{shown}");
    // One that it takes in the shape of the value.
    assert_eq!(link.call(1, "whoami", "{}"), Did::Passed);
    let shown: Value =
        serde_json::from_str(&masked(&mut link, &reply(r#"{"key":"SECRET"}"#))).unwrap();
    let key = shown["result"]["structuredContent"]["key"].as_str().unwrap();
    assert!(key.len() == secret().len() && key.starts_with("AKIA") && key.contains("XX"), "{key}");
    assert!(!shown["result"]["content"][0]["text"].as_str().unwrap().contains(key));
    // One that it does not take in any.
    assert_eq!(link.call(1, "whoami", "{}"), Did::Passed);
    let sent = reply(r#"{"exact":"SECRET"}"#).replace("SECRET", &secret());
    let Did::Forwarded(shown) = link.server(&sent) else { panic!("it is masked") };
    assert!(!shown.contains(&secret()));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["result"]["isError"], true);
    assert_eq!(shown["result"].get("structuredContent"), None);
    assert!(shown["result"]["content"][0]["text"].as_str().unwrap().starts_with("it is "));
    assert_eq!(shown["result"]["_meta"], json!({"n": 1.0}));
    assert_eq!(shown["id"], 1);
}

#[test]
fn media_and_tokens_stay_byte_exact() {
    let secret = secret();
    for result in [
        r#""content":[{"type":"image","data":"SECRET","mimeType":"image/png"}]"#,
        r#""content":[{"type":"audio","data":"SECRET","mimeType":"audio/wav"}]"#,
        r#""content":[{"type":"resource","resource":{"uri":"x://y","blob":"SECRET"}}]"#,
        r#""resultType":"input_required","requestState":"SECRET.x","inputRequests":{}"#,
        r#""task":{"taskId":"SECRET","status":"working"}"#,
    ] {
        let mut link = Link::listed();
        assert_eq!(link.call(1, "now", "{}"), Did::Passed);
        let message = format!(r#"{{"result":{{{result}}},"jsonrpc":"2.0","id":1}}"#);
        assert_eq!(link.server(&message.replace("SECRET", &secret)), Did::Passed, "{result}");
    }
}

#[test]
fn a_secret_across_the_border_of_two_blocks_is_masked_in_both() {
    let mut link = Link::listed();
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    let secret = secret();
    let (one, two) = secret.split_at(9);
    let texts = ["keep", &format!("é\" {one}"), &format!("{two} tail"), "", "keep"];
    let blocks: Vec<String> =
        texts.iter().map(|t| json!({"type": "text", "text": t}).to_string()).collect();
    let blocks = blocks.join(",");
    let reply =
        link.server(&format!(r#"{{"id":1,"jsonrpc":"2.0","result":{{"content":[{blocks}]}}}}"#));
    let content = reply.json()["result"]["content"].clone();
    let texts: Vec<&str> =
        content.as_array().unwrap().iter().map(|b| b["text"].as_str().unwrap()).collect();
    assert_eq!((texts[0], texts[3], texts[4]), ("keep", "", "keep"));
    assert!(texts[1].starts_with("é\" ") && texts[2].ends_with(" tail"), "{texts:?}");
    let joined = texts.concat();
    assert!(!joined.contains(one) && !joined.contains(two), "{joined}");
}

#[test]
fn verbatim_is_a_list_of_a_few() {
    let reply = r#"{"jsonrpc":"2.0","id":1,"result":{"text":"SECRET"}}"#;
    let asked = |method: &str| {
        let mut link = Link::listed();
        let ask =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"uri":"x"}}}}"#);
        assert_eq!(link.client(&ask), Did::Passed);
        link
    };
    for method in ["initialize", "ping", "prompts/list", "resources/list", "server/discover"] {
        let mut link = asked(method);
        assert_eq!(link.server(&reply.replace("SECRET", &secret())), Did::Passed, "{method}");
        // The second reply answers nobody.
        masked(&mut link, reply);
        let mut link = asked(method);
        masked(
            &mut link,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m","data":["SECRET"]}}"#,
        );
    }
    for (method, result) in [
        ("resources/read", r#"{"contents":[{"uri":"x://y","text":"SECRET"}]}"#),
        (
            "prompts/get",
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"SECRET"}}]}"#,
        ),
        ("completion/complete", r#"{"completion":{"values":["x SECRET"],"total":1}}"#),
        ("tasks/result", r#"{"content":[{"type":"text","text":"SECRET"}]}"#),
        ("tasks/list", r#"{"tasks":[{"taskId":"1","statusMessage":"SECRET"}]}"#),
        ("acme/unknown", r#"{"deep":{"er":["SECRET"]}}"#),
    ] {
        let mut link = asked(method);
        masked(&mut link, &format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#));
    }
    let mut link = Link::listed();
    for message in [
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"k":"SECRET"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1,"message":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"SECRET?"}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"SECRET"}}],"maxTokens":5}}"#,
        r#"{"jsonrpc":"2.0","method":"acme/unknown","params":["SECRET"]}"#,
        r#"{"jsonrpc":"2.0","id":"nobody","result":{"x":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"SECRET"}}"#,
        r#"{"jsonrpc":"2.0","method":"x","extra":"SECRET"}"#,
    ] {
        masked(&mut link, message);
    }
}

#[test]
fn a_late_reply_to_a_cancelled_call_is_masked() {
    let mut link = Link::listed();
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(link.client(cancel), Did::Passed);
    let reply =
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"SECRET"}]}}"#;
    masked(&mut link, reply);
    assert_eq!(link.events.last().unwrap(), "< now filter 1 false");
}

#[test]
fn the_result_of_a_task_is_that_of_its_tool() {
    let mut link = Link::listed();
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    let created =
        r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t-1","status":"working"}}}"#;
    assert_eq!(link.server(created), Did::Passed);
    let ask = r#"{"jsonrpc":"2.0","id":2,"method":"tasks/result","params":{"taskId":"t-\u0031"}}"#;
    assert_eq!(link.client(ask), Did::Passed);
    let reply =
        r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"SECRET"}]}}"#;
    masked(&mut link, reply);
    assert_eq!(link.events.last().unwrap(), "< now filter 1 false");
}

#[test]
fn an_output_that_cannot_be_recorded_is_not_shown() {
    let mut link = Link::listed();
    assert_eq!(link.call(1, "now", "{}"), Did::Passed);
    link.fail_audit = true;
    let reply =
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"SECRET"}]}}"#;
    let reply = reply.replace("SECRET", &secret());
    assert_eq!(link.server(&reply).error(), (json!(1), -32603));
    assert_eq!(link.server(&reply), Did::Dropped);
}

/// Recorded traffic of official servers: with nothing to mask, what is allowed stays as it is.
#[test]
fn recorded_traffic_passes_byte_for_byte() {
    for server in ["everything", "filesystem", "memory"] {
        let Some(records) = shared::lines(&format!("mcp/{server}.wire.jsonl")) else {
            return;
        };
        let mut link = Link::fresh();
        let mut refused = Vec::new();
        let (mut passed, mut stripped) = (0, 0);
        for record in records {
            let message = record["line"].as_str().unwrap();
            let id = serde_json::from_str::<Value>(message).unwrap()["id"].clone();
            if record["dir"] == "s2c" {
                if refused.contains(&id) {
                    continue;
                }
                assert_eq!(link.server(message), Did::Passed, "{server}: {message}");
                passed += 1;
                continue;
            }
            let mut did = link.client(message);
            if did == Did::Held {
                // A name that the recorded list does not have: no better list is to be had.
                link.relay.abandon_list();
                did = link.client(message);
            }
            match did {
                Did::Passed => passed += 1,
                Did::Forwarded(_) => stripped += 1,
                Did::Answered(_) => refused.push(id),
                other => panic!("{server}: {other:?} {message}"),
            }
        }
        assert!(passed > 10, "{server}: {passed} passed");
        println!("{server}: {passed} passed, {stripped} stripped, {} refused", refused.len());
    }
}
