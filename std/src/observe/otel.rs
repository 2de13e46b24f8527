//! Calls as spans of OpenTelemetry.
//!
//! One span a call, from its question to its end. Names are those of the semantic conventions for generative
//! AI and MCP (`open-telemetry/semantic-conventions-genai`, status Development): `execute_tool {tool}` of kind
//! internal in a program, `tools/call {tool}` of kind server in a relay. Only the interface is used here: the
//! program brings the exporter. Cost: an `Option` where nobody traces; else a few allocations a call, and
//! what the program's span processor does when a span ends.

mod book;
mod parent;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use airlock_core::mcp::{Direction, Event, Outcome, Reply};
use opentelemetry::global::{self, BoxedTracer, ObjectSafeTracerProvider};
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, InstrumentationScope, KeyValue};

pub(crate) use self::book::Book;
use super::{OTHER, Words, rule_of};

/// Longest id that is told, in bytes.
const MAX_ID: usize = 128;

/// Where spans of calls go: to the tracer of a program. Clones are the same.
#[derive(Clone)]
pub struct Traces(Arc<BoxedTracer>);

impl Traces {
    /// To `provider`.
    #[must_use]
    pub fn of(provider: &impl ObjectSafeTracerProvider) -> Self {
        Self(Arc::new(BoxedTracer::new(provider.boxed_tracer(scope()))))
    }

    /// To the provider that the program has set for all by now (`opentelemetry::global`).
    #[must_use]
    pub fn global() -> Self {
        Self(Arc::new(global::tracer_with_scope(scope())))
    }

    /// The span of a decision that began so long ago, within `parent`.
    fn start(
        &self,
        event: &Event<'_>,
        words: Words,
        took: Duration,
        kind: Kind<'_>,
        parent: &Context,
    ) -> Context {
        let tool = event.tool.filter(|_| event.declared.is_some()).unwrap_or(OTHER);
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", tool.to_owned()),
            KeyValue::new("airlock.decision", words.0),
            KeyValue::new("airlock.duration_us", micros(took)),
        ];
        if let Some(reason) = words.1 {
            attributes.push(KeyValue::new("airlock.reason", reason));
        }
        if let Some(rule) = rule_of(&event.outcome) {
            attributes.push(KeyValue::new("airlock.rule", rule.to_owned()));
        }
        let (method, kind) = match kind {
            Kind::Internal { session } => {
                let session = session.filter(|id| is_plain(id));
                attributes.extend(session.map(|id| KeyValue::new("mcp.session.id", id.to_owned())));
                ("execute_tool", SpanKind::Internal)
            }
            Kind::Relayed { id } => {
                attributes.push(KeyValue::new("mcp.method.name", "tools/call"));
                attributes.push(KeyValue::new("network.transport", "pipe"));
                let id = id.filter(|id| is_plain(id));
                attributes.extend(id.map(|id| KeyValue::new("jsonrpc.request.id", id.to_owned())));
                ("tools/call", SpanKind::Server)
            }
        };
        let began = SystemTime::now().checked_sub(took).unwrap_or_else(SystemTime::now);
        let builder = SpanBuilder::from_name(format!("{method} {tool}"))
            .with_kind(kind)
            .with_start_time(began)
            .with_attributes(attributes);
        let span = parent.with_span(self.0.build_with_context(builder, parent));
        if words.0 == "block" {
            fail(&span, blocked(event, words));
        }
        span
    }
}

/// Who asks.
#[derive(Clone, Copy)]
enum Kind<'a> {
    /// The program itself.
    Internal { session: Option<&'a str> },
    /// A client of MCP.
    Relayed { id: Option<&'a str> },
}

/// The span of a call of a program; none while nobody traces.
#[derive(Debug, Default)]
pub(crate) struct CallSpan(Option<Context>);

impl CallSpan {
    /// Begins the span of a call that was decided on. One that does not run ends with it.
    pub(crate) fn decided(
        &mut self,
        traces: &Traces,
        event: &Event<'_>,
        session: Option<&str>,
        words: Words,
        took: Duration,
    ) {
        let kind = Kind::Internal { session };
        let span = traces.start(event, words, took, kind, &Context::current());
        if words.0 == "block" {
            span.span().end();
        } else {
            self.0 = Some(span);
        }
    }

    /// Ends it.
    pub(crate) fn ended(&self, outcome: airlock_core::Outcome) {
        let Some(span) = &self.0 else { return };
        let word = match outcome {
            airlock_core::Outcome::Ok => "ok",
            airlock_core::Outcome::Failed => "failed",
            airlock_core::Outcome::Unknown => "unknown",
        };
        span.span().set_attribute(KeyValue::new("airlock.outcome", word));
        if outcome == airlock_core::Outcome::Failed {
            fail(span, "tool_error".into());
        }
        span.span().end();
    }

    /// The context to run the tool in.
    pub(crate) fn context(&self) -> Context {
        self.0.clone().unwrap_or_else(Context::current)
    }
}

/// Tells the span that is current of a decision on an output.
pub(crate) fn output(event: &Event<'_>, words: Words, took: Duration) {
    if event.direction == Direction::ToClient {
        Context::map_current(|current| {
            let span = current.span();
            if span.is_recording() {
                let mut attributes = results(event, words);
                attributes.push(KeyValue::new("airlock.duration_us", micros(took)));
                span.add_event("airlock.output", attributes);
            }
        });
    }
}

/// What is told of a decision on an output.
fn results(event: &Event<'_>, (decision, reason): Words) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("airlock.output.decision", decision)];
    attributes.extend(reason.map(|reason| KeyValue::new("airlock.output.reason", reason)));
    if let Outcome::Filtered { masked, truncated, .. } = &event.outcome {
        attributes.push(KeyValue::new("airlock.output.masked", masked.total() as i64));
        attributes.push(KeyValue::new("airlock.output.truncated", *truncated));
    }
    attributes
}

/// The kind of error that a refused call or output ends with: the code of a JSON-RPC error, else the reason.
fn blocked(event: &Event<'_>, (_, reason): Words) -> Cow<'static, str> {
    match event.outcome {
        Outcome::Rejected { code, .. } => code.to_string().into(),
        _ => reason.unwrap_or("_OTHER").into(),
    }
}

/// The kind of error that the server answered with.
fn failed(reply: Reply) -> Option<Cow<'static, str>> {
    match reply {
        Reply::Result => None,
        Reply::ToolError => Some("tool_error".into()),
        Reply::Error(None) => Some("_OTHER".into()),
        Reply::Error(Some(code)) => Some(code.to_string().into()),
    }
}

fn fail(span: &Context, kind: Cow<'static, str>) {
    let span = span.span();
    if kind.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        span.set_attribute(KeyValue::new("rpc.response.status_code", kind.clone()));
    }
    span.set_attribute(KeyValue::new("error.type", kind));
    span.set_status(Status::error(""));
}

/// Whether an id that others chose is told: no text, no controls.
fn is_plain(id: &str) -> bool {
    id.len() <= MAX_ID
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte))
}

fn micros(took: Duration) -> i64 {
    i64::try_from(took.as_micros()).unwrap_or(i64::MAX)
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("airlock").with_version(env!("CARGO_PKG_VERSION")).build()
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}
