//! One connection of an MCP server: a message in, what to do with it out.
//!
//! The connection of std decides; here is what the host wants to hear of.

use std::sync::Arc;

use airlock::core::json::{self, Limits, Tape};
use airlock::core::mcp::{Action, Audit, Bounds, Event, Outcome, Unrecorded};
use airlock::firewall::Connection;
use airlock::reload::Live;
use napi::bindgen_prelude::{AsyncTask, External};
use napi::{Env, Task};
use napi_derive::napi;

use crate::answer;
use crate::caller::Identity;
use crate::plan::failure;
use crate::reply::Output;
use crate::slots::{Owner, Slots};
use crate::text::Text;
use crate::work::{self, lost};

/// Pass the message on as it is.
const FORWARD: u32 = 0;
/// Pass on what was written.
const REPLACE: u32 = 1;
/// Send what was written back.
const ANSWER: u32 = 2;
/// Present it again when the list is there.
const HOLD: u32 = 3;
/// Send nothing.
const DROP: u32 = 4;
/// Added: there are events to fetch.
const EVENTS: u32 = 8;

/// A connection.
pub struct Link {
    connection: Connection,
    listener: Listener,
    identity: Identity,
    output: Output,
}

thread_local! {
    static LINKS: Slots<Link> = const { Slots::new() };
}

fn lend<R>(slot: u32, with: impl FnOnce(&mut Link) -> R) -> napi::Result<R> {
    LINKS.with(|links| links.lend(slot, with))
}

/// What the host hears of.
struct Listener {
    /// Whether the host wants every event; else only the first strip, and tools that have changed or are withheld.
    listens: bool,
    has_stripped: bool,
    events: String,
}

impl Audit for Listener {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        let is_told = match &event.outcome {
            Outcome::Allowed(allowed) if !self.has_stripped => {
                self.has_stripped = allowed.stripped().next().is_some();
                self.has_stripped
            }
            Outcome::Changed { .. } | Outcome::Withheld(_) => true,
            _ => false,
        };
        if is_told || self.listens {
            answer::event(event, &mut self.events);
        }
        Ok(())
    }
}

/// A new connection of the server called `server`; what other connections to it have learned is known.
pub fn open(
    live: &Arc<Live>,
    server: Option<&str>,
    listens: bool,
) -> napi::Result<External<Owner>> {
    let connection = live.connect(server, Bounds::default());
    let connection = connection.map_err(|error| failure("pins", &error.to_string()))?;
    let listener = Listener { listens, has_stripped: false, events: String::new() };
    let (identity, output) = (Identity::default(), Output::default());
    let link = Link { connection, listener, identity, output };
    let free = |slot| {
        // A thread that is ending has freed them all.
        let _ = LINKS.try_with(|links| links.free(slot));
    };
    Ok(Owner::of(LINKS.with(|links| links.add(link)), free))
}

/// Says who sends the next messages.
#[napi(catch_unwind)]
pub fn set_client(
    link: u32,
    agent: Option<String>,
    roles: Vec<String>,
    tenant: Option<String>,
) -> napi::Result<()> {
    lend(link, |link| {
        link.identity = Identity::new(agent, roles, tenant, None);
    })
}

/// Decides on a message of the client.
#[napi(catch_unwind)]
pub fn from_client(link: u32, message: Text) -> napi::Result<u32> {
    lend(link, |link| link.client(&message))
}

/// [`from_client`] on the thread pool, for a connection whose decisions may wait. Until the answer is there nothing
/// else may be asked of the connection.
#[napi(catch_unwind)]
pub fn from_client_later(link: u32, message: Text) -> napi::Result<AsyncTask<Later>> {
    let taken = LINKS.with(|links| links.take(link))?;
    Ok(AsyncTask::new(Later { slot: link, link: Some(taken), message: message.to_vec() }))
}

/// A message of the client that is decided on elsewhere.
pub struct Later {
    slot: u32,
    link: Option<Box<Link>>,
    message: Vec<u8>,
}

impl Task for Later {
    type Output = (Box<Link>, u32);
    type JsValue = u32;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let mut link = self.link.take().ok_or_else(lost)?;
        work::apart(move || {
            let code = link.client(&self.message);
            (link, code)
        })
    }

    fn resolve(&mut self, _: Env, (link, code): Self::Output) -> napi::Result<u32> {
        LINKS.with(|links| links.give(self.slot, link));
        Ok(code)
    }
}

/// Decides on a message of the server.
#[napi(catch_unwind)]
pub fn from_server(link: u32, message: Text) -> napi::Result<u32> {
    lend(link, |link| {
        link.decide(|connection, identity, out, listener| {
            identity
                .with(|caller| code(&connection.server(&message, caller, out, listener), &message))
        })
    })
}

impl Link {
    fn client(&mut self, message: &[u8]) -> u32 {
        self.decide(|connection, identity, out, listener| {
            identity.with(|caller| {
                code(&connection.client(message, caller, None, out, listener), message)
            })
        })
    }

    fn decide(
        &mut self,
        with: impl FnOnce(&mut Connection, &Identity, &mut Vec<u8>, &mut Listener) -> u32,
    ) -> u32 {
        let Self { connection, listener, identity, output, .. } = self;
        let code = with(connection, identity, output.begin(), listener);
        if listener.events.is_empty() { code } else { code | EVENTS }
    }
}

fn code(action: &Action<'_>, message: &[u8]) -> u32 {
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
pub fn list_request(link: u32) -> napi::Result<Option<String>> {
    lend(link, |link| {
        link.connection.list_request().and_then(|request| String::from_utf8(request).ok())
    })
}

/// Whether the server is being asked for its tools.
#[napi(catch_unwind)]
pub fn is_listing(link: u32) -> napi::Result<bool> {
    lend(link, |link| link.connection.is_listing())
}

/// Gives up asking.
#[napi(catch_unwind)]
pub fn abandon_list(link: u32) -> napi::Result<()> {
    lend(link, |link| link.connection.abandon_list())
}

/// Where each element of a batch begins and ends in its bytes, in turn; nothing in what is no batch, and none of one
/// that two readers could read differently.
#[napi(catch_unwind)]
pub fn elements(bytes: Text) -> Option<Vec<u32>> {
    if bytes.trim_ascii_start().first() != Some(&b'[') {
        return Some(Vec::new());
    }
    let mut tape = Tape::growable();
    let doc = json::parse(&bytes, Limits::MESSAGE, &mut tape).ok()?;
    let spans = doc.root().elements().flat_map(|element| {
        let (start, end) = element.span();
        [start, end]
    });
    spans.map(|at| u32::try_from(at).ok()).collect()
}

/// What happened since the last time, one JSON object a line.
#[napi(catch_unwind)]
pub fn take_events(link: u32) -> napi::Result<String> {
    lend(link, |link| std::mem::take(&mut link.listener.events))
}

/// What the last decision has written, once.
#[napi(catch_unwind)]
pub fn take_output(link: u32) -> napi::Result<String> {
    lend(link, |link| link.output.text())
}
