//! How many records a log has written and lost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by the writer, read by metrics.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    written: AtomicU64,
    lost: AtomicU64,
}

impl Totals {
    pub(super) fn add_written(&self, records: usize) {
        self.written.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(super) fn add_lost(&self, records: u64) {
        self.lost.fetch_add(records, Ordering::Relaxed);
    }

    /// Records that the system has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Decisions that took effect, or were refused for it, without a record.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
