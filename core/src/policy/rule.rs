//! One rule of a compiled policy, and whether a call is its subject.

use super::roles::{RoleSet, Roles};
use super::text::{Pool, Text};
use super::tree::Span;
use super::truth::{Side, Truth};
use crate::caller::Call;
use crate::glob::{self, Case};

/// What a rule does with the calls it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    /// Allows a call that a person has approved.
    Ask,
    #[default]
    Deny,
}

impl Effect {
    /// Which effect comes before which.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Ask => 1,
            Self::Deny => 2,
        }
    }

    /// How a document spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }

    /// A pattern that denies covers every spelling, one that allows only its own.
    pub const fn case(self) -> Case {
        match self {
            Self::Allow | Self::Ask => Case::Exact,
            Self::Deny => Case::Fold,
        }
    }

    /// On which side the conditions of such a rule err.
    pub const fn side(self) -> Side {
        match self {
            Self::Allow | Self::Ask => Side::Admit,
            Self::Deny => Side::Refuse,
        }
    }
}

/// A rule. The tools it names are in the index of its effect.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rule {
    pub id: Text,
    /// `None` for a rule of a preset.
    pub span: Option<Span>,
    pub effect: Effect,
    pub hint: Option<Text>,
    pub subject: Subject,
    /// The window in which it is in force.
    pub time: Option<During>,
    /// Its conditions on arguments, a formula.
    pub when: Option<u32>,
    /// What it asks of a session and does to it.
    pub session: Option<u32>,
    /// A rule that denies lets go of calls that lack an argument.
    pub skip: bool,
    /// It is followed, but nothing comes of it.
    pub shadow: bool,
    /// For how many milliseconds an approval holds.
    pub ttl_ms: Option<u64>,
}

/// A window in or outside of which a rule is in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct During {
    pub window: u32,
    pub outside: bool,
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
    /// One of these patterns covers the server's name.
    pub servers: Option<List>,
}

/// Part of one of a policy's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub first: u32,
    pub end: u32,
}

impl List {
    #[inline]
    pub fn of<T>(self, table: &[T]) -> &[T] {
        table.get(self.first as usize..self.end as usize).unwrap_or(&[])
    }
}

/// A call's surroundings in the terms of one policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub agent: Option<&'a str>,
    pub tenant: Option<&'a str>,
    server: Option<&'a str>,
    /// `None` for a caller without a name and without roles: it may be anyone.
    pub roles: Option<RoleSet>,
}

impl<'a> Who<'a> {
    pub fn new(call: &Call<'a>, roles: &Roles, pool: &Pool) -> Self {
        let caller = &call.caller;
        // An empty name identifies nobody.
        let agent = caller.agent.filter(|name| !name.is_empty());
        let known = agent.is_some() || caller.roles.iter().any(|role| !role.is_empty());
        Self {
            agent,
            tenant: caller.tenant.filter(|name| !name.is_empty()),
            server: call.server.filter(|name| !name.is_empty()),
            roles: known.then(|| roles.effective(caller.roles, pool)),
        }
    }
}

impl Subject {
    /// Whether every call is its subject.
    pub fn is_everyone(&self) -> bool {
        let Self { roles, except, agents, tenants, servers } = self;
        let listed = [agents, tenants, servers].iter().any(|list| list.is_some());
        roles.is_none() && except.is_empty() && !listed
    }

    /// Whether no call can be its subject.
    pub fn is_nobody(&self) -> bool {
        self.roles.is_some_and(|roles| roles.without(self.except).is_empty())
    }

    /// Whether the subject is `who`, for a rule of `effect`.
    pub fn is(&self, who: &Who<'_>, effect: Effect, patterns: &[Text], pool: &Pool) -> Truth {
        let Self { roles, except, agents, tenants, servers } = *self;
        let with_roles = |test: &dyn Fn(RoleSet) -> bool| match who.roles {
            Some(has) => Truth::from(test(has)),
            None => Truth::Unknown,
        };
        let mut truth = Truth::True;
        if let Some(any_of) = roles {
            truth = truth.min(with_roles(&|has| has.meets(any_of)));
        }
        if !except.is_empty() {
            truth = truth.min(with_roles(&|has| !has.meets(except)));
        }
        for (list, name) in [(agents, who.agent), (tenants, who.tenant), (servers, who.server)] {
            let Some(list) = list else { continue };
            let covers = |name| {
                let mut list = list.of(patterns).iter();
                list.any(|pattern| glob::matches(pool.get(*pattern), name, effect.case()))
            };
            truth = truth.min(name.map_or(Truth::Unknown, |name| covers(name).into()));
        }
        truth
    }
}
