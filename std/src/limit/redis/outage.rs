//! The time in which the server does not answer.
//!
//! The first call that gets no answer opens an outage; from then on no call asks the server, until a thread
//! of its own finds it to answer again. Both are told once, with exact counts: what a call does in an outage is
//! counted under the lock under which it ends.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use redis::RedisError;

use super::Store;
use super::budget::Part;
use super::event::StoreEvent;
use super::links::describe;
use super::script::{Bill, Due, When};

/// How long the server is left alone before it is asked whether it is back: doubled each time, up to the
/// last.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(800)];

/// How many accounts are charged at once for what was admitted without asking.
const BATCH: usize = 256;

/// Who is told what happens.
pub(super) type Tell = dyn Fn(&StoreEvent) + Send + Sync;

/// What happened since the server went away.
#[derive(Debug)]
pub(super) struct Outage {
    began: Instant,
    refused: u64,
    admitted: u64,
    /// What this process admitted and the server does not know, by account; as many as the limiter of this
    /// process keeps.
    owed: HashMap<String, Due>,
    /// The same of budgets.
    spent: HashMap<String, Part>,
    /// The server was found to have lost data.
    forgot: bool,
}

impl Store {
    /// Whether there is an outage at this turn.
    pub(super) const fn is_outage(turn: u64) -> bool {
        turn % 2 == 1
    }

    pub(super) fn is_lost(&self) -> bool {
        Self::is_outage(self.turns.load(Ordering::Acquire))
    }

    /// Opens an outage, unless there is one.
    pub(super) fn lose(&self, error: &RedisError) {
        let mut outage = self.outage();
        if outage.is_some() {
            return;
        }
        *outage = Some(Outage {
            began: Instant::now(),
            refused: 0,
            admitted: 0,
            owed: HashMap::new(),
            spent: HashMap::new(),
            forgot: false,
        });
        self.turns.fetch_add(1, Ordering::AcqRel);
        (self.tell)(&StoreEvent::Lost { why: describe(error), on_loss: self.on_loss });
        // It was told already, or it ended with the process.
        let _ = self.lost.try_send(());
    }

    /// What becomes of a call while the server does not answer, by `decide`; none when it does.
    pub(super) fn decide_alone<T, E>(
        &self,
        bill: Bill<'_>,
        decide: impl FnOnce() -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let mut outage = self.outage();
        let outage = outage.as_mut()?;
        let decision = decide();
        if decision.is_ok() {
            outage.admitted += 1;
            for part in bill.parts {
                match outage.spent.get_mut(&part.account) {
                    Some(spent) => spent.amount = spent.amount.saturating_add(part.amount),
                    None => drop(outage.spent.insert(part.account.clone(), part.clone())),
                }
            }
            for due in bill.dues {
                match outage.owed.get_mut(&due.account) {
                    Some(owed) => owed.cost = owed.cost.saturating_add(due.cost),
                    None => {
                        outage.owed.insert(due.account.clone(), due.clone());
                    }
                }
            }
        } else {
            outage.refused += 1;
        }
        Some(decision)
    }

    /// Gives back what a call took that failed. What a server that does not answer has of it stays taken.
    pub(super) fn give_back(&self, parts: &[Part]) {
        if let Some(outage) = &mut *self.outage() {
            for part in parts {
                if let Some(spent) = outage.spent.get_mut(&part.account) {
                    spent.amount = spent.amount.saturating_sub(part.amount);
                }
            }
            return;
        }
        if let Err(error) = self.links.ask(|link| self.script.give_back(link, parts)) {
            self.lose(&error);
        }
    }

    /// Ends the outage if the server answers; whether there is none any more.
    fn try_return(&self) -> bool {
        self.links.forget();
        let Ok(reply) = self.ask(Bill::default(), When::Asked) else { return false };
        let mut open = self.outage();
        let Some(outage) = &mut *open else { return true };
        outage.forgot |= reply.forgot;
        // Calls wait meanwhile: none is admitted that the server is not told of.
        let owed: Vec<_> = outage.owed.drain().map(|(_, due)| due).collect();
        for (number, batch) in owed.chunks(BATCH).enumerate() {
            let bill = Bill { dues: batch, ..Bill::default() };
            if self.ask(bill, When::Owed).is_err() {
                let rest = owed.into_iter().skip(number * BATCH);
                outage.owed.extend(rest.map(|due| (due.account.clone(), due)));
                return false;
            }
        }
        let spent: Vec<_> = outage.spent.drain().map(|(_, part)| part).collect();
        for (number, batch) in spent.chunks(BATCH).enumerate() {
            let bill = Bill { parts: batch, ..Bill::default() };
            if self.ask(bill, When::Owed).is_err() {
                let rest = spent.into_iter().skip(number * BATCH);
                outage.spent.extend(rest.map(|part| (part.account.clone(), part)));
                return false;
            }
        }
        let &mut Outage { began, refused, admitted, forgot, .. } = outage;
        *open = None;
        self.turns.fetch_add(1, Ordering::AcqRel);
        (self.tell)(&StoreEvent::Returned { after: began.elapsed(), refused, admitted, forgot });
        true
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that waits for the server to return. It ends with the other end of `lost`.
pub(super) fn watch(store: &Arc<Store>, lost: Receiver<()>) -> io::Result<()> {
    let store = Arc::downgrade(store);
    let body = move || {
        while lost.recv().is_ok() && wait(&store, &lost) {}
    };
    thread::Builder::new().name("airlock-store".into()).spawn(body).map(drop)
}

/// Waits until the server is back; false when nobody wants to know any more.
fn wait(store: &Weak<Store>, lost: &Receiver<()>) -> bool {
    let [mut pause, longest] = PAUSES;
    loop {
        if lost.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return false;
        }
        let Some(store) = store.upgrade() else { return false };
        if store.try_return() {
            return true;
        }
        pause = longest.min(pause * 2);
    }
}
