//! Dynamic scope, resolved while a schema is compiled.
//!
//! What a `$dynamicRef` means depends on the resources that a check came through: the outermost one with
//! the anchor decides (JSON Schema core, section 8.2.3.2). All that matters of the way is which anchor
//! each name stands for, its *scope*: entering a resource adds the names that are new and changes none.
//! So a subschema is compiled once for each scope that it is reached in, and a check knows no scopes.
//!
//! Worst case: names and resources make exponentially many scopes; each subschema takes steps in each
//! scope, and [`super::MAX_SUBSCHEMAS`] bounds them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::resource::Resources;

/// The scope in the root resource, and everywhere in a schema without dynamic references.
pub(super) const STATIC: u32 = 0;

/// Every scope that was met.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    /// What each name stands for: ids and nodes, sorted.
    all: Vec<Box<[(u32, u32)]>>,
    known: HashMap<Box<[(u32, u32)]>, u32>,
    /// The scope that entering a resource leads to, by scope and resource.
    entered: HashMap<(u32, u32), u32>,
}

impl Scopes {
    /// The scope in `resource`, reached from `scope`, and how many names had to be looked at.
    pub(super) fn enter(&mut self, scope: u32, resource: u32, of: &Resources) -> (u32, usize) {
        if let Some(&inside) = self.entered.get(&(scope, resource)) {
            return (inside, 0);
        }
        let mut bound = self.all.get(scope as usize).map_or_else(Vec::new, |bound| bound.to_vec());
        for &(name, node) in of.dynamic_anchors(resource) {
            if self.find(scope, name).is_none() {
                bound.push((name, node));
            }
        }
        let price = 1 + bound.len() + of.dynamic_anchors(resource).len();
        bound.sort_unstable();
        bound.dedup_by_key(|&mut (name, _)| name);
        let next = self.all.len() as u32;
        let inside = *self.known.entry(bound.into()).or_insert_with_key(|bound| {
            self.all.push(bound.clone());
            next
        });
        self.entered.insert((scope, resource), inside);
        (inside, price)
    }

    /// The node that `name` stands for in `scope`.
    pub(super) fn find(&self, scope: u32, name: u32) -> Option<u32> {
        let bound = self.all.get(scope as usize)?;
        let at = bound.binary_search_by_key(&name, |&(name, _)| name).ok()?;
        bound.get(at).map(|&(_, node)| node)
    }
}
