//! What the server says.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::answer::{self, INTERNAL_ERROR, UNRECORDED};
use super::envelope::{Envelope, canonical_id};
use super::event::{Event, Outcome, Reply, Request};
use super::gate::{self, Reserved};
use super::mask::{Masker, Tally, Unshown};
use super::outline::Outline;
use super::relay::{Asked, Step, Task, Turn};
use crate::guard::Output;
use crate::hidden::Found;
use crate::json::{Str, Value};
use crate::session::Outcome as Ended;

impl Turn<'_> {
    pub(super) fn server(self, root: Value<'_>) -> Step {
        let envelope = match Envelope::read(root) {
            Ok(envelope) => envelope,
            Err(why) => {
                let is_protocol = root.get("jsonrpc").is_some() || root.get("method").is_some();
                let id = root.get("id").filter(|_| root.get("method").is_none());
                return self.bad_reply(id.map(Value::raw), is_protocol, why);
            }
        };
        match (envelope.method, envelope.id) {
            (Some(_), Some(id)) => self.server_request(root, id),
            (Some(method), None) => self.server_notification(root, method, envelope.params),
            (None, id) => self.reply(root, id, envelope),
        }
    }

    fn server_request(self, root: Value<'_>, id: Value<'_>) -> Step {
        if !canonical_id(id.raw(), &mut self.desk.key) {
            return self.drop("a request of the server has no usable id");
        }
        if self.state.asking.insert(&self.desk.key, ()).is_err() {
            return self.drop("too many requests of the server, or two with one id");
        }
        self.masked(root, "", None)
    }

    fn server_notification(
        self,
        root: Value<'_>,
        method: Str<'_>,
        params: Option<Value<'_>>,
    ) -> Step {
        if method.is(b"notifications/tools/list_changed") {
            self.state.tools.changed();
        } else if method.is(b"notifications/cancelled")
            && let Some(id) = params.and_then(|params| params.get("requestId"))
            && canonical_id(id.raw(), &mut self.desk.key)
        {
            self.state.asking.take(&self.desk.key);
        }
        self.masked(root, "", None)
    }

    fn reply(mut self, root: Value<'_>, id: Option<Value<'_>>, envelope: Envelope<'_>) -> Step {
        let Some(id) = id.filter(|id| canonical_id(id.raw(), &mut self.desk.key)) else {
            return self.masked(root, "", None);
        };
        if self.state.tools.is_own(&self.desk.key) {
            let Self { state, desk, guard, caller, audit, .. } = self;
            state.tools.own_answer(&desk.key, envelope.result, guard, &caller, audit);
            return Step::Drop;
        }
        let waiting = Some(Waiting { id: id.raw(), result: envelope.result, modern: None });
        match (self.state.asked.take(&self.desk.key), envelope.result) {
            (Some(Asked::Verbatim), Some(_)) => Step::Forward,
            (Some(Asked::List { list }), Some(result)) => self.tools(list, id.raw(), result),
            (Some(Asked::Call { tool, modern, reserved }), result) => {
                if !self.remember_task(&tool, reserved, result) {
                    self.state.finish(self.limits, reserved, ended(result));
                }
                let modern = Some(modern);
                self.masked(root, &tool, Some(Waiting { id: id.raw(), result, modern }))
            }
            (Some(Asked::Text { tool, reserved }), result) => {
                // An error may be one of the question.
                let outcome = result.map_or(Ended::Unknown, |result| ended(Some(result)));
                self.state.finish(self.limits, reserved, outcome);
                self.masked(root, &tool, waiting)
            }
            (Some(_), None) => self.masked(root, "", waiting),
            // Nobody asked, or the answer was given before.
            (None, _) => self.masked(root, "", None),
        }
    }

    /// A page of tools for the client.
    fn tools(self, list: Option<u64>, id: &[u8], result: Value<'_>) -> Step {
        let (message, guard, tools) = (self.message, self.guard, &mut self.state.tools);
        let tools = match tools.client_page(list, result, guard, &self.caller, self.audit) {
            Err(why) => return self.reject(Some(id), INTERNAL_ERROR, why, Step::Replace),
            Ok(None) => return Step::Forward,
            Ok(Some(tools)) => tools,
        };
        let edits = &mut self.desk.edits;
        edits.clear();
        if let Some(array) = result.get("tools") {
            edits.replace(array.span(), &tools);
        }
        // What was left out for one client must not be cached for all.
        if let Some(scope) = result.get("cacheScope")
            && scope.as_str().is_some_and(|scope| scope.is(b"public"))
        {
            edits.replace_text(scope.span(), b"private");
        }
        edits.sort();
        edits.apply(message, (0, message.len()), self.out);
        Step::Replace
    }

    /// Remembers a task, whose result comes as the reply to another request; whether it is one.
    fn remember_task(&mut self, tool: &str, reserved: Reserved, result: Option<Value<'_>>) -> bool {
        let task = result.and_then(|result| result.get("task")).and_then(|task| task.get("taskId"));
        let mut key = Vec::new();
        if !task.is_some_and(|task| canonical_id(task.raw(), &mut key)) {
            return false;
        }
        let tasks = &mut self.state.tasks;
        // Marked as one that may give way: the oldest task is forgotten first, and the result of a
        // forgotten one is masked as untrusted text; how it ended is then not known.
        if tasks.insert(&key, Task { tool: Box::from(tool), reserved }).is_ok() {
            tasks.cancel(&key);
        }
        true
    }

    /// Masks every string of the message.
    fn masked(mut self, root: Value<'_>, tool: &str, waiting: Option<Waiting<'_>>) -> Step {
        if let Some(result) = waiting.filter(|w| w.modern.is_some()).and_then(|w| w.result)
            && let Some(structured) = promised(result)
            && let Some(refusal) = gate::broken_promise(
                self.guard,
                self.state.tools.catalog(),
                tool,
                structured.raw(),
                &mut self.desk.scratch,
            )
        {
            return self.unshown(&refusal, waiting);
        }
        let desk = &mut *self.desk;
        desk.edits.clear();
        desk.scratch.work.counts.clear();
        desk.scratch.hidden = Found::NONE;
        let mut masker = Masker {
            guard: self.guard,
            tool,
            scratch: &mut desk.scratch,
            edits: &mut desk.edits,
            text: &mut desk.text,
            blocks: Vec::new(),
            tally: Tally::default(),
            names: 0,
        };
        let shown = masker.message(root);
        let Tally { truncated, stripped } = masker.tally;
        if let Err(Unshown(refusal)) = shown {
            return self.unshown(&refusal, waiting);
        }
        // The result of a tool is told in any case.
        let result = waiting.filter(|waiting| waiting.modern.is_some()).and(waiting);
        let unchanged = desk.edits.is_empty();
        if unchanged && result.is_none() {
            return Step::Forward;
        }
        let output = result.and_then(|waiting| waiting.result).map_or(self.message, Value::raw);
        let (masked, output) = (&desk.scratch.work.counts, Output::Json(output));
        let hidden = desk.scratch.hidden;
        let outcome = Outcome::Filtered { masked, truncated, hidden, stripped, output };
        let tool_name = (!tool.is_empty()).then_some(tool);
        let request = result.map(|waiting| Request {
            reply: Some(reply(waiting.result, root)),
            ..Request::of(waiting.id)
        });
        let event = Event { tool: tool_name, request, ..Event::new(self.direction, outcome) };
        if self.audit.record(&event).is_err() {
            return match waiting {
                Some(Waiting { id, .. }) => {
                    self.reject(Some(id), INTERNAL_ERROR, UNRECORDED, Step::Replace)
                }
                None => self.drop(UNRECORDED),
            };
        }
        if unchanged {
            return Step::Forward;
        }
        self.desk.edits.sort();
        if let Some(waiting) = waiting
            && waiting.modern.is_some()
            && let Some(result) = waiting.result
            && let Some(structured) = result.get("structuredContent")
            && !self.is_promised(tool, structured)
        {
            self.without_structured(result);
            return Step::Replace;
        }
        let edits = &self.desk.edits;
        edits.apply(self.message, (0, self.message.len()), self.out);
        Step::Replace
    }

    /// Whether what `structured` becomes is still what the tool promises. Where it is not, masks that keep
    /// the shape of their values are tried in place of those of the policy.
    fn is_promised(&mut self, tool: &str, structured: Value<'_>) -> bool {
        let Self { guard, state, desk, .. } = self;
        let catalog = state.tools.catalog();
        let Some(masked) = desk.edits.replacement(structured.span()) else {
            return true;
        };
        if gate::output_accepts(guard, catalog, tool, masked, &mut desk.scratch) {
            return true;
        }
        let shaped = gate::filter_shaped(guard, tool, structured.raw(), &mut desk.scratch);
        let Some(shaped) = shaped.map(<[u8]>::to_vec) else {
            return false;
        };
        let accepted = gate::output_accepts(guard, catalog, tool, &shaped, &mut desk.scratch);
        if accepted {
            desk.edits.replace_again(structured.span(), &shaped);
        }
        accepted
    }

    /// The result without its structured part, which after masking is no longer what the tool promised:
    /// clients accept its absence only from an error.
    fn without_structured(self, result: Value<'_>) {
        let Self { message, out, .. } = self;
        let edits = &self.desk.edits;
        let (start, end) = result.span();
        edits.apply(message, (0, start), out);
        out.extend_from_slice(b"{\"content\":");
        match result.get("content").filter(|content| !content.is_empty()) {
            Some(content) => edits.apply(message, content.span(), out),
            None => out.extend_from_slice(
                b"[{\"type\":\"text\",\"text\":\"The output was masked and is no longer what the tool \
                  promises.\"}]",
            ),
        }
        out.extend_from_slice(b",\"isError\":true");
        for (name, value) in
            [("_meta", result.get("_meta")), ("resultType", result.get("resultType"))]
        {
            if let Some(value) = value {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                edits.apply(message, value.span(), out);
            }
        }
        out.push(b'}');
        edits.apply(message, (end, message.len()), out);
    }

    /// A message of which nothing may be shown.
    fn unshown(self, refusal: &[u8], waiting: Option<Waiting<'_>>) -> Step {
        let why = "the output cannot be shown";
        match waiting {
            Some(Waiting { id, modern: Some(modern), .. }) => {
                answer::refusal(id, refusal, modern, self.out);
                let outcome = Outcome::Rejected { code: INTERNAL_ERROR, why };
                let request = Some(Request::of(id));
                let event = Event { request, ..Event::new(self.direction, outcome) };
                let _ = self.audit.record(&event);
                Step::Replace
            }
            Some(Waiting { id, .. }) => self.reject(Some(id), INTERNAL_ERROR, why, Step::Replace),
            None => self.drop(why),
        }
    }

    pub(super) fn server_broken(self, outline: &Outline, why: &str) -> Step {
        let is_protocol = outline.is_request() || outline.is_reply();
        let id = outline.id().filter(|_| !outline.is_request());
        self.bad_reply(id, is_protocol, why)
    }

    /// What may have been the reply to `id`: whoever waits for it gets an error in its place.
    fn bad_reply(self, id: Option<&[u8]>, is_protocol: bool, why: &str) -> Step {
        if let Some(id) = id
            && canonical_id(id, &mut self.desk.key)
        {
            if self.state.tools.is_own(&self.desk.key) {
                let Self { state, desk, guard, caller, audit, .. } = self;
                state.tools.own_answer(&desk.key, None, guard, &caller, audit);
                return Step::Drop;
            }
            if self.state.asked.take(&self.desk.key).is_some() {
                return self.reject(Some(id), INTERNAL_ERROR, why, Step::Replace);
            }
        }
        if is_protocol { self.drop(why) } else { Step::Noise }
    }

    /// A batch: MCP has none on stdio, so it is not passed on, and those who wait for an answer in it
    /// get an error each, one a line.
    pub(super) fn server_batch(mut self, batch: Value<'_>) -> Step {
        let why = "batches are not supported";
        for element in batch.elements().filter(|element| element.get("method").is_none()) {
            let id = element.get("id").map_or(&[][..], Value::raw);
            if canonical_id(id, &mut self.desk.key)
                && self.state.asked.take(&self.desk.key).is_some()
            {
                if !self.out.is_empty() {
                    self.out.push(b'\n');
                }
                answer::error(Some(id), INTERNAL_ERROR, why, self.out);
            }
        }
        if self.out.is_empty() {
            return self.drop(why);
        }
        let _ = self.record(None, Outcome::Rejected { code: INTERNAL_ERROR, why });
        Step::Replace
    }
}

/// How the call whose reply this is has ended; an error has no result.
fn ended(result: Option<Value<'_>>) -> Ended {
    let Some(result) = result else { return Ended::Failed };
    match result.get("isError").map(Value::as_bool) {
        None | Some(Some(false)) => Ended::Ok,
        Some(Some(true)) => Ended::Failed,
        Some(None) => Ended::Unknown,
    }
}

/// What the message is as the answer to a call.
fn reply(result: Option<Value<'_>>, message: Value<'_>) -> Reply {
    match result.map(|result| ended(Some(result))) {
        None => {
            let code = message.get("error").and_then(|error| error.get("code"));
            let code = code.and_then(|code| str::from_utf8(code.raw()).ok()?.parse().ok());
            Reply::Error(code)
        }
        Some(Ended::Failed) => Reply::ToolError,
        Some(Ended::Ok | Ended::Unknown) => Reply::Result,
    }
}

/// The structured output that an output schema promises: an error promises nothing.
fn promised(result: Value<'_>) -> Option<Value<'_>> {
    let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
    result.get("structuredContent").filter(|_| !failed)
}

/// Who waits for the message.
#[derive(Clone, Copy)]
struct Waiting<'t> {
    id: &'t [u8],
    result: Option<Value<'t>>,
    /// For the result of a call: whether the protocol is that of 2026-07-28.
    modern: Option<bool>,
}
