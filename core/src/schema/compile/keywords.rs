//! The keywords of a subschema, read into its draft.
//!
//! One arm for each keyword that the dialect holds. A value that the specification does not allow is an
//! error with its place; so is what cannot be honoured. Worst case: linear in the subschema.

use alloc::format;
use alloc::vec::Vec;

use super::super::content::{Encoding, is_json};
use super::super::dialect::{Dialect, Holds, Version};
use super::super::draft::Draft;
use super::super::{CompileError, Dependent, Format, NONE, Span, Types};
use super::{Compiler, MAX_WARNINGS, decoded};
use crate::json::{self, Divisor, Kind, Str, Value};

impl<'a> Compiler<'a> {
    pub(super) fn keyword(
        &mut self,
        key: &str,
        value: Value<'a>,
        schema: Value<'a>,
        draft: &mut Draft,
    ) -> Result<(), CompileError> {
        let Some(holds) = self.dialect.holds(key) else {
            return self.unknown(key, value);
        };
        match key {
            "type" => draft.types = self.types(value)?,
            "enum" => {
                if value.kind() != Kind::Array {
                    return Err(self.error(value, "enum must be an array"));
                }
                draft.choices = value.index();
                draft.admit(value.elements());
            }
            "const" => {
                draft.constant = value.index();
                draft.admit(core::iter::once(value));
            }

            "properties" => {
                draft.closes = true;
                let unlisted = schema.get("additionalProperties").is_none();
                if schema.index() == 0 && self.options.empty_is_open && value.is_empty() && unlisted
                {
                    draft.opens = true;
                }
                for (name, schema) in self.object(value)? {
                    let (name, sub) = (self.names.id(name), self.sub(schema)?);
                    draft.object_mut().member(name).sub = sub;
                }
            }
            "required" => {
                for name in self.names_in(value)? {
                    draft.object_mut().member(name).required = true;
                }
            }
            "additionalProperties" => {
                draft.open_or_close(value);
                draft.object_mut().additional = self.sub(value)?;
            }
            "unevaluatedProperties" => {
                draft.open_or_close(value);
                draft.unevaluated = true;
                draft.object_mut().unevaluated = self.sub(value)?;
            }
            "patternProperties" => {
                draft.closes = true;
                for (pattern, schema) in self.object(value)? {
                    let pattern = self.pattern(&decoded(pattern), value)?;
                    let sub = self.sub(schema)?;
                    draft.object_mut().keyed.push((pattern, sub));
                }
            }
            "propertyNames" => draft.object_mut().names = self.sub(value)?,
            "minProperties" => draft.object_mut().min = self.count(value)?,
            "maxProperties" => draft.object_mut().max = self.count(value)?,
            "dependentRequired" => {
                for (name, names) in self.object(value)? {
                    self.depend_on_names(name, names, draft)?;
                }
            }
            "dependentSchemas" => {
                for (name, schema) in self.object(value)? {
                    self.depend_on_schema(name, schema, draft)?;
                }
            }
            "dependencies" => {
                for (name, dependency) in self.object(value)? {
                    if dependency.kind() == Kind::Array {
                        self.depend_on_names(name, dependency, draft)?;
                    } else {
                        self.depend_on_schema(name, dependency, draft)?;
                    }
                }
            }

            "items" if holds == Holds::Either && value.kind() == Kind::Array => {
                draft.array_mut().prefix = self.list(value)?;
            }
            "items" if value.kind() == Kind::Array => {
                return Err(self.error(
                    value,
                    "a list of schemas is called prefixItems in JSON Schema 2020-12",
                ));
            }
            "items" => draft.array_mut().items = self.sub(value)?,
            "prefixItems" => draft.array_mut().prefix = self.list(value)?,
            "additionalItems"
                if schema.get("items").is_some_and(|items| items.kind() == Kind::Array) =>
            {
                draft.array_mut().items = self.sub(value)?;
            }
            "unevaluatedItems" => {
                draft.unevaluated = true;
                draft.array_mut().unevaluated = self.sub(value)?;
            }
            "contains" => {
                let contains = self.sub(value)?;
                let rules = draft.array_mut();
                rules.contains = contains;
                rules.contains_evaluates = self.dialect.version == Version::Draft2020;
            }
            "minContains" => draft.array_mut().min_contains = self.count(value)?,
            "maxContains" => draft.array_mut().max_contains = self.count(value)?,
            "minItems" => draft.array_mut().min = self.count(value)?,
            "maxItems" => draft.array_mut().max = self.count(value)?,
            "uniqueItems" => {
                draft.array_mut().unique = value
                    .as_bool()
                    .ok_or_else(|| self.error(value, "uniqueItems must be a boolean"))?;
            }

            "minLength" => draft.string_mut().min = self.count(value)?,
            "maxLength" => draft.string_mut().max = self.count(value)?,
            "pattern" => {
                let text = self.string(value)?;
                draft.string_mut().pattern = self.pattern(&text, value)?;
            }
            "format" => {
                let name = self.string(value)?;
                let asserted = self.options.assert_format || self.dialect.asserts_format();
                if let Some(format) = Format::parse(&name).filter(|_| asserted) {
                    draft.string_mut().format = Some(format);
                }
            }

            "contentEncoding" if self.options.assert_content => {
                let name = self.string(value)?;
                draft.string_mut().content.encoding = Encoding::named(&name);
            }
            "contentMediaType" if self.options.assert_content => {
                let name = self.string(value)?;
                draft.string_mut().content.json = is_json(&name);
            }

            "minimum" => draft.number_mut().min = self.number(value)?,
            "maximum" => draft.number_mut().max = self.number(value)?,
            "exclusiveMinimum" => draft.number_mut().above = self.number(value)?,
            "exclusiveMaximum" => draft.number_mut().below = self.number(value)?,
            "multipleOf" => {
                let divisor = value.as_number().and_then(Divisor::new).ok_or_else(|| {
                    self.error(
                        value,
                        "multipleOf must be a number above 0 with at most 18 significant digits",
                    )
                })?;
                draft.number_mut().multiple_of = self.tables.divisors.len() as u32;
                self.tables.divisors.push(divisor);
            }

            "$ref" => {
                let target = self.referred(value)?;
                draft.logic_mut().reference = target;
            }
            "$recursiveRef" | "$recursiveAnchor" if self.dialect.version == Version::Draft2020 => {
                return Err(self.error(
                    value,
                    &format!(
                        "{key} is called {} in JSON Schema 2020-12",
                        key.replace("recursive", "dynamic")
                    ),
                ));
            }
            "$recursiveRef" if value.as_str().is_none_or(|text| !text.is(b"#")) => {
                return Err(self.error(value, "$recursiveRef must be \"#\""));
            }
            // What it means depends on the way here, so that the place is open to any name.
            "$dynamicRef" | "$recursiveRef" => {
                draft.opens = true;
                let target = self.referred(value)?;
                draft.logic_mut().dynamic = target;
            }
            "allOf" => draft.logic_mut().all = self.list(value)?,
            "anyOf" => draft.logic_mut().any = self.list(value)?,
            "oneOf" => draft.logic_mut().one = self.list(value)?,
            "not" => draft.logic_mut().not = self.sub(value)?,
            "if" => draft.logic_mut().condition = self.sub(value)?,
            "then" => draft.logic_mut().then = self.sub(value)?,
            "else" => draft.logic_mut().otherwise = self.sub(value)?,

            "$id" | "$anchor" | "$dynamicAnchor" => {
                self.string(value)?;
            }
            "$schema" if !self.resources.is_root(schema.index()) => {
                let uri = self.string(value)?;
                if Dialect::named(&uri, self.documents) != Ok(self.dialect) {
                    return Err(self.error(value, "a dialect can only change beside an $id"));
                }
            }
            // The rest says nothing about a document.
            _ => {}
        }
        Ok(())
    }

    /// An unknown keyword is an annotation (JSON Schema core, section 4.3.1), and a warning: it may be
    /// misspelt.
    fn unknown(&mut self, key: &str, value: Value<'_>) -> Result<(), CompileError> {
        /// Annotations of others that nobody means to be checked, and what later versions dropped.
        const ANNOTATIONS: [&str; 3] = ["additionalItems", "example", "nullable"];
        // Extensions in the style of OpenAPI are meant for someone else.
        if ANNOTATIONS.contains(&key)
            || key.starts_with("x-")
            || self.warnings.len() == MAX_WARNINGS
        {
            return Ok(());
        }
        let mut warning = format!("{}: unknown keyword", self.resources.path(value));
        if let Some(meant) = self.dialect.nearest(key) {
            warning.push_str(&format!("; did you mean {meant}?"));
        }
        self.warnings.push(warning);
        Ok(())
    }

    fn depend_on_names(
        &mut self,
        name: Str<'a>,
        names: Value<'a>,
        draft: &mut Draft,
    ) -> Result<(), CompileError> {
        let name = self.names.id(name);
        let names = self.names_in(names)?;
        let names = self.push_list(&names);
        draft.object_mut().dependents.push(Dependent { name, names, sub: NONE });
        Ok(())
    }

    fn depend_on_schema(
        &mut self,
        name: Str<'a>,
        schema: Value<'a>,
        draft: &mut Draft,
    ) -> Result<(), CompileError> {
        let name = self.names.id(name);
        let sub = self.sub(schema)?;
        draft.object_mut().dependents.push(Dependent { name, names: Span::default(), sub });
        Ok(())
    }

    fn types(&self, value: Value<'_>) -> Result<Types, CompileError> {
        let one = |value: Value<'_>| {
            value.as_str().and_then(Types::parse).ok_or_else(|| {
                self.error(
                    value,
                    "a type is one of null, boolean, integer, number, string, array, object",
                )
            })
        };
        if value.kind() != Kind::Array {
            return one(value);
        }
        value.elements().try_fold(Types::EMPTY, |types, value| Ok(types.and(one(value)?)))
    }

    fn list(&mut self, value: Value<'a>) -> Result<Span, CompileError> {
        if value.kind() != Kind::Array || value.is_empty() {
            return Err(self.error(value, "a list of at least one schema must stand here"));
        }
        let subs =
            value.elements().map(|element| self.sub(element)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.push_list(&subs))
    }

    fn names_in(&mut self, value: Value<'a>) -> Result<Vec<u32>, CompileError> {
        if value.kind() != Kind::Array {
            return Err(self.error(value, "a list of names must stand here"));
        }
        value
            .elements()
            .map(|element| match element.as_str() {
                Some(name) => Ok(self.names.id(name)),
                None => Err(self.error(element, "a name must be a string")),
            })
            .collect()
    }

    fn object(&self, value: Value<'a>) -> Result<json::Members<'a>, CompileError> {
        if value.kind() == Kind::Object {
            Ok(value.members())
        } else {
            Err(self.error(value, "an object must stand here"))
        }
    }

    fn count(&self, value: Value<'_>) -> Result<u64, CompileError> {
        value
            .as_number()
            .and_then(json::Number::as_u64)
            .ok_or_else(|| self.error(value, "a whole number of at least 0 must stand here"))
    }

    fn number(&self, value: Value<'_>) -> Result<u32, CompileError> {
        match value.kind() {
            Kind::Number => Ok(value.index()),
            _ => Err(self.error(value, "a number must stand here")),
        }
    }
}
