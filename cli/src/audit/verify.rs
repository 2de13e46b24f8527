//! `airlock audit verify`.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use airlock::audit::verify::{Flaw, Report, Verifier};
use serde_json::json;

use super::{Key, about};
use crate::input::Result;
use crate::progress::Progress;
use crate::style::Style;

/// How much is read at a time.
const STEP: usize = 256 << 10;
/// Most files that a rotated log has.
const MAX_ROTATED: u32 = 1000;

/// Something is not as it was written.
const FLAWED: u8 = 1;
/// The log is under a key that is not given.
const UNPROVED: u8 = 2;

/// Arguments of `airlock audit verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  airlock audit verify audit.jsonl --key-file audit.key
  airlock audit verify audit.jsonl --key-file audit.key --checkpoints /mnt/other/checkpoints.jsonl

Before FILE the files FILE.9 … FILE.1 beside it are read, as far as they exist.

Exit codes: 0 intact; 1 not as it was written; 2 trouble, or a log under a key that is not given.")]
pub struct Args {
    /// Logs, in the order in which they were written
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    key: Key,
    /// The file with the log's checkpoints: a log that was cut off is found
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Older files were deleted: the log may begin with any record
    #[arg(long)]
    partial: bool,
    /// A run that did not end is an error too: it goes on, was killed, or was cut off
    #[arg(long)]
    closed: bool,
    /// Read only the files that are named
    #[arg(long)]
    only: bool,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let key = args.key.read()?;
    let mut verifier = Verifier::new(key.as_ref(), args.partial);
    if let Some(path) = &args.checkpoints {
        let read = open(path).and_then(|file| verifier.checkpoints(&shown(path), file));
        read.map_err(|error| about(path, &error))?;
    }
    for path in all_files(args) {
        let read = open(&path).and_then(|file| verifier.file(&shown(&path), file));
        read.map_err(|error| about(&path, &error))?;
    }
    let report = verifier.finish();
    let flawed = !report.is_intact() || (args.closed && !report.open_runs.is_empty());
    let good = !flawed && report.unproved == 0;
    let mut out = io::stdout().lock();
    if args.json {
        let keyed = key.is_some();
        let checked = args.checkpoints.is_some();
        writeln!(out, "{}", as_json(&report, good, keyed, checked))?;
    } else {
        let style = Style::for_stream(out.is_terminal());
        write_report(args, &report, key.is_some(), style, &mut out)?;
    }
    Ok(ExitCode::from(match (flawed, good) {
        (true, _) => FLAWED,
        (false, true) => 0,
        // Who asks without the key must not hear that all is well.
        (false, false) => UNPROVED,
    }))
}

/// The files to read, the oldest first.
fn all_files(args: &Args) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for path in &args.files {
        let beside = |number: u32| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if !args.only {
            let rotated = (1..=MAX_ROTATED).map(beside).take_while(|path| path.exists());
            let mut rotated: Vec<_> = rotated.filter(|path| !args.files.contains(path)).collect();
            rotated.reverse();
            all.append(&mut rotated);
        }
        all.push(path.clone());
    }
    all
}

fn open(path: &Path) -> io::Result<BufReader<Progress<File>>> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(BufReader::with_capacity(STEP, Progress::over(file, about.len())))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn as_json(report: &Report, good: bool, keyed: bool, checked: bool) -> serde_json::Value {
    let flaw = |flaw: &Flaw| {
        let Flaw { file, line, run, n, what } = flaw;
        json!({
            "file": file, "line": line, "run": run, "n": n,
            "what": what.name(), "message": what.to_string(),
        })
    };
    json!({
        "v": 1,
        "intact": report.is_intact(),
        "ok": good,
        "keyed": keyed,
        "checkpointed": checked,
        "files": report.files,
        "records": report.records,
        "unproved": report.unproved,
        "runs": report.runs,
        "open_runs": report.open_runs,
        "checkpoints": report.checkpoints,
        "torn": report.torn,
        "torn_checkpoints": report.torn_checkpoints,
        "flaws": report.flaws.iter().map(flaw).collect::<Vec<_>>(),
        "more_flaws": report.more_flaws,
    })
}

fn write_report(
    args: &Args,
    report: &Report,
    keyed: bool,
    style: Style,
    out: &mut impl Write,
) -> io::Result<()> {
    for Flaw { file, line, run, n, what } in &report.flaws {
        write!(out, "{file}:{line}: {}", style.bad(what))?;
        match (run, n) {
            (Some(run), Some(n)) => writeln!(out, " (run {run}, record {n})")?,
            (Some(run), None) => writeln!(out, " (run {run})")?,
            _ => writeln!(out)?,
        }
    }
    if report.more_flaws > 0 {
        writeln!(out, "… and {} more", report.more_flaws)?;
    }
    let Report { records, runs, checkpoints, .. } = report;
    let verdict = match (report.is_intact(), report.unproved) {
        (false, _) => style.bad("not as it was written"),
        (true, 0) => style.good("intact"),
        (true, _) => style.warn("not verified"),
    };
    writeln!(out, "{verdict}: {records} records of {runs} runs, {checkpoints} checkpoints")?;
    if report.torn > 0 {
        writeln!(out, "{} lines were torn, and later records vouch for them", report.torn)?;
    }
    let few = report.open_runs.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    match report.open_runs.len() {
        0 => {}
        count => writeln!(
            out,
            "{}: {count} runs have no end ({few}): they go on, were killed, or were cut off",
            style.warn("note"),
        )?,
    }
    let proves = match (report.unproved > 0, keyed) {
        (true, _) => {
            "the log is under a key, and without it only the order is checked: give --key-file, or set \
             AIRLOCK_AUDIT_KEY"
        }
        (false, false) => {
            "the hashes need no key: this finds accidents, not who knows how to compute a hash"
        }
        (false, true) if args.checkpoints.is_none() => {
            "without --checkpoints it is not known whether the end of the log was cut off"
        }
        (false, true) => return Ok(()),
    };
    writeln!(out, "{}: {proves}", style.warn("note"))
}
