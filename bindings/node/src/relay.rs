//! One connection of an MCP server: a message in, what to do with it out.
//!
//! The engine's relay decides; here are its memory, the audit log and what the host wants to hear of.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Instant;

use airlock::audit::AuditLog;
use airlock::core::Catalog;
use airlock::core::mcp::{Action, Audit, Bounds, Event, Outcome, Relay, Unrecorded};
use napi::bindgen_prelude::{BufferSlice, External};
use napi_derive::napi;

use crate::answer;
use crate::caller::{Identity, moment};
use crate::guard::{Handle, Shared};
use crate::reply;

/// Pass the message on as it is.
const FORWARD: u8 = 0;
/// Pass on what is in the buffer.
const REPLACE: u8 = 1;
/// Send what is in the buffer back.
const ANSWER: u8 = 2;
/// Present it again when the list is there.
const HOLD: u8 = 3;
/// Send nothing.
const DROP: u8 = 4;
/// Added: there are events to fetch.
const EVENTS: u8 = 8;
/// Output that is kept between messages, in bytes.
const KEEP: usize = 64 << 10;

/// A connection.
pub struct Link {
    relay: Relay,
    shared: Arc<Shared>,
    recorder: Recorder,
    identity: Identity,
    /// The name of the server, for what was learned of its tools.
    server: Option<String>,
    known: Option<Arc<Catalog>>,
    out: Vec<u8>,
    spill: Vec<u8>,
}

struct Recorder {
    log: AuditLog,
    started: Instant,
    /// Whether the host wants every event; else only the first strip, and tools that are withheld.
    listens: bool,
    has_stripped: bool,
    events: String,
}

impl Audit for Recorder {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        let is_told = match &event.outcome {
            Outcome::Allowed(allowed) if !self.has_stripped => {
                self.has_stripped = allowed.stripped().next().is_some();
                self.has_stripped
            }
            Outcome::Withheld(_) => true,
            _ => false,
        };
        self.log.record(event, self.started)?;
        if is_told || self.listens {
            answer::event(event, &mut self.events);
        }
        Ok(())
    }
}

/// A new connection of the server called `server`; what other connections to it have learned is known.
#[napi(catch_unwind)]
pub fn connect(handle: &External<Handle>, server: Option<String>, listens: bool) -> External<Link> {
    let shared = Arc::clone(&handle.shared);
    // The standard library seeds its hashers from the operating system's random numbers.
    let nonce = format!("{:016x}", RandomState::new().build_hasher().finish());
    let limiter = Arc::clone(&shared.limiter);
    let mut relay = Relay::new(Arc::clone(&shared.guard), Bounds::default(), &nonce)
        .limits(limiter)
        .session(airlock::session::fresh());
    let known = server.as_deref().and_then(|server| shared.learned(server));
    if let Some(known) = &known {
        relay.adopt_tools(Arc::clone(known));
    }
    let recorder = Recorder {
        log: shared.log.clone(),
        started: Instant::now(),
        listens,
        has_stripped: false,
        events: String::new(),
    };
    let (identity, out, spill) = (Identity::default(), Vec::new(), Vec::new());
    External::new(Link { relay, shared, recorder, identity, server, known, out, spill })
}

/// Says who sends the next messages.
#[napi(catch_unwind)]
pub fn set_client(
    link: &mut External<Link>,
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
) {
    let identity = Identity::new(agent, roles, tenant, link.shared.guard.policy());
    link.identity = identity;
}

/// Decides on a message of the client, the first `length` bytes of `io`.
#[napi(catch_unwind)]
pub fn from_client(link: &mut External<Link>, length: u32, now: f64, io: BufferSlice<'_>) -> f64 {
    let link = &mut **link;
    link.decide(length, io, |relay, message, identity, out, recorder| {
        identity.with(|caller| {
            code(&relay.client(message, caller, moment(now), out, recorder), message)
        })
    })
}

/// Decides on a message of the server, the first `length` bytes of `io`.
#[napi(catch_unwind)]
pub fn from_server(link: &mut External<Link>, length: u32, io: BufferSlice<'_>) -> f64 {
    let link = &mut **link;
    let reply = link.decide(length, io, |relay, message, identity, out, recorder| {
        identity.with(|caller| code(&relay.server(message, caller, out, recorder), message))
    });
    link.share_tools();
    reply
}

impl Link {
    fn decide(
        &mut self,
        length: u32,
        mut io: BufferSlice<'_>,
        with: impl FnOnce(&mut Relay, &[u8], &Identity, &mut Vec<u8>, &mut Recorder) -> u8,
    ) -> f64 {
        let Self { relay, recorder, identity, out, spill, .. } = self;
        let message = io.get(..length as usize).unwrap_or(&[]);
        if recorder.log.is_kept() {
            recorder.started = Instant::now();
        }
        let mut code = with(relay, message, identity, out, recorder);
        if !recorder.events.is_empty() {
            code |= EVENTS;
        }
        let reply = match code & !EVENTS {
            REPLACE | ANSWER => reply::with(code, out, &mut io, spill),
            _ => reply::plain(code, 0),
        };
        out.clear();
        out.shrink_to(KEEP);
        reply
    }

    /// Lets connections to come know the tools that this one has learned.
    fn share_tools(&mut self) {
        let Some(server) = &self.server else { return };
        let Some(tools) = self.relay.tools() else { return };
        if !self.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, tools)) {
            self.shared.learn(server, tools);
            self.known = Some(Arc::clone(tools));
        }
    }
}

fn code(action: &Action<'_>, message: &[u8]) -> u8 {
    match action {
        Action::Forward(bytes) if bytes.as_ptr() == message.as_ptr() => FORWARD,
        Action::Forward(_) => REPLACE,
        Action::Answer(_) => ANSWER,
        Action::Hold => HOLD,
        Action::Drop | Action::Noise => DROP,
    }
}

/// The request to present to the server while [`is_listing`]; each is returned once.
#[napi(catch_unwind)]
pub fn list_request(link: &mut External<Link>) -> Option<String> {
    link.relay.list_request().and_then(|request| String::from_utf8(request).ok())
}

/// Whether the server is being asked for its tools.
#[napi(catch_unwind)]
pub fn is_listing(link: &External<Link>) -> bool {
    link.relay.is_listing()
}

/// Gives up asking.
#[napi(catch_unwind)]
pub fn abandon_list(link: &mut External<Link>) {
    link.relay.abandon_list();
}

/// What happened since the last time, one JSON object a line.
#[napi(catch_unwind)]
pub fn take_events(link: &mut External<Link>) -> String {
    std::mem::take(&mut link.recorder.events)
}

/// Writes what did not fit into a buffer that is large enough.
#[napi(catch_unwind)]
pub fn take_link_spill(link: &mut External<Link>, mut io: BufferSlice<'_>) {
    reply::take(&mut io, &mut link.spill);
}
