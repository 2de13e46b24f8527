//! Equality and order of JSON values (JSON Schema core, section 4.2.2): numbers by value, strings by
//! code points, objects without regard to order.

use core::cmp::Ordering;

use super::run::BYTES_A_STEP;
use crate::json::{Document, ESCAPED, Kind, Str, Value};

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

/// Orders two values, of which just those that are [`same`] are equal. It takes time by the smaller of
/// both, and by the square of the members of an object.
pub(super) fn order(a_doc: Document<'_>, a: u32, b_doc: Document<'_>, b: u32) -> Ordering {
    let (left, right) = (a_doc.at(a), b_doc.at(b));
    // What `propertyNames` looks at is a name, and a name is a string.
    let kind = |kind| if kind == Kind::Key { Kind::String } else { kind };
    let kinds = kind(left.kind()).cmp(&kind(right.kind()));
    let lengths = kinds.then(left.len().cmp(&right.len()));
    lengths.then_with(|| match left.kind() {
        Kind::Number => match (left.as_number(), right.as_number()) {
            (Some(x), Some(y)) => x.cmp(y),
            _ => Ordering::Equal,
        },
        Kind::String | Kind::Key => a_doc.text(a).cmp_bytes(b_doc.text(b)),
        Kind::Array => {
            let mut pairs = left.elements().zip(right.elements());
            let orders = pairs.by_ref().map(|(x, y)| order(a_doc, x.index(), b_doc, y.index()));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }
        Kind::Object => {
            // Member by member in the order of their names, each of which is looked for.
            let (mut x, mut y) = (next_member(left, None), next_member(right, None));
            while let (Some((x_name, x_value)), Some((y_name, y_value))) = (x, y) {
                let names = x_name.cmp_bytes(y_name);
                let order =
                    names.then_with(|| order(a_doc, x_value.index(), b_doc, y_value.index()));
                if order.is_ne() {
                    return order;
                }
                (x, y) = (next_member(left, Some(x_name)), next_member(right, Some(y_name)));
            }
            Ordering::Equal
        }
        Kind::Null | Kind::False | Kind::True => Ordering::Equal,
    })
}

/// The member of `object` with the smallest name above `last`.
fn next_member<'t>(object: Value<'t>, last: Option<Str<'_>>) -> Option<(Str<'t>, Value<'t>)> {
    let later =
        object.members().filter(|(name, _)| last.is_none_or(|last| name.cmp_bytes(last).is_gt()));
    later.min_by(|(a, _), (b, _)| a.cmp_bytes(*b))
}

/// The steps that sorting `count` values takes, of which the one at `at` is one.
pub(super) fn sorting(doc: Document<'_>, at: u32, count: usize) -> usize {
    // Short texts mostly differ where they begin; long ones may have been made not to.
    const SHORT: usize = 64;
    let value = doc.at(at);
    let bytes = value.raw().len();
    let text = if bytes > SHORT { bytes / (2 * BYTES_A_STEP) } else { 0 };
    let reading = match value.kind() {
        Kind::Array | Kind::Object => (at..doc.after(at)).fold(text, |sum, node| {
            let members = doc.at(node).len();
            let object = doc.at(node).kind() == Kind::Object;
            let pairs = if object { members.saturating_mul(members) / 4 } else { 0 };
            sum.saturating_add(pairs + 1)
        }),
        _ => text,
    };
    4 + reading.saturating_mul(count.ilog2() as usize) / 2
}
