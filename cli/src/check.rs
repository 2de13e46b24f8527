//! `airlock check`: what the guard says of calls, without a server.
//!
//! The batch form is a contract with other programs: one JSON object a line in, one a line out, in
//! order, and fields are only ever added. The form for people checks one call.

use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use airlock::clock::ManualClock;
use airlock::core::policy::{Admit, NearMiss};
use airlock::core::{Call, Caller, Catalog, Guard, Reason, Refusal, Verdict, Violation};
use airlock::limit::Limiter;
use serde_json::{Value, json};

use crate::input::{self, CallLine, Failure, Place, Result};
use crate::style::Style;

/// Arguments of `airlock check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  airlock check --tools tools.jsonl --calls calls.jsonl > answers.jsonl
  airlock check transfer '{\"amount\": \"100\"}' --tools tools.jsonl --policy policy.toml

Limits of the policy count the calls that say when they were made (\"at\": RFC 3339), and no others.

Exit codes: 0 all calls were processed, whatever the decisions; 1 the one call given on the command
line is blocked; 2 bad usage or unreadable input.")]
pub struct Args {
    /// Name of the tool to check one call of
    #[arg(requires = "arguments", conflicts_with = "calls")]
    tool: Option<String>,
    /// Its arguments, as the model wrote them
    arguments: Option<String>,
    /// Tool definitions, one JSON object a line: {"name": …, "inputSchema": {…}}
    #[arg(long, value_name = "FILE")]
    tools: PathBuf,
    /// Calls, one JSON object a line: {"id": …, "tool": …, "arguments": {…}}; - is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "tool")]
    calls: Option<PathBuf>,
    /// Policy file, or the name of a preset; of several each narrows those before it
    #[arg(long, value_name = "FILE|PRESET", default_value = "permissive")]
    policy: Vec<String>,
    /// What happens to undeclared arguments that are probably misspelt; else the policy says
    #[arg(long, value_enum)]
    near_miss: Option<NearMissMode>,
    /// What `format` means in schemas
    #[arg(long, value_enum, default_value_t = FormatMode::Annotate)]
    format: FormatMode,
    /// Name of the agent that makes the one call
    #[arg(long, requires = "tool")]
    agent: Option<String>,
    /// A role of the agent that makes the one call; may be given several times
    #[arg(long = "role", requires = "tool")]
    roles: Vec<String>,
    /// Tenant of the agent that makes the one call
    #[arg(long, requires = "tool")]
    tenant: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NearMissMode {
    /// The call is refused with the suggestion
    Refuse,
    /// They are stripped like any other
    Strip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FormatMode {
    /// It is checked
    Assert,
    /// It is a remark
    Annotate,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match check(args) {
        Ok(code) => code,
        Err(Failure(message)) => {
            eprintln!("airlock check: {message}");
            ExitCode::from(2)
        }
    }
}

fn check(args: &Args) -> Result<ExitCode> {
    let (mut policy, sources) = airlock::policy::PolicyFile::open_stack(&args.policy)?.into_parts();
    match args.near_miss {
        Some(NearMissMode::Refuse) => policy = policy.with_near_miss(NearMiss::Refuse),
        Some(NearMissMode::Strip) => policy = policy.with_near_miss(NearMiss::Strip),
        None => {}
    }
    let builder = Guard::builder().policy(policy).map_err(|error| sources.explain(&error))?;
    let guard = builder.build().map_err(|error| sources.explain(&error))?;
    let catalog = input::catalog(&args.tools, args.format == FormatMode::Assert, "check")?;
    guard.review(&catalog).map_err(|error| sources.explain(&error))?;
    match (&args.tool, &args.arguments, &args.calls) {
        (Some(tool), Some(arguments), _) => one(args, &guard, &catalog, tool, arguments),
        (_, _, Some(calls)) => batch(&guard, &catalog, calls),
        _ => Err(Failure("give --calls FILE, or a tool and its arguments".into())),
    }
}

fn batch(guard: &Guard, catalog: &Catalog, path: &Path) -> Result<ExitCode> {
    let input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Box::new(BufReader::new(file))
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut scratch = guard.scratch();
    let mut past = Past::new(guard)?;
    for (line, text) in (1..).zip(input.lines()) {
        let place = Place { path, line };
        let text = text.map_err(|e| format!("{place}: {e}"))?;
        if text.trim().is_empty() {
            continue;
        }
        let mut call = CallLine::read(&text, place)?;
        let id = std::mem::take(&mut call.id);
        let answer = call.with(place, |call| {
            let limits = call.now.map(|now| past.limits_at(now));
            let settled = guard.settle_in(catalog, call, limits, None, &mut scratch);
            answer(&id, &settled.verdict(call.arguments, &scratch))
        })?;
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The limits of the policy, over the moments that lines carry.
struct Past {
    limiter: Limiter,
    clock: Arc<ManualClock>,
    /// The latest moment so far.
    latest: Option<u64>,
}

impl Past {
    fn new(guard: &Guard) -> Result<Self> {
        let clock = Arc::new(ManualClock::default());
        Ok(Self { limiter: Limiter::new(guard.policy(), clock.clone())?, clock, latest: None })
    }

    /// Goes on to a moment; one before the latest takes no time back.
    fn limits_at(&mut self, now: u64) -> &dyn Admit {
        let latest = self.latest.unwrap_or(now);
        self.clock.advance(Duration::from_millis(now.saturating_sub(latest)));
        self.latest = Some(now.max(latest));
        &self.limiter
    }
}

/// One line of the answer.
fn answer(id: &Value, verdict: &Verdict<'_>) -> Value {
    match verdict {
        Verdict::Allow(allowed) => json!({
            "v": 1,
            "id": id,
            "decision": "allow",
            "reason": null,
            "arguments_text": String::from_utf8_lossy(allowed.arguments()),
            "stripped": allowed.stripped().collect::<Vec<_>>(),
            "repaired": allowed.repaired().collect::<Vec<_>>(),
            "violations": [],
            "suggest": allowed.suggestions().map(suggestion).collect::<Vec<_>>(),
        }),
        Verdict::Refuse(refusal) => {
            let mut line = json!({
                "v": 1,
                "id": id,
                "decision": "block",
                "reason": refusal.reason().name(),
                "rule": refusal.rule(),
                "arguments_text": null,
                "stripped": refusal.stripped().collect::<Vec<_>>(),
                "repaired": [],
                "violations": refusal.violations().map(|v| violation(&v)).collect::<Vec<_>>(),
                "suggest": refusal.suggestions().map(suggestion).collect::<Vec<_>>(),
            });
            if let Some(wait) = refusal.retry_after_ms() {
                line["retry_after_ms"] = wait.into();
            }
            line
        }
    }
}

fn suggestion((path, to): (&str, &str)) -> Value {
    json!({"path": path, "to": to})
}

fn violation(violation: &Violation<'_>) -> Value {
    let mut line = json!({
        "path": violation.path,
        "keyword": violation.keyword,
        "expected": violation.expected,
        "received": violation.received,
        "message": violation.message,
        "fix_hint": violation.fix_hint,
        "fix": violation.fix.map(|fix| json!({
            "op": fix.op,
            "path": fix.path,
            "to": fix.to.and_then(|to| serde_json::from_str::<Value>(to).ok()),
        })),
    });
    if let Some(property) = violation.property {
        line["property"] = property.into();
    }
    if let Some(offset) = violation.offset {
        line["offset"] = offset.into();
    }
    if let Some(variants) = violation.variants {
        line["variants"] = serde_json::from_str(variants).unwrap_or_default();
    }
    line
}

/// Checks one call and says so for people.
fn one(args: &Args, guard: &Guard, catalog: &Catalog, tool: &str, text: &str) -> Result<ExitCode> {
    let roles: Vec<&str> = args.roles.iter().map(String::as_str).collect();
    let caller =
        Caller { agent: args.agent.as_deref(), roles: &roles, tenant: args.tenant.as_deref() };
    let call = Call { tool, arguments: text.as_bytes(), caller, ..Call::default() };
    let mut scratch = guard.scratch();
    let mut out = io::stdout().lock();
    let style = Style::for_stream(io::stdout().is_terminal());
    match guard.check_in(catalog, &call, &mut scratch) {
        Verdict::Allow(allowed) => {
            writeln!(out, "{} {tool}", style.good("allowed"))?;
            writeln!(out, "  Arguments  {}", String::from_utf8_lossy(allowed.arguments()))?;
            for pointer in allowed.stripped() {
                writeln!(out, "  Stripped   {pointer}  (the tool does not declare it)")?;
            }
            for pointer in allowed.repaired() {
                writeln!(out, "  Repaired   {pointer}  (it was JSON in a string)")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Refuse(refusal) => {
            print_refusal(&mut out, style, tool, &refusal, catalog)?;
            Ok(ExitCode::from(1))
        }
    }
}

/// A refusal as a block with Reason, Policy and Fix.
fn print_refusal(
    out: &mut impl Write,
    style: Style,
    tool: &str,
    refusal: &Refusal<'_>,
    catalog: &Catalog,
) -> io::Result<()> {
    let reason = refusal.reason();
    writeln!(out, "{} {tool}", style.bad("blocked"))?;
    writeln!(out, "  Reason  {}: {}", reason.name(), reason.message())?;
    if let Some(rule) = refusal.rule() {
        writeln!(out, "  Policy  {rule}")?;
    }
    for violation in refusal.violations() {
        let path = if violation.path.is_empty() { "/" } else { violation.path };
        writeln!(out, "  Wrong   {path}: {}", violation.message)?;
        if !violation.fix_hint.is_empty() {
            writeln!(out, "  Fix     {}", style.good(violation.fix_hint))?;
        }
    }
    if let Some(hint) = refusal.hint() {
        writeln!(out, "  Fix     {}", style.good(hint))?;
    }
    if reason == Reason::UnknownTool {
        let mut names: Vec<&str> = catalog.names().take(20).collect();
        names.sort_unstable();
        writeln!(out, "  Tools   {}", names.join(", "))?;
    }
    Ok(())
}
