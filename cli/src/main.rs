//! The `airlock` command.

mod check;
mod redact;
mod style;

use std::process::ExitCode;

use clap::Parser;

/// A firewall for the tool calls of AI agents.
#[derive(Debug, Parser)]
#[command(name = "airlock", version)]
enum Command {
    /// Check tool calls against schemas and a policy, without a server.
    Check(check::Args),
    /// Mask secrets and personal data in text.
    Redact(redact::Args),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Check(args) => check::run(&args),
        Command::Redact(args) => redact::run(args),
    }
}
