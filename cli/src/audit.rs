//! `airlock audit`: whether a log is as it was written, and where a value occurs in it.
//!
//! Exit codes are those of `airlock policy`: 0 for nothing to report, 1 for something, 2 for trouble.

mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use airlock::audit::{AuditKey, KEY_VARIABLE};

use crate::input::{Failure, Result};

/// Subcommands of `airlock audit`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check that no record was changed, removed, repeated or moved
    Verify(verify::Args),
    /// Print the digest that stands for a value in the records of a key
    Digest(DigestArgs),
}

/// Arguments of `airlock audit digest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  airlock audit digest --key-file audit.key < value.txt
  grep \"$(airlock audit digest --key-file audit.key < value.txt)\" audit.jsonl

The value is read from standard input, for a command line can be seen by others.")]
pub struct DigestArgs {
    #[command(flatten)]
    key: Key,
}

/// Where the key is.
#[derive(Debug, clap::Args)]
struct Key {
    /// The file of the key; else the key is the text of AIRLOCK_AUDIT_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Key {
    fn read(&self) -> Result<Option<AuditKey>> {
        match &self.key_file {
            Some(path) => Ok(Some(AuditKey::read(path).map_err(|error| about(path, &error))?)),
            None => Ok(AuditKey::from_env()?),
        }
    }
}

/// Runs the command.
pub fn run(command: &Command) -> ExitCode {
    let (name, done) = match command {
        Command::Verify(args) => ("verify", verify::run(args)),
        Command::Digest(args) => ("digest", digest(args)),
    };
    match done {
        Ok(code) => code,
        Err(Failure(message)) => {
            eprintln!("airlock audit {name}: {message}");
            ExitCode::from(2)
        }
    }
}

fn digest(args: &DigestArgs) -> Result<ExitCode> {
    let key = args.key.read()?;
    let key = key.ok_or_else(|| format!("needs --key-file FILE or {KEY_VARIABLE}"))?;
    let value = io::read_to_string(io::stdin().lock())?;
    let value = value.strip_suffix('\n').unwrap_or(&value);
    println!("{}", key.digest(value.strip_suffix('\r').unwrap_or(value)));
    Ok(ExitCode::SUCCESS)
}

fn about(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}
