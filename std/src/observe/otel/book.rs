//! The spans of calls that a relay has passed on, by the id of their request.
//!
//! At most [`MAX_OPEN`] wait: that is more than a relay lets wait, so only ids whose reply never came are
//! given up.

use std::collections::HashMap;
use std::time::Duration;

use airlock_core::json::{Limits, Tape, Value, parse};
use airlock_core::mcp::{Direction, Event};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::super::Words;
use super::{Kind, Traces, blocked, fail, failed, parent, results};

/// Most spans that wait for their end.
const MAX_OPEN: usize = 2048;

/// Begins and ends the spans of one connection.
#[derive(Debug)]
pub(crate) struct Book {
    traces: Traces,
    open: HashMap<Id, Context>,
}

/// An id as JSON-RPC compares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Id {
    Number(String),
    Text(String),
}

impl Book {
    pub(crate) fn new(traces: Traces) -> Self {
        Self { traces, open: HashMap::new() }
    }

    /// Tells of a decision that took so long.
    pub(crate) fn observe(&mut self, event: &Event<'_>, words: Words, took: Duration) {
        let Some(request) = event.request else { return };
        let id = Id::read(request.id);
        match event.direction {
            Direction::ToServer => {
                // What names no tool is no call.
                if event.tool.is_none() {
                    return;
                }
                let kind = Kind::Relayed { id: id.as_ref().map(Id::text) };
                let parent = parent::of(request.meta);
                let span = self.traces.start(event, words, took, kind, &parent);
                match id.filter(|_| words.0 != "block") {
                    Some(id) => self.keep(id, span),
                    None => span.span().end(),
                }
            }
            Direction::ToClient => {
                let Some(span) = id.and_then(|id| self.open.remove(&id)) else { return };
                let kind = if words.0 == "block" {
                    Some(blocked(event, words))
                } else {
                    request.reply.and_then(failed)
                };
                span.span().set_attributes(results(event, words));
                kind.into_iter().for_each(|kind| fail(&span, kind));
                span.span().end();
            }
        }
    }

    fn keep(&mut self, id: Id, span: Context) {
        if self.open.len() >= MAX_OPEN {
            self.end();
        }
        if let Some(forgotten) = self.open.insert(id, span) {
            forgotten.span().end();
        }
    }

    /// Ends the spans of calls that will get no answer.
    pub(crate) fn end(&mut self) {
        self.open.drain().for_each(|(_, span)| span.span().end());
    }
}

impl Id {
    /// Undoes the escapes of a string; an integer is spelt in one way only.
    fn read(token: &[u8]) -> Option<Self> {
        let mut tape = Tape::growable();
        let document = parse(token, Limits::MESSAGE, &mut tape).ok()?;
        match Value::as_str(document.root()) {
            Some(text) => Some(Self::Text(text.chars().collect())),
            None => Some(Self::Number(str::from_utf8(token).ok()?.to_owned())),
        }
    }

    fn text(&self) -> &str {
        let (Self::Number(text) | Self::Text(text)) = self;
        text
    }
}
