//! The C ABI of Airlock.
//!
//! ```text
//! C call ─ guarded: pointers, sizes, UTF-8 checked ─▶ airlock-core ─▶ caller's buffer, verdict, status
//!             any fault, any panic ─▶ a status that is not AIRLOCK_OK, a verdict that is still "refuse"
//! ```
//!
//! One file for each C type. Nothing is decided here: what two languages would both need is in core. The
//! header `include/airlock.h` is written from these files; its words are the reference.
//!
//! Levels: no feature is the JSON reader, masks, cuts and a policy of names over lent memory; `alloc` adds
//! guards, over an allocator that the final program brings; `hosted` (default) is that over malloc and
//! catches panics; `std` adds what needs an operating system.
#![no_std]
#![allow(non_camel_case_types, reason = "types are called what they are called in C")]
#![allow(clippy::missing_safety_doc, reason = "what a pointer must be is said once, in the header")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "hosted"))]
extern crate std;

mod boundary;
#[cfg(feature = "alloc")]
mod caller;
#[cfg(feature = "alloc")]
mod check;
pub mod codes;
#[cfg(feature = "alloc")]
mod details;
mod error;
#[cfg(feature = "alloc")]
mod filter;
#[cfg(feature = "std")]
mod firewall;
#[cfg(feature = "alloc")]
mod guard;
mod json;
mod memory;
mod names;
#[cfg(feature = "std")]
mod permit;
mod redact;
#[cfg(feature = "alloc")]
mod relay;
#[cfg(feature = "alloc")]
mod scratch;
#[cfg(feature = "alloc")]
mod stream;
mod text;
#[cfg(feature = "alloc")]
mod tools;
mod truncate;
mod version;

pub use boundary::airlock_status;
pub use error::*;
pub use json::*;
pub use names::*;
pub use redact::*;
pub use text::*;
pub use truncate::*;
pub use version::*;
#[cfg(feature = "alloc")]
pub use {caller::*, check::*, details::*, filter::*, guard::*, relay::*, scratch::*, stream::*};
#[cfg(feature = "std")]
pub use {firewall::*, permit::*};
