//! Locks between processes, which the kernel releases when their holder ends, however it ends.
//!
//! On systems without `flock` nothing is locked: there each process needs a file of its own.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A lock that is held.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "closing it releases the lock")] File);

impl Lock {
    /// Waits for the lock of the file at `path`, which is created.
    pub(crate) fn wait(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        #[cfg(unix)]
        while let Err(error) = rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive) {
            if error != rustix::io::Errno::INTR {
                return Err(error.into());
            }
        }
        Ok(Self(file))
    }

    /// The lock of `file`, unless someone else has it.
    pub(super) fn try_of(file: File) -> Option<Self> {
        #[cfg(unix)]
        {
            let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
            rustix::fs::flock(&file, operation).ok()?;
            Some(Self(file))
        }
        #[cfg(not(unix))]
        {
            drop(file);
            None
        }
    }
}

/// Opens the file at `path` for appending, for its owner only if it is new.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
