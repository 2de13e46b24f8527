//! The engine of Airlock: a firewall for the tool calls of AI agents.
//!
//! ```text
//! before:  tool, caller ─ policy ─▶ argument bytes ─ json ─▶ tape ─ ghosts cut ─ schema ─▶ Allow(clean bytes)
//!                                                              any step may ─ report ─▶ Refuse(why, and the repair)
//! after:   output bytes ─ redact ─▶ masked ─ truncate ─▶ bytes to show
//! around:  one JSON-RPC message ─ mcp ─▶ forward | answer | drop
//! ```
//!
//! A `Guard` is compiled once from a policy and tools; `Guard::check` and `Guard::filter` then decide
//! without allocating, in the memory of a `Scratch`. Without the feature `alloc` nothing is compiled: the
//! modules [`json`], [`redact`], [`truncate`], [`glob`] and the const [`policy::NamePolicy`] work over
//! storage that the caller lends.
#![no_std]
#![deny(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod buf;
mod caller;
#[cfg(feature = "alloc")]
mod catalog;
#[cfg(feature = "alloc")]
mod filter;
pub mod glob;
#[cfg(feature = "alloc")]
mod guard;
pub mod hidden;
pub mod json;
#[cfg(feature = "alloc")]
mod masking;
#[cfg(feature = "alloc")]
pub mod mcp;
#[cfg(feature = "alloc")]
mod mend;
#[cfg(feature = "alloc")]
mod near;
#[cfg(feature = "alloc")]
pub mod pins;
pub mod policy;
mod reason;
pub mod redact;
#[cfg(feature = "alloc")]
mod report;
#[cfg(feature = "alloc")]
mod schema;
#[cfg(feature = "alloc")]
mod scratch;
#[cfg(feature = "alloc")]
mod session;
#[cfg(test)]
#[path = "../tests/support/shared.rs"]
mod shared;
#[allow(unsafe_code)]
mod simd;
pub mod truncate;
#[cfg(feature = "alloc")]
mod validator;

pub use buf::{Buf, Full};
pub use caller::{Call, Caller};
#[cfg(feature = "alloc")]
pub use catalog::{Catalog, CatalogBuilder, Declared, Origin, ToolDefinition};
#[cfg(feature = "alloc")]
pub use guard::{
    Allowed, Barred, Budget, Cleared, Filtered, Fix, Guard, GuardBuilder, Output, Refusal, Settled,
    Verdict, Violation, Would,
};
pub use reason::Reason;
#[cfg(feature = "alloc")]
pub use schema::{CompileError, Documents};
#[cfg(feature = "alloc")]
pub use scratch::Scratch;
#[cfg(feature = "alloc")]
pub use session::{Outcome, Session, Ticket};
#[cfg(feature = "alloc")]
pub use validator::{Invalid, Validator, ValidatorBuilder};
