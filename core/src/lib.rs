//! The engine of Airlock: a firewall for the tool calls of AI agents.
//!
//! ```text
//! before:  argument bytes ─ json ─▶ tape ─ policy ─▶ ghosts cut ─ schema ─▶ Allow(clean bytes) | Refuse(report)
//! after:   output bytes ─ redact ─▶ masked ─ truncate ─▶ bytes to show
//! around:  one JSON-RPC message ─ mcp ─▶ forward | answer | drop
//! ```
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
pub mod json;
#[cfg(feature = "alloc")]
pub mod mcp;
#[cfg(feature = "alloc")]
mod near;
pub mod policy;
mod reason;
pub mod redact;
#[cfg(feature = "alloc")]
mod report;
#[cfg(feature = "alloc")]
mod schema;
#[cfg(feature = "alloc")]
mod scratch;
#[cfg(test)]
#[path = "../tests/support/shared.rs"]
mod shared;
pub mod truncate;

pub use buf::{Buf, Full};
pub use caller::{Call, Caller};
#[cfg(feature = "alloc")]
pub use catalog::{Catalog, CatalogBuilder, Origin, ToolDefinition};
#[cfg(feature = "alloc")]
pub use guard::{
    Allowed, Budget, Filtered, Fix, Guard, GuardBuilder, Output, Refusal, Verdict, Violation,
};
pub use reason::Reason;
#[cfg(feature = "alloc")]
pub use schema::CompileError;
#[cfg(feature = "alloc")]
pub use scratch::Scratch;
