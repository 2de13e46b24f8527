//! Cuts ghosts out of a parsed document.
//!
//! One walk over the objects and arrays whose location can close; a ghost is flagged in the tape, so
//! that validation does not see it, and its byte range is recorded, so that the cleaned document is the
//! input without the ranges. Recursion is bounded by the depth of the document.

use super::{FREE, Location, Schema, find_named};
use crate::buf::{Buf, Full};
use crate::json::{CUT, Kind, Node, Str};

/// A ghost and the bytes to leave out for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cut {
    /// Node of its name.
    pub(crate) key: u32,
    /// Node of the object that holds it.
    pub(crate) object: u32,
    /// Where that object stands.
    pub(crate) location: u32,
    /// The bytes to leave out, one comma included where needed.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The declared name that was probably meant, once the report has looked for it.
    pub(crate) meant: Option<u32>,
}

/// Flags every ghost of the document in `nodes` and appends it to `cuts`, in document order. The
/// document must be parsed with the names of `schema`.
///
/// # Errors
/// When `cuts` is full.
pub(crate) fn cut(
    schema: &Schema,
    bytes: &[u8],
    nodes: &mut [Node],
    cuts: &mut Buf<'_, Cut>,
) -> Result<(), Full> {
    if schema.root == FREE {
        return Ok(());
    }
    let root = nodes.first().copied().unwrap_or_default();
    Cutter { schema, bytes, nodes, cuts }.value(0, root, schema.root)
}

struct Cutter<'a, 'm> {
    schema: &'a Schema,
    bytes: &'a [u8],
    nodes: &'a mut [Node],
    cuts: &'a mut Buf<'m, Cut>,
}

impl Cutter<'_, '_> {
    /// The value at `index`, whose node is `node`.
    #[inline(always)]
    fn value(&mut self, index: u32, node: Node, location: u32) -> Result<(), Full> {
        if location == FREE || !node.is_container() {
            return Ok(());
        }
        self.container(index, node, location)
    }

    #[inline(never)]
    fn container(&mut self, index: u32, node: Node, location: u32) -> Result<(), Full> {
        let schema = self.schema;
        let Some(place) = schema.locations.get(location as usize) else { return Ok(()) };
        if node.is(Kind::Object) {
            self.object(index, node, location, place)
        } else {
            self.array(index, node, place)
        }
    }

    fn object(
        &mut self,
        index: u32,
        object: Node,
        location: u32,
        place: &Location,
    ) -> Result<(), Full> {
        let declared = place.names.of(&self.schema.declared);
        let mut ghosts = 0;
        let mut last_kept = None;
        let mut key = index + 1;
        while key < object.link {
            let [name, value] = self.pair(key);
            let after = value.after(key + 1);
            let below = match find_named(declared, name.number(), |declared| declared.name) {
                Some(declared) => Some(declared.location),
                None => self.undeclared(name, place),
            };
            if let Some(location) = below {
                self.value(key + 1, value, location)?;
                last_kept = Some(value.end);
            } else {
                ghosts += 1;
                let (start, end) = match last_kept {
                    // With the comma before it, up to the end of the value.
                    Some(end) => (end, value.end),
                    // With the comma after it, up to the next member.
                    None if after < object.link => (name.start, self.node(after).start),
                    None => (name.start, value.end),
                };
                self.cuts.push(Cut { key, object: index, location, start, end, meant: None })?;
                if let Some(node) = self.nodes.get_mut(key as usize) {
                    node.meta |= CUT;
                }
            }
            key = after;
        }
        if ghosts > 0
            && let Some(node) = self.nodes.get_mut(index as usize)
        {
            node.set_number(object.number() - ghosts);
        }
        Ok(())
    }

    /// Where the value of a member stands whose name is not declared; none when it is a ghost.
    #[inline(never)]
    fn undeclared(&self, node: Node, place: &Location) -> Option<u32> {
        let name = self.bytes.get(node.start as usize + 1..node.end as usize - 1).unwrap_or(&[]);
        let name = Str::new(name, node.has(crate::json::ESCAPED));
        let mut set = 0;
        for (bit, &pattern) in place.patterns.of(&self.schema.places).iter().enumerate() {
            let pattern = self.schema.patterns.get(pattern as usize)?;
            set |= u32::from(pattern.is_match_str(name)) << bit;
        }
        if place.closed && set == 0 {
            return None;
        }
        self.schema.places.get((place.others + set) as usize).copied()
    }

    fn array(&mut self, index: u32, array: Node, place: &Location) -> Result<(), Full> {
        let prefix = place.prefix.of(&self.schema.places);
        let mut element = index + 1;
        let mut nth = 0;
        while element < array.link {
            let location = prefix.get(nth).copied().unwrap_or(place.rest);
            let node = self.node(element);
            self.value(element, node, location)?;
            element = node.after(element);
            nth += 1;
        }
        Ok(())
    }

    /// The key at `index` and its value.
    fn pair(&self, index: u32) -> [Node; 2] {
        let rest = self.nodes.get(index as usize..).unwrap_or(&[]);
        rest.first_chunk().copied().unwrap_or_default()
    }

    fn node(&self, index: u32) -> Node {
        self.nodes.get(index as usize).copied().unwrap_or_default()
    }
}
