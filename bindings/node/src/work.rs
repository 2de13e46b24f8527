//! Work on Node's thread pool, for what may wait: the event loop must not.
//!
//! A thread of the pool has no JavaScript above it, so a panic there would end the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Error;

/// Does `work`; a panic is an error, and what it went through is gone.
pub fn apart<R>(work: impl FnOnce() -> R) -> napi::Result<R> {
    // What could be broken by a panic is moved into `work` and dropped.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| lost())
}

/// That a decision was lost to a panic.
pub fn lost() -> Error {
    Error::from_reason("a decision has failed")
}
