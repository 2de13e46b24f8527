//! `format` as an assertion.

use crate::json::Str;

/// A format that can be asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {}

impl Format {
    /// Whether JSON Schema defines a format of this name. Others are annotations whatever is asked.
    pub(crate) fn is_defined(_name: &str) -> bool {
        false
    }

    pub(crate) fn parse(_name: &str) -> Option<Self> {
        None
    }

    pub(crate) fn accepts(self, _text: Str<'_>) -> bool {
        match self {}
    }
}
