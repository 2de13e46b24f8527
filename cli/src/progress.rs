//! How far a large file is read, for whoever watches.

use std::io::{self, IsTerminal, Read, Write};

/// Files below this size are done before anyone could watch.
const LARGE: u64 = 32 << 20;
/// How many bytes pass between two notes.
const BETWEEN: u64 = 4 << 20;

/// A reader that notes on standard error how far it is, on a terminal only.
pub struct Progress<R> {
    inner: R,
    size: u64,
    read: u64,
    shown: bool,
}

impl<R> Progress<R> {
    /// Over `inner`, of which `size` bytes are expected.
    pub fn over(inner: R, size: u64) -> Self {
        let shown = io::stderr().is_terminal() && size >= LARGE;
        Self { inner, size, read: 0, shown }
    }

    /// Over what is itself written to standard output while it is read: no note is put between that.
    pub fn over_what_is_shown(inner: R, size: u64) -> Self {
        let progress = Self::over(inner, size);
        Self { shown: progress.shown && !io::stdout().is_terminal(), ..progress }
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(bytes)?;
        let before = self.read / BETWEEN;
        self.read += len as u64;
        if self.shown && (len == 0 || self.read / BETWEEN > before) {
            let mut stderr = io::stderr().lock();
            // A note that cannot be shown is no reason to stop.
            let _ = if len == 0 {
                // Clears the line (ECMA-48, EL).
                write!(stderr, "\r\x1b[K")
            } else {
                let percent = self.read * 100 / self.size.max(1);
                write!(stderr, "\r{:>3} % of {} MB", percent.min(100), self.size / 1_000_000)
            };
            let _ = stderr.flush();
        }
        Ok(len)
    }
}
