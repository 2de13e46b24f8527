//! The JSON reader on any bytes: no panic; what it accepts `serde_json` reads alike, what it refuses
//! `serde_json` refuses too or a stricter rule explains; offsets and pointers fit the input.
//!
//! `cargo +nightly fuzz run json`, or without a sanitizer `cargo fuzz run -s none json`.
#![no_main]

#[allow(dead_code)]
#[path = "../../core/tests/support/oracle.rs"]
mod oracle;

use airlock_core::json::{ParseError, cause, line_column};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    oracle::check(bytes);
    if let Some(error @ ParseError { offset, .. }) = oracle::error(bytes) {
        let _ = cause(bytes, error);
        let _ = line_column(bytes, offset as usize);
    }
});
