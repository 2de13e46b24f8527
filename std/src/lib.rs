//! Airlock for programs with an operating system.
pub use airlock_core as core;

pub mod policy;
