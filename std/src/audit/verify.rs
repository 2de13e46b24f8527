//! Whether a log is as it was written.
//!
//! A [`Verifier`] reads files in the order in which they were written, a line at a time, and follows the
//! chain of each run: every byte of a record is under its hash, every hash under the next one. With the
//! key a record that was changed, removed, repeated, moved or invented is found, and with checkpoints also
//! one that was cut off the end; without the key the same holds against accidents, not against who can
//! compute a hash. Memory: 1 MiB for a line, some 100 bytes for each run; time: one hash over each line.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};

use airlock_core::json::{Limits, Tape, Value, parse};

use super::chain::{
    Digest, Hasher, Link, NOTHING, Place, Seal, parse_run, read_digest, read_number,
};
use super::key::AuditKey;

/// Longest line that can be a record.
const MAX_LINE: usize = 1 << 20;
/// Most flaws that are told; more are counted.
const MAX_FLAWS: usize = 100;
/// Most runs that are told apart.
const MAX_RUNS: usize = 1 << 20;

/// Reads a log.
pub struct Verifier {
    hasher: Hasher,
    /// The log may begin anywhere.
    partial: bool,
    runs: HashMap<u64, Run>,
    checkpoints: HashMap<u64, Checkpoint>,
    /// A line that is no record, until the next one says why.
    pending: Option<Pending>,
    tape: Tape<'static>,
    line: Vec<u8>,
    report: Report,
}

/// What is known of a run.
struct Run {
    n: u64,
    head: Digest,
    /// The number of its last decision.
    seq: u64,
    began: bool,
    /// It closed the log, or a later run says that it did not.
    ended: bool,
}

/// The last checkpoint of a run.
struct Checkpoint {
    n: u64,
    head: Digest,
    file: String,
    line: u64,
    met: bool,
}

struct Pending {
    file: String,
    line: u64,
    bytes: usize,
    digest: Digest,
}

/// What was found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Files read, those of checkpoints included.
    pub files: u64,
    /// Records of the log.
    pub records: u64,
    /// Records that only the holder of the key can check; 0 when there was a key.
    pub unproved: u64,
    /// Runs that have records.
    pub runs: u64,
    /// Runs that began and neither closed the log nor are said to have been killed: they go on, or were
    /// killed and nobody has opened the log since, or their last records were cut off.
    pub open_runs: Vec<String>,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Lines among the checkpoints that are none: torn by a kill, as a rule.
    pub torn_checkpoints: u64,
    /// Lines that a full disk or a kill tore, which later records vouch for.
    pub torn: u64,
    /// What is wrong, in the order of the files; at most 100.
    pub flaws: Vec<Flaw>,
    /// How many more flaws there are.
    pub more_flaws: u64,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// In which file.
    pub file: String,
    /// In which line, from 1.
    pub line: u64,
    /// The run whose chain it is about, when that is known.
    pub run: Option<String>,
    /// The number of the record in the chain of its run.
    pub n: Option<u64>,
    /// What it is.
    pub what: What,
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The bytes of a record do not have its hash, or the key is another one.
    Altered,
    /// A checkpoint says that the record was another one.
    CheckpointDiffers,
    /// Records that a checkpoint, or a later run, has seen are not there: the end of the run was cut off.
    Cut,
    /// The record does not follow the one before it in its run.
    Detached,
    /// Records before this one are not there.
    Missing {
        /// How many.
        count: u64,
    },
    /// No record of a chain, and nothing vouches for it.
    NoRecord,
    /// The record stands here again, or at another place than it was written at.
    Repeated,
    /// The run that this one was begun after is not there.
    RunMissing,
    /// The last line is not ended.
    Unended,
    /// The record has a hash that needs no key: anyone could have written it.
    Unkeyed,
}

impl What {
    /// A word for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::CheckpointDiffers => "checkpoint_differs",
            Self::Cut => "cut",
            Self::Detached => "detached",
            Self::Missing { .. } => "missing",
            Self::NoRecord => "no_record",
            Self::Repeated => "repeated",
            Self::RunMissing => "run_missing",
            Self::Unended => "unended",
            Self::Unkeyed => "unkeyed",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Altered => "the record was changed, or was written under another key",
            Self::CheckpointDiffers => "a checkpoint says that this record was another one",
            Self::Cut => "the last records of the run are missing",
            Self::Detached => "the record does not follow the one before it",
            Self::Missing { count: 1 } => "a record is missing before this one",
            Self::Missing { count } => {
                return write!(f, "{count} records are missing before this one");
            }
            Self::NoRecord => "not a record of a chain",
            Self::Repeated => "the record is repeated or moved",
            Self::RunMissing => "the record that was written before it is missing",
            Self::Unended => "the last line is not ended",
            Self::Unkeyed => "the record is not under the key: anyone could have written it",
        })
    }
}

impl Report {
    /// Whether everything is as it was written, as far as that can be known.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.flaws.is_empty()
    }

    fn add(&mut self, flaw: Flaw) {
        if self.flaws.len() < MAX_FLAWS {
            self.flaws.push(flaw);
        } else {
            self.more_flaws += 1;
        }
    }
}

/// Where something was found.
#[derive(Clone, Copy)]
struct Spot<'f> {
    file: &'f str,
    line: u64,
}

impl Spot<'_> {
    fn flaw(self, place: Option<Place>, what: What) -> Flaw {
        let (run, n) = place.map(|Place { run, n }| (format!("{run:016x}"), n)).unzip();
        Flaw { file: self.file.to_owned(), line: self.line, run, n, what }
    }
}

/// How a line ends.
enum LineEnd {
    /// With a line feed.
    Whole,
    /// With the file.
    Torn,
    /// Beyond [`MAX_LINE`], where it is not kept.
    TooLong,
}

impl Verifier {
    /// A verifier under the key of the log, if it is known. Where `partial`, older files may be missing, and
    /// the log may begin with any record.
    #[must_use]
    pub fn new(key: Option<&AuditKey>, partial: bool) -> Self {
        Self {
            hasher: Hasher::new(key),
            partial,
            runs: HashMap::new(),
            checkpoints: HashMap::new(),
            pending: None,
            tape: Tape::growable(),
            line: Vec::new(),
            report: Report::default(),
        }
    }

    /// Reads checkpoints of the log; before the log itself.
    ///
    /// # Errors
    /// When reading fails, or when there are too many runs.
    pub fn checkpoints(&mut self, file: &str, mut input: impl BufRead) -> io::Result<()> {
        self.report.files += 1;
        let mut number = 0;
        while let Some(end) = self.next_line(&mut input)? {
            number += 1;
            let spot = Spot { file, line: number };
            // What cannot be read vouches for nothing; the next one vouches for more.
            let line = std::mem::take(&mut self.line);
            let read = read_checkpoint(&line).filter(|_| matches!(end, LineEnd::Whole));
            let Some((place, head, seal)) = read else {
                self.report.torn_checkpoints += 1;
                continue;
            };
            self.report.checkpoints += 1;
            if let Some(what) = self.unsealed(&line, seal) {
                self.report.add(spot.flaw(Some(place), what));
                continue;
            }
            if self.checkpoints.len() >= MAX_RUNS {
                return Err(too_many());
            }
            let Place { run, n } = place;
            let latest = self.checkpoints.get(&run).is_none_or(|before| before.n < n);
            if latest {
                let file = file.to_owned();
                let checkpoint = Checkpoint { n, head, file, line: number, met: false };
                self.checkpoints.insert(run, checkpoint);
            }
        }
        Ok(())
    }

    /// Reads the next file of the log.
    ///
    /// # Errors
    /// When reading fails, or when there are too many runs.
    pub fn file(&mut self, file: &str, mut input: impl BufRead) -> io::Result<()> {
        self.report.files += 1;
        let mut number = 0;
        while let Some(end) = self.next_line(&mut input)? {
            number += 1;
            let spot = Spot { file, line: number };
            let line = std::mem::take(&mut self.line);
            self.read_line(spot, &line, &end)?;
            self.line = line;
        }
        Ok(())
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.refuse_pending();
        let mut cut: Vec<_> = self.checkpoints.iter().filter(|(_, last)| !last.met).collect();
        cut.sort_by_key(|(_, last)| last.line);
        // The files of runs before the first one that is here may be gone.
        let first = self.checkpoints.iter().filter(|(run, _)| self.runs.contains_key(run));
        let first = first.map(|(_, last)| last.line).min().unwrap_or(u64::MAX);
        for (run, last) in cut {
            let seen = self.runs.get(run).map(|run| run.n);
            if self.partial && seen.is_none() && last.line < first {
                continue;
            }
            let spot = Spot { file: &last.file, line: last.line };
            let place = Place { run: *run, n: last.n };
            self.report.add(spot.flaw(Some(place), What::Cut));
        }
        self.report.runs = self.runs.len() as u64;
        let open = self.runs.iter().filter(|(_, run)| run.began && !run.ended);
        self.report.open_runs = open.map(|(run, _)| format!("{run:016x}")).collect();
        self.report.open_runs.sort();
        self.report
    }

    fn read_line(&mut self, spot: Spot<'_>, line: &[u8], end: &LineEnd) -> io::Result<()> {
        let link = Link::read(line).filter(|_| !matches!(end, LineEnd::TooLong));
        let Some(link) = link else {
            self.refuse_pending();
            let digest = self.hasher.hash(line);
            let Spot { file, line: number } = spot;
            let pending =
                Pending { file: file.to_owned(), line: number, bytes: line.len(), digest };
            self.pending = Some(pending);
            return Ok(());
        };
        self.report.records += 1;
        if matches!(end, LineEnd::Torn) {
            self.report.add(spot.flaw(Some(link.place), What::Unended));
        }
        let broken = self.unsealed(line, link.seal);
        if let Some(what) = broken {
            self.report.add(spot.flaw(Some(link.place), what));
        }
        // Of what was changed only the place counts, so that one change is one flaw.
        self.follow(spot, &link, broken.is_some())?;
        if broken.is_none() {
            self.read_record(spot, &link, line);
        }
        self.refuse_pending();
        Ok(())
    }

    /// What is wrong with the seal of `line`.
    fn unsealed(&mut self, line: &[u8], seal: Seal) -> Option<What> {
        match (self.hasher.is_keyed(), seal.keyed) {
            (true, false) => Some(What::Unkeyed),
            (false, true) => {
                self.report.unproved += 1;
                None
            }
            _ => {
                let covered = line.get(..seal.covers).unwrap_or(&[]);
                (self.hasher.hash(covered) != seal.hash).then_some(What::Altered)
            }
        }
    }

    /// Goes on in the chain of a run.
    fn follow(&mut self, spot: Spot<'_>, link: &Link, broken: bool) -> io::Result<()> {
        let Link { place, prev, seal, .. } = *link;
        let what = match self.runs.get(&place.run) {
            None if broken && place.n > 1 => return Ok(()),
            None if self.runs.len() >= MAX_RUNS => return Err(too_many()),
            None if place.n > 1 && !self.partial => Some(What::Missing { count: place.n - 1 }),
            None if place.n == 1 => self.begin(link),
            None => None,
            Some(run) if broken && place.n != run.n + 1 => return Ok(()),
            Some(run) if place.n <= run.n => {
                self.report.add(spot.flaw(Some(place), What::Repeated));
                return Ok(());
            }
            Some(run) if place.n > run.n + 1 => Some(What::Missing { count: place.n - run.n - 1 }),
            Some(run) => (prev != run.head).then_some(What::Detached),
        };
        if let Some(what) = what.filter(|_| !broken) {
            self.report.add(spot.flaw(Some(place), what));
        }
        let new = Run { n: 0, head: NOTHING, seq: 0, began: false, ended: false };
        let run = self.runs.entry(place.run).or_insert(new);
        (run.n, run.head) = (place.n, seal.hash);
        if let Some(checkpoint) = self.checkpoints.get_mut(&place.run)
            && checkpoint.n == place.n
        {
            checkpoint.met = true;
            if checkpoint.head != seal.hash && !broken {
                self.report.add(spot.flaw(Some(place), What::CheckpointDiffers));
            }
        }
        Ok(())
    }

    /// What is wrong with the first record of a run, which says what was before it.
    fn begin(&self, link: &Link) -> Option<What> {
        let after = link.after?;
        match self.runs.get(&after.run) {
            None => (!self.partial).then_some(What::RunMissing),
            Some(run) if run.n < after.n => Some(What::RunMissing),
            // A run that went on meanwhile has the record, or its chain would be broken.
            Some(run) => (run.n == after.n && run.head != link.prev).then_some(What::Detached),
        }
    }

    /// What a whole record says about other records.
    fn read_record(&mut self, spot: Spot<'_>, link: &Link, line: &[u8]) {
        const KIND: &[u8] = b"{\"v\":1,\"kind\":\"";
        let Some(rest) = line.strip_prefix(KIND) else { return };
        if let Some(rest) = rest.strip_prefix(b"decision\",\"run\":\"") {
            let digits = rest.get(16..).and_then(|rest| rest.strip_prefix(b"\",\"seq\":"));
            let end = digits.and_then(|rest| memchr::memchr(b',', rest));
            let digits = digits.zip(end).and_then(|(rest, end)| rest.get(..end));
            let seq = digits.and_then(|digits| read_number(digits, b""));
            if let (Some(run), Some((seq, _))) = (self.runs.get_mut(&link.place.run), seq) {
                run.seq = run.seq.max(seq);
            }
        } else if let Some(run) = self.runs.get_mut(&link.place.run) {
            run.began |= rest.starts_with(b"open\"");
            run.ended |= rest.starts_with(b"close\"");
        }
        if rest.starts_with(b"gap\"") {
            self.read_gap(spot, line);
        }
    }

    fn read_gap(&mut self, spot: Spot<'_>, line: &[u8]) {
        let limits = Limits { bytes: MAX_LINE, depth: 8 };
        let Ok(document) = parse(line, limits, &mut self.tape) else { return };
        let root = document.root();
        let text = |name| root.get(name).and_then(Value::as_str).map(|text| text.raw());
        let number = |name| {
            let number = root.get(name).and_then(Value::as_number)?;
            number.as_i64().and_then(|number| u64::try_from(number).ok())
        };
        let run = text("run").and_then(parse_run);
        match (text("cause"), run) {
            (Some(b"torn"), _) => {
                let digest = text("digest").and_then(|hex| {
                    let quoted = [hex, b"\""].concat();
                    read_digest(&quoted, b"").map(|(digest, _)| digest)
                });
                let vouched = |pending: &mut Pending| {
                    Some(pending.digest) == digest && number("bytes") == Some(pending.bytes as u64)
                };
                if self.pending.take_if(vouched).is_some() {
                    self.report.torn += 1;
                }
            }
            (Some(b"not_closed"), Some(id)) => {
                let last = number("last_seq").unwrap_or(0);
                let seen = self.runs.get_mut(&id).map(|run| {
                    run.ended = true;
                    run.seq
                });
                if seen.unwrap_or(0) < last && !(self.partial && seen.is_none()) {
                    let place = Place { run: id, n: 0 };
                    let flaw = Flaw { n: None, ..spot.flaw(Some(place), What::Cut) };
                    self.report.add(flaw);
                }
            }
            _ => {}
        }
    }

    /// Nobody vouched for the line before this one.
    fn refuse_pending(&mut self) {
        if let Some(Pending { file, line, .. }) = self.pending.take() {
            self.report.add(Spot { file: &file, line }.flaw(None, What::NoRecord));
        }
    }

    /// Reads a line, without its line feed; none at the end.
    fn next_line(&mut self, input: &mut impl BufRead) -> io::Result<Option<LineEnd>> {
        self.line.clear();
        let mut end = LineEnd::Torn;
        let mut some = false;
        loop {
            let chunk = match input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(some.then_some(end));
            }
            some = true;
            let feed = memchr::memchr(b'\n', chunk);
            let part = chunk.get(..feed.unwrap_or(chunk.len())).unwrap_or(chunk);
            if self.line.len() + part.len() > MAX_LINE {
                end = LineEnd::TooLong;
            } else if !matches!(end, LineEnd::TooLong) {
                self.line.extend_from_slice(part);
            }
            let read = part.len() + usize::from(feed.is_some());
            input.consume(read);
            if feed.is_some() {
                let whole = matches!(end, LineEnd::Torn);
                return Ok(Some(if whole { LineEnd::Whole } else { end }));
            }
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("report", &self.report).finish_non_exhaustive()
    }
}

/// A checkpoint without its line feed.
fn read_checkpoint(line: &[u8]) -> Option<(Place, Digest, Seal)> {
    let (seal, rest) = Seal::read(line)?;
    let (head, rest) = read_digest(rest, b",\"head\":\"")?;
    let (n, rest) = read_number(rest, b",\"n\":")?;
    let run = rest.strip_prefix(b"{\"v\":1,\"kind\":\"checkpoint\",\"run\":\"")?.get(..16)?;
    Some((Place { run: parse_run(run)?, n }, head, seal))
}

fn too_many() -> io::Error {
    io::Error::other("more than a million runs: verify fewer files at a time")
}
