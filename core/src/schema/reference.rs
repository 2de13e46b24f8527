//! What each reference of a schema means.
//!
//! References lead into the schema itself and into registered documents, which are laid behind it in one
//! tape, so that a node of any of them is one number. Each reference is resolved once, and may bring the
//! next document (JSON Schema core, section 8.2.3). Nothing is ever fetched.
//!
//! Worst case: every node once, and for each reference its URI and the members that its pointer passes;
//! all of it takes steps, and [`MAX_LINKED_BYTES`] bounds what is brought.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::dialect::{Dialect, text};
use super::documents::{Documents, Parsed};
use super::resource::{Anchor, Named, RECURSIVE, Resources};
use super::{CompileError, MAX_LINKED_BYTES, uri};
use crate::json::{Document, Kind, Node, Value};

/// A schema document and all that it refers to, as one tape.
pub(super) struct Linked {
    pub(super) text: Box<[u8]>,
    pub(super) nodes: Box<[Node]>,
    pub(super) resources: Resources,
}

/// Reads `text` and brings every registered document that its references lead to.
pub(super) fn link(
    text: &[u8],
    documents: &Documents,
    steps: &mut u32,
) -> Result<Linked, CompileError> {
    let parsed = Parsed::of("", text)?;
    let mut resources = Resources { steps: *steps, ..Resources::default() };
    let linked = bring(text, parsed, documents, &mut resources);
    *steps = resources.steps;
    let (text, nodes) = linked?;
    Ok(Linked { text: text.into(), nodes: nodes.into(), resources })
}

/// The tape of `text` and of everything that it refers to.
fn bring(
    text: &[u8],
    parsed: Parsed<'_>,
    documents: &Documents,
    resources: &mut Resources,
) -> Result<(Vec<u8>, Vec<Node>), CompileError> {
    resources.document(parsed.document(), 0, "", Dialect::DEFAULT, documents)?;
    let mut text: Vec<u8> = text.into();
    let mut nodes: Vec<Node> = (*parsed.tape.nodes).into();
    while let Some(reference) = resources.pending.pop() {
        let doc = Document::new(&text, &nodes);
        match resources.resolve(doc, &reference, documents)? {
            Resolved::Target(target) => {
                resources.targets.insert(reference.node, target);
            }
            Resolved::Elsewhere(uri) => {
                let Some(found) = documents.parse(&uri) else { continue };
                if text.len() + found.text.len() > MAX_LINKED_BYTES {
                    let place = doc.at(reference.node);
                    return Err(resources.error(
                        place,
                        "the documents that are referred to are too large together",
                    ));
                }
                let dialect = resources.dialect(reference.resource);
                let (first, offset) = (nodes.len() as u32, text.len() as u32);
                text.extend_from_slice(found.text);
                nodes.extend(found.tape.nodes.iter().map(|node| node.moved(first, offset)));
                let base = documents.find(&uri).map_or("", |(base, _)| base);
                resources.document(
                    Document::new(&text, &nodes),
                    first,
                    base,
                    dialect,
                    documents,
                )?;
                resources.pending.push(reference);
            }
        }
    }
    Ok((text, nodes))
}

/// A reference that is not resolved yet.
#[derive(Debug)]
pub(super) struct Reference {
    /// The node of its text.
    pub(super) node: u32,
    /// Where it stands.
    pub(super) resource: u32,
    pub(super) kind: ReferenceKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReferenceKind {
    Static,
    Dynamic,
    Recursive,
}

/// What a reference means.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) node: u32,
    /// The name of the dynamic anchor that may stand for something else elsewhere.
    pub(super) dynamic: Option<u32>,
}

enum Resolved {
    Target(Result<Target, String>),
    /// It is in the registered document that has this URI.
    Elsewhere(String),
}

impl Resources {
    fn resolve(
        &mut self,
        doc: Document<'_>,
        reference: &Reference,
        documents: &Documents,
    ) -> Result<Resolved, CompileError> {
        let failed = |message: &str| Ok(Resolved::Target(Err(message.to_string())));
        let value = doc.at(reference.node);
        let Some(text) = text(Some(value)) else { return failed("a string must stand here") };
        let (location, fragment) = text.split_once('#').unwrap_or((&text, ""));
        let uri = self.absolute(value, reference.resource, location)?;
        let resource = match self.by_uri.get(&uri) {
            Some(&Named::One(resource)) => resource,
            Some(Named::Several) => return failed("two schemas have this $id"),
            None if self.can_bring(&uri, documents) => return Ok(Resolved::Elsewhere(uri)),
            None => {
                return failed(&format!(
                    "no document is registered as {uri}, and nothing is ever fetched; register it, \
                     or put the definition under $defs"
                ));
            }
        };
        let Some(fragment) = uri::percent_decoded(fragment) else {
            return failed("this reference points to nothing");
        };
        let (node, dynamic) = if fragment.is_empty() || fragment.starts_with('/') {
            let Some(node) = self.follow(doc, value, resource, &fragment, documents)? else {
                return failed("this reference points to nothing");
            };
            let recursive = self.names.get(RECURSIVE).copied().filter(|&name| {
                reference.kind == ReferenceKind::Recursive
                    && self.anchors.contains_key(&(resource, name))
            });
            (node, recursive)
        } else {
            let name = self.names.get(&fragment).copied();
            match name.and_then(|name| self.anchors.get(&(resource, name))) {
                Some(Anchor { node: Named::Several, .. }) => {
                    return failed("two schemas have this anchor");
                }
                Some(&Anchor { node: Named::One(node), dynamic }) => {
                    let dynamic = dynamic && reference.kind == ReferenceKind::Dynamic;
                    (node, name.filter(|_| dynamic))
                }
                None => return failed("this reference points to nothing"),
            }
        };
        Ok(Resolved::Target(Ok(Target { node, dynamic })))
    }

    /// The node that a JSON pointer leads to. What stands there becomes a schema, if it was none.
    fn follow(
        &mut self,
        doc: Document<'_>,
        place: Value<'_>,
        resource: u32,
        pointer: &str,
        documents: &Documents,
    ) -> Result<Option<u32>, CompileError> {
        let Some(root) = self.all.get(resource as usize).map(|r| r.root) else { return Ok(None) };
        let (mut at, mut resource) = (doc.at(root), resource);
        for token in pointer.split('/').skip(1) {
            self.pay(place, 1 + at.len() / 8)?;
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match at.kind() {
                Kind::Object => at.get(&token),
                Kind::Array => token.parse().ok().and_then(|nth| at.elements().nth(nth)),
                _ => None,
            };
            let Some(next) = next else { return Ok(None) };
            at = next;
            resource = self.owner(at.index()).unwrap_or(resource);
        }
        self.walk(doc, at.index(), resource, documents)?;
        Ok(Some(at.index()))
    }

    /// Whether the document of `uri` is registered and not here yet.
    fn can_bring(&self, uri: &str, documents: &Documents) -> bool {
        let is_here = |base| self.documents.iter().any(|(_, known)| known == base);
        documents.find(uri).is_some_and(|(base, _)| !is_here(base))
    }
}
