//! Schema document in, flat tables out.
//!
//! A work list instead of recursion: each subschema is compiled once, when something first refers to
//! it, so that recursive schemas are ordinary and depth costs no stack. Bounds: [`super::MAX_SCHEMA_BYTES`],
//! [`super::MAX_SCHEMA_DEPTH`], and the steps that the caller gives: a second or two in all for
//! [`super::MAX_COMPILE_STEPS`].

mod keywords;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::choices::Choices;
use super::dialect::{Dialect, Version};
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
    ArrayRules, CompileError, Dependent, LogicRules, MAX_SUBSCHEMAS, Member, NONE, NumberRules,
    ObjectRules, Schema, Span, StringRules, Sub, Types, locate,
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

    fn push_list(&mut self, items: &[u32]) -> Span {
        append(&mut self.tables.lists, items)
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
