//! Why a policy cannot be compiled, and the names that were probably meant.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::tree::Span;

/// Why a policy cannot be honoured. A policy compiles whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyError {
    /// Where in the document.
    pub span: Span,
    /// Where in the tree, like `rule[2].effect`; empty for the document itself.
    pub path: String,
    /// What cannot be honoured.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl PolicyError {
    /// An error without a hint.
    #[must_use]
    pub fn new(span: Span, path: &str, message: impl Into<String>) -> Self {
        Self { span, path: path.to_string(), message: message.into(), hint: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with the nearest of `names` as its hint, or all of them when none is near and
    /// they are few.
    pub(super) fn with_nearest<'a>(
        self,
        name: &str,
        names: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        if let Some(near) = nearest(name, names.clone()) {
            return self.with_hint(format!("did you mean `{near}`?"));
        }
        let all: Vec<&str> = names.into_iter().collect();
        match all.len() {
            1..=8 => self.with_hint(format!("one of: {}", all.join(", "))),
            _ => self,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for PolicyError {}

/// The name among `names` that `name` most probably means: at most a third of it is mistyped.
fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A key this long is no typing error, and the distance below costs the product of the lengths.
    if name.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let wanted = plain(name);
    names
        .into_iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (name.len() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, deleted, replaced or swapped with their neighbour to turn
/// one text into the other (optimal string alignment), row by row.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    let mut above_that = above.clone();
    let mut last = None;
    for (row, a) in (1..).zip(one.chars()) {
        let mut current = Vec::from([row]);
        for (column, b) in other.iter().enumerate() {
            let cell = |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX);
            let right = column.saturating_add(1);
            let mut least = cell(&above, column).saturating_add(usize::from(a != *b));
            least = least.min(cell(&above, right).saturating_add(1));
            least = least.min(cell(&current, column).saturating_add(1));
            if let Some(before) = column.checked_sub(1)
                && last == Some(*b)
                && other.get(before) == Some(&a)
            {
                least = least.min(cell(&above_that, before).saturating_add(1));
            }
            current.push(least);
        }
        above_that = core::mem::replace(&mut above, current);
        last = Some(a);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("dney", "deny", 1),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_a_typing_error_has_a_nearest_name() {
        let names = ["allowed_tools", "denied_tools", "default"];
        assert_eq!(nearest("alowed_tools", names), Some("allowed_tools"));
        assert_eq!(nearest("Allowed-Tools", names), Some("allowed_tools"));
        assert_eq!(nearest("defualt", names), Some("default"));
        assert_eq!(nearest("firewall", names), None);
        assert_eq!(nearest(&"a".repeat(65), names), None);
    }

    #[test]
    fn an_error_reads_as_one_line() {
        let error = PolicyError::new(Span::default(), "rule[0].effect", "`permit` is no effect")
            .with_nearest("permit", ["allow", "deny"]);
        assert_eq!(
            error.to_string(),
            "rule[0].effect: `permit` is no effect (one of: allow, deny)"
        );
    }
}
