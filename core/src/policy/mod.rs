//! Who may use which tool, and what becomes of arguments and outputs.
//!
//! ```text
//! TOML ─┐                              ┌ early(tool, caller, moment) ┐
//! JSON ─┴▶ Tree ─ compile ─▶ Policy ───┴ judge(arguments) ───────────┴▶ Allow | Refuse(reason, rule, hint)
//! ```
//!
//! A document compiles whole or not at all: a key, word or pattern that cannot be honoured is an
//! error with its place. A `Policy` is immutable and flat: rules in one list, all text in one
//! allocation, names in hash tables over the text before their first wildcard, roles as bits. A
//! decision costs what the rules that name the tool cost, however many others there are, and
//! allocates nothing.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

#[cfg(feature = "alloc")]
mod address;
#[cfg(feature = "alloc")]
mod admit;
#[cfg(feature = "alloc")]
mod argv;
#[cfg(feature = "alloc")]
mod audit;
#[cfg(feature = "alloc")]
mod budget;
#[cfg(feature = "alloc")]
mod case;
#[cfg(feature = "alloc")]
mod claim;
#[cfg(feature = "alloc")]
mod compile;
#[cfg(feature = "alloc")]
mod compiled;
#[cfg(feature = "alloc")]
mod condition;
#[cfg(feature = "alloc")]
mod decide;
#[cfg(feature = "alloc")]
mod document;
#[cfg(feature = "alloc")]
mod error;
#[cfg(feature = "alloc")]
mod explain;
#[cfg(feature = "alloc")]
mod fields;
#[cfg(feature = "alloc")]
mod index;
#[cfg(feature = "alloc")]
mod keys;
#[cfg(feature = "alloc")]
mod kill;
#[cfg(feature = "alloc")]
mod limit;
#[cfg(feature = "alloc")]
mod lint;
#[cfg(feature = "alloc")]
mod mending;
mod names;
#[cfg(feature = "alloc")]
mod output;
#[cfg(feature = "alloc")]
mod path;
#[cfg(feature = "alloc")]
mod pin;
#[cfg(feature = "alloc")]
mod preset;
#[cfg(feature = "alloc")]
mod roles;
#[cfg(feature = "alloc")]
mod rule;
#[cfg(feature = "alloc")]
mod session;
#[cfg(feature = "alloc")]
mod settings;
#[cfg(feature = "alloc")]
mod shell;
#[cfg(feature = "alloc")]
mod sql;
#[cfg(feature = "alloc")]
mod stack;
#[cfg(feature = "alloc")]
mod store;
#[cfg(test)]
#[cfg(feature = "alloc")]
mod tests;
#[cfg(feature = "alloc")]
mod text;
#[cfg(feature = "alloc")]
mod time;
#[cfg(feature = "alloc")]
pub mod tree;
#[cfg(feature = "alloc")]
mod truth;
#[cfg(feature = "alloc")]
mod url;
#[cfg(feature = "alloc")]
mod when;
#[cfg(feature = "alloc")]
mod wrappers;

pub use names::NamePolicy;
#[cfg(feature = "alloc")]
pub use {
    admit::{Admit, Exhausted, Hold, Shortage},
    audit::{AuditMode, AuditPolicy, OnError, WhenFull},
    budget::{BudgetRef, Overspent, PLACES, Sum, Sums},
    case::{Case, Expect, Step},
    compile::MAX_RULES,
    compiled::{AgentRef, Policy},
    decide::{Decision, RuleRef},
    error::PolicyError,
    explain::{BudgetTrace, ConditionTrace, Explanation, RuleTrace},
    kill::KillSwitch,
    limit::{Charge, Charges, LimitRef},
    lint::Remark,
    output::{OutputPolicy, WordList},
    pin::{PinMode, PinPolicy},
    session::Keeping,
    settings::{Disclose, EmptyProperties, Ghosts, NearMiss, Repair, Settings, UnknownTool},
    sql::{Sql, SqlTable, SqlText},
    store::{OnLoss, StorePolicy},
    time::{OnlyUtc, Zone, Zones},
    truth::Truth,
};
#[cfg(feature = "alloc")]
pub(crate) use {
    condition::Memory,
    decide::{Early, Ruling},
    stack::combine,
};
