//! The memory of calls, handed from one to the next.
//!
//! A call holds a desk until its answer is dropped, so that as many exist as calls ran at one time. What
//! a large call has grown is given back.

use std::fmt;
use std::mem;
use std::sync::{Mutex, PoisonError};

use airlock_core::Scratch;

/// Most desks that are kept for calls to come.
const MAX_IDLE: usize = 256;
/// How much memory of each buffer is kept, in bytes.
const KEEP: usize = 64 << 10;

/// The memory of one call.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) scratch: Scratch<'static>,
    /// An output that was masked or cut.
    pub(super) text: Vec<u8>,
}

pub(super) struct Pool {
    #[allow(
        clippy::vec_box,
        reason = "a desk of some 4 KB would be copied at each step of its way"
    )]
    idle: Mutex<Vec<Box<Desk>>>,
    /// What a lease without a desk shows; no answer is settled in it.
    empty: Desk,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { idle: Mutex::new(Vec::new()), empty: Desk::default() }
    }

    pub(super) fn lease(&self) -> Lease<'_> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lease { pool: self, desk: Some(idle.unwrap_or_default()) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// A desk that goes back to its pool.
pub(super) struct Lease<'p> {
    pool: &'p Pool,
    /// There until it is dropped.
    desk: Option<Box<Desk>>,
}

impl Lease<'_> {
    pub(super) fn desk(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    pub(super) fn scratch(&self) -> &Scratch<'static> {
        &self.desk.as_deref().unwrap_or(&self.pool.empty).scratch
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.desk.as_deref().unwrap_or(&self.pool.empty).text
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(mut desk) = mem::take(&mut self.desk) else { return };
        let Desk { scratch, text } = &mut *desk;
        scratch.shrink_to(KEEP);
        text.clear();
        text.shrink_to(KEEP);
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(desk);
        }
    }
}
