//! The decision: pure, without allocation.
//!
//! Deny overrides ask, ask overrides allow, allow overrides the default, and the order of rules only
//! chooses which of several that agree is named: the first. A deny rule fires unless the call is
//! known not to be its subject; another rule helps only a call that is known to be. A decision has two
//! steps: by name, caller and moment, which ends most calls that will be refused before their
//! arguments are read, and by arguments, when a rule that is still open asks for them. Worst case:
//! the rules that name the tool, found through an index, times their conditions.

use super::compiled::Policy;
use super::condition::{At, Judge, Memory};
use super::rule::{During, Effect, Rule, Who};
use super::tree::Span;
use super::truth::Truth;
use crate::buf::Full;
use crate::caller::{Call, Caller};
use crate::json::Document;
use crate::reason::Reason;
use crate::schema::Schema;
use crate::session::Session;

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
        /// no rule allowed, of the first of those that came closest.
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

impl<'p> Decision<'p> {
    /// The id of the rule that allowed.
    pub(crate) fn allowing(&self) -> Option<&'p str> {
        match self {
            Self::Allow { rule } => rule.map(|rule| rule.id),
            Self::Refuse { .. } => None,
        }
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
    /// The policy of a stack that has it; the first is 0.
    pub layer: usize,
}

/// A decision and what goes with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ruling<'p> {
    pub decision: Decision<'p>,
    /// Which argument decided.
    pub at: Option<At>,
    /// What the decision would be if rules in shadow mode were in force, when it would be another.
    pub would: Option<Decision<'p>>,
    /// For how long an approval of the call would hold, in milliseconds.
    pub ttl_ms: Option<u64>,
}

impl Ruling<'_> {
    /// A refusal that nothing goes with.
    pub const fn refused(reason: Reason) -> Self {
        let decision = Decision::Refuse { reason, rule: None, hint: None };
        Self { decision, at: None, would: None, ttl_ms: None }
    }
}

/// What the first step found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Early<'p, 'a> {
    /// No argument can change it.
    Settled(Ruling<'p>),
    /// It depends on the arguments, or on the session.
    Open(Open<'a>),
}

/// What the first step leaves to the second: who calls, and the rules that name the tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    who: Who<'a>,
    named: Named,
}

/// Most rules that one tool may have for their numbers to be kept from one step to the next.
const MAX_NAMED: usize = 12;

/// The rules that name a tool.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    rules: [u32; MAX_NAMED],
    /// How many there are; more than fit mean that they must be found again.
    count: usize,
}

impl Named {
    fn push(&mut self, rule: u32) {
        if let Some(slot) = self.rules.get_mut(self.count) {
            *slot = rule;
        }
        self.count = self.count.saturating_add(1);
    }

    fn get(&self) -> Option<&[u32]> {
        self.rules.get(..self.count)
    }
}

impl Policy {
    /// Whether `caller` may use `tool` at some time with some arguments.
    ///
    /// Of several reasons against it the answer has the first of [`Reason::ToolDenied`],
    /// [`Reason::ToolNotAllowed`], [`Reason::IdentityRequired`] and [`Reason::RoleDenied`]; the
    /// last one stands for every caller who is known and is not one that the policy wants: by role,
    /// by name or by tenant.
    #[must_use]
    pub fn decide(&self, tool: &str, caller: &Caller<'_>) -> Decision<'_> {
        let call = Call { tool, caller: *caller, ..Call::default() };
        let mut decisions = self.layers().map(|policy| policy.decide_alone(&call));
        let refused = |decision: &Decision<'_>| !decision.is_allow();
        decisions.find(refused).unwrap_or_else(|| self.decide_alone(&call))
    }

    fn decide_alone(&self, call: &Call<'_>) -> Decision<'_> {
        let who = Who::new(call, &self.roles, &self.pool);
        let named = self.named(call.tool);
        let tally = self.tally(call, &who, &named, &mut Facts::Nothing, false);
        match self.refused_early(&tally, &who) {
            Some(ruling) => ruling.decision,
            None => {
                let hit = tally.allow.or(tally.ask).filter(|_| !tally.open);
                let rule = hit.and_then(|hit| self.rules.get(hit.rule as usize));
                Decision::Allow { rule: rule.map(|rule| self.reference(rule)) }
            }
        }
    }

    /// Decides by name, caller and moment.
    pub(crate) fn early<'a>(&self, call: &Call<'a>) -> Early<'_, 'a> {
        if self.lower.is_empty() { self.early_alone(call) } else { self.early_in_stack(call) }
    }

    pub(super) fn early_alone<'a>(&self, call: &Call<'a>) -> Early<'_, 'a> {
        let who = Who::new(call, &self.roles, &self.pool);
        let named = self.named(call.tool);
        let tally = self.tally(call, &who, &named, &mut Facts::Moment, false);
        let refused = self.refused_early(&tally, &who);
        // An approval is one of arguments.
        let open = refused.is_none() && (tally.open || tally.ask.is_some());
        if !self.has_shadows {
            return match refused {
                _ if open => Early::Open(Open { who, named }),
                Some(ruling) => Early::Settled(ruling),
                None => Early::Settled(self.conclude(&tally, &who)),
            };
        }
        let all = self.tally(call, &who, &named, &mut Facts::Moment, true);
        if open || refused.is_none() && all.open {
            return Early::Open(Open { who, named });
        }
        let mut ruling = refused.unwrap_or_else(|| self.conclude(&tally, &who));
        if !all.open {
            let would = self.conclude(&all, &who).decision;
            ruling.would = (would != ruling.decision).then_some(would);
        }
        Early::Settled(ruling)
    }

    /// Decides by everything. What was used up before an answer was found refuses.
    pub(crate) fn judge(
        &self,
        call: &Call<'_>,
        open: &Open<'_>,
        doc: Document<'_>,
        schema: Option<&Schema>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Ruling<'_> {
        if self.lower.is_empty() {
            self.judge_alone(call, open, doc, schema, session, memory)
        } else {
            self.judge_in_stack(call, doc, schema, session, memory)
        }
    }

    pub(super) fn judge_alone(
        &self,
        call: &Call<'_>,
        open: &Open<'_>,
        doc: Document<'_>,
        schema: Option<&Schema>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Ruling<'_> {
        let Open { who, named } = open;
        let (conditions, pool) = (&self.conditions, &self.pool);
        let judge = Judge::new(conditions, pool, doc, schema, call.tool, who, call.now, memory);
        let mut facts = Facts::All(Evidence { judge, session, taken: None, noted: Ok(()) });
        let tally = self.tally(call, who, named, &mut facts, false);
        let all = self.has_shadows.then(|| self.tally(call, who, named, &mut facts, true));
        if let Facts::All(evidence) = facts {
            if evidence.judge.is_exhausted() {
                return Ruling::refused(Reason::TooComplex);
            }
            if evidence.noted.is_err() {
                return Ruling::refused(Reason::InternalError);
            }
        }
        let ruling = self.conclude(&tally, who);
        let mut ruling = self.follow_alone(ruling, call, doc, session, memory);
        if let Some(all) = all {
            let would = self.within_calls(self.conclude(&all, who), session).decision;
            ruling.would = (would != ruling.decision).then_some(would);
        }
        ruling
    }

    /// The rules that name `tool`, those that deny first.
    fn named(&self, tool: &str) -> Named {
        let mut named = Named::default();
        self.deny.find(tool, &self.pool, |rule| named.push(rule));
        self.allow.find(tool, &self.pool, |rule| named.push(rule));
        named
    }

    /// The refusal that no argument can change, if there is one.
    fn refused_early(&self, real: &Tally, who: &Who<'_>) -> Option<Ruling<'_>> {
        let possible = real.may_allow
            || real.allow.is_some()
            || real.ask.is_some()
            || self.default == Effect::Allow;
        let refused = real.deny.is_some() || !possible;
        let ruling = if refused {
            self.conclude(real, who)
        } else {
            let decision = self.check_identity(who)?;
            Ruling { decision, at: None, would: None, ttl_ms: None }
        };
        Some(ruling)
    }

    fn conclude(&self, tally: &Tally, who: &Who<'_>) -> Ruling<'_> {
        let plain = |decision| Ruling { decision, at: None, would: None, ttl_ms: None };
        if let Some((hit, rule)) = self.hit(tally.deny) {
            let reason = match (rule.session, rule.when, rule.time) {
                (Some(_), ..) => Reason::SessionRule,
                (None, Some(_), _) => Reason::ConditionFailed,
                (None, None, Some(_)) => Reason::TimeRestricted,
                (None, None, None) => Reason::ToolDenied,
            };
            let hint = rule.hint.map(|hint| self.pool.get(hint));
            let rule = Some(self.reference(rule));
            return Ruling { at: hit.at, ..plain(Decision::Refuse { reason, rule, hint }) };
        }
        let helping = self.hit(tally.ask).or_else(|| self.hit(tally.allow));
        if helping.is_none() && self.default != Effect::Allow {
            let reason = match tally.stage {
                Stage::Named => Reason::ToolNotAllowed,
                Stage::Subject if tally.unknown => Reason::IdentityRequired,
                Stage::Subject => Reason::RoleDenied,
                Stage::Time => Reason::TimeRestricted,
                Stage::Arguments => Reason::ConditionFailed,
                Stage::Session => Reason::SessionRule,
            };
            let hint = self.hit(tally.hint).and_then(|(_, rule)| rule.hint);
            let hint = hint.map(|hint| self.pool.get(hint));
            let decision = Decision::Refuse { reason, rule: None, hint };
            return Ruling { at: tally.nearest.and_then(|hit| hit.at), ..plain(decision) };
        }
        if let Some(refused) = self.check_identity(who) {
            return plain(refused);
        }
        let Some((_, rule)) = helping else { return plain(Decision::Allow { rule: None }) };
        let reference = Some(self.reference(rule));
        if rule.effect == Effect::Ask {
            let hint = rule.hint.map(|hint| self.pool.get(hint));
            let reason = Reason::ApprovalRequired;
            let decision = Decision::Refuse { reason, rule: reference, hint };
            return Ruling { ttl_ms: rule.ttl_ms, ..plain(decision) };
        }
        plain(Decision::Allow { rule: reference })
    }

    /// Asks every rule that names the tool, those in shadow mode only when `shadows`.
    fn tally(
        &self,
        call: &Call<'_>,
        who: &Who<'_>,
        named: &Named,
        facts: &mut Facts<'_, '_>,
        shadows: bool,
    ) -> Tally {
        let mut tally = Tally::default();
        let mut visit = |number: u32| {
            let Some(rule) = self.rules.get(number as usize) else { return };
            let denies = rule.effect == Effect::Deny;
            let late = denies && tally.deny.is_some_and(|hit| number >= hit.rule);
            if late || rule.shadow && !shadows {
                return;
            }
            let answer = self.ask(rule, call, who, facts);
            if denies {
                tally.deny(number, answer);
            } else {
                if let (Facts::All(evidence), false) = (&mut *facts, shadows)
                    && answer.truth == Truth::True
                {
                    self.note(rule, evidence);
                }
                tally.help(number, rule, answer);
            }
        };
        match named.get() {
            Some(rules) => rules.iter().for_each(|rule| visit(*rule)),
            None => {
                self.deny.find(call.tool, &self.pool, &mut visit);
                self.allow.find(call.tool, &self.pool, &mut visit);
            }
        }
        tally
    }

    /// What `rule` says about the call, as far as `facts` go.
    fn ask(
        &self,
        rule: &Rule,
        call: &Call<'_>,
        who: &Who<'_>,
        facts: &mut Facts<'_, '_>,
    ) -> Answer {
        let subject = rule.subject.is(who, rule.effect, &self.subjects, &self.pool);
        // A rule that denies goes on with what is unknown, and one that helps does not.
        let ends = |truth: Truth| match rule.effect {
            Effect::Deny => truth == Truth::False,
            Effect::Allow | Effect::Ask => truth != Truth::True,
        };
        if ends(subject) {
            return Answer { truth: subject, stage: Stage::Subject, open: false, at: None };
        }
        let mut truth = subject;
        let mut open = false;
        if let Some(During { window, outside }) = rule.time {
            if matches!(facts, Facts::Nothing) {
                open = true;
            } else {
                let window = self.conditions.windows.get(window as usize);
                let inside = window.map_or(Truth::Unknown, |window| window.holds(call.now));
                truth = truth.min(if outside { inside.not() } else { inside });
                if ends(truth) {
                    return Answer { truth, stage: Stage::Time, open: false, at: None };
                }
            }
        }
        let clauses = self.sessions.get(rule.session);
        let mut answer = Answer { truth, stage: Stage::Arguments, open, at: None };
        if rule.when.is_none() && clauses.is_none() {
            return answer;
        }
        let Facts::All(evidence) = facts else { return Answer { open: true, ..answer } };
        answer.open = false;
        if let Some(when) = rule.when {
            let found = evidence.judge.judge(when);
            answer.truth = answer.truth.min(found.truth);
            answer.at = found.at;
        }
        if let Some(clauses) = clauses
            && !ends(answer.truth)
        {
            let Evidence { judge, session, taken, .. } = evidence;
            let (remembered, digest) =
                self.remembers(clauses, *session, judge.doc, call.now, &mut judge.memory.known);
            *taken = digest;
            answer.truth = answer.truth.min(remembered);
            answer.stage = Stage::Session;
        }
        answer
    }

    /// Notes what an allowed call does to its session, for a rule that holds.
    fn note(&self, rule: &Rule, evidence: &mut Evidence<'_, '_>) {
        let Evidence { judge, session, taken, noted } = evidence;
        if let (Some(clauses), Some(_)) = (self.sessions.get(rule.session), *session) {
            *noted = noted.and_then(|()| self.note_effects(clauses, *taken, judge));
        }
    }

    /// What the session has to say to a decision that no rule had to ask it for, and what later calls may ask
    /// about this one.
    pub(crate) fn follow<'p>(
        &'p self,
        ruling: Ruling<'p>,
        call: &Call<'_>,
        doc: Document<'_>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Ruling<'p> {
        self.layers()
            .fold(ruling, |ruling, policy| policy.follow_alone(ruling, call, doc, session, memory))
    }

    pub(super) fn follow_alone<'p>(
        &'p self,
        ruling: Ruling<'p>,
        call: &Call<'_>,
        doc: Document<'_>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Ruling<'p> {
        if self.sessions.is_empty() {
            return ruling;
        }
        if let Some(session) = session
            && self.note_traces(session, call.tool, doc, memory).is_err()
        {
            return Ruling::refused(Reason::InternalError);
        }
        self.within_calls(ruling, session)
    }

    /// The bound on the calls of a session, for one that would run.
    fn within_calls<'p>(&'p self, ruling: Ruling<'p>, session: Option<&Session>) -> Ruling<'p> {
        let Some((most, span)) = self.sessions.max_calls else { return ruling };
        let runs = matches!(
            ruling.decision,
            Decision::Allow { .. } | Decision::Refuse { reason: Reason::ApprovalRequired, .. }
        );
        if !runs || session.is_some_and(|session| session.calls() < most) {
            return ruling;
        }
        let rule = RuleRef { id: "session.max_calls", span: Some(span), layer: self.layer };
        let decision = refuse(Reason::SessionRule, Some(rule));
        Ruling { decision, at: None, would: None, ttl_ms: None }
    }

    /// The conditions that a policy puts on every caller.
    fn check_identity(&self, who: &Who<'_>) -> Option<Decision<'_>> {
        if let Some(span) = self.require_agent
            && who.agent.is_none()
        {
            let rule = RuleRef { id: "require_agent_id", span, layer: self.layer };
            return Some(refuse(Reason::IdentityRequired, Some(rule)));
        }
        let (allowed, span) = self.allowed_roles?;
        let rule = RuleRef { id: "allowed_roles", span: Some(span), layer: self.layer };
        match who.roles {
            None => Some(refuse(Reason::IdentityRequired, Some(rule))),
            Some(has) if !has.meets(allowed) => Some(refuse(Reason::RoleDenied, Some(rule))),
            Some(_) => None,
        }
    }

    fn hit(&self, hit: Option<Hit>) -> Option<(Hit, &Rule)> {
        let hit = hit?;
        Some((hit, self.rules.get(hit.rule as usize)?))
    }

    pub(super) fn reference(&self, rule: &Rule) -> RuleRef<'_> {
        RuleRef { id: self.pool.get(rule.id), span: rule.span, layer: self.layer }
    }
}

/// What is known of a call besides its name and its caller.
enum Facts<'a, 'm> {
    Nothing,
    Moment,
    All(Evidence<'a, 'm>),
}

/// The arguments of a call, and the calls before it.
struct Evidence<'a, 'm> {
    judge: Judge<'a, 'm>,
    session: Option<&'a Session>,
    /// The digest of what the rule takes that was asked last.
    taken: Option<u64>,
    /// Whether there was room for what the call does to the session.
    noted: Result<(), Full>,
}

/// How far a rule went with a call before it let go of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Named,
    Subject,
    Time,
    Arguments,
    Session,
}

/// What one rule says.
#[derive(Clone, Copy, Debug)]
struct Answer {
    truth: Truth,
    stage: Stage,
    /// The truth is that of the parts which are known so far.
    open: bool,
    at: Option<At>,
}

/// A rule and the argument that made it say so.
#[derive(Clone, Copy, Debug)]
struct Hit {
    rule: u32,
    at: Option<At>,
}

/// What all rules say.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    deny: Option<Hit>,
    ask: Option<Hit>,
    allow: Option<Hit>,
    /// Some rule depends on what is not known yet.
    open: bool,
    /// A rule that helps does.
    may_allow: bool,
    /// How far rules went that do not help.
    stage: Stage,
    /// One of them may be about the caller.
    unknown: bool,
    /// The first of them that has a hint, among those that went furthest.
    hint: Option<Hit>,
    /// The first of them.
    nearest: Option<Hit>,
}

impl Tally {
    fn deny(&mut self, number: u32, answer: Answer) {
        if answer.truth == Truth::False {
            return;
        }
        self.open |= answer.open;
        if !answer.open {
            first(&mut self.deny, Hit { rule: number, at: answer.at });
        }
    }

    fn help(&mut self, number: u32, rule: &Rule, answer: Answer) {
        let hit = Hit { rule: number, at: answer.at };
        if answer.truth == Truth::True && answer.open {
            self.open = true;
            self.may_allow = true;
        } else if answer.truth == Truth::True {
            let slot = if rule.effect == Effect::Ask { &mut self.ask } else { &mut self.allow };
            first(slot, hit);
        } else if answer.stage >= self.stage {
            if answer.stage > self.stage {
                (self.hint, self.nearest, self.unknown) = (None, None, false);
                self.stage = answer.stage;
            }
            self.unknown |= answer.truth == Truth::Unknown;
            first(&mut self.nearest, hit);
            if rule.hint.is_some() {
                first(&mut self.hint, hit);
            }
        }
    }
}

fn first(slot: &mut Option<Hit>, hit: Hit) {
    if slot.is_none_or(|found| hit.rule < found.rule) {
        *slot = Some(hit);
    }
}

const fn refuse<'p>(reason: Reason, rule: Option<RuleRef<'p>>) -> Decision<'p> {
    Decision::Refuse { reason, rule, hint: None }
}
