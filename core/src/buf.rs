//! Growable or fixed storage behind one type.
//!
//! Every buffer of a [`Scratch`](crate::Scratch) is a [`Buf`]: a slice that the caller lent, which
//! refuses what does not fit, or (feature `alloc`) a vector that grows. Code above does not know which.
//! A buffer keeps its storage when it is cleared, so a warm one never allocates again.

use core::fmt;
use core::ops::{Deref, DerefMut};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// The storage is used up: the input needs more than the caller lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the storage lent to this buffer is full")
    }
}

impl core::error::Error for Full {}

/// A sequence of `T` over a lent slice or, with `alloc`, over a vector.
#[derive(Debug)]
pub struct Buf<'m, T> {
    store: Store<'m, T>,
    /// How many items are in use; never above the store's length.
    len: usize,
}

#[derive(Debug)]
enum Store<'m, T> {
    Lent(&'m mut [T]),
    /// Always initialised to its full length, so that slots can be handed out as a slice.
    #[cfg(feature = "alloc")]
    Owned(Vec<T>),
}

impl<'m, T: Copy + Default> Buf<'m, T> {
    /// An empty buffer over `slots`; it holds at most `slots.len()` items.
    #[must_use]
    pub const fn lent(slots: &'m mut [T]) -> Self {
        Self { store: Store::Lent(slots), len: 0 }
    }

    /// An empty buffer that grows.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn growable() -> Self {
        Self { store: Store::Owned(Vec::new()), len: 0 }
    }

    /// Removes every item and keeps the storage.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the first `len` items.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends one item.
    ///
    /// # Errors
    /// [`Full`] when the storage is lent and used up; nothing was appended.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full> {
        if self.len == self.slots().len() {
            self.grow(1)?;
        }
        let at = self.len;
        if let Some(slot) = self.slots().get_mut(at) {
            *slot = item;
            self.len += 1;
            return Ok(());
        }
        Err(Full)
    }

    /// Removes and returns the last item.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.last().copied()?;
        self.len -= 1;
        Some(item)
    }

    /// Appends all of `items`, or nothing.
    ///
    /// # Errors
    /// [`Full`] when they do not fit into lent storage.
    #[inline]
    pub fn extend(&mut self, items: &[T]) -> Result<(), Full> {
        let room = self.reserve(items.len())?;
        room.get_mut(..items.len()).ok_or(Full)?.copy_from_slice(items);
        self.len += items.len();
        Ok(())
    }

    /// Makes room for `more` items and returns the unused slots, at least `more` of them.
    ///
    /// # Errors
    /// [`Full`] when lent storage has fewer.
    pub fn reserve(&mut self, more: usize) -> Result<&mut [T], Full> {
        if self.slots().len() - self.len < more {
            self.grow(more)?;
        }
        let at = self.len;
        self.slots().get_mut(at..).ok_or(Full)
    }

    /// All unused slots: at least `wanted` of them when the storage grows, else what is there.
    pub(crate) fn reserve_most(&mut self, wanted: usize) -> &mut [T] {
        if self.slots().len() - self.len < wanted {
            // Lent storage cannot grow.
            let _ = self.grow(wanted);
        }
        let at = self.len;
        self.slots().get_mut(at..).unwrap_or(&mut [])
    }

    /// Declares the first `more` unused slots, which [`reserve`](Self::reserve) returned and the
    /// caller filled, to be in use.
    pub fn commit(&mut self, more: usize) {
        let most = self.slots().len();
        self.len = self.len.saturating_add(more).min(most);
    }

    /// Gives storage above `items` items back to the allocator; lent storage stays.
    pub fn shrink_to(&mut self, items: usize) {
        #[cfg(feature = "alloc")]
        if let Store::Owned(vec) = &mut self.store {
            let keep = items.max(self.len);
            if vec.len() > keep {
                vec.truncate(keep);
                vec.shrink_to_fit();
            }
        }
        #[cfg(not(feature = "alloc"))]
        let _ = items;
    }

    #[inline]
    fn slots(&mut self) -> &mut [T] {
        match &mut self.store {
            Store::Lent(slots) => slots,
            #[cfg(feature = "alloc")]
            Store::Owned(vec) => vec,
        }
    }

    #[cold]
    #[cfg_attr(
        not(feature = "alloc"),
        expect(unused_variables, reason = "lent storage cannot grow")
    )]
    fn grow(&mut self, more: usize) -> Result<(), Full> {
        match &mut self.store {
            Store::Lent(_) => Err(Full),
            #[cfg(feature = "alloc")]
            Store::Owned(vec) => {
                let least = self.len.checked_add(more).ok_or(Full)?;
                // Doubling keeps appending linear.
                vec.resize(least.max(vec.len().saturating_mul(2)).max(64), T::default());
                Ok(())
            }
        }
    }
}

#[cfg(feature = "alloc")]
impl<T: Copy + Default> Default for Buf<'_, T> {
    fn default() -> Self {
        Self::growable()
    }
}

impl<T> Deref for Buf<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        let all = match &self.store {
            Store::Lent(slots) => &slots[..],
            #[cfg(feature = "alloc")]
            Store::Owned(vec) => &vec[..],
        };
        all.get(..self.len).unwrap_or(&[])
    }
}

impl<T> DerefMut for Buf<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        let len = self.len;
        let all = match &mut self.store {
            Store::Lent(slots) => &mut slots[..],
            #[cfg(feature = "alloc")]
            Store::Owned(vec) => &mut vec[..],
        };
        all.get_mut(..len).unwrap_or(&mut [])
    }
}

/// Text: what is written is appended, or [`fmt::Error`] says that it did not fit.
impl fmt::Write for Buf<'_, u8> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes()).map_err(|Full| fmt::Error)
    }

    #[inline]
    fn write_char(&mut self, c: char) -> fmt::Result {
        if c.is_ascii() {
            return self.push(c as u8).map_err(|Full| fmt::Error);
        }
        self.write_str(c.encode_utf8(&mut [0; 4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_storage_refuses_what_does_not_fit() {
        let mut slots = [0_u8; 4];
        let mut buf = Buf::lent(&mut slots);
        buf.extend(b"abc").unwrap();
        assert_eq!(buf.extend(b"de"), Err(Full));
        assert_eq!(&*buf, b"abc", "a refused append changes nothing");
        buf.push(b'd').unwrap();
        assert_eq!(buf.push(b'e'), Err(Full));
        assert_eq!(buf.pop(), Some(b'd'));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn owned_storage_grows_and_is_kept() {
        let mut buf = Buf::growable();
        for i in 0..1000_u32 {
            buf.push(i).unwrap();
        }
        assert_eq!(buf.len(), 1000);
        buf.clear();
        assert!(buf.is_empty());
        assert_eq!(buf.pop(), None);
        buf.shrink_to(10);
        buf.push(7).unwrap();
        assert_eq!(&*buf, &[7]);
    }
}
