//! What went wrong, in the caller's memory.

use core::ffi::c_char;
use core::fmt::{self, Write};

use crate::boundary::{Place, versioned};
use crate::codes::Status;

/// What went wrong, for a person who configures: nothing in it comes from a call. Texts end with
/// NUL and are cut to fit. Set `struct_size` before you pass it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_error {
    /// `sizeof(airlock_error)`.
    pub struct_size: u32,
    /// The status that the function returned.
    pub code: u32,
    /// The line in the document, from 1; 0 where none is known.
    pub line: u32,
    /// The character in the line, from 1; 0 where none is known.
    pub column: u32,
    /// What is wrong, in a sentence or two.
    pub message: [c_char; 512],
    /// Where: an RFC 6901 pointer, or a path like `rule[2].effect` in a policy.
    pub pointer: [c_char; 256],
}

versioned!(airlock_error, pointer: [c_char; 256]);

/// A fault with its place.
#[derive(Clone, Copy)]
pub(crate) struct Fault<'a> {
    pub status: Status,
    /// Line and column, from 1.
    pub place: (u32, u32),
    pub message: fmt::Arguments<'a>,
    pub pointer: fmt::Arguments<'a>,
}

/// Where a fault is written, when the caller wants to know.
pub(crate) struct Report(Option<Place<airlock_error>>);

impl Report {
    /// # Safety
    /// `to` is null or points to an error of the caller's alone.
    pub(crate) unsafe fn new(to: *mut airlock_error) -> Result<Self, Status> {
        if to.is_null() {
            return Ok(Self(None));
        }
        // SAFETY: the caller vouches for it.
        let report = Self(Some(unsafe { Place::new(to)? }));
        report.set(&EMPTY);
        Ok(report)
    }

    /// Writes a fault and returns its status.
    pub(crate) fn fault(&self, fault: Fault<'_>) -> Status {
        let (line, column) = fault.place;
        let mut error = airlock_error { code: fault.status.0, line, column, ..EMPTY };
        // What does not fit is cut.
        let _ = Cut { to: &mut error.message, at: 0 }.write_fmt(fault.message);
        let _ = Cut { to: &mut error.pointer, at: 0 }.write_fmt(fault.pointer);
        self.set(&error);
        fault.status
    }

    /// A fault without a place.
    #[cfg(feature = "alloc")]
    pub(crate) fn plain(&self, status: Status, message: &str) -> Status {
        let (message, pointer) = (format_args!("{message}"), format_args!(""));
        self.fault(Fault { status, place: (0, 0), message, pointer })
    }

    fn set(&self, error: &airlock_error) {
        if let Some(place) = &self.0 {
            place.set(error);
        }
    }
}

const EMPTY: airlock_error = airlock_error {
    struct_size: 0,
    code: 0,
    line: 0,
    column: 0,
    message: [0; 512],
    pointer: [0; 256],
};

/// Text that is cut to fit, on a character's boundary and with a NUL behind it.
struct Cut<'a> {
    to: &'a mut [c_char],
    at: usize,
}

impl Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.to.len().saturating_sub(self.at + 1);
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let slots = self.to.get_mut(self.at..).unwrap_or(&mut []);
        for (slot, byte) in slots.iter_mut().zip(text.bytes().take(end)) {
            *slot = byte as c_char;
        }
        self.at += end;
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_on_a_boundary_and_ends_with_nul() {
        let mut slots = [0x7f; 6];
        slots[5] = 0;
        let mut cut = Cut { to: &mut slots, at: 0 };
        assert!(cut.write_str("ab").is_ok());
        assert!(cut.write_str("\u{20ac}\u{20ac}").is_err());
        assert_eq!(slots.map(|byte| byte as u8), *b"ab\xe2\x82\xac\0");
    }
}
