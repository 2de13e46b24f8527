//! Counters.
//!
//! One short lock a decision, and no allocation once a tool and what becomes of its calls were seen. The
//! number of series is bounded: 256 tools, a fixed list of decisions and reasons, the types of detectors.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airlock_core::mcp::{Direction, Event, Outcome};

use super::{OTHER, Words};
use crate::audit::Totals;
use crate::kill::Cause;
#[cfg(feature = "redis")]
use crate::limit::StoreEvent;

/// Most tools that have series of their own.
const MAX_TOOLS: usize = 256;
/// Longest name of a tool that has.
const MAX_NAME: usize = 128;
/// Upper bounds of the buckets of durations, in microseconds; what takes longer is in the last one.
pub(super) const BOUNDS: [u64; 15] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000];
/// The place of what concerns no tool among the names of tools.
const NO_TOOL: usize = 0;
/// And of those that have no name of their own.
const OTHER_TOOL: usize = 1;

/// Counts decisions. Clones count together; any number of threads may.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    table: Mutex<Table>,
    reloads: AtomicU64,
    failed_reloads: AtomicU64,
    incidents: Mutex<Counts>,
    sources: Mutex<Sources>,
}

/// What happened besides decisions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) store_lost: u64,
    pub(super) store_returned: u64,
    pub(super) store_forgot: u64,
    /// Calls that were refused while it was lost, and admitted.
    pub(super) alone: [u64; 2],
    /// How often a kill file came, and a kill key.
    pub(super) halts: [u64; 2],
    pub(super) halted: bool,
}

/// Numbers that others keep.
#[derive(Default)]
struct Sources {
    audits: Vec<Arc<Totals>>,
    calls: Vec<Arc<dyn Calls>>,
}

/// Who knows how many calls run.
pub(crate) trait Calls: Send + Sync {
    /// How many do now.
    fn running(&self) -> u64;
}

pub(super) struct Table {
    /// Names of tools, by place.
    pub(super) names: Vec<Box<str>>,
    places: HashMap<Box<str>, usize>,
    pub(super) decisions: HashMap<Series, u64>,
    pub(super) masked: BTreeMap<&'static str, u64>,
    pub(super) truncated: u64,
    /// By direction.
    pub(super) durations: [Histogram; 2],
}

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Series {
    pub(super) tool: usize,
    pub(super) direction: usize,
    pub(super) decision: &'static str,
    pub(super) reason: &'static str,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Histogram {
    /// How many are within each bound and above the one before; the last one has no bound.
    pub(super) buckets: [u64; BOUNDS.len() + 1],
    pub(super) nanos: u128,
}

/// Numbers at one moment, but for the [`Table`].
pub(super) struct Sums {
    pub(super) running: u64,
    pub(super) written: u64,
    pub(super) lost: u64,
    pub(super) reloads: u64,
    pub(super) failed_reloads: u64,
    pub(super) incidents: Counts,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let names: Vec<Box<str>> = vec!["".into(), OTHER.into()];
        let table = Table {
            names,
            places: HashMap::new(),
            decisions: HashMap::new(),
            masked: BTreeMap::new(),
            truncated: 0,
            durations: [Histogram::default(); 2],
        };
        Self(Arc::new(Inner {
            table: Mutex::new(table),
            reloads: AtomicU64::new(0),
            failed_reloads: AtomicU64::new(0),
            incidents: Mutex::default(),
            sources: Mutex::new(Sources::default()),
        }))
    }

    /// The text that Prometheus reads: exposition format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let sums = self.sums();
        super::text::render(&self.table(), &sums)
    }

    /// Counts a decision that took so long.
    pub(super) fn observe(&self, event: &Event<'_>, words: Words, took: Duration) {
        let (decision, reason) = words;
        let direction = usize::from(event.direction == Direction::ToClient);
        let mut table = self.table();
        let tool = table.place(event);
        let series = Series { tool, direction, decision, reason: reason.unwrap_or("") };
        *table.decisions.entry(series).or_default() += 1;
        if let Outcome::Filtered { masked, truncated, .. } = &event.outcome {
            for (id, count) in masked.iter() {
                *table.masked.entry(id.id()).or_default() += u64::from(count);
            }
            table.truncated += u64::from(*truncated);
        }
        if let Some(durations) = table.durations.get_mut(direction) {
            durations.add(took);
        }
    }

    /// Counts an attempt to change the policy.
    pub(crate) fn reloaded(&self, ok: bool) {
        let counter = if ok { &self.0.reloads } else { &self.0.failed_reloads };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what happened to the store of limits.
    #[cfg(feature = "redis")]
    pub(super) fn store_told(&self, event: &StoreEvent) {
        let mut counts = self.incidents();
        match event {
            StoreEvent::Lost { .. } => counts.store_lost += 1,
            StoreEvent::Forgot => counts.store_forgot += 1,
            StoreEvent::Returned { refused, admitted, forgot, .. } => {
                counts.store_returned += 1;
                counts.store_forgot += u64::from(*forgot);
                let [all_refused, all_admitted] = &mut counts.alone;
                (*all_refused, *all_admitted) = (*all_refused + refused, *all_admitted + admitted);
            }
        }
    }

    /// Counts a kill file or key that came.
    pub(super) fn halt_told(&self, cause: Cause, came: bool, halted: bool) {
        let mut counts = self.incidents();
        counts.halted = halted;
        let [by_file, by_key] = &mut counts.halts;
        *match cause {
            Cause::File => by_file,
            Cause::Key => by_key,
        } += u64::from(came);
    }

    /// Shows the numbers of an audit log too.
    pub(crate) fn watch_audit(&self, totals: Option<Arc<Totals>>) {
        self.sources().audits.extend(totals);
    }

    /// Shows the calls of a firewall too.
    pub(crate) fn watch_calls(&self, calls: Arc<dyn Calls>) {
        self.sources().calls.push(calls);
    }

    fn sums(&self) -> Sums {
        let sources = self.sources();
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Sums {
            running: sources.calls.iter().map(|calls| calls.running()).sum(),
            written: sources.audits.iter().map(|audit| audit.written()).sum(),
            lost: sources.audits.iter().map(|audit| audit.lost()).sum(),
            reloads: load(&self.0.reloads),
            failed_reloads: load(&self.0.failed_reloads),
            incidents: *self.incidents(),
        }
    }

    /// No step of what is done under the lock can panic half-way.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn incidents(&self) -> MutexGuard<'_, Counts> {
        self.0.incidents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.0.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The place of the tool that `event` is about; a new one only for a name that a schema stands behind.
    fn place(&mut self, event: &Event<'_>) -> usize {
        let Some(name) = event.tool else { return NO_TOOL };
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let full = self.places.len() >= MAX_TOOLS;
        if event.declared.is_none() || full || name.len() > MAX_NAME {
            return OTHER_TOOL;
        }
        let place = self.names.len();
        self.names.push(name.into());
        self.places.insert(name.into(), place);
        place
    }
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
        self.nanos += took.as_nanos();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::{Guard, ToolDefinition};

    use super::*;

    #[test]
    fn names_that_a_model_made_up_make_no_series() {
        let schema = br#"{"type":"object"}"#;
        let names: Vec<String> = (0..300).map(|number| format!("tool_{number}")).collect();
        let guard = names.iter().try_fold(Guard::builder(), |builder, name| {
            builder.tool(ToolDefinition { name, input_schema: schema, output_schema: None })
        });
        let guard = guard.unwrap().build().unwrap();
        let metrics = Metrics::new();
        let tell = |name: &str| {
            let event = Event::new(Direction::ToServer, Outcome::Unchecked);
            let declared = guard.declared(name);
            let event = Event { tool: Some(name), declared, ..event };
            crate::observe::observe(Some(&metrics), &event, Duration::ZERO, true);
        };
        (0..1000).for_each(|number| tell(&format!("made up {number}")));
        assert_eq!(metrics.table().decisions.len(), 1);
        names.iter().for_each(|name| tell(name));
        assert_eq!(metrics.table().decisions.len(), MAX_TOOLS + 1);
        let text = metrics.render();
        assert!(text.contains("tool=\"(other)\",decision=\"allow\",reason=\"unlisted\"} 1044\n"));
        assert!(!text.contains("made up"));
    }

    #[test]
    fn durations_fall_into_the_bucket_that_holds_them() {
        let mut histogram = Histogram::default();
        let micros = |number| Duration::from_micros(number);
        for took in [micros(0), micros(1), micros(2), Duration::from_nanos(2001), micros(u64::MAX)]
        {
            histogram.add(took);
        }
        assert_eq!(histogram.buckets[..3], [2, 1, 1]);
        assert_eq!(histogram.buckets[BOUNDS.len()], 1);
    }
}
