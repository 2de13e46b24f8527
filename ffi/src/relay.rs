//! The messages of one MCP connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;

#[cfg(feature = "std")]
use airlock::firewall::Connection;
use airlock_core::Caller;
use airlock_core::mcp::{Action, Bounds, Direction, Event, Outcome, Relay, Unrecorded};

use crate::boundary::{
    Output, Place, airlock_status, exclusive, guarded, put, quietly, shared, versioned, view,
};
use crate::caller::airlock_caller;
use crate::check::AIRLOCK_CHANGED;
use crate::codes::Status;
#[cfg(feature = "std")]
use crate::error::{Fault, Report, airlock_error};
#[cfg(feature = "std")]
use crate::firewall::airlock_firewall;
use crate::guard::airlock_guard;
use crate::text::airlock_str;

/// Send nothing.
pub const AIRLOCK_DROP: u32 = 0;
/// Send the message to the other side: what is in `out` with the flag `AIRLOCK_CHANGED`, else the
/// message itself.
pub const AIRLOCK_FORWARD: u32 = 1;
/// Send what is in `out` back to where the message came from.
pub const AIRLOCK_ANSWER: u32 = 2;
/// Only for messages of the client: the list of tools must be known first. Send what
/// `airlock_relay_list_request` returns to the server, pass on what the server says, and present
/// the message again when an action of the server does not have the flag `AIRLOCK_LISTING`.
pub const AIRLOCK_HOLD: u32 = 3;
/// Only for messages of the server: this is no message. Show it to a person, if anyone.
pub const AIRLOCK_NOISE: u32 = 4;

/// In an action: our own list of the server's tools is on its way.
pub const AIRLOCK_LISTING: u32 = 16;

/// In an event: the message was going from the client to the server.
pub const AIRLOCK_TO_SERVER: u32 = 0;
/// In an event: the message was going from the server to the client.
pub const AIRLOCK_TO_CLIENT: u32 = 1;

/// An event: a call passes.
pub const AIRLOCK_EVENT_ALLOWED: u32 = 1;
/// An event: a message was not passed on, and nobody can be answered.
pub const AIRLOCK_EVENT_DROPPED: u32 = 2;
/// An event: an output was masked or cut.
pub const AIRLOCK_EVENT_FILTERED: u32 = 3;
/// An event: a call or an output is refused.
pub const AIRLOCK_EVENT_REFUSED: u32 = 4;
/// An event: a message got a JSON-RPC error.
pub const AIRLOCK_EVENT_REJECTED: u32 = 5;
/// An event: a call of a tool that no list has passes unchecked, because the policy says so.
pub const AIRLOCK_EVENT_UNCHECKED: u32 = 6;
/// An event: a tool's definition is remarkable.
pub const AIRLOCK_EVENT_WARNED: u32 = 7;
/// An event: a tool is left out of the list.
pub const AIRLOCK_EVENT_WITHHELD: u32 = 8;

/// A decision on a message. It lives for the call of the function that gets it; no value of a call
/// is in it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_event {
    /// `sizeof(airlock_event)`, as the library knows it.
    pub struct_size: u32,
    /// `AIRLOCK_EVENT_ALLOWED` and the like; later versions may have more.
    pub kind: u32,
    /// `AIRLOCK_TO_SERVER` or `AIRLOCK_TO_CLIENT`.
    pub direction: u32,
    /// Why, `AIRLOCK_REASON_...`, for what was refused; else 0.
    pub reason: u32,
    /// How many values were masked.
    pub masked: u32,
    /// The JSON-RPC error code of what was rejected; else 0.
    pub code: i32,
    /// The tool that it is about; absent where it is about none.
    pub tool: airlock_str,
    /// The rule that decided, or why in words; absent where there is neither.
    pub detail: airlock_str,
}

/// Records a decision before it takes effect. Anything but 0 says that it could not be recorded:
/// what the event would have let through is then refused. It must not call functions with the
/// relay, throw or jump.
pub type airlock_record =
    Option<unsafe extern "C" fn(context: *mut c_void, event: *const airlock_event) -> u32>;

/// What a relay is made from. Set `struct_size`, and `nonce` where there is no firewall; zero is a good value
/// for all the rest.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_relay_options {
    /// `sizeof(airlock_relay_options)`.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// 64 random bits or more, as 8 to 64 letters and digits: they make the ids of our own
    /// requests, which neither side may guess. A relay under a firewall makes its own.
    pub nonce: airlock_str,
    /// Most bytes of a message; 0 is `AIRLOCK_MAX_MESSAGE`.
    pub max_message: usize,
    /// Most requests of one direction that wait for a reply; 0 is 1,024.
    pub max_pending: usize,
    /// What records decisions; NULL is nothing.
    pub record: airlock_record,
    /// What `record` gets as its first argument.
    pub context: *mut c_void,
    /// For a relay under a firewall, your name of the MCP server: relays to servers of the same name share
    /// what they learn of its tools, and with a pin file it is the key of its pins. Absent is none.
    pub server: airlock_str,
}

versioned!(airlock_relay_options, context: *mut c_void);

/// What to do with a message. Set `struct_size` before you pass it. Whatever goes wrong, it says
/// `AIRLOCK_DROP`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct airlock_action {
    /// `sizeof(airlock_action)`.
    pub struct_size: u32,
    /// `AIRLOCK_FORWARD` and the like. What is not known: drop.
    pub action: u32,
    /// `AIRLOCK_CHANGED` and `AIRLOCK_LISTING`, joined with `|`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// How many bytes were written to `out`, or how many it must have room for.
    pub out_len: usize,
}

versioned!(airlock_action, out_len: usize);

const DROP: airlock_action =
    airlock_action { struct_size: 0, action: AIRLOCK_DROP, flags: 0, reserved: 0, out_len: 0 };

/// The firewall of one connection between an MCP client and an MCP server. Messages of both
/// directions go through it, one at a time and in the order of their arrival. One thread at a time.
/// It keeps what it needs of its guard or firewall.
pub struct airlock_relay {
    link: Link,
    /// What the last message became.
    out: Vec<u8>,
    record: airlock_record,
    context: *mut c_void,
}

/// Who decides.
enum Link {
    Guard(Relay),
    #[cfg(feature = "std")]
    Firewall(Connection),
}

/// Asks whoever decides.
macro_rules! ask {
    ($link:expr, $relay:ident => $question:expr) => {
        match $link {
            Link::Guard($relay) => $question,
            #[cfg(feature = "std")]
            Link::Firewall($relay) => $question,
        }
    };
}

impl airlock_relay {
    fn decide(
        &mut self,
        direction: Direction,
        message: &[u8],
        caller: Caller<'_>,
        now: Option<u64>,
    ) -> airlock_action {
        let Self { link, out, record, context } = self;
        let mut audit = |event: &Event<'_>| {
            let Some(record) = record else { return Ok(()) };
            let event = describe(event);
            // SAFETY: the host gave the function for this context; the event lives for the call.
            let recorded = unsafe { record(*context, &raw const event) };
            if recorded == 0 { Ok(()) } else { Err(Unrecorded) }
        };
        let action = match direction {
            Direction::ToServer => {
                ask!(link, relay => relay.client(message, caller, now, out, &mut audit))
            }
            Direction::ToClient => {
                ask!(link, relay => relay.server(message, caller, out, &mut audit))
            }
        };
        let (action, changed) = match action {
            Action::Forward(bytes) => (AIRLOCK_FORWARD, !core::ptr::eq(bytes, message)),
            Action::Answer(_) => (AIRLOCK_ANSWER, true),
            Action::Hold => (AIRLOCK_HOLD, false),
            Action::Drop => (AIRLOCK_DROP, false),
            Action::Noise => (AIRLOCK_NOISE, false),
        };
        if !changed {
            out.clear();
        }
        let listing = if ask!(link, relay => relay.is_listing()) { AIRLOCK_LISTING } else { 0 };
        let flags = if changed { listing | AIRLOCK_CHANGED } else { listing };
        airlock_action { action, flags, out_len: out.len(), ..DROP }
    }
}

fn describe(event: &Event<'_>) -> airlock_event {
    let text = |text: &str| airlock_str { data: text.as_ptr().cast(), len: text.len() };
    let mut told = airlock_event {
        struct_size: size_of::<airlock_event>() as u32,
        kind: 0,
        direction: match event.direction {
            Direction::ToServer => AIRLOCK_TO_SERVER,
            Direction::ToClient => AIRLOCK_TO_CLIENT,
        },
        reason: 0,
        masked: 0,
        code: 0,
        tool: event.tool.map_or(airlock_str::NONE, text),
        detail: airlock_str::NONE,
    };
    match &event.outcome {
        Outcome::Allowed(_) => told.kind = AIRLOCK_EVENT_ALLOWED,
        Outcome::Changed { shown, why } => {
            let kind = if *shown { AIRLOCK_EVENT_WARNED } else { AIRLOCK_EVENT_WITHHELD };
            (told.kind, told.detail) = (kind, text(why));
        }
        Outcome::Dropped(why) => (told.kind, told.detail) = (AIRLOCK_EVENT_DROPPED, text(why)),
        Outcome::Filtered { masked, .. } => {
            told.kind = AIRLOCK_EVENT_FILTERED;
            told.masked = u32::try_from(masked.total()).unwrap_or(u32::MAX);
        }
        Outcome::Refused(refusal) => {
            told.kind = AIRLOCK_EVENT_REFUSED;
            told.reason = refusal.reason() as u32;
            told.detail = refusal.rule().map_or(airlock_str::NONE, text);
        }
        Outcome::Rejected { code, why } => {
            (told.kind, told.code, told.detail) = (AIRLOCK_EVENT_REJECTED, *code, text(why));
        }
        Outcome::Unchecked => told.kind = AIRLOCK_EVENT_UNCHECKED,
        Outcome::Warned(why) => (told.kind, told.detail) = (AIRLOCK_EVENT_WARNED, text(why)),
        Outcome::Withheld(why) => (told.kind, told.detail) = (AIRLOCK_EVENT_WITHHELD, text(why)),
        _ => {}
    }
    told
}

/// Makes the firewall of one connection, under a guard: nobody counts limits, remembers sessions or keeps
/// pins, and what a policy says of these refuses. Free it with `airlock_relay_free`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_new(
    guard: *const airlock_guard,
    options: *const airlock_relay_options,
    relay: *mut *mut airlock_relay,
) -> airlock_status {
    guarded(|| {
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants `relay` to be null or to have room for a pointer, a guard or null, and
        // `options` to be null, or as long as it says and its texts to stay.
        let (guard, options, nonce) = unsafe {
            put(relay, core::ptr::null_mut())?;
            let options = view(options, &mut room)?;
            (shared(guard)?, options, options.nonce.text()?)
        };
        let speakable = nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !speakable || !(8..=64).contains(&nonce.len()) {
            return Err(Status::INVALID_ARGUMENT);
        }
        let link = Link::Guard(Relay::new(guard.guard.clone(), bounds(options)?, nonce));
        // SAFETY: as above.
        unsafe { put(relay, made(link, options)) }
    })
}

/// Makes the firewall of one connection, under `firewall`: with its limits, clock, kill switch, audit log and
/// pins, and a session of its own. It goes over to a policy that `airlock_firewall_reload` puts in force
/// with the next message. `record` of the options is told before the audit log is; the calls are
/// none of `airlock_firewall_calls`. `error` may be NULL; it says what is wrong with the pin file when that
/// is `AIRLOCK_PINS_FAILED`. Otherwise as `airlock_relay_new`, and only in a library with `std`. Any thread.
#[cfg(feature = "std")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_firewall_relay_new(
    firewall: *const airlock_firewall,
    options: *const airlock_relay_options,
    relay: *mut *mut airlock_relay,
    error: *mut airlock_error,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants each to be null or to have room for what it is.
        let report = unsafe {
            put(relay, core::ptr::null_mut())?;
            Report::new(error)?
        };
        let malformed = |status| report.plain(status, "the options are missing or malformed");
        let mut room = MaybeUninit::uninit();
        // SAFETY: the header wants a firewall or null, and `options` to be null, or as long as it says and
        // its texts to stay.
        let (firewall, options, server) = unsafe {
            let options = view(options, &mut room).map_err(malformed)?;
            let server = options.server.optional().map_err(malformed)?;
            (shared(firewall).map_err(malformed)?, options, server)
        };
        let bounds = bounds(options).map_err(malformed)?;
        let connection = firewall.live.connect(server, bounds).map_err(|error| {
            let (message, pointer) = (format_args!("{error}"), format_args!(""));
            report.fault(Fault { status: Status::PINS_FAILED, place: (0, 0), message, pointer })
        })?;
        // SAFETY: as above.
        unsafe { put(relay, made(Link::Firewall(connection), options)) }
    })
}

fn bounds(options: &airlock_relay_options) -> Result<Bounds, Status> {
    if options.flags != 0 {
        return Err(Status::INVALID_ARGUMENT);
    }
    let mut bounds = Bounds::default();
    if options.max_message > 0 {
        bounds.message = options.max_message;
    }
    if options.max_pending > 0 {
        bounds.pending = options.max_pending;
    }
    Ok(bounds)
}

fn made(link: Link, options: &airlock_relay_options) -> *mut airlock_relay {
    let &airlock_relay_options { record, context, .. } = options;
    Box::into_raw(Box::new(airlock_relay { link, out: Vec::new(), record, context }))
}

/// Decides on a message of the client, without its line end. `caller` may be NULL; `now_ms` is the
/// moment in Unix milliseconds; 0 is unknown to a guard, and the present to a firewall.
///
/// When `AIRLOCK_BUFFER_TOO_SMALL` is returned, the decision stands: `action` says what to do, and
/// `airlock_relay_output` hands out the `out_len` bytes to do it with. On any other failure drop
/// the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_client(
    relay: *mut airlock_relay,
    message: airlock_str,
    caller: *const airlock_caller,
    now_ms: u64,
    out: *mut c_char,
    out_cap: usize,
    action: *mut airlock_action,
) -> airlock_status {
    let now = (now_ms > 0).then_some(now_ms);
    // SAFETY: the header wants what `inspect` does.
    unsafe { inspect(relay, Direction::ToServer, message, caller, now, (out, out_cap), action) }
}

/// Decides on a message of the server, without its line end; `caller` is who its tools are shown
/// to. Otherwise as `airlock_relay_client`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_server(
    relay: *mut airlock_relay,
    message: airlock_str,
    caller: *const airlock_caller,
    out: *mut c_char,
    out_cap: usize,
    action: *mut airlock_action,
) -> airlock_status {
    // SAFETY: the header wants what `inspect` does.
    unsafe { inspect(relay, Direction::ToClient, message, caller, None, (out, out_cap), action) }
}

/// # Safety
/// Each pointer is null or what the header wants it to be; the relay is used by this thread alone.
unsafe fn inspect(
    relay: *mut airlock_relay,
    direction: Direction,
    message: airlock_str,
    caller: *const airlock_caller,
    now: Option<u64>,
    (out, out_cap): (*mut c_char, usize),
    action: *mut airlock_action,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the caller vouches for each.
        let (place, relay, message, caller) = unsafe {
            let place = Place::new(action)?;
            place.set(&DROP);
            let caller = match caller.is_null() {
                true => Caller::default(),
                false => shared(caller)?.as_caller(),
            };
            (place, exclusive(relay)?, message.bytes()?, caller)
        };
        let out = Output::new(out, out_cap)?;
        let action = relay.decide(direction, message, caller, now);
        // SAFETY: the caller vouches for the buffer; what is written is in the relay.
        let written = unsafe { out.write(&relay.out) };
        place.set(&action);
        written
    })
}

/// Hands out what the last message became, again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_output(
    relay: *const airlock_relay,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `out_len` to be null or to have room for a number, and a relay that no
        // other thread uses or null.
        let relay = unsafe {
            put(out_len, 0)?;
            shared(relay)?
        };
        let out = Output::new(out, out_cap)?;
        // SAFETY: as above; the buffer is not in the relay.
        unsafe {
            put(out_len, relay.out.len())?;
            out.write(&relay.out)
        }
    })
}

/// Hands out the next of our own requests, to be sent to the server; each once. `AIRLOCK_NOT_FOUND`
/// when there is none, and when the buffer is too small `airlock_relay_output` hands it out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_list_request(
    relay: *mut airlock_relay,
    out: *mut c_char,
    out_cap: usize,
    out_len: *mut usize,
) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants `out_len` to be null or to have room for a number, and a relay that no
        // other thread uses or null.
        let relay = unsafe {
            put(out_len, 0)?;
            exclusive(relay)?
        };
        let out = Output::new(out, out_cap)?;
        let request = ask!(&mut relay.link, link => link.list_request());
        relay.out = request.ok_or(Status::NOT_FOUND)?;
        // SAFETY: as above; the buffer is not in the relay.
        unsafe {
            put(out_len, relay.out.len())?;
            out.write(&relay.out)
        }
    })
}

/// Gives up on our own list of tools, because the server does not answer: present what is held
/// again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_abandon_list(relay: *mut airlock_relay) -> airlock_status {
    guarded(|| {
        // SAFETY: the header wants a relay that no other thread uses, or null.
        let relay = unsafe { exclusive(relay)? };
        ask!(&mut relay.link, link => link.abandon_list());
        Ok(())
    })
}

/// Frees a relay; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn airlock_relay_free(relay: *mut airlock_relay) {
    if !relay.is_null() {
        // SAFETY: the header wants what `airlock_relay_new` made, once.
        quietly(|| drop(unsafe { Box::from_raw(relay) }));
    }
}
