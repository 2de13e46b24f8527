//! `airlock redact`: secrets and personal data out of text, JSON or a batch of lines.

mod options;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use airlock_core::json::{Limits, Tape, parse};
use airlock_core::redact::{Counts, Piece, Pseudonyms, Stream, Types, Work};
use airlock_core::truncate::truncate_json;
use airlock_core::{Buf, Full, Scratch};
use serde_json::{Map, Value, json};

use crate::progress::Progress;
pub use options::Args;
use options::Options;

/// How much is read at a time.
const STEP: usize = 64 << 10;

/// Runs the command: 0 when all was masked, 1 when `--fail-on` names something that was, 2 on bad usage
/// or input.
pub fn run(args: &Args) -> ExitCode {
    match redact(args) {
        Ok(failed) => ExitCode::from(u8::from(failed)),
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

/// Masks the input; whether something that `--fail-on` names was in it.
fn redact(args: &Args) -> Result<bool, Fault> {
    let mut output = BufWriter::new(io::stdout().lock());
    if args.list {
        options::list(&mut output)?;
        output.flush()?;
        return Ok(false);
    }
    let options = Options::read(args).map_err(Fault::Usage)?;
    let input = open(args)?;
    let counted = args.report || options.fail_on != Types::NONE;
    let (counts, quiet) = (Counts::new(), args.quiet);
    let mut job = Job { options: &options, counts, output, quiet, counted };
    if args.jsonl {
        job.lines(BufReader::with_capacity(STEP, input))?;
    } else if args.json {
        job.document(input)?;
    } else {
        job.text(input)?;
    }
    let Job { counts, mut output, .. } = job;
    output.flush()?;
    if args.report {
        report(&counts)?;
    }
    Ok(counts.iter().any(|(id, _)| options.fail_on.contains(id)))
}

/// What is read: a file, with its progress where someone watches, or standard input.
fn open(args: &Args) -> Result<Box<dyn Read>, Fault> {
    match args.file.as_deref() {
        Some(path) if path != Path::new("-") => {
            let bad = |error: io::Error| Fault::Input(error.to_string());
            let file = File::open(path).map_err(bad)?;
            let about = file.metadata().map_err(bad)?;
            if about.is_dir() {
                return Err(Fault::Input("is a directory".into()));
            }
            Ok(Box::new(Progress::over_what_is_shown(file, about.len())))
        }
        _ => Ok(Box::new(io::stdin().lock())),
    }
}

/// Writes how many values of each type were masked to standard error, the most frequent first.
fn report(counts: &Counts) -> Result<(), Fault> {
    let mut rows: Vec<_> = counts.iter().map(|(id, count)| (count, id.id())).collect();
    // Several detectors of one vendor share an id.
    rows.sort_by_key(|&(_, id)| id);
    rows.dedup_by(|next, kept| {
        let same = next.1 == kept.1;
        kept.0 += if same { next.0 } else { 0 };
        same
    });
    rows.sort_by_key(|&(count, id)| (std::cmp::Reverse(count), id));
    let mut stderr = io::stderr().lock();
    for (count, id) in &rows {
        writeln!(stderr, "{count:>8}  {id}")?;
    }
    let total: u32 = rows.iter().map(|(count, _)| count).sum();
    Ok(writeln!(stderr, "{total:>8}  in all")?)
}

/// One run over one input.
struct Job<'a, W> {
    options: &'a Options,
    counts: Counts,
    output: W,
    quiet: bool,
    /// Someone asks what there is, not only what is shown.
    counted: bool,
}

impl<W: Write> Job<'_, W> {
    /// Plain text; what is no UTF-8 becomes U+FFFD. Where a limit cuts it, it is read whole and masked as
    /// far as it is shown, unless what there is in all of it is counted.
    fn text(&mut self, mut input: impl Read) -> Result<(), Fault> {
        let limit = self.options.limit();
        if limit.is_none() {
            return self.pieces(input);
        }
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|error| Fault::Input(error.to_string()))?;
        let quiet = std::mem::replace(&mut self.quiet, true);
        if self.counted {
            self.pieces(bytes.as_slice())?;
        }
        if !quiet {
            let mut scratch = Scratch::new();
            let cut = self.options.redactor().redact_within(&bytes, &limit, &mut scratch);
            self.output.write_all(cut.map_err(too_long)?)?;
        }
        Ok(())
    }

    /// Plain text, read and written in pieces.
    fn pieces(&mut self, mut input: impl Read) -> Result<(), Fault> {
        let Self { options, counts, output, quiet, .. } = self;
        let redactor = options.redactor();
        let (mut stream, mut names) = (Stream::growable(), Pseudonyms::growable());
        let mut failed = None;
        let mut sink = |piece: Piece<'_>| {
            if let Piece::Mask { stands_for: 1.., id, .. } = piece {
                counts.add(id);
            }
            if *quiet {
                return Ok(());
            }
            output.write_all(piece.text().as_bytes()).map_err(|error| {
                failed = Some(error);
                Full
            })
        };
        let mut step = vec![0; STEP];
        let done = loop {
            match input.read(&mut step) {
                Ok(0) => break stream.finish(&redactor, &mut names, &mut sink).map(drop),
                Ok(len) => {
                    let chunk = step.get(..len).unwrap_or(&[]);
                    if let Err(full) = stream.feed(&redactor, chunk, &mut names, &mut sink) {
                        break Err(full);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Input(error.to_string())),
            }
        };
        if let Some(error) = failed {
            return Err(Fault::Output(error));
        }
        done.map_err(too_long)
    }

    /// One JSON document.
    fn document(&mut self, mut input: impl Read) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|error| Fault::Input(error.to_string()))?;
        let bad = |error: airlock_core::json::ParseError| {
            let before = bytes.get(..error.offset as usize).unwrap_or(&bytes);
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            Fault::Line(line, error.to_string())
        };
        let bounds = Limits { bytes: usize::MAX, ..Limits::OUTPUT };
        let mut tape = Tape::growable();
        let doc = parse(&bytes, bounds, &mut tape).map_err(bad)?;
        let (mut work, mut masked) = (Work::growable(), Buf::growable());
        let redactor = self.options.redactor();
        redactor.redact_json(doc, &mut work, &mut masked).map_err(too_long)?;
        self.counts = work.counts;
        if self.quiet {
            return Ok(());
        }
        let limit = self.options.limit();
        if limit.is_none() {
            return Ok(self.output.write_all(&masked)?);
        }
        let (mut tape, mut cut) = (Tape::growable(), Buf::growable());
        let doc = parse(&masked, bounds, &mut tape).map_err(bad)?;
        truncate_json(doc, &limit, &mut cut).map_err(too_long)?;
        Ok(self.output.write_all(&cut)?)
    }

    /// A batch: one text a line.
    fn lines(&mut self, input: impl BufRead) -> Result<(), Fault> {
        let redactor = self.options.redactor();
        let mut names = Pseudonyms::growable();
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
            masked.clear();
            names.clear();
            redactor
                .scan(text, &mut findings)
                .and_then(|()| redactor.mask_numbered(text, &findings, &mut names, &mut masked))
                .map_err(too_long)?;
            findings.iter().for_each(|found| self.counts.add(found.id));
            if self.quiet {
                continue;
            }
            let spans: Vec<Value> = findings
                .iter()
                .map(|found| json!({"start": found.start, "end": found.end, "type": found.id.id()}))
                .collect();
            let answer = json!({
                "id": record.get("id"),
                "redacted": String::from_utf8_lossy(&masked),
                "spans": spans,
            });
            writeln!(self.output, "{answer}")?;
        }
        Ok(())
    }
}

/// Growing storage is full only where offsets end.
fn too_long(Full: Full) -> Fault {
    Fault::Input("longer than 4 GiB".into())
}
