//! Text of a server on a terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use airlock::core::hidden::Visible;
use airlock::core::pins::{Definition, Pin, Severity};
use serde_json::Value;

use crate::style::Style;

/// Most characters of a text, and of a name.
const MOST: usize = 2000;
const MOST_OF_NAME: usize = 160;
/// How much of what two texts begin with is shown before they differ.
const BEFORE: usize = 60;

/// Writes a line of JSON in ASCII alone: what a server wrote must not reach a terminal as it is.
pub fn write_ascii(line: &Value, out: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    for c in line.to_string().chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    writeln!(out, "{text}")
}

/// Part of a text, with everything in it visible.
pub struct Shown<'t> {
    text: &'t str,
    /// How many bytes before it are left out.
    before: usize,
    most: usize,
}

impl<'t> Shown<'t> {
    /// A name.
    pub const fn short(text: &'t str) -> Self {
        Self { text, before: 0, most: MOST_OF_NAME }
    }

    /// A text from shortly before `at` on.
    fn from(text: &'t str, at: usize) -> Self {
        let early = at.saturating_sub(BEFORE);
        let before = (early..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        Self { text: text.get(before..).unwrap_or(""), before, most: MOST }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.text.char_indices().nth(self.most).map(|(at, _)| at);
        let (shown, rest) = self.text.split_at(cut.unwrap_or(self.text.len()));
        f.write_str(if self.before > 0 { "\u{2026}" } else { "" })?;
        write!(f, "{}", Visible(shown))?;
        match rest.chars().count() {
            0 => Ok(()),
            more => write!(f, "\u{2026} and {more} characters more"),
        }
    }
}

/// What the pending definition changes, and how to approve it.
pub fn difference(
    out: &mut impl Write,
    file: &Path,
    server: &str,
    pin: &Pin,
    pending: &Definition,
) -> io::Result<()> {
    let style = Style::for_stream(io::stdout().is_terminal());
    let name = Shown::short(pending.name());
    writeln!(out, "{name}  ({})", Shown::short(server))?;
    match &pin.approved {
        None => {
            writeln!(out, "  nobody has approved it yet")?;
            let text = String::from_utf8_lossy(pending.text());
            writeln!(out, "    {} {}", style.good("+"), Shown::from(&text, 0))?;
        }
        Some(approved) => {
            let change = approved.diff(pending);
            for one in &change.differences {
                let severity = match one.severity {
                    Severity::Low => style.plain(one.severity.name()),
                    Severity::Medium => style.warn(one.severity.name()),
                    Severity::High => style.bad(one.severity.name()),
                };
                writeln!(out, "  {severity}: {}", Shown::short(&one.path))?;
                let (old, new) = (one.old.as_deref(), one.new.as_deref());
                let alike = old.unwrap_or("").bytes().zip(new.unwrap_or("").bytes());
                let alike = alike.take_while(|(one, other)| one == other).count();
                for (text, sign) in [(old, style.bad("-")), (new, style.good("+"))] {
                    if let Some(text) = text {
                        writeln!(out, "    {sign} {}", Shown::from(text, alike))?;
                    }
                }
            }
            if change.more > 0 {
                writeln!(out, "  and {} differences more", change.more)?;
            }
        }
    }
    // Names that a shell would read otherwise are quoted; a quote in one cannot be approved so.
    let quoted = |text: &str| format!("'{}'", Visible(text));
    writeln!(
        out,
        "  approve: airlock pin approve --pins {} --server {} {} {}",
        quoted(&file.display().to_string()),
        quoted(server),
        quoted(pending.name()),
        pending.digest()
    )
}
