//! The `airlock` command.

mod redact;
#[cfg(unix)]
mod run;

use std::process::ExitCode;

use clap::Parser;

/// A firewall for the tool calls of AI agents.
#[derive(Debug, Parser)]
#[command(name = "airlock", version)]
enum Command {
    /// Mask secrets and personal data in text.
    Redact(redact::Args),
    /// Wrap an MCP server that speaks over standard input and output.
    #[cfg(unix)]
    Run(run::Args),
}

fn main() -> ExitCode {
    // Before anything else: this is on the way of every wrapped server's start.
    #[cfg(unix)]
    if let Some(failed) = run::become_server(std::env::args_os()) {
        return failed;
    }
    match Command::parse() {
        Command::Redact(args) => redact::run(args),
        #[cfg(unix)]
        Command::Run(args) => run::run(args),
    }
}
