//! Finding the rules that name a tool without trying every rule.
//!
//! A pattern is its head, the text before the first wildcard, and its tail. Rules hang under their
//! heads in a hash table. A look-up walks once over the tool's name, hashing as it goes, and asks
//! the table at those lengths that some head has; the tails it finds are matched against the rest
//! of the name. Worst case: patterns that share a head are tried one after the other, as are those
//! that begin with a wildcard, whose head is empty.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::text::{Hash, Pool, Text};
use crate::glob::{self, Case, MAX_PATTERN};

/// Patterns over tool names, each belonging to a rule.
#[derive(Debug)]
pub(super) struct NameIndex {
    case: Case,
    heads: HashTable<Head>,
    /// `lengths[n]` tells whether a head of `n` bytes exists.
    lengths: Vec<bool>,
    /// The tails, those of one head side by side, by rule.
    tails: Vec<Tail>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    text: Text,
    /// Its tails are `tails[first..end]`.
    first: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
struct Tail {
    /// Empty for a pattern without wildcards.
    pattern: Text,
    rule: u32,
}

/// A pattern that is to be indexed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    pub text: Text,
    pub rule: u32,
}

impl NameIndex {
    /// Indexes `patterns`, which [`glob::check`] has accepted and which come by rule.
    pub fn new(case: Case, patterns: &[Pattern], pool: &Pool) -> Self {
        let mut by_head: BTreeMap<String, (Text, Vec<Tail>)> = BTreeMap::new();
        for Pattern { text, rule } in patterns {
            let pattern = pool.get(*text);
            let (head, tail) = text.split_at(pattern.find(['*', '?']).unwrap_or(pattern.len()));
            let key = pool.get(head).bytes().map(|byte| char::from(case.key(byte))).collect();
            let (_, tails) = by_head.entry(key).or_insert((head, Vec::new()));
            tails.push(Tail { pattern: tail, rule: *rule });
        }
        let mut index =
            Self { case, heads: HashTable::new(), lengths: Vec::new(), tails: Vec::new() };
        for (head, tails) in by_head.into_values() {
            index.insert(head, &tails, pool);
        }
        index
    }

    fn insert(&mut self, text: Text, tails: &[Tail], pool: &Pool) {
        let first = self.tails.len() as u32;
        self.tails.extend_from_slice(tails);
        let head = Head { text, first, end: self.tails.len() as u32 };
        let case = self.case;
        let hash = |head: &Head| Hash::of(pool.get(head.text), case);
        self.heads.insert_unique(hash(&head), head, hash);
        let length = pool.get(text).len();
        if self.lengths.len() <= length {
            self.lengths.resize(length.saturating_add(1), false);
        }
        if let Some(slot) = self.lengths.get_mut(length) {
            *slot = true;
        }
    }

    /// Calls `found` with each rule that has a pattern for `tool`; with a rule more than once when
    /// several of its patterns cover the name.
    pub fn find(&self, tool: &str, pool: &Pool, mut found: impl FnMut(u32)) {
        let mut hash = Hash::START;
        let mut bytes = tool.bytes();
        for (length, exists) in self.lengths.iter().enumerate() {
            if *exists && let Some((head, rest)) = tool.split_at_checked(length) {
                let same = |found: &Head| self.case.same(pool.get(found.text), head);
                if let Some(found_head) = self.heads.find(hash.finish(), same) {
                    for tail in self.tails_of(*found_head) {
                        if glob::matches(pool.get(tail.pattern), rest, self.case) {
                            found(tail.rule);
                        }
                    }
                }
            }
            let Some(byte) = bytes.next() else { return };
            hash.add(self.case.key(byte));
        }
    }

    /// Whether a pattern without wildcards is `tool`, byte for byte. Heads of an index that folds
    /// case may be spelt otherwise, so only one that does not can tell.
    pub fn spells(&self, tool: &str, pool: &Pool) -> bool {
        if self.case == Case::Fold || tool.len() > MAX_PATTERN {
            return false;
        }
        let same = |head: &Head| pool.get(head.text) == tool;
        let head = self.heads.find(Hash::of(tool, self.case), same);
        head.is_some_and(|head| self.tails_of(*head).iter().any(|tail| tail.pattern.is_empty()))
    }

    /// Every pattern and its rule.
    pub fn patterns(&self, pool: &Pool) -> Vec<(String, u32)> {
        let of = |head: &Head| {
            let text = pool.get(head.text);
            self.tails_of(*head).iter().map(move |tail| {
                let tail_text = pool.get(tail.pattern);
                ([text, tail_text].concat(), tail.rule)
            })
        };
        self.heads.iter().flat_map(of).collect()
    }

    fn tails_of(&self, head: Head) -> &[Tail] {
        self.tails.get(head.first as usize..head.end as usize).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    fn index(case: Case, patterns: &[&str]) -> (NameIndex, Pool) {
        let mut pool = Pool::default();
        let patterns: Vec<Pattern> = (0..)
            .zip(patterns)
            .map(|(rule, text)| Pattern { text: pool.add(text), rule })
            .collect();
        (NameIndex::new(case, &patterns, &pool), pool)
    }

    fn found((index, pool): &(NameIndex, Pool), tool: &str) -> Vec<u32> {
        let mut rules = vec![];
        index.find(tool, pool, |rule| rules.push(rule));
        rules.sort_unstable();
        rules
    }

    #[test]
    fn every_kind_of_pattern_is_found() {
        let exact =
            index(Case::Exact, &["read_file", "read_*", "*", "*_file", "re?d_file", "Read_*"]);
        assert_eq!(found(&exact, "read_file"), [0, 1, 2, 3, 4]);
        assert_eq!(found(&exact, "Read_file"), [2, 3, 5]);
        assert_eq!(found(&exact, "read_files"), [1, 2]);
        assert_eq!(found(&exact, ""), [2]);
        let fold = index(Case::Fold, &["Delete_*", "delete_*", "dElete_all"]);
        assert_eq!(found(&fold, "DELETE_ALL"), [0, 1, 2]);
    }

    #[test]
    fn only_a_pattern_without_wildcards_spells_a_name() {
        let names = index(Case::Exact, &["files:read", "a*", "b?"]);
        assert!(names.0.spells("files:read", &names.1));
        for tool in ["Files:read", "files:", "a", "a*", "b?", "b"] {
            assert!(!names.0.spells(tool, &names.1), "{tool}");
        }
    }

    #[test]
    fn only_patterns_with_the_same_head_are_tried() {
        let names: Vec<String> = (0..4000).map(|i| std::format!("tool_{i:04}_*")).collect();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let (index, pool) = index(Case::Fold, &names);
        let mut tried = 0;
        for length in 0..=index.lengths.len() {
            let Some(head) = "tool_1234_x".get(..length) else {
                break;
            };
            let same = |h: &Head| pool.get(h.text) == head;
            tried += index
                .heads
                .find(Hash::of(head, Case::Fold), same)
                .map_or(0, |head| index.tails_of(*head).len());
        }
        assert_eq!(tried, 1);
    }

    proptest! {
        #[test]
        fn finds_what_matching_every_pattern_finds(
            patterns in prop::collection::vec("[abAB*?\u{e9}]{1,5}", 1..12),
            tool in "[abAB\u{e9}]{0,6}",
            fold in any::<bool>(),
        ) {
            let case = if fold { Case::Fold } else { Case::Exact };
            let patterns: Vec<&str> = patterns.iter().map(|pattern| &**pattern).collect();
            let expected: Vec<u32> = (0..)
                .zip(&patterns)
                .filter(|(_, pattern)| glob::matches(pattern, &tool, case))
                .map(|(rule, _)| rule)
                .collect();
            prop_assert_eq!(found(&index(case, &patterns), &tool), expected);
        }
    }
}
