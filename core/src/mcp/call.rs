//! A `tools/call` of the client.

use alloc::sync::Arc;

use super::answer::{self, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, UNRECORDED};
use super::client::is_modern;
use super::envelope::is_alias;
use super::event::{Direction, Event, Outcome, Request};
use super::gate::{self, Reserved};
use super::relay::{Asked, Step, Turn};
use crate::caller::Call;
use crate::catalog::Declared;
use crate::guard::Verdict;
use crate::json::{Kind, Value};

/// The longest name, in bytes as spelt, that is looked at.
const MAX_NAME: usize = 1024;
/// The members of `params` that say which tool runs on what.
const MEMBERS: [&str; 2] = ["name", "arguments"];

impl Turn<'_> {
    /// Decides on a call whose id is admitted and stands in the desk's key.
    pub(super) fn call(self, id: Value<'_>, params: Option<Value<'_>>) -> Step {
        let id = id.raw();
        let Some(params) = params.filter(|params| params.kind() == Kind::Object) else {
            return self.reject(Some(id), INVALID_PARAMS, "params is no object", Step::Answer);
        };
        if params.members().any(|(key, _)| is_alias(key, &MEMBERS)) {
            let why = "a member of params differs only in case";
            return self.reject(Some(id), INVALID_REQUEST, why, Step::Answer);
        }
        let Some(name) = params.get("name").and_then(Value::as_str) else {
            return self.reject(Some(id), INVALID_PARAMS, "the name is no string", Step::Answer);
        };
        self.desk.name.clear();
        if name.raw().len() > MAX_NAME {
            let request = Request::of(id);
            return self.unknown(request, is_modern(Some(params)), "the name is too long");
        }
        self.desk.name.extend(name.chars());
        self.named_call(id, params)
    }

    /// The call whose tool's name stands in the desk.
    fn named_call(self, id: &[u8], params: Value<'_>) -> Step {
        let request = Request { meta: params.get("_meta").map(Value::raw), ..Request::of(id) };
        let (guard, caller, now, limits) = (self.guard, self.caller, self.now, self.limits);
        let modern = is_modern(Some(params));
        let arguments = params.get("arguments");
        if !gate::admits_spelling(guard, &self.desk.name) {
            return self.unknown(request, modern, "the name is not spelt as MCP allows");
        }
        if gate::hides(guard, &self.desk.name, &caller) {
            return self.unknown(request, modern, "the tool is hidden");
        }
        let call = Call {
            tool: &self.desk.name,
            // Absent arguments are checked as none, and stay absent.
            arguments: arguments.map_or(b"{}", Value::raw),
            caller,
            now,
            ..Call::default()
        };
        if let Some(refusal) = gate::check_name(guard, &call, limits, &mut self.desk.scratch) {
            answer::refusal(id, refusal.json(), modern, self.out);
            let event = told(&call, request, arguments, None, Outcome::Refused(&refusal));
            let _ = self.audit.record(&event);
            return Step::Answer;
        }
        if self.state.tools.must_list(call.tool) {
            self.state.tools.list(guard, params.get("_meta"));
            return Step::Hold;
        }
        // The snapshot that is current now, whatever list completes later.
        let catalog = Arc::clone(self.state.tools.catalog());
        let mut step = Step::Forward;
        let mut reserved = Reserved::default();
        let recorded = if catalog.contains(call.tool) {
            let session = self.state.session.as_mut();
            let scratch = &mut self.desk.scratch;
            let verdict;
            (verdict, reserved) = gate::check(guard, &catalog, &call, limits, session, scratch);
            let outcome = match &verdict {
                Verdict::Allow(allowed) => {
                    if let Some(value) = arguments.filter(|_| allowed.is_changed()) {
                        let (start, end) = value.span();
                        self.out.extend_from_slice(self.message.get(..start).unwrap_or(&[]));
                        self.out.extend_from_slice(allowed.arguments());
                        self.out.extend_from_slice(self.message.get(end..).unwrap_or(&[]));
                        step = Step::Replace;
                    }
                    Outcome::Allowed(allowed)
                }
                Verdict::Refuse(refusal) => {
                    answer::refusal(id, refusal.json(), modern, self.out);
                    step = Step::Answer;
                    Outcome::Refused(refusal)
                }
            };
            let declared = catalog.declared(call.tool);
            self.audit.record(&told(&call, request, arguments, declared, outcome))
        } else if gate::forwards_unknown(guard) {
            let session = self.state.session.as_mut();
            let scratch = &mut self.desk.scratch;
            let checked = gate::check_unlisted(guard, &call, limits, session, scratch);
            let outcome = match &checked {
                Err(refusal) => {
                    answer::refusal(id, refusal.json(), modern, self.out);
                    step = Step::Answer;
                    Outcome::Refused(refusal)
                }
                Ok(checked) => {
                    reserved = *checked;
                    Outcome::Unchecked
                }
            };
            self.audit.record(&told(&call, request, arguments, None, outcome))
        } else {
            return self.unknown(request, modern, "unknown tool");
        };
        if step == Step::Answer {
            return step;
        }
        if recorded.is_err() {
            self.state.cancel(limits, reserved);
            self.out.clear();
            answer::error(Some(id), INTERNAL_ERROR, UNRECORDED, self.out);
            return Step::Answer;
        }
        let asked = Asked::Call { tool: self.desk.name.as_str().into(), modern, reserved };
        match self.pass(asked) {
            Step::Forward => step,
            other => other,
        }
    }

    /// The tool does not exist, or must seem not to.
    fn unknown(self, request: Request<'_>, modern: bool, why: &str) -> Step {
        let id = request.id;
        let call = Call { tool: &self.desk.name, caller: self.caller, ..Call::default() };
        let scratch = &mut self.desk.scratch;
        if let Some(refusal) = gate::refuse_unknown(self.guard, &call, self.limits, scratch) {
            answer::refusal(id, refusal.json(), modern, self.out);
            let event = told(&call, request, None, None, Outcome::Refused(&refusal));
            let _ = self.audit.record(&event);
            return Step::Answer;
        }
        answer::unknown_tool(id, &self.desk.name, self.out);
        let outcome = Outcome::Rejected { code: INVALID_PARAMS, why };
        let (tool, caller) = (Some(&*self.desk.name), self.caller);
        let request = Some(request);
        let event = Event { tool, caller, request, ..Event::new(self.direction, outcome) };
        let _ = self.audit.record(&event);
        Step::Answer
    }
}

/// What the audit is told of a call.
fn told<'a>(
    call: &Call<'a>,
    request: Request<'a>,
    arguments: Option<Value<'a>>,
    declared: Option<Declared<'a>>,
    outcome: Outcome<'a>,
) -> Event<'a> {
    Event {
        direction: Direction::ToServer,
        tool: Some(call.tool),
        caller: call.caller,
        arguments: arguments.map(Value::raw),
        declared,
        request: Some(request),
        outcome,
    }
}
