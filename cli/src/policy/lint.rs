//! `airlock policy lint`.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use airlock::core::Catalog;
use airlock::policy::{Finding, Level, PolicyFile};
use serde_json::json;

use crate::input::{self, Result};
use crate::style::Style;

/// Arguments of `airlock policy lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  airlock policy lint policy.toml
  airlock policy lint policy.toml --tools tools.jsonl --json

Exit codes: 0 nothing to report; 1 warnings; 2 a policy that is not valid or cannot be read.")]
pub struct Args {
    /// Policy files, or names of presets
    #[arg(required = true, value_name = "FILE|PRESET")]
    policies: Vec<String>,
    /// All tools that there are, one JSON object a line: {"name": …, "inputSchema": {…}}
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Write one JSON object for each finding
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let catalog = match &args.tools {
        Some(path) => Some(input::catalog(path, false, "policy lint")?),
        None => None,
    };
    let mut out = io::stdout().lock();
    let style = Style::for_stream(io::stdout().is_terminal());
    let mut worst = 0;
    for policy in &args.policies {
        for finding in findings(policy, catalog.as_ref())? {
            worst = worst.max(if finding.level == Level::Error { 2 } else { 1 });
            if args.json {
                serde_json::to_writer(&mut out, &line(&finding))?;
                out.write_all(b"\n")?;
            } else {
                print(&mut out, style, &finding)?;
            }
        }
    }
    Ok(ExitCode::from(worst))
}

/// What there is to say about one policy; a policy that cannot be opened at all is trouble.
fn findings(policy: &str, catalog: Option<&Catalog>) -> Result<Vec<Finding>> {
    let file = match PolicyFile::open(policy) {
        Ok(file) => file,
        Err(error) => return Ok(vec![error.finding().cloned().ok_or(error)?]),
    };
    let names: Option<Vec<&str>> = catalog.map(|catalog| catalog.names().collect());
    let mut found = file.lint(names.as_deref());
    let (policy, sources) = file.into_parts();
    let checked = super::build(policy)
        .and_then(|guard| catalog.map_or(Ok(()), |catalog| guard.review(catalog)));
    if let Err(error) = checked {
        let error = sources.explain(&error);
        found.push(error.finding().cloned().ok_or(error)?);
    }
    Ok(found)
}

fn line(finding: &Finding) -> serde_json::Value {
    let place = |number: usize| (number > 0).then_some(number);
    json!({
        "v": 1,
        "level": finding.level.name(),
        "code": finding.code,
        "file": finding.file,
        "line": place(finding.line),
        "column": place(finding.column),
        "path": finding.path,
        "message": finding.message,
        "hint": finding.hint,
    })
}

fn print(out: &mut impl Write, style: Style, finding: &Finding) -> io::Result<()> {
    let level = match finding.level {
        Level::Error => style.bad(finding.level.name()),
        Level::Warning => style.warn(finding.level.name()),
    };
    writeln!(out, "{level}[{}] {}", finding.code, finding.shown)
}
