//! Lent memory, cut into arrays.

use core::ffi::c_void;
use core::{ptr, slice};

use crate::codes::Status;

/// What is left of memory that C code lent.
pub(crate) struct Memory {
    at: *mut u8,
    left: usize,
}

impl Memory {
    /// Null is no memory.
    ///
    /// # Safety
    /// `at` is null or points to `len` bytes that are the caller's alone while parts of it are
    /// used.
    pub(crate) unsafe fn new(at: *mut c_void, len: usize) -> Result<Self, Status> {
        if at.is_null() && len > 0 || isize::try_from(len).is_err() {
            return Err(Status::INVALID_ARGUMENT);
        }
        Ok(Self { at: at.cast(), left: len })
    }

    /// How many bytes are left.
    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    /// The next part of at most `bytes` bytes, as an array of `T`.
    pub(crate) fn take<'m, T: Copy + Default>(&mut self, bytes: usize) -> &'m mut [T] {
        let skip = self.at.align_offset(align_of::<T>());
        let count = bytes.min(self.left).saturating_sub(skip) / size_of::<T>();
        if count == 0 {
            return &mut [];
        }
        let used = skip + count * size_of::<T>();
        // SAFETY: the memory has `left` bytes, and `used` is not more: `count` was rounded down.
        let first = unsafe { self.at.add(skip) }.cast::<T>();
        // SAFETY: as above.
        self.at = unsafe { self.at.add(used) };
        self.left -= used;
        for at in 0..count {
            // SAFETY: aligned, and within the part.
            unsafe { ptr::write(first.add(at), T::default()) };
        }
        // SAFETY: aligned, every element was written just now, and the part is given away once.
        unsafe { slice::from_raw_parts_mut(first, count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_aligned_disjoint_and_within() {
        let mut bytes = [0xaa_u8; 64];
        // SAFETY: the array lives longer than the parts.
        let mut memory = unsafe { Memory::new(bytes[1..].as_mut_ptr().cast(), 40) }.ok().unwrap();
        let words: &mut [u32] = memory.take(20);
        let rest: &mut [u8] = memory.take(100);
        assert!(words.len() >= 4 && words.iter().all(|&word| word == 0));
        words.fill(u32::MAX);
        assert!(rest.iter().all(|&byte| byte == 0));
        assert_eq!(memory.left(), 0);
        assert!(memory.take::<u64>(8).is_empty());
        assert!(bytes[41..].iter().all(|&byte| byte == 0xaa));
    }
}
