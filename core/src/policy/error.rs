//! Why a policy cannot be compiled, and the names that were probably meant.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::tree::Span;
use crate::near;

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
    /// The policy of a stack that it is about; the first is 0.
    pub layer: usize,
}

impl PolicyError {
    /// An error without a hint.
    #[must_use]
    pub fn new(span: Span, path: &str, message: impl Into<String>) -> Self {
        Self { span, path: path.to_string(), message: message.into(), hint: None, layer: 0 }
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

impl PolicyError {
    /// The same error with the nearest of `names` as its hint, when one is near.
    pub(super) fn with_near<'a>(
        self,
        name: &str,
        names: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        match nearest(name, names) {
            Some(near) => self.with_hint(format!("did you mean `{near}`?")),
            None => self,
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

/// The name among `names` that `name` most probably means.
pub(super) fn nearest<'a>(
    name: &str,
    names: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let at = near::nearest(name.into(), names.clone().into_iter().map(Into::into))?;
    names.into_iter().nth(at)
}

#[cfg(test)]
mod tests {
    use super::*;

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
