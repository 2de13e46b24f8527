//! What has a name in the documents of a schema: resources and anchors.
//!
//! A schema document can hold several *resources*, schemas with a URI of their own (`$id`). One walk over
//! the schemas of a document notes them, their anchors, and every reference, for
//! [`link`](super::reference::link) to resolve. Worst case: every node once; it takes steps.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::dialect::{Dialect, Holds, Version, text};
use super::documents::Documents;
use super::reference::{Reference, ReferenceKind, Target};
use super::{CompileError, NONE, uri};
use crate::json::{self, Document, Kind, Str, Value};

/// What is known of the documents of one schema.
#[derive(Debug, Default)]
pub(super) struct Resources {
    /// Where each document begins in the tape: its first node and its URI.
    pub(super) documents: Vec<(u32, String)>,
    pub(super) all: Vec<Resource>,
    pub(super) by_uri: HashMap<String, Named>,
    /// By resource and id of the name.
    pub(super) anchors: HashMap<(u32, u32), Anchor>,
    /// The names of anchors, as ids.
    pub(super) names: HashMap<String, u32>,
    /// For each node, as far as any is known, the resource of the schema that it is.
    pub(super) owners: Vec<u32>,
    /// What each reference means, by the node of its text.
    pub(super) targets: HashMap<u32, Result<Target, String>>,
    pub(super) pending: Vec<Reference>,
    /// Steps left.
    pub(super) steps: u32,
}

/// A schema with a URI of its own.
#[derive(Debug)]
pub(super) struct Resource {
    uri: String,
    pub(super) root: u32,
    dialect: Dialect,
    /// Why its `$schema` cannot be used, and the node that says so.
    problem: Option<(u32, String)>,
    /// Its dynamic anchors: id of the name, and node.
    dynamic: Vec<(u32, u32)>,
}

/// What a name stands for: of two things with one name, neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    One(u32),
    Several,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    pub(super) node: Named,
    pub(super) dynamic: bool,
}

/// The name under which `$recursiveAnchor` is kept; no anchor can have it.
pub(super) const RECURSIVE: &str = "";

impl Resources {
    /// The URIs of all schemas in `doc`, which is registered under `uri`.
    pub(super) fn ids(doc: Document<'_>, uri: &str, documents: &Documents) -> Vec<String> {
        let mut resources = Self { steps: u32::MAX, ..Self::default() };
        // With all steps there are it cannot fail; if it did, the document would have one URI less.
        let _ = resources.document(doc, 0, uri, Dialect::DEFAULT, documents);
        resources.by_uri.into_keys().collect()
    }

    /// Takes in the document whose root is at node `first`.
    pub(super) fn document(
        &mut self,
        doc: Document<'_>,
        first: u32,
        base: &str,
        dialect: Dialect,
        documents: &Documents,
    ) -> Result<(), CompileError> {
        self.documents.push((first, base.to_string()));
        let root = doc.at(first);
        self.pay(root, (doc.len() - first) as usize)?;
        let resource = self.resource(root, base.to_string(), dialect, documents);
        // Most schemas name nothing and refer to nothing.
        let mut keys = (first..doc.len()).filter(|&node| doc.node(node).kind() == Kind::Key);
        let is_plain = |key: Str<'_>| {
            !key.is_escaped() && (!key.raw().starts_with(b"$") || key.raw() == b"$schema")
        };
        if first == 0 && base.is_empty() && keys.all(|node| is_plain(doc.text(node))) {
            return Ok(());
        }
        self.walk(doc, first, resource, documents)
    }

    /// A new resource at `root`, which inherits `dialect` unless it says otherwise.
    fn resource(
        &mut self,
        root: Value<'_>,
        uri: String,
        dialect: Dialect,
        documents: &Documents,
    ) -> u32 {
        let said = root.get("$schema");
        let named = text(said).map(|uri| Dialect::named(&uri, documents));
        let (dialect, problem) = match (said, named) {
            (Some(_), Some(Ok(dialect))) => (dialect, None),
            (Some(at), Some(Err(message))) => (dialect, Some((at.index(), message))),
            (Some(at), None) => (dialect, Some((at.index(), "a URI must stand here".into()))),
            (None, _) => (dialect, None),
        };
        let index = self.all.len() as u32;
        self.name(uri.clone(), index);
        self.all.push(Resource { uri, root: root.index(), dialect, problem, dynamic: Vec::new() });
        index
    }

    /// Of two documents that say they have one URI the first counts, which is closer to the schema.
    fn name(&mut self, uri: String, resource: u32) {
        let document = self.documents.last().map_or(0, |&(first, _)| first);
        let is_here = |other: u32| self.all.get(other as usize).is_some_and(|r| r.root >= document);
        self.by_uri
            .entry(uri)
            .and_modify(|named| {
                if let Named::One(other) = *named
                    && other != resource
                    && is_here(other)
                {
                    *named = Named::Several;
                }
            })
            .or_insert(Named::One(resource));
    }

    /// Notes everything in the schema at `node` and the schemas below it.
    pub(super) fn walk(
        &mut self,
        doc: Document<'_>,
        node: u32,
        resource: u32,
        documents: &Documents,
    ) -> Result<(), CompileError> {
        if self.owners.len() < doc.len() as usize {
            self.owners.resize(doc.len() as usize, NONE);
        }
        let mut todo = Vec::from([(node, resource)]);
        while let Some((node, outer)) = todo.pop() {
            if self.owner(node).is_some() {
                continue;
            }
            let schema = doc.at(node);
            let mut resource = outer;
            // Beside a `$ref` draft-07 ignores every other keyword, but what generators put into
            // `definitions` there is meant to be found.
            let lone =
                self.dialect(outer).version == Version::Draft7 && schema.get("$ref").is_some();
            if !lone && let Some(id) = text(schema.get("$id")) {
                resource = self.identify(schema, &id, outer, documents)?;
            }
            if let Some(owner) = self.owners.get_mut(node as usize) {
                *owner = resource;
            }
            let dialect = self.dialect(resource);
            for (key, value) in schema.members() {
                let undone: String;
                let key = match key.as_plain() {
                    Some(plain) => plain,
                    None => {
                        undone = key.chars().collect();
                        &undone
                    }
                };
                if lone && !matches!(key, "$ref" | "definitions") {
                    continue;
                }
                let Some(holds) = dialect.holds(key) else { continue };
                match holds {
                    Holds::Nothing => self.note(key, value, schema, resource),
                    Holds::Schema => todo.push((value.index(), resource)),
                    Holds::List => {
                        todo.extend(value.elements().map(|schema| (schema.index(), resource)));
                    }
                    Holds::Map | Holds::Dependencies => {
                        let schemas = value.members().map(|(_, schema)| schema);
                        let schemas = schemas.filter(|schema| schema.kind() != Kind::Array);
                        todo.extend(schemas.map(|schema| (schema.index(), resource)));
                    }
                    Holds::Either if value.kind() == Kind::Array => {
                        todo.extend(value.elements().map(|schema| (schema.index(), resource)));
                    }
                    Holds::Either => todo.push((value.index(), resource)),
                }
            }
        }
        Ok(())
    }

    /// The resource that a schema with this `$id` is, or belongs to.
    fn identify(
        &mut self,
        schema: Value<'_>,
        id: &str,
        outer: u32,
        documents: &Documents,
    ) -> Result<u32, CompileError> {
        let (location, fragment) = id.split_once('#').unwrap_or((id, ""));
        self.pay(schema, id.len() / 8)?;
        let is_root = self.all.get(outer as usize).is_some_and(|r| r.root == schema.index());
        let mut resource = outer;
        if !location.is_empty() {
            let uri = self.absolute(schema, outer, location)?;
            if is_root {
                // A document is known by where it was found and by what it calls itself.
                self.name(uri.clone(), outer);
                if let Some(resource) = self.all.get_mut(outer as usize) {
                    resource.uri = uri;
                }
            } else {
                resource = self.resource(schema, uri, self.dialect(outer), documents);
            }
        }
        if !fragment.is_empty() {
            if self.dialect(resource).version > Version::Draft7 {
                let id = schema.get("$id").unwrap_or(schema);
                return Err(self.error(id, "an $id has no fragment; use $anchor"));
            }
            self.anchor(resource, fragment.to_string(), schema.index(), false);
        }
        Ok(resource)
    }

    /// Takes note of a keyword that names something or refers to something.
    fn note(&mut self, key: &str, value: Value<'_>, schema: Value<'_>, resource: u32) {
        let kind = match key {
            "$ref" => ReferenceKind::Static,
            "$dynamicRef" => ReferenceKind::Dynamic,
            "$recursiveRef" if self.dialect(resource).version == Version::Draft2019 => {
                ReferenceKind::Recursive
            }
            "$anchor" | "$dynamicAnchor" => {
                if let Some(name) = text(Some(value)) {
                    self.anchor(resource, name, schema.index(), key == "$dynamicAnchor");
                }
                return;
            }
            "$recursiveAnchor" if value.as_bool() == Some(true) => {
                self.anchor(resource, RECURSIVE.to_string(), schema.index(), true);
                return;
            }
            _ => return,
        };
        self.pending.push(Reference { node: value.index(), resource, kind });
    }

    fn anchor(&mut self, resource: u32, name: String, node: u32, dynamic: bool) {
        let next = self.names.len() as u32;
        let name = *self.names.entry(name).or_insert(next);
        if dynamic && let Some(resource) = self.all.get_mut(resource as usize) {
            resource.dynamic.push((name, node));
        }
        self.anchors
            .entry((resource, name))
            .and_modify(|anchor| {
                if anchor.node != Named::One(node) {
                    anchor.node = Named::Several;
                }
                anchor.dynamic |= dynamic;
            })
            .or_insert(Anchor { node: Named::One(node), dynamic });
    }

    /// `reference` as it reads in `resource`.
    pub(super) fn absolute(
        &mut self,
        place: Value<'_>,
        resource: u32,
        reference: &str,
    ) -> Result<String, CompileError> {
        let base = self.all.get(resource as usize).map_or(0, |resource| resource.uri.len());
        // The texts are copied, and may be most of the schema each.
        self.pay(place, (base + reference.len()) / 2)?;
        let base = self.all.get(resource as usize).map_or("", |resource| &resource.uri);
        Ok(uri::resolve(base, reference))
    }

    /// What the reference whose text is at `node` means, or why it means nothing.
    pub(super) fn target(&self, node: u32) -> Option<&Result<Target, String>> {
        self.targets.get(&node)
    }

    /// The resource of the schema at `node`; none when no schema was found there.
    pub(super) fn owner(&self, node: u32) -> Option<u32> {
        self.owners.get(node as usize).copied().filter(|&owner| owner != NONE)
    }

    /// Whether the schema at `node` is a resource.
    pub(super) fn is_root(&self, node: u32) -> bool {
        let resource = self.owner(node).and_then(|owner| self.all.get(owner as usize));
        resource.is_some_and(|resource| resource.root == node)
    }

    pub(super) fn dialect(&self, resource: u32) -> Dialect {
        self.all.get(resource as usize).map_or(Dialect::DEFAULT, |resource| resource.dialect)
    }

    /// Why the dialect of `resource` cannot be used, and the node that names it.
    pub(super) fn problem(&self, resource: u32) -> Option<(u32, &str)> {
        let (node, message) = self.all.get(resource as usize)?.problem.as_ref()?;
        Some((*node, message))
    }

    /// The dynamic anchors of `resource`: id of the name, and node.
    pub(super) fn dynamic_anchors(&self, resource: u32) -> &[(u32, u32)] {
        self.all.get(resource as usize).map_or(&[], |resource| &resource.dynamic)
    }

    /// Whether what some reference means depends on how it was reached.
    pub(super) fn is_dynamic(&self) -> bool {
        let mut targets = self.targets.values();
        targets.any(|target| target.as_ref().is_ok_and(|target| target.dynamic.is_some()))
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

    pub(super) fn error(&self, place: Value<'_>, message: &str) -> CompileError {
        CompileError { path: self.path(place), message: message.to_string() }
    }

    /// Where `place` is: a pointer, in another document than the schema's own after its URI.
    pub(super) fn path(&self, place: Value<'_>) -> String {
        let first = self.documents.partition_point(|&(first, _)| first <= place.index());
        let document = first.checked_sub(1).and_then(|at| self.documents.get(at));
        let (root, uri) = document.map_or((0, ""), |(root, uri)| (*root, uri.as_str()));
        let mut path = String::new();
        if root > 0 {
            path.push_str(uri);
            path.push('#');
        }
        // Writing to a string cannot fail.
        let _ = json::write_pointer_below(place.document(), root, place.index(), &mut path);
        path
    }
}
