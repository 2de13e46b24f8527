//! Large `enum`s, sorted when they are compiled, so that a check finds a value in a few comparisons.
//!
//! Worst case: a comparison reads both values, and there are as many as the logarithm of the list.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::same::order;
use super::{Span, Sub};
use crate::json::{Document, Value};

/// Up to this many members are compared one by one.
const FEW: usize = 16;
/// An `enum` with a member of more nodes is not sorted: to order large objects takes long.
const LARGE: u32 = 64;

/// The sorted members of every large `enum` of a schema.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// Nodes of members in the schema document.
    members: Box<[u32]>,
    /// Node of each `enum`, its members, and the bytes of the longest of them; sorted by node.
    lists: Box<[(u32, Span, usize)]>,
}

impl Choices {
    /// Sorts the large enums of `subs`, subschemas of `doc`.
    pub(super) fn new(doc: Document<'_>, subs: &[Sub]) -> Self {
        let mut members = Vec::new();
        let mut lists = Vec::new();
        for sub in subs {
            let choices = doc.at(sub.choices);
            let is_large = |member: Value<'_>| doc.after(member.index()) - member.index() > LARGE;
            if choices.len() > FEW && !choices.elements().any(is_large) {
                let start = members.len();
                members.extend(choices.elements().map(|member| member.index()));
                let added = members.get_mut(start..).unwrap_or(&mut []);
                added.sort_unstable_by(|&a, &b| order(doc, a, doc, b));
                let span = Span { start: start as u32, len: added.len() as u32 };
                let longest = choices.elements().map(|member| member.raw().len()).max();
                lists.push((sub.choices, span, longest.unwrap_or(0)));
            }
        }
        lists.sort_unstable_by_key(|&(node, ..)| node);
        Self { members: members.into(), lists: lists.into() }
    }

    /// The sorted members of the `enum` at `node`, and the bytes of the longest; none when it is small.
    pub(super) fn of(&self, node: u32) -> Option<(&[u32], usize)> {
        let at = self.lists.binary_search_by_key(&node, |&(node, ..)| node).ok()?;
        self.lists.get(at).map(|&(_, span, longest)| (span.of(&self.members), longest))
    }
}
