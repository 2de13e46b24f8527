//! A policy in the making: collects what a document or a preset says, then builds the tables.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use super::audit::AuditPolicy;
use super::budget::{Budget, Budgets};
use super::case::Case;
use super::claim::Claim;
use super::compiled::{Agent, Policy};
use super::condition::Conditions;
use super::index::{NameIndex, Pattern};
use super::limit::{Limit, Limits};
use super::lint::Remark;
use super::mending::{Mending, MendingEntry};
use super::output::{Entry, OutputPolicy, Outputs, WordList};
use super::roles::{RoleSet, Roles};
use super::rule::{Effect, Rule};
use super::session::Sessions;
use super::settings::{Repair, Settings};
use super::store::StorePolicy;
use super::text::{Pool, Text};
use super::time::{OnlyUtc, Zones};
use super::tree::Span;
use crate::hidden::Hiding;
use crate::truncate::Keep;

/// Most rules of a policy, those of the simple form included.
pub const MAX_RULES: usize = 4096;

/// The masks of a guard whose policy does not say otherwise. Addresses that mail, git and DNS tools
/// live by are left alone.
const SECRETS: &[&str] = &["secret"];
const PII: &[&str] =
    &["pii.core", "pii.national", "-pii.core.email", "-pii.core.ip", "-pii.core.mac"];

/// A policy in the making.
pub(super) struct Compiler<'z> {
    pub zones: &'z dyn Zones,
    /// The zone of windows that name none.
    pub zone: Option<String>,
    pub settings: Settings,
    pub audit: AuditPolicy,
    pub store: Option<StorePolicy>,
    pub pool: Pool,
    pub name: Option<Text>,
    pub rules: Vec<Rule>,
    /// Patterns over tool names, of rules that help and of those that deny.
    pub allow: Vec<Pattern>,
    pub deny: Vec<Pattern>,
    /// Patterns over the names of agents, tenants and servers.
    pub subjects: Vec<Text>,
    pub conditions: Conditions,
    /// Literals that conditions may name.
    pub sets: Vec<Set>,
    pub calendar: Vec<(String, u32)>,
    pub claims: Vec<Claim>,
    pub limits: Vec<Limit>,
    pub limited: Vec<Pattern>,
    pub budgets: Vec<Budget>,
    pub budgeted: Vec<Pattern>,
    pub sessions: Sessions,
    pub roles: Roles,
    /// The document lists its roles, so another name is an error.
    pub roles_declared: bool,
    /// `Some(None)` when a preset says so.
    pub require_agent: Option<Option<Span>>,
    pub allowed_roles: Option<(RoleSet, Span)>,
    pub agents: Vec<Agent>,
    /// Mask lists of `[output]`; the default list will stand before them.
    pub masks: Vec<WordList>,
    pub styles: Vec<WordList>,
    pub allows: Vec<WordList>,
    pub outputs: Vec<Entry>,
    /// Key `repair`, and `[arguments]`.
    pub repair: Repair,
    pub mending: Vec<MendingEntry>,
    pub cases: Vec<Case>,
    /// What is valid and probably not meant.
    pub remarks: Vec<Remark>,
    pub default_masks: DefaultMasks,
    pub max_chars: Option<usize>,
    pub max_bytes: Option<usize>,
    pub max_lines: Option<usize>,
    pub max_tokens: Option<usize>,
}

/// A named list of literals.
#[derive(Debug)]
pub(super) struct Set {
    pub name: String,
    pub span: Span,
    pub scalars: Vec<super::condition::Scalar>,
    /// A condition names it.
    pub used: Cell<bool>,
}

/// The switches `mask_pii` and `mask_secrets`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DefaultMasks {
    pub pii: bool,
    pub secrets: bool,
}

impl Compiler<'_> {
    pub fn new(zones: &dyn Zones) -> Compiler<'_> {
        Compiler {
            zones,
            zone: None,
            settings: Settings::default(),
            audit: AuditPolicy::default(),
            store: None,
            pool: Pool::default(),
            name: None,
            rules: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            subjects: Vec::new(),
            conditions: Conditions::default(),
            sets: Vec::new(),
            calendar: Vec::new(),
            claims: Vec::new(),
            limits: Vec::new(),
            limited: Vec::new(),
            budgets: Vec::new(),
            budgeted: Vec::new(),
            sessions: Sessions::default(),
            roles: Roles::default(),
            roles_declared: false,
            require_agent: None,
            allowed_roles: None,
            agents: Vec::new(),
            masks: Vec::new(),
            styles: Vec::new(),
            allows: Vec::new(),
            outputs: Vec::new(),
            repair: Repair::default(),
            mending: Vec::new(),
            cases: Vec::new(),
            remarks: Vec::new(),
            default_masks: DefaultMasks { pii: true, secrets: true },
            max_chars: None,
            max_bytes: None,
            max_lines: None,
            max_tokens: None,
        }
    }

    /// Adds a rule whose parts are checked; `None` when there are too many.
    pub fn add_rule<'a>(
        &mut self,
        rule: Rule,
        tools: impl IntoIterator<Item = &'a str>,
    ) -> Option<()> {
        if self.rules.len() >= MAX_RULES {
            return None;
        }
        let number = self.rules.len() as u32;
        let patterns = match rule.effect {
            Effect::Allow | Effect::Ask => &mut self.allow,
            Effect::Deny => &mut self.deny,
        };
        let pool = &mut self.pool;
        patterns
            .extend(tools.into_iter().map(|text| Pattern { text: pool.add(text), rule: number }));
        self.rules.push(rule);
        Some(())
    }

    /// Adds a limit over the tools that `tools` cover.
    pub fn add_limit<'a>(&mut self, limit: Limit, tools: impl IntoIterator<Item = &'a str>) {
        let number = self.limits.len() as u32;
        let pool = &mut self.pool;
        self.limited
            .extend(tools.into_iter().map(|text| Pattern { text: pool.add(text), rule: number }));
        self.limits.push(limit);
    }

    pub fn finish(mut self, default: Effect) -> Policy {
        for set in self.sets.iter().filter(|set| !set.used.get()) {
            let message = alloc::format!("no condition names the set `{}`", set.name);
            self.remarks.push(Remark::new("unused", Some(set.span), message, None));
        }
        let DefaultMasks { pii, secrets } = self.default_masks;
        let words = [(secrets, SECRETS), (pii, PII)];
        let types = words.iter().filter(|(on, _)| *on).flat_map(|(_, words)| words.iter().copied());
        let unnamed = OutputPolicy {
            mask: 0,
            style: 0,
            allow: 0,
            max_chars: self.max_chars,
            max_bytes: self.max_bytes,
            max_lines: self.max_lines,
            max_tokens: self.max_tokens,
            keep: Keep::Head,
            hidden: Hiding::default(),
        };
        Policy {
            layer: 0,
            lower: Vec::new(),
            allow: NameIndex::new(Effect::Allow.case(), &self.allow, &self.pool),
            deny: NameIndex::new(Effect::Deny.case(), &self.deny, &self.pool),
            outputs: Outputs::new(self.outputs, unnamed, &self.pool),
            mending: Mending::new(self.mending, self.repair, &self.pool),
            limits: Limits::new(self.limits, &self.limited, &self.pool),
            budgets: Budgets::new(self.budgets, &self.budgeted, &self.pool),
            sessions: self.sessions.finish(&self.pool),
            name: self.name,
            settings: self.settings,
            audit: self.audit,
            store: self.store,
            default,
            has_shadows: self.rules.iter().any(|rule| rule.shadow),
            rules: self.rules,
            subjects: self.subjects,
            claims: self.claims,
            conditions: self.conditions,
            roles: self.roles,
            require_agent: self.require_agent,
            allowed_roles: self.allowed_roles,
            agents: self.agents,
            masks: with_default(types, self.masks),
            styles: with_default([], self.styles),
            allows: with_default([], self.allows),
            cases: self.cases,
            remarks: self.remarks,
            pool: self.pool,
        }
    }
}

impl Default for Compiler<'static> {
    fn default() -> Self {
        Compiler::new(&OnlyUtc)
    }
}

/// The lists of the document behind that of tools which have no list of their own.
fn with_default<'a>(
    words: impl IntoIterator<Item = &'a str>,
    lists: Vec<WordList>,
) -> Vec<WordList> {
    let mut all = Vec::from([WordList::new(words, Span::default(), String::new())]);
    all.extend(lists);
    all
}
