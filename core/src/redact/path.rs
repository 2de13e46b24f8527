//! Which values of a JSON document an allow-list's paths cover.
//!
//! The walk goes with the pass over the tape: for each open container one bit says for each path
//! whether it leads here. Worst case: for each member one comparison of its name a path.

use super::allow::Allow;
use crate::json::{Document, Kind};

/// Containers nested deeper than this have nothing that a path covers.
const DEEPEST: usize = 64;

/// A walk over one document, node by node.
pub(super) struct Paths<'a, 't> {
    allow: Allow<'a>,
    doc: Document<'t>,
    /// The containers around the next node.
    open: [Level; DEEPEST],
    depth: usize,
    /// The paths that lead to the value of the name that was met last.
    named: u64,
    /// The nodes before this one are covered.
    covered: u32,
    /// The nodes before this one are too deep to be.
    blind: u32,
}

#[derive(Clone, Copy, Default)]
struct Level {
    /// The node after the container.
    end: u32,
    /// The paths that lead here, a bit each.
    alive: u64,
    /// How many elements were met.
    count: u32,
    is_object: bool,
}

impl<'a, 't> Paths<'a, 't> {
    /// Nothing when no path is allowed.
    pub(super) fn new(allow: Allow<'a>, doc: Document<'t>) -> Option<Self> {
        allow.paths().next()?;
        let open = [Level::default(); DEEPEST];
        Some(Self { allow, doc, open, depth: 0, named: 0, covered: 0, blind: 0 })
    }

    /// Whether the node `index` is covered. Asked for every node in order.
    pub(super) fn covers(&mut self, index: u32) -> bool {
        if index < self.covered {
            return true;
        }
        if index < self.blind {
            return false;
        }
        while self.depth > 0 && self.top().is_none_or(|level| index >= level.end) {
            self.depth -= 1;
        }
        let kind = self.doc.node(index).kind();
        let (allow, doc, depth, named) = (self.allow, self.doc, self.depth, self.named);
        let alive = match self.top() {
            None => u64::MAX,
            Some(level) if kind == Kind::Key => {
                let alive = level.alive;
                self.named = step(allow, depth, alive, |segment| {
                    let mut name = doc.text(index).chars();
                    unescape(segment).all(|c| name.next() == Some(c)) && name.next().is_none()
                });
                return false;
            }
            Some(level) if level.is_object => named,
            Some(level) => {
                let (alive, count) = (level.alive, level.count);
                level.count += 1;
                step(allow, depth, alive, |segment| segment.parse() == Ok(count))
            }
        };
        let ends = allow.paths().zip(0..).any(|(path, bit)| {
            alive >> bit & 1 == 1 && path.bytes().filter(|&byte| byte == b'/').count() == depth
        });
        if depth > 0 && ends {
            self.covered = doc.after(index);
            return true;
        }
        if matches!(kind, Kind::Array | Kind::Object) {
            let end = doc.after(index);
            let is_object = kind == Kind::Object;
            match self.open.get_mut(depth) {
                Some(slot) => {
                    *slot = Level { end, alive, count: 0, is_object };
                    self.depth += 1;
                }
                None => self.blind = end,
            }
        }
        false
    }

    fn top(&mut self) -> Option<&mut Level> {
        self.depth.checked_sub(1).and_then(|at| self.open.get_mut(at))
    }
}

/// Those of the paths `alive` whose segment number `depth`, counted from one, is `*` or `is`.
fn step(allow: Allow<'_>, depth: usize, alive: u64, is: impl Fn(&str) -> bool) -> u64 {
    let leads = |path: &str| path.split('/').nth(depth).is_some_and(|s| s == "*" || is(s));
    allow
        .paths()
        .zip(0..64)
        .fold(0, |bits, (path, bit)| bits | u64::from(alive >> bit & 1 == 1 && leads(path)) << bit)
}

/// A segment of a pointer with `~1` and `~0` undone (RFC 6901 section 4).
fn unescape(segment: &str) -> impl Iterator<Item = char> {
    let mut chars = segment.chars();
    core::iter::from_fn(move || match chars.next()? {
        '~' => {
            let mut ahead = chars.clone();
            match ahead.next() {
                Some('1') => {
                    chars = ahead;
                    Some('/')
                }
                Some('0') => {
                    chars = ahead;
                    Some('~')
                }
                _ => Some('~'),
            }
        }
        c => Some(c),
    })
}
