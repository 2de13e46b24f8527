//! What the client says.

use alloc::vec::Vec;

use super::answer::{INTERNAL_ERROR, INVALID_REQUEST};
use super::envelope::{Envelope, canonical_id, is_answerable};
use super::gate::Reserved;
use super::outline::Outline;
use super::pending::Untracked;
use super::relay::{Asked, Step, Task, Turn};
use crate::json::{Str, Value};
use crate::session::Outcome as Ended;

/// Requests whose replies are passed on as they are.
const VERBATIM: [&[u8]; 6] = [
    b"initialize",
    b"ping",
    b"prompts/list",
    b"resources/list",
    b"resources/templates/list",
    b"server/discover",
];

impl Turn<'_> {
    pub(super) fn client(self, root: Value<'_>) -> Step {
        let envelope = match Envelope::read(root) {
            Ok(envelope) => envelope,
            Err(why) => {
                let id = root.get("id").filter(|&id| is_answerable(id)).map(Value::raw);
                return match (root.get("method"), id) {
                    (Some(_), Some(id)) => {
                        self.reject(Some(id), INVALID_REQUEST, why, Step::Answer)
                    }
                    _ => self.drop(why),
                };
            }
        };
        match (envelope.method, envelope.id) {
            (Some(method), Some(id)) => self.client_request(method, id, envelope.params),
            (Some(method), None) => self.client_notification(method, envelope.params),
            (None, Some(id)) if canonical_id(id.raw(), &mut self.desk.key) => {
                self.state.asking.take(&self.desk.key);
                Step::Forward
            }
            (None, _) => self.drop("an answer to no request"),
        }
    }

    fn client_request(mut self, method: Str<'_>, id: Value<'_>, params: Option<Value<'_>>) -> Step {
        if !canonical_id(id.raw(), &mut self.desk.key) {
            let why = "an id is a string or an integer of at most 256 bytes";
            return if is_answerable(id) {
                self.reject(Some(id.raw()), INVALID_REQUEST, why, Step::Answer)
            } else {
                self.drop(why)
            };
        }
        let admitted = if self.state.tools.is_own(&self.desk.key) {
            Err(Untracked::InFlight)
        } else {
            self.state.asked.admits(&self.desk.key)
        };
        if let Err(untracked) = admitted {
            let (code, why) = match untracked {
                Untracked::InFlight => (INVALID_REQUEST, "a request with this id is in flight"),
                Untracked::Full => (INTERNAL_ERROR, "too many requests are in flight"),
            };
            return self.reject(Some(id.raw()), code, why, Step::Answer);
        }
        let asked = if method.is(b"tools/call") {
            return self.call(id, params);
        } else if method.is(b"tools/list") {
            let cursor = params.and_then(|params| params.get("cursor"));
            Asked::List { list: self.state.tools.client_lists(self.guard, cursor) }
        } else if VERBATIM.iter().any(|name| method.is(name)) {
            Asked::Verbatim
        } else {
            let Task { tool, reserved } = self.task(params);
            // Other requests about a task say how it goes, not how it ended.
            let reserved = match method.is(b"tasks/result") {
                true => reserved,
                false => Reserved::default(),
            };
            Asked::Text { tool, reserved }
        };
        self.pass(asked)
    }

    /// Passes the request on and remembers what its reply will be.
    pub(super) fn pass(self, asked: Asked) -> Step {
        // It was admitted before, with the same key.
        match self.state.asked.insert(&self.desk.key, asked) {
            Ok(()) => Step::Forward,
            Err(_) => Step::Drop,
        }
    }

    /// The task that `params` name, so that `tasks/result` is filtered like the result of its tool.
    fn task(&mut self, params: Option<Value<'_>>) -> Task {
        let task = params.and_then(|params| params.get("taskId")).map_or(&[][..], Value::raw);
        let mut key = Vec::new();
        if !canonical_id(task, &mut key) {
            return Task::default();
        }
        self.state.tasks.get(&key).cloned().unwrap_or_default()
    }

    fn client_notification(self, method: Str<'_>, params: Option<Value<'_>>) -> Step {
        if method.is(b"tools/call") {
            return self.drop("a call without an id");
        }
        if method.is(b"notifications/cancelled")
            && let Some(id) = params.and_then(|params| params.get("requestId"))
            && canonical_id(id.raw(), &mut self.desk.key)
        {
            let asked = self.state.asked.get(&self.desk.key);
            if let Some(Asked::Call { reserved, .. }) = asked {
                let reserved = *reserved;
                self.state.finish(self.limits, reserved, Ended::Unknown);
            }
            self.state.asked.cancel(&self.desk.key);
        }
        Step::Forward
    }

    pub(super) fn client_broken(self, outline: &Outline, code: i32, why: &str) -> Step {
        let Some(id) = outline.id() else {
            return self.drop(why);
        };
        if !canonical_id(id, &mut self.desk.key) {
            return self.drop(why);
        }
        if outline.is_request() {
            return self.reject(Some(id), code, why, Step::Answer);
        }
        // The server waits for this answer: it gets an error in its place.
        if outline.is_reply() && self.state.asking.take(&self.desk.key).is_some() {
            return self.reject(Some(id), INTERNAL_ERROR, why, Step::Replace);
        }
        self.drop(why)
    }
}

/// Whether the request is one of protocol 2026-07-28, which puts the version into every request.
pub(super) fn is_modern(params: Option<Value<'_>>) -> bool {
    params
        .and_then(|params| params.get("_meta"))
        .is_some_and(|meta| meta.get("io.modelcontextprotocol/protocolVersion").is_some())
}
