//! What happens besides decisions and decides on many: the store of limits is lost, a kill switch turns.
//!
//! Each is one record of the audit and then one step of a counter, so that what is counted is recorded. That
//! it cannot be recorded changes nothing: it has happened.

use super::Metrics;
use crate::audit::{AuditLog, WeakLog};
use crate::kill::Cause;
#[cfg(feature = "redis")]
use crate::limit::StoreEvent;

/// Who is told of incidents.
#[derive(Clone, Debug, Default)]
pub struct Incidents {
    /// Threads that watch hold it: they must not be the last to.
    audit: WeakLog,
    metrics: Option<Metrics>,
}

impl Incidents {
    /// Tells `audit` while others keep it open, and `metrics` if there are any.
    #[must_use]
    pub fn new(audit: &AuditLog, metrics: Option<Metrics>) -> Self {
        Self { audit: audit.weak(), metrics }
    }

    /// Tells of the store of limits; for [`RedisLimiter::telling`](crate::limit::RedisLimiter::telling).
    #[cfg(feature = "redis")]
    pub fn store(&self, event: &StoreEvent) {
        let _ = self.audit.get().record_store(event);
        if let Some(metrics) = &self.metrics {
            metrics.store_told(event);
        }
    }

    /// Tells that `cause` came or went, and whether calls are halted now.
    pub fn halt(&self, cause: Cause, came: bool, halted: bool) {
        let _ = self.audit.get().record_halt(cause, came, halted);
        if let Some(metrics) = &self.metrics {
            metrics.halt_told(cause, came, halted);
        }
    }
}
