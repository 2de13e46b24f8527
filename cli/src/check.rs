//! `airlock check`: what the guard says of calls, without a server.
//!
//! The batch form is a contract with other programs: one JSON object a line in, one a line out, in
//! order, and fields are only ever added. The form for people checks one call.

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use airlock::clock::ManualClock;
use airlock::core::policy::{Admit, NearMiss};
use airlock::core::{
    Call, Caller, Catalog, Guard, Origin, Reason, Refusal, ToolDefinition, Verdict, Violation,
};
use airlock::limit::Limiter;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

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
    /// Policy file, or the name of a preset
    #[arg(long, value_name = "FILE|PRESET", default_value = "permissive")]
    policy: String,
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

/// A line of the tools file. Unknown members are ignored.
#[derive(Deserialize)]
struct ToolLine<'a> {
    tool: Option<String>,
    name: Option<String>,
    #[serde(borrow, alias = "input_schema", rename = "inputSchema")]
    input_schema: &'a RawValue,
}

/// A line of the calls file. Unknown members are ignored.
#[derive(Deserialize)]
struct CallLine<'a> {
    #[serde(default)]
    id: Value,
    tool: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    arguments_text: Option<String>,
    #[serde(alias = "arguments_b64")]
    arguments_base64: Option<String>,
    agent: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    tenant: Option<String>,
    /// RFC 3339.
    at: Option<String>,
}

/// Why nothing can be checked: a sentence that names the file and the line.
#[derive(Debug)]
struct Failure(String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

type Result<T> = std::result::Result<T, Failure>;

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
    let mut policy = airlock::policy::open(&args.policy)?;
    match args.near_miss {
        Some(NearMissMode::Refuse) => policy = policy.with_near_miss(NearMiss::Refuse),
        Some(NearMissMode::Strip) => policy = policy.with_near_miss(NearMiss::Strip),
        None => {}
    }
    let guard = Guard::builder().policy(policy)?.build()?;
    let catalog = catalog(args)?;
    match (&args.tool, &args.arguments, &args.calls) {
        (Some(tool), Some(arguments), _) => one(args, &guard, &catalog, tool, arguments),
        (_, _, Some(calls)) => batch(&guard, &catalog, calls),
        _ => Err(Failure("give --calls FILE, or a tool and its arguments".into())),
    }
}

fn catalog(args: &Args) -> Result<Catalog> {
    let path = &args.tools;
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut builder = Catalog::builder(Origin::Trusted);
    builder.assert_formats(args.format == FormatMode::Assert);
    let mut seen = std::collections::HashMap::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let place = Place { path, line };
        let tool: ToolLine<'_> = serde_json::from_str(text).map_err(|e| format!("{place}: {e}"))?;
        let name =
            tool.tool.or(tool.name).ok_or_else(|| format!("{place}: a tool needs a name"))?;
        if let Some(first) = seen.insert(name.clone(), line) {
            return Err(format!("{place}: the tool {name:?} is already on line {first}").into());
        }
        let definition = ToolDefinition {
            name: &name,
            input_schema: tool.input_schema.get().as_bytes(),
            output_schema: None,
        };
        match builder.tool(definition) {
            Ok(warnings) => {
                for warning in warnings {
                    eprintln!("airlock check: {place}: warning: {name:?}: {warning}");
                }
            }
            // Its calls are refused with `tool_unsupported`; the others can be checked.
            Err(error) => eprintln!("airlock check: {place}: {name:?} is not supported: {error}"),
        }
    }
    Ok(builder.build())
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
        let mut call: CallLine<'_> =
            serde_json::from_str(&text).map_err(|e| format!("{place}: {e}"))?;
        let id = std::mem::take(&mut call.id);
        let arguments = call.arguments(place)?;
        let roles: Vec<&str> = call.roles.iter().map(String::as_str).collect();
        let now = match &call.at {
            Some(at) => Some(moment(at).map_err(|e| format!("{place}: at: {e}"))?),
            None => None,
        };
        let caller =
            Caller { agent: call.agent.as_deref(), roles: &roles, tenant: call.tenant.as_deref() };
        let call = Call { tool: &call.tool, arguments: &arguments, caller, now, ..Call::default() };
        let limits = now.map(|now| past.limits_at(now));
        let settled = guard.settle_in(catalog, &call, limits, &mut scratch);
        let verdict = settled.verdict(&arguments, &scratch);
        serde_json::to_writer(&mut out, &answer(&id, &verdict))?;
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

impl CallLine<'_> {
    /// The bytes to check.
    fn arguments(&self, place: Place<'_>) -> Result<Vec<u8>> {
        match (self.arguments, &self.arguments_text, &self.arguments_base64) {
            (Some(value), None, None) => Ok(value.get().as_bytes().to_vec()),
            (None, Some(text), None) => Ok(text.as_bytes().to_vec()),
            (None, None, Some(text)) => {
                BASE64.decode(text).map_err(|e| format!("{place}: arguments_base64: {e}").into())
            }
            (None, None, None) => Ok(b"{}".to_vec()),
            _ => Err(format!("{place}: the arguments are given more than once").into()),
        }
    }
}

/// Unix milliseconds of an RFC 3339 moment.
fn moment(text: &str) -> std::result::Result<u64, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|e: jiff::Error| e.to_string())?;
    u64::try_from(moment.as_millisecond()).map_err(|_| "a moment before 1970".into())
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

/// A line of a file.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    line: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}
