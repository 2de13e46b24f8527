//! Byte searches in vector registers: the one module of the crate that may hold `unsafe` code.
//!
//! Every search has a safe twin in plain Rust, which is its oracle in property tests and what runs where
//! the vector instructions are missing. With the feature `std` the processor is asked at run time,
//! without it the target's baseline decides.

pub(crate) mod classes;
pub(crate) mod text;
