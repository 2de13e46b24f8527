//! The compiled policy and what can be asked of it.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::audit::AuditPolicy;
use super::budget::Budgets;
use super::case::Case;
use super::claim::Claim;
use super::condition::{At, Conditions, Memory};
use super::decide::RuleRef;
use super::error::PolicyError;
use super::index::NameIndex;
use super::limit::{Charges, LimitRef, Limits};
use super::lint::Remark;
use super::mending::{Mending, MendingEntry};
use super::output::{OutputPolicy, Outputs, WordList};
use super::roles::{RoleSet, Roles};
use super::rule::{Effect, Rule};
use super::session::Sessions;
use super::settings::{Repair, Settings};
use super::store::StorePolicy;
use super::text::{Pool, Text};
use super::tree::Span;
use crate::buf::Full;
use crate::caller::Call;
use crate::glob;
use crate::json::Document;

/// A compiled policy: immutable, shared by all threads.
#[derive(Debug)]
pub struct Policy {
    /// Which policy of a stack it is.
    pub(super) layer: usize,
    /// Policies that narrow this one.
    pub(super) lower: Vec<Policy>,
    pub(super) pool: Pool,
    pub(super) name: Option<Text>,
    pub(super) settings: Settings,
    pub(super) audit: AuditPolicy,
    pub(super) store: Option<StorePolicy>,
    /// What happens to a call that no rule is about.
    pub(super) default: Effect,
    /// In the order of the document; indexes refer to it.
    pub(super) rules: Vec<Rule>,
    pub(super) allow: NameIndex,
    pub(super) deny: NameIndex,
    /// A rule is in shadow mode.
    pub(super) has_shadows: bool,
    /// Patterns over the names of agents, tenants and servers; rules own parts of it.
    pub(super) subjects: Vec<Text>,
    pub(super) conditions: Conditions,
    pub(super) limits: Limits,
    pub(super) budgets: Budgets,
    pub(super) sessions: Sessions,
    /// What rules expect of schemas.
    pub(super) claims: Vec<Claim>,
    pub(super) roles: Roles,
    /// The place where it is required; `None` inside for a preset.
    pub(super) require_agent: Option<Option<Span>>,
    pub(super) allowed_roles: Option<(RoleSet, Span)>,
    /// Sorted by name.
    pub(super) agents: Vec<Agent>,
    pub(super) outputs: Outputs,
    pub(super) mending: Mending,
    /// The first is the default, here and below.
    pub(super) masks: Vec<WordList>,
    pub(super) styles: Vec<WordList>,
    pub(super) allows: Vec<WordList>,
    pub(super) cases: Vec<Case>,
    /// What was remarked on while compiling.
    pub(super) remarks: Vec<Remark>,
}

/// An entry of `[agents]`.
#[derive(Debug)]
pub(super) struct Agent {
    pub name: Box<str>,
    pub roles: Box<[Box<str>]>,
    pub tenant: Option<Box<str>>,
}

/// What a policy says about an agent: the roles and the tenant to put into its
/// [`Caller`](crate::Caller).
#[derive(Clone, Copy, Debug)]
pub struct AgentRef<'p> {
    agent: &'p Agent,
}

impl<'p> AgentRef<'p> {
    /// The agent's name.
    #[must_use]
    pub fn name(self) -> &'p str {
        &self.agent.name
    }

    /// Its roles, in the order of the document.
    pub fn roles(self) -> impl Iterator<Item = &'p str> {
        self.agent.roles.iter().map(|role| &**role)
    }

    /// Its tenant.
    #[must_use]
    pub fn tenant(self) -> Option<&'p str> {
        self.agent.tenant.as_deref()
    }
}

impl Policy {
    /// The name that the document gives itself.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.map(|name| self.pool.get(name))
    }

    /// Whether every caller may use every tool and nothing is charged for it.
    #[inline]
    pub(crate) fn allows_all(&self) -> bool {
        // Every field by name, so that a new one has to be thought of here.
        let Self {
            default,
            rules,
            limits,
            budgets,
            sessions,
            require_agent,
            allowed_roles,
            lower,
            // Parts of rules and limits.
            pool: _,
            allow: _,
            deny: _,
            has_shadows: _,
            subjects: _,
            conditions: _,
            claims: _,
            roles: _,
            // Nothing that decides on a call.
            name: _,
            settings: _,
            audit: _,
            store: _,
            agents: _,
            outputs: _,
            mending: _,
            masks: _,
            styles: _,
            allows: _,
            cases: _,
            layer: _,
            remarks: _,
        } = self;
        rules.is_empty()
            && *default == Effect::Allow
            && require_agent.is_none()
            && allowed_roles.is_none()
            && limits.is_empty()
            && budgets.is_empty()
            && sessions.is_empty()
            && lower.iter().all(Self::allows_all)
    }

    /// This policy with another answer to near misses.
    #[must_use]
    pub fn with_near_miss(mut self, near_miss: super::NearMiss) -> Self {
        self.settings.near_miss = near_miss;
        self
    }

    /// This policy with `repair` besides what it says itself, for the tools that the pattern `tools`
    /// covers.
    ///
    /// # Errors
    /// When `tools` is no pattern.
    pub fn with_repair(mut self, tools: &str, repair: Repair) -> Result<Self, PolicyError> {
        glob::check(tools)
            .map_err(|error| PolicyError::new(Span::default(), "arguments", error.to_string()))?;
        let entry = MendingEntry { pattern: self.pool.add(tools), span: None, repair, adds: true };
        self.mending = self.mending.with(entry, &self.pool);
        Ok(self)
    }

    /// What is repaired in the arguments of `tool`; in a stack what every policy of it repairs.
    #[must_use]
    pub fn repair(&self, tool: &str) -> Repair {
        let own = self.mending.find(tool, &self.pool);
        self.lower.iter().fold(own, |all, policy| all.and(policy.repair(tool)))
    }

    /// The switches that are no rules.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where and how decisions are recorded.
    #[must_use]
    pub const fn audit(&self) -> &AuditPolicy {
        &self.audit
    }

    /// Where limits are kept that several processes share; none for limits of each process.
    #[must_use]
    pub const fn store(&self) -> Option<&StorePolicy> {
        self.store.as_ref()
    }

    /// Every rule, in the order of the document.
    pub fn rules(&self) -> impl Iterator<Item = RuleRef<'_>> {
        self.layers().flat_map(|policy| policy.rules.iter().map(|rule| policy.reference(rule)))
    }

    /// What the document says about the agent called `name`.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<AgentRef<'_>> {
        let index = self.agents.binary_search_by(|agent| (*agent.name).cmp(name)).ok()?;
        self.agents.get(index).map(|agent| AgentRef { agent })
    }

    /// Whether any rule, agent or list of the document uses the role called `name`. A caller may
    /// have other roles, but they mean nothing here: at the start of a program they are typing
    /// errors.
    #[must_use]
    pub fn knows_role(&self, name: &str) -> bool {
        self.layers().any(|policy| policy.roles.find(name, &policy.pool).is_some())
    }

    /// Whether a tool may have this name on the wire: 1 to 128 of `A`-`Z` `a`-`z` `0`-`9` `_` `.`
    /// `/` `-`, or exactly what an allow rule spells without wildcards. Other names can look like a
    /// name that a rule is about and be another, so patterns and defaults do not reach them.
    #[must_use]
    pub fn admits_spelling(&self, tool: &str) -> bool {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
        (1..=128).contains(&tool.len()) && tool.bytes().all(plain)
            || self.layers().all(|policy| policy.allow.spells(tool, &policy.pool))
    }

    /// Every limit, in the order of the document.
    pub fn limits(&self) -> impl Iterator<Item = LimitRef<'_>> {
        (0..self.limits.limits.len())
            .filter_map(|number| self.limits.get(number as u32, &self.pool))
    }

    /// The limit at a place of [`limits`](Self::limits).
    pub(crate) fn limit(&self, index: usize) -> Option<LimitRef<'_>> {
        self.limits.get(u32::try_from(index).ok()?, &self.pool)
    }

    /// Whether no call without the name of an agent is allowed.
    #[must_use]
    pub const fn requires_agent(&self) -> bool {
        self.require_agent.is_some()
    }

    /// Writes what a call is charged into `memory`; a call without a document was refused.
    ///
    /// # Errors
    /// When `memory` is full.
    pub(crate) fn charge(
        &self,
        call: &Call<'_>,
        doc: Option<Document<'_>>,
        memory: &mut Memory<'_>,
    ) -> Result<(), Full> {
        self.limits.charge(call, doc, &self.conditions.segments, &self.pool, memory)
    }

    /// What was charged last.
    pub(crate) fn charges<'s>(&'s self, memory: &'s Memory<'_>) -> Charges<'s> {
        self.limits.charges(memory, &self.pool)
    }

    /// The member that an argument lacks.
    pub(crate) fn missing_name(&self, at: At) -> Option<&str> {
        let policy = self.layers().nth(at.layer as usize)?;
        (!at.missing.is_empty()).then(|| policy.pool.get(at.missing))
    }

    /// What would help against the condition that decided, in words for the model.
    pub(crate) fn advice(&self, at: At) -> &'static str {
        let policy = self.layers().nth(at.layer as usize);
        let conditions = policy.map(|policy| &policy.conditions.conditions);
        let condition = conditions.and_then(|conditions| conditions.get(at.condition as usize));
        condition.map_or("", |condition| condition.test.advice())
    }

    /// Every window of time in words, zone included, and whether its zone was assumed because the
    /// document names none.
    pub fn windows(&self) -> impl Iterator<Item = (&str, bool)> {
        let windows = self.layers().flat_map(|policy| &policy.conditions.windows);
        windows.map(|window| (window.text.as_str(), window.assumed))
    }

    /// What to mask and where to cut in the output of `tool`.
    #[must_use]
    pub fn output(&self, tool: &str) -> OutputPolicy {
        if self.lower.is_empty() {
            self.outputs.find(tool, &self.pool)
        } else {
            self.output_in_stack(tool)
        }
    }

    /// The tests that the document carries, in its order.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Every mask list of the document, in a stack that of the first policy; the first one is for tools that no entry of `[output]`
    /// gives another. [`OutputPolicy::mask`] is an index into it.
    #[must_use]
    pub fn mask_lists(&self) -> &[WordList] {
        &self.masks
    }

    /// Every list of styles: a style for all types, or `type=style` for some. The first is for tools
    /// that no entry of `[output]` gives another.
    #[must_use]
    pub fn style_lists(&self) -> &[WordList] {
        &self.styles
    }

    /// Every allow-list. The first is for tools that no entry of `[output]` gives another.
    #[must_use]
    pub fn allow_lists(&self) -> &[WordList] {
        &self.allows
    }
}
