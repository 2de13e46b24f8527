//! What time it is.
//!
//! Two clocks in one: the moment, which people set and which may jump, for rules about time, and the time
//! that has passed, which only grows, for limits. A step of the first gives nobody budget.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The moment in Unix milliseconds; none when the clock cannot say one.
    fn now(&self) -> Option<u64>;

    /// How long this clock has been running: never less than it said before.
    fn elapsed(&self) -> Duration;
}

/// The clocks of the system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock that starts to run.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Option<u64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is moved: for tests, and for calls of the past.
#[derive(Debug, Default)]
pub struct ManualClock {
    /// Unix milliseconds.
    now: AtomicU64,
    /// Nanoseconds.
    elapsed: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at a moment in Unix milliseconds.
    #[must_use]
    pub const fn new(now: u64) -> Self {
        Self { now: AtomicU64::new(now), elapsed: AtomicU64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let millis = nanos / 1_000_000;
        self.now.store(self.now.load(Ordering::Acquire).saturating_add(millis), Ordering::Release);
        let elapsed = self.elapsed.load(Ordering::Acquire).saturating_add(nanos);
        self.elapsed.store(elapsed, Ordering::Release);
    }

    /// Sets the moment, as people set a clock: no time passes.
    pub fn set(&self, now: u64) {
        self.now.store(now, Ordering::Release);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Option<u64> {
        Some(self.now.load(Ordering::Acquire))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::Acquire))
    }
}
