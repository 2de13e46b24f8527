//! Numbers for values: equal values of one type have equal numbers.
//!
//! The values are kept, for two that differ must never share a number, in one pool beside a hash table
//! of their records. Whoever holds the table decides how long a number stays the same: a document or a
//! session. Worst case: linear in the values; a table that is full numbers no more of them.

use super::TypeId;
use crate::buf::Buf;

/// Most values of one table, and most bytes of them.
const MOST: usize = 1 << 16;
const MOST_BYTES: usize = 8 << 20;
/// Most slots that one value is looked for in.
const MOST_PROBES: usize = 64;

/// A table of values and their numbers, which count from one for each type.
///
/// It holds what was masked: keep it no longer than the session that it serves.
#[derive(Debug)]
pub struct Pseudonyms<'m> {
    pool: Buf<'m, u8>,
    records: Buf<'m, Record>,
    /// Indexes of records counted from one, by hash; a power of two of them, at most half in use.
    slots: Buf<'m, u32>,
}

/// One value. Opaque: it is public so that storage for it can be lent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    hash: u32,
    start: u32,
    len: u32,
    number: u32,
    id: TypeId,
}

#[cfg(feature = "alloc")]
impl Default for Pseudonyms<'_> {
    fn default() -> Self {
        Self::growable()
    }
}

impl<'m> Pseudonyms<'m> {
    /// Over lent storage. `slots` has a power of two of items, at least 64 and twice as many as
    /// `records`.
    #[must_use]
    pub const fn lent(pool: &'m mut [u8], records: &'m mut [Record], slots: &'m mut [u32]) -> Self {
        Self { pool: Buf::lent(pool), records: Buf::lent(records), slots: Buf::lent(slots) }
    }

    /// A table that grows, up to 65,536 values or 8 MiB of them.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn growable() -> Self {
        Self { pool: Buf::growable(), records: Buf::growable(), slots: Buf::growable() }
    }

    /// A table that numbers nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { pool: Buf::lent(&mut []), records: Buf::lent(&mut []), slots: Buf::lent(&mut []) }
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        self.pool.clear();
        self.records.clear();
        self.slots.clear();
    }

    /// The number of `value` among those of its type, a new one when it has none; none when the table
    /// is full.
    pub(super) fn number(&mut self, id: TypeId, value: &[u8]) -> Option<u32> {
        let hash = hash(id, value);
        if let Slot::Taken(number) = self.find(hash, id, value) {
            return Some(number);
        }
        if self.records.len() >= MOST || self.pool.len() + value.len() > MOST_BYTES {
            return None;
        }
        self.make_room()?;
        let Slot::Free(slot) = self.find(hash, id, value) else {
            return None;
        };
        let last = self.records.iter().rev().find(|record| record.id == id);
        let number = last.map_or(1, |last| last.number + 1);
        let start = u32::try_from(self.pool.len()).ok()?;
        let len = u32::try_from(value.len()).ok()?;
        self.records.push(Record { hash, start, len, number, id }).ok()?;
        if self.pool.extend(value).is_err() {
            self.records.pop();
            return None;
        }
        *self.slots.get_mut(slot)? = self.records.len() as u32;
        Some(number)
    }

    fn find(&self, hash: u32, id: TypeId, value: &[u8]) -> Slot {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return Slot::None;
        };
        for probe in 0..MOST_PROBES {
            let at = (hash as usize + probe) & mask;
            let index = self.slots.get(at).copied().unwrap_or(0);
            let Some(index) = index.checked_sub(1) else {
                return Slot::Free(at);
            };
            let Some(record) = self.records.get(index as usize) else {
                return Slot::None;
            };
            let (start, len) = (record.start as usize, record.len as usize);
            let same = || self.pool.get(start..start + len) == Some(value);
            if record.hash == hash && record.id == id && same() {
                return Slot::Taken(record.number);
            }
        }
        Slot::None
    }

    /// Keeps the slots at most half in use.
    fn make_room(&mut self) -> Option<()> {
        if (self.records.len() + 1) * 2 <= self.slots.len() {
            return Some(());
        }
        let want = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.reserve(want).ok()?.get_mut(..want)?.fill(0);
        self.slots.commit(want);
        for index in 0..self.records.len() {
            let hash = self.records.get(index)?.hash as usize;
            let free = (0..want).map(|probe| (hash + probe) & (want - 1));
            let mut free = free.filter(|&at| self.slots.get(at) == Some(&0));
            let slot = free.next()?;
            *self.slots.get_mut(slot)? = index as u32 + 1;
        }
        Some(())
    }
}

/// Where a value is, or would be.
enum Slot {
    Free(usize),
    Taken(u32),
    /// Too many others are in the way.
    None,
}

/// FNV-1a. Whoever makes values collide makes the table refuse them: see [`MOST_PROBES`].
fn hash(id: TypeId, value: &[u8]) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = value.iter().fold(step(0x811c_9dc5, id.0), |hash, &byte| step(hash, byte));
    hash ^ hash >> 15
}

#[cfg(test)]
#[cfg(feature = "alloc")]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn equal_values_have_equal_numbers_and_others_do_not() {
        let mut names = Pseudonyms::growable();
        for round in 0..2 {
            for value in 0..5000_u32 {
                let text = format!("value {value}");
                assert_eq!(
                    names.number(TypeId::EMAIL, text.as_bytes()),
                    Some(value + 1),
                    "{round}"
                );
            }
        }
        assert_eq!(names.number(TypeId::PHONE, b"value 7"), Some(1), "each type counts for itself");
        names.clear();
        assert_eq!(names.number(TypeId::EMAIL, b"value 7"), Some(1));
    }

    #[test]
    fn a_full_table_numbers_no_more_but_what_it_knows() {
        let (mut pool, mut records, mut slots) = ([0; 8], [Record::default(); 2], [0; 64]);
        let mut names = Pseudonyms::lent(&mut pool, &mut records, &mut slots);
        assert_eq!(names.number(TypeId::EMAIL, b"abc"), Some(1));
        assert_eq!(names.number(TypeId::EMAIL, b"123456"), None, "the pool has 8 bytes");
        assert_eq!(names.number(TypeId::EMAIL, b"def"), Some(2));
        assert_eq!(names.number(TypeId::EMAIL, b"g"), None, "there are two records");
        assert_eq!(names.number(TypeId::EMAIL, b"abc"), Some(1));
        assert_eq!(Pseudonyms::none().number(TypeId::EMAIL, b"abc"), None);
    }

    #[test]
    fn colliding_values_are_refused_rather_than_searched_for_ever() {
        let mut names = Pseudonyms::growable();
        // One more byte of zeros after a hash of zero keeps the hash: find values of one bucket.
        let bucket = |value: u32| hash(TypeId::EMAIL, &value.to_le_bytes()) & 0xff;
        let mut alike = (0_u32..).filter(|&value| bucket(value) == 7);
        let known = (0..40).filter_map(|_| alike.next());
        let count =
            known.filter(|v| names.number(TypeId::EMAIL, &v.to_le_bytes()).is_some()).count();
        assert!(count >= MOST_PROBES.min(32), "{count}");
    }
}
