//! What OpenTelemetry sees of a firewall's calls, and what it does not.
#![cfg(feature = "otel")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

use airlock::core::{Call, Caller, Output, ToolDefinition};
use airlock::observe::Traces;
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

const SCHEMA: &[u8] = br#"{"type":"object","properties":{"text":{"type":"string"}}}"#;
const SECRET: &str = "hunter2hunter2";

struct Traced {
    firewall: Firewall,
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
}

impl Traced {
    fn new() -> Self {
        let policy = PolicyFile::parse(
            "policy.toml",
            "denied_tools = [\"drop_*\"]\n[[rule]]\nid = \"say\"\neffect = \"allow\"\ntools = [\"*\"]\n",
        );
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let tool = |name| ToolDefinition { name, input_schema: SCHEMA, output_schema: None };
        let builder = Firewall::builder().policy(policy.unwrap()).traces(Traces::of(&provider));
        let builder = builder.tool(tool("echo")).unwrap().tool(tool("drop_all")).unwrap();
        Self { firewall: builder.build().unwrap(), exporter, provider }
    }

    fn call(&self, tool: &str, arguments: &str, outcome: Outcome) {
        let caller = Caller { agent: Some("bot"), ..Caller::default() };
        let call = Call { tool, arguments: arguments.as_bytes(), caller, ..Call::default() };
        if let Ok(permit) = self.firewall.call(&call) {
            permit.finish(outcome);
        }
    }

    /// The spans that have ended, none of which holds a value.
    fn spans(&self) -> Vec<SpanData> {
        let spans = self.exporter.get_finished_spans().unwrap();
        let text = format!("{spans:?}");
        assert!(!text.contains("hunter2") && !text.contains("example.org"), "{text}");
        spans
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    attribute.map(|attribute| attribute.value.to_string())
}

#[test]
fn each_call_is_a_span_with_its_name_decision_and_end() {
    let traced = Traced::new();
    let text = format!(r#"{{"text":"{SECRET}","{SECRET}":1}}"#);
    let wrong = format!(r#"{{"text":["{SECRET}"]}}"#);
    let broken = format!(r#"{{"text":"{SECRET}"#);
    traced.call("echo", &text, Outcome::Ok);
    traced.call("echo", &text, Outcome::Failed);
    traced.call("echo", &text, Outcome::Unknown);
    traced.call("echo", &wrong, Outcome::Ok);
    traced.call("echo", &broken, Outcome::Ok);
    traced.call("drop_all", &text, Outcome::Ok);
    traced.call(SECRET, &text, Outcome::Ok);
    let spans = traced.spans();
    let told: Vec<_> = spans
        .iter()
        .map(|span| {
            let is_error = matches!(span.status, Status::Error { .. });
            let of = |name| attribute(span, name).unwrap_or_default();
            let (decision, end) = (of("airlock.decision"), of("airlock.outcome"));
            (span.name.to_string(), decision, end, of("error.type"), is_error)
        })
        .collect();
    let row = |name: &str, decision: &str, end: &str, kind: &str, is_error| {
        (format!("execute_tool {name}"), decision.into(), end.into(), kind.into(), is_error)
    };
    assert_eq!(
        told,
        [
            row("echo", "allow", "ok", "", false),
            row("echo", "allow", "failed", "tool_error", true),
            row("echo", "allow", "unknown", "", false),
            row("echo", "block", "", "validation_failed", true),
            row("echo", "block", "", "malformed_arguments", true),
            row("drop_all", "block", "", "tool_denied", true),
            row("(other)", "block", "", "unknown_tool", true),
        ]
    );
    for span in &spans {
        assert_eq!(span.span_kind, SpanKind::Internal);
        assert_eq!(attribute(span, "gen_ai.operation.name").as_deref(), Some("execute_tool"));
        assert_eq!(span.instrumentation_scope.name(), "airlock");
        assert!(span.end_time >= span.start_time);
    }
    assert_eq!(attribute(&spans[0], "airlock.rule").as_deref(), Some("say"));
}

#[test]
fn the_span_has_the_one_around_it_as_parent_and_is_that_of_the_tool() {
    let traced = Traced::new();
    let tracer = traced.provider.tracer("host");
    let call = Call { tool: "echo", arguments: b"{}", session: Some("s-1"), ..Call::default() };
    tracer.in_span("turn", |_| {
        let permit = traced.firewall.call(&call).unwrap();
        let guard = permit.context().attach();
        tracer.in_span("query", |_| {});
        let output = format!("password={SECRET} ann@example.org");
        traced.firewall.filter("echo", Output::Text(output.as_bytes())).unwrap();
        drop(guard);
        permit.finish(Outcome::Ok);
    });
    let spans = traced.spans();
    let [query, call, turn] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(call.name, "execute_tool echo");
    assert_eq!(attribute(call, "mcp.session.id").as_deref(), Some("s-1"));
    assert_eq!(query.parent_span_id, call.span_context.span_id());
    assert_eq!(call.parent_span_id, turn.span_context.span_id());
    let output = &call.events[0];
    assert_eq!(output.name, "airlock.output");
    let told = |name: &str| {
        let found = output.attributes.iter().find(|attribute| attribute.key.as_str() == name);
        found.map(|attribute| attribute.value.to_string())
    };
    assert_eq!(told("airlock.output.decision").as_deref(), Some("filter"));
    assert_eq!(told("airlock.output.masked").as_deref(), Some("1"));
}

#[test]
fn a_policy_that_is_changed_keeps_its_traces_and_ids_that_are_text_are_not_told() {
    let traced = Traced::new();
    let next = PolicyFile::parse("policy.toml", "denied_tools = [\"echo\"]").unwrap();
    let next = traced.firewall.succeed(next).unwrap();
    let call = Call { tool: "echo", arguments: b"{}", session: Some("a b"), ..Call::default() };
    assert!(next.call(&call).is_err());
    let spans = traced.spans();
    assert_eq!(attribute(&spans[0], "error.type").as_deref(), Some("tool_denied"));
    assert_eq!(attribute(&spans[0], "mcp.session.id"), None);
    assert!(!opentelemetry::Context::current().span().span_context().is_valid());
}
