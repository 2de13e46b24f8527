//! The `airlock` command.

mod redact;

use std::process::ExitCode;

use clap::Parser;

/// A firewall for the tool calls of AI agents.
#[derive(Debug, Parser)]
#[command(name = "airlock", version)]
enum Command {
    /// Mask secrets and personal data in text.
    Redact(redact::Args),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Redact(args) => redact::run(args),
    }
}
