//! `airlock policy`: what a policy says, whether it says what is meant, and what a change to it does.
//!
//! Each command writes for people, or with `--json` one JSON object a line, to which fields are only
//! ever added. Exit codes are those of `diff`: 0 for nothing to report, 1 for something, 2 for trouble.

mod diff;
mod explain;
mod lint;
mod test;

use std::process::ExitCode;
use std::sync::Arc;

use airlock::core::Guard;
use airlock::mask::HmacSha256;
use airlock::policy::{Policy, PolicyError, PolicyFile, Sources};

use crate::input::{Failure, Result};

/// Subcommands of `airlock policy`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Report what is wrong with a policy, and what is probably not meant
    Lint(lint::Args),
    /// Run the tests that a policy carries
    Test(test::Args),
    /// Show which rules a call meets, and which of them decides
    Explain(explain::Args),
    /// Compare two policies: what they say, and what they do
    Diff(diff::Args),
}

/// Runs the command.
pub fn run(command: &Command) -> ExitCode {
    let (name, done) = match command {
        Command::Lint(args) => ("lint", lint::run(args)),
        Command::Test(args) => ("test", test::run(args)),
        Command::Explain(args) => ("explain", explain::run(args)),
        Command::Diff(args) => ("diff", diff::run(args)),
    };
    match done {
        Ok(code) => code,
        Err(Failure(message)) => {
            eprintln!("airlock policy {name}: {message}");
            ExitCode::from(2)
        }
    }
}

/// A guard that decides by the policy in `file`, and the text to show places of.
fn guard(file: PolicyFile) -> Result<(Guard, Sources)> {
    let (policy, sources) = file.into_parts();
    let guard = build(policy).map_err(|error| sources.explain(&error))?;
    Ok((guard, sources))
}

fn build(policy: Policy) -> std::result::Result<Guard, PolicyError> {
    let mut builder = Guard::builder().policy(policy)?;
    // No output is filtered here, so hashes need no secret.
    if let Some(key) = HmacSha256::new(&[0; 32]) {
        builder = builder.mask_hash(Arc::new(key));
    }
    builder.build()
}
