//! What a subscriber of `tracing` and a reader of metrics see of a firewall's calls, and what they do not.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

use airlock::core::{Call, Caller, Output, ToolDefinition};
use airlock::observe::Metrics;
use airlock::policy::PolicyFile;
use airlock::{Firewall, Outcome};

const SCHEMA: &[u8] = br#"{"type":"object","properties":{"text":{"type":"string"}}}"#;

fn firewall(metrics: Metrics) -> Firewall {
    let policy = PolicyFile::parse(
        "policy.toml",
        "denied_tools = [\"drop_*\"]\n[[rule]]\nid = \"say\"\neffect = \"allow\"\ntools = [\"*\"]\n",
    );
    let tool = |name| ToolDefinition { name, input_schema: SCHEMA, output_schema: None };
    let builder = Firewall::builder().policy(policy.unwrap()).metrics(metrics);
    builder.tool(tool("echo")).unwrap().tool(tool("drop_all")).unwrap().build().unwrap()
}

/// Some calls with a value in each place where one can be.
fn calls(firewall: &Firewall, secret: &str) {
    let text = format!(r#"{{"text":"{secret}","{secret}":1}}"#);
    let wrong = format!(r#"{{"text":["{secret}"]}}"#);
    let broken = format!(r#"{{"text":"{secret}"#);
    let caller = Caller { agent: Some("bot"), ..Caller::default() };
    for (tool, arguments) in
        [("echo", &text), ("echo", &wrong), ("echo", &broken), ("drop_all", &text), (secret, &text)]
    {
        let call = Call { tool, arguments: arguments.as_bytes(), caller, ..Call::default() };
        if let Ok(permit) = firewall.call(&call) {
            permit.finish(Outcome::Failed);
        }
    }
    let output = format!("password={secret} ann@example.org");
    let _ = firewall.filter("echo", Output::Text(output.as_bytes()));
}

#[test]
fn metrics_count_and_show_no_value() {
    let metrics = Metrics::new();
    let firewall = firewall(metrics.clone());
    calls(&firewall, "hunter2hunter2");
    let call = Call { tool: "echo", arguments: b"{}", ..Call::default() };
    let running = firewall.call(&call).unwrap();
    let text = metrics.render();
    assert!(!text.contains("hunter2"), "{text}");
    for line in [
        r#"airlock_decisions_total{direction="to_server",tool="echo",decision="allow",reason=""} 2"#,
        r#"airlock_decisions_total{direction="to_server",tool="echo",decision="block",reason="validation_failed"} 1"#,
        r#"airlock_decisions_total{direction="to_server",tool="echo",decision="block",reason="malformed_arguments"} 1"#,
        r#"airlock_decisions_total{direction="to_server",tool="drop_all",decision="block",reason="tool_denied"} 1"#,
        r#"airlock_decisions_total{direction="to_server",tool="(other)",decision="block",reason="unknown_tool"} 1"#,
        r#"airlock_decisions_total{direction="to_client",tool="echo",decision="filter",reason=""} 1"#,
        r#"airlock_decision_duration_seconds_count{direction="to_server"} 6"#,
        "airlock_running_calls 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.contains("airlock_masked_values_total{type=\"secret."), "{text}");
    drop(running);
    assert!(metrics.render().contains("airlock_running_calls 0\n"));
}

#[cfg(feature = "tracing")]
mod spans {
    use std::fmt::{Debug, Write};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Writes down all that it is told.
    #[derive(Clone, Default)]
    struct Recording(Arc<Mutex<String>>, Arc<AtomicU64>);

    struct Fields<'a>(&'a mut String);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }

    impl Recording {
        fn note(&self, what: &str, fields: impl FnOnce(&mut Fields<'_>)) {
            let mut told = self.0.lock().unwrap();
            told.push_str(what);
            fields(&mut Fields(&mut told));
            told.push('\n');
        }
    }

    impl Subscriber for Recording {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            let id = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            let name = span.metadata().name();
            self.note(&format!("new {id} {name}"), |fields| span.record(fields));
            Id::from_u64(id)
        }

        fn record(&self, span: &Id, values: &Record<'_>) {
            self.note(&format!("record {}", span.into_u64()), |fields| values.record(fields));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.note("event", |fields| event.record(fields));
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn spans_and_events_have_names_and_reasons_and_no_value() {
        let recording = Recording::default();
        let firewall = firewall(Metrics::new());
        tracing::subscriber::with_default(recording.clone(), || calls(&firewall, "hunter2hunter2"));
        let told = recording.0.lock().unwrap().clone();
        assert!(!told.contains("hunter2") && !told.contains("example.org"), "{told}");
        for line in [
            "new 1 execute_tool otel.kind=\"internal\" gen_ai.operation.name=\"execute_tool\" \
             gen_ai.tool.name=\"echo\"",
            "record 1 otel.name=\"execute_tool echo\"",
            "record 1 airlock.decision=\"allow\"",
            "record 1 airlock.rule=\"say\"",
            "record 1 airlock.outcome=\"failed\"",
            "record 2 error.type=\"validation_failed\"",
            "record 3 error.type=\"malformed_arguments\"",
            "record 4 error.type=\"tool_denied\"",
            "record 5 otel.name=\"execute_tool (other)\"",
        ] {
            assert!(told.lines().any(|found| found == line), "{line}\n{told}");
        }
        let events = told.lines().filter(|line| line.starts_with("event"));
        assert_eq!(events.count(), 6, "{told}");
        assert!(told.contains("airlock.reason=\"tool_denied\""), "{told}");
        assert!(told.contains("airlock.duration_us="), "{told}");
    }
}
