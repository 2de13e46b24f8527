//! `airlock policy explain`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use airlock::clock::SystemClock;
use airlock::core::policy::{
    BudgetRef, BudgetTrace, ConditionTrace, Explanation, RuleTrace, Truth,
};
use airlock::core::{Call, Caller, Catalog, Origin, Reason, ToolDefinition};
use airlock::limit::Limiter;
use airlock::policy::{PolicyFile, Sources};
use serde_json::{Value, json};

use crate::input::{self, Result};
use crate::style::Style;

/// Arguments of `airlock policy explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  airlock policy explain write_file '{\"path\": \"/etc/passwd\"}' --policy policy.toml --role editor
  airlock policy explain deploy --policy policy.toml --at 2026-11-25T23:30:00Z --json

Exit codes: 0 explained, whatever the decision; 2 bad usage or unreadable input.")]
pub struct Args {
    /// Name of the tool that is called
    tool: String,
    /// Its arguments, as the model wrote them
    #[arg(default_value = "{}")]
    arguments: String,
    /// Policy file, or the name of a preset; of several each narrows those before it
    #[arg(long, value_name = "FILE|PRESET", required = true)]
    policy: Vec<String>,
    /// The tools, one JSON object a line; without it the tool declares every argument
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Name of the agent
    #[arg(long)]
    agent: Option<String>,
    /// A role of the agent; may be given several times
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Tenant of the agent
    #[arg(long)]
    tenant: Option<String>,
    /// Name of the server that has the tool
    #[arg(long)]
    server: Option<String>,
    /// The moment of the call, RFC 3339; without it rules about time cannot hold
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (guard, sources) = super::guard(PolicyFile::open_stack(&args.policy)?)?;
    let catalog = match &args.tools {
        Some(path) => input::catalog(path, false, "policy explain")?,
        None => any_arguments(&args.tool)?,
    };
    let roles: Vec<&str> = args.roles.iter().map(String::as_str).collect();
    let now = match &args.at {
        Some(at) => Some(input::moment(at).map_err(|error| format!("--at: {error}"))?),
        None => None,
    };
    let call = Call {
        tool: &args.tool,
        arguments: args.arguments.as_bytes(),
        caller: Caller {
            agent: args.agent.as_deref(),
            roles: &roles,
            tenant: args.tenant.as_deref(),
        },
        server: args.server.as_deref(),
        now,
        ..Call::default()
    };
    // The call is the first of a session and of its limits and budgets.
    let mut session = airlock::session::fresh();
    let limiter = Limiter::new(guard.policy(), Arc::new(SystemClock::new()))?;
    let scratch = &mut guard.scratch();
    let explanation = guard.explain(&catalog, &call, Some(&limiter), Some(&mut session), scratch);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &object(&args.tool, &explanation, &sources))?;
        out.write_all(b"\n")?;
    } else {
        let style = Style::for_stream(io::stdout().is_terminal());
        print(&mut out, style, &args.tool, &explanation, &sources)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A catalog with a tool that declares every argument.
fn any_arguments(name: &str) -> Result<Catalog> {
    let mut builder = Catalog::builder(Origin::Trusted);
    let input_schema = br#"{"type":"object"}"#;
    builder.tool(ToolDefinition { name, input_schema, output_schema: None })?;
    Ok(builder.build())
}

const fn name(truth: Truth) -> &'static str {
    match truth {
        Truth::False => "no",
        Truth::Unknown => "unknown",
        Truth::True => "yes",
    }
}

/// A number of parts of 10^-18, as a decimal.
fn decimal(units: u128) -> String {
    let digits = format!("{units:019}");
    let (whole, part) = digits.split_at(digits.len().saturating_sub(18));
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.into() } else { format!("{whole}.{part}") }
}

fn budget_place(budget: &BudgetRef<'_>, sources: &Sources) -> Option<String> {
    sources.place(0, budget.span?)
}

fn object(tool: &str, explanation: &Explanation<'_>, sources: &Sources) -> Value {
    let condition = |rule: &RuleTrace<'_>, condition: &ConditionTrace<'_>| {
        json!({
            "depth": condition.depth,
            "target": condition.target,
            "test": condition.test,
            "place": condition.span.and_then(|span| sources.place(rule.rule.layer, span)),
            "holds": name(condition.truth),
            "at": condition.at,
        })
    };
    let rule = |rule: &RuleTrace<'_>| {
        json!({
            "id": rule.rule.id,
            "effect": rule.effect,
            "place": sources.place_of(rule.rule),
            "shadow": rule.shadow,
            "subject": name(rule.subject),
            "time": rule.time.map(|(window, truth)| json!({"window": window, "holds": name(truth)})),
            "conditions": rule.conditions.iter().map(|c| condition(rule, c)).collect::<Vec<_>>(),
            "holds": rule.truth.map(name),
            "decides": rule.decides,
        })
    };
    let budget = |trace: &BudgetTrace<'_>| {
        let BudgetTrace { budget, enough, .. } = trace;
        json!({
            "id": budget.name,
            "place": budget_place(budget, sources),
            "max": decimal(budget.max),
            "window": budget.window,
            "enough": name(*enough),
        })
    };
    json!({
        "v": 1,
        "tool": tool,
        "effect": explanation.effect(),
        "reason": explanation.reason.map(Reason::name),
        "rule": explanation.rule.map(|rule| rule.id),
        "at": explanation.at,
        "stripped": explanation.stripped,
        "budget": explanation.budget.map(|budget| budget.name),
        "budgets": explanation.budgets.iter().map(budget).collect::<Vec<_>>(),
        "rules": explanation.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn print(
    out: &mut impl Write,
    style: Style,
    tool: &str,
    explanation: &Explanation<'_>,
    sources: &Sources,
) -> io::Result<()> {
    match explanation.reason {
        None => writeln!(out, "{} {tool}", style.good("allowed"))?,
        Some(Reason::ApprovalRequired) => writeln!(out, "{} {tool}", style.warn("asks"))?,
        Some(_) => writeln!(out, "{} {tool}", style.bad("blocked"))?,
    }
    if let Some(reason) = explanation.reason {
        writeln!(out, "  Reason   {}: {}", reason.name(), reason.message())?;
    }
    match (explanation.rule, &explanation.budget) {
        (Some(rule), _) => {
            let place = sources.place_of(rule).unwrap_or_else(|| "a preset".into());
            writeln!(out, "  Decided  `{}`, {place}", rule.id)?;
        }
        (None, Some(budget)) => {
            let place = budget_place(budget, sources).map_or(String::new(), |at| format!(", {at}"));
            writeln!(out, "  Decided  `{}`{place}", budget.name)?;
        }
        (None, None) => writeln!(out, "  Decided  no rule")?,
    }
    if let Some(at) = &explanation.at {
        writeln!(out, "  Where    {}", if at.is_empty() { "/" } else { at })?;
    }
    for pointer in &explanation.stripped {
        writeln!(out, "  Stripped {pointer}")?;
    }
    for BudgetTrace { budget, enough, .. } in &explanation.budgets {
        let (max, window) = (decimal(budget.max), budget.window);
        let says = match enough {
            Truth::True => "enough, when nothing is used up",
            Truth::False => "the call takes more",
            Truth::Unknown => "what the call takes is missing or is no sum",
        };
        let place = budget_place(budget, sources).map_or(String::new(), |at| format!("  ({at})"));
        writeln!(out, "  Budget   `{}`: {max} each {window}, {says}{place}", budget.name)?;
    }
    if explanation.rules.is_empty() {
        writeln!(out, "  No rule names the tool.")?;
    }
    for rule in &explanation.rules {
        print_rule(out, style, rule, sources)?;
    }
    Ok(())
}

fn print_rule(
    out: &mut impl Write,
    style: Style,
    rule: &RuleTrace<'_>,
    sources: &Sources,
) -> io::Result<()> {
    let place = sources.place_of(rule.rule).unwrap_or_else(|| "a preset".into());
    let mark = if rule.decides { style.good("\u{2192}") } else { style.plain(" ") };
    let shadow = if rule.shadow { ", in shadow mode" } else { "" };
    let holds = rule.truth.map_or("not asked", name);
    writeln!(out, "{mark} {} `{}`: {holds}{shadow}  ({place})", rule.effect, rule.rule.id)?;
    let line = |out: &mut dyn Write, depth: usize, what: &str, truth: Truth, at: &str| {
        writeln!(out, "    {:indent$}{:7} {what}{at}", "", name(truth), indent = 2 * depth)
    };
    if rule.subject != Truth::True {
        line(out, 0, "about this caller", rule.subject, "")?;
    }
    if let Some((window, truth)) = rule.time {
        line(out, 0, &format!("time {window}"), truth, "")?;
    }
    for condition in &rule.conditions {
        let what = format!("{} {}", condition.target, condition.test);
        let at = condition.at.as_ref().map_or(String::new(), |at| format!("  at {at}"));
        line(out, condition.depth, what.trim(), condition.truth, &at)?;
    }
    Ok(())
}
