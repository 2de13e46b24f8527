//! The state of one connection, and the way from bytes to a decision.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::answer;
use super::edit::Edits;
use super::event::{Audit, Direction, Event, Outcome, Request, Unrecorded};
use super::gate::{self, Reserved};
use super::listing::Tools;
use super::outline::Outline;
use super::pending::Table;
use crate::caller::Caller;
use crate::catalog::Catalog;
use crate::guard::Guard;
use crate::json::{Kind, Limits, ParseErrorKind, Tape, Value, parse};
use crate::pins::KeepPins;
use crate::policy::Admit;
use crate::scratch::Scratch;
use crate::session::{self, Session};

/// How much memory is kept after a message for the next one, in bytes of each buffer.
const KEEP: usize = 64 << 10;
/// Nested containers of a message: room for the envelope around arguments of full depth.
const DEPTH: u32 = Limits::MESSAGE.depth;

/// Bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most bytes of a message.
    pub message: usize,
    /// Most requests of one direction that wait for a reply, and most tasks remembered.
    pub pending: usize,
}

impl Default for Bounds {
    /// 10 MiB, as the TypeScript SDK has it; 1,024 requests.
    fn default() -> Self {
        Self { message: Limits::MESSAGE.bytes, pending: 1024 }
    }
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send these bytes to the other side: the message itself, or one in its place.
    Forward(&'a [u8]),
    /// Send these bytes back to where the message came from.
    Answer(&'a [u8]),
    /// Only for messages of the client: the tool list must be known first. Send what
    /// [`Relay::list_request`] returns, pass on what the server says, and present the message again
    /// when [`Relay::is_listing`] is false.
    Hold,
    /// Send nothing.
    Drop,
    /// Only for messages of the server: this is no message. Show it to a person, if anyone.
    Noise,
}

/// A decision whose bytes are in the message or in the output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Forward,
    /// What is in the output buffer goes in place of the message.
    Replace,
    Answer,
    Hold,
    Drop,
    Noise,
}

impl Step {
    fn with<'a>(self, message: &'a [u8], out: &'a [u8]) -> Action<'a> {
        match self {
            Self::Forward => Action::Forward(message),
            Self::Replace => Action::Forward(out),
            Self::Answer => Action::Answer(out),
            Self::Hold => Action::Hold,
            Self::Drop => Action::Drop,
            Self::Noise => Action::Noise,
        }
    }
}

/// The firewall of one connection between a client and a server.
///
/// Both directions go through one `Relay`, one message at a time and each in the order of its arrival.
pub struct Relay {
    guard: Arc<Guard>,
    /// None where nobody keeps the limits of the policy.
    limits: Option<Arc<dyn Admit + Send + Sync>>,
    state: State,
    desk: Desk,
    tape: Tape<'static>,
}

/// What outlives a message.
#[derive(Debug)]
pub(super) struct State {
    bounds: Bounds,
    /// Requests of the client.
    pub(super) asked: Table<Asked>,
    /// Requests of the server.
    pub(super) asking: Table<()>,
    /// Calls that run as tasks, by the task's id.
    pub(super) tasks: Table<Task>,
    pub(super) tools: Tools,
    /// What is remembered from call to call; none where the host gave none.
    pub(super) session: Option<Session>,
}

impl State {
    /// Ends a call in the session and for the keeper of budgets.
    pub(super) fn finish(
        &mut self,
        limits: &dyn Admit,
        reserved: Reserved,
        outcome: session::Outcome,
    ) {
        if let (Some(session), Some(ticket)) = (&mut self.session, reserved.ticket) {
            session.finish(ticket, outcome);
        }
        if let Some(hold) = reserved.hold {
            limits.settle(hold, outcome);
        }
    }

    /// Gives back what a call that is not passed on reserved.
    pub(super) fn cancel(&mut self, limits: &dyn Admit, reserved: Reserved) {
        if let (Some(session), Some(ticket)) = (&mut self.session, reserved.ticket) {
            session.cancel(ticket);
        }
        if let Some(hold) = reserved.hold {
            limits.settle(hold, session::Outcome::Failed);
        }
    }
}

/// A call whose result comes as the reply to another request.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    pub(super) tool: Box<str>,
    pub(super) reserved: Reserved,
}

/// What the reply to a request of the client will be.
#[derive(Debug)]
pub(super) enum Asked {
    /// The result of a tool.
    Call {
        tool: Box<str>,
        /// Protocol 2026-07-28.
        modern: bool,
        reserved: Reserved,
    },
    /// One page of tools; of the list that is being learned, when it has its number.
    List { list: Option<u64> },
    /// Text that nobody vouches for; the result of a task ends the call that it was.
    Text { tool: Box<str>, reserved: Reserved },
    /// What is passed on as it is.
    Verbatim,
}

/// Memory of one decision, reused by the next.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) scratch: Scratch<'static>,
    /// A canonical id.
    pub(super) key: Vec<u8>,
    /// A tool's name, escapes undone.
    pub(super) name: String,
    /// A text, escapes undone.
    pub(super) text: Vec<u8>,
    pub(super) edits: Edits,
}

/// One decision being made.
pub(super) struct Turn<'t> {
    pub(super) direction: Direction,
    pub(super) message: &'t [u8],
    pub(super) caller: Caller<'t>,
    pub(super) now: Option<u64>,
    pub(super) guard: &'t Guard,
    pub(super) limits: &'t dyn Admit,
    pub(super) state: &'t mut State,
    pub(super) desk: &'t mut Desk,
    pub(super) out: &'t mut Vec<u8>,
    pub(super) audit: &'t mut dyn Audit,
}

impl Relay {
    /// A new connection. `nonce` goes into the ids of our own requests, so that neither side can guess
    /// them: some 64 random bits, as letters and digits. Calls that the policy limits are refused, until
    /// [`limits`](Self::limits) says who counts them.
    #[must_use]
    pub fn new(guard: Arc<Guard>, bounds: Bounds, nonce: &str) -> Self {
        let desk = Desk {
            scratch: guard.scratch(),
            key: Vec::new(),
            name: String::new(),
            text: Vec::new(),
            edits: Edits::default(),
        };
        let state = State {
            bounds,
            asked: Table::new(bounds.pending),
            asking: Table::new(bounds.pending),
            tasks: Table::new(bounds.pending),
            tools: Tools::new(nonce),
            session: None,
        };
        Self { guard, limits: None, state, desk, tape: Tape::growable() }
    }

    /// Sets who keeps the limits of the policy.
    #[must_use]
    pub fn limits(mut self, limits: Arc<dyn Admit + Send + Sync>) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Goes on under another guard, and other limits if the policy has any. The tools are listed and
    /// compiled anew before the next call of one; requests that wait for their reply are remembered.
    pub fn succeed(&mut self, guard: Arc<Guard>, limits: Option<Arc<dyn Admit + Send + Sync>>) {
        (self.guard, self.limits) = (guard, limits);
        self.state.tools.changed();
    }

    /// Sets the session that all calls of the connection are part of. Without one, rules about sessions
    /// allow nothing and deny what they deny in any.
    #[must_use]
    pub fn session(mut self, session: Session) -> Self {
        self.state.session = Some(session);
        self
    }

    /// Sets how long a clock of the host has been running, as [`Session::set_elapsed`] has it: before each
    /// message of the client, or never.
    pub const fn set_elapsed(&mut self, milliseconds: u64) {
        if let Some(session) = &mut self.state.session {
            session.set_elapsed(milliseconds);
        }
    }

    /// Sets who keeps the pins of the server's tools. Without a word in the policy the definition of each
    /// tool that is seen first is recorded.
    #[must_use]
    pub fn pins(mut self, pins: Arc<dyn KeepPins + Send + Sync>) -> Self {
        self.state.tools.keep_pins(pins);
        self
    }

    /// Decides on a message of the client. `now` is in Unix milliseconds.
    pub fn client<'a>(
        &mut self,
        message: &'a [u8],
        caller: Caller<'_>,
        now: Option<u64>,
        out: &'a mut Vec<u8>,
        audit: &mut dyn Audit,
    ) -> Action<'a> {
        self.decide(Direction::ToServer, message, caller, now, out, audit).with(message, out)
    }

    /// Decides on a message of the server; `caller` is who its tools are shown to.
    pub fn server<'a>(
        &mut self,
        message: &'a [u8],
        caller: Caller<'_>,
        out: &'a mut Vec<u8>,
        audit: &mut dyn Audit,
    ) -> Action<'a> {
        self.decide(Direction::ToClient, message, caller, None, out, audit).with(message, out)
    }

    /// Decides on a message above [`Bounds::message`] that the host outlined and did not keep.
    pub fn oversize<'a>(
        &mut self,
        direction: Direction,
        outline: &Outline,
        out: &'a mut Vec<u8>,
        audit: &mut dyn Audit,
    ) -> Action<'a> {
        out.clear();
        let caller = Caller::default();
        let turn = self.turn(direction, &[], caller, None, out, audit);
        let step = turn.broken(outline, answer::INVALID_REQUEST, "the message is too long");
        step.with(&[], out)
    }

    /// The request to send to the server while [`is_listing`](Self::is_listing); each is returned once.
    pub fn list_request(&mut self) -> Option<Vec<u8>> {
        self.state.tools.take_request()
    }

    /// Whether our own list of the server's tools is on its way.
    #[must_use]
    pub fn is_listing(&self) -> bool {
        self.state.tools.is_listing()
    }

    /// The tools that the server declares, once a list of them is complete and while it is current: for
    /// [`adopt_tools`](Self::adopt_tools) of another connection to the same server.
    #[must_use]
    pub fn tools(&self) -> Option<&Arc<Catalog>> {
        self.state.tools.current()
    }

    /// Begins with the tools that another connection to the same server has learned under the same guard,
    /// so that the first call need not wait for a list. A name that is not among them still makes one.
    pub fn adopt_tools(&mut self, tools: Arc<Catalog>) {
        self.state.tools.adopt(tools);
    }

    /// How many calls were passed on and are not answered.
    #[must_use]
    pub fn running_calls(&self) -> usize {
        self.state.asked.count(|asked| matches!(asked, Asked::Call { .. }))
    }

    /// Gives up on our own list, because the server does not answer.
    pub fn abandon_list(&mut self) {
        self.state.tools.abandon();
    }

    fn turn<'t>(
        &'t mut self,
        direction: Direction,
        message: &'t [u8],
        caller: Caller<'t>,
        now: Option<u64>,
        out: &'t mut Vec<u8>,
        audit: &'t mut dyn Audit,
    ) -> Turn<'t> {
        let Self { guard, limits, state, desk, .. } = self;
        let limits: &dyn Admit = match limits {
            Some(limits) => &**limits,
            None => &gate::Unkept,
        };
        Turn { direction, message, caller, now, guard, limits, state, desk, out, audit }
    }

    fn decide(
        &mut self,
        direction: Direction,
        message: &[u8],
        caller: Caller<'_>,
        now: Option<u64>,
        out: &mut Vec<u8>,
        audit: &mut dyn Audit,
    ) -> Step {
        out.clear();
        if message.trim_ascii().is_empty() {
            return Step::Drop;
        }
        let limits = Limits { bytes: self.state.bounds.message, depth: DEPTH };
        let mut tape = core::mem::take(&mut self.tape);
        let turn = self.turn(direction, message, caller, now, out, audit);
        let step = if spans_lines(message) {
            turn.unreadable(answer::PARSE_ERROR, "a line end inside the message")
        } else {
            match parse(message, limits, &mut tape) {
                Ok(doc) => turn.decide(doc.root()),
                Err(error) => {
                    let code = match error.kind {
                        ParseErrorKind::Depth
                        | ParseErrorKind::DuplicateKey
                        | ParseErrorKind::TooLarge => answer::INVALID_REQUEST,
                        _ => answer::PARSE_ERROR,
                    };
                    turn.unreadable(code, error.kind.message())
                }
            }
        };
        tape.nodes.clear();
        tape.nodes.shrink_to(KEEP / 16);
        tape.order.clear();
        tape.order.shrink_to(KEEP / 16);
        self.tape = tape;
        self.desk.shrink_to(KEEP);
        step
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, limits: _, state, desk, tape } = self;
        f.debug_struct("Relay")
            .field("guard", guard)
            .field("state", state)
            .field("desk", desk)
            .field("tape", tape)
            .finish_non_exhaustive()
    }
}

impl Desk {
    fn shrink_to(&mut self, bytes: usize) {
        self.edits.shrink_to(bytes);
        self.text.clear();
        self.text.shrink_to(bytes);
        self.scratch.shrink_to(bytes);
    }
}

impl Turn<'_> {
    fn decide(self, root: Value<'_>) -> Step {
        match (root.kind(), self.direction) {
            (Kind::Object, Direction::ToServer) => self.client(root),
            (Kind::Object, Direction::ToClient) => self.server(root),
            (Kind::Array, Direction::ToServer) => self.reject(
                None,
                answer::INVALID_REQUEST,
                "batches are not supported",
                Step::Answer,
            ),
            (Kind::Array, Direction::ToClient) => self.server_batch(root),
            (_, Direction::ToServer) => self.drop("neither an object nor a batch"),
            (_, Direction::ToClient) => Step::Noise,
        }
    }

    /// Bytes that are no document.
    fn unreadable(self, code: i32, why: &str) -> Step {
        let mut outline = Outline::new();
        outline.feed(self.message);
        self.broken(&outline, code, why)
    }

    /// A message of which no more is known than its outline.
    pub(super) fn broken(self, outline: &Outline, code: i32, why: &str) -> Step {
        match self.direction {
            Direction::ToServer => self.client_broken(outline, code, why),
            Direction::ToClient => self.server_broken(outline, why),
        }
    }

    /// Tells the audit.
    pub(super) fn record(
        &mut self,
        tool: Option<&str>,
        outcome: Outcome<'_>,
    ) -> Result<(), Unrecorded> {
        self.audit.record(&Event { tool, ..Event::new(self.direction, outcome) })
    }

    /// Passes nothing on and answers nobody.
    pub(super) fn drop(mut self, why: &str) -> Step {
        // Nothing passes, so nothing is lost when this cannot be recorded.
        let _ = self.record(None, Outcome::Dropped(why));
        Step::Drop
    }

    /// Writes an error in place of a message or as the answer to it, as `step` says.
    pub(super) fn reject(self, id: Option<&[u8]>, code: i32, why: &str, step: Step) -> Step {
        self.out.clear();
        answer::error(id, code, why, self.out);
        let outcome = Outcome::Rejected { code, why };
        let request = id.map(Request::of);
        let event = Event { request, ..Event::new(self.direction, outcome) };
        let _ = self.audit.record(&event);
        step
    }
}

/// Whether a line ends anywhere but at the end. The sign can only be white space to JSON, but who reads
/// lines sees two, and so another message; for a reader with universal line ends (Python's text streams) a
/// carriage return is enough.
fn spans_lines(message: &[u8]) -> bool {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    let message = message.strip_suffix(b"\r").unwrap_or(message);
    memchr::memchr2(b'\r', b'\n', message).is_some()
}
