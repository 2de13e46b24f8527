//! Checkpoints: how long the chain was and how it ended, in a file of their own.
//!
//! The last records of a log can be cut off so that nothing in it tells. Who keeps checkpoints elsewhere
//! finds that, up to the last one. One is written with the first record, when so many records have been
//! written or a minute has passed since the last one (seen at the next record), and at the end of a run.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use airlock_core::policy::AuditPolicy;

use super::chain::{Chain, write_hex};
use super::file::LogFile;
use super::record::write_now;

/// Most time from one checkpoint to the next record that makes one.
const MOST: Duration = Duration::from_secs(60);

/// Writes checkpoints of one run.
#[derive(Debug)]
pub(super) struct Checkpoints {
    file: LogFile,
    every: u64,
    /// When the last one was written, and how many records there were.
    last: Option<(Instant, u64)>,
    /// That nothing can be written was said.
    complained: bool,
}

impl Checkpoints {
    /// Those that `policy` asks for.
    pub(super) fn open(policy: &AuditPolicy) -> io::Result<Option<Self>> {
        let Some(path) = &policy.checkpoint else { return Ok(None) };
        let mut settings = policy.clone();
        settings.max_bytes = None;
        let file = LogFile::open(Path::new(&**path), &settings)
            .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
        Ok(Some(Self { file, every: policy.checkpoint_every, last: None, complained: false }))
    }

    /// Writes a checkpoint of `chain` if one is due, or in any case at the end.
    pub(super) fn note(&mut self, chain: &Chain, run: &str, at_end: bool) {
        let len = chain.len();
        let due = self.last.is_none_or(|(at, before)| {
            len.saturating_sub(before) >= self.every || at.elapsed() >= MOST
        });
        if len == 0 || !due && !at_end || self.last.is_some_and(|(_, before)| before == len) {
            return;
        }
        let mut line = format!("{{\"v\":1,\"kind\":\"checkpoint\",\"run\":\"{run}\",\"at\":\"");
        write_now(&mut line);
        // A string takes everything.
        let _ = write!(line, "\",\"n\":{len},\"head\":\"");
        write_hex(chain.head(), &mut line);
        line.push('"');
        chain.hasher().seal(0, &mut line);
        line.push('\n');
        match self.file.append(line.as_bytes()) {
            Ok(()) => {
                self.last = Some((Instant::now(), len));
                self.complained = false;
            }
            // The log itself is whole: decisions go on.
            Err(failed) => {
                if !std::mem::replace(&mut self.complained, true) {
                    eprintln!("airlock: audit checkpoints cannot be written: {}", failed.error);
                }
            }
        }
    }
}
