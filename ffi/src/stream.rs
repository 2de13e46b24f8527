//! An output that comes in pieces.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_char;

use airlock_core::redact::{Pseudonyms, Stream};
use airlock_core::{Guard, Output as Whole, Scratch};

use crate::boundary::{Output, airlock_status, exclusive, guarded, put, quietly, shared};
use crate::codes::Status;
use crate::guard::airlock_guard;
use crate::text::airlock_str;

/// Masks an output that comes in pieces. One thread at a time. It keeps what it needs of its guard.
///
/// Text is masked as if it had come whole, and at most 8 KiB are held back, but for a value that
/// has begun and not ended. Where the policy limits the output of the tool, all of it is held back
/// until the end, for only then is it known what is cut. Pieces are always text; for JSON that must
/// stay valid use `airlock_filter`.
pub struct airlock_stream {
    guard: Arc<Guard>,
    tool: String,
    way: Way,
    /// What is masked and not handed out.
    ready: Vec<u8>,
    state: State,
}

enum Way {
    /// Masked piece by piece.
    Pieces { stream: Box<Stream<'static>>, names: Pseudonyms<'static> },
    /// Gathered, because it may have to be cut.
    Gathered { whole: Vec<u8>, most: usize, scratch: Box<Scratch<'static>> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finished,
    /// Nothing more may be shown.
    Broken,
}

impl airlock_stream {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Status> {
        if chunk.is_empty() {
            return Ok(());
        }
        let Self { guard, tool, way, ready, state } = self;
        if *state != State::Open {
            return Err(Status::BROKEN);
        }
        // Until the chunk is taken, whatever ends this early leaves a broken stream.
        *state = State::Broken;
        match way {
            Way::Pieces { stream, names } => {
                let redactor = guard.redactor(tool).ok_or(Status::REFUSED)?;
                let take = |piece: airlock_core::redact::Piece<'_>| {
                    ready.extend_from_slice(piece.text().as_bytes());
                    Ok(())
                };
                stream.feed(&redactor, chunk, names, take).map_err(|_| Status::REFUSED)?;
            }
            Way::Gathered { whole, most, .. } => {
                if whole.len() + chunk.len() > *most {
                    whole.clear();
                    return Err(Status::REFUSED);
                }
                whole.extend_from_slice(chunk);
            }
        }
        *state = State::Open;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Status> {
        let Self { guard, tool, way, ready, state } = self;
        match state {
            State::Finished => return Ok(()),
            State::Broken => return Err(Status::BROKEN),
            State::Open => *state = State::Broken,
        }
        match way {
            Way::Pieces { stream, names } => {
                let redactor = guard.redactor(tool).ok_or(Status::REFUSED)?;
                let take = |piece: airlock_core::redact::Piece<'_>| {
                    ready.extend_from_slice(piece.text().as_bytes());
                    Ok(())
                };
                stream.finish(&redactor, names, take).map_err(|_| Status::REFUSED)?;
                names.clear();
            }
            Way::Gathered { whole, scratch, .. } => {
                let filtered = guard.filter(tool, Whole::Text(whole), scratch);
                let filtered = filtered.map_err(|_| Status::REFUSED)?;
                ready.extend_from_slice(filtered.bytes);
                whole.clear();
            }
        }
        *state = State::Finished;
        Ok(())
    }

    fn begin(&mut self) {
        self.ready.clear();
        self.state = State::Open;
        match &mut self.way {
            Way::Pieces { stream, names } => {
                stream.begin();
                names.clear();
            }
            Way::Gathered { whole, .. } => whole.clear(),
        }
    }

    /// Hands out what is ready; it stays when it does not fit.
    ///
    /// # Safety
    /// As [`Output::write`], and `out_len` has room for a number.
    unsafe fn hand_out(&mut self, out: Output, out_len: *mut usize) -> Result<(), Status> {
        // SAFETY: the caller vouches for both.
        unsafe {
            put(out_len, self.ready.len())?;
            out.write(&self.ready)?;
        }
        self.ready.clear();
        Ok(())
    }
}

/// Makes a stream for the outputs of a tool: an id of `guard`, or 0 and its name. Free it with
/// `airlock_stream_free`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_stream_new(
    guard: *const airlock_guard,
    tool: u32,
    tool_name: airlock_str,
    stream: *mut *mut airlock_stream,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `stream` to be null or to have room for a pointer, a guard or null,
        // and the text to stay for the call.
        let (guard, name) = unsafe {
            put(stream, core::ptr::null_mut())?;
            (shared(guard)?, tool_name.optional()?)
        };
        let name = if tool == 0 { name } else { guard.tools.names.name(tool) };
        let tool = String::from(name.ok_or(Status::INVALID_ARGUMENT)?);
        let guard = guard.guard.clone();
        let limited = !guard.policy().output(&tool).limit(None).is_none();
        let way = if limited {
            let (whole, scratch) = (Vec::new(), Box::new(Scratch::new()));
            Way::Gathered { whole, most: guard.budget().output.bytes, scratch }
        } else {
            Way::Pieces { stream: Box::new(Stream::growable()), names: Pseudonyms::growable() }
        };
        let made = airlock_stream { guard, tool, way, ready: Vec::new(), state: State::Open };
        // SAFETY: as above.
        unsafe { put(stream, Box::into_raw(Box::new(made))) }
    })
}

/// Forgets everything: the stream begins a new output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_stream_begin(stream: *mut airlock_stream) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a stream that no other thread uses, or null.
        unsafe { exclusive(stream)? }.begin();
        Ok(())
    })
}

/// Takes the next piece of the output, and writes what may be shown so far to `out`.
///
/// When `AIRLOCK_BUFFER_TOO_SMALL` is returned, the piece was taken and nothing is lost: feed an
/// empty piece with a buffer of `*out_len` bytes. Any other failure breaks the stream, and nothing
/// more of this output may be shown: `AIRLOCK_REFUSED` when it cannot be masked or is too long,
/// then `AIRLOCK_BROKEN`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_stream_feed(
    stream: *mut airlock_stream,
    piece: airlock_str,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `out_len` to be null or to have room for a number, a stream that no
        // other thread uses or null, and the piece to stay for the call.
        let (stream, piece) = unsafe {
            put(out_len, 0)?;
            (exclusive(stream)?, piece.bytes()?)
        };
        let out = Output::new(out, out_cap)?;
        if stream.state == State::Broken {
            return Err(Status::BROKEN);
        }
        stream.feed(piece)?;
        // SAFETY: the header wants `out` to have its room and to overlap nothing.
        unsafe { stream.hand_out(out, out_len) }
    })
}

/// Ends the output, and writes the rest of it to `out`. When `AIRLOCK_BUFFER_TOO_SMALL` is
/// returned, finish again with a buffer of `*out_len` bytes. Then `airlock_stream_begin` begins
/// another output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_stream_finish(
    stream: *mut airlock_stream,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `out_len` to be null or to have room for a number, and a stream that
        // no other thread uses or null.
        let stream = unsafe {
            put(out_len, 0)?;
            exclusive(stream)?
        };
        let out = Output::new(out, out_cap)?;
        stream.finish()?;
        // SAFETY: the header wants `out` to have its room and to overlap nothing.
        unsafe { stream.hand_out(out, out_len) }
    })
}

/// Frees a stream; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_stream_free(stream: *mut airlock_stream) {
    if !stream.is_null() {
        // SAFETY: the header wants what `airlock_stream_new` made, once.
        quietly(|| drop(unsafe { Box::from_raw(stream) }));
    }
}
