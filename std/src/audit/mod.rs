//! The audit log: one JSON line for each decision.
//!
//! ```text
//! Event ─ record: names cleaned, arguments as shape, outputs as counts ─▶ line ─┬─ sync ──────────▶ writer ─▶ file
//!                                                                               └─ queue ─ thread ─┘
//! ```
//!
//! In the mode `sync` a record is handed to the operating system before its decision takes effect, in one
//! write, so that several processes may append to one file; in `async` a bounded queue stands between.
//! What cannot be recorded is refused, unless the policy says otherwise. Records hold names, reasons and
//! places, never a value of an argument or a piece of an output but masked on request; `docs/audit.md`
//! has every field. Cost: that of the lock, the record and one write; a decision never waits for a file
//! but in `sync`.

mod chain;
mod checkpoint;
mod clean;
mod file;
mod key;
pub(crate) mod lock;
mod preview;
mod queue;
mod record;
mod run;
mod shape;
mod totals;
pub mod verify;
mod writer;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use airlock_core::mcp::{Event, Unrecorded};
use airlock_core::policy::{AuditMode, AuditPolicy, OnError};

pub use self::key::{AuditKey, KEY_VARIABLE};
use self::queue::Queue;
use self::record::Scribe;
pub(crate) use self::totals::Totals;
use self::writer::Writer;
use crate::kill::Cause;
#[cfg(feature = "redis")]
use crate::limit::StoreEvent;
use crate::policy::PolicyFile;

/// Where decisions are recorded. Clones share one file; any number of threads may record at once.
///
/// The last clone that is dropped [closes](Self::close) the log.
#[derive(Clone, Default)]
pub struct AuditLog {
    /// None keeps nothing.
    inner: Option<Arc<Inner>>,
    /// Of the rules that decide for this clone.
    places: Arc<Places>,
}

/// A log that others keep open.
#[derive(Clone, Default)]
pub(crate) struct WeakLog(Weak<Inner>);

impl WeakLog {
    /// The log; one that keeps nothing when all others are dropped.
    pub(crate) fn get(&self) -> AuditLog {
        AuditLog { inner: self.0.upgrade(), places: Arc::default() }
    }
}

struct Inner {
    on_error: OnError,
    totals: Arc<Totals>,
    desk: Mutex<Desk>,
}

/// One record in the making.
struct Desk {
    scribe: Scribe,
    sink: Sink,
}

enum Sink {
    Sync(Writer),
    /// The first record starts the thread.
    Idle(Writer, AuditPolicy),
    Async(Queue),
    Closed,
}

/// Where the rules of a policy stand, `file:line` by id: who reads the log wants to see the rule.
#[derive(Clone, Debug, Default)]
pub struct Places(HashMap<String, String>);

impl Places {
    /// Those of every rule in `file`; none for a preset.
    #[must_use]
    pub fn of(file: &PolicyFile) -> Self {
        let rules = file.policy().rules();
        Self(rules.filter_map(|rule| Some((rule.id.to_owned(), file.place_of(rule)?))).collect())
    }

    fn get(&self, rule: &str) -> Option<&str> {
        self.0.get(rule).map(String::as_str)
    }
}

impl fmt::Debug for WeakLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakLog").finish_non_exhaustive()
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("is_kept", &self.is_kept()).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// A log in the file at `path` with everything else as a policy has it that says nothing about it.
    /// `agent` is who calls where an event does not say.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, or its directory not be written.
    pub fn open(path: &Path, agent: Option<&str>) -> io::Result<Self> {
        Self::open_with(path, &AuditPolicy::default(), Places::default(), agent)
    }

    /// A log that appends to the file at `path`, which it creates for its owner only. Runs that ended
    /// without closing their log are recorded as gaps, and a torn last line is ended. The key is in the file
    /// that `policy` names, else in the environment ([`KEY_VARIABLE`]), else there is none.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, its directory not be written, or the key not be read.
    pub fn open_with(
        path: &Path,
        policy: &AuditPolicy,
        places: Places,
        agent: Option<&str>,
    ) -> io::Result<Self> {
        let key = AuditKey::of(policy)?;
        let writer = Writer::open(path, policy, key.as_ref())?;
        let scribe = Scribe::new(writer.run(), policy.preview, key, agent)?;
        let totals = Arc::clone(writer.totals());
        let sink = match policy.mode {
            AuditMode::Sync => Sink::Sync(writer),
            AuditMode::Async => Sink::Idle(writer, policy.clone()),
        };
        let desk = Mutex::new(Desk { scribe, sink });
        let inner = Some(Arc::new(Inner { on_error: policy.on_error, totals, desk }));
        Ok(Self { inner, places: Arc::new(places) })
    }

    /// The log that the policy in `file` asks for, at `path` in place of its own when one is given; one
    /// that keeps nothing when neither names a file. A relative path of the policy begins at the policy's
    /// directory.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn of(file: &PolicyFile, path: Option<&Path>, agent: Option<&str>) -> io::Result<Self> {
        let policy = within(file.policy().audit(), file.directory())?;
        let path = match (path, &policy.path) {
            (Some(path), _) => path.to_owned(),
            (None, Some(path)) => file.directory().join(&**path),
            (None, None) => return Ok(Self::none()),
        };
        Self::open_with(&path, &policy, Places::of(file), agent).map_err(|error| {
            let message = format!("cannot open the audit log {}: {error}", path.display());
            io::Error::new(error.kind(), message)
        })
    }

    /// A log that keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The same log for another policy, whose rules stand at `places`.
    #[must_use]
    pub fn with_places(&self, places: Places) -> Self {
        Self { inner: self.inner.clone(), places: Arc::new(places) }
    }

    /// The same log for who must not keep it open.
    pub(crate) fn weak(&self) -> WeakLog {
        WeakLog(self.inner.as_ref().map(Arc::downgrade).unwrap_or_default())
    }

    /// Whether it keeps anything.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.inner.is_some()
    }

    /// How many records were written and lost, while the log is open and afterwards.
    pub(crate) fn totals(&self) -> Option<Arc<Totals>> {
        self.inner.as_ref().map(|inner| Arc::clone(&inner.totals))
    }

    /// Records a decision on a message that arrived at `started`.
    ///
    /// # Errors
    /// When it is not recorded and must not take effect; the first time, standard error says why.
    pub fn record(&self, event: &Event<'_>, started: Instant) -> Result<(), Unrecorded> {
        self.append(|scribe| scribe.write(event, &self.places, started.elapsed()))
    }

    /// Records that the policy was changed for the one with this digest, or why it was not.
    pub(crate) fn record_reload(
        &self,
        policy: Option<&str>,
        outcome: Result<(), &str>,
    ) -> Result<(), Unrecorded> {
        self.append(|scribe| scribe.write_reload(policy, outcome))
    }

    /// Records what happened to the store of limits.
    #[cfg(feature = "redis")]
    pub(crate) fn record_store(&self, event: &StoreEvent) -> Result<(), Unrecorded> {
        self.append(|scribe| scribe.write_store(event))
    }

    /// Records that a cause to halt calls came or went.
    pub(crate) fn record_halt(
        &self,
        cause: Cause,
        came: bool,
        halted: bool,
    ) -> Result<(), Unrecorded> {
        self.append(|scribe| scribe.write_halt(cause, came, halted))
    }

    fn append(
        &self,
        write: impl for<'s> FnOnce(&'s mut Scribe) -> &'s [u8],
    ) -> Result<(), Unrecorded> {
        let Some(inner) = &self.inner else {
            return Ok(());
        };
        let mut desk = inner.desk.lock().map_err(|_| Unrecorded)?;
        let Desk { scribe, sink } = &mut *desk;
        let line = write(scribe);
        let kept = match sink {
            Sink::Sync(writer) => writer.append_or_lose(line).is_ok(),
            Sink::Idle(writer, _) => match writer.mark() {
                Ok(()) => return sink.running()?.push(line),
                Err(_) => {
                    writer.lose();
                    false
                }
            },
            _ => return sink.running()?.push(line),
        };
        if kept || inner.on_error == OnError::Continue { Ok(()) } else { Err(Unrecorded) }
    }

    /// Opens the file anew, because another program has renamed it. What cannot be opened stays as it is,
    /// and standard error says so.
    pub fn reopen(&self) {
        if let Some(inner) = &self.inner
            && let Ok(mut desk) = inner.desk.lock()
        {
            match &mut desk.sink {
                Sink::Sync(writer) | Sink::Idle(writer, _) => writer.reopen(),
                Sink::Async(queue) => queue.reopen(),
                Sink::Closed => {}
            }
        }
    }

    /// Waits until what was recorded before is written. Nobody records meanwhile.
    ///
    /// # Errors
    /// When something of it is not written: the file does not take it, or the log is closed.
    pub fn flush(&self) -> Result<(), Unrecorded> {
        let Some(inner) = &self.inner else { return Ok(()) };
        let desk = inner.desk.lock().map_err(|_| Unrecorded)?;
        match &desk.sink {
            Sink::Sync(_) | Sink::Idle(..) => Ok(()),
            Sink::Async(queue) => queue.flush(),
            Sink::Closed => Err(Unrecorded),
        }
    }

    /// Writes what is still to be written, and that this was all. What is recorded later is refused.
    pub fn close(&self) {
        if let Some(inner) = &self.inner {
            inner.close();
        }
    }
}

/// `policy` with the files beside the log found from `directory`.
fn within(policy: &AuditPolicy, directory: &Path) -> io::Result<AuditPolicy> {
    let mut policy = policy.clone();
    for path in [&mut policy.checkpoint, &mut policy.key_file].into_iter().flatten() {
        let whole = directory.join(&**path).into_os_string().into_string();
        let no_text = |path: OsString| io::Error::other(format!("{} is no text", path.display()));
        *path = whole.map_err(no_text)?.into();
    }
    Ok(policy)
}

impl Sink {
    /// The queue, its thread started.
    fn running(&mut self) -> Result<&Queue, Unrecorded> {
        if matches!(self, Self::Idle(..))
            && let Self::Idle(writer, policy) = mem::replace(self, Self::Closed)
        {
            match Queue::start(writer, &policy) {
                Ok(queue) => *self = Self::Async(queue),
                Err(error) => eprintln!("airlock: nothing can be recorded any more: {error}"),
            }
        }
        match self {
            Self::Async(queue) => Ok(queue),
            _ => Err(Unrecorded),
        }
    }
}

impl Inner {
    fn close(&self) {
        if let Ok(mut desk) = self.desk.lock() {
            match mem::replace(&mut desk.sink, Sink::Closed) {
                Sink::Sync(writer) | Sink::Idle(writer, _) => writer.close(),
                Sink::Async(queue) => queue.close(),
                Sink::Closed => {}
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
