//! One schema for any JSON value: arguments without a guard, the output of a tool, a file.
//!
//! The same engine as a guard's, without policy, ghosts or repair: a document is valid or it is not, and
//! what is wrong with it is listed.

use alloc::string::String;
use alloc::vec::Vec;

use crate::guard::Budget;
use crate::json;
use crate::reason::Reason;
use crate::report::{MAX_VIOLATIONS, Refused, Report, Reporter, Violation};
use crate::schema::{
    self, Collect, CompileError, Documents, MAX_COMPILE_STEPS, Memory, Options, Outcome, Schema,
};
use crate::scratch::Scratch;

/// A compiled schema. Immutable; shared by any number of threads.
///
/// ```
/// use airlock_core::{Scratch, Validator};
///
/// let validator = Validator::new(br#"{"type": "array", "items": {"type": "integer"}}"#)?;
/// let mut scratch = Scratch::new();
/// assert!(validator.check(b"[1, 2]", &mut scratch).is_ok());
/// let invalid = validator.check(br#"[1, "2"]"#, &mut scratch).unwrap_err();
/// assert_eq!(invalid.violations().next().map(|v| v.path), Some("/1"));
/// # Ok::<(), airlock_core::CompileError>(())
/// ```
#[derive(Debug)]
pub struct Validator {
    schema: Schema,
    warnings: Vec<String>,
    budget: Budget,
}

/// Builds a [`Validator`].
#[derive(Debug, Default)]
pub struct ValidatorBuilder {
    documents: Documents,
    options: Options,
    budget: Budget,
}

/// What is wrong with a document.
#[derive(Clone, Copy, Debug)]
pub struct Invalid<'s> {
    reason: Reason,
    report: &'s Report<'s>,
}

impl Validator {
    /// Compiles `schema`, a JSON Schema of 2020-12 or of the dialect that it names.
    ///
    /// # Errors
    /// When it cannot be honoured.
    pub fn new(schema: &[u8]) -> Result<Self, CompileError> {
        Self::builder().build(schema)
    }

    /// Starts a validator that knows other documents, asserts formats or has other bounds.
    #[must_use]
    pub fn builder() -> ValidatorBuilder {
        ValidatorBuilder::default()
    }

    /// What may be wrong with the schema: unknown keywords, and what they may have meant.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Checks the JSON document `json`, whatever its root is. Once `scratch` is warm nothing allocates.
    ///
    /// # Errors
    /// When it is no JSON, is not valid, or takes more work than the budget allows.
    pub fn check<'s>(
        &'s self,
        json: &[u8],
        scratch: &'s mut Scratch<'_>,
    ) -> Result<(), Invalid<'s>> {
        let Scratch { tape, inner, cuts, faults, branch, marks, text, report, .. } = scratch;
        report.clear();
        let (limits, names) = (self.budget.output, self.schema.names());
        if let Err(error) = json::parse_named(json, limits, tape, names) {
            report.parse_error(json, error);
            return Err(Invalid { reason: Reason::MalformedArguments, report });
        }
        let json::Tape { nodes, order } = tape;
        let doc = json::Document::new(json, nodes);
        faults.clear();
        cuts.clear();
        let mut collect = Collect { faults, most: MAX_VIOLATIONS };
        let steps = self.budget.steps;
        let memory = Memory { order, marks, text, inner };
        let mut outcome = schema::validate(&self.schema, doc, steps, memory, Some(&mut collect));
        if outcome == Outcome::TooComplex {
            // The first fault alone may be within the budget.
            let memory = Memory { order, marks, text, inner };
            outcome = schema::validate(&self.schema, doc, steps, memory, None);
        }
        match outcome {
            Outcome::Valid => Ok(()),
            Outcome::TooComplex => Err(Invalid { reason: Reason::TooComplex, report }),
            Outcome::Invalid => {
                let (memory, refused) = (Memory { order, marks, text, inner }, Refused::None);
                let schema = &self.schema;
                Reporter { report, doc, schema, cuts, refused, memory, branch, steps }.tell(faults);
                Err(Invalid { reason: Reason::ValidationFailed, report })
            }
        }
    }
}

impl ValidatorBuilder {
    /// Sets the documents that the schema may refer to.
    #[must_use]
    pub fn documents(mut self, documents: Documents) -> Self {
        self.documents = documents;
        self
    }

    /// Makes `format` an assertion instead of an annotation.
    #[must_use]
    pub const fn assert_formats(mut self, assert: bool) -> Self {
        self.options.assert_format = assert;
        self
    }

    /// Makes `contentEncoding` (base64) and `contentMediaType` (application/json) assertions instead of
    /// annotations.
    #[must_use]
    pub const fn assert_contents(mut self, assert: bool) -> Self {
        self.options.assert_content = assert;
        self
    }

    /// Sets the bounds on the work for one document; those for outputs count.
    #[must_use]
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Compiles `schema`.
    ///
    /// # Errors
    /// When it cannot be honoured.
    pub fn build(self, schema: &[u8]) -> Result<Validator, CompileError> {
        let mut steps = MAX_COMPILE_STEPS;
        let (schema, warnings) =
            schema::compile(schema, self.options, &self.documents, &mut steps)?;
        Ok(Validator { schema, warnings, budget: self.budget })
    }
}

impl<'s> Invalid<'s> {
    /// Why: `malformed_arguments` when it is no JSON, `validation_failed`, or `too_complex`.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The violations, in document order.
    pub fn violations(&self) -> impl Iterator<Item = Violation<'s>> {
        self.report.violations()
    }
}
