//! `airlock policy diff`.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use airlock::core::policy::{Decision, Explanation};
use airlock::core::{Call, Caller, Catalog, Guard, Origin, Reason, ToolDefinition};
use airlock::policy::diff::{Change, Said};
use airlock::policy::{PolicyFile, diff, tests};
use serde_json::{Value, json};

use crate::input::{self, CallLine, Place, Result};
use crate::style::Style;

/// Arguments of `airlock policy diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Calls whose effect is compared: those of --calls, those of the tests in both policies, and for each
tool of --tools whether the caller may use it at all.

Examples:
  airlock policy diff old.toml new.toml
  airlock policy diff old.toml new.toml --tools tools.jsonl --calls calls.jsonl --json

Exit codes: 0 no difference; 1 the policies differ; 2 bad usage or unreadable input.")]
pub struct Args {
    /// Policy file, or the name of a preset
    #[arg(value_name = "OLD")]
    old: String,
    /// Policy file, or the name of a preset
    #[arg(value_name = "NEW")]
    new: String,
    /// Tools, one JSON object a line: {"name": …, "inputSchema": {…}}
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Calls, one JSON object a line, like those of `airlock check`
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,
    /// Name of the agent that may or may not use the tools
    #[arg(long)]
    agent: Option<String>,
    /// A role of the agent; may be given several times
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Tenant of the agent
    #[arg(long)]
    tenant: Option<String>,
    /// Write one JSON object for each difference
    #[arg(long)]
    json: bool,
}

/// A call that the two policies decide differently.
struct Changed {
    /// Where the call comes from.
    of: String,
    tool: String,
    old: Decided,
    new: Decided,
}

/// What one policy makes of a call.
#[derive(PartialEq, Eq)]
struct Decided {
    effect: &'static str,
    reason: Option<&'static str>,
    rule: Option<String>,
}

impl From<Explanation<'_>> for Decided {
    fn from(found: Explanation<'_>) -> Self {
        let rule = found.rule.map(|rule| rule.id.to_owned());
        Self { effect: found.effect(), reason: found.reason.map(Reason::name), rule }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (old, old_sources) = super::guard(PolicyFile::open(&args.old)?)?;
    let (new, new_sources) = super::guard(PolicyFile::open(&args.new)?)?;
    let catalog = match &args.tools {
        Some(path) => Some(input::catalog(path, false, "policy diff")?),
        None => None,
    };
    let changes = diff::diff(&old_sources, &new_sources);
    let mut effects = Vec::new();
    if let Some(catalog) = &catalog {
        compare_tools(args, &old, &new, catalog, &mut effects);
    }
    compare_tests(&old, &new, catalog.as_ref(), &mut effects);
    if let Some(calls) = &args.calls {
        compare_calls(calls, &old, &new, catalog.as_ref(), &mut effects)?;
    }
    let mut out = io::stdout().lock();
    if args.json {
        for line in changes.iter().map(change_line).chain(effects.iter().map(effect_line)) {
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
    } else {
        print(&mut out, &changes, &effects)?;
    }
    Ok(ExitCode::from(u8::from(!changes.is_empty() || !effects.is_empty())))
}

/// Whether the caller may use each tool at some time with some arguments.
fn compare_tools(
    args: &Args,
    old: &Guard,
    new: &Guard,
    catalog: &Catalog,
    effects: &mut Vec<Changed>,
) {
    let roles: Vec<&str> = args.roles.iter().map(String::as_str).collect();
    let caller =
        Caller { agent: args.agent.as_deref(), roles: &roles, tenant: args.tenant.as_deref() };
    let decide = |guard: &Guard, tool: &str| match guard.policy().decide(tool, &caller) {
        Decision::Allow { .. } => Decided { effect: "allow", reason: None, rule: None },
        Decision::Refuse { reason, rule, .. } => Decided {
            effect: "deny",
            reason: Some(reason.name()),
            rule: rule.map(|rule| rule.id.to_owned()),
        },
    };
    let mut tools: Vec<&str> = catalog.names().collect();
    tools.sort_unstable();
    for tool in tools {
        push("tool".into(), tool, decide(old, tool), decide(new, tool), effects);
    }
}

fn compare_tests(old: &Guard, new: &Guard, catalog: Option<&Catalog>, effects: &mut Vec<Changed>) {
    let known = |guard: &Guard, step| {
        let mut steps = guard.policy().cases().iter().flat_map(|case| case.steps.iter());
        steps.any(|other: &airlock::policy::Step| same_call(other, step))
    };
    for (guard, which) in [(old, "old"), (new, "new")] {
        for case in guard.policy().cases() {
            for step in &case.steps {
                // A call that both policies have as a test is compared once.
                if which == "new" && known(old, step) {
                    continue;
                }
                let own;
                let catalog = match catalog.filter(|_| case.params.is_none()) {
                    Some(catalog) => catalog,
                    None => {
                        own = tests::declared(case, step);
                        &own
                    }
                };
                let name = case.name.as_deref().unwrap_or("a test");
                // Each call by itself, as the first of a session.
                let decide = |guard| {
                    let mut session = airlock::session::fresh();
                    Decided::from(tests::explain(guard, catalog, step, None, Some(&mut session)))
                };
                let of = format!("{name} of the {which} policy");
                push(of, &step.tool, decide(old), decide(new), effects);
            }
        }
    }
}

fn same_call(one: &airlock::policy::Step, other: &airlock::policy::Step) -> bool {
    let key = |step: &airlock::policy::Step| {
        let step = step.clone();
        (step.tool, step.arguments, step.agent, step.roles, step.tenant, step.server, step.now)
    };
    key(one) == key(other)
}

fn compare_calls(
    path: &Path,
    old: &Guard,
    new: &Guard,
    catalog: Option<&Catalog>,
    effects: &mut Vec<Changed>,
) -> Result<()> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let place = Place { path, line };
        let read = CallLine::read(text, place)?;
        let own = any_arguments(&read.tool)?;
        let catalog = catalog.unwrap_or(&own);
        let (before, after) = read.with(place, |call: &Call<'_>| {
            let decide = |guard: &Guard| {
                let mut session = airlock::session::fresh();
                let scratch = &mut guard.scratch();
                Decided::from(guard.explain(catalog, call, None, Some(&mut session), scratch))
            };
            (decide(old), decide(new))
        })?;
        push(place.to_string(), &read.tool, before, after, effects);
    }
    Ok(())
}

/// A catalog with a tool that declares every argument.
fn any_arguments(name: &str) -> Result<Catalog> {
    let mut builder = Catalog::builder(Origin::Trusted);
    let input_schema = br#"{"type":"object"}"#;
    builder.tool(ToolDefinition { name, input_schema, output_schema: None })?;
    Ok(builder.build())
}

fn push(of: String, tool: &str, old: Decided, new: Decided, effects: &mut Vec<Changed>) {
    if old.effect != new.effect {
        effects.push(Changed { of, tool: tool.to_owned(), old, new });
    }
}

fn change_line(change: &Change) -> Value {
    let said = |said: &Option<Said>| {
        said.as_ref().map(|said| json!({"value": said.value, "place": said.place}))
    };
    json!({
        "v": 1,
        "kind": "document",
        "path": change.path,
        "old": said(&change.old),
        "new": said(&change.new),
    })
}

fn effect_line(changed: &Changed) -> Value {
    let decided = |decided: &Decided| json!({"effect": decided.effect, "reason": decided.reason, "rule": decided.rule});
    json!({
        "v": 1,
        "kind": "effect",
        "of": changed.of,
        "tool": changed.tool,
        "old": decided(&changed.old),
        "new": decided(&changed.new),
    })
}

fn print(out: &mut impl Write, changes: &[Change], effects: &[Changed]) -> io::Result<()> {
    let style = Style::for_stream(io::stdout().is_terminal());
    for change in changes {
        let Change { path, old, new, .. } = change;
        writeln!(out, "{path}")?;
        let sides = [(old, style.bad("-")), (new, style.good("+"))];
        for (said, sign) in
            sides.into_iter().filter_map(|(said, sign)| Some((said.as_ref()?, sign)))
        {
            let place = said.place.as_ref().map_or(String::new(), |place| format!("  ({place})"));
            writeln!(out, "  {sign} {}{place}", said.value)?;
        }
    }
    for Changed { of, tool, old, new } in effects {
        let why = |decided: &Decided| match (&decided.rule, decided.reason) {
            (Some(rule), _) => format!(" by `{rule}`"),
            (None, Some(reason)) => format!(" ({reason})"),
            (None, None) => String::new(),
        };
        let wider = new.effect == "allow" || old.effect == "deny";
        let effect = if wider { style.bad(new.effect) } else { style.good(new.effect) };
        writeln!(out, "{tool}: {}{} \u{2192} {effect}{}  ({of})", old.effect, why(old), why(new))?;
    }
    Ok(())
}
