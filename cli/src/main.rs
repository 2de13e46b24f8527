//! The `airlock` command.

mod audit;
mod check;
mod input;
mod pin;
mod policy;
mod progress;
mod redact;
#[cfg(unix)]
mod run;
mod style;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;

/// A firewall for the tool calls of AI agents
#[derive(Debug, Parser)]
#[command(name = "airlock", version)]
enum Command {
    /// Wrap an MCP server that speaks over standard input and output
    #[cfg(unix)]
    Run(run::Args),
    /// Check tool calls against schemas and a policy, without a server
    Check(check::Args),
    /// List, compare, approve and forget the tool definitions that are pinned
    #[command(subcommand)]
    Pin(pin::Command),
    /// Lint, test, explain and compare policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// Mask secrets and personal data in text
    Redact(redact::Args),
    /// Verify audit logs, and find values in them
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print the completions of a shell
    ///
    /// For bash: airlock completions bash > /etc/bash_completion.d/airlock
    Completions {
        /// The shell
        shell: Shell,
    },
}

fn main() -> ExitCode {
    // Before anything else: this is on the way of every wrapped server's start.
    #[cfg(unix)]
    if let Some(failed) = run::become_server(std::env::args_os()) {
        return failed;
    }
    match Command::parse() {
        #[cfg(unix)]
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(&args),
        Command::Pin(command) => pin::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Redact(args) => redact::run(&args),
        Command::Audit(command) => audit::run(&command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Command::command(), "airlock", &mut io::stdout());
            ExitCode::SUCCESS
        }
    }
}
