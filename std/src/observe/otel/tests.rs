//! The spans of a connection, from the messages of both sides.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::mcp::{Action, Audit, Bounds, Event, Relay, Unrecorded};
use airlock_core::{Caller, Guard};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

use super::{Book, Traces};
use crate::observe::words;
use crate::policy::PolicyFile;

struct Connection {
    relay: Relay,
    told: Told,
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

struct Told(Book);

impl Audit for Told {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        self.0.observe(event, words(&event.outcome), Duration::from_micros(7));
        Ok(())
    }
}

const TOOLS: &str = r#"{"jsonrpc":"2.0","id":"list","result":{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]}}"#;
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const SECRET: &str = "hunter2hunter2";

impl Connection {
    fn new() -> Self {
        let policy = "denied_tools = [\"drop_*\"]\n[[rule]]\nid = \"say\"\neffect = \"allow\"\ntools = [\"*\"]\n";
        let policy = PolicyFile::parse("policy.toml", policy).unwrap().into_policy();
        let guard = Guard::builder().policy(policy).unwrap().build().unwrap();
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let told = Told(Book::new(Traces::of(&provider)));
        let relay = Relay::new(Arc::new(guard), Bounds::default(), "nonce");
        let mut connection = Self { relay, told, exporter, provider };
        connection.client(r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#);
        connection.server(TOOLS);
        connection
    }

    /// Whether the message is passed on.
    fn client(&mut self, message: &str) -> bool {
        let mut out = Vec::new();
        let Self { relay, told, .. } = self;
        let action = relay.client(message.as_bytes(), Caller::default(), None, &mut out, told);
        matches!(action, Action::Forward(_))
    }

    fn call(&mut self, id: &str, tool: &str, arguments: &str, meta: &str) -> bool {
        self.client(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{meta}}}}}"#
        ))
    }

    fn server(&mut self, message: &str) {
        let mut out = Vec::new();
        let Self { relay, told, .. } = self;
        relay.server(message.as_bytes(), Caller::default(), &mut out, told);
    }

    fn reply(&mut self, id: &str, rest: &str) {
        self.server(&format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#));
    }

    /// The spans that have ended since it was asked last.
    fn spans(&self) -> Vec<SpanData> {
        let spans = self.exporter.get_finished_spans().unwrap();
        self.exporter.reset();
        for span in &spans {
            assert!(!format!("{span:?}").contains(SECRET), "{span:?}");
        }
        spans
    }

    fn span(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    attribute.map(|attribute| attribute.value.to_string())
}

fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

#[test]
fn a_call_is_one_span_from_question_to_answer() {
    let mut connection = Connection::new();
    let arguments = format!(r#"{{"text":"{SECRET}"}}"#);
    let meta = format!(r#"{{"traceparent":"{PARENT}","progressToken":"{SECRET}"}}"#);
    assert!(connection.call("7", "echo", &arguments, &meta));
    assert!(connection.spans().is_empty(), "it runs");
    let text = format!(r#""result":{{"content":[{{"type":"text","text":"password={SECRET}"}}]}}"#);
    connection.reply("7", &text);
    let span = connection.span();
    assert_eq!(span.name, "tools/call echo");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(span.span_context.trace_id().to_string(), &PARENT[3..35]);
    assert_eq!(span.parent_span_id.to_string(), &PARENT[36..52]);
    assert!(span.parent_span_is_remote);
    for (name, value) in [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "echo"),
        ("mcp.method.name", "tools/call"),
        ("network.transport", "pipe"),
        ("jsonrpc.request.id", "7"),
        ("airlock.decision", "allow"),
        ("airlock.rule", "say"),
        ("airlock.output.decision", "filter"),
        ("airlock.output.masked", "1"),
    ] {
        assert_eq!(attribute(&span, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(attribute(&span, "error.type"), None);
}

#[test]
fn what_fails_says_how() {
    let mut connection = Connection::new();
    let fail = |connection: &mut Connection, rest: &str| {
        assert!(connection.call("1", "echo", "{}", "{}"));
        connection.reply("1", rest);
        let span = connection.span();
        assert!(is_error(&span), "{span:?}");
        let code = attribute(&span, "rpc.response.status_code");
        (attribute(&span, "error.type").unwrap(), code)
    };
    let error = format!(r#""error":{{"code":-32000,"message":"{SECRET}"}}"#);
    assert_eq!(fail(&mut connection, &error), ("-32000".into(), Some("-32000".into())));
    let error = r#""error":{"code":"hunter2hunter2","message":""}"#;
    assert_eq!(fail(&mut connection, error), ("_OTHER".into(), None));
    let result =
        format!(r#""result":{{"isError":true,"content":[{{"type":"text","text":"{SECRET}"}}]}}"#);
    assert_eq!(fail(&mut connection, &result), ("tool_error".into(), None));
    // An answer that cannot be read is replaced by an error of ours.
    assert_eq!(fail(&mut connection, r#""result":1,"result":2"#).0, "-32603");
}

#[test]
fn what_is_refused_is_a_span_with_its_reason() {
    let mut connection = Connection::new();
    let wrong = format!(r#"{{"text":["{SECRET}"]}}"#);
    for (tool, arguments, name, kind) in [
        ("echo", &*wrong, "tools/call echo", "validation_failed"),
        ("drop_all", "{}", "tools/call (other)", "tool_denied"),
        (SECRET, "{}", "tools/call (other)", "-32602"),
    ] {
        connection.call("1", tool, arguments, "{}");
        // A name that no list has makes another list, and the call waits for it.
        if let Some(request) = connection.relay.list_request() {
            let request = String::from_utf8(request).unwrap();
            let id = request.split("\"id\":").nth(1).unwrap().split(',').next().unwrap();
            connection.server(&TOOLS.replace("\"list\"", id));
            connection.call("1", tool, arguments, "{}");
        }
        let span = connection.span();
        assert_eq!((&*span.name, is_error(&span)), (name, true));
        assert_eq!(attribute(&span, "error.type").as_deref(), Some(kind));
        assert_eq!(attribute(&span, "airlock.decision").as_deref(), Some("block"));
    }
    connection.told.0.end();
    assert!(connection.spans().is_empty(), "none waits for an answer");
}

#[test]
fn spans_find_their_answer_by_the_id() {
    let mut connection = Connection::new();
    for id in ["1", r#""1""#, r#""a b""#, "2"] {
        assert!(connection.call(id, "echo", "{}", "{}"));
    }
    // A request whose id is taken is refused, and the span of the first one goes on.
    assert!(!connection.call("2", "echo", "{}", "{}"));
    assert!(connection.spans().is_empty());
    for (id, told) in
        [(r#""\u0031""#, Some("1")), ("2", Some("2")), ("1", Some("1")), (r#""a\u0020b""#, None)]
    {
        connection.reply(id, r#""result":{"content":[]}"#);
        assert_eq!(attribute(&connection.span(), "jsonrpc.request.id").as_deref(), told, "{id}");
    }
    assert!(connection.call("3", "echo", "{}", "{}"));
    connection.told.0.end();
    assert_eq!(connection.span().status, Status::Unset, "nobody answered");
}

#[test]
fn a_client_that_samples_nothing_gets_no_spans() {
    let mut connection = Connection::new();
    let meta = format!(r#"{{"traceparent":"{}00"}}"#, &PARENT[..53]);
    assert!(connection.call("1", "echo", "{}", &meta));
    connection.reply("1", r#""result":{"content":[]}"#);
    assert!(connection.spans().is_empty());
    connection.provider.shutdown().unwrap();
}
