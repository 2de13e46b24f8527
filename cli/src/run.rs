//! `airlock run`: wrap an MCP server that speaks over standard input and output.
//!
//! Standard output carries the protocol and nothing else; what a person should know goes to standard
//! error.

mod fleet;
#[cfg(feature = "otel")]
mod traces;

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use airlock::Firewall;
use airlock::audit::AuditLog;
use airlock::core::mcp::Bounds;
use airlock::core::policy::PinMode;
use airlock::kill::Causes;
use airlock::observe::{self, Incidents, Metrics};
use airlock::pins;
use airlock::policy::{Policy, PolicyFile};
use airlock::reload::Watch;
use airlock::stdio::{self, Identity, Options, Reload};

/// The hidden subcommand with which this program becomes a server.
const EXEC: &str = "__exec";
/// Bad usage, or a policy that cannot be honoured.
const BAD_USAGE: u8 = 2;

/// Arguments of `airlock run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A policy file, or the name of a preset; of several each narrows those before it
    #[arg(long, value_name = "FILE|PRESET", default_value = "permissive")]
    policy: Vec<String>,
    /// Name of the agent that makes the calls
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Role of the agent; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Tenant that the agent works for
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Append one JSON line for each decision to this file, in place of the policy's own
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Halt all tool calls while this file exists; it is looked for at each call
    #[arg(long, value_name = "FILE")]
    kill_file: Option<PathBuf>,
    /// Put policy files in force anew when they are changed, within two seconds; SIGHUP does it too
    #[arg(long)]
    watch: bool,
    /// Answer `GET /metrics` at this address of this machine, for Prometheus; port 0 is any
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// Let --metrics be an address that other machines reach: they will read the names of tools
    #[arg(long, requires = "metrics")]
    metrics_anywhere: bool,
    /// Keep the definitions of the server's tools in this file, and refuse tools whose definition changes
    #[arg(long, value_name = "FILE")]
    pins: Option<PathBuf>,
    /// Name of the server in the pin file, in place of one made from its command
    #[arg(long, value_name = "NAME", requires = "pins")]
    server: Option<String>,
    /// Count calls together with other processes, on the Redis or Valkey server at this URL; better given in
    /// the environment, where a password is not seen
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Halt all tool calls while Redis has this key
    #[cfg(feature = "redis")]
    #[arg(long, value_name = "KEY")]
    kill_key: Option<String>,
    /// The server's command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Turns this process into a server when its arguments say so; the exit code when that fails.
pub fn become_server(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    (arguments.nth(1)? == EXEC).then(|| exit(airlock::child::become_server(arguments)))
}

/// Runs the command: the server's exit code, 127 when it cannot be started, 2 on bad usage.
pub fn run(args: Args) -> ExitCode {
    match wrap(args) {
        Ok(code) => exit(code),
        Err(message) => {
            eprintln!("airlock run: {message}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

fn wrap(args: Args) -> Result<i32, String> {
    let args = &Arc::new(args);
    // Before the files are read, so that no change of them is missed.
    let reload = reload(args);
    let file = open(args)?;
    let audit = AuditLog::of(&file, args.audit.as_deref(), args.agent.as_deref())
        .map_err(|error| error.to_string())?;
    let causes = Causes::default();
    let metrics = metrics(args)?;
    let incidents = Incidents::new(&audit, metrics.clone());
    let fleet = fleet::join(args, file.policy(), &causes, incidents)?;
    let mut builder = Firewall::builder().policy(file).audit(audit).causes(causes);
    if let Some(limiter) = fleet.limiter {
        builder = builder.limiter(limiter);
    }
    if let Some(path) = &args.kill_file {
        builder = builder.kill_file(path);
    }
    if let Some(path) = &args.pins {
        builder = builder.pin_file(path);
    }
    if let Some(metrics) = metrics {
        builder = builder.metrics(metrics);
    }
    #[cfg(feature = "otel")]
    let exporter = traces::Exporter::start();
    #[cfg(feature = "otel")]
    if let Some(traces) = exporter.traces() {
        builder = builder.traces(traces);
    }
    let firewall = builder.build().map_err(|error| error.to_string())?;
    let (agent, roles, tenant) = (args.agent.clone(), args.roles.clone(), args.tenant.clone());
    let server = args.server.clone().unwrap_or_else(|| pins::key_of(&args.command));
    let own = std::env::current_exe()
        .map_err(|error| format!("cannot find the airlock program itself: {error}"))?;
    stdio::run(Options {
        firewall,
        identity: Identity { agent, roles, tenant },
        command: &args.command,
        own: Some((&own, OsStr::new(EXEC))),
        bounds: Bounds::default(),
        reload,
        server: Some(&server),
    })
    .map_err(|error| format!("cannot start: {error}"))
}

/// The policy, if nothing is missing under it.
fn open(args: &Args) -> Result<PolicyFile, String> {
    let file = PolicyFile::open_stack(&args.policy).map_err(|error| error.to_string())?;
    require(args, file.policy())?;
    if args.pins.is_some() && file.policy().settings().pins.mode == Some(PinMode::Off) {
        return Err("the policy says that no pins are kept: leave --pins out".into());
    }
    for role in args.roles.iter().filter(|role| !file.policy().knows_role(role)) {
        eprintln!("airlock run: no rule of the policy is about the role {role:?}");
    }
    Ok(file)
}

/// How the policy is opened anew; not at all where it is presets.
fn reload(args: &Arc<Args>) -> Option<Reload> {
    let is_file = |name: &&String| Policy::preset(name).is_err();
    let files: Vec<_> = args.policy.iter().filter(is_file).map(PathBuf::from).collect();
    if files.is_empty() {
        return None;
    }
    let watch = args.watch.then(|| Watch::new(files));
    let args = Arc::clone(args);
    let open = Box::new(move || open(&args).map_err(Into::into));
    Some(Reload { open, watch })
}

/// Counters that the port shows, if there is to be one.
fn metrics(args: &Args) -> Result<Option<Metrics>, String> {
    let Some(address) = args.metrics else { return Ok(None) };
    let metrics = Metrics::new();
    let address = observe::serve(metrics.clone(), address, args.metrics_anywhere)
        .map_err(|error| format!("--metrics: {error}"))?;
    eprintln!("airlock: metrics are at http://{address}/metrics");
    Ok(Some(metrics))
}

/// Refuses to start without what the policy cannot do without: under it every call would be refused, or
/// would pass unseen.
fn require(args: &Args, policy: &Policy) -> Result<(), String> {
    let nameless = args.agent.as_deref().is_none_or(str::is_empty);
    let unaudited = args.audit.is_none() && policy.audit().path.is_none();
    let needs = [
        ("an audit log", "--audit FILE", policy.settings().needs_audit && unaudited),
        ("a pin file", "--pins FILE", wants_pins(policy) && args.pins.is_none()),
        ("the agent's name", "--agent NAME", policy.requires_agent() && nameless),
    ];
    let missing: Vec<_> = needs.iter().filter(|(_, _, missing)| *missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = |pick: fn(&(&'static str, &'static str, bool)) -> &'static str| {
        missing.iter().map(|need| pick(need)).collect::<Vec<_>>().join(" and ")
    };
    Err(format!("the policy needs {}: add {}", list(|need| need.0), list(|need| need.1)))
}

fn wants_pins(policy: &Policy) -> bool {
    policy.settings().pins.mode.is_some_and(|mode| mode != PinMode::Off)
}

fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
