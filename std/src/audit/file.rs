//! The file: lines appended whole, rotated by size, followed when it is renamed or deleted.
//!
//! Several processes may append to one file, for each write is one append of whole lines. Whoever finds
//! it full renames it, under a lock; the others notice when they next write. A line that a full disk or a
//! dying process tore is ended before the next one begins. Cost of a write: itself and one `fstat`.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use airlock_core::policy::AuditPolicy;

use super::lock::{self, Lock};

/// How much of the end of a file is looked at: longer than any line.
const TAIL: u64 = 1 << 20;

/// A file of lines.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// What can be rotated and shared: no pipe, no device.
    regular: bool,
    max_bytes: Option<u64>,
    keep: u32,
    fsync: bool,
    /// The last line is not ended.
    torn: bool,
    /// That the file cannot be rotated was said.
    complained: bool,
}

/// A write that failed, and how many bytes of it were written all the same.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) written: usize,
    pub(super) error: io::Error,
}

impl LogFile {
    pub(super) fn open(path: &Path, policy: &AuditPolicy) -> io::Result<Self> {
        let file = lock::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            path: path.into(),
            torn: is_torn(path, &metadata),
            regular: metadata.is_file(),
            file,
            max_bytes: policy.max_bytes,
            keep: policy.keep,
            fsync: policy.fsync,
            complained: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn is_regular(&self) -> bool {
        self.regular
    }

    /// Whether the last line is not ended; the next write ends it.
    pub(super) const fn is_torn(&self) -> bool {
        self.torn
    }

    /// The last line, if it is not ended: of a longer one than 1 MiB its end.
    pub(super) fn torn_line(&mut self) -> Option<Vec<u8>> {
        if !self.torn {
            return None;
        }
        let mut tail = self.tail().unwrap_or_default();
        // Another process may have ended it.
        self.torn = tail.last().is_some_and(|last| *last != b'\n');
        let start = memchr::memrchr(b'\n', &tail).map_or(0, |end| end + 1);
        self.torn.then(|| tail.split_off(start))
    }

    /// The end of the file, 1 MiB at most; nothing of what is no file.
    pub(super) fn tail(&self) -> io::Result<Vec<u8>> {
        if self.regular { tail_of(&self.path) } else { Ok(Vec::new()) }
    }

    /// The file called like this one and `suffix`.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }

    /// Appends whole lines in one write, as far as the system lets.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), Failed> {
        if self.regular {
            self.follow(lines.len()).map_err(|error| Failed { written: 0, error })?;
        }
        if self.torn {
            let ended = [b"\n", lines].concat();
            return self.write(&ended).map_err(|failed| {
                let written = failed.written.saturating_sub(1);
                Failed { written, ..failed }
            });
        }
        self.write(lines)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let mut rest = bytes;
        let failed = loop {
            if rest.is_empty() {
                self.torn = false;
                break if self.fsync { self.file.sync_data().err() } else { None };
            }
            match self.file.write(rest) {
                Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = rest.get(written..).unwrap_or(&[]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        let Some(error) = failed else { return Ok(()) };
        let written = bytes.len() - rest.len();
        if let Some(last) = written.checked_sub(1) {
            self.torn = bytes.get(last) != Some(&b'\n');
        }
        Err(Failed { written, error })
    }

    /// Sees to it that `more` bytes go to a file that has its name and room for them.
    fn follow(&mut self, more: usize) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        if is_deleted(&metadata) {
            return self.reopen();
        }
        let full = |most| metadata.len() > 0 && metadata.len().saturating_add(more as u64) > most;
        if self.max_bytes.is_some_and(full)
            && let Err(error) = self.rotate(&metadata)
            && !std::mem::replace(&mut self.complained, true)
        {
            let path = self.path.display();
            eprintln!("airlock: the audit log {path} cannot be rotated and grows on: {error}");
        }
        Ok(())
    }

    /// Gives the full file another name and begins a new one, unless another process did.
    fn rotate(&mut self, ours: &Metadata) -> io::Result<()> {
        let _lock = Lock::wait(&self.beside(".lock"))?;
        if fs::metadata(&self.path).is_ok_and(|named| is_same(&named, ours)) {
            for number in (1..self.keep).rev() {
                let (from, to) = (format!(".{number}"), format!(".{}", number + 1));
                match fs::rename(self.beside(&from), self.beside(&to)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::rename(&self.path, self.beside(".1"))?;
        }
        self.reopen()
    }

    /// Opens the file that has the name now.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let file = lock::open(&self.path)?;
        let metadata = file.metadata()?;
        (self.torn, self.regular) = (is_torn(&self.path, &metadata), metadata.is_file());
        self.file = file;
        Ok(())
    }
}

/// The end of the file at `path`.
pub(super) fn tail_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok(tail)
}

/// The path `path` and `suffix`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Whether the file at `path` ends inside of a line. Who may not read it does not know.
fn is_torn(path: &Path, metadata: &Metadata) -> bool {
    let last = || {
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::End(-1)).ok()?;
        let mut last = [0];
        file.read_exact(&mut last).ok()?;
        Some(last)
    };
    metadata.is_file() && metadata.len() > 0 && last().is_some_and(|last| last != [b'\n'])
}

#[cfg(unix)]
fn is_deleted(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 0
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_deleted(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}
