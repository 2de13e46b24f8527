//! After the tool ran: what of its output may be shown.

use super::{Guard, Refusal};
use crate::catalog::{Catalog, Structure};
use crate::filter::{self, Filter, Place};
use crate::hidden::Found;
use crate::json;
use crate::reason::Reason;
use crate::redact::{Counts, Masks, Pseudonyms, Redactor, Style};
use crate::report::Notice;
use crate::schema::{self, Memory, Outcome};
use crate::scratch::Scratch;

/// The output of a tool.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Plain text.
    Text(&'a [u8]),
    /// A JSON document.
    Json(&'a [u8]),
}

/// An output that may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Filtered<'s> {
    /// The bytes to show: the input itself when nothing was masked or cut.
    pub bytes: &'s [u8],
    /// Whether something was cut off.
    pub truncated: bool,
    /// How many values were masked.
    pub masked: usize,
    /// How many of each type.
    pub counts: &'s Counts,
    /// The hidden text that was found, stripped or not.
    pub hidden: Found,
    /// Whether some of that was stripped.
    pub stripped: bool,
}

impl Guard {
    /// Masks, then truncates the output of `tool`. Text that is a JSON object or array is treated as
    /// JSON, so that it stays JSON; JSON that our reader refuses is treated as text.
    ///
    /// # Errors
    /// When the output cannot be made safe; then nothing of it may be shown.
    pub fn filter<'s>(
        &'s self,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        scratch.work.names.clear();
        scratch.work.counts.clear();
        scratch.hidden = Found::NONE;
        self.filter_on(tool, output, scratch)
    }

    /// [`filter`](Self::filter) where a value that has a number in `names` keeps it: for the outputs of
    /// one session.
    ///
    /// # Errors
    /// When the output cannot be made safe; then nothing of it may be shown.
    pub fn filter_in<'s>(
        &'s self,
        names: &mut Pseudonyms<'static>,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'static>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        scratch.work.counts.clear();
        scratch.hidden = Found::NONE;
        core::mem::swap(names, &mut scratch.work.names);
        let filtered = self.filter_place(tool, output, scratch);
        core::mem::swap(names, &mut scratch.work.names);
        self.shown(filtered, tool, output, scratch)
    }

    /// [`filter`](Self::filter) with the numbers that `scratch` has, and on top of what it has counted.
    pub(crate) fn filter_on<'s>(
        &'s self,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        let filtered = self.filter_place(tool, output, scratch);
        self.shown(filtered, tool, output, scratch)
    }

    /// A JSON output of `tool`, its masks in the shape of what they stand for; none when it cannot be
    /// shown whole.
    pub(crate) fn filter_shaped<'s>(
        &'s self,
        tool: &'s str,
        output: &'s [u8],
        scratch: &'s mut Scratch<'_>,
    ) -> Option<&'s [u8]> {
        let output = Output::Json(output);
        let filter = self.filter_of(tool)?;
        let redactor = filter.redactor.with_masks(Masks::of(Style::Shape));
        let filtered = Filter { redactor, ..filter }.run(output, scratch).ok()?;
        let whole = !filtered.truncated;
        self.shown(Some(filtered), tool, output, scratch).ok().filter(|_| whole).map(|f| f.bytes)
    }

    /// What masks the outputs of `tool`, for outputs that come in pieces: a
    /// [`Stream`](crate::redact::Stream) masks, and does not cut.
    #[must_use]
    pub fn redactor(&self, tool: &str) -> Option<Redactor<'_>> {
        self.masking.redactor(&self.policy.output(tool))
    }

    fn filter_of(&self, tool: &str) -> Option<Filter<'_>> {
        let rules = self.policy.output(tool);
        self.masking.redactor(&rules).map(|redactor| Filter {
            redactor,
            limit: rules.limit(self.counter.as_deref()),
            bounds: self.budget.output,
            hiding: rules.hidden,
        })
    }

    fn filter_place(
        &self,
        tool: &str,
        output: Output<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Option<filter::Result> {
        self.filter_of(tool)?.run(output, scratch).ok()
    }

    fn shown<'s>(
        &'s self,
        filtered: Option<filter::Result>,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'_>,
    ) -> Result<Filtered<'s>, Refusal<'s>> {
        match filtered {
            Some(filtered) => {
                let Scratch { clean, hidden, masked, out, work, .. } = scratch;
                let bytes = match filtered.bytes {
                    Place::Input => match output {
                        Output::Text(bytes) | Output::Json(bytes) => bytes,
                    },
                    Place::Clean => clean,
                    Place::Masked => masked,
                    Place::Cut => out,
                };
                let filter::Result { truncated, masked, stripped, .. } = filtered;
                Ok(Filtered {
                    bytes,
                    truncated,
                    masked,
                    counts: &work.counts,
                    hidden: *hidden,
                    stripped,
                })
            }
            None => Err(self.refuse_output(tool, scratch)),
        }
    }

    /// The refusal of an output of `tool`.
    pub(crate) fn refuse_output<'s>(
        &'s self,
        tool: &'s str,
        scratch: &'s mut Scratch<'_>,
    ) -> Refusal<'s> {
        scratch.report.clear();
        self.barred(&Notice::of(Reason::OutputInvalid, tool), None, scratch).refusal(scratch)
    }

    /// Whether structured output of `tool` satisfies the tool's output schema; true when it has none,
    /// false when it has one that cannot be compiled.
    pub fn accepts_output(
        &self,
        catalog: &Catalog,
        tool: &str,
        output: &[u8],
        scratch: &mut Scratch<'_>,
    ) -> bool {
        let schema = match catalog.structure(tool) {
            Structure::Free => return true,
            Structure::Unknown => return false,
            Structure::Schema(schema) => schema,
        };
        let Scratch { tape, inner, marks, text, .. } = scratch;
        if json::parse_named(output, self.budget.output, tape, schema.names()).is_err() {
            return false;
        }
        let json::Tape { nodes, order } = tape;
        let doc = json::Document::new(output, nodes);
        let memory = Memory { order, marks, text, inner };
        schema::validate(schema, doc, self.budget.steps, memory, None) == Outcome::Valid
    }
}
