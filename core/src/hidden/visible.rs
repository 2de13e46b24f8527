//! Hidden text for people to see.

use core::fmt::{self, Write};

use super::{Kinds, find};

/// A text with everything that hides in it written as `\u{…}`, every control character too, so that it can
/// be shown on a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'t>(
    /// The text.
    pub &'t str,
);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for span in find(self.0, Kinds::ALL) {
            plain(self.0.get(shown..span.start).unwrap_or(""), f)?;
            for c in self.0.get(span.start..span.end).unwrap_or("").chars() {
                write!(f, "\\u{{{:x}}}", u32::from(c))?;
            }
            shown = span.end;
        }
        plain(self.0.get(shown..).unwrap_or(""), f)
    }
}

/// Writes text that hides nothing; the ends of lines in it are shown as what they are.
fn plain(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        c => f.write_char(c),
    })
}
