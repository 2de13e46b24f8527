//! `airlock policy test`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use airlock::core::Reason;
use airlock::policy::tests::{self, Outcome};
use airlock::policy::{PolicyFile, Sources};
use serde_json::json;

use crate::input::{self, Result};
use crate::style::Style;

/// Arguments of `airlock policy test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  airlock policy test policy.toml
  airlock policy test org.toml team.toml --tools tools.jsonl

Exit codes: 0 every test passed; 1 some did not; 2 a policy that is not valid or cannot be read.")]
pub struct Args {
    /// Policy files with [[test]] tables, each by itself
    #[arg(required = true, value_name = "FILE")]
    policies: Vec<String>,
    /// The tools, one JSON object a line: {"name": …, "inputSchema": {…}}; without it a tool declares
    /// every argument, or those in a test's params
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Write one JSON object for each call of a test
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let catalog = match &args.tools {
        Some(path) => Some(input::catalog(path, false, "policy test")?),
        None => None,
    };
    let mut out = io::stdout().lock();
    let style = Style::for_stream(io::stdout().is_terminal());
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for policy in &args.policies {
        let (guard, sources) = super::guard(PolicyFile::open(policy)?)?;
        if let Some(catalog) = &catalog {
            guard.review(catalog).map_err(|error| sources.explain(&error))?;
        }
        let outcomes = tests::run(&guard, catalog.as_ref());
        if outcomes.is_empty() {
            eprintln!("airlock policy test: {policy}: warning: it has no tests");
        }
        for outcome in &outcomes {
            *(if outcome.failures.is_empty() { &mut passed } else { &mut failed }) += 1;
            if args.json {
                serde_json::to_writer(&mut out, &line(outcome, &sources))?;
                out.write_all(b"\n")?;
            } else {
                print(&mut out, style, outcome, &sources)?;
            }
        }
    }
    if !args.json {
        writeln!(out, "{passed} passed, {failed} failed")?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn line(outcome: &Outcome<'_>, sources: &Sources) -> serde_json::Value {
    let Outcome { step, explanation, failures, .. } = outcome;
    json!({
        "v": 1,
        "test": outcome.title(),
        "place": sources.place(0, step.span),
        "passed": failures.is_empty(),
        "effect": explanation.effect(),
        "reason": explanation.reason.map(Reason::name),
        "rule": explanation.rule.map(|rule| rule.id),
        "limit": explanation.limit.map(|limit| limit.id),
        "budget": explanation.budget.map(|budget| budget.name),
        "at": explanation.at,
        "stripped": explanation.stripped,
        "failures": failures,
    })
}

fn print(
    out: &mut impl Write,
    style: Style,
    outcome: &Outcome<'_>,
    sources: &Sources,
) -> io::Result<()> {
    let title = outcome.title();
    if outcome.failures.is_empty() {
        return writeln!(out, "{} {title}", style.good("passed"));
    }
    let place = sources.place(0, outcome.step.span).unwrap_or_default();
    writeln!(out, "{} {title}  ({place})", style.bad("failed"))?;
    for failure in &outcome.failures {
        writeln!(out, "  {failure}")?;
    }
    if let Some(rule) = outcome.explanation.rule
        && let Some(place) = sources.place_of(rule)
    {
        writeln!(out, "  `{}` is at {place}", rule.id)?;
    }
    Ok(())
}
