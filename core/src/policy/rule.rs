//! One rule of a compiled policy, and whether a caller is its subject.

use super::roles::{RoleSet, Roles};
use super::text::{Pool, Text};
use super::tree::Span;
use crate::caller::Caller;
use crate::glob::{self, Case};

/// What a rule does with the calls it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

impl Effect {
    /// A pattern that denies covers every spelling, one that allows only its own.
    pub const fn case(self) -> Case {
        match self {
            Self::Allow => Case::Exact,
            Self::Deny => Case::Fold,
        }
    }
}

/// A rule. The tools it names are in the index of its effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub id: Text,
    /// `None` for a rule of a preset.
    pub span: Option<Span>,
    pub effect: Effect,
    pub hint: Option<Text>,
    pub subject: Subject,
}

/// Whom a rule is about: all of its parts must hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subject {
    /// The caller has one of these.
    pub roles: Option<RoleSet>,
    /// The caller has none of these.
    pub except: RoleSet,
    /// One of these patterns covers the agent's name.
    pub agents: Option<List>,
    /// One of these patterns covers the tenant.
    pub tenants: Option<List>,
}

/// Part of a policy's list of subject patterns.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub first: u32,
    pub end: u32,
}

/// Three values, so that what is not known can deny but never allow. Ordered: AND is the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    False,
    Unknown,
    True,
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        if known { Self::True } else { Self::False }
    }
}

/// A caller in the terms of one policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub agent: Option<&'a str>,
    tenant: Option<&'a str>,
    /// `None` for a caller without a name and without roles: it may be anyone.
    pub roles: Option<RoleSet>,
}

impl<'a> Who<'a> {
    pub fn new(caller: &Caller<'a>, roles: &Roles, pool: &Pool) -> Self {
        // An empty name identifies nobody.
        let agent = caller.agent.filter(|name| !name.is_empty());
        let known = agent.is_some() || caller.roles.iter().any(|role| !role.is_empty());
        Self {
            agent,
            tenant: caller.tenant.filter(|name| !name.is_empty()),
            roles: known.then(|| roles.effective(caller.roles, pool)),
        }
    }
}

impl Rule {
    /// Whether the rule is about `who`.
    pub fn concerns(&self, who: &Who<'_>, patterns: &[Text], pool: &Pool) -> Truth {
        let Subject { roles, except, agents, tenants } = self.subject;
        let with_roles = |test: &dyn Fn(RoleSet) -> bool| match who.roles {
            Some(has) => Truth::from(test(has)),
            None => Truth::Unknown,
        };
        let named = |name: Option<&str>, list: List| match name {
            Some(name) => {
                let list = patterns.get(list.first as usize..list.end as usize).unwrap_or(&[]);
                let case = self.effect.case();
                list.iter().any(|pattern| glob::matches(pool.get(*pattern), name, case)).into()
            }
            None => Truth::Unknown,
        };
        let mut truth = Truth::True;
        if let Some(any_of) = roles {
            truth = truth.min(with_roles(&|has| has.meets(any_of)));
        }
        if !except.is_empty() {
            truth = truth.min(with_roles(&|has| !has.meets(except)));
        }
        if let Some(list) = agents {
            truth = truth.min(named(who.agent, list));
        }
        if let Some(list) = tenants {
            truth = truth.min(named(who.tenant, list));
        }
        truth
    }
}
