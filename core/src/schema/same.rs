//! Equality and order of JSON values (JSON Schema core, section 4.2.2): numbers by value, strings by
//! code points, objects without regard to order.

use core::cmp::Ordering;

use super::run::BYTES_A_STEP;
use crate::json::{Document, ESCAPED, Kind};

/// Whether the values at `a` and `b` are equal. Each visited pair takes one of `steps`; when they run
/// out the answer is none.
pub(super) fn same(
    a_doc: Document<'_>,
    a: u32,
    b_doc: Document<'_>,
    b: u32,
    steps: &mut u32,
) -> Option<bool> {
    let (left, right) = (a_doc.at(a), b_doc.at(b));
    *steps = steps.checked_sub(1)?;
    if left.kind() != right.kind() || left.len() != right.len() {
        return Some(false);
    }
    match left.kind() {
        Kind::Array => {
            for (x, y) in left.elements().zip(right.elements()) {
                if !same(a_doc, x.index(), b_doc, y.index(), steps)? {
                    return Some(false);
                }
            }
            Some(true)
        }
        Kind::Object => {
            for (name, x) in left.members() {
                let mut found = None;
                for (other, y) in right.members() {
                    let bytes = name.raw().len().min(other.raw().len());
                    let price = u32::try_from(bytes / BYTES_A_STEP + 1).unwrap_or(u32::MAX);
                    *steps = steps.checked_sub(price)?;
                    if name.cmp_bytes(other) == Ordering::Equal {
                        found = Some(y);
                        break;
                    }
                }
                let Some(y) = found else { return Some(false) };
                if !same(a_doc, x.index(), b_doc, y.index(), steps)? {
                    return Some(false);
                }
            }
            Some(true)
        }
        Kind::Null | Kind::False | Kind::True => Some(true),
        Kind::String | Kind::Number | Kind::Key => {
            // Two numbers are read to their ends, two texts up to where they differ: block by block, or
            // one character after the other where there are escapes.
            let (x, y) = (left.raw().len(), right.raw().len());
            let escaped = a_doc.node(a).has(ESCAPED) || b_doc.node(b).has(ESCAPED);
            // Six bytes of an escape stand for one at least.
            if escaped && x.max(y) / 6 > x.min(y) {
                return Some(false);
            }
            let bytes = match left.kind() {
                Kind::Number => x.max(y),
                _ if escaped => x.min(y) * 4,
                _ => x.min(y),
            };
            let price = u32::try_from(bytes / BYTES_A_STEP).unwrap_or(u32::MAX);
            *steps = steps.checked_sub(price)?;
            Some(order(a_doc, a, b_doc, b) == Ordering::Equal)
        }
    }
}

/// Orders two values so that equal ones are neighbours after sorting; containers of one kind and length
/// count as equal here.
pub(super) fn order(a_doc: Document<'_>, a: u32, b_doc: Document<'_>, b: u32) -> Ordering {
    let (left, right) = (a_doc.at(a), b_doc.at(b));
    let kinds = left.kind().cmp(&right.kind());
    kinds.then_with(|| match left.kind() {
        Kind::Number => match (left.as_number(), right.as_number()) {
            (Some(x), Some(y)) => x.cmp(y),
            _ => Ordering::Equal,
        },
        Kind::String => match (left.as_str(), right.as_str()) {
            (Some(x), Some(y)) => x.cmp_bytes(y),
            _ => Ordering::Equal,
        },
        Kind::Array | Kind::Object => left.len().cmp(&right.len()),
        Kind::Null | Kind::False | Kind::True | Kind::Key => Ordering::Equal,
    })
}
