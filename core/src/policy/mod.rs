//! Who may use which tool, and what becomes of arguments and outputs.
//!
//! ```text
//! TOML ─┐
//! JSON ─┴▶ Tree ─ compile ─▶ Policy ─ decide(tool, caller) ─▶ Allow | Refuse(reason, rule, hint)
//! ```
//!
//! A document compiles whole or not at all: a key, word or pattern that cannot be honoured is an
//! error with its place. A `Policy` is immutable and flat: rules in one list, all text in one
//! allocation, names in hash tables over the text before their first wildcard, roles as bits. A
//! decision costs what the rules that name the tool cost, however many others there are, and
//! allocates nothing.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

#[cfg(feature = "alloc")]
mod compile;
#[cfg(feature = "alloc")]
mod compiled;
#[cfg(feature = "alloc")]
mod decide;
#[cfg(feature = "alloc")]
mod document;
#[cfg(feature = "alloc")]
mod error;
#[cfg(feature = "alloc")]
mod fields;
#[cfg(feature = "alloc")]
mod index;
#[cfg(feature = "alloc")]
mod keys;
mod names;
#[cfg(feature = "alloc")]
mod output;
#[cfg(feature = "alloc")]
mod preset;
#[cfg(feature = "alloc")]
mod roles;
#[cfg(feature = "alloc")]
mod rule;
#[cfg(feature = "alloc")]
mod settings;
#[cfg(test)]
#[cfg(feature = "alloc")]
mod tests;
#[cfg(feature = "alloc")]
mod text;
#[cfg(feature = "alloc")]
pub mod tree;

pub use names::NamePolicy;
#[cfg(feature = "alloc")]
pub use {
    compile::MAX_RULES,
    compiled::{AgentRef, Policy},
    decide::{Decision, RuleRef},
    error::PolicyError,
    output::{OutputPolicy, WordList},
    settings::{Disclose, EmptyProperties, Ghosts, NearMiss, Repair, Settings, UnknownTool},
};
