//! A policy in the making: collects what a document or a preset says, then builds the tables.

use alloc::string::String;
use alloc::vec::Vec;

use super::compiled::{Agent, Policy};
use super::index::{NameIndex, Pattern};
use super::output::{Entry, OutputPolicy, Outputs, WordList};
use super::roles::{RoleSet, Roles};
use super::rule::{Effect, Rule, Subject};
use super::settings::Settings;
use super::text::{Pool, Text};
use super::tree::Span;
use crate::truncate::Keep;

/// Most rules of a policy, those of the simple form included.
pub const MAX_RULES: usize = 4096;

/// The masks of a guard whose policy does not say otherwise. Addresses that mail, git and DNS tools
/// live by are left alone.
const SECRETS: &[&str] = &["secret"];
const PII: &[&str] =
    &["pii.core", "pii.national", "-pii.core.email", "-pii.core.ip", "-pii.core.mac"];

/// A policy in the making.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    pub settings: Settings,
    pub pool: Pool,
    pub name: Option<Text>,
    pub rules: Vec<Rule>,
    /// Patterns over tool names, by effect.
    pub allow: Vec<Pattern>,
    pub deny: Vec<Pattern>,
    /// Patterns over the names of agents and tenants.
    pub subjects: Vec<Text>,
    pub roles: Roles,
    /// The document lists its roles, so another name is an error.
    pub roles_declared: bool,
    pub require_agent: Option<Span>,
    pub allowed_roles: Option<(RoleSet, Span)>,
    pub agents: Vec<Agent>,
    /// Mask lists of `[output]`; the default list will stand before them.
    pub masks: Vec<WordList>,
    pub styles: Vec<WordList>,
    pub allows: Vec<WordList>,
    pub outputs: Vec<Entry>,
    pub default_masks: DefaultMasks,
    pub max_chars: Option<usize>,
    pub max_bytes: Option<usize>,
    pub max_lines: Option<usize>,
    pub max_tokens: Option<usize>,
}

/// The switches `mask_pii` and `mask_secrets`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DefaultMasks {
    pub pii: bool,
    pub secrets: bool,
}

impl Default for DefaultMasks {
    fn default() -> Self {
        Self { pii: true, secrets: true }
    }
}

impl Compiler {
    /// Adds a rule whose parts are checked; `None` when there are too many.
    pub fn add_rule<'a>(
        &mut self,
        id: &str,
        span: Option<Span>,
        effect: Effect,
        tools: impl IntoIterator<Item = &'a str>,
        hint: Option<&str>,
        subject: Subject,
    ) -> Option<()> {
        if self.rules.len() >= MAX_RULES {
            return None;
        }
        let rule = self.rules.len() as u32;
        let patterns = match effect {
            Effect::Allow => &mut self.allow,
            Effect::Deny => &mut self.deny,
        };
        patterns.extend(tools.into_iter().map(|text| Pattern { text: self.pool.add(text), rule }));
        let id = self.pool.add(id);
        let hint = hint.map(|hint| self.pool.add(hint));
        self.rules.push(Rule { id, span, effect, hint, subject });
        Some(())
    }

    pub fn finish(self, default: Effect) -> Policy {
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
        };
        Policy {
            allow: NameIndex::new(Effect::Allow.case(), &self.allow, &self.pool),
            deny: NameIndex::new(Effect::Deny.case(), &self.deny, &self.pool),
            outputs: Outputs::new(self.outputs, unnamed, &self.pool),
            name: self.name,
            settings: self.settings,
            default,
            rules: self.rules,
            subjects: self.subjects,
            roles: self.roles,
            require_agent: self.require_agent,
            allowed_roles: self.allowed_roles,
            agents: self.agents,
            masks: with_default(types, self.masks),
            styles: with_default([], self.styles),
            allows: with_default([], self.allows),
            pool: self.pool,
        }
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
