//! Builds a guard.

use alloc::sync::Arc;
use core::fmt;

use super::{Budget, Guard};
use crate::catalog::{Catalog, CatalogBuilder, Origin, ToolDefinition};
use crate::masking::Masking;
use crate::policy::{KillSwitch, Policy, PolicyError};
use crate::redact::KeyedHash;
use crate::schema::{CompileError, Documents};
use crate::truncate::CountTokens;

/// Builds a [`Guard`].
pub struct GuardBuilder {
    policy: Option<Policy>,
    masking: Masking,
    hash: Option<Arc<dyn KeyedHash + Send + Sync>>,
    counter: Option<Arc<dyn CountTokens + Send + Sync>>,
    tools: CatalogBuilder,
    catalog: Option<Catalog>,
    documents: Documents,
    budget: Budget,
    kill_switch: KillSwitch,
}

impl fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, masking, tools, catalog, documents, budget, kill_switch, .. } = self;
        f.debug_struct("GuardBuilder")
            .field("policy", policy)
            .field("masking", masking)
            .field("tools", tools)
            .field("catalog", catalog)
            .field("documents", documents)
            .field("budget", budget)
            .field("kill_switch", kill_switch)
            .finish_non_exhaustive()
    }
}

impl GuardBuilder {
    pub(super) fn new() -> Self {
        Self {
            policy: None,
            masking: Masking::default(),
            hash: None,
            counter: None,
            tools: Catalog::builder(Origin::Trusted),
            catalog: None,
            documents: Documents::new(),
            budget: Budget::default(),
            kill_switch: KillSwitch::new(),
        }
    }

    /// Sets the policy.
    ///
    /// # Errors
    /// When it masks a type, in a style, or allows a kind of value that does not exist.
    pub fn policy(mut self, policy: Policy) -> Result<Self, PolicyError> {
        self.masking = Masking::resolve(&policy)?;
        self.policy = Some(policy);
        Ok(self)
    }

    /// Sets the documents that schemas may refer to: those of tools added from now on, and those of live
    /// lists.
    #[must_use]
    pub fn documents(mut self, documents: Documents) -> Self {
        self.tools.documents(documents.clone());
        self.documents = documents;
        self
    }

    /// Compiles and adds a tool.
    ///
    /// # Errors
    /// When its schema cannot be honoured.
    pub fn tool(mut self, tool: ToolDefinition<'_>) -> Result<Self, CompileError> {
        self.tools.tool(tool)?;
        Ok(self)
    }

    /// Sets tools that are compiled already, in place of those that were added one by one.
    #[must_use]
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// Lets `switch` halt every call while it is on.
    #[must_use]
    pub fn kill_switch(mut self, switch: KillSwitch) -> Self {
        self.kill_switch = switch;
        self
    }

    /// Sets what the mask style `hash` writes; the key stays with the caller.
    #[must_use]
    pub fn mask_hash(mut self, hash: Arc<dyn KeyedHash + Send + Sync>) -> Self {
        self.hash = Some(hash);
        self
    }

    /// Sets what counts tokens for the limits of the policy, in place of
    /// [`Estimate`](crate::truncate::Estimate).
    #[must_use]
    pub fn token_counter(mut self, counter: Arc<dyn CountTokens + Send + Sync>) -> Self {
        self.counter = Some(counter);
        self
    }

    /// Sets the bounds on the work for one call or one output.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The finished guard.
    ///
    /// # Errors
    /// When a rule for named tools has a condition on an argument that none of them declares, or when
    /// the policy wants hashes and [`mask_hash`](Self::mask_hash) gave nothing to make them.
    pub fn build(self) -> Result<Guard, PolicyError> {
        let built = match self.policy {
            Some(_) => self,
            None => self.policy(Policy::permissive())?,
        };
        let Self { policy, mut masking, hash, counter, tools, catalog, .. } = built;
        let Self { documents, budget, kill_switch, .. } = built;
        let policy = policy.unwrap_or_else(Policy::permissive);
        masking.set_hash(hash);
        masking.check_hash(&policy)?;
        let catalog = Arc::new(catalog.unwrap_or_else(|| tools.build()));
        policy.review(&catalog)?;
        Ok(Guard { policy, masking, counter, catalog, documents, budget, kill_switch })
    }
}
