//! The JSON reader, over lent memory.

use core::ffi::{c_char, c_void};
use core::fmt::Write;

use airlock_core::Buf;
use airlock_core::json::{self, Document, Kind, Limits, Node, ParseErrorKind, Tape, Value};

use crate::boundary::{Output, airlock_status, guarded, put, shared};
use crate::codes::Status;
use crate::error::{Fault, Report, airlock_error};
use crate::memory::Memory;
use crate::text::airlock_str;

/// A JSON value: `null`.
pub const AIRLOCK_JSON_NULL: u32 = 0;
/// A JSON value: `false`.
pub const AIRLOCK_JSON_FALSE: u32 = 1;
/// A JSON value: `true`.
pub const AIRLOCK_JSON_TRUE: u32 = 2;
/// A JSON value: a number; its bytes are its spelling.
pub const AIRLOCK_JSON_NUMBER: u32 = 3;
/// A JSON value: a string; its bytes include the quotes. `airlock_json_string` undoes its escapes.
pub const AIRLOCK_JSON_STRING: u32 = 4;
/// A JSON value: an array.
pub const AIRLOCK_JSON_ARRAY: u32 = 5;
/// A JSON value: an object.
pub const AIRLOCK_JSON_OBJECT: u32 = 6;

/// A document that was read. It lies in the memory that was lent and points into the text: both
/// must stay as they are while it is used. There is nothing to free. Any number of threads may use
/// one at once.
#[derive(Clone, Copy)]
pub struct airlock_json {
    document: Document<'static>,
}

/// A value of a document.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_json_value {
    /// `AIRLOCK_JSON_NULL` and the like.
    pub kind: u32,
    /// Members of an object, elements of an array; else 0.
    pub count: u32,
    /// Its bytes in the text.
    pub raw: airlock_str,
}

/// Reads a JSON document strictly (RFC 8259): no name twice in an object, no lone surrogate, no
/// number that a double cannot hold; at most `max_depth` nested containers, 0 is 128. `memory`
/// needs no alignment; 24 bytes for each value and each member name of the document suffice, and
/// 64. `error` may be NULL. Allocates nothing. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_json_parse(
    text: airlock_str,
    max_depth: u32,
    memory: *mut c_void,
    memory_len: usize,
    document: *mut *const airlock_json,
    error: *mut airlock_error,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants each to be null or to have room for what it is, and the text and the
        // memory to stay while the document is used.
        let (report, text, mut memory) = unsafe {
            put(document, core::ptr::null())?;
            (Report::new(error)?, text.bytes::<'static>()?, Memory::new(memory, memory_len)?)
        };
        let head = head(&mut memory).ok_or(Status::MEMORY_TOO_SMALL)?;
        let (nodes, order) = split(&mut memory);
        let mut tape = Tape::lent(nodes, order);
        let depth = if max_depth == 0 { Limits::ARGUMENTS.depth } else { max_depth };
        let limits = Limits { bytes: usize::MAX, depth };
        let read = json::parse(text, limits, &mut tape).map_err(|error| {
            let status = match error.kind {
                ParseErrorKind::Storage => Status::MEMORY_TOO_SMALL,
                _ => Status::JSON_INVALID,
            };
            let place = json::line_column(text, error.offset as usize);
            let (message, pointer) = (format_args!("{error}"), format_args!(""));
            report.fault(Fault { status, place, message, pointer })
        })?;
        // SAFETY: the nodes lie in the memory, not in the tape, and stay as long as it does.
        let read: Document<'static> = unsafe { core::mem::transmute(read) };
        // SAFETY: `head` is aligned and has room; nothing else uses that part of the memory.
        unsafe { head.write(airlock_json { document: read }) };
        // SAFETY: as above.
        unsafe { put(document, head.cast_const()) }
    })
}

/// Room for the document itself, at the beginning of the memory.
fn head(memory: &mut Memory) -> Option<*mut airlock_json> {
    const WORDS: usize = size_of::<airlock_json>() / size_of::<usize>();
    const _: () = assert!(align_of::<airlock_json>() <= align_of::<usize>());
    let words: &mut [usize] = memory.take(size_of::<airlock_json>() + align_of::<usize>());
    (words.len() >= WORDS).then(|| words.as_mut_ptr().cast())
}

/// Cuts memory into nodes and, for the names of one object, numbers.
pub(crate) fn split<'m>(memory: &mut Memory) -> (&'m mut [Node], &'m mut [u32]) {
    let nodes = memory.take(memory.left() / 5 * 4);
    (nodes, memory.take(usize::MAX))
}

/// Finds the value that an RFC 6901 pointer names, like `/items/0/name`; an empty pointer names the
/// whole. `AIRLOCK_NOT_FOUND` when there is none. The time is linear in the members passed over.
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_json_find(
    document: *const airlock_json,
    pointer: airlock_str,
    value: *mut airlock_json_value,
) -> airlock_status {
    guarded(|| {
        let none = airlock_json_value { kind: 0, count: 0, raw: airlock_str::NONE };
        // SAFETY: the header wants each to be null or to have room for what it is, and the text to stay.
        let (document, pointer) = unsafe {
            put(value, none)?;
            (shared(document)?.document, pointer.text()?)
        };
        let found = find(document.root(), pointer)?;
        let raw = airlock_str { data: found.raw().as_ptr().cast(), len: found.raw().len() };
        let (kind, count) = (found.kind() as u32, u32::try_from(found.len()).unwrap_or(u32::MAX));
        // SAFETY: as above.
        unsafe { put(value, airlock_json_value { kind, count, raw }) }
    })
}

fn find<'t>(root: Value<'t>, pointer: &str) -> Result<Value<'t>, Status> {
    if pointer.is_empty() {
        return Ok(root);
    }
    let tokens = pointer.strip_prefix('/').ok_or(Status::INVALID_ARGUMENT)?;
    tokens.split('/').try_fold(root, |at, token| {
        let next = match at.kind() {
            Kind::Object => at.members().find(|(name, _)| names(token, name.chars())),
            Kind::Array => {
                let plain = token == "0" || !token.starts_with(['0', '+']);
                let index = token.parse().ok().filter(|_| plain).ok_or(Status::NOT_FOUND)?;
                return at.elements().nth(index).ok_or(Status::NOT_FOUND);
            }
            _ => None,
        };
        next.map(|(_, value)| value).ok_or(Status::NOT_FOUND)
    })
}

/// Whether a token of a pointer, whose `~1` is a `/` and whose `~0` is a `~`, names a member.
fn names(token: &str, name: impl Iterator<Item = char>) -> bool {
    let mut token = token.chars();
    let unescaped = core::iter::from_fn(|| match token.next()? {
        '~' => match token.next() {
            Some('1') => Some('/'),
            Some('0') => Some('~'),
            // No name has it, so that nothing is found.
            _ => Some('\u{10ffff}'),
        },
        c => Some(c),
    });
    unescaped.eq(name)
}

/// Writes the text of a string of a document, its escapes undone. `*out_len` is the length that is
/// needed, at most that of `value->raw`. `AIRLOCK_INVALID_ARGUMENT` when the value is no string.
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_json_string(
    value: *const airlock_json_value,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants each to be null or what it is, and the document to stay.
        let (value, raw) = unsafe {
            put(out_len, 0)?;
            let value = shared(value)?;
            (value, value.raw.bytes()?)
        };
        let out = Output::new(out, out_cap)?;
        if value.kind != AIRLOCK_JSON_STRING {
            return Err(Status::INVALID_ARGUMENT);
        }
        let mut nodes = [Node::default(); 1];
        let mut tape = Tape::lent(&mut nodes, &mut []);
        let limits = Limits { bytes: usize::MAX, depth: 1 };
        let read = json::parse(raw, limits, &mut tape).map_err(|_| Status::INVALID_ARGUMENT)?;
        let text = read.root().as_str().ok_or(Status::INVALID_ARGUMENT)?;
        let needed = text.chars().map(char::len_utf8).sum();
        // SAFETY: as above; the buffer overlaps no input.
        let slots = unsafe {
            put(out_len, needed)?;
            out.slots()
        };
        if needed > slots.len() {
            return Err(Status::BUFFER_TOO_SMALL);
        }
        let mut out = Buf::lent(slots);
        text.chars()
            .try_for_each(|c| out.write_char(c))
            .map_err(|core::fmt::Error| Status::BUFFER_TOO_SMALL)
    })
}
