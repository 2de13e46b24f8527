//! The message firewall: one JSON-RPC message in, an [`Action`] out.
//!
//! [`Relay`] stands between an MCP client and an MCP server. Every message is parsed once, strictly;
//! its bytes are passed on as they came, but for three places that may be rewritten: the `arguments`
//! of a call, text literals (and JSON values) in what the server says, and the elements of a `tools`
//! array. Nothing is ever serialised again, so numbers and unknown members survive. What one side
//! could read differently from us (duplicate or look-alike members, batches, line ends inside a message)
//! never reaches the other side.
//!
//! No transport, no clock, no threads: the host reads and writes. Time is linear in the message;
//! memory is bounded by [`Bounds`].
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod answer;
mod call;
mod cleanse;
mod client;
mod edit;
mod envelope;
mod event;
mod gate;
mod listing;
mod mask;
mod outline;
mod pending;
mod relay;
mod server;
mod watch;

pub use event::{Audit, Direction, Event, Outcome, Reply, Request, Unrecorded};
pub use outline::Outline;
pub use relay::{Action, Bounds, Relay};
