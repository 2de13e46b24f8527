//! Colour on a terminal, and nothing anywhere else.

use std::env;
use std::fmt;

/// Whether to colour what is written to a stream.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// Colours only a terminal, and not where `NO_COLOR` is set (no-color.org).
    pub fn for_stream(terminal: bool) -> Self {
        Self { colour: terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// Green.
    pub const fn good<T>(self, text: T) -> Painted<T> {
        Painted { code: if self.colour { "32" } else { "" }, text }
    }

    /// As it is.
    pub const fn plain<T>(self, text: T) -> Painted<T> {
        Painted { code: "", text }
    }

    /// Yellow.
    pub const fn warn<T>(self, text: T) -> Painted<T> {
        Painted { code: if self.colour { "33" } else { "" }, text }
    }

    /// Red and bold.
    pub const fn bad<T>(self, text: T) -> Painted<T> {
        Painted { code: if self.colour { "1;31" } else { "" }, text }
    }
}

/// Text in a colour (ECMA-48, SGR), or without one when the code is empty.
#[derive(Clone, Copy, Debug)]
pub struct Painted<T> {
    code: &'static str,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            return self.text.fmt(f);
        }
        write!(f, "\x1b[{}m{}\x1b[0m", self.code, self.text)
    }
}
