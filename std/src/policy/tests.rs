//! Runs the tests that a policy carries.
//!
//! Each call of a test is decided as a guard would decide it, under the policy that carries the test,
//! and compared with what the test expects of it. Limits and sessions count the calls of one test, on a clock
//! that moves only with the moments of its calls. Nothing is called: what is allowed is taken to end well.
//!
//! ```
//! use airlock::core::Guard;
//! use airlock::policy::{PolicyFile, tests};
//!
//! let file = PolicyFile::parse("p.toml", r#"
//!     denied_tools = ["delete_*"]
//!     [[test]]
//!     call = { tool = "delete_user", args = { id = 7 } }
//!     expect = { effect = "deny", rule = "denied_tools[0]" }
//! "#)?;
//! let guard = Guard::builder().policy(file.into_policy())?.build()?;
//! assert!(tests::run(&guard, None).iter().all(|outcome| outcome.failures.is_empty()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, ManualClock};
use crate::limit::Limiter;
use crate::session;
use airlock_core::policy::{Admit, Case, Expect, Explanation, Step};
use airlock_core::{Call, Caller, Catalog, Guard, Origin, Reason, Session, ToolDefinition};

/// What became of one call of a test.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome<'g> {
    /// The test.
    pub case: &'g Case,
    /// Its call.
    pub step: &'g Step,
    /// Which of its calls it is, from 0.
    pub number: usize,
    /// What became of it.
    pub explanation: Explanation<'g>,
    /// What the test expected and did not find, in words; empty when it passed.
    pub failures: Vec<String>,
}

impl Outcome<'_> {
    /// What the test is called: its name, or its tool and what it expects.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = match &self.case.name {
            Some(name) => name.to_string(),
            None => format!("{} {}", self.step.expect.effect, self.step.tool),
        };
        if self.case.steps.len() > 1 {
            let _ = write!(title, " (call {})", self.number + 1);
        }
        title
    }
}

/// Runs every test of the policy of `guard`, in its order. Tools are those of `tools`; without it, and
/// for a test with `params`, a tool declares what the test says, or anything.
#[must_use]
pub fn run<'g>(guard: &'g Guard, tools: Option<&Catalog>) -> Vec<Outcome<'g>> {
    let cases = guard.policy().cases().iter();
    cases.flat_map(|case| run_case(guard, tools, case)).collect()
}

fn run_case<'g>(guard: &'g Guard, tools: Option<&Catalog>, case: &'g Case) -> Vec<Outcome<'g>> {
    let clock = Arc::new(ManualClock::default());
    // A limit that cannot be kept stops a firewall, not the tests of its rules.
    let limiter = Limiter::new(guard.policy(), clock.clone()).ok();
    let limits = limiter.as_ref().map(|limiter| limiter as &dyn Admit);
    let mut before = None;
    let mut sessions: Vec<(Option<&str>, Session)> = Vec::new();
    let run = |(number, step): (usize, &'g Step)| {
        if let (Some(before), Some(now)) = (before, step.now) {
            clock.advance(Duration::from_millis(u64::saturating_sub(now, before)));
        }
        before = step.now.or(before);
        let own;
        let catalog = match tools.filter(|_| case.params.is_none()) {
            Some(tools) => tools,
            None => {
                own = declared(case, step);
                &own
            }
        };
        let name = step.session.as_deref();
        let at = sessions.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            sessions.push((name, session::fresh()));
            sessions.len() - 1
        });
        let session = sessions.get_mut(at).map(|(_, session)| {
            session.set_elapsed(session::millis(clock.elapsed()));
            session
        });
        let explanation = explain(guard, catalog, step, limits, session);
        let failures = compare(&step.expect, &explanation);
        Outcome { case, step, number, explanation, failures }
    };
    case.steps.iter().enumerate().map(run).collect()
}

/// Decides on the call of a test; `limits` charge it and `session` remembers that it ended well.
pub fn explain<'g>(
    guard: &'g Guard,
    catalog: &Catalog,
    step: &Step,
    limits: Option<&dyn Admit>,
    mut session: Option<&mut Session>,
) -> Explanation<'g> {
    let roles: Vec<&str> = step.roles.iter().map(|role| &**role).collect();
    let call = Call {
        tool: &step.tool,
        arguments: step.arguments.as_bytes(),
        caller: Caller {
            agent: step.agent.as_deref(),
            roles: &roles,
            tenant: step.tenant.as_deref(),
        },
        server: step.server.as_deref(),
        session: step.session.as_deref(),
        now: step.now,
    };
    let scratch = &mut guard.scratch();
    let explanation = guard.explain(catalog, &call, limits, session.as_deref_mut(), scratch);
    if let (Some(session), Some(ticket)) = (session, explanation.ticket) {
        session.finish(ticket, airlock_core::Outcome::Ok);
    }
    if let (Some(limits), Some(hold)) = (limits, explanation.hold) {
        limits.settle(hold, airlock_core::Outcome::Ok);
    }
    explanation
}

/// A catalog with the tool of a call as its test declares it.
#[must_use]
pub fn declared(case: &Case, step: &Step) -> Catalog {
    let mut schema = String::from(r#"{"type":"object""#);
    if let Some(params) = &case.params {
        schema.push_str(r#","additionalProperties":false,"properties":{"#);
        for (at, name) in params.iter().enumerate() {
            schema.push_str(if at == 0 { "" } else { "," });
            // Writing to a string does not fail.
            let _ = airlock_core::json::write_string(name, &mut schema);
            schema.push_str(":{}");
        }
        schema.push('}');
    }
    schema.push('}');
    let mut builder = Catalog::builder(Origin::Trusted);
    let tool =
        ToolDefinition { name: &step.tool, input_schema: schema.as_bytes(), output_schema: None };
    // A schema of this form always compiles; the calls of a tool that did not would be refused.
    let _ = builder.tool(tool);
    builder.build()
}

fn compare(expect: &Expect, found: &Explanation<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    let reason = found.reason.map(Reason::name);
    if found.effect() != expect.effect {
        let why = reason.map_or(String::new(), |reason| format!(" ({reason})"));
        failures.push(format!("expected {}, got {}{why}", expect.effect, found.effect()));
    }
    if let Some(wanted) = &expect.rule {
        let decider = match (&found.rule, reason) {
            _ if found.limit.is_some() => {
                format!("`limit:{}`", found.limit.map_or("", |limit| limit.id))
            }
            _ if found.budget.is_some() => {
                format!("`{}`", found.budget.map_or("", |budget| budget.name))
            }
            (Some(rule), _) => format!("`{}`", rule.id),
            (None, Some(reason)) if !by_policy(found.reason) => format!("{reason}, not a rule"),
            (None, _) => "`default`".to_owned(),
        };
        if decider != format!("`{wanted}`") {
            failures.push(format!("expected `{wanted}` to decide, it was {decider}"));
        }
    }
    if let Some(wanted) = &expect.reason
        && reason != Some(wanted)
    {
        let got = reason.unwrap_or("none");
        failures.push(format!("expected the reason {wanted}, got {got}"));
    }
    if let Some(wanted) = &expect.at
        && found.at.as_deref() != Some(wanted)
    {
        let got = found.at.as_deref().unwrap_or("nowhere");
        failures.push(format!("expected it to be decided at {wanted:?}, it was {got}"));
    }
    if let Some(wanted) = &expect.stripped
        && !wanted.iter().map(|path| &**path).eq(found.stripped.iter().map(String::as_str))
    {
        let got = found.stripped.join(" ");
        failures.push(format!("expected {} to be stripped, got {got}", wanted.join(" ")));
    }
    failures
}

/// Whether the reason of a refusal is one that rules and the default give.
const fn by_policy(reason: Option<Reason>) -> bool {
    matches!(
        reason,
        Some(
            Reason::ApprovalRequired
                | Reason::ConditionFailed
                | Reason::IdentityRequired
                | Reason::RoleDenied
                | Reason::SessionRule
                | Reason::TimeRestricted
                | Reason::ToolDenied
                | Reason::ToolNotAllowed
        )
    )
}
