//! Whether a name stands twice in an object.
//!
//! Few names are compared pairwise by fingerprint, many are sorted; no hash of attacker text decides a
//! cost. Worst case: n log n comparisons of names that differ late.

use core::cmp::Ordering;

use super::Document;
use crate::buf::Buf;

/// Up to this many members the names are compared pairwise, above they are sorted.
const PAIRWISE: usize = 16;

/// The offset of the second of two equal names of the object at `index`, the earliest such. The object
/// may be open still, and so may the last value in it, the container `open`.
pub(super) fn find(
    doc: Document<'_>,
    index: u32,
    open: u32,
    order: &mut Buf<'_, u32>,
) -> Option<u32> {
    let mut few = [(0, 0); PAIRWISE];
    let mut keys = Keys { doc, next: index + 1, end: end(doc, index), open };
    for (count, key) in keys.by_ref().enumerate() {
        let print = doc.node(key).link;
        let Some((slot, before)) = few.get_mut(..=count).and_then(|few| few.split_last_mut())
        else {
            return find_in_many(Keys { next: index + 1, ..keys }, order);
        };
        *slot = (print, key);
        let again = |&(other, a): &(u32, u32)| other == print && by_name(doc, a, key).is_eq();
        if before.iter().any(again) {
            return Some(doc.node(key).start);
        }
    }
    None
}

fn find_in_many(keys: Keys<'_>, order: &mut Buf<'_, u32>) -> Option<u32> {
    let doc = keys.doc;
    order.clear();
    for key in keys {
        if order.push(key).is_err() {
            // Too little storage to find out: treat the name as a duplicate rather than pass it.
            return Some(doc.node(key).start);
        }
    }
    order.sort_unstable_by(|&a, &b| by_name(doc, a, b).then(a.cmp(&b)));
    order
        .windows(2)
        .filter_map(|pair| match *pair {
            [a, b] if by_name(doc, a, b).is_eq() => Some(doc.node(b).start),
            _ => None,
        })
        .min()
}

/// Where the members of the object at `index` end in the nodes written so far.
fn end(doc: Document<'_>, index: u32) -> u32 {
    let node = doc.node(index);
    if node.end == 0 { doc.len() } else { node.link }
}

/// The keys of an object.
struct Keys<'t> {
    doc: Document<'t>,
    next: u32,
    end: u32,
    /// A container that is open still; what follows it lies in it.
    open: u32,
}

impl Iterator for Keys<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let key = self.next;
        if key >= self.end {
            return None;
        }
        self.next = if key + 1 == self.open { self.end } else { self.doc.after(key + 1) };
        Some(key)
    }
}

/// Orders names by fingerprint, then by their bytes after unescaping.
fn by_name(doc: Document<'_>, a: u32, b: u32) -> Ordering {
    doc.node(a).link.cmp(&doc.node(b).link).then_with(|| doc.text(a).cmp_bytes(doc.text(b)))
}
