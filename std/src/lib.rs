//! Airlock for programs with an operating system.
pub use airlock_core as core;

pub mod audit;
#[cfg(unix)]
pub mod child;
pub mod policy;
#[cfg(unix)]
pub mod stdio;
