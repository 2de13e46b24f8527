//! The span of one call of a [`Firewall`](crate::Firewall), for each of those who may want one. In a build
//! with neither `tracing` nor `otel` it is nothing.

use std::time::Duration;

use airlock_core::mcp::Event;

#[cfg(feature = "otel")]
use super::otel;
#[cfg(feature = "tracing")]
use super::trace;
use super::{Traces, Words};

/// From the question to the end of the call.
#[derive(Debug)]
pub(crate) struct CallSpan {
    #[cfg(feature = "tracing")]
    pub(crate) tracing: tracing::Span,
    #[cfg(feature = "otel")]
    pub(crate) otel: otel::CallSpan,
}

impl CallSpan {
    /// Begins with a call of `tool`, a name that a schema declares or none.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
    pub(crate) fn new(tool: Option<&str>) -> Self {
        Self {
            #[cfg(feature = "tracing")]
            tracing: trace::span(tool),
            #[cfg(feature = "otel")]
            otel: otel::CallSpan::default(),
        }
    }

    /// What was decided on it.
    #[cfg_attr(not(feature = "otel"), expect(unused_variables))]
    pub(crate) fn decided(
        &mut self,
        traces: Option<&Traces>,
        event: &Event<'_>,
        session: Option<&str>,
        words: Words,
        took: Duration,
    ) {
        #[cfg(feature = "tracing")]
        trace::decided(&self.tracing, event, words);
        #[cfg(feature = "otel")]
        if let Some(traces) = traces {
            self.otel.decided(traces, event, session, words, took);
        }
    }

    /// Tells whichever span is current of a decision on an output.
    #[cfg_attr(not(feature = "otel"), expect(unused_variables))]
    pub(crate) fn told_output(
        traces: Option<&Traces>,
        event: &Event<'_>,
        words: Words,
        took: Duration,
    ) {
        #[cfg(feature = "otel")]
        if traces.is_some() {
            otel::output(event, words, took);
        }
    }

    /// How it ended.
    #[cfg_attr(not(any(feature = "tracing", feature = "otel")), expect(unused_variables))]
    pub(crate) fn ended(&self, outcome: airlock_core::Outcome) {
        #[cfg(feature = "tracing")]
        trace::ended(&self.tracing, outcome);
        #[cfg(feature = "otel")]
        self.otel.ended(outcome);
    }
}
