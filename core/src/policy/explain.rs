//! Which rules a decision looked at, and what each of them said.
//!
//! For those who operate a policy. It judges anew what the decision judges, condition by condition and
//! without stopping early, so it takes longer and allocates; it names places in the arguments and
//! never a value.

use alloc::string::String;
use alloc::vec::Vec;

use super::admit::Hold;
use super::budget::BudgetRef;
use super::compiled::Policy;
use super::condition::{Expr, Judge, Memory};
use super::decide::{Decision, Early, RuleRef};
use super::limit::LimitRef;
use super::rule::{During, Rule, Who};
use super::session::Clauses;
use super::tree::Span;
use super::truth::Truth;
use crate::caller::Call;
use crate::json::{Document, write_pointer};
use crate::reason::Reason;
use crate::schema::Schema;
use crate::session::{Session, Ticket};

/// What became of a call, and what every rule that names its tool said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation<'p> {
    /// Why the call is refused; `None` when it is allowed.
    pub reason: Option<Reason>,
    /// The rule that decided; `None` is the default, or a stage before the rules.
    pub rule: Option<RuleRef<'p>>,
    /// The limit that is used up, for [`Reason::RateLimited`].
    pub limit: Option<LimitRef<'p>>,
    /// The budget that has too little left, for [`Reason::BudgetExceeded`].
    pub budget: Option<BudgetRef<'p>>,
    /// The budgets that the call takes from, in the order of the document.
    pub budgets: Vec<BudgetTrace<'p>>,
    /// The argument that decided, or the first that is wrong, as a pointer.
    pub at: Option<String>,
    /// Pointers of the arguments that are stripped.
    pub stripped: Vec<String>,
    /// The rules that name the tool, in the order of the document.
    pub rules: Vec<RuleTrace<'p>>,
    /// What an allowed call reserved in its session.
    pub ticket: Option<Ticket>,
    /// What an allowed call took from budgets.
    pub hold: Option<Hold>,
}

impl Explanation<'_> {
    /// `allow`, `ask` or `deny`.
    #[must_use]
    pub const fn effect(&self) -> &'static str {
        match self.reason {
            None => "allow",
            Some(Reason::ApprovalRequired) => "ask",
            Some(_) => "deny",
        }
    }
}

/// What one rule said about a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleTrace<'p> {
    /// The rule.
    pub rule: RuleRef<'p>,
    /// `allow`, `ask` or `deny`.
    pub effect: &'static str,
    /// It is in shadow mode, so it does not decide.
    pub shadow: bool,
    /// It is about this caller.
    pub subject: Truth,
    /// The window of time of the rule in words, and whether the rule is in force by it.
    pub time: Option<(&'p str, Truth)>,
    /// Its conditions on arguments; those in groups follow the line of their group. What it asks of the
    /// session comes last, with the target `session`.
    pub conditions: Vec<ConditionTrace<'p>>,
    /// All of it; `None` when it has conditions and the arguments could not be read.
    pub truth: Option<Truth>,
    /// It made the decision.
    pub decides: bool,
}

/// What a call takes from one budget.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BudgetTrace<'p> {
    /// The budget.
    pub budget: BudgetRef<'p>,
    /// Whether a budget of which nothing is used up has enough; unknown for a value that is missing or cannot be
    /// added up, whose call is refused.
    pub enough: Truth,
}

/// What one condition said about a call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConditionTrace<'p> {
    /// In how many groups it stands.
    pub depth: usize,
    /// What it looks at, like `args.path`; empty for a group.
    pub target: &'p str,
    /// The test, like `under`; `all`, `any` or `not` for a group, `time` for a window.
    pub test: &'p str,
    /// Where it stands in the document; `None` for a group.
    pub span: Option<Span>,
    /// What it said.
    pub truth: Truth,
    /// The argument that made it say so, as a pointer.
    pub at: Option<String>,
}

impl Policy {
    /// What each rule that names the tool says; `read` has the arguments, when they could be read.
    pub(crate) fn trace(
        &self,
        call: &Call<'_>,
        read: Option<(Document<'_>, &Schema)>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Vec<RuleTrace<'_>> {
        let mut rules = self.trace_alone(call, read, session, memory);
        for policy in &self.lower {
            rules.extend(policy.trace_alone(call, read, session, memory));
        }
        rules
    }

    fn trace_alone(
        &self,
        call: &Call<'_>,
        read: Option<(Document<'_>, &Schema)>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Vec<RuleTrace<'_>> {
        let who = Who::new(call, &self.roles, &self.pool);
        let mut numbers = Vec::new();
        self.deny.find(call.tool, &self.pool, |rule| numbers.push(rule));
        self.allow.find(call.tool, &self.pool, |rule| numbers.push(rule));
        numbers.sort_unstable();
        numbers.dedup();
        let rules = numbers.into_iter().filter_map(|number| self.rules.get(number as usize));
        rules.map(|rule| self.trace_rule(rule, call, &who, read, session, memory)).collect()
    }

    /// The rule that decides, as far as the arguments could be read.
    pub(crate) fn ruled(
        &self,
        call: &Call<'_>,
        read: Option<(Document<'_>, &Schema)>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> Option<RuleRef<'_>> {
        let ruling = match (self.early(call), read) {
            (Early::Settled(ruling), None) => ruling,
            (Early::Settled(ruling), Some((doc, _))) => {
                self.follow(ruling, call, doc, session, memory)
            }
            (Early::Open(_), None) => return None,
            (Early::Open(open), Some((doc, schema))) => {
                self.judge(call, &open, doc, Some(schema), session, memory)
            }
        };
        match ruling.decision {
            Decision::Allow { rule } | Decision::Refuse { rule, .. } => rule,
        }
    }

    fn trace_rule(
        &self,
        rule: &Rule,
        call: &Call<'_>,
        who: &Who<'_>,
        read: Option<(Document<'_>, &Schema)>,
        session: Option<&Session>,
        memory: &mut Memory<'_>,
    ) -> RuleTrace<'_> {
        let subject = rule.subject.is(who, rule.effect, &self.subjects, &self.pool);
        let time = rule.time.and_then(|During { window, outside }| {
            let window = self.conditions.windows.get(window as usize)?;
            let inside = window.holds(call.now);
            Some((&*window.text, if outside { inside.not() } else { inside }))
        });
        let known = subject.min(time.map_or(Truth::True, |(_, truth)| truth));
        let mut conditions = Vec::new();
        let truth = match (rule.when, read) {
            (None, _) => Some(known),
            (Some(_), None) => None,
            (Some(when), Some((doc, schema))) => {
                let (table, pool) = (&self.conditions, &self.pool);
                let schema = Some(schema);
                let mut judge =
                    Judge::new(table, pool, doc, schema, call.tool, who, call.now, memory);
                let truth = judge.judge(when).truth;
                self.trace_formula(&mut judge, when, 0, &mut conditions);
                Some(known.min(truth))
            }
        };
        let truth = match self.sessions.get(rule.session) {
            None => truth,
            Some(clauses) => {
                let asked = read.map(|(doc, _)| {
                    self.trace_session(clauses, session, doc, call.now, &mut conditions)
                });
                truth.zip(asked).map(|(truth, asked)| truth.min(asked))
            }
        };
        RuleTrace {
            rule: self.reference(rule),
            effect: rule.effect.name(),
            shadow: rule.shadow,
            subject,
            time,
            conditions,
            truth,
            decides: false,
        }
    }

    fn trace_session<'p>(
        &'p self,
        clauses: &Clauses,
        session: Option<&Session>,
        doc: Document<'_>,
        now: Option<u64>,
        out: &mut Vec<ConditionTrace<'p>>,
    ) -> Truth {
        let mut known = None;
        let mut line = |test, truth| {
            let target = "session";
            out.push(ConditionTrace { depth: 0, target, test, span: None, truth, at: None });
        };
        match session {
            Some(session) => {
                let _ = self.clause_truths(clauses, session, doc, now, &mut known, &mut line);
            }
            None if clauses.asks() => line("known", Truth::Unknown),
            None => {}
        }
        self.remembers(clauses, session, doc, now, &mut known).0
    }

    fn trace_formula<'p>(
        &'p self,
        judge: &mut Judge<'_, '_>,
        expr: u32,
        depth: usize,
        out: &mut Vec<ConditionTrace<'p>>,
    ) {
        let table = &self.conditions;
        let Some(formula) = table.exprs.get(expr as usize) else { return };
        // All conditions of a rule must hold: that needs no line of its own.
        if let (Expr::All(list), 0) = (formula, depth) {
            return list.of(&table.lists).iter().for_each(|part| {
                self.trace_formula(judge, *part, depth, out);
            });
        }
        let found = judge.judge(expr);
        let mut line = ConditionTrace {
            depth,
            target: "",
            test: "",
            span: None,
            truth: found.truth,
            at: None,
        };
        match *formula {
            Expr::All(list) | Expr::Any(list) => {
                line.test = if matches!(formula, Expr::Any(_)) { "any" } else { "all" };
                out.push(line);
                for part in list.of(&table.lists) {
                    self.trace_formula(judge, *part, depth.saturating_add(1), out);
                }
            }
            Expr::Not(inner) => {
                line.test = "not";
                out.push(line);
                self.trace_formula(judge, inner, depth.saturating_add(1), out);
            }
            Expr::Time(window) => {
                let window = table.windows.get(window as usize);
                line.target = window.map_or("", |window| &window.text);
                line.test = "time";
                line.span = window.map(|window| window.span);
                out.push(line);
            }
            Expr::Condition(number) => {
                if let Some(origin) = table.origins.get(number as usize) {
                    line.target = self.pool.get(origin.target);
                    line.test = origin.key;
                    line.span = Some(origin.span);
                }
                line.at = found.at.map(|at| {
                    let mut pointer = String::new();
                    // Writing to a string does not fail.
                    let _ = write_pointer(judge.doc, at.node, &mut pointer);
                    if let Some(name) = self.missing_name(at) {
                        pointer.push('/');
                        pointer.push_str(name);
                    }
                    pointer
                });
                out.push(line);
            }
        }
    }
}
