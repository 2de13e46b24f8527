//! Borrowed bytes: a pointer and a length.

use core::ffi::c_char;
use core::{ptr, slice, str};

use crate::codes::Status;

/// Borrowed bytes, mostly UTF-8; no NUL is needed at the end, and none ends them. `data` may be
/// NULL when `len` is 0: where a text may be absent, that is how it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_str {
    /// The first byte.
    pub data: *const c_char,
    /// How many bytes.
    pub len: usize,
}

impl airlock_str {
    /// No text.
    pub const NONE: Self = Self { data: ptr::null(), len: 0 };

    /// A text that lives as long as the program.
    pub(crate) const fn of(text: &'static str) -> Self {
        Self { data: text.as_ptr().cast(), len: text.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    /// `data` points to `len` bytes that nobody writes to for `'a`, or is null.
    pub(crate) unsafe fn bytes<'a>(self) -> Result<&'a [u8], Status> {
        match (self.data.is_null(), self.len) {
            (true, 0) => Ok(&[]),
            (false, len) if isize::try_from(len).is_ok() => {
                // SAFETY: not null; the caller vouches for the bytes, and their length is not above
                // what a slice may have.
                Ok(unsafe { slice::from_raw_parts(self.data.cast(), len) })
            }
            _ => Err(Status::INVALID_ARGUMENT),
        }
    }

    /// The text.
    ///
    /// # Safety
    /// As [`bytes`](Self::bytes).
    pub(crate) unsafe fn text<'a>(self) -> Result<&'a str, Status> {
        // SAFETY: the caller vouches for the same.
        let bytes = unsafe { self.bytes()? };
        str::from_utf8(bytes).map_err(|_| Status::INVALID_UTF8)
    }

    /// The text, or none where it is absent.
    ///
    /// # Safety
    /// As [`bytes`](Self::bytes).
    #[cfg(feature = "alloc")]
    pub(crate) unsafe fn optional<'a>(self) -> Result<Option<&'a str>, Status> {
        if self.data.is_null() && self.len == 0 {
            return Ok(None);
        }
        // SAFETY: the caller vouches for the same.
        unsafe { self.text() }.map(Some)
    }
}
