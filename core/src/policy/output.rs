//! What a policy says about the outputs of tools.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::PolicyError;
use super::index::{NameIndex, Pattern};
use super::text::Pool;
use super::tree::Span;
use crate::glob::Case;

/// What to mask and where to cut for one tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputPolicy {
    /// Index into [`Policy::mask_lists`](super::Policy::mask_lists).
    pub mask: usize,
    /// Most characters; `None` is no limit.
    pub max_chars: Option<usize>,
}

/// Which types to mask: names of types and groups, a leading `-` takes one away again.
///
/// The policy keeps the words. What types exist is the redactor's knowledge, so that whoever joins
/// the two resolves them and reports a word that means nothing with [`error`](Self::error).
#[derive(Clone, Debug)]
pub struct MaskList {
    types: Vec<Box<str>>,
    span: Span,
    path: String,
}

impl MaskList {
    pub(super) fn new(
        types: impl IntoIterator<Item = impl Into<Box<str>>>,
        span: Span,
        path: String,
    ) -> Self {
        Self { types: types.into_iter().map(Into::into).collect(), span, path }
    }

    /// The words, in order; none means that nothing is masked.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|word| &**word)
    }

    /// An error at the place of this list in the document.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> PolicyError {
        PolicyError::new(self.span, &self.path, message)
    }
}

/// One entry of `[output]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub pattern: super::text::Text,
    /// Index of the mask list.
    pub mask: Option<usize>,
    pub max_chars: Option<usize>,
}

/// The entries of `[output]`, the most specific first.
#[derive(Debug)]
pub(super) struct Outputs {
    index: NameIndex,
    entries: Vec<Entry>,
    /// For tools that no entry names.
    default: OutputPolicy,
}

impl Outputs {
    /// `entries` come in the order of the document. A name is more specific than a pattern, and a
    /// pattern than one with fewer characters besides its wildcards.
    pub fn new(mut entries: Vec<Entry>, default: OutputPolicy, pool: &Pool) -> Self {
        entries.sort_by_key(|entry| {
            let pattern = pool.get(entry.pattern);
            let literal = pattern.chars().filter(|c| !matches!(c, '*' | '?')).count();
            (pattern.contains(['*', '?']), core::cmp::Reverse(literal))
        });
        let patterns: Vec<Pattern> = (0..)
            .zip(&entries)
            .map(|(rule, entry)| Pattern { text: entry.pattern, rule })
            .collect();
        Self { index: NameIndex::new(Case::Exact, &patterns, pool), entries, default }
    }

    /// Each setting comes from the most specific entry that has it.
    pub fn find(&self, tool: &str, pool: &Pool) -> OutputPolicy {
        let mut mask: Option<(u32, usize)> = None;
        let mut max_chars: Option<(u32, usize)> = None;
        self.index.find(tool, pool, |number| {
            let Some(entry) = self.entries.get(number as usize) else {
                return;
            };
            for (best, value) in [(&mut mask, entry.mask), (&mut max_chars, entry.max_chars)] {
                if let Some(value) = value
                    && best.is_none_or(|(found, _)| number < found)
                {
                    *best = Some((number, value));
                }
            }
        });
        OutputPolicy {
            mask: mask.map_or(self.default.mask, |(_, list)| list),
            max_chars: max_chars.map(|(_, most)| most).or(self.default.max_chars),
        }
    }
}
