//! What is written besides decisions: where a run begins and ends, and where records are missing.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::sync::Arc;

use airlock_core::json::write_string;
use airlock_core::policy::{AuditMode, AuditPolicy, OnError};

use super::chain::{Chain, Hasher, write_hex};
use super::checkpoint::Checkpoints;
use super::file::{Failed, LogFile};
use super::key::AuditKey;
use super::record::write_now;
use super::run::{Ended, Run, last_linked};
use super::totals::Totals;

/// How much memory is kept for links between writes.
const KEEP: usize = 1 << 20;

/// Writes lines to the file and marks the run.
#[derive(Debug)]
pub(super) struct Writer {
    file: LogFile,
    run: Run,
    /// None when the policy wants none.
    chain: Option<Chain>,
    checkpoints: Option<Checkpoints>,
    /// How many records may be lost if the process is killed.
    lost_at_most: usize,
    on_error: OnError,
    /// The run has left its mark.
    marked: bool,
    /// The file says that the run began.
    began: bool,
    /// Records that could not be written since the last one that was.
    lost: u64,
    /// That nothing can be written was said.
    complained: bool,
    buffer: Vec<u8>,
    linked: String,
    totals: Arc<Totals>,
}

impl Writer {
    /// Opens the file and tells of runs that ended without closing it.
    pub(super) fn open(
        path: &Path,
        policy: &AuditPolicy,
        key: Option<&AuditKey>,
    ) -> io::Result<Self> {
        let mut file = LogFile::open(path, policy)?;
        let run = Run::new();
        let mut chain = policy.chain.then(|| Chain::new(Hasher::new(key), run.number()));
        if file.is_regular() {
            Run::find_ended(&mut file, |file, ended| {
                let torn = file.is_torn();
                let mut lines = String::new();
                if let Some(chain) = &mut chain {
                    chain.follow(|| last_linked(file));
                    write_torn(file, chain.hasher(), run.id(), &mut lines);
                }
                ended.iter().for_each(|run| write_ended(run, torn, &mut lines));
                if lines.is_empty() && !torn {
                    return Ok(());
                }
                let mut linked = String::new();
                put(file, chain.as_mut(), lines.as_bytes(), &mut linked)
                    .map_err(|failed| failed.error)
            })?;
        }
        let lost_at_most = if policy.mode == AuditMode::Async { policy.queue } else { 0 };
        Ok(Self {
            file,
            run,
            chain,
            checkpoints: Checkpoints::open(policy)?,
            lost_at_most,
            on_error: policy.on_error,
            marked: false,
            began: false,
            lost: 0,
            complained: false,
            buffer: Vec::new(),
            linked: String::new(),
            totals: Arc::default(),
        })
    }

    pub(super) fn run(&self) -> &str {
        self.run.id()
    }

    pub(super) const fn totals(&self) -> &Arc<Totals> {
        &self.totals
    }

    /// Appends the line of one record; it counts as lost when that fails.
    pub(super) fn append_or_lose(&mut self, line: &[u8]) -> Result<(), Failed> {
        self.append(line).inspect_err(|_| self.lose())
    }

    /// Counts a record that will never be written.
    pub(super) fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
        self.totals.add_lost(1);
    }

    /// Appends the lines of records, after what is to be said before them.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), Failed> {
        // What is torn must be accounted for where it can be told from what was cut.
        let torn = self.chain.is_some() && self.file.is_torn();
        let appended = if self.began && self.lost == 0 && !torn {
            put(&mut self.file, self.chain.as_mut(), lines, &mut self.linked)
        } else {
            self.append_after_remarks(lines)
        };
        let written = appended.as_ref().map_or_else(|failed| failed.written, |()| lines.len());
        let written = lines.get(..written).unwrap_or(lines);
        self.totals.add_written(memchr::memchr_iter(b'\n', written).count());
        match &appended {
            Ok(()) => {
                self.complained = false;
                self.checkpoint(false);
            }
            Err(failed) => self.complain(&failed.error),
        }
        appended
    }

    /// Writes a checkpoint if one is due.
    fn checkpoint(&mut self, at_end: bool) {
        if let (Some(checkpoints), Some(chain)) = (&mut self.checkpoints, &self.chain) {
            checkpoints.note(chain, self.run.id(), at_end);
        }
    }

    /// Says that nothing can be written, once an outage.
    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            let consequence = match self.on_error {
                OnError::Continue => "decisions are not recorded",
                OnError::Refuse => "calls are refused",
            };
            eprintln!("airlock: the audit log cannot be written, {consequence}: {error}");
        }
    }

    /// Leaves the mark of this run, so that its end is missed if it does not come. Must be done before
    /// the first decision of the run takes effect.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        if self.file.is_regular() && !self.marked {
            self.run.begin(&self.file, self.lost_at_most).inspect_err(|error| {
                self.complain(error);
            })?;
        }
        self.marked = true;
        Ok(())
    }

    fn append_after_remarks(&mut self, lines: &[u8]) -> Result<(), Failed> {
        self.mark().map_err(|error| Failed { written: 0, error })?;
        let mut remarks = String::new();
        if let Some(chain) = &mut self.chain {
            chain.follow(|| last_linked(&self.file));
            write_torn(&mut self.file, chain.hasher(), self.run.id(), &mut remarks);
        }
        if !self.began {
            write_open(self.run.id(), self.lost_at_most, &mut remarks);
        }
        if self.lost > 0 {
            write_lost(self.run.id(), self.lost, &mut remarks);
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(remarks.as_bytes());
        self.buffer.extend_from_slice(lines);
        let chain = self.chain.as_mut();
        let appended = put(&mut self.file, chain, &self.buffer, &mut self.linked);
        let written = appended.as_ref().map_or_else(|failed| failed.written, |()| usize::MAX);
        if written >= remarks.len() {
            (self.began, self.lost) = (true, 0);
        }
        appended
            .map_err(|failed| Failed { written: written.saturating_sub(remarks.len()), ..failed })
    }

    /// Opens the file that has the name now.
    pub(super) fn reopen(&mut self) {
        if let Err(error) = self.file.reopen() {
            eprintln!("airlock: the audit log cannot be opened anew: {error}");
        }
    }

    /// Ends the run.
    pub(super) fn close(mut self) {
        if !self.began {
            self.checkpoint(true);
            self.run.end();
            return;
        }
        let mut line = String::new();
        write_close(self.run.id(), &mut line);
        // The mark stays when this fails: the next start says so.
        if self.append(line.as_bytes()).is_ok() {
            self.checkpoint(true);
            self.run.end();
        }
    }
}

/// Appends `lines` to `file`, as links of the chain if there is one, which are made in `linked`.
fn put(
    file: &mut LogFile,
    chain: Option<&mut Chain>,
    lines: &[u8],
    linked: &mut String,
) -> Result<(), Failed> {
    let Some(chain) = chain else { return file.append(lines) };
    linked.clear();
    linked.shrink_to(KEEP);
    let before = chain.position();
    // Records are made as text.
    let text = str::from_utf8(lines).map_err(|error| Failed {
        written: 0,
        error: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    text.split_inclusive('\n').for_each(|line| chain.link(line, linked));
    file.append(linked.as_bytes()).map_err(|failed| {
        // A line that lacks only its end is whole: the next write ends it.
        let ended = linked.as_bytes().get(failed.written) == Some(&b'\n');
        let whole = linked.get(..failed.written + usize::from(ended)).unwrap_or(linked);
        let whole = whole.get(..whole.rfind('\n').map_or(0, |end| end + 1)).unwrap_or("");
        chain.back_to(before, whole);
        let count = whole.matches('\n').count();
        let written = text.split_inclusive('\n').take(count).map(str::len).sum();
        Failed { written, ..failed }
    })
}

fn begin(kind: &str, run: &str, out: &mut String) {
    // A string takes everything, here and below.
    let _ = write!(out, "{{\"v\":1,\"kind\":\"{kind}\",\"run\":");
    let _ = write_string(run, out);
    out.push_str(",\"at\":\"");
    write_now(out);
    out.push('"');
}

fn write_open(run: &str, lost_at_most: usize, out: &mut String) {
    begin("open", run, out);
    let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
    let mode = if lost_at_most == 0 { "sync" } else { "async" };
    let _ = writeln!(
        out,
        ",\"pid\":{pid},\"version\":\"{version}\",\"mode\":\"{mode}\",\"queue\":{lost_at_most}}}"
    );
}

fn write_close(run: &str, out: &mut String) {
    begin("close", run, out);
    out.push_str("}\n");
}

fn write_lost(run: &str, lost: u64, out: &mut String) {
    begin("gap", run, out);
    let _ = writeln!(out, ",\"cause\":\"not_written\",\"lost\":{lost}}}");
}

/// Says what the last line is, if it was torn.
fn write_torn(file: &mut LogFile, hasher: &Hasher, run: &str, out: &mut String) {
    let Some(torn) = file.torn_line() else { return };
    begin("gap", run, out);
    let _ = write!(out, ",\"cause\":\"torn\",\"bytes\":{},\"digest\":\"", torn.len());
    write_hex(&hasher.hash(&torn), out);
    out.push_str("\"}\n");
}

fn write_ended(ended: &Ended, torn: bool, out: &mut String) {
    begin("gap", &ended.id, out);
    let number = |number: Option<u64>| number.map_or("null".into(), |number| number.to_string());
    let _ = writeln!(
        out,
        ",\"cause\":\"not_closed\",\"last_seq\":{},\"lost_at_most\":{},\"torn\":{torn}}}",
        number(ended.last),
        number(ended.lost_at_most)
    );
}
