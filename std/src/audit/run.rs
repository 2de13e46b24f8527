//! Runs: from the first record of a log to its close.
//!
//! A run is named in each of its records. While it lasts, a file beside the log has its name and a lock
//! that the kernel releases when the process ends, however it ends. So whoever opens the log next knows
//! which runs ended without closing it, and how many of their records may be missing.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::chain::{Digest, Link, Place, parse_run};
use super::file::{LogFile, tail_of};
use super::lock::{self, Lock};

/// Between the name of the log and that of the run.
const INFIX: &str = ".run-";

/// The run of this process.
#[derive(Debug)]
pub(super) struct Run {
    id: String,
    marker: Option<(PathBuf, Lock)>,
}

/// A run that did not close its log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) id: String,
    /// The number of its last record that is found.
    pub(super) last: Option<u64>,
    /// How many records it may have decided and not written.
    pub(super) lost_at_most: Option<u64>,
}

impl Run {
    /// A run that has not begun.
    pub(super) fn new() -> Self {
        // The standard library seeds its hashers from the operating system's random numbers.
        let id = format!("{:016x}", RandomState::new().build_hasher().finish());
        Self { id, marker: None }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The name as a number.
    pub(super) fn number(&self) -> u64 {
        parse_run(self.id.as_bytes()).unwrap_or_default()
    }

    /// Leaves the mark of a run that may lose `lost_at_most` records if it is killed.
    pub(super) fn begin(&mut self, file: &LogFile, lost_at_most: usize) -> io::Result<()> {
        let _lock = Lock::wait(&file.beside(".lock"))?;
        let path = file.beside(&format!("{INFIX}{}", self.id));
        let mut marker = lock::open(&path)?;
        write!(marker, "{lost_at_most}")?;
        self.marker = Lock::try_of(marker).map(|lock| (path, lock));
        Ok(())
    }

    /// Takes the mark away: everything is written.
    pub(super) fn end(&mut self) {
        if let Some((path, lock)) = self.marker.take() {
            // What cannot be removed is reported as a gap, which is no worse than it is.
            let _ = fs::remove_file(path);
            drop(lock);
        }
    }

    /// The runs that ended without closing `file`. `tell` writes about them before their marks are
    /// taken away.
    pub(super) fn find_ended(
        file: &mut LogFile,
        tell: impl FnOnce(&mut LogFile, &[Ended]) -> io::Result<()>,
    ) -> io::Result<()> {
        let _lock = Lock::wait(&file.beside(".lock"))?;
        let mut marks = Vec::new();
        let mut ended = Vec::new();
        for (path, id) in marks_beside(file.path())? {
            let Ok(mut marker) = File::open(&path) else { continue };
            let mut lost = String::new();
            let _ = (&mut marker).take(32).read_to_string(&mut lost);
            if let Some(lock) = Lock::try_of(marker) {
                let last = last_of(file, &id);
                ended.push(Ended { id, last, lost_at_most: lost.trim().parse().ok() });
                marks.push((path, lock));
            }
        }
        tell(file, &ended)?;
        marks.iter().for_each(|(path, _)| drop(fs::remove_file(path)));
        Ok(())
    }
}

/// The marks of runs of the log at `path`, sorted, each with the name of its run.
fn marks_beside(path: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let Some(prefix) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(Vec::new());
    };
    let prefix = format!("{prefix}{INFIX}");
    let mut marks = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix))
            .map(|id| id.to_owned());
        if let Some(id) =
            id.filter(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            marks.push((entry.path(), id));
        }
    }
    marks.sort();
    Ok(marks)
}

/// The number of the last record of the run `id` in the end of `file` or of what it was before it was
/// rotated last.
fn last_of(file: &LogFile, id: &str) -> Option<u64> {
    // Quotes inside of strings are escaped, so that no text in a record looks like this.
    let needle = format!("\"run\":\"{id}\",\"seq\":");
    [file.path().to_owned(), file.beside(".1")].iter().find_map(|path| {
        let mut tail = tail_of(path).ok()?;
        // What is torn does not count.
        tail.truncate(memchr::memrchr(b'\n', &tail)?);
        let at = memchr::memmem::rfind(&tail, needle.as_bytes())? + needle.len();
        let mut digits = tail.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
        digits.try_fold(0_u64, |number, byte| {
            number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
        })
    })
}

/// The last record of a chain in `file`, or in what it was before it was rotated last.
pub(super) fn last_linked(file: &LogFile) -> Option<(Place, Digest)> {
    [file.path().to_owned(), file.beside(".1")].iter().filter(|_| file.is_regular()).find_map(
        |path| {
            let tail = tail_of(path).ok()?;
            let link = tail.split(|byte| *byte == b'\n').rev().find_map(Link::read)?;
            Some((link.place, link.seal.hash))
        },
    )
}
