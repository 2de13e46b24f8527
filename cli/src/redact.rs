//! `airlock redact`: secrets and personal data out of text, JSON or a batch of lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use airlock_core::Buf;
use airlock_core::json::{Limits, Tape, parse};
use airlock_core::redact::{Finding, Redactor, Style, Types, Work};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// Arguments of `airlock redact`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to read; standard input when absent or `-`.
    file: Option<PathBuf>,
    /// The input is JSON, and the output stays JSON.
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Each line of the input is {"id", "text"}, each line of the output {"id", "redacted", "spans"}.
    #[arg(long)]
    jsonl: bool,
    /// What to mask: ids or groups such as `secret,pii.core,-pii.core.ip`. Everything when absent.
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    types: Vec<String>,
    /// What to write in its place.
    #[arg(long, value_enum, default_value_t = Mask::Default)]
    mask: Mask,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mask {
    /// `sk-...XXXX` where a key has a public prefix, else `[REDACTED]`.
    Default,
    /// The type's name: `[EMAIL]`.
    Type,
    /// `[REDACTED]`
    Full,
}

/// Runs the command: 0 when all was masked, 2 on bad usage or input.
pub fn run(args: Args) -> ExitCode {
    match redact(&args) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output may stop reading.
        Err(Fault::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(fault) => {
            let name = args.file.as_deref().unwrap_or(Path::new("-")).display();
            match fault {
                Fault::Usage(message) => eprintln!("airlock redact: {message}"),
                Fault::Input(message) => eprintln!("airlock redact: {name}: {message}"),
                Fault::Line(line, message) => eprintln!("airlock redact: {name}:{line}: {message}"),
                Fault::Output(error) => eprintln!("airlock redact: cannot write: {error}"),
            }
            ExitCode::from(2)
        }
    }
}

enum Fault {
    Usage(String),
    Input(String),
    Line(usize, String),
    Output(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn redact(args: &Args) -> Result<(), Fault> {
    let types = match args.types.as_slice() {
        [] => Types::ALL,
        list => Types::parse(list.iter().map(|name| name.trim()))
            .map_err(|error| Fault::Usage(format!("--types: {error}")))?,
    };
    let style = match args.mask {
        Mask::Default => Style::Default,
        Mask::Type => Style::Type,
        Mask::Full => Style::Full,
    };
    let redactor = Redactor::new(types, style);
    let input = open(args.file.as_deref())?;
    let mut output = BufWriter::new(io::stdout().lock());
    if args.jsonl {
        lines(redactor, input, &mut output)?;
    } else if args.json {
        document(redactor, input, &mut output)?;
    } else {
        text(redactor, input, &mut output)?;
    }
    Ok(output.flush()?)
}

fn open(file: Option<&Path>) -> Result<Box<dyn BufRead>, Fault> {
    match file {
        Some(path) if path != Path::new("-") => {
            let file = File::open(path).map_err(|error| Fault::Input(error.to_string()))?;
            Ok(Box::new(BufReader::new(file)))
        }
        _ => Ok(Box::new(io::stdin().lock())),
    }
}

fn read(mut input: impl BufRead) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|error| Fault::Input(error.to_string()))?;
    Ok(bytes)
}

/// Plain text; what is no UTF-8 becomes U+FFFD.
fn text(redactor: Redactor<'_>, input: impl BufRead, output: &mut impl Write) -> Result<(), Fault> {
    let bytes = read(input)?;
    let text = String::from_utf8_lossy(&bytes);
    let (mut findings, mut masked) = (Buf::growable(), Buf::growable());
    scan(redactor, &text, &mut findings, &mut masked)?;
    Ok(output.write_all(&masked)?)
}

fn scan(
    redactor: Redactor<'_>,
    text: &str,
    findings: &mut Buf<'_, Finding>,
    masked: &mut Buf<'_, u8>,
) -> Result<(), Fault> {
    masked.clear();
    redactor
        .scan(text, findings)
        .and_then(|()| redactor.mask(text, findings, masked))
        .map_err(|_| Fault::Input("longer than 4 GiB".into()))
}

/// One JSON document.
fn document(
    redactor: Redactor<'_>,
    input: impl BufRead,
    output: &mut impl Write,
) -> Result<(), Fault> {
    let bytes = read(input)?;
    let mut tape = Tape::growable();
    let doc = parse(&bytes, Limits::OUTPUT, &mut tape).map_err(|error| {
        let before = bytes.get(..error.offset as usize).unwrap_or(&bytes);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Fault::Line(line, error.to_string())
    })?;
    let (mut work, mut masked) = (Work::growable(), Buf::growable());
    redactor
        .redact_json(doc, &mut work, &mut masked)
        .map_err(|_| Fault::Input("longer than 4 GiB".into()))?;
    Ok(output.write_all(&masked)?)
}

/// A batch: one text a line.
fn lines(
    redactor: Redactor<'_>,
    input: impl BufRead,
    output: &mut impl Write,
) -> Result<(), Fault> {
    let (mut findings, mut masked) = (Buf::growable(), Buf::growable());
    for (number, line) in input.lines().enumerate() {
        let bad = |message: String| Fault::Line(number + 1, message);
        let line = line.map_err(|error| bad(error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let record: Map<String, Value> =
            serde_json::from_str(&line).map_err(|error| bad(error.to_string()))?;
        let Some(Value::String(text)) = record.get("text") else {
            return Err(bad("no string member \"text\"".into()));
        };
        scan(redactor, text, &mut findings, &mut masked)?;
        let spans: Vec<Value> = findings
            .iter()
            .map(|found| json!({"start": found.start, "end": found.end, "type": found.id.id()}))
            .collect();
        let answer = json!({
            "id": record.get("id"),
            "redacted": String::from_utf8_lossy(&masked),
            "spans": spans,
        });
        writeln!(output, "{answer}")?;
    }
    Ok(())
}
