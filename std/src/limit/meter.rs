//! One step of GCRA by `governor`.
//!
//! A rate limiter of that crate reads and writes its state through a store and reads a clock. Here both are
//! registers: loaded with an account and the moment, they hold what the account becomes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use airlock_core::policy::LimitRef;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::Wait;

/// Most nanoseconds until an account is full again, so that sums of two do not overflow.
const LONGEST: u64 = i64::MAX as u64;

/// What accounts of one limit come to. An account is the moment at which what was taken from it is there
/// again. All times are nanoseconds of the limiter's clock.
#[derive(Debug)]
pub(super) struct Meter {
    limiter: RateLimiter<NotKeyed, Registers, Registers, NoOpMiddleware<Nanos>>,
    registers: Registers,
    /// How long one call takes to be there again.
    each: u64,
    burst: u32,
}

/// Shared by the two parts of a meter; used by one thread at a time.
#[derive(Clone, Debug, Default)]
struct Registers(Arc<Values>);

#[derive(Debug, Default)]
struct Values {
    now: AtomicU64,
    before: AtomicU64,
    after: AtomicU64,
}

impl Meter {
    /// The meter of `limit`; none when an account needs longer than [`LONGEST`] to fill up.
    pub(super) fn new(limit: &LimitRef<'_>) -> Option<Self> {
        // Rounded up, so that no more than the rate is let through.
        let each = limit.period_ms.checked_mul(1_000_000)?.div_ceil(limit.count.into());
        each.checked_mul(limit.burst.into()).filter(|whole| *whole <= LONGEST)?;
        let burst = NonZeroU32::new(limit.burst)?;
        let quota = Quota::with_period(Duration::from_nanos(each))?.allow_burst(burst);
        let registers = Registers::default();
        let limiter = RateLimiter::new(quota, registers.clone(), registers.clone());
        Some(Self { limiter, registers, each, burst: limit.burst })
    }

    /// What an account of the meter `old` is here: as many calls are missing, but for what is above the
    /// burst. Parts of a call are rounded up.
    pub(super) fn convert(&self, account: u64, old: &Self, now: u64) -> u64 {
        let missing = u128::from(account.saturating_sub(now));
        let new = (missing * u128::from(self.each)).div_ceil(u128::from(old.each.max(1)));
        let most = u128::from(self.each) * u128::from(self.burst);
        now.saturating_add(u64::try_from(new.min(most)).unwrap_or(LONGEST))
    }

    /// What the account `before` becomes when `cost` is taken from it at `now`.
    pub(super) fn take(&self, before: u64, cost: u32, now: u64) -> Result<u64, Wait> {
        let Values { now: clock, before: account, after } = &*self.registers.0;
        clock.store(now, Ordering::Relaxed);
        account.store(before, Ordering::Relaxed);
        let Some(cost) = NonZeroU32::new(cost) else { return Ok(before) };
        match self.limiter.check_n(cost) {
            Ok(Ok(())) => Ok(after.load(Ordering::Relaxed)),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(Nanos::from(now));
                Err(u64::try_from(wait.as_nanos()).ok())
            }
            // More than the burst.
            Err(_) => Err(None),
        }
    }
}

impl Clock for Registers {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.now.load(Ordering::Relaxed).into()
    }
}

impl StateStore for Registers {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let before = self.0.before.load(Ordering::Relaxed);
        let (outcome, after) = measure(Some(before.into()))?;
        self.0.after.store(after.into(), Ordering::Relaxed);
        Ok(outcome)
    }
}
