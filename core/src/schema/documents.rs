//! Schema documents that references may name.
//!
//! A reference to another document is looked up here and nowhere else: there is no network. The
//! meta-schemas of 2020-12 and draft-07 are always here, without their titles, comments and defaults.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::resource::Resources;
use super::{CompileError, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH};
use crate::json::{self, Document, Limits, Tape};

/// Schema documents by their URIs. Compiling copies what a schema refers to, so that they may be dropped
/// afterwards.
///
/// ```
/// use airlock_core::{Documents, Validator};
///
/// let mut documents = Documents::new();
/// documents.add("https://example.org/port", br#"{"type": "integer", "maximum": 65535}"#)?;
/// let schema = br#"{"properties": {"from": {"$ref": "https://example.org/port"}}}"#;
/// let validator = Validator::builder().documents(documents).build(schema)?;
/// # Ok::<(), airlock_core::CompileError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Documents {
    texts: Vec<(String, Box<[u8]>)>,
    /// Which text has a URI: where it was registered, or an `$id` in it.
    by_uri: HashMap<String, usize>,
}

/// Built-in documents by their URIs.
const META_SCHEMAS: [(&str, &str); 10] = [
    ("http://json-schema.org/draft-07/schema", include_str!("meta/draft-07.json")),
    ("https://json-schema.org/draft/2020-12/schema", include_str!("meta/2020-12-schema.json")),
    ("https://json-schema.org/draft/2020-12/meta/core", include_str!("meta/2020-12-core.json")),
    (
        "https://json-schema.org/draft/2020-12/meta/applicator",
        include_str!("meta/2020-12-applicator.json"),
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/unevaluated",
        include_str!("meta/2020-12-unevaluated.json"),
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/validation",
        include_str!("meta/2020-12-validation.json"),
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/meta-data",
        include_str!("meta/2020-12-meta-data.json"),
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/format-annotation",
        include_str!("meta/2020-12-format-annotation.json"),
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/format-assertion",
        include_str!("meta/2020-12-format-assertion.json"),
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/content",
        include_str!("meta/2020-12-content.json"),
    ),
];

impl Documents {
    /// The meta-schemas alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers `text` under `uri`, its own `$id` and those of the schemas inside it. A fragment of
    /// `uri` is ignored; of two documents with one URI the later counts.
    ///
    /// # Errors
    /// When `text` is no JSON, or is larger or deeper than a schema may be. What it says is looked at
    /// when a schema refers to it.
    pub fn add(&mut self, uri: &str, text: &[u8]) -> Result<(), CompileError> {
        let uri = uri.split('#').next().unwrap_or("").to_string();
        let parsed = Parsed::of(&uri, text)?;
        let ids = Resources::ids(parsed.document(), &uri, self);
        let index = self.texts.len();
        self.texts.push((uri, text.into()));
        for id in ids {
            self.by_uri.insert(id, index);
        }
        Ok(())
    }

    /// The document that `uri` names or that holds what it names, and where it was registered.
    pub(super) fn find(&self, uri: &str) -> Option<(&str, &[u8])> {
        if let Some((uri, text)) = self.by_uri.get(uri).and_then(|&at| self.texts.get(at)) {
            return Some((uri, text));
        }
        let (uri, text) = META_SCHEMAS.iter().find(|(known, _)| *known == uri)?;
        Some((uri, text.as_bytes()))
    }

    /// The document at `uri`, read.
    pub(super) fn parse(&self, uri: &str) -> Option<Parsed<'_>> {
        let (uri, text) = self.find(uri)?;
        Parsed::of(uri, text).ok()
    }
}

/// A document and its nodes.
pub(super) struct Parsed<'d> {
    pub(super) text: &'d [u8],
    pub(super) tape: Tape<'static>,
}

impl<'d> Parsed<'d> {
    /// Reads the schema document `text`, which is known as `uri`.
    pub(super) fn of(uri: &str, text: &'d [u8]) -> Result<Self, CompileError> {
        let mut tape = Tape::growable();
        let limits = Limits { bytes: MAX_SCHEMA_BYTES, depth: MAX_SCHEMA_DEPTH };
        match json::parse(text, limits, &mut tape) {
            Ok(_) => Ok(Self { text, tape }),
            Err(error) => Err(CompileError {
                path: uri.to_string(),
                message: format!("the schema is not readable: {error}"),
            }),
        }
    }

    pub(super) fn document(&self) -> Document<'_> {
        Document::new(self.text, &self.tape.nodes)
    }
}
