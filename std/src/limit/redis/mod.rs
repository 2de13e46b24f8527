//! Limits and budgets that processes share through Redis or Valkey.
//!
//! One script decides on all charges and sums of a call at once, in one round trip, by the clock of the server; what an
//! account becomes is what the limiter of one process would make of it. Keys are digests and expire when
//! their accounts are full again; all of a namespace have one hash tag, so that a cluster has them on one
//! node. While the server does not answer no call waits for it: see [`OnLoss`]. Worst case: one time-out for
//! each call that runs while the server goes away.

mod budget;
mod event;
pub(crate) mod links;
mod options;
mod outage;
mod script;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use airlock_core::Outcome;
use airlock_core::policy::{
    Admit, Charges, Exhausted, Hold, OnLoss, Overspent, Policy, Shortage, Sums,
};
use redis::RedisResult;

use super::{Keeper, LimitError, Limiter};
use crate::clock::Clock;
use budget::{Held, Holds};
pub use event::StoreEvent;
use links::Links;
pub use options::{RedisOptions, StoreError};
use outage::{Outage, Tell};
use script::{Bill, Rates, Reply, Script, When};

/// Counts the calls of one policy together with other processes.
pub struct RedisLimiter {
    rates: Rates,
    /// Counts what this process admits, with the server and without.
    own: Limiter,
    store: Arc<Store>,
}

/// What the threads that decide share with the one that waits for the server to return, whichever policy they
/// decide by.
struct Store {
    links: Links,
    script: Script,
    /// Since when the server has its data, in microseconds of its clock; 0 when it was never asked.
    known: AtomicU64,
    on_loss: OnLoss,
    outage: Mutex<Option<Outage>>,
    /// How many outages began and ended: odd while one lasts.
    turns: AtomicU64,
    /// Wakes the thread that waits for the server to return.
    lost: SyncSender<()>,
    tell: Box<Tell>,
    /// What calls that run have taken from budgets.
    holds: Holds,
}

impl RedisLimiter {
    /// A limiter that says on standard error when the server is lost and when it is back. The server is
    /// asked at once: one that does not answer is lost from the beginning. `clock` is that of what this
    /// process counts for itself.
    ///
    /// # Errors
    /// When a limit cannot be kept, or the system gives no thread.
    pub fn new(
        policy: &Policy,
        options: &RedisOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        Self::telling(policy, options, clock, |event| eprintln!("airlock: {event}"))
    }

    /// [`new`](Self::new) with another listener than standard error. It is called by threads that decide,
    /// one at a time.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn telling(
        policy: &Policy,
        options: &RedisOptions,
        clock: Arc<dyn Clock>,
        tell: impl Fn(&StoreEvent) + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let script = Script::new(&options.namespace);
        Self::start(script, policy, options, clock, Box::new(tell))
    }

    fn start(
        script: Script,
        policy: &Policy,
        options: &RedisOptions,
        clock: Arc<dyn Clock>,
        tell: Box<Tell>,
    ) -> Result<Self, StoreError> {
        let (lost, heard) = sync_channel(1);
        let rates = Rates::new(policy, &options.namespace);
        let own = Limiter::new(policy, clock).map_err(StoreError::Limit)?;
        let store = Arc::new(Store {
            links: Links::new(options.server.clone(), options.timeout),
            script,
            known: AtomicU64::new(0),
            on_loss: options.on_loss,
            outage: Mutex::new(None),
            turns: AtomicU64::new(0),
            lost,
            tell,
            holds: Holds::default(),
        });
        outage::watch(&store, heard).map_err(|_| StoreError::Thread)?;
        if let Err(error) = store.ask(Bill::default(), When::Asked) {
            store.lose(&error);
        }
        Ok(Self { rates, own, store })
    }

    /// Whether the server does not answer.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.store.is_lost()
    }
}

impl Keeper for RedisLimiter {
    fn succeed(&self, policy: &Policy) -> Result<Arc<dyn Keeper>, LimitError> {
        let own = self.own.succeed(policy)?;
        let rates = self.rates.succeed(policy);
        Ok(Arc::new(Self { rates, own, store: Arc::clone(&self.store) }))
    }
}

impl Admit for RedisLimiter {
    fn admit(&self, charges: Charges<'_>) -> Result<(), Exhausted> {
        match self.decide(None, Some(charges)) {
            Err(Shortage::Limit(exhausted)) => Err(exhausted),
            Ok(_) | Err(Shortage::Budget(_)) => Ok(()),
        }
    }

    fn reserve(&self, sums: Sums<'_>) -> Result<Option<Hold>, Overspent> {
        match self.decide(Some(sums), None) {
            Err(Shortage::Budget(overspent)) => Err(overspent),
            Err(Shortage::Limit(_)) => Ok(None),
            Ok(hold) => Ok(hold),
        }
    }

    fn take(&self, sums: Sums<'_>, charges: Charges<'_>) -> Result<Option<Hold>, Shortage> {
        self.decide(Some(sums), Some(charges))
    }

    fn settle(&self, hold: Hold, outcome: Outcome) {
        let Some(Held { parts, own }) = self.store.holds.close(hold) else { return };
        if let Some(own) = own {
            self.own.settle(own, outcome);
        }
        if outcome == Outcome::Failed && !parts.is_empty() {
            self.store.give_back(&parts);
        }
    }
}

impl RedisLimiter {
    /// Takes all of what a call takes, or nothing.
    fn decide(
        &self,
        sums: Option<Sums<'_>>,
        charges: Option<Charges<'_>>,
    ) -> Result<Option<Hold>, Shortage> {
        let Self { rates, own, store } = self;
        let (mut dues, mut parts) = (Vec::new(), Vec::new());
        for sum in sums.clone().into_iter().flatten() {
            let none = Overspent { budget: sum.budget.index };
            let part = sums.as_ref().and_then(|sums| rates.part(&sum, sums));
            parts.push(part.ok_or(Shortage::Budget(none))?);
        }
        for charge in charges.clone().into_iter().flatten() {
            let none = Exhausted { limit: charge.limit.index, retry_after_ms: None };
            dues.push(rates.due(&charge).ok_or(Shortage::Limit(none))?);
        }
        if dues.is_empty() && parts.is_empty() {
            return Ok(None);
        }
        let bill = Bill { dues: &dues, parts: &parts };
        let take_own = || match (sums.clone(), charges.clone()) {
            (Some(sums), Some(charges)) => own.take(sums, charges),
            (Some(sums), None) => own.reserve(sums).map_err(Shortage::Budget),
            (None, Some(charges)) => own.admit(charges).map(|()| None).map_err(Shortage::Limit),
            (None, None) => Ok(None),
        };
        let budget =
            |place| sums.clone().and_then(|mut sums| sums.nth(place)).map(|sum| sum.budget.index);
        let limit = |place| {
            charges.clone().and_then(|mut all| all.nth(place)).map(|charge| charge.limit.index)
        };
        let own = loop {
            let turn = store.turns.load(Ordering::Acquire);
            if Store::is_outage(turn) {
                // Of all that refuse the first one is named.
                let lost = || match budget(0) {
                    Some(budget) => Shortage::Budget(Overspent { budget }),
                    None => {
                        let limit = limit(0).unwrap_or(usize::MAX);
                        Shortage::Limit(Exhausted { limit, retry_after_ms: None })
                    }
                };
                let decide = || match store.on_loss {
                    OnLoss::Fallback => take_own(),
                    OnLoss::Refuse => Err(lost()),
                };
                if let Some(decision) = store.decide_alone(bill, decide) {
                    break decision?;
                }
                // It is back.
                continue;
            }
            let reply = match store.ask(bill, When::Asked) {
                Ok(reply) => reply,
                Err(error) => {
                    // Not when it was asked before it went away or came back.
                    if store.turns.load(Ordering::Acquire) == turn {
                        store.lose(&error);
                    }
                    continue;
                }
            };
            if reply.forgot {
                (store.tell)(&StoreEvent::Forgot);
            }
            if let Some(place) = reply.overspent {
                let budget = budget(place).unwrap_or(usize::MAX);
                return Err(Shortage::Budget(Overspent { budget }));
            }
            if let Some((place, retry_after_ms)) = reply.exhausted {
                let limit = limit(place).unwrap_or(usize::MAX);
                return Err(Shortage::Limit(Exhausted { limit, retry_after_ms }));
            }
            // What others took is not in the books of this process, so they have no less left.
            break match store.on_loss {
                OnLoss::Fallback => take_own().unwrap_or(None),
                OnLoss::Refuse => None,
            };
        };
        parts.retain(|part| part.amount > 0);
        let held = !parts.is_empty() || own.is_some();
        Ok(held.then(|| store.holds.open(Held { parts, own })))
    }
}

impl Store {
    /// Charges calls; without one, asks whether the server would.
    fn ask(&self, bill: Bill<'_>, when: When) -> RedisResult<Reply> {
        let known = self.known.load(Ordering::Acquire);
        let reply = self.links.ask(|link| self.script.run(link, bill, when, known))?;
        self.known.store(reply.since, Ordering::Release);
        Ok(reply)
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Store { on_loss, .. } = &*self.store;
        let mut limiter = f.debug_struct("RedisLimiter");
        limiter.field("on_loss", on_loss).field("is_lost", &self.is_lost()).finish_non_exhaustive()
    }
}
