//! What a policy says about its audit: the table `[audit]`.

use alloc::boxed::Box;
use alloc::format;

use super::error::PolicyError;
use super::fields::Item;
use super::keys::AUDIT;

/// Most records that may wait to be written.
const MAX_QUEUE: u64 = 1 << 20;
/// Fewest bytes of a file before it is rotated: several of the longest records.
const LEAST_BYTES: u64 = 64 << 10;
/// Most files that are kept.
const MAX_KEPT: u64 = 1000;
/// Most records from one checkpoint to the next.
const MAX_EVERY: u64 = 1 << 20;
/// Most characters of a preview.
const MAX_PREVIEW: u64 = 4096;

/// When a record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// By another thread, soon after the decision takes effect.
    Async,
    /// Before the decision takes effect.
    #[default]
    Sync,
}

/// What becomes of a decision that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// It waits for a place.
    #[default]
    Wait,
}

/// What becomes of decisions while no record can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// They take effect, and the log says later how many it lacks.
    Continue,
    /// They are refused: nothing passes unseen.
    #[default]
    Refuse,
}

/// Where and how decisions are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditPolicy {
    /// Key `path`; whoever opens it knows what it is relative to.
    pub path: Option<Box<str>>,
    /// Key `chain`: each record carries the hash of the one before it.
    pub chain: bool,
    /// Key `checkpoint`: the file that learns how long the chain is.
    pub checkpoint: Option<Box<str>>,
    /// Key `checkpoint_every`: most records from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Key `key_file`: what hashes and digests are made with.
    pub key_file: Option<Box<str>>,
    /// Key `mode`.
    pub mode: AuditMode,
    /// Key `queue`: most records that are decided and not yet written, in the mode `async`.
    pub queue: usize,
    /// Key `when_full`.
    pub when_full: WhenFull,
    /// Key `on_error`.
    pub on_error: OnError,
    /// Key `fsync`: what is written is on the disk, whatever happens to its power.
    pub fsync: bool,
    /// Key `max_bytes`: a file does not grow above it.
    pub max_bytes: Option<u64>,
    /// Key `keep`: how many full files are kept beside the one that is written.
    pub keep: u32,
    /// Key `preview`: how many characters of masked arguments and outputs are recorded.
    pub preview: usize,
}

impl Default for AuditPolicy {
    fn default() -> Self {
        Self {
            path: None,
            chain: false,
            checkpoint: None,
            checkpoint_every: 1000,
            key_file: None,
            mode: AuditMode::default(),
            queue: 1024,
            when_full: WhenFull::default(),
            on_error: OnError::default(),
            fsync: false,
            max_bytes: None,
            keep: 8,
            preview: 0,
        }
    }
}

impl AuditPolicy {
    pub(super) fn read(item: &Item<'_>) -> Result<Self, PolicyError> {
        const MODES: [(&str, AuditMode); 2] =
            [("async", AuditMode::Async), ("sync", AuditMode::Sync)];
        const FULL: [(&str, WhenFull); 2] =
            [("refuse", WhenFull::Refuse), ("wait", WhenFull::Wait)];
        const ERRORS: [(&str, OnError); 2] =
            [("continue", OnError::Continue), ("refuse", OnError::Refuse)];
        let table = item.clone().table(&AUDIT)?;
        let path = |key| {
            table.read(key, |item| match item.text()? {
                "" => Err(item.error("an empty path")),
                path => Ok(path.into()),
            })
        };
        let Self { queue, keep, checkpoint_every, .. } = Self::default();
        let audit = Self {
            path: path("path")?,
            chain: table.read("chain", Item::boolean)?.unwrap_or_default(),
            checkpoint: path("checkpoint")?,
            checkpoint_every: table
                .read("checkpoint_every", |item| within(item, 1, MAX_EVERY))?
                .unwrap_or(checkpoint_every),
            key_file: path("key_file")?,
            mode: table.read("mode", |item| item.word(&MODES))?.unwrap_or_default(),
            queue: table
                .read("queue", |item| within(item, 1, MAX_QUEUE))?
                .map_or(queue, |most| most as usize),
            when_full: table.read("when_full", |item| item.word(&FULL))?.unwrap_or_default(),
            on_error: table.read("on_error", |item| item.word(&ERRORS))?.unwrap_or_default(),
            fsync: table.read("fsync", Item::boolean)?.unwrap_or_default(),
            max_bytes: table.read("max_bytes", |item| within(item, LEAST_BYTES, u64::MAX))?,
            keep: table
                .read("keep", |item| within(item, 1, MAX_KEPT))?
                .map_or(keep, |files| files as u32),
            preview: table
                .read("preview", |item| within(item, 0, MAX_PREVIEW))?
                .map_or(0, |characters| characters as usize),
        };
        if audit.mode == AuditMode::Sync {
            for key in ["queue", "when_full"] {
                if let Some(item) = table.get(key) {
                    return Err(item.error("only the mode `async` has a queue"));
                }
            }
        }
        if let (None, Some(item)) = (audit.max_bytes, table.get("keep")) {
            return Err(item.error("without `max_bytes` there is one file"));
        }
        if let (false, Some(item)) = (audit.chain, table.get("checkpoint")) {
            return Err(item.error("without `chain` there is nothing to check"));
        }
        if let (None, Some(item)) = (&audit.checkpoint, table.get("checkpoint_every")) {
            return Err(item.error("without `checkpoint` there are none"));
        }
        Ok(audit)
    }
}

fn within(item: &Item<'_>, least: u64, most: u64) -> Result<u64, PolicyError> {
    match item.whole()? {
        number if number < least => Err(item.error(format!("must be at least {least}"))),
        number if number > most => Err(item.error(format!("must be at most {most}"))),
        number => Ok(number),
    }
}
