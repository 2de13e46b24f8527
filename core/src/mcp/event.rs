//! What the relay tells the audit.

use core::fmt;

use crate::caller::Caller;
use crate::catalog::Declared;
use crate::guard::{Allowed, Output, Refusal};
use crate::hidden::Found;
use crate::redact::Counts;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// One decision. It borrows from the message and the scratch: copy what is to be kept. Arguments and
/// outputs are there to be measured or masked, never to be kept as they are.
#[derive(Debug)]
pub struct Event<'a> {
    /// Which way the message was going.
    pub direction: Direction,
    /// The tool that it is about, as the client or the server spelt it.
    pub tool: Option<&'a str>,
    /// Who calls; nobody for what the server says.
    pub caller: Caller<'a>,
    /// The arguments of a call, as they came.
    pub arguments: Option<&'a [u8]>,
    /// The names that the tool's schema declares, when it has one.
    pub declared: Option<Declared<'a>>,
    /// The request that it answers or lets through, when that is known.
    pub request: Option<Request<'a>>,
    /// What was decided.
    pub outcome: Outcome<'a>,
}

impl<'a> Event<'a> {
    /// A decision of which no more is known than what it is.
    #[must_use]
    pub fn new(direction: Direction, outcome: Outcome<'a>) -> Self {
        let caller = Caller::default();
        let (tool, arguments, declared, request) = (None, None, None, None);
        Self { direction, tool, caller, arguments, declared, request, outcome }
    }
}

/// A request of the client, for whoever tells which decisions belong together.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its JSON-RPC id, as it is spelt.
    pub id: &'a [u8],
    /// `_meta` of its parameters, as it is spelt; not told again with the reply.
    pub meta: Option<&'a [u8]>,
    /// How the server answered; none until it did.
    pub reply: Option<Reply>,
}

impl<'a> Request<'a> {
    /// One of which only the id is known.
    pub(super) const fn of(id: &'a [u8]) -> Self {
        Self { id, meta: None, reply: None }
    }
}

/// What a server answered to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A result.
    Result,
    /// A result that says that the tool failed.
    ToolError,
    /// A JSON-RPC error; its code when that is an integer.
    Error(Option<i64>),
}

/// What was decided on a message, or on a tool in a list.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// A call passes.
    Allowed(&'a Allowed<'a>),
    /// The definition of a tool is not one that was approved.
    Changed {
        /// Whether it is shown all the same, because the policy says so.
        shown: bool,
        /// What is otherwise, or that nobody has approved any.
        why: &'a str,
    },
    /// Hidden text was found in the definition of a tool, which is shown.
    Cleaned {
        /// What was found.
        hidden: Found,
        /// Whether it was stripped, all that the policy wants stripped.
        stripped: bool,
    },
    /// A message was not passed on, nobody can be answered; why.
    Dropped(&'a str),
    /// The output of a tool passes, or another message that was rewritten.
    Filtered {
        /// What was masked.
        masked: &'a Counts,
        /// Whether something was cut off.
        truncated: bool,
        /// The hidden text that was found, stripped or not.
        hidden: Found,
        /// Whether some of that was stripped.
        stripped: bool,
        /// The output as it came, nothing masked yet.
        output: Output<'a>,
    },
    /// The definition of a tool was seen first, and is pinned; its digest.
    Pinned(&'a str),
    /// A call or an output is refused.
    Refused(&'a Refusal<'a>),
    /// A message was not passed on, its sender or receiver got a JSON-RPC error.
    Rejected {
        /// The JSON-RPC error code.
        code: i32,
        /// Why.
        why: &'a str,
    },
    /// A call of a tool that no list declares passes unchecked, because the policy says so.
    Unchecked,
    /// A tool's definition holds nothing to check arguments against or is otherwise remarkable.
    Warned(&'a str),
    /// A tool is left out of the list; why.
    Withheld(&'a str),
}

/// The event could not be recorded: the message must not be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded;

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the audit log cannot be written")
    }
}

impl core::error::Error for Unrecorded {}

/// Who records decisions, before they take effect.
pub trait Audit {
    /// Records one decision.
    ///
    /// # Errors
    /// [`Unrecorded`]; what the event would have let through is then refused.
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded>;
}

impl<F: FnMut(&Event<'_>) -> Result<(), Unrecorded>> Audit for F {
    fn record(&mut self, event: &Event<'_>) -> Result<(), Unrecorded> {
        self(event)
    }
}
