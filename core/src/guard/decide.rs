//! Before the tool runs: whether the call may be made.
//!
//! Cheap refusals come first; the arguments are read only for a call that its name and its caller may make.
//! Limits come last: what is refused for another reason takes nothing from those of calls that run. A session
//! is the decision's alone from its first question to the reservation.

use alloc::string::String;

use super::arguments::splice;
use super::{Barred, Cleared, Guard, Refusal, Settled, Verdict, Would};
use crate::buf::Full;
use crate::caller::Call;
use crate::catalog::Catalog;
use crate::json;
use crate::policy::{
    Admit, Charges, Decision, Disclose, Early, Exhausted, Explanation, Hold, Memory, Overspent,
    RuleRef, Ruling, Shortage,
};
use crate::reason::Reason;
use crate::report::{self, Notice};
use crate::schema::Schema;
use crate::scratch::Scratch;
use crate::session::{Outcome, Session};

impl Guard {
    /// Decides on a call to one of the guard's own tools. Pure: nothing is charged or remembered.
    pub fn check<'s>(&'s self, call: &Call<'s>, scratch: &'s mut Scratch<'_>) -> Verdict<'s> {
        self.check_in(&self.catalog, call, scratch)
    }

    /// Decides on a call to one of `catalog`'s tools.
    pub fn check_in<'s>(
        &'s self,
        catalog: &Catalog,
        call: &Call<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Verdict<'s> {
        self.settle_in(catalog, call, None, None, scratch).verdict(call.arguments, scratch)
    }

    /// Decides on a call to one of the guard's own tools and charges it: see
    /// [`settle_in`](Self::settle_in).
    pub fn settle(
        &self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&mut Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        self.settle_in(&self.catalog, call, limits, session, scratch)
    }

    /// Decides on a call to one of `catalog`'s tools, and lets `limits` charge it: a call about to run
    /// with the limits of calls, all of which must admit it, a refused one with those of refused calls. A
    /// call that is halted or rate-limited is charged with nothing more. In shadow mode limits are charged
    /// and refuse nothing. Budgets are asked before limits, and get back what a limit then refuses; an allowed
    /// call holds what it took under [`Cleared::hold`]. Without `limits` none is asked.
    ///
    /// An allowed call takes from `session` what its rules say, under [`Cleared::ticket`]; a refused one
    /// takes nothing. Without a session, rules about one allow nothing and deny what they deny in any.
    ///
    /// Limits that are kept far away need not be asked while the session is held: without `limits` nothing
    /// is charged, [`charges`](Self::charges) says what is to be, and [`limited`](Self::limited) makes a
    /// refusal of the answer that too little is left.
    pub fn settle_in(
        &self,
        catalog: &Catalog,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&mut Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let settled = self.decide(catalog, call, limits, session.as_deref(), scratch);
        let settled = reserved(settled, call, session, scratch);
        self.settled(settled, call, limits, scratch)
    }

    /// Decides on a call of a tool that no list declares, where the policy wants such calls to pass: by its
    /// rules and limits alone, for there is nothing to hold the arguments against.
    pub fn settle_unlisted(
        &self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&mut Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let settled = self.decide_unlisted(call, limits, session.as_deref(), scratch);
        let settled = reserved(settled, call, session, scratch);
        self.settled(settled, call, limits, scratch)
    }

    /// What a call that was settled without limits costs: an allowed one as [`Allowed::charges`] has it, a
    /// refused one what the limits of refused calls say. `scratch` is the one that it was settled in.
    ///
    /// # Errors
    /// When lent memory is full.
    ///
    /// [`Allowed::charges`]: super::Allowed::charges
    pub fn charges<'s>(
        &'s self,
        settled: &Settled<'_>,
        call: &Call<'_>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Charges<'s>, Full> {
        let memory = &mut scratch.conditions;
        match settled.reason() {
            None => {}
            Some(Reason::Halted | Reason::RateLimited) => memory.begin(),
            Some(_) => self.policy.charge(call, None, memory)?,
        }
        Ok(self.policy.charges(memory))
    }

    /// What becomes of a call that was settled without limits when their keeper has too little left: it is
    /// refused, and `session` gets back what it reserved, but for labels. In shadow mode it runs, and the
    /// verdict says what would have become of it.
    pub fn limited<'p>(
        &'p self,
        settled: Settled<'p>,
        exhausted: Exhausted,
        call: &Call<'_>,
        session: Option<&mut Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'p> {
        match settled {
            Settled::Allow(cleared) if self.policy.settings().shadow => {
                let would = cleared.would.or(Some(self.would_limit(exhausted)));
                Settled::Allow(Cleared { would, ..cleared })
            }
            Settled::Refuse(_) if self.policy.settings().shadow => settled,
            _ => {
                if let (Settled::Allow(cleared), Some(session)) = (settled, session)
                    && let Some(ticket) = cleared.ticket
                {
                    session.cancel(ticket);
                }
                self.rate_limited(exhausted, call, scratch)
            }
        }
    }

    /// A refusal for a reason that the host has found; it is not charged.
    pub fn refuse(&self, reason: Reason, call: &Call<'_>, scratch: &mut Scratch<'_>) -> Barred<'_> {
        scratch.report.clear();
        self.barred(&Notice::of(reason, call.tool), None, scratch)
    }

    /// What stands in place of the answer that a tool does not exist: a limit of refused calls that is
    /// used up.
    pub(crate) fn refuse_unknown<'s>(
        &'s self,
        call: &Call<'_>,
        limits: &dyn Admit,
        scratch: &'s mut Scratch<'_>,
    ) -> Option<Refusal<'s>> {
        scratch.report.clear();
        let settled = self.refused(Reason::UnknownTool, call, scratch);
        match self.settled(settled, call, Some(limits), scratch) {
            Settled::Refuse(barred) if barred.reason == Reason::RateLimited => {
                Some(barred.refusal(scratch))
            }
            _ => None,
        }
    }

    fn decide(
        &self,
        catalog: &Catalog,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        scratch.report.clear();
        scratch.conditions.begin();
        if self.kill_switch.is_on() {
            return self.refused(Reason::Halted, call, scratch);
        }
        let early = (!self.policy.allows_all()).then(|| self.policy.early(call));
        if let Some(Early::Settled(ruling)) = &early
            && let Some(refused) = self.enforced(ruling)
        {
            return self.refuse_by_rule(refused, ruling, call, scratch);
        }
        let schema = match catalog.get(call.tool) {
            None => return self.refused(Reason::UnknownTool, call, scratch),
            Some(None) => return self.refused(catalog.barred(call.tool), call, scratch),
            Some(Some(schema)) => schema,
        };
        let (bounds, tape) = (self.budget.arguments, &mut scratch.tape);
        if let Err(error) = json::parse_named(call.arguments, bounds, tape, schema.names()) {
            scratch.report.parse_error(call.arguments, error);
            return self.refused(Reason::MalformedArguments, call, scratch);
        }
        let source = match self.validate(schema, call.arguments, scratch) {
            Ok(()) => Source::Call,
            Err(Reason::ValidationFailed | Reason::MalformedArguments)
                if self.mend(schema, call, scratch) =>
            {
                Source::Mended
            }
            Err(reason) => return self.refused(reason, call, scratch),
        };
        let judged = (Some(schema), source);
        self.conclude(early, judged, call, limits, session, scratch)
    }

    /// [`decide`](Self::decide) for a tool without a schema.
    fn decide_unlisted(
        &self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        scratch.report.clear();
        scratch.conditions.begin();
        scratch.cuts.clear();
        if self.kill_switch.is_on() {
            return self.refused(Reason::Halted, call, scratch);
        }
        let early = (!self.policy.allows_all()).then(|| self.policy.early(call));
        if let Some(Early::Settled(ruling)) = &early
            && let Some(refused) = self.enforced(ruling)
        {
            return self.refuse_by_rule(refused, ruling, call, scratch);
        }
        let Scratch { tape, report, .. } = &mut *scratch;
        if let Err(error) = json::parse(call.arguments, self.budget.arguments, tape) {
            report.parse_error(call.arguments, error);
            return self.refused(Reason::MalformedArguments, call, scratch);
        }
        self.conclude(early, (None, Source::Call), call, limits, session, scratch)
    }

    /// What is left to ask when the arguments are in order: the rules about them, and the limits. `early` is
    /// none for a policy that allows everything.
    fn conclude<'p>(
        &'p self,
        early: Option<Early<'p, '_>>,
        (schema, source): (Option<&Schema>, Source),
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&Session>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'p> {
        let Some(early) = early else {
            return self.allow(call, source, None, None, scratch);
        };
        let Scratch { tape, mended, conditions, report, .. } = &mut *scratch;
        let bytes = if source == Source::Mended { mended } else { call.arguments };
        let doc = json::Document::new(bytes, &tape.nodes);
        let ruling = match early {
            Early::Settled(ruling) => {
                let ruling = self.policy.follow(ruling, call, doc, session, conditions);
                if let Some(refused) = self.enforced(&ruling) {
                    return self.refuse_by_rule(refused, &ruling, call, scratch);
                }
                ruling
            }
            Early::Open(open) => {
                let ruling = self.policy.judge(call, &open, doc, schema, session, conditions);
                if let Some(refused) = self.enforced(&ruling) {
                    self.report_argument(&ruling, doc, report);
                    return self.refuse_by_rule(refused, &ruling, call, scratch);
                }
                ruling
            }
        };
        let mut would = self.would(&ruling);
        if self.policy.charge(call, Some(doc), conditions).is_err() {
            return self.refused(Reason::InternalError, call, scratch);
        }
        let Ok(added) = self.policy.add_up(call, doc, conditions) else {
            return self.refused(Reason::InternalError, call, scratch);
        };
        let hold = if self.policy.settings().shadow {
            let (hold, lacks) = self.take_what_is_there(added, limits, conditions);
            would = would.or(lacks);
            hold
        } else {
            match added.map_err(Shortage::Budget).and_then(|()| self.take(limits, conditions)) {
                Ok(hold) => hold,
                Err(Shortage::Budget(overspent)) => {
                    return self.overspent(overspent, call, scratch);
                }
                Err(Shortage::Limit(exhausted)) => {
                    return self.rate_limited(exhausted, call, scratch);
                }
            }
        };
        let settled = self.allow(call, source, ruling.decision.allowing(), would, scratch);
        match (settled, limits.zip(hold)) {
            (Settled::Allow(cleared), _) => Settled::Allow(Cleared { hold, ..cleared }),
            (settled, Some((limits, hold))) => {
                limits.settle(hold, Outcome::Failed);
                settled
            }
            (settled, None) => settled,
        }
    }

    /// Takes from budgets and limits what the call takes. Without a keeper there is nothing to take from.
    fn take(
        &self,
        limits: Option<&dyn Admit>,
        memory: &Memory<'_>,
    ) -> Result<Option<Hold>, Shortage> {
        let (sums, charges) = (self.policy.sums(memory), self.policy.charges(memory));
        limits.map_or(Ok(None), |limits| limits.take(sums, charges))
    }

    /// The same in shadow mode, where a budget that lacks something keeps no limit from being charged; what
    /// would have become of the call.
    fn take_what_is_there(
        &self,
        added: Result<(), Overspent>,
        limits: Option<&dyn Admit>,
        memory: &Memory<'_>,
    ) -> (Option<Hold>, Option<Would<'_>>) {
        let sums = self.policy.sums(memory);
        let held = added.and_then(|()| limits.map_or(Ok(None), |limits| limits.reserve(sums)));
        let exhausted = self.exhausted(limits, memory).map(|exhausted| self.would_limit(exhausted));
        match held {
            Ok(hold) => (hold, exhausted),
            Err(overspent) => (None, Some(self.would_budget(overspent))),
        }
    }

    /// Charges a refusal. A limit of refused calls that is used up stands in place of their reason.
    fn settled<'p>(
        &'p self,
        settled: Settled<'p>,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'p> {
        let charged =
            !matches!(settled.reason(), None | Some(Reason::Halted | Reason::RateLimited));
        if !charged || limits.is_none() || self.policy.allows_all() {
            return settled;
        }
        let memory = &mut scratch.conditions;
        if self.policy.charge(call, None, memory).is_err() {
            return self.refused(Reason::InternalError, call, scratch);
        }
        match self.exhausted(limits, memory) {
            Some(exhausted) if !self.policy.settings().shadow => {
                self.rate_limited(exhausted, call, scratch)
            }
            _ => settled,
        }
    }

    /// Takes what was charged last; what lacks for it.
    fn exhausted(&self, limits: Option<&dyn Admit>, memory: &Memory<'_>) -> Option<Exhausted> {
        limits?.admit(self.policy.charges(memory)).err()
    }

    fn would_budget(&self, overspent: Overspent) -> Would<'_> {
        let rule = self.policy.budget(overspent.budget).map(|budget| budget.name);
        Would { reason: Some(Reason::BudgetExceeded), rule }
    }

    fn overspent(
        &self,
        overspent: Overspent,
        call: &Call<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let rule = self.policy.budget(overspent.budget).map(|budget| budget.name);
        self.used_up(Notice::of(Reason::BudgetExceeded, call.tool), rule, scratch)
    }

    fn would_limit(&self, exhausted: Exhausted) -> Would<'_> {
        let rule = self.policy.limit(exhausted.limit).map(|limit| limit.id);
        Would { reason: Some(Reason::RateLimited), rule }
    }

    fn rate_limited(
        &self,
        exhausted: Exhausted,
        call: &Call<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let rule = self.policy.limit(exhausted.limit).map(|limit| limit.id);
        let Exhausted { retry_after_ms, .. } = exhausted;
        let notice = Notice { retry_after_ms, ..Notice::of(Reason::RateLimited, call.tool) };
        self.used_up(notice, rule, scratch)
    }

    /// Refuses a call for which a budget or a limit, `rule`, has nothing left.
    fn used_up<'g>(
        &'g self,
        notice: Notice<'_>,
        rule: Option<&'g str>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'g> {
        scratch.report.clear();
        let disclosed = rule.filter(|_| self.policy.settings().disclose == Disclose::Full);
        let notice = Notice { rule: disclosed, ..notice };
        Settled::Refuse(self.barred(&notice, rule, scratch))
    }

    /// Decides like [`check_in`](Self::check_in) and says which rules were looked at and what each of them
    /// said; `limits` charge it and `session` remembers it, see [`settle_in`](Self::settle_in). For people:
    /// it takes longer than a check and allocates.
    pub fn explain<'g>(
        &'g self,
        catalog: &Catalog,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        session: Option<&mut Session>,
        scratch: &mut Scratch<'_>,
    ) -> Explanation<'g> {
        // Rules saw the session as it was before the call.
        let before = session.as_deref().cloned();
        let before = before.as_ref();
        let settled = self.settle_in(catalog, call, limits, session, scratch);
        let (ticket, hold) = match settled {
            Settled::Allow(cleared) => (cleared.ticket, cleared.hold),
            Settled::Refuse(_) => (None, None),
        };
        let (reason, rule, at, stripped, arguments) = match settled.verdict(call.arguments, scratch)
        {
            Verdict::Allow(allowed) => {
                let stripped = allowed.stripped().map(Into::into).collect();
                (None, None, None, stripped, allowed.arguments().to_vec())
            }
            Verdict::Refuse(refusal) => {
                let at = refusal.violations().next().map(|violation| violation.path.into());
                let stripped = refusal.stripped().map(Into::into).collect();
                let rule = refusal.rule().map(String::from);
                (Some(refusal.cause()), rule, at, stripped, call.arguments.to_vec())
            }
        };
        // What conditions see: the arguments without ghosts, also those of a call that is not valid.
        let schema = catalog.get(call.tool).flatten();
        let read = schema.and_then(|schema| {
            let (limits, tape) = (self.budget.arguments, &mut scratch.tape);
            json::parse_named(&arguments, limits, tape, schema.names()).ok()?;
            let _ = self.validate(schema, &arguments, scratch);
            Some(schema)
        });
        let Scratch { tape, conditions, .. } = scratch;
        let read = read.map(|schema| (json::Document::new(&arguments, &tape.nodes), schema));
        let mut rules = self.policy.trace(call, read, before, conditions);
        let limited = rule.as_deref().filter(|_| reason == Some(Reason::RateLimited));
        let limit = limited.and_then(|id| self.policy.limits().find(|limit| limit.id == id));
        let ruled = self.policy.ruled(call, read, before, conditions);
        let budget = self.policy.budgets().find(|budget| {
            reason == Some(Reason::BudgetExceeded) && rule.as_deref() == Some(budget.name)
        });
        let budgets = self.policy.trace_budgets(call, read.map(|(doc, _)| doc));
        let decides = |found: &RuleRef<'_>| {
            let counted = limit.is_some() || budget.is_some();
            reason.is_none() || rule.as_deref() == Some(found.id) && !counted
        };
        let rule = ruled.filter(decides);
        for trace in &mut rules {
            trace.decides = Some(trace.rule) == rule;
        }
        Explanation { reason, rule, limit, budget, budgets, at, stripped, rules, ticket, hold }
    }

    /// The refusal in `ruling`, unless the policy only watches.
    fn enforced<'p>(&self, ruling: &Ruling<'p>) -> Option<Objection<'p>> {
        match ruling.decision {
            Decision::Refuse { reason, rule, hint } if !self.policy.settings().shadow => {
                Some(Objection { reason, rule, hint })
            }
            _ => None,
        }
    }

    /// What `ruling` would be if everything in shadow mode were in force.
    fn would<'p>(&self, ruling: &Ruling<'p>) -> Option<Would<'p>> {
        let watched = self.policy.settings().shadow && !ruling.decision.is_allow();
        ruling.would.or_else(|| watched.then_some(ruling.decision)).map(Would::from)
    }

    /// Decides by name and caller alone, as [`check`](Self::check) does first; none when the call may
    /// go on.
    pub fn check_name<'s>(
        &'s self,
        call: &Call<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Option<Refusal<'s>> {
        self.settle_name(call, None, scratch)
    }

    /// [`check_name`](Self::check_name), where a refusal is charged.
    pub(crate) fn settle_name<'s>(
        &'s self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &'s mut Scratch<'_>,
    ) -> Option<Refusal<'s>> {
        scratch.report.clear();
        let settled = if self.kill_switch.is_on() {
            self.refused(Reason::Halted, call, scratch)
        } else {
            match self.policy.early(call) {
                Early::Open(_) => return None,
                Early::Settled(ruling) => {
                    let refused = self.enforced(&ruling)?;
                    self.refuse_by_rule(refused, &ruling, call, scratch)
                }
            }
        };
        match self.settled(settled, call, limits, scratch) {
            Settled::Allow(_) => None,
            Settled::Refuse(barred) => Some(barred.refusal(scratch)),
        }
    }

    /// A refusal by the policy, which says how much of its rules the model may know.
    fn refuse_by_rule<'p>(
        &'p self,
        refused: Objection<'p>,
        ruling: &Ruling<'p>,
        call: &Call<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'p> {
        let Objection { reason, rule, hint } = refused;
        let rule = rule.map(|rule| rule.id);
        let notice = Notice { hint, ..Notice::of(reason, call.tool) };
        let (notice, hint) = match self.policy.settings().disclose {
            Disclose::Full => (Notice { rule, ..notice }, hint),
            Disclose::Code => (notice, hint),
            Disclose::Opaque => (Notice::of(Reason::ToolNotAllowed, call.tool), None),
        };
        let barred = self.barred(&notice, rule, scratch);
        let (would, approval_ms) = (self.would(ruling), ruling.ttl_ms);
        Settled::Refuse(Barred { cause: reason, hint, would, approval_ms, ..barred })
    }

    fn refused(&self, reason: Reason, call: &Call<'_>, scratch: &mut Scratch<'_>) -> Settled<'_> {
        Settled::Refuse(self.barred(&Notice::of(reason, call.tool), None, scratch))
    }

    /// Writes a refusal into the scratch; `rule` is for the operator.
    pub(super) fn barred<'p>(
        &'p self,
        notice: &Notice<'_>,
        rule: Option<&'p str>,
        scratch: &mut Scratch<'_>,
    ) -> Barred<'p> {
        let Scratch { report, out, .. } = scratch;
        report::write_refusal(report, notice, out);
        let &Notice { reason, retry_after_ms, .. } = notice;
        let (hint, would, approval_ms) = (None, None, None);
        Barred { reason, cause: reason, rule, hint, would, approval_ms, retry_after_ms }
    }

    fn allow<'p>(
        &'p self,
        call: &Call<'_>,
        source: Source,
        rule: Option<&'p str>,
        would: Option<Would<'p>>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'p> {
        let Scratch { out, mended, cuts, .. } = &mut *scratch;
        let bytes = if source == Source::Mended { mended } else { call.arguments };
        let cut = !cuts.is_empty();
        if cut && splice(bytes, cuts, out).is_err() {
            return self.refused(Reason::InternalError, call, scratch);
        }
        let (policy, ticket, hold) = (&self.policy, None, None);
        Settled::Allow(Cleared { policy, source, cut, rule, would, ticket, hold })
    }
}

/// Takes from the session what an allowed call takes.
fn reserved<'p>(
    settled: Settled<'p>,
    call: &Call<'_>,
    session: Option<&mut Session>,
    scratch: &Scratch<'_>,
) -> Settled<'p> {
    match (settled, session) {
        (Settled::Allow(cleared), Some(session)) => {
            let ticket = Some(session.reserve(&scratch.conditions.effects, call.now));
            Settled::Allow(Cleared { ticket, ..cleared })
        }
        (settled, _) => settled,
    }
}

/// Which bytes were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Call,
    Mended,
}

/// What a decision that refuses says.
#[derive(Clone, Copy)]
struct Objection<'p> {
    reason: Reason,
    rule: Option<RuleRef<'p>>,
    hint: Option<&'p str>,
}
