//! Records on their way to a thread that writes them.
//!
//! At most so many records wait or are being written; the next one waits for a place or is refused. What
//! waits is written in one go, so a busy log costs fewer writes than records. While nothing can be
//! written, the records in the queue are kept and tried again.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use airlock_core::mcp::Unrecorded;
use airlock_core::policy::{AuditPolicy, OnError, WhenFull};

use super::writer::Writer;

/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// How much memory is kept for lines between writes.
const KEEP: usize = 1 << 20;

/// The queue and its thread.
#[derive(Debug)]
pub(super) struct Queue {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    most: usize,
    waits: bool,
    on_error: OnError,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to do for the thread.
    work: Condvar,
    /// There may be room in the queue.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Records that are decided and not yet written, those in the hands of the thread included.
    records: usize,
    /// Records that were ever put into the queue.
    put: u64,
    /// Records that found neither a place nor a file that takes them.
    lost: u64,
    /// The last write failed.
    failed: bool,
    reopen: bool,
    /// Nothing more will come.
    closing: bool,
    /// The thread is gone.
    ended: bool,
}

/// Tells those who wait that nobody will write any more, in whatever way the thread ends.
struct AtEnd<'s>(&'s Shared);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.room.notify_all();
    }
}

impl Shared {
    /// The state is whole between any two of its changes, so a panic spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    pub(super) fn start(writer: Writer, policy: &AuditPolicy) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let body = Arc::clone(&shared);
        let thread = thread::Builder::new().name("audit".into()).spawn(move || {
            let _end = AtEnd(&body);
            write_all(&body, writer);
        })?;
        let AuditPolicy { queue: most, on_error, .. } = *policy;
        let waits = policy.when_full == WhenFull::Wait;
        Ok(Self { shared, thread, most, waits, on_error })
    }

    /// Puts the line of a record into the queue.
    pub(super) fn push(&self, line: &[u8]) -> Result<(), Unrecorded> {
        let mut state = self.shared.lock();
        loop {
            if state.ended || state.failed && self.on_error == OnError::Refuse {
                return Err(Unrecorded);
            }
            if state.records < self.most {
                break;
            }
            if state.failed {
                state.lost = state.lost.saturating_add(1);
                return Ok(());
            }
            if !self.waits {
                return Err(Unrecorded);
            }
            state = self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lines.extend_from_slice(line);
        state.records += 1;
        state.put += 1;
        self.shared.work.notify_one();
        Ok(())
    }

    pub(super) fn reopen(&self) {
        self.shared.lock().reopen = true;
        self.shared.work.notify_one();
    }

    /// Waits until all that is in the queue now is written.
    pub(super) fn flush(&self) -> Result<(), Unrecorded> {
        let mut state = self.shared.lock();
        let all = state.put;
        loop {
            if state.put - state.records as u64 >= all {
                return Ok(());
            }
            if state.ended || state.failed {
                return Err(Unrecorded);
            }
            state = self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until everything is written, or was tried once more.
    pub(super) fn close(self) {
        self.shared.lock().closing = true;
        self.shared.work.notify_one();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// Writes what comes until nothing more will.
fn write_all(shared: &Shared, mut writer: Writer) {
    let mut lines = Vec::new();
    let mut records = 0;
    loop {
        let mut state = shared.lock();
        while lines.is_empty() && state.lines.is_empty() && !state.reopen && !state.closing {
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if mem::take(&mut state.reopen) {
            writer.reopen();
        }
        for _ in 0..mem::take(&mut state.lost) {
            writer.lose();
        }
        if lines.is_empty() {
            mem::swap(&mut lines, &mut state.lines);
            records = state.records;
        }
        let closing = state.closing;
        drop(state);
        if lines.is_empty() {
            if closing {
                return writer.close();
            }
            continue;
        }
        let appended = writer.append(&lines);
        let mut state = shared.lock();
        state.failed = appended.is_err();
        match appended {
            Ok(()) => {
                lines.clear();
                lines.shrink_to(KEEP);
                state.records -= mem::take(&mut records);
            }
            Err(failed) => {
                // Lines that were written whole are not written again.
                let written = lines.get(..failed.written).unwrap_or(&lines);
                let whole = memchr::memrchr(b'\n', written).map_or(0, |end| end + 1);
                let count = memchr::memchr_iter(b'\n', lines.get(..whole).unwrap_or(&[])).count();
                lines.drain(..whole);
                records -= count;
                state.records -= count;
                if closing {
                    eprintln!("airlock: {} audit records could not be written", state.records);
                    return;
                }
                let retry = shared.work.wait_timeout(state, RETRY);
                state = retry.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        drop(state);
        shared.room.notify_all();
    }
}
