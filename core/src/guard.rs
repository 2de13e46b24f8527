//! The public face: compile once, then check calls and filter outputs.
//!
//! The only module that knows the order of things: `decide` holds that of a check, `output` that of a filter.

mod answer;
mod arguments;
mod builder;
mod decide;
mod output;
mod settled;

use alloc::sync::Arc;
use core::fmt;

use crate::catalog::{Catalog, Declared};
use crate::json::Limits;
use crate::masking::Masking;
use crate::policy::{KillSwitch, Policy, PolicyError};
use crate::schema::{DEFAULT_STEPS, Documents};
use crate::scratch::Scratch;
use crate::truncate::CountTokens;

pub use crate::report::{Fix, Violation};
pub use answer::{Allowed, Refusal, Verdict, Would};
pub use builder::GuardBuilder;
pub use output::{Filtered, Output};
pub use settled::{Barred, Cleared, Settled};

/// Bounds on the work for one call or one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Size and depth of the arguments of a call.
    pub arguments: Limits,
    /// Size and depth of an output.
    pub output: Limits,
    /// Steps of a validation: one for each visited pair of subschema and value, and for each compared
    /// item.
    pub steps: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { arguments: Limits::ARGUMENTS, output: Limits::OUTPUT, steps: DEFAULT_STEPS }
    }
}

/// Policy and detectors, compiled once: immutable, shared by every thread.
pub struct Guard {
    policy: Policy,
    masking: Masking,
    counter: Option<Arc<dyn CountTokens + Send + Sync>>,
    catalog: Arc<Catalog>,
    documents: Documents,
    budget: Budget,
    kill_switch: KillSwitch,
}

impl Guard {
    /// Starts a guard; without a policy it has the preset `permissive`.
    #[must_use]
    pub fn builder() -> GuardBuilder {
        GuardBuilder::new()
    }

    /// Memory for one thread.
    #[must_use]
    pub fn scratch(&self) -> Scratch<'static> {
        Scratch::new()
    }

    /// The policy that the guard was built with.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the guard has a tool called `name`, its schema compiled or not.
    #[must_use]
    pub fn has_tool(&self, name: &str) -> bool {
        self.catalog.contains(name)
    }

    /// The bounds on the work for one call or one output.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The names that the schema of the guard's own tool called `name` declares.
    #[must_use]
    pub fn declared(&self, name: &str) -> Option<Declared<'_>> {
        self.catalog.declared(name)
    }

    /// A guard under `policy` with everything else from this one: tools, bounds, kill switch, and what makes
    /// hashes and counts tokens. Sessions that were kept under this one mean the same to it.
    ///
    /// # Errors
    /// As [`Policy::succeed`], [`GuardBuilder::policy`] and [`GuardBuilder::build`].
    pub fn succeed(&self, mut policy: Policy) -> Result<Self, PolicyError> {
        policy.succeed(&self.policy)?;
        let mut masking = Masking::resolve(&policy)?;
        masking.set_hash(self.masking.hash().cloned());
        masking.check_hash(&policy)?;
        policy.review(&self.catalog)?;
        let Self { counter, catalog, documents, budget, kill_switch, .. } = self;
        Ok(Self {
            policy,
            masking,
            counter: counter.clone(),
            catalog: Arc::clone(catalog),
            documents: documents.clone(),
            budget: *budget,
            kill_switch: kill_switch.clone(),
        })
    }

    /// The documents that schemas may refer to.
    pub(crate) const fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Tells whether the rules of the policy fit the tools of `catalog`.
    ///
    /// # Errors
    /// When a rule for named tools has a condition on an argument that none of them declares.
    pub fn review(&self, catalog: &Catalog) -> Result<(), PolicyError> {
        self.policy.review(catalog)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, masking, counter: _, catalog, documents, budget, kill_switch } = self;
        f.debug_struct("Guard")
            .field("policy", policy)
            .field("masking", masking)
            .field("catalog", catalog)
            .field("documents", documents)
            .field("budget", budget)
            .field("kill_switch", kill_switch)
            .finish_non_exhaustive()
    }
}
