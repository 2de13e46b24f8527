//! Schema document in, flat tables out.
//!
//! A work list instead of recursion: each subschema is compiled once, when something first refers to
//! it, so that recursive schemas are ordinary and depth costs no stack. Bounds: [`super::MAX_SCHEMA_BYTES`],
//! [`super::MAX_SCHEMA_DEPTH`], and the steps that the caller gives: about a second in all for
//! [`super::MAX_COMPILE_STEPS`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::choices::Choices;
use super::content::{Encoding, is_json};
use super::dialect::{Dialect, Holds, Version};
use super::documents::Documents;
use super::draft::Draft;
use super::dynamic::{STATIC, Scopes};
use super::meant::Meant;
use super::names::Interner;
use super::pattern::Pattern;
use super::reference::{Linked, Target, link};
use super::resource::Resources;
use super::tags::Tags;
use super::{
    ArrayRules, CompileError, Dependent, Format, LogicRules, MAX_SUBSCHEMAS, Member, NONE,
    NumberRules, ObjectRules, Schema, Span, StringRules, Sub, Types, locate,
};
use crate::json::{self, Divisor, Document, Kind, Str, Value};

/// How a schema is compiled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// `format` is an assertion, not an annotation.
    pub(crate) assert_format: bool,
    /// `contentEncoding` and `contentMediaType` are assertions, not annotations.
    pub(crate) assert_content: bool,
    /// A root with `properties: {}` and no `additionalProperties` is open: some SDKs list unions so.
    pub(crate) empty_is_open: bool,
}

/// Most warnings about one schema.
const MAX_WARNINGS: usize = 64;
/// Steps that a pattern takes whatever becomes of it, beside those for its automata: a step is about a
/// quarter of a microsecond.
const PATTERN_STEPS: usize = 256;
/// Steps that a pattern beyond the bounds takes until that is known.
const BAD_PATTERN_STEPS: usize = 1 << 17;

/// Compiles `text`, which takes some of `steps`, fewer than are left or it fails. The strings are
/// warnings: unknown keywords and what they may have meant.
pub(crate) fn compile(
    text: &[u8],
    options: Options,
    documents: &Documents,
    steps: &mut u32,
) -> Result<(Schema, Vec<String>), CompileError> {
    let Linked { text, mut nodes, resources } = link(text, documents, steps)?;
    json::print_strings(&text, &mut nodes);
    let doc = Document::new(&text, &nodes);

    let mut compiler = Compiler::new(doc, resources, documents, options);
    let located = compiler.run().and_then(|()| locate::locate(&mut compiler));
    *steps = compiler.resources.steps;
    let located = located?;
    let warnings = core::mem::take(&mut compiler.warnings);
    let Compiler { tables, names, .. } = compiler;
    let meant = Meant::new(Document::new(&text, &nodes), &tables.subs, names.iter());
    let mut schema = Schema {
        meant,
        names: names.finish(),
        choices: Choices::new(doc, &tables.subs),
        tags: Tags::default(),
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
        one_pass: false,
        text,
        nodes,
    };
    schema.find_one_pass();
    schema.find_tags();
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

/// The resource that the root of the schema is.
const ROOT_RESOURCE: u32 = 0;

pub(super) struct Compiler<'a> {
    pub(super) doc: Document<'a>,
    options: Options,
    documents: &'a Documents,
    /// What references mean, and the steps that are left.
    resources: Resources,
    scopes: Scopes,
    /// Whether scopes matter.
    is_dynamic: bool,
    /// Where the subschema stands that is being compiled.
    scope: u32,
    resource: u32,
    dialect: Dialect,
    pub(super) tables: Tables,
    pub(super) names: Interner,
    /// For each node the subschema that it is in the scope of the root.
    by_node: Vec<u32>,
    /// The subschemas of other scopes, by scope and node.
    scoped: HashMap<(u32, u32), u32>,
    /// Subschemas that are not compiled yet.
    todo: Vec<Todo>,
    /// Patterns by their text.
    seen: HashMap<String, u32>,
    warnings: Vec<String>,
}

/// A subschema that is not compiled yet, and where it stands.
struct Todo {
    sub: u32,
    node: u32,
    scope: u32,
    resource: u32,
}

impl<'a> Compiler<'a> {
    fn new(
        doc: Document<'a>,
        resources: Resources,
        documents: &'a Documents,
        options: Options,
    ) -> Self {
        Self {
            doc,
            options,
            documents,
            is_dynamic: resources.is_dynamic(),
            resources,
            scopes: Scopes::default(),
            scope: STATIC,
            resource: ROOT_RESOURCE,
            dialect: Dialect::DEFAULT,
            tables: Tables::default(),
            names: Interner::default(),
            by_node: vec![NONE; doc.len() as usize],
            scoped: HashMap::new(),
            todo: Vec::new(),
            seen: HashMap::new(),
            warnings: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<(), CompileError> {
        self.sub(self.doc.root())?;
        while let Some(Todo { sub, node, scope, resource }) = self.todo.pop() {
            self.scope = scope;
            self.resource = resource;
            self.dialect = self.resources.dialect(resource);
            if let Some((place, message)) = self.resources.problem(resource) {
                return Err(self.error(self.doc.at(place), message));
            }
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
        let resource = self.resources.owner(node).unwrap_or(self.resource);
        let scope = if self.is_dynamic {
            let (scope, price) = self.scopes.enter(self.scope, resource, &self.resources);
            self.pay(value, price)?;
            scope
        } else {
            STATIC
        };
        let known = match scope {
            STATIC => self.by_node.get(node as usize).copied().filter(|&sub| sub != NONE),
            _ => self.scoped.get(&(scope, node)).copied(),
        };
        if let Some(known) = known {
            return Ok(known);
        }
        if self.tables.subs.len() >= MAX_SUBSCHEMAS {
            return Err(self.error(value, "the schema has too many subschemas; simplify it"));
        }
        let sub = self.tables.subs.len() as u32;
        let any = Sub::any(node);
        let types = if never { Types::EMPTY } else { any.types };
        self.tables.subs.push(Sub { types, never, simple: !never, ..any });
        self.tables.shapes.push(Shape { object: !never, array: !never, ..Shape::default() });
        if scope != STATIC {
            // What the first scope pays for once, every other pays for again.
            self.pay(value, 8 + value.len())?;
            self.scoped.insert((scope, node), sub);
        } else if let Some(slot) = self.by_node.get_mut(node as usize) {
            *slot = sub;
        }
        if value.kind() == Kind::Object {
            self.todo.push(Todo { sub, node, scope, resource });
        }
        Ok(sub)
    }

    fn compile_sub(&mut self, index: u32, value: Value<'a>) -> Result<(), CompileError> {
        let mut draft = Draft::default();
        let lone_reference = self.dialect.version == Version::Draft7 && value.get("$ref").is_some();
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

    /// The subschema that the reference `value` means.
    fn referred(&mut self, value: Value<'a>) -> Result<u32, CompileError> {
        let target = match self.resources.target(value.index()) {
            Some(Ok(target)) => target.clone(),
            Some(Err(message)) => return Err(self.error(value, message)),
            None => return Err(self.error(value, "this reference cannot be resolved here")),
        };
        let Target { node, dynamic } = target;
        let bound = dynamic.and_then(|name| self.scopes.find(self.scope, name));
        self.sub(self.doc.at(bound.unwrap_or(node)))
    }

    fn keyword(
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
                    closed: false,
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
        self.resources.pay(place, count)
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
        self.pay(place, pattern.steps())?;
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
        self.resources.error(place, message)
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
