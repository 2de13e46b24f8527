//! Which keywords a schema knows: its version of JSON Schema and its vocabularies.
//!
//! `$schema` names a dialect. Three are known by their URI; any other must be a registered document, and
//! its `$vocabulary` says which keywords count (JSON Schema core, section 8.1.2).

use alloc::format;
use alloc::string::String;

use super::documents::Documents;
use crate::json::{Kind, Str, Value};
use crate::near;

/// A version of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Draft7,
    Draft2019,
    Draft2020,
}

/// A set of vocabularies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vocabularies(u8);

impl Vocabularies {
    const CORE: Self = Self(1);
    const APPLICATOR: Self = Self(2);
    const UNEVALUATED: Self = Self(4);
    const VALIDATION: Self = Self(8);
    const FORMAT: Self = Self(16);
    const FORMAT_ASSERTION: Self = Self(32);
    const OTHER: Self = Self(64);
    /// All that the published dialects have; they do not assert formats.
    const USUAL: Self = Self(1 | 2 | 4 | 8 | 16 | 64);

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The vocabulary that `uri` names, in a meta-schema that does (or does not) require it.
    fn named(uri: &str, required: bool) -> Option<Self> {
        let (version, name) =
            uri.strip_prefix("https://json-schema.org/draft/")?.split_once("/vocab/")?;
        Some(match (version, name) {
            (_, "core") => Self::CORE,
            ("2019-09", "applicator") => Self::APPLICATOR.and(Self::UNEVALUATED),
            (_, "applicator") => Self::APPLICATOR,
            ("2020-12", "unevaluated") => Self::UNEVALUATED,
            (_, "validation") => Self::VALIDATION,
            ("2019-09", "format") if required => Self::FORMAT.and(Self::FORMAT_ASSERTION),
            ("2019-09", "format") | ("2020-12", "format-annotation") => Self::FORMAT,
            ("2020-12", "format-assertion") => Self::FORMAT.and(Self::FORMAT_ASSERTION),
            (_, "meta-data" | "content") => Self::OTHER,
            _ => return None,
        })
    }
}

/// A version and the vocabularies that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) version: Version,
    vocabularies: Vocabularies,
}

/// What stands under a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// No schema.
    Nothing,
    Schema,
    /// A list of schemas.
    List,
    /// An object whose members are schemas.
    Map,
    /// A schema or a list of them.
    Either,
    /// An object whose members are schemas or lists of names.
    Dependencies,
}

/// Most meta-schemas that are each written in the dialect of the next.
const MAX_CHAIN: u32 = 8;

impl Dialect {
    pub(super) const DEFAULT: Self = Self::usual(Version::Draft2020);

    const fn usual(version: Version) -> Self {
        Self { version, vocabularies: Vocabularies::USUAL }
    }

    /// The dialect that `$schema` names, or why it cannot be used.
    pub(super) fn named(uri: &str, documents: &Documents) -> Result<Self, String> {
        Self::find(uri, documents, MAX_CHAIN)
    }

    fn find(uri: &str, documents: &Documents, chain: u32) -> Result<Self, String> {
        let uri = uri.trim_end_matches('#');
        match uri.split_once("://").map_or(uri, |(_, rest)| rest) {
            "json-schema.org/draft/2020-12/schema" => return Ok(Self::usual(Version::Draft2020)),
            "json-schema.org/draft/2019-09/schema" => return Ok(Self::usual(Version::Draft2019)),
            "json-schema.org/draft-07/schema" => return Ok(Self::usual(Version::Draft7)),
            _ => {}
        }
        let left = chain.checked_sub(1).ok_or("its meta-schema is described by too many others")?;
        let meta = documents.parse(uri).ok_or(
            "this dialect is not supported; use JSON Schema 2020-12 or draft-07, or register its \
             meta-schema",
        )?;
        let meta = meta.document().root();
        let base = match text(meta.get("$schema")) {
            Some(above) => Self::find(&above, documents, left)?,
            None => Self::DEFAULT,
        };
        let Some(listed) = meta.get("$vocabulary").filter(|_| base.version > Version::Draft7)
        else {
            return Ok(base);
        };
        let mut vocabularies = Vocabularies::CORE;
        for (name, required) in listed.members() {
            let name: String = name.chars().collect();
            let required = required.kind() != Kind::False;
            match Vocabularies::named(&name, required) {
                Some(known) => vocabularies = vocabularies.and(known),
                None if required => {
                    return Err(format!("its meta-schema requires the unknown vocabulary {name}"));
                }
                None => {}
            }
        }
        Ok(Self { version: base.version, vocabularies })
    }

    /// Whether formats are assertions by the dialect itself.
    pub(super) const fn asserts_format(self) -> bool {
        self.vocabularies.meets(Vocabularies::FORMAT_ASSERTION)
    }

    /// What stands under `keyword`; none when it is no keyword of this dialect.
    pub(super) fn holds(self, keyword: &str) -> Option<Holds> {
        use Version::{Draft7, Draft2019, Draft2020};
        let (vocabulary, since, holds) = match keyword {
            "$id" | "$schema" | "$ref" | "$comment" => (Vocabularies::CORE, Draft7, Holds::Nothing),
            "$anchor" | "$vocabulary" => (Vocabularies::CORE, Draft2019, Holds::Nothing),
            "$dynamicRef" | "$dynamicAnchor" => (Vocabularies::CORE, Draft2020, Holds::Nothing),
            "$recursiveRef" | "$recursiveAnchor" if self.version != Draft7 => {
                (Vocabularies::CORE, Draft2019, Holds::Nothing)
            }
            "$defs" => (Vocabularies::CORE, Draft2019, Holds::Map),
            // Later versions still describe it.
            "definitions" => (Vocabularies::CORE, Draft7, Holds::Map),

            "properties" | "patternProperties" => (Vocabularies::APPLICATOR, Draft7, Holds::Map),
            "dependentSchemas" => (Vocabularies::APPLICATOR, Draft2019, Holds::Map),
            // A leftover that many schemas still carry: honouring it checks more.
            "dependencies" => (Vocabularies::APPLICATOR, Draft7, Holds::Dependencies),
            "additionalProperties"
            | "propertyNames"
            | "contains"
            | "not"
            | "if"
            | "then"
            | "else" => (Vocabularies::APPLICATOR, Draft7, Holds::Schema),
            "allOf" | "anyOf" | "oneOf" => (Vocabularies::APPLICATOR, Draft7, Holds::List),
            "items" if self.version == Draft2020 => {
                (Vocabularies::APPLICATOR, Draft2020, Holds::Schema)
            }
            "items" => (Vocabularies::APPLICATOR, Draft7, Holds::Either),
            "additionalItems" if self.version != Draft2020 => {
                (Vocabularies::APPLICATOR, Draft7, Holds::Schema)
            }
            "prefixItems" => (Vocabularies::APPLICATOR, Draft2020, Holds::List),
            "unevaluatedItems" | "unevaluatedProperties" => {
                (Vocabularies::UNEVALUATED, Draft2019, Holds::Schema)
            }

            "type" | "enum" | "const" | "multipleOf" | "maximum" | "exclusiveMaximum"
            | "minimum" | "exclusiveMinimum" | "maxLength" | "minLength" | "pattern"
            | "maxItems" | "minItems" | "uniqueItems" | "maxProperties" | "minProperties"
            | "required" => (Vocabularies::VALIDATION, Draft7, Holds::Nothing),
            "maxContains" | "minContains" | "dependentRequired" => {
                (Vocabularies::VALIDATION, Draft2019, Holds::Nothing)
            }
            "format" => (Vocabularies::FORMAT, Draft7, Holds::Nothing),

            "title" | "description" | "default" | "readOnly" | "writeOnly" | "examples"
            | "contentEncoding" | "contentMediaType" => {
                (Vocabularies::OTHER, Draft7, Holds::Nothing)
            }
            "deprecated" => (Vocabularies::OTHER, Draft2019, Holds::Nothing),
            "contentSchema" => (Vocabularies::OTHER, Draft2019, Holds::Schema),
            _ => return None,
        };
        (self.version >= since && self.vocabularies.meets(vocabulary)).then_some(holds)
    }

    /// The checking keyword of this dialect that `unknown` is probably meant to be.
    pub(super) fn nearest(self, unknown: &str) -> Option<&'static str> {
        let mut known = ASSERTIONS.into_iter().filter(|name| self.holds(name).is_some());
        let at = near::nearest(unknown.into(), known.clone().map(Str::from))?;
        known.nth(at)
    }
}

/// Keywords that check something.
const ASSERTIONS: [&str; 36] = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "items",
    "prefixItems",
    "unevaluatedItems",
    "contains",
    "minContains",
    "maxContains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

/// A text of a schema, escapes undone; none when it is no string.
pub(super) fn text(value: Option<Value<'_>>) -> Option<String> {
    Some(value?.as_str()?.chars().collect())
}
