//! Schema document in, flat tables out.
//!
//! A work list instead of recursion: each subschema is compiled once, when something first refers to
//! it, so that recursive schemas are ordinary and depth costs no stack. Bounds: [`super::MAX_SCHEMA_BYTES`],
//! [`super::MAX_SCHEMA_DEPTH`], and the steps that the caller gives: about a second in all for
//! [`super::MAX_COMPILE_STEPS`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::draft::Draft;
use super::names::Interner;
use super::pattern::Pattern;
use super::{
    ArrayRules, CompileError, Dependent, Format, LogicRules, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH,
    Member, NONE, NumberRules, ObjectRules, Schema, Span, StringRules, Sub, Types, locate,
};
use crate::json::{self, Divisor, Document, Kind, Limits, Node, Str, Tape, Value};
use crate::near;

/// How a schema is compiled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// `format` is an assertion, not an annotation.
    pub(crate) assert_format: bool,
    /// A root with `properties: {}` and no `additionalProperties` is open: some SDKs list unions so.
    pub(crate) empty_is_open: bool,
}

/// Most warnings about one schema.
const MAX_WARNINGS: usize = 64;
/// Steps that a pattern takes whatever becomes of it, and more for every few bytes of its automaton: a
/// step is about a quarter of a microsecond.
const PATTERN_STEPS: usize = 256;
const BYTES_A_STEP: usize = 8;
/// Steps that a pattern beyond the bounds takes until that is known.
const BAD_PATTERN_STEPS: usize = 1 << 17;

/// Compiles `text`, which takes some of `steps`, fewer than are left or it fails. The strings are
/// warnings: unknown keywords and what they may have meant.
pub(crate) fn compile(
    text: &[u8],
    options: Options,
    steps: &mut u32,
) -> Result<(Schema, Vec<String>), CompileError> {
    let text: Box<[u8]> = text.into();
    let mut tape = Tape::growable();
    let limits = Limits { bytes: MAX_SCHEMA_BYTES, depth: MAX_SCHEMA_DEPTH };
    json::parse(&text, limits, &mut tape).map_err(|error| CompileError {
        path: String::new(),
        message: format!("the schema is not readable: {error}"),
    })?;
    let mut nodes: Box<[Node]> = (*tape.nodes).into();
    json::print_strings(&text, &mut nodes);
    let doc = Document::new(&text, &nodes);

    let mut compiler = Compiler::new(doc, options, *steps)?;
    let located = compiler.run().and_then(|()| locate::locate(&mut compiler));
    *steps = compiler.steps;
    let located = located?;
    let warnings = core::mem::take(&mut compiler.warnings);
    let Compiler { tables, names, .. } = compiler;
    let schema = Schema {
        names: names.finish(),
        subs: tables.subs.into(),
        objects: tables.objects.into(),
        arrays: tables.arrays.into(),
        strings: tables.strings.into(),
        numbers: tables.numbers.into(),
        logics: tables.logics.into(),
        members: tables.members.into(),
        dependents: tables.dependents.into(),
        keyed: tables.keyed.into(),
        lists: tables.lists.into(),
        patterns: tables.patterns.into(),
        divisors: tables.divisors.into(),
        locations: located.locations.into(),
        declared: located.declared.into(),
        places: located.places.into(),
        root: located.root,
        text,
        nodes,
    };
    Ok((schema, warnings))
}

/// The tables of a [`Schema`] while they grow.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) subs: Vec<Sub>,
    pub(super) objects: Vec<ObjectRules>,
    pub(super) arrays: Vec<ArrayRules>,
    strings: Vec<StringRules>,
    numbers: Vec<NumberRules>,
    pub(super) logics: Vec<LogicRules>,
    pub(super) members: Vec<Member>,
    pub(super) dependents: Vec<Dependent>,
    pub(super) keyed: Vec<(u32, u32)>,
    pub(super) lists: Vec<u32>,
    pub(super) patterns: Vec<Pattern>,
    divisors: Vec<Divisor>,
    /// Beside each subschema: what the ghost rule needs to know of it.
    pub(super) shapes: Vec<Shape>,
}

/// What a subschema's own keywords say to the ghost rule.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// It declares names or refuses others.
    pub(super) closes: bool,
    /// It welcomes undeclared names.
    pub(super) opens: bool,
    /// Whether its `type`, `enum` and `const` leave room for an object, and for an array.
    pub(super) object: bool,
    pub(super) array: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Draft7,
    Draft2020,
}

pub(super) struct Compiler<'a> {
    pub(super) doc: Document<'a>,
    options: Options,
    dialect: Dialect,
    /// `$id` of the root.
    pub(super) id: Option<String>,
    pub(super) tables: Tables,
    pub(super) names: Interner,
    /// For each node of the document the subschema that it is.
    by_node: Vec<u32>,
    /// Subschemas that are not compiled yet, and their nodes.
    todo: Vec<(u32, u32)>,
    /// Patterns by their text.
    seen: HashMap<String, u32>,
    /// Nodes of the subschemas that have an `$anchor`, once one is referred to.
    pub(super) anchors: Option<HashMap<String, u32>>,
    warnings: Vec<String>,
    /// Steps left.
    steps: u32,
}

impl<'a> Compiler<'a> {
    fn new(doc: Document<'a>, options: Options, steps: u32) -> Result<Self, CompileError> {
        let mut compiler = Self {
            doc,
            options,
            dialect: Dialect::Draft2020,
            id: None,
            tables: Tables::default(),
            names: Interner::default(),
            by_node: vec![NONE; doc.len() as usize],
            todo: Vec::new(),
            seen: HashMap::new(),
            anchors: None,
            warnings: Vec::new(),
            steps,
        };
        let root = doc.root();
        if let Some(value) = root.get("$schema") {
            let uri = compiler.string(value)?;
            compiler.dialect = match uri.trim_end_matches('#') {
                "https://json-schema.org/draft/2020-12/schema" => Dialect::Draft2020,
                "http://json-schema.org/draft-07/schema"
                | "https://json-schema.org/draft-07/schema" => Dialect::Draft7,
                _ => {
                    return Err(compiler.error(
                        value,
                        "this dialect is not supported; use JSON Schema 2020-12 or draft-07",
                    ));
                }
            };
        }
        if let Some(value) = root.get("$id") {
            let id = compiler.string(value)?;
            compiler.id = Some(id.trim_end_matches('#').to_string());
        }
        Ok(compiler)
    }

    fn run(&mut self) -> Result<(), CompileError> {
        self.pay(self.doc.root(), self.doc.len() as usize)?;
        self.sub(self.doc.root())?;
        while let Some((sub, node)) = self.todo.pop() {
            self.compile_sub(sub, self.doc.at(node))?;
        }
        let Tables { members, subs, .. } = &mut self.tables;
        for member in members {
            member.at_once = subs.get(member.sub as usize).map_or(Types::EMPTY, Sub::at_once);
        }
        Ok(())
    }

    /// The subschema that `value` is; it is put on the work list when it is new.
    fn sub(&mut self, value: Value<'a>) -> Result<u32, CompileError> {
        let never = match value.kind() {
            Kind::True | Kind::Object => false,
            Kind::False => true,
            _ => return Err(self.error(value, "a schema must be an object or a boolean")),
        };
        let node = value.index();
        let known = self.by_node.get(node as usize).copied().unwrap_or(NONE);
        if known != NONE {
            return Ok(known);
        }
        let sub = self.tables.subs.len() as u32;
        let any = Sub::any(node);
        let types = if never { Types::EMPTY } else { any.types };
        self.tables.subs.push(Sub { types, never, simple: !never, ..any });
        self.tables.shapes.push(Shape { object: !never, array: !never, ..Shape::default() });
        if let Some(slot) = self.by_node.get_mut(node as usize) {
            *slot = sub;
        }
        if value.kind() == Kind::Object {
            self.todo.push((sub, node));
        }
        Ok(sub)
    }

    fn compile_sub(&mut self, index: u32, value: Value<'a>) -> Result<(), CompileError> {
        let mut draft = Draft::default();
        let lone_reference = self.dialect == Dialect::Draft7 && value.get("$ref").is_some();
        for (key, member) in value.members() {
            let key = decoded(key);
            // Beside a `$ref` draft-07 ignores every other keyword (draft-07 core, section 8.3).
            if !lone_reference || key == "$ref" {
                self.keyword(&key, member, value, &mut draft)?;
            }
        }
        self.store(index, draft);
        Ok(())
    }

    fn keyword(
        &mut self,
        key: &str,
        value: Value<'a>,
        schema: Value<'a>,
        draft: &mut Draft,
    ) -> Result<(), CompileError> {
        let draft7 = self.dialect == Dialect::Draft7;
        let root = schema.index() == 0;
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
                if root && self.options.empty_is_open && value.is_empty() && unlisted {
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
            "unevaluatedProperties" if !draft7 => {
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
            "dependentRequired" if !draft7 => {
                for (name, names) in self.object(value)? {
                    self.depend_on_names(name, names, draft)?;
                }
            }
            "dependentSchemas" if !draft7 => {
                for (name, schema) in self.object(value)? {
                    self.depend_on_schema(name, schema, draft)?;
                }
            }
            // In 2020-12 a leftover that many schemas still carry: honouring it checks more.
            "dependencies" => {
                for (name, dependency) in self.object(value)? {
                    if dependency.kind() == Kind::Array {
                        self.depend_on_names(name, dependency, draft)?;
                    } else {
                        self.depend_on_schema(name, dependency, draft)?;
                    }
                }
            }

            "items" if draft7 && value.kind() == Kind::Array => {
                draft.array_mut().prefix = self.list(value)?;
            }
            "items" if value.kind() == Kind::Array => {
                return Err(self.error(
                    value,
                    "a list of schemas is called prefixItems in JSON Schema 2020-12",
                ));
            }
            "items" => draft.array_mut().items = self.sub(value)?,
            "prefixItems" if !draft7 => draft.array_mut().prefix = self.list(value)?,
            "additionalItems" if draft7 => {
                if schema.get("items").is_some_and(|items| items.kind() == Kind::Array) {
                    draft.array_mut().items = self.sub(value)?;
                }
            }
            "unevaluatedItems" if !draft7 => {
                draft.unevaluated = true;
                draft.array_mut().unevaluated = self.sub(value)?;
            }
            "contains" => draft.array_mut().contains = self.sub(value)?,
            "minContains" if !draft7 => draft.array_mut().min_contains = self.count(value)?,
            "maxContains" if !draft7 => draft.array_mut().max_contains = self.count(value)?,
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
                if self.options.assert_format && Format::is_defined(&name) {
                    let format = Format::parse(&name).ok_or_else(|| {
                        self.error(value, "this format cannot be asserted by this version")
                    })?;
                    draft.string_mut().format = Some(format);
                }
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
                let target = self.resolve(value)?;
                draft.logic_mut().reference = self.sub(target)?;
            }
            "allOf" => draft.logic_mut().all = self.list(value)?,
            "anyOf" => draft.logic_mut().any = self.list(value)?,
            "oneOf" => draft.logic_mut().one = self.list(value)?,
            "not" => draft.logic_mut().not = self.sub(value)?,
            "if" => draft.logic_mut().condition = self.sub(value)?,
            "then" => draft.logic_mut().then = self.sub(value)?,
            "else" => draft.logic_mut().otherwise = self.sub(value)?,

            "$id" if root => {}
            "$id" | "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef" | "$recursiveAnchor"
            | "$vocabulary"
                if key == "$id" || !draft7 =>
            {
                return Err(self.error(
                    value,
                    &format!("{key} is known but not supported here by this version"),
                ));
            }
            "$schema" if !root => {
                return Err(self.error(value, "$schema is supported only at the root"));
            }
            _ => self.annotation(key, value),
        }
        Ok(())
    }

    /// Keywords that assert nothing. An unknown one is a warning: it may be misspelt.
    fn annotation(&mut self, key: &str, value: Value<'_>) {
        const ANNOTATIONS: [&str; 21] = [
            "$schema",
            "$id",
            "$anchor",
            "$comment",
            "$defs",
            "definitions",
            "title",
            "description",
            "default",
            "examples",
            "deprecated",
            "readOnly",
            "writeOnly",
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
            "additionalItems",
            "minContains",
            "maxContains",
            "example",
            "nullable",
        ];
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
        // Extensions in the style of OpenAPI are meant for someone else.
        if ANNOTATIONS.contains(&key)
            || key.starts_with("x-")
            || self.warnings.len() == MAX_WARNINGS
        {
            return;
        }
        let mut warning = format!("{}: unknown keyword", self.path(value));
        let nearest = near::nearest(key.into(), ASSERTIONS.map(Str::from));
        if let Some(meant) = nearest.and_then(|at| ASSERTIONS.get(at)) {
            warning.push_str(&format!("; did you mean {meant}?"));
        }
        self.warnings.push(warning);
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

    /// Moves a finished draft into the tables.
    fn store(&mut self, index: u32, mut draft: Draft) {
        let tables = &mut self.tables;
        let object = draft.object.take().map_or(NONE, |mut object| {
            object.members.sort_unstable_by_key(|member| member.name);
            let required = object.members.iter().filter(|member| member.required).count() as u32;
            push(
                &mut tables.objects,
                ObjectRules {
                    members: append(&mut tables.members, &object.members),
                    required,
                    patterns: append(&mut tables.keyed, &object.keyed),
                    additional: object.additional,
                    unevaluated: object.unevaluated,
                    names: object.names,
                    min: object.min,
                    max: object.max,
                    dependents: append(&mut tables.dependents, &object.dependents),
                },
            )
        });
        let array = draft.array.take().map_or(NONE, |rules| push(&mut tables.arrays, rules));
        let string = draft.string.take().map_or(NONE, |rules| push(&mut tables.strings, rules));
        let number = draft.number.take().map_or(NONE, |rules| push(&mut tables.numbers, rules));
        let logic = draft.logic.take().map_or(NONE, |rules| push(&mut tables.logics, rules));
        if let Some(sub) = tables.subs.get_mut(index as usize) {
            let rules = [draft.choices, draft.constant, object, array, string, number, logic];
            *sub = Sub {
                types: draft.types,
                simple: rules.into_iter().all(|rule| rule == NONE),
                unevaluated: draft.unevaluated,
                choices: draft.choices,
                constant: draft.constant,
                object,
                array,
                string,
                number,
                logic,
                ..*sub
            };
        }
        if let Some(shape) = tables.shapes.get_mut(index as usize) {
            *shape = Shape {
                closes: draft.closes,
                opens: draft.opens,
                object: draft.types.meets(Types::OBJECT) && draft.admitted.meets(Types::OBJECT),
                array: draft.types.meets(Types::ARRAY) && draft.admitted.meets(Types::ARRAY),
            };
        }
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

    /// Takes `count` steps for what stands at `place`.
    pub(super) fn pay(&mut self, place: Value<'_>, count: usize) -> Result<(), CompileError> {
        let left = u32::try_from(count).ok().and_then(|count| self.steps.checked_sub(count));
        self.steps = left.unwrap_or(0);
        match left {
            Some(_) => Ok(()),
            None => Err(self.error(place, "the schema is too complex to compile; simplify it")),
        }
    }

    fn pattern(&mut self, text: &str, place: Value<'_>) -> Result<u32, CompileError> {
        if let Some(&index) = self.seen.get(text) {
            return Ok(index);
        }
        self.pay(place, PATTERN_STEPS)?;
        let pattern = match Pattern::compile(text) {
            Ok(pattern) => pattern,
            Err(error) => {
                self.pay(place, BAD_PATTERN_STEPS)?;
                return Err(self.error(place, &format!("this pattern cannot be used: {error}")));
            }
        };
        self.pay(place, pattern.memory_usage() / BYTES_A_STEP)?;
        let index = push(&mut self.tables.patterns, pattern);
        self.seen.insert(text.to_string(), index);
        Ok(index)
    }

    fn list(&mut self, value: Value<'a>) -> Result<Span, CompileError> {
        if value.kind() != Kind::Array || value.is_empty() {
            return Err(self.error(value, "a list of at least one schema must stand here"));
        }
        let subs =
            value.elements().map(|element| self.sub(element)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.push_list(&subs))
    }

    fn push_list(&mut self, items: &[u32]) -> Span {
        append(&mut self.tables.lists, items)
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

    pub(super) fn string(&self, value: Value<'_>) -> Result<String, CompileError> {
        let text = value.as_str().ok_or_else(|| self.error(value, "a string must stand here"))?;
        Ok(decoded(text))
    }

    pub(super) fn error(&self, place: Value<'_>, message: &str) -> CompileError {
        CompileError { path: self.path(place), message: message.to_string() }
    }

    fn path(&self, place: Value<'_>) -> String {
        let mut path = String::new();
        // Writing to a string cannot fail.
        let _ = json::write_pointer(self.doc, place.index(), &mut path);
        path
    }
}

fn push<T>(table: &mut Vec<T>, item: T) -> u32 {
    table.push(item);
    table.len() as u32 - 1
}

pub(super) fn append<T: Copy>(table: &mut Vec<T>, items: &[T]) -> Span {
    let start = table.len() as u32;
    table.extend_from_slice(items);
    Span { start, len: items.len() as u32 }
}

/// A text of the schema, escapes undone.
pub(super) fn decoded(text: Str<'_>) -> String {
    text.chars().collect()
}
