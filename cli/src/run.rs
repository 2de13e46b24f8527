//! `airlock run`: wrap an MCP server that speaks over standard input and output.
//!
//! Standard output carries the protocol and nothing else; what a person should know goes to standard
//! error.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use airlock::audit::AuditLog;
use airlock::core::Guard;
use airlock::core::mcp::Bounds;
use airlock::stdio::{self, Identity, Options};

/// The hidden subcommand with which this program becomes a server.
pub const EXEC: &str = "__exec";

/// Arguments of `airlock run`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A policy file, or the name of a preset; without it calls are validated and outputs masked
    #[arg(long, value_name = "FILE|PRESET")]
    policy: Option<String>,
    /// Name of the agent that makes the calls
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Role of the agent; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Tenant that the agent works for
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Append one JSON line for each decision to this file
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// The server's command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the server behind the firewall; the exit code.
///
/// # Errors
/// What to tell the person who typed the command.
pub fn run(args: &Args) -> Result<i32, String> {
    let guard = Arc::new(guard(args.policy.as_deref())?);
    let audit = match &args.audit {
        Some(path) => AuditLog::open(path, args.agent.as_deref())
            .map_err(|error| format!("cannot open the audit log {}: {error}", path.display()))?,
        None => AuditLog::none(),
    };
    let own = std::env::current_exe()
        .map_err(|error| format!("cannot find the airlock program itself: {error}"))?;
    let identity = Identity {
        agent: args.agent.clone(),
        roles: args.roles.clone(),
        tenant: args.tenant.clone(),
    };
    stdio::run(Options {
        guard,
        identity,
        audit,
        command: &args.command,
        own: Some((&own, OsStr::new(EXEC))),
        bounds: Bounds::default(),
    })
    .map_err(|error| format!("cannot set up the relay: {error}"))
}

/// The guard that `policy` describes.
fn guard(policy: Option<&str>) -> Result<Guard, String> {
    if let Some(policy) = policy {
        return Err(format!("cannot open the policy {policy}"));
    }
    Guard::builder()
        .build()
        .map_err(|error| format!("{} (at {:?})", error.message, error.path))
}
