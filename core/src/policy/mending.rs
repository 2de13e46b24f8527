//! What a policy has repaired in the arguments of each tool: key `repair`, and `[arguments]` by tool.
//!
//! An entry that names the tool most exactly decides, as in `[output]`. Asked only for calls that would be
//! refused. Worst case: every pattern without a literal head is tried once.

use alloc::vec::Vec;

use super::index::{NameIndex, Pattern};
use super::output::specificity;
use super::settings::Repair;
use super::text::{Pool, Text};
use super::tree::Span;
use crate::glob::Case;

/// The repairs of a policy, by tool.
#[derive(Debug)]
pub(super) struct Mending {
    /// For tools that no entry names.
    default: Repair,
    /// The most specific first.
    pub entries: Vec<MendingEntry>,
    index: NameIndex,
}

/// What is repaired for the tools that a pattern covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct MendingEntry {
    pub pattern: Text,
    /// None for one that is not of the document.
    pub span: Option<Span>,
    pub repair: Repair,
    /// It adds to what the document says, in whose place it would stand otherwise.
    pub adds: bool,
}

impl Mending {
    /// `entries` come in the order of the document.
    pub fn new(mut entries: Vec<MendingEntry>, default: Repair, pool: &Pool) -> Self {
        entries.sort_by_key(|entry| specificity(pool.get(entry.pattern)));
        let patterns: Vec<Pattern> = (0..)
            .zip(&entries)
            .map(|(rule, entry)| Pattern { text: entry.pattern, rule })
            .collect();
        Self { default, index: NameIndex::new(Case::Exact, &patterns, pool), entries }
    }

    /// With one more entry.
    pub fn with(mut self, entry: MendingEntry, pool: &Pool) -> Self {
        self.entries.push(entry);
        Self::new(self.entries, self.default, pool)
    }

    /// What is repaired in calls of `tool`.
    pub fn find(&self, tool: &str, pool: &Pool) -> Repair {
        let (mut best, mut added) = (None, Repair::default());
        self.index.find(tool, pool, |number| {
            let Some(entry) = self.entries.get(number as usize) else { return };
            if entry.adds {
                added = added.or(entry.repair);
            } else if best.is_none_or(|(found, _)| number < found) {
                best = Some((number, entry.repair));
            }
        });
        best.map_or(self.default, |(_, repair)| repair).or(added)
    }
}
