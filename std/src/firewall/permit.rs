//! What a firewall answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use airlock_core::policy::Hold;
use airlock_core::{Allowed, Barred, Cleared, Outcome, Reason, Refusal, Ticket};

use super::Tally;
use super::pool::Lease;
use crate::limit::Keeper;
use crate::observe::CallSpan;
use crate::session::{self, Shared};

/// That a call may run. What limits charged stays charged, however it ends: they count the calls that were let
/// through. What it reserved in its session and took from budgets is settled by how it ends. A permit that is dropped
/// ends as [`Outcome::Unknown`].
#[must_use = "finish it when the call has ended"]
pub struct Permit<'a> {
    pub(super) lease: Lease<'a>,
    pub(super) cleared: Cleared<'a>,
    pub(super) arguments: &'a [u8],
    pub(super) running: Running,
}

/// A call that runs: what is left of its [`Permit`] when its arguments are handed over. It borrows nothing,
/// so it can be kept wherever the call ends. Dropped, the call ends as [`Outcome::Unknown`].
#[must_use = "finish it when the call has ended"]
#[derive(Debug)]
pub struct Running {
    tally: Arc<Tally>,
    outcome: Outcome,
    session: Option<(Shared, Ticket)>,
    /// What it took from budgets, and who counts them.
    hold: Option<(Arc<dyn Keeper>, Hold)>,
    span: CallSpan,
}

impl Permit<'_> {
    /// The exact bytes to run the tool with: those of the call when nothing was stripped or repaired.
    #[must_use]
    pub fn arguments(&self) -> &[u8] {
        self.allowed().arguments()
    }

    /// The allowed call: what was stripped and repaired, which rule allowed it, what it cost.
    #[must_use]
    pub fn allowed(&self) -> Allowed<'_> {
        self.cleared.allowed(self.arguments, self.lease.scratch())
    }

    /// Ends the call.
    pub fn finish(self, outcome: Outcome) {
        self.running.finish(outcome);
    }

    /// The span of the call, to run the tool in.
    #[cfg(feature = "tracing")]
    #[must_use]
    pub const fn span(&self) -> &tracing::Span {
        self.running.span()
    }

    /// The context of the call, to run the tool in: with its span, when calls are traced.
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn context(&self) -> opentelemetry::Context {
        self.running.context()
    }

    /// Gives the memory of the decision back, when the arguments are handed over.
    pub fn into_running(self) -> Running {
        self.running
    }
}

impl Running {
    pub(super) fn new(
        tally: &Arc<Tally>,
        session: Option<(Shared, Ticket)>,
        span: CallSpan,
    ) -> Self {
        tally.running.fetch_add(1, Ordering::Relaxed);
        Self { tally: Arc::clone(tally), outcome: Outcome::Unknown, session, hold: None, span }
    }

    pub(super) fn holding(mut self, hold: Option<(Arc<dyn Keeper>, Hold)>) -> Self {
        self.hold = hold;
        self
    }

    /// The span of the call, to run the tool in.
    #[cfg(feature = "tracing")]
    #[must_use]
    pub const fn span(&self) -> &tracing::Span {
        &self.span.tracing
    }

    /// The context of the call, to run the tool in: with its span, when calls are traced.
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn context(&self) -> opentelemetry::Context {
        self.span.otel.context()
    }

    /// Ends the call.
    pub fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((session, ticket)) = &self.session {
            session::lock(session).finish(*ticket, self.outcome);
        }
        if let Some((keeper, hold)) = &self.hold {
            keeper.settle(*hold, self.outcome);
        }
        self.span.ended(self.outcome);
        let tally = &self.tally;
        let ended = match self.outcome {
            Outcome::Ok => &tally.ok,
            Outcome::Failed => &tally.failed,
            Outcome::Unknown => &tally.unknown,
        };
        ended.fetch_add(1, Ordering::Relaxed);
        tally.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No value of a call is shown.
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// That a call must not run, or that an output must not be shown.
pub struct Refused<'a> {
    pub(super) lease: Lease<'a>,
    pub(super) barred: Barred<'a>,
}

impl Refused<'_> {
    /// What to tell the model: one JSON object of at most 2,048 bytes.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        self.refusal().json()
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.refusal().reason()
    }

    /// The whole refusal.
    #[must_use]
    pub fn refusal(&self) -> Refusal<'_> {
        self.barred.refusal(self.lease.scratch())
    }
}

impl fmt::Debug for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason()).finish_non_exhaustive()
    }
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason().message())
    }
}

impl std::error::Error for Refused<'_> {}

/// An output that may be shown.
pub struct Shown<'a> {
    pub(super) lease: Lease<'a>,
    /// The output itself, when nothing was masked or cut.
    pub(super) input: Option<&'a [u8]>,
    pub(super) truncated: bool,
    pub(super) masked: usize,
}

impl Shown<'_> {
    /// The bytes to show: the output itself when nothing was masked or cut.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.input.unwrap_or_else(|| self.lease.text())
    }

    /// Whether it is the output itself.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.input.is_some()
    }

    /// Whether something was cut off.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// How many values were masked.
    #[must_use]
    pub const fn masked(&self) -> usize {
        self.masked
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { truncated, masked, .. } = self;
        let mut shown = f.debug_struct("Shown");
        shown.field("truncated", truncated).field("masked", masked).finish_non_exhaustive()
    }
}
