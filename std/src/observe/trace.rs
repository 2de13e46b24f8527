//! Decisions as spans and events of `tracing`.
//!
//! A span `execute_tool` lasts from the question of a [`Firewall`](crate::Firewall) to the end of the call,
//! an event says what was decided. Names are those of OpenTelemetry's conventions for generative AI
//! (`gen_ai.operation.name`, `gen_ai.tool.name`, `error.type`), so that a bridge like
//! `tracing-opentelemetry` has nothing to translate. While nobody listens, that costs a load of an atomic.

use std::time::Duration;

use airlock_core::mcp::{Direction, Event};
use tracing::{Level, Span, field, info_span};

use super::{OTHER, Words, rule_of};

/// Who listens asks for this target.
const TARGET: &str = "airlock";

/// The span of a call of `tool`, a name that a schema declares or none.
pub(super) fn span(tool: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET,
        "execute_tool",
        otel.name = field::Empty,
        otel.kind = "internal",
        otel.status_code = field::Empty,
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool.unwrap_or(OTHER),
        error.r#type = field::Empty,
        airlock.decision = field::Empty,
        airlock.rule = field::Empty,
        airlock.outcome = field::Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("execute_tool {}", tool.unwrap_or(OTHER)));
    }
    span
}

/// What a decision adds to the span of its call.
pub(super) fn decided(span: &Span, event: &Event<'_>, (decision, reason): Words) {
    if span.is_disabled() {
        return;
    }
    span.record("airlock.decision", decision);
    if let Some(rule) = rule_of(&event.outcome) {
        span.record("airlock.rule", rule);
    }
    if let Some(reason) = reason {
        span.record("error.type", reason);
        span.record("otel.status_code", "ERROR");
    }
}

/// How the call ended.
pub(super) fn ended(span: &Span, outcome: airlock_core::Outcome) {
    let (word, failed) = match outcome {
        airlock_core::Outcome::Ok => ("ok", false),
        airlock_core::Outcome::Failed => ("failed", true),
        airlock_core::Outcome::Unknown => ("unknown", false),
    };
    span.record("airlock.outcome", word);
    if failed {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", "tool_error");
    }
}

/// An event for one decision.
pub(super) fn event(event: &Event<'_>, words: Words, took: Duration) {
    if !tracing::enabled!(target: TARGET, Level::INFO) {
        return;
    }
    let (decision, reason) = words;
    let direction = match event.direction {
        Direction::ToServer => "to_server",
        Direction::ToClient => "to_client",
    };
    let tool = event.tool.map(|tool| if event.declared.is_some() { tool } else { OTHER });
    tracing::info!(
        target: TARGET,
        direction,
        gen_ai.tool.name = tool,
        airlock.decision = decision,
        airlock.reason = reason,
        airlock.rule = rule_of(&event.outcome),
        airlock.duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "decision"
    );
}
