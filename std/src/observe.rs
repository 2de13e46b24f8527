//! What can be seen of decisions from outside: [`Metrics`] as numbers, with the feature `tracing` spans
//! and events, with the feature `otel` spans of OpenTelemetry ([`Traces`]).
//!
//! All see what the audit sees and tell less of it: names of tools that a schema declares, reasons, rules,
//! types and durations, never a value. A name that a model made up is `(other)` to all.

mod incidents;
mod metrics;
#[cfg(feature = "otel")]
pub(crate) mod otel;
mod serve;
mod span;
mod text;
#[cfg(feature = "tracing")]
pub(crate) mod trace;

use std::time::Duration;

use airlock_core::Reason;
use airlock_core::mcp::{Event, Outcome};

pub use incidents::Incidents;
pub(crate) use metrics::Calls;
pub use metrics::Metrics;
#[cfg(feature = "otel")]
pub use otel::Traces;
pub use serve::serve;
pub(crate) use span::CallSpan;

/// Where spans of calls go: nowhere in a build without the feature `otel`.
#[cfg(not(feature = "otel"))]
#[derive(Clone, Debug)]
pub enum Traces {}

/// What stands for the name of a tool that no schema declares.
pub(crate) const OTHER: &str = "(other)";

/// A decision and its reason.
pub(crate) type Words = (&'static str, Option<&'static str>);

/// What was decided, in the words of the audit: `decision` and `reason` of its records.
pub(crate) const fn words(outcome: &Outcome<'_>) -> Words {
    match outcome {
        Outcome::Allowed(_) => ("allow", None),
        Outcome::Refused(refusal) => ("block", Some(refusal.cause().name())),
        Outcome::Filtered { masked, truncated, stripped, .. } => {
            (if masked.total() > 0 || *truncated || *stripped { "filter" } else { "pass" }, None)
        }
        Outcome::Cleaned { stripped, .. } => (if *stripped { "filter" } else { "warn" }, None),
        Outcome::Rejected { .. } => ("block", Some("protocol")),
        Outcome::Changed { shown, .. } => {
            (if *shown { "warn" } else { "withhold" }, Some(Reason::ToolChanged.name()))
        }
        Outcome::Pinned(_) => ("pin", None),
        Outcome::Unchecked => ("allow", Some("unlisted")),
        Outcome::Dropped(_) => ("drop", None),
        Outcome::Warned(_) => ("warn", None),
        Outcome::Withheld(_) => ("withhold", None),
        _ => ("other", None),
    }
}

/// Tells whoever listens of a decision that took so long, and in which words. What is not `recorded` does not
/// take effect.
pub(crate) fn observe(
    metrics: Option<&Metrics>,
    event: &Event<'_>,
    took: Duration,
    recorded: bool,
) -> Words {
    let unrecorded = ("block", Some(Reason::InternalError.name()));
    let words = if recorded { words(&event.outcome) } else { unrecorded };
    if let Some(metrics) = metrics {
        metrics.observe(event, words, took);
    }
    #[cfg(feature = "tracing")]
    trace::event(event, words, took);
    words
}

/// The rule that decided on a call.
#[cfg(any(feature = "tracing", feature = "otel"))]
fn rule_of<'e>(outcome: &'e Outcome<'_>) -> Option<&'e str> {
    match outcome {
        Outcome::Allowed(allowed) => allowed.rule(),
        Outcome::Refused(refusal) => refusal.rule(),
        _ => None,
    }
}

/// Whether anyone may listen.
pub(crate) const fn is_watched(metrics: Option<&Metrics>, traces: Option<&Traces>) -> bool {
    metrics.is_some() || traces.is_some() || cfg!(feature = "tracing")
}
