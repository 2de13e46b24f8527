//! The public face: compile once, then check calls and filter outputs.
//!
//! The only module that knows the order of things. Cheap refusals come first; the arguments are read
//! only for a call that its name and its caller may make. Limits come last: what is refused for another
//! reason takes nothing from those of calls that run.

mod settled;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::buf::{Buf, Full};
use crate::caller::Call;
use crate::catalog::{Catalog, CatalogBuilder, Declared, Origin, Structure, ToolDefinition};
use crate::filter::{self, Filter, Place};
use crate::json::{self, Kind, Limits};
use crate::masking::Masking;
use crate::mend::Mending;
use crate::policy::{
    Admit, Charges, Decision, Disclose, Early, Exhausted, Explanation, Ghosts, KillSwitch,
    NearMiss, Policy, PolicyError, RuleRef, Ruling, Settings,
};
use crate::reason::Reason;
use crate::redact::{Counts, KeyedHash, Masks, Pseudonyms, Redactor, Style};
use crate::report::{self, MAX_VIOLATIONS, Notice, Refused, Reporter};
use crate::schema::{
    self, Collect, CompileError, Cut, DEFAULT_STEPS, Documents, Memory, Outcome, Schema,
};
use crate::scratch::Scratch;
use crate::truncate::CountTokens;

pub use crate::report::{Fix, Violation};
pub use settled::{Barred, Cleared, Settled};

/// More ghosts than this in one call are not stripped but refused.
const MAX_GHOSTS: usize = 1024;
/// Steps that looking into unions for a report may take.
const REPORT_STEPS: u32 = 1 << 17;

/// Bounds on the work for one call or one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Size and depth of the arguments of a call.
    pub arguments: Limits,
    /// Size and depth of an output.
    pub output: Limits,
    /// Steps of a validation: one for each visited pair of subschema and value, and for each compared
    /// item.
    pub steps: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { arguments: Limits::ARGUMENTS, output: Limits::OUTPUT, steps: DEFAULT_STEPS }
    }
}

/// Policy and detectors, compiled once: immutable, shared by every thread.
pub struct Guard {
    policy: Policy,
    masking: Masking,
    counter: Option<Arc<dyn CountTokens + Send + Sync>>,
    catalog: Catalog,
    documents: Documents,
    budget: Budget,
    kill_switch: KillSwitch,
}

/// Builds a [`Guard`].
pub struct GuardBuilder {
    policy: Option<Policy>,
    masking: Masking,
    hash: Option<Arc<dyn KeyedHash + Send + Sync>>,
    counter: Option<Arc<dyn CountTokens + Send + Sync>>,
    catalog: CatalogBuilder,
    documents: Documents,
    budget: Budget,
    kill_switch: KillSwitch,
}

/// The answer to a call. It has two arms for ever: a host that knows two arms is safe.
#[derive(Debug)]
pub enum Verdict<'s> {
    /// The call may run, with these arguments.
    Allow(Allowed<'s>),
    /// The call must not run.
    Refuse(Refusal<'s>),
}

/// An allowed call.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'s> {
    arguments: &'s [u8],
    report: &'s report::Report<'s>,
    changed: bool,
    rule: Option<&'s str>,
    policy: &'s Policy,
    memory: &'s crate::policy::Memory<'s>,
    would: Option<Would<'s>>,
}

/// What would have become of a call if rules in shadow mode were in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Would<'s> {
    /// Why the call would have been refused; none when it would have been allowed.
    pub reason: Option<Reason>,
    /// The rule that would have decided; none for the default.
    pub rule: Option<&'s str>,
}

impl<'s> From<Decision<'s>> for Would<'s> {
    fn from(decision: Decision<'s>) -> Self {
        match decision {
            Decision::Allow { rule } => Self { reason: None, rule: rule.map(|rule| rule.id) },
            Decision::Refuse { reason, rule, .. } => {
                Self { reason: Some(reason), rule: rule.map(|rule| rule.id) }
            }
        }
    }
}

impl<'s> Allowed<'s> {
    /// The exact bytes to pass on: the input itself when nothing was stripped or repaired.
    #[must_use]
    pub const fn arguments(&self) -> &'s [u8] {
        self.arguments
    }

    /// Whether something was stripped or repaired.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// The rule that allowed it; none for the default.
    #[must_use]
    pub const fn rule(&self) -> Option<&'s str> {
        self.rule
    }

    /// What the call costs: the limits that name its tool, all of which it must satisfy.
    pub fn charges(&self) -> Charges<'s> {
        self.policy.charges(self.memory)
    }

    /// What would have become of the call if rules in shadow mode were in force, when it would have
    /// been something else.
    #[must_use]
    pub const fn would(&self) -> Option<Would<'s>> {
        self.would
    }

    /// Pointers of the members that were stripped, in document order.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        self.report.stripped()
    }

    /// Pointers of the strings that were replaced by the JSON in them, in document order: only where the
    /// policy says `repair = ["json-string"]`.
    pub fn repaired(&self) -> impl Iterator<Item = &'s str> {
        self.report.repaired()
    }

    /// Near misses among the stripped: the pointer, and the declared name that was probably meant.
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.report.suggestions()
    }
}

/// A refused call.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'s> {
    json: &'s [u8],
    reason: Reason,
    cause: Reason,
    rule: Option<&'s str>,
    hint: Option<&'s str>,
    report: &'s report::Report<'s>,
    would: Option<Would<'s>>,
    approval_ms: Option<u64>,
    retry_after_ms: Option<u64>,
}

impl<'s> Refusal<'s> {
    /// The refusal for the model: one JSON object of at most 2,048 bytes.
    #[must_use]
    pub const fn json(&self) -> &'s [u8] {
        self.json
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Why, for the operator: the [`reason`](Self::reason) unless the policy hides it from the model.
    #[must_use]
    pub const fn cause(&self) -> Reason {
        self.cause
    }

    /// The rule that decided; for the operator, not for the model.
    #[must_use]
    pub const fn rule(&self) -> Option<&'s str> {
        self.rule
    }

    /// A hint that belongs to no violation.
    #[must_use]
    pub const fn hint(&self) -> Option<&'s str> {
        self.hint
    }

    /// What would have become of the call if rules in shadow mode were in force, when it would have
    /// been something else.
    #[must_use]
    pub const fn would(&self) -> Option<Would<'s>> {
        self.would
    }

    /// For how many milliseconds an approval of this call holds, where the policy says so; for
    /// [`Reason::ApprovalRequired`].
    #[must_use]
    pub const fn approval_ms(&self) -> Option<u64> {
        self.approval_ms
    }

    /// After how many milliseconds the call may be made again; for [`Reason::RateLimited`].
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// How many violations there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.report.count()
    }

    /// The violations, in document order.
    pub fn violations(&self) -> impl Iterator<Item = Violation<'s>> {
        self.report.violations()
    }

    /// Pointers of members that stripping would have removed.
    pub fn stripped(&self) -> impl Iterator<Item = &'s str> {
        self.report.stripped()
    }

    /// Near misses: the pointer, and the declared name or enum member that was probably meant.
    pub fn suggestions(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.report.suggestions()
    }
}

/// The output of a tool.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Plain text.
    Text(&'a [u8]),
    /// A JSON document.
    Json(&'a [u8]),
}

/// An output that may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Filtered<'s> {
    /// The bytes to show: the input itself when nothing was masked or cut.
    pub bytes: &'s [u8],
    /// Whether something was cut off.
    pub truncated: bool,
    /// How many values were masked.
    pub masked: usize,
    /// How many of each type.
    pub counts: &'s Counts,
}

impl Guard {
    /// Starts a guard; without a policy it has the preset `permissive`.
    #[must_use]
    pub fn builder() -> GuardBuilder {
        GuardBuilder {
            policy: None,
            masking: Masking::default(),
            hash: None,
            counter: None,
            catalog: Catalog::builder(Origin::Trusted),
            documents: Documents::new(),
            budget: Budget::default(),
            kill_switch: KillSwitch::new(),
        }
    }

    /// Memory for one thread.
    #[must_use]
    pub fn scratch(&self) -> Scratch<'static> {
        Scratch::new()
    }

    /// The policy that the guard was built with.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether the guard has a tool called `name`, its schema compiled or not.
    #[must_use]
    pub fn has_tool(&self, name: &str) -> bool {
        self.catalog.contains(name)
    }

    /// The bounds on the work for one call or one output.
    #[must_use]
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The names that the schema of the guard's own tool called `name` declares.
    #[must_use]
    pub fn declared(&self, name: &str) -> Option<Declared<'_>> {
        self.catalog.declared(name)
    }

    /// The documents that schemas may refer to.
    pub(crate) const fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Tells whether the rules of the policy fit the tools of `catalog`.
    ///
    /// # Errors
    /// When a rule for named tools has a condition on an argument that none of them declares.
    pub fn review(&self, catalog: &Catalog) -> Result<(), PolicyError> {
        self.policy.review(catalog)
    }

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
        self.settle_in(catalog, call, None, scratch).verdict(call.arguments, scratch)
    }

    /// Decides on a call to one of the guard's own tools and charges it: see
    /// [`settle_in`](Self::settle_in).
    pub fn settle(
        &self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        self.settle_in(&self.catalog, call, limits, scratch)
    }

    /// Decides on a call to one of `catalog`'s tools, and lets `limits` charge it: a call about to run
    /// with the limits of calls, all of which must admit it, a refused one with those of refused calls. A
    /// call that is halted or rate-limited is charged with nothing more. In shadow mode limits are charged
    /// and refuse nothing.
    pub fn settle_in(
        &self,
        catalog: &Catalog,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let settled = self.decide(catalog, call, limits, scratch);
        self.settled(settled, call, limits, scratch)
    }

    /// Decides on a call of a tool that no list declares, where the policy wants such calls to pass: by its
    /// rules and limits alone, for there is nothing to hold the arguments against.
    pub fn settle_unlisted(
        &self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        let settled = self.decide_unlisted(call, limits, scratch);
        self.settled(settled, call, limits, scratch)
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
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        scratch.report.clear();
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
            Some(None) => return self.refused(Reason::ToolUnsupported, call, scratch),
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
                if self.mend(schema, call.arguments, scratch) =>
            {
                Source::Mended
            }
            Err(reason) => return self.refused(reason, call, scratch),
        };
        self.conclude(early, Some(schema), source, call, limits, scratch)
    }

    /// [`decide`](Self::decide) for a tool without a schema.
    fn decide_unlisted(
        &self,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'_> {
        scratch.report.clear();
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
        self.conclude(early, None, Source::Call, call, limits, scratch)
    }

    /// What is left to ask when the arguments are in order: the rules about them, and the limits. `early` is
    /// none for a policy that allows everything.
    fn conclude<'p>(
        &'p self,
        early: Option<Early<'p, '_>>,
        schema: Option<&Schema>,
        source: Source,
        call: &Call<'_>,
        limits: Option<&dyn Admit>,
        scratch: &mut Scratch<'_>,
    ) -> Settled<'p> {
        let Some(early) = early else {
            return self.allow(call, source, None, None, scratch);
        };
        let Scratch { tape, mended, conditions, report, .. } = &mut *scratch;
        let bytes = if source == Source::Mended { mended } else { call.arguments };
        let doc = json::Document::new(bytes, &tape.nodes);
        let ruling = match early {
            Early::Settled(ruling) => ruling,
            Early::Open(open) => {
                let ruling = self.policy.judge(call, &open, doc, schema, conditions);
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
        if let Some(exhausted) = self.exhausted(limits, conditions) {
            if !self.policy.settings().shadow {
                return self.rate_limited(exhausted, call, scratch);
            }
            would = would.or(Some(self.would_limit(exhausted)));
        }
        self.allow(call, source, ruling.decision.allowing(), would, scratch)
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
    fn exhausted(
        &self,
        limits: Option<&dyn Admit>,
        memory: &crate::policy::Memory<'_>,
    ) -> Option<Exhausted> {
        limits?.admit(self.policy.charges(memory)).err()
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
        scratch.report.clear();
        let rule = self.policy.limit(exhausted.limit).map(|limit| limit.id);
        let disclosed = rule.filter(|_| self.policy.settings().disclose == Disclose::Full);
        let Exhausted { retry_after_ms, .. } = exhausted;
        let reason = Reason::RateLimited;
        let notice =
            Notice { reason, tool: call.tool, hint: None, rule: disclosed, retry_after_ms };
        Settled::Refuse(self.barred(&notice, rule, scratch))
    }

    /// Decides like [`check_in`](Self::check_in) and says which rules were looked at and what each of them
    /// said. For people: it takes longer than a check and allocates.
    pub fn explain<'g>(
        &'g self,
        catalog: &Catalog,
        call: &Call<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Explanation<'g> {
        let (reason, rule, at, stripped, arguments) = match self.check_in(catalog, call, scratch) {
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
        let mut rules = self.policy.trace(call, read, conditions);
        let ruled = self.policy.ruled(call, read, conditions);
        let rule = ruled.filter(|found| reason.is_none() || rule.as_deref() == Some(found.id));
        for trace in &mut rules {
            trace.decides = Some(trace.rule) == rule;
        }
        Explanation { reason, rule, at, stripped, rules }
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

    /// Says which argument the policy holds against a call.
    fn report_argument(
        &self,
        ruling: &Ruling<'_>,
        doc: json::Document<'_>,
        report: &mut report::Report<'_>,
    ) {
        if self.policy.settings().disclose == Disclose::Opaque {
            return;
        }
        if let Some(at) = ruling.at {
            report.argument(doc, at.node, self.policy.missing_name(at), self.policy.advice(at));
        }
    }

    /// Replaces strings by the JSON in them, when the policy says so and that makes the refused call
    /// valid; else the report is as it was.
    fn mend(&self, schema: &Schema, bytes: &[u8], scratch: &mut Scratch<'_>) -> bool {
        if !self.policy.settings().repair.json_string {
            return false;
        }
        let Scratch { tape, inner, faults, mended, report, .. } = scratch;
        report.clear();
        let doc = json::Document::new(bytes, &tape.nodes);
        let mending = Mending { inner, out: mended, report };
        let limits = self.budget.arguments;
        if mending.mend(schema, doc, faults) {
            let mended = core::mem::take(&mut scratch.mended);
            let read = json::parse_named(&mended, limits, &mut scratch.tape, schema.names());
            let valid = read.is_ok() && self.validate(schema, &mended, scratch).is_ok();
            scratch.mended = mended;
            if valid {
                return true;
            }
        }
        // What was wrong is told of the call as it came.
        scratch.report.clear();
        if json::parse_named(bytes, limits, &mut scratch.tape, schema.names()).is_ok() {
            let _ = self.validate(schema, bytes, scratch);
        }
        false
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

    /// Cuts ghosts and validates the rest; what is wrong is in the report.
    fn validate(
        &self,
        schema: &Schema,
        bytes: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> Result<(), Reason> {
        let Scratch { tape, inner, cuts, marks, text, .. } = &mut *scratch;
        let json::Tape { nodes, order } = tape;
        cuts.clear();
        let doc = json::Document::new(bytes, nodes);
        let memory = Memory { order, marks, text, inner };
        if doc.root().kind() == Kind::Object
            && schema::accepts(schema, doc, self.budget.steps, memory)
        {
            return Ok(());
        }
        self.strip_and_validate(schema, bytes, scratch)
    }

    /// [`validate`](Self::validate) for a call that has ghosts, or faults, or a schema that does not let
    /// both be seen in one pass.
    #[inline(never)]
    fn strip_and_validate(
        &self,
        schema: &Schema,
        bytes: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> Result<(), Reason> {
        let Scratch { tape, inner, cuts, faults, branch, marks, text, report, .. } = scratch;
        let json::Tape { nodes, order } = tape;
        let Settings { ghosts, near_miss, .. } = *self.policy.settings();
        if ghosts != Ghosts::Allow {
            schema::cut(schema, bytes, nodes, cuts).map_err(|_| Reason::TooComplex)?;
            if cuts.len() > MAX_GHOSTS {
                return Err(Reason::TooComplex);
            }
        }
        let doc = json::Document::new(bytes, nodes);
        // One pass that gathers every fault: there is none in a valid call, so it costs no more than a
        // pass for the verdict alone.
        faults.clear();
        let mut collect = Collect { faults, most: MAX_VIOLATIONS };
        let memory = Memory { order, marks, text, inner };
        let steps = self.budget.steps;
        let mut outcome = schema::validate(schema, doc, steps, memory, Some(&mut collect));
        if outcome == Outcome::TooComplex {
            // The first fault alone may be within the budget.
            let memory = Memory { order, marks, text, inner };
            outcome = schema::validate(schema, doc, steps, memory, None);
        }
        if outcome == Outcome::TooComplex {
            return Err(Reason::TooComplex);
        }
        let object = doc.root().kind() == Kind::Object;
        if outcome == Outcome::Valid && cuts.is_empty() && object {
            return Ok(());
        }

        let refused = match (ghosts, near_miss) {
            (Ghosts::Reject, _) => Refused::All,
            (_, NearMiss::Refuse) => Refused::NearMisses,
            (_, NearMiss::Strip) => Refused::None,
        };
        let memory = Memory { order, marks, text, inner };
        let steps = steps.min(REPORT_STEPS);
        let mut reporter = Reporter { report, doc, schema, cuts, refused, memory, branch, steps };
        // What is not known to be no near miss must not be stripped as if it were none.
        if !reporter.find_meant() && near_miss == NearMiss::Refuse {
            return Err(Reason::TooComplex);
        }
        let invalid = outcome == Outcome::Invalid;
        reporter.tell(if object && invalid { faults } else { &mut [] });
        if !object {
            reporter.not_an_object();
            return Err(Reason::MalformedArguments);
        }
        if invalid {
            return Err(Reason::ValidationFailed);
        }
        if report.count() > 0 { Err(Reason::GhostArguments) } else { Ok(()) }
    }

    /// Masks, then truncates the output of `tool`. Text that is a JSON object or array is treated as
    /// JSON, so that it stays JSON; JSON that our reader refuses is treated as text.
    ///
    /// # Errors
    /// When the output cannot be made safe; then nothing of it may be shown.
    pub fn filter<'s>(
        &'s self,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        scratch.work.names.clear();
        scratch.work.counts.clear();
        self.filter_on(tool, output, scratch)
    }

    /// [`filter`](Self::filter) where a value that has a number in `names` keeps it: for the outputs of
    /// one session.
    ///
    /// # Errors
    /// When the output cannot be made safe; then nothing of it may be shown.
    pub fn filter_in<'s>(
        &'s self,
        names: &mut Pseudonyms<'static>,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'static>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        scratch.work.counts.clear();
        core::mem::swap(names, &mut scratch.work.names);
        let filtered = self.filter_place(tool, output, scratch);
        core::mem::swap(names, &mut scratch.work.names);
        self.shown(filtered, tool, output, scratch)
    }

    /// [`filter`](Self::filter) with the numbers that `scratch` has, and on top of what it has counted.
    pub(crate) fn filter_on<'s>(
        &'s self,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        let filtered = self.filter_place(tool, output, scratch);
        self.shown(filtered, tool, output, scratch)
    }

    /// A JSON output of `tool`, its masks in the shape of what they stand for; none when it cannot be
    /// shown whole.
    pub(crate) fn filter_shaped<'s>(
        &'s self,
        tool: &'s str,
        output: &'s [u8],
        scratch: &'s mut Scratch<'_>,
    ) -> Option<&'s [u8]> {
        let output = Output::Json(output);
        let filter = self.filter_of(tool)?;
        let redactor = filter.redactor.with_masks(Masks::of(Style::Shape));
        let filtered = Filter { redactor, ..filter }.run(output, scratch).ok()?;
        let whole = !filtered.truncated;
        self.shown(Some(filtered), tool, output, scratch).ok().filter(|_| whole).map(|f| f.bytes)
    }

    /// What masks the outputs of `tool`, for outputs that come in pieces: a
    /// [`Stream`](crate::redact::Stream) masks, and does not cut.
    #[must_use]
    pub fn redactor(&self, tool: &str) -> Option<Redactor<'_>> {
        self.masking.redactor(&self.policy.output(tool))
    }

    fn filter_of(&self, tool: &str) -> Option<Filter<'_>> {
        let rules = self.policy.output(tool);
        self.masking.redactor(&rules).map(|redactor| Filter {
            redactor,
            limit: rules.limit(self.counter.as_deref()),
            bounds: self.budget.output,
        })
    }

    fn filter_place(
        &self,
        tool: &str,
        output: Output<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Option<filter::Result> {
        self.filter_of(tool)?.run(output, scratch).ok()
    }

    fn shown<'s>(
        &'s self,
        filtered: Option<filter::Result>,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        match filtered {
            Some(filtered) => {
                let Scratch { masked, out, work, .. } = scratch;
                let bytes = match filtered.bytes {
                    Place::Input => match output {
                        Output::Text(bytes) | Output::Json(bytes) => bytes,
                    },
                    Place::Masked => masked,
                    Place::Cut => out,
                };
                let filter::Result { truncated, masked, .. } = filtered;
                Ok(Filtered { bytes, truncated, masked, counts: &work.counts })
            }
            None => Err(self.refuse_output(tool, scratch)),
        }
    }

    /// The refusal of an output of `tool`.
    pub(crate) fn refuse_output<'s>(
        &'s self,
        tool: &'s str,
        scratch: &'s mut Scratch<'_>,
    ) -> Refusal<'s> {
        scratch.report.clear();
        self.barred(&Notice::of(Reason::OutputInvalid, tool), None, scratch).refusal(scratch)
    }

    /// Whether structured output of `tool` satisfies the tool's output schema; true when it has none,
    /// false when it has one that cannot be compiled.
    pub fn accepts_output(
        &self,
        catalog: &Catalog,
        tool: &str,
        output: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> bool {
        let schema = match catalog.structure(tool) {
            Structure::Free => return true,
            Structure::Unknown => return false,
            Structure::Schema(schema) => schema,
        };
        let Scratch { tape, inner, marks, text, .. } = scratch;
        if json::parse_named(output, self.budget.output, tape, schema.names()).is_err() {
            return false;
        }
        let json::Tape { nodes, order } = tape;
        let doc = json::Document::new(output, nodes);
        let memory = Memory { order, marks, text, inner };
        schema::validate(schema, doc, self.budget.steps, memory, None) == Outcome::Valid
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
    fn barred<'p>(
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
        Settled::Allow(Cleared { policy: &self.policy, source, cut, rule, would })
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, masking, counter: _, catalog, documents, budget, kill_switch } = self;
        f.debug_struct("Guard")
            .field("policy", policy)
            .field("masking", masking)
            .field("catalog", catalog)
            .field("documents", documents)
            .field("budget", budget)
            .field("kill_switch", kill_switch)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, masking, hash: _, counter: _, catalog, documents, budget, kill_switch } =
            self;
        f.debug_struct("GuardBuilder")
            .field("policy", policy)
            .field("masking", masking)
            .field("catalog", catalog)
            .field("documents", documents)
            .field("budget", budget)
            .field("kill_switch", kill_switch)
            .finish_non_exhaustive()
    }
}

impl GuardBuilder {
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
        self.catalog.documents(documents.clone());
        self.documents = documents;
        self
    }

    /// Compiles and adds a tool.
    ///
    /// # Errors
    /// When its schema cannot be honoured.
    pub fn tool(mut self, tool: ToolDefinition<'_>) -> Result<Self, CompileError> {
        self.catalog.tool(tool)?;
        Ok(self)
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
        let Self { policy, mut masking, hash, counter, catalog, documents, budget, kill_switch } =
            match self.policy {
                Some(_) => self,
                None => self.policy(Policy::permissive())?,
            };
        let policy = policy.unwrap_or_else(Policy::permissive);
        masking.set_hash(hash);
        masking.check_hash(&policy)?;
        let catalog = catalog.build();
        policy.review(&catalog)?;
        Ok(Guard { policy, masking, counter, catalog, documents, budget, kill_switch })
    }
}

/// Which bytes were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
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

/// Writes `bytes` without the ranges of `cuts`.
fn splice(bytes: &[u8], cuts: &[Cut], out: &mut Buf<'_, u8>) -> Result<(), Full> {
    out.clear();
    let mut kept = 0;
    for cut in cuts {
        out.extend(bytes.get(kept..cut.start as usize).unwrap_or(&[]))?;
        kept = cut.end as usize;
    }
    out.extend(bytes.get(kept..).unwrap_or(&[]))
}
