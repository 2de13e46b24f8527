//! What rules expect of the schemas of the tools that they name.
//!
//! A condition on an argument that no schema declares never sees a value: a rule that allows would
//! allow nothing, and one that denies would deny everything or nothing. Almost always the name is
//! misspelt. Worst case: one look-up for each condition of rules that name tools without wildcards,
//! once for each catalog.

use alloc::format;
use alloc::vec::Vec;

use super::compiled::Policy;
use super::error::PolicyError;
use super::text::Text;
use crate::catalog::Catalog;

/// A rule has a condition on the argument `name` of `tools`.
#[derive(Debug)]
pub(super) struct Claim {
    pub rule: u32,
    pub name: Text,
    pub tools: Vec<Text>,
}

impl Policy {
    /// Tells whether every argument that a rule for named tools has a condition on is declared by the
    /// schema of one of them in `catalog`. Tools that are not in it and schemas that are open say
    /// nothing.
    ///
    /// # Errors
    /// The first rule whose condition can never see a value.
    pub(crate) fn review(&self, catalog: &Catalog) -> Result<(), PolicyError> {
        let check = |policy: &Self| {
            policy.claims.iter().try_for_each(|claim| policy.check_claim(claim, catalog))
        };
        self.layers().try_for_each(check)
    }

    /// [`review`](Self::review) for rules that name no tool but `tool`.
    pub(crate) fn review_tool(&self, tool: &str, catalog: &Catalog) -> Result<(), PolicyError> {
        let check = |policy: &Self| {
            let only =
                |claim: &&Claim| matches!(*claim.tools, [text] if policy.pool.get(text) == tool);
            let mut claims = policy.claims.iter().filter(only);
            claims.try_for_each(|claim| policy.check_claim(claim, catalog))
        };
        self.layers().try_for_each(check)
    }

    fn check_claim(&self, claim: &Claim, catalog: &Catalog) -> Result<(), PolicyError> {
        let name = self.pool.get(claim.name);
        let schemas = claim.tools.iter().filter_map(|tool| catalog.get(self.pool.get(*tool))?);
        let mut closed = schemas.map(|schema| schema.declares(name) == Some(false)).peekable();
        if closed.peek().is_none() || !closed.all(|closed| closed) {
            return Ok(());
        }
        let rule = self.rules.get(claim.rule as usize);
        let id = rule.map_or("", |rule| self.pool.get(rule.id));
        let span = rule.and_then(|rule| rule.span).unwrap_or_default();
        let message = format!(
            "rule `{id}` has a condition on `{name}`, which no tool that it names declares"
        );
        Err(PolicyError { layer: self.layer, ..PolicyError::new(span, "", message) })
    }
}
