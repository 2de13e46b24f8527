//! The one library that exports symbols to other languages.
//!
//! Two static libraries written in Rust do not link into one program, for both bring the same parts of
//! the standard library. So whatever exports symbols is joined here; `ffi/Makefile` then hides all of it
//! but `airlock_*`.

pub use airlock_ffi as c_abi;
