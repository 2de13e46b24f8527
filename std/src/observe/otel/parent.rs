//! The span of the client that a call belongs to, as W3C Trace Context in `_meta` says.
//!
//! MCP gives the members `traceparent` and `tracestate` of `_meta` this meaning (SEP-414). What does not
//! read as the recommendation has it makes a trace of its own: it is no reason to refuse a call.

use airlock_core::json::{Limits, Str, Tape, Value, parse};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

/// Longest `tracestate` that is read; the recommendation asks for this many bytes at least.
const MAX_STATE: usize = 512;

/// The context of a request with this `_meta`.
pub(super) fn of(meta: Option<&[u8]>) -> Context {
    let parent = meta.and_then(|meta| {
        let mut tape = Tape::growable();
        let document = parse(meta, Limits::MESSAGE, &mut tape).ok()?;
        read(document.root())
    });
    match parent {
        Some(parent) => Context::new().with_remote_span_context(parent),
        None => Context::new(),
    }
}

fn read(meta: Value<'_>) -> Option<SpanContext> {
    let text = |name| meta.get(name).and_then(Value::as_str).and_then(Str::as_plain);
    let (trace, span, flags) = parts(text("traceparent")?)?;
    let state = text("tracestate").filter(|state| state.len() <= MAX_STATE);
    let state: TraceState = state.and_then(|state| state.parse().ok()).unwrap_or_default();
    let context = SpanContext::new(trace, span, flags, true, state);
    context.is_valid().then_some(context)
}

/// `version-trace-parent-flags`; versions to come may have more behind them.
fn parts(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut fields = text.split('-');
    let mut hex = |digits: usize| {
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        fields.next().filter(|field| field.len() == digits && field.bytes().all(is_hex))
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    if version == "ff" || version == "00" && fields.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    Some((TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn context(traceparent: &str) -> SpanContext {
        let meta = format!(r#"{{"traceparent":"{traceparent}","tracestate":"rojo=1,congo=t61"}}"#);
        of(Some(meta.as_bytes())).span().span_context().clone()
    }

    #[test]
    fn the_parent_is_what_the_client_says() {
        let context = context(&format!("00-{TRACE}-{SPAN}-01"));
        assert_eq!(context.trace_id().to_string(), TRACE);
        assert_eq!(context.span_id().to_string(), SPAN);
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.trace_state().header(), "rojo=1,congo=t61");
    }

    #[test]
    fn later_versions_may_say_more() {
        assert!(context(&format!("01-{TRACE}-{SPAN}-00-more-of-it")).is_valid());
        assert!(!context(&format!("cc-{TRACE}-{SPAN}-00")).is_sampled());
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
        ] {
            assert!(!context(&bad).is_valid(), "{bad}");
        }
        for meta in [&b"7"[..], b"{", br#"{"traceparent":1}"#] {
            assert!(!of(Some(meta)).span().span_context().is_valid());
        }
    }

    #[test]
    fn a_state_that_is_none_costs_no_parent() {
        for state in ["A=1", "none", &"a=b,".repeat(200)] {
            let meta =
                format!(r#"{{"traceparent":"00-{TRACE}-{SPAN}-01","tracestate":"{state}"}}"#);
            let context = of(Some(meta.as_bytes())).span().span_context().clone();
            assert!(context.is_valid());
            assert_eq!(context.trace_state().header(), "");
        }
    }
}
