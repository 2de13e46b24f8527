//! What every exported function passes through: no panic leaves it, no pointer is believed.

use core::ffi::c_char;
use core::mem::MaybeUninit;
use core::ptr;
#[cfg(feature = "hosted")]
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codes::Status;

/// What functions return.
pub type airlock_status = u32;

/// Runs `work`; a panic in it becomes a status.
///
/// Outputs are set to "refuse" before anything can go wrong and to "allow" last of all, so that
/// what a panic leaves behind is safe; that makes the assertion below honest.
#[inline(always)]
pub(crate) fn guarded(work: impl FnOnce() -> Result<(), Status>) -> airlock_status {
    #[cfg(feature = "hosted")]
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Status::PANICKED));
    // Without unwinding a panic ends in the handler of the final program.
    #[cfg(not(feature = "hosted"))]
    let done = work();
    match done {
        Ok(()) => Status::OK.0,
        Err(status) => status.0,
    }
}

/// Runs `work`, which must not matter much: a destructor.
#[cfg(feature = "alloc")]
pub(crate) fn quietly(work: impl FnOnce()) {
    guarded(|| {
        work();
        Ok(())
    });
}

/// A struct that C code fills in or has filled in. It begins with its size and only ever grows at
/// its end.
///
/// # Safety
/// `repr(C)`, its first field is the `u32` size, and all bytes zero is a value of it.
pub(crate) unsafe trait Versioned: Copy {
    /// The size of its first version.
    const LEAST: usize;
}

/// Declares a struct [`Versioned`]; its first version ends with the field named.
macro_rules! versioned {
    ($name:ident, $last:ident: $kind:ty) => {
        // SAFETY: it is declared `repr(C)` beside this line, begins with `struct_size`, and consists of
        // numbers, raw pointers and optional functions, for all of which zero is a value.
        unsafe impl crate::boundary::Versioned for $name {
            const LEAST: usize =
                core::mem::offset_of!($name, $last) + core::mem::size_of::<$kind>();
        }
        const _: () = assert!(core::mem::offset_of!($name, struct_size) == 0);
    };
}
pub(crate) use versioned;

/// What is at `from`, as this version of the library knows it. A struct of an earlier version is
/// copied to `room`, its missing fields zero; one of a later version must not use what is not known
/// here.
///
/// # Safety
/// `from` is null or points to as many bytes as the struct says, of which nobody writes any while
/// it is used.
#[inline(always)]
pub(crate) unsafe fn view<T: Versioned>(
    from: *const T,
    room: &mut MaybeUninit<T>,
) -> Result<&T, Status> {
    if from.is_null() || !from.is_aligned() {
        return Err(Status::INVALID_ARGUMENT);
    }
    // SAFETY: not null, aligned, and every version begins with its size.
    let size = unsafe { from.cast::<u32>().read() } as usize;
    if size == size_of::<T>() {
        // SAFETY: not null, aligned, all of its bytes are there, and any bytes that C code leaves in
        // numbers and pointers are values of it.
        return Ok(unsafe { &*from });
    }
    // SAFETY: the caller vouches for `size` bytes.
    unsafe { view_other(from, size, room) }
}

#[cold]
unsafe fn view_other<T: Versioned>(
    from: *const T,
    size: usize,
    room: &mut MaybeUninit<T>,
) -> Result<&T, Status> {
    if size < T::LEAST {
        return Err(Status::INVALID_ARGUMENT);
    }
    *room = MaybeUninit::zeroed();
    for at in size_of::<T>()..size {
        // SAFETY: `at` is below `size`.
        if unsafe { from.cast::<u8>().add(at).read() } != 0 {
            return Err(Status::INVALID_ARGUMENT);
        }
    }
    // SAFETY: both have as many bytes as the smaller of the two sizes, and are not the same memory.
    unsafe {
        ptr::copy_nonoverlapping(
            from.cast::<u8>(),
            room.as_mut_ptr().cast::<u8>(),
            size.min(size_of::<T>()),
        );
    }
    // SAFETY: zeroed and then overwritten with what C code left in numbers and pointers.
    Ok(unsafe { room.assume_init_ref() })
}

/// A struct that is to be filled in, which may be of another version.
pub(crate) struct Place<T> {
    to: *mut T,
    size: usize,
}

impl<T: Versioned> Place<T> {
    /// # Safety
    /// `to` is null or points to as many bytes as the struct says, which are the caller's alone.
    #[inline(always)]
    pub(crate) unsafe fn new(to: *mut T) -> Result<Self, Status> {
        if to.is_null() || !to.is_aligned() {
            return Err(Status::INVALID_ARGUMENT);
        }
        // SAFETY: not null, aligned, and every version begins with its size.
        let size = unsafe { to.cast::<u32>().read() } as usize;
        if size < T::LEAST { Err(Status::INVALID_ARGUMENT) } else { Ok(Self { to, size }) }
    }

    /// Writes `value` but for its size.
    #[inline(always)]
    pub(crate) fn set(&self, value: &T) {
        // Of this version is almost every one: a copy of a known size is a few moves.
        if self.size == size_of::<T>() {
            self.copy(value, size_of::<T>());
        } else {
            self.copy(value, self.size.min(size_of::<T>()));
        }
    }

    /// Copies the first `size` bytes of `value` but for its size, at most those of both.
    #[inline(always)]
    fn copy(&self, value: &T, size: usize) {
        let from: *const T = value;
        let head = size_of::<u32>();
        // SAFETY: both have `size` bytes, which is above the head's; `value` is ours and the other
        // memory the caller's.
        unsafe {
            ptr::copy_nonoverlapping(
                from.cast::<u8>().add(head),
                self.to.cast::<u8>().add(head),
                size - head,
            );
        }
    }
}

/// A value that C code has room for.
///
/// # Safety
/// `to` is null or points to room for a `T`.
pub(crate) unsafe fn put<T>(to: *mut T, value: T) -> Result<(), Status> {
    if to.is_null() || !to.is_aligned() {
        return Err(Status::INVALID_ARGUMENT);
    }
    // SAFETY: not null, aligned, and the caller vouches for the room.
    unsafe { to.write(value) };
    Ok(())
}

/// What a handle or an array of C code points to.
///
/// # Safety
/// `from` is null or points to a `T` that nobody changes for `'a`.
#[inline(always)]
pub(crate) unsafe fn shared<'a, T>(from: *const T) -> Result<&'a T, Status> {
    if from.is_null() || !from.is_aligned() {
        return Err(Status::INVALID_ARGUMENT);
    }
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    Ok(unsafe { &*from })
}

/// What a handle points to that one thread at a time uses.
///
/// # Safety
/// `from` is null or points to a `T` that is the caller's alone for `'a`.
#[cfg(feature = "alloc")]
#[inline(always)]
pub(crate) unsafe fn exclusive<'a, T>(from: *mut T) -> Result<&'a mut T, Status> {
    if from.is_null() || !from.is_aligned() {
        return Err(Status::INVALID_ARGUMENT);
    }
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    Ok(unsafe { &mut *from })
}

/// A buffer for an output.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    to: *mut c_char,
    cap: usize,
}

impl Output {
    /// A null buffer has no room: it asks for the length.
    pub(crate) fn new(to: *mut c_char, cap: usize) -> Result<Self, Status> {
        if to.is_null() && cap > 0 || isize::try_from(cap).is_err() {
            return Err(Status::INVALID_ARGUMENT);
        }
        Ok(Self { to, cap })
    }

    /// Writes `bytes`, or nothing when they do not fit.
    ///
    /// # Safety
    /// The buffer has the room that it was said to have, and `bytes` is not in it.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) unsafe fn write(self, bytes: &[u8]) -> Result<(), Status> {
        if bytes.len() > self.cap {
            return Err(Status::BUFFER_TOO_SMALL);
        }
        if !bytes.is_empty() {
            // SAFETY: it fits, a buffer that has room is not null, and the caller vouches that the two
            // do not overlap.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.to.cast(), bytes.len()) };
        }
        Ok(())
    }

    /// The buffer as a slice, for what is written piece by piece.
    ///
    /// # Safety
    /// The buffer has the room that it was said to have, and is the caller's alone for `'a`.
    pub(crate) unsafe fn slots<'a>(self) -> &'a mut [u8] {
        if self.to.is_null() {
            return &mut [];
        }
        // SAFETY: not null, and the caller vouches for the room; a byte that C code has not set yet is
        // overwritten before it is read.
        unsafe { core::slice::from_raw_parts_mut(self.to.cast(), self.cap) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Early {
        struct_size: u32,
        one: u32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Now {
        struct_size: u32,
        one: u32,
        two: u64,
    }
    versioned!(Now, one: u32);

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Later {
        now: Now,
        three: u64,
    }

    fn seen<T>(from: &T) -> Result<Now, Status> {
        let mut room = MaybeUninit::uninit();
        // SAFETY: a reference to a struct that begins with its size.
        unsafe { view(ptr::from_ref(from).cast::<Now>(), &mut room) }.copied()
    }

    #[cfg(feature = "hosted")]
    #[test]
    fn a_panic_is_a_status() {
        assert_eq!(guarded(|| panic!("on purpose")), Status::PANICKED.0);
    }

    #[test]
    fn a_struct_of_any_version_is_read_or_refused() {
        #[repr(C, align(8))]
        struct Aligned(Early);
        let early = Aligned(Early { struct_size: 8, one: 7 });
        assert_eq!(seen(&early), Ok(Now { struct_size: 8, one: 7, two: 0 }));
        let short = Aligned(Early { struct_size: 4, one: 7 });
        assert_eq!(seen(&short), Err(Status::INVALID_ARGUMENT));
        let now = Now { struct_size: 24, one: 1, two: 2 };
        assert_eq!(seen(&Later { now, three: 0 }), Ok(now));
        assert_eq!(seen(&Later { now, three: 3 }), Err(Status::INVALID_ARGUMENT));
    }

    #[test]
    fn what_is_written_stays_within_the_size_that_the_caller_knows() {
        let mut now = Now { struct_size: 8, one: 0, two: 9 };
        // SAFETY: a reference, whose size is at most that of the struct.
        let place = unsafe { Place::new(&raw mut now) }.ok().unwrap();
        place.set(&Now { struct_size: 0, one: 1, two: 1 });
        assert_eq!(now, Now { struct_size: 8, one: 1, two: 9 });
    }
}
