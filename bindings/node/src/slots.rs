//! What JavaScript holds by a number.
//!
//! Looking an `External` up costs napi half a microsecond: it keeps a table of all under a lock. A number and a
//! table of the thread cost some nanoseconds. Who owns a value holds an `External` beside the number, so that the
//! garbage collector frees the slot. A value that a panic has gone through is gone, and its calls fail.

use std::cell::RefCell;

use napi::Error;
use napi::bindgen_prelude::External;
use napi_derive::napi;

/// Values of one thread by number.
pub struct Slots<T>(RefCell<Vec<Slot<T>>>);

struct Slot<T> {
    /// None while it is lent, and in a slot that nobody owns.
    value: Option<Box<T>>,
    is_owned: bool,
}

impl<T> Slots<T> {
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Keeps `value`; the number of its slot.
    pub fn add(&self, value: T) -> u32 {
        let mut slots = self.0.borrow_mut();
        let slot = Slot { value: Some(Box::new(value)), is_owned: true };
        let free = slots.iter().position(|slot| !slot.is_owned && slot.value.is_none());
        let number = free.unwrap_or(slots.len());
        match slots.get_mut(number) {
            Some(place) => *place = slot,
            None => slots.push(slot),
        }
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Calls `with` on the value in `slot`.
    pub fn lend<R>(&self, slot: u32, with: impl FnOnce(&mut T) -> R) -> napi::Result<R> {
        let mut value = self.take(slot)?;
        let result = with(&mut value);
        self.give(slot, value);
        Ok(result)
    }

    /// The value in `slot`, until it is given back: for another thread to work on.
    pub fn take(&self, slot: u32) -> napi::Result<Box<T>> {
        let taken = self.0.borrow_mut().get_mut(slot as usize).and_then(|slot| slot.value.take());
        taken.ok_or_else(|| Error::from_reason("this guard has failed before"))
    }

    /// Puts a value back; it ends here when its owner is gone.
    pub fn give(&self, slot: u32, value: Box<T>) {
        match self.0.borrow_mut().get_mut(slot as usize) {
            Some(slot) if slot.is_owned && slot.value.is_none() => slot.value = Some(value),
            _ => {}
        }
    }

    /// Gives a slot up.
    pub fn free(&self, slot: u32) {
        let freed = self.0.borrow_mut().get_mut(slot as usize).and_then(|slot| {
            slot.is_owned = false;
            slot.value.take()
        });
        // Not under the borrow: what is dropped may take long.
        drop(freed);
    }
}

/// Who owns a slot of this thread.
pub struct Owner {
    slot: u32,
    free: fn(u32),
}

impl Owner {
    pub fn of(slot: u32, free: fn(u32)) -> External<Self> {
        External::new(Self { slot, free })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        (self.free)(self.slot);
    }
}

/// The number of what `owner` owns.
#[napi(catch_unwind)]
pub fn slot(owner: &External<Owner>) -> u32 {
    owner.slot
}
