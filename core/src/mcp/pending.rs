//! Requests that wait for their reply: one bounded table for each direction.
//!
//! A request that was cancelled stays known, so that a late reply is still treated as what it is; such
//! entries are the only ones that give way when the table is full.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

/// Why a request cannot be tracked, and so cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untracked {
    /// A request with this id still waits.
    InFlight,
    /// The table is full.
    Full,
}

/// Requests by canonical id. Lookups cost the logarithm of the table's bound; no hash of an id that the
/// other side chose decides anything.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: BTreeMap<Box<[u8]>, Slot<T>>,
    most: usize,
    /// Counts cancellations, to find the oldest.
    clock: u64,
}

#[derive(Debug)]
struct Slot<T> {
    request: T,
    cancelled: Option<u64>,
}

impl<T> Table<T> {
    pub(super) const fn new(most: usize) -> Self {
        Self { slots: BTreeMap::new(), most, clock: 0 }
    }

    /// How many requests of a kind wait.
    pub(super) fn count(&self, is: impl Fn(&T) -> bool) -> usize {
        let waiting = self.slots.values().filter(|slot| slot.cancelled.is_none());
        waiting.filter(|slot| is(&slot.request)).count()
    }

    /// Whether a request with this id could be tracked now.
    pub(super) fn admits(&self, id: &[u8]) -> Result<(), Untracked> {
        if self.slots.contains_key(id) {
            return Err(Untracked::InFlight);
        }
        let full = self.slots.len() >= self.most;
        if full && self.slots.values().all(|slot| slot.cancelled.is_none()) {
            return Err(Untracked::Full);
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, id: &[u8], request: T) -> Result<(), Untracked> {
        self.admits(id)?;
        if self.slots.len() >= self.most {
            let oldest = self
                .slots
                .iter()
                .filter_map(|(id, slot)| Some((slot.cancelled?, id.clone())))
                .min_by_key(|&(when, _)| when);
            if let Some((_, id)) = oldest {
                self.slots.remove(&id);
            }
        }
        self.slots.insert(id.into(), Slot { request, cancelled: None });
        Ok(())
    }

    /// The request that a reply with this id answers; it waits no longer.
    pub(super) fn take(&mut self, id: &[u8]) -> Option<T> {
        self.slots.remove(id).map(|slot| slot.request)
    }

    pub(super) fn get(&self, id: &[u8]) -> Option<&T> {
        self.slots.get(id).map(|slot| &slot.request)
    }

    /// The sender no longer waits.
    pub(super) fn cancel(&mut self, id: &[u8]) {
        if let Some(slot) = self.slots.get_mut(id) {
            self.clock = self.clock.saturating_add(1);
            slot.cancelled.get_or_insert(self.clock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_refuses_and_never_forgets_who_waits() {
        let mut table = Table::new(2);
        table.insert(b"1", 'a').unwrap();
        table.insert(b"2", 'b').unwrap();
        assert_eq!(table.insert(b"1", 'x'), Err(Untracked::InFlight));
        assert_eq!(table.insert(b"3", 'c'), Err(Untracked::Full));
        table.cancel(b"2");
        table.cancel(b"1");
        assert_eq!(table.insert(b"2", 'x'), Err(Untracked::InFlight), "cancelled is not forgotten");
        table.insert(b"3", 'c').unwrap();
        assert_eq!(table.take(b"2"), None, "the one cancelled first gave way");
        assert_eq!(table.take(b"1"), Some('a'));
        assert_eq!(table.take(b"3"), Some('c'));
        assert_eq!(table.take(b"3"), None);
    }
}
