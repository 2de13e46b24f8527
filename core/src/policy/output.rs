//! What a policy says about the outputs of tools.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::error::PolicyError;
use super::fields::{Item, Table};
use super::index::{NameIndex, Pattern};
use super::text::Pool;
use super::tree::Span;
use crate::glob::Case;
use crate::hidden::{Hidden, Hiding, Kinds};
use crate::truncate::{CountTokens, Estimate, Keep, Limit};

/// What to mask, how, and where to cut for one tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputPolicy {
    /// Index into [`Policy::mask_lists`](super::Policy::mask_lists), or for a stack of policies into the
    /// combinations of the lists of each.
    pub mask: usize,
    /// Index into [`Policy::style_lists`](super::Policy::style_lists).
    pub style: usize,
    /// Index into [`Policy::allow_lists`](super::Policy::allow_lists).
    pub allow: usize,
    /// Most characters; `None` is no limit.
    pub max_chars: Option<usize>,
    /// Most bytes.
    pub max_bytes: Option<usize>,
    /// Most lines.
    pub max_lines: Option<usize>,
    /// Most tokens.
    pub max_tokens: Option<usize>,
    /// Which part is kept of what is cut.
    pub keep: Keep,
    /// What becomes of hidden text.
    pub hidden: Hiding,
}

impl OutputPolicy {
    /// The limits together; tokens are counted by `counter`, or estimated.
    #[must_use]
    pub fn limit<'c>(&self, counter: Option<&'c (dyn CountTokens + Send + Sync)>) -> Limit<'c> {
        let most = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        Limit {
            chars: most(self.max_chars),
            bytes: most(self.max_bytes),
            lines: most(self.max_lines),
            tokens: most(self.max_tokens),
            keep: self.keep,
            counter: counter.unwrap_or(&Estimate),
        }
    }
}

/// A list of words: types to mask, styles of masks, or values to allow.
///
/// The policy keeps the words. What they mean is the redactor's knowledge, so that whoever joins the two
/// resolves them and reports a word that means nothing with [`error`](Self::error).
#[derive(Clone, Debug)]
pub struct WordList {
    words: Vec<Box<str>>,
    span: Span,
    path: String,
}

impl WordList {
    pub(super) fn new(
        words: impl IntoIterator<Item = impl Into<Box<str>>>,
        span: Span,
        path: String,
    ) -> Self {
        Self { words: words.into_iter().map(Into::into).collect(), span, path }
    }

    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| &**word)
    }

    /// An error at the place of this list in the document.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> PolicyError {
        PolicyError::new(self.span, &self.path, message)
    }
}

/// Reads the keys `refuse` and `strip`, lists of kinds of hidden text.
pub(super) fn hidden_kinds(
    table: &Table<'_>,
) -> Result<(Option<Kinds>, Option<Kinds>), PolicyError> {
    let words = Hidden::ALL.map(|kind| (kind.name(), Kinds::of(kind)));
    let kinds = |item: &Item<'_>| {
        let mut kinds = item.texts()?.into_iter().map(|word| word.word(&words));
        kinds.try_fold(Kinds::NONE, |all, one| Ok(all | one?))
    };
    let (refuse, strip) = (table.read("refuse", kinds)?, table.read("strip", kinds)?);
    if let (Some(refuse), Some(strip), Some(item)) = (refuse, strip, table.get("refuse"))
        && refuse.without(strip) != refuse
    {
        return Err(item.error("what refuses a text is not stripped from it: name it once"));
    }
    Ok((refuse, strip))
}

/// One entry of `[output]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub pattern: super::text::Text,
    pub span: Span,
    /// Index of the mask list.
    pub mask: Option<usize>,
    pub style: Option<usize>,
    pub allow: Option<usize>,
    pub max_chars: Option<usize>,
    pub max_bytes: Option<usize>,
    pub max_lines: Option<usize>,
    pub max_tokens: Option<usize>,
    pub keep: Option<Keep>,
    pub refuse: Option<Kinds>,
    pub strip: Option<Kinds>,
}

/// The most specific value of each setting so far.
#[derive(Default)]
struct Best {
    mask: Choice<usize>,
    style: Choice<usize>,
    allow: Choice<usize>,
    max_chars: Choice<usize>,
    max_bytes: Choice<usize>,
    max_lines: Choice<usize>,
    max_tokens: Choice<usize>,
    keep: Choice<Keep>,
    refuse: Choice<Kinds>,
    strip: Choice<Kinds>,
}

/// A value beside the number of the entry that it is from.
struct Choice<T>(Option<(u32, T)>);

impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Choice<T> {
    fn offer(&mut self, number: u32, value: Option<T>) {
        if let Some(value) = value
            && self.0.as_ref().is_none_or(|(found, _)| number < *found)
        {
            self.0 = Some((number, value));
        }
    }

    fn value(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }
}

/// Orders patterns, the most specific first: a name before a pattern, and a pattern before one with fewer
/// characters besides its wildcards.
pub(super) fn specificity(pattern: &str) -> (bool, Reverse<usize>) {
    let literal = pattern.chars().filter(|c| !matches!(c, '*' | '?')).count();
    (pattern.contains(['*', '?']), Reverse(literal))
}

/// The entries of `[output]`, the most specific first.
#[derive(Debug)]
pub(super) struct Outputs {
    index: NameIndex,
    pub(super) entries: Vec<Entry>,
    /// For tools that no entry names.
    default: OutputPolicy,
}

impl Outputs {
    /// `entries` come in the order of the document.
    pub fn new(mut entries: Vec<Entry>, default: OutputPolicy, pool: &Pool) -> Self {
        entries.sort_by_key(|entry| specificity(pool.get(entry.pattern)));
        let patterns: Vec<Pattern> = (0..)
            .zip(&entries)
            .map(|(rule, entry)| Pattern { text: entry.pattern, rule })
            .collect();
        Self { index: NameIndex::new(Case::Exact, &patterns, pool), entries, default }
    }

    /// Each setting comes from the most specific entry that has it.
    pub fn find(&self, tool: &str, pool: &Pool) -> OutputPolicy {
        let mut best = Best::default();
        self.index.find(tool, pool, |number| {
            if let Some(entry) = self.entries.get(number as usize) {
                best.mask.offer(number, entry.mask);
                best.style.offer(number, entry.style);
                best.allow.offer(number, entry.allow);
                best.max_chars.offer(number, entry.max_chars);
                best.max_bytes.offer(number, entry.max_bytes);
                best.max_lines.offer(number, entry.max_lines);
                best.max_tokens.offer(number, entry.max_tokens);
                best.keep.offer(number, entry.keep);
                best.refuse.offer(number, entry.refuse);
                best.strip.offer(number, entry.strip);
            }
        });
        let OutputPolicy { mask, style, allow, keep, hidden, .. } = self.default;
        let OutputPolicy { max_chars, max_bytes, max_lines, max_tokens, .. } = self.default;
        OutputPolicy {
            mask: best.mask.value().unwrap_or(mask),
            style: best.style.value().unwrap_or(style),
            allow: best.allow.value().unwrap_or(allow),
            max_chars: best.max_chars.value().or(max_chars),
            max_bytes: best.max_bytes.value().or(max_bytes),
            max_lines: best.max_lines.value().or(max_lines),
            max_tokens: best.max_tokens.value().or(max_tokens),
            keep: best.keep.value().unwrap_or(keep),
            hidden: Hiding {
                refuse: best.refuse.value().unwrap_or(hidden.refuse),
                strip: best.strip.value().unwrap_or(hidden.strip),
            },
        }
    }
}
