//! The decision by tool name and caller: pure, without allocation.
//!
//! Deny overrides allow, allow overrides the default, and the order of rules only chooses which of
//! several that agree is named: the first. A deny rule fires unless the caller is known not to be
//! its subject; an allow rule allows only a caller who is known to be. Worst case: the rules that
//! name the tool, found through an index, times the length of their lists of agents and tenants.

use super::compiled::Policy;
use super::rule::{Effect, Rule, Truth, Who};
use super::tree::Span;
use crate::caller::Caller;
use crate::reason::Reason;

/// Whether a policy lets a caller use a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// It does.
    Allow {
        /// The rule that allowed; `None` is the default.
        rule: Option<RuleRef<'p>>,
    },
    /// It does not.
    Refuse {
        /// Why.
        reason: Reason,
        /// The rule that refused; `None` is the default.
        rule: Option<RuleRef<'p>>,
        /// What the policy tells the model to do instead: the hint of the rule that denied or, when
        /// no rule allowed, of the first that would have allowed another caller.
        hint: Option<&'p str>,
    },
}

impl Decision<'_> {
    /// Whether the call may go on.
    #[must_use]
    pub const fn is_allow(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

/// A rule of a policy, for those who operate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleRef<'p> {
    /// Its id: that of the `[[rule]]`, or the key of the simple form that it comes from, like
    /// `denied_tools[2]`.
    pub id: &'p str,
    /// Where it stands in the document; `None` for a rule of a preset.
    pub span: Option<Span>,
}

impl Policy {
    /// Decides whether `caller` may use `tool`.
    ///
    /// Of several reasons the answer has the first of [`Reason::ToolDenied`],
    /// [`Reason::ToolNotAllowed`], [`Reason::IdentityRequired`] and [`Reason::RoleDenied`]; the
    /// last one stands for every caller who is known and is not one that the policy wants: by role,
    /// by name or by tenant.
    #[must_use]
    pub fn decide(&self, tool: &str, caller: &Caller<'_>) -> Decision<'_> {
        let who = Who::new(caller, &self.roles, &self.pool);
        if let Some(rule) = self.first_denying(tool, &who) {
            return Decision::Refuse {
                reason: Reason::ToolDenied,
                rule: Some(self.reference(rule)),
                hint: rule.hint.map(|hint| self.pool.get(hint)),
            };
        }
        let rule = match self.allowing(tool, &who) {
            Allowing::By(rule) => Some(self.reference(rule)),
            _ if self.default == Effect::Allow => None,
            Allowing::Nobody => return refuse(Reason::ToolNotAllowed, None),
            Allowing::Others { unknown, hint } => {
                let reason = if unknown { Reason::IdentityRequired } else { Reason::RoleDenied };
                return Decision::Refuse { reason, rule: None, hint };
            }
        };
        self.check_identity(&who).unwrap_or(Decision::Allow { rule })
    }

    fn first_denying(&self, tool: &str, who: &Who<'_>) -> Option<&Rule> {
        let mut first: Option<(u32, &Rule)> = None;
        self.deny.find(tool, &self.pool, |number| {
            if first.is_none_or(|(found, _)| number < found)
                && let Some(rule) = self.rule(number)
                && rule.concerns(who, &self.subjects, &self.pool) != Truth::False
            {
                first = Some((number, rule));
            }
        });
        first.map(|(_, rule)| rule)
    }

    fn allowing(&self, tool: &str, who: &Who<'_>) -> Allowing<'_> {
        let mut by: Option<(u32, &Rule)> = None;
        let mut hinting: Option<(u32, &Rule)> = None;
        let (mut others, mut unknown) = (false, false);
        self.allow.find(tool, &self.pool, |number| {
            let Some(rule) = self.rule(number) else {
                return;
            };
            let earlier = |than: Option<(u32, &Rule)>| than.is_none_or(|(found, _)| number < found);
            match rule.concerns(who, &self.subjects, &self.pool) {
                Truth::True if earlier(by) => by = Some((number, rule)),
                Truth::True => {}
                truth => {
                    others = true;
                    unknown |= truth == Truth::Unknown;
                    if rule.hint.is_some() && earlier(hinting) {
                        hinting = Some((number, rule));
                    }
                }
            }
        });
        match by {
            Some((_, rule)) => Allowing::By(rule),
            None if others => {
                let hint = hinting.and_then(|(_, rule)| rule.hint);
                Allowing::Others { unknown, hint: hint.map(|hint| self.pool.get(hint)) }
            }
            None => Allowing::Nobody,
        }
    }

    /// The conditions that a policy puts on every caller.
    fn check_identity(&self, who: &Who<'_>) -> Option<Decision<'_>> {
        if let Some(span) = self.require_agent
            && who.agent.is_none()
        {
            let rule = RuleRef { id: "require_agent_id", span: Some(span) };
            return Some(refuse(Reason::IdentityRequired, Some(rule)));
        }
        let (allowed, span) = self.allowed_roles?;
        let rule = RuleRef { id: "allowed_roles", span: Some(span) };
        match who.roles {
            None => Some(refuse(Reason::IdentityRequired, Some(rule))),
            Some(has) if !has.meets(allowed) => Some(refuse(Reason::RoleDenied, Some(rule))),
            Some(_) => None,
        }
    }

    fn rule(&self, number: u32) -> Option<&Rule> {
        self.rules.get(number as usize)
    }

    fn reference(&self, rule: &Rule) -> RuleRef<'_> {
        RuleRef { id: self.pool.get(rule.id), span: rule.span }
    }
}

/// What the allow rules say about a tool and a caller.
enum Allowing<'p> {
    /// This rule allows the call.
    By(&'p Rule),
    /// No rule names the tool.
    Nobody,
    /// Rules name the tool, for others.
    Others {
        /// The caller may be one of them, but is not known well enough.
        unknown: bool,
        hint: Option<&'p str>,
    },
}

const fn refuse<'p>(reason: Reason, rule: Option<RuleRef<'p>>) -> Decision<'p> {
    Decision::Refuse { reason, rule, hint: None }
}
