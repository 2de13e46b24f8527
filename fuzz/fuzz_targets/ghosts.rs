//! The compiled ghost rule against a word-for-word reading of it, on random schemas.
//!
//! `cargo +nightly fuzz run ghosts`, or without a sanitizer `cargo fuzz run -s none ghosts`.
#![no_main]

#[path = "../../core/tests/support/ghost_reference.rs"]
mod ghost_reference;
#[path = "../../core/tests/support/random_schema.rs"]
mod random_schema;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ghost_reference::check(bytes));
