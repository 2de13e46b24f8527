//! What reports look for in a schema, worked out once: names and members of enums folded for near misses,
//! and enums in words.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use super::{NONE, Schema, Sub};
use crate::json::{Document, Str};
use crate::near::Folds;
use crate::report::Phrase;

/// Folded texts and phrases of one schema.
#[derive(Debug, Default)]
pub(super) struct Meant {
    /// Names, by their ids.
    names: Folds,
    /// Members of enums.
    members: Folds,
    /// Sorted by node.
    enums: Box<[Enum]>,
}

/// One `enum`.
#[derive(Debug)]
struct Enum {
    /// Node of the array in the schema document.
    node: u32,
    /// Its members among the folded ones.
    start: u32,
    end: u32,
    phrase: Phrase,
}

impl Meant {
    pub(super) fn new<'n>(
        doc: Document<'_>,
        subs: &[Sub],
        names: impl Iterator<Item = &'n str>,
    ) -> Self {
        let mut meant = Self::default();
        names.for_each(|name| meant.names.push_name(name));
        let mut nodes: Vec<u32> =
            subs.iter().map(|sub| sub.choices).filter(|&node| node != NONE).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let enums = nodes.into_iter().map(|node| {
            let start = meant.members.len() as u32;
            let choices = doc.at(node);
            for choice in choices.elements() {
                // A member that is no string is as far as can be: empty text.
                meant.members.push_member(choice.as_str().unwrap_or_else(|| Str::from("")));
            }
            let end = meant.members.len() as u32;
            Enum { node, start, end, phrase: Phrase::one_of(choices) }
        });
        meant.enums = enums.collect();
        meant
    }

    fn find(&self, node: u32) -> Option<&Enum> {
        let at = self.enums.binary_search_by_key(&node, |found| found.node).ok()?;
        self.enums.get(at)
    }
}

impl Schema {
    /// The names of the schema, folded, by their ids.
    pub(crate) const fn folded_names(&self) -> &Folds {
        &self.meant.names
    }

    /// The members of the `enum` at `node` of the schema document, folded, and where they stand.
    pub(crate) fn folded_members(&self, node: u32) -> (&Folds, Range<usize>) {
        let range = self.meant.find(node).map_or(0..0, |e| e.start as usize..e.end as usize);
        (&self.meant.members, range)
    }

    /// The `enum` at `node` of the schema document in words.
    pub(crate) fn phrase(&self, node: u32) -> Option<&Phrase> {
        self.meant.find(node).map(|found| &found.phrase)
    }
}
