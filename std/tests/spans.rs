//! What a subscriber of `tracing` sees of a firewall's calls, and what not.
//!
//! One test in a process of its own: `tracing` remembers for the whole process whether anybody listens to
//! a place in the code, and a test beside this one that calls a firewall without a subscriber, on another
//! thread, can be asked first.
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used)]

#[path = "support/observed.rs"]
mod observed;

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use airlock::observe::Metrics;
use observed::{calls, firewall};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

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
