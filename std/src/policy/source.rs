//! The text of a policy, to show people where something stands.

use std::fmt::Write;

use airlock_core::policy::PolicyError;

/// Most characters of a line that are shown.
const WINDOW: usize = 100;

/// A named text.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    text: String,
}

/// Something about a policy file and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// What kind of finding it is, a stable word; `invalid` for every error.
    pub code: &'static str,
    /// The file.
    pub file: String,
    /// The line, counted from 1; 0 when it is about no place.
    pub line: usize,
    /// The column in characters, counted from 1; 0 when it is about no place.
    pub column: usize,
    /// Where in the tree, like `rule[2].effect`; may be empty.
    pub path: String,
    /// What is the matter.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// All of it for people, with the line of the file.
    pub shown: String,
}

impl Finding {
    /// A finding about `file` as a whole.
    pub(super) fn without_place(
        file: &str,
        level: Level,
        code: &'static str,
        error: &PolicyError,
    ) -> Self {
        Self {
            level,
            code,
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: error.path.clone(),
            message: error.message.clone(),
            hint: error.hint.clone(),
            shown: format!("{file}: {error}"),
        }
    }
}

/// How grave a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The policy cannot be honoured.
    Error,
    /// It can, but probably says what is not meant.
    Warning,
}

impl Level {
    /// `error` or `warning`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    /// In characters.
    pub column: usize,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the character at byte `offset` stands.
    pub fn position(&self, offset: u32) -> Position {
        let (before, _) = self.split_at(offset);
        let (lines, last) = match before.rfind('\n') {
            Some(end) => (before.matches('\n').count(), before.get(end + 1..).unwrap_or("")),
            None => (0, before),
        };
        Position { line: lines + 1, column: last.chars().count() + 1 }
    }

    /// The error as `name:line:column: message`, the line, a marker below the place, and the hint.
    pub fn render(&self, error: &PolicyError) -> String {
        let Position { line, column } = self.position(error.span.start);
        let mut out = format!("{}:{line}:{column}: ", self.name);
        if !error.path.is_empty() {
            let _ = write!(out, "{}: ", error.path);
        }
        out.push_str(&error.message);
        let (before, after) = self.split_at(error.span.start);
        let begin = before.rsplit('\n').next().unwrap_or("");
        let end = after.split('\n').next().unwrap_or("");
        let marked = error.span.end.saturating_sub(error.span.start) as usize;
        let marked = after.get(..marked.min(end.len())).unwrap_or(end).chars().count().max(1);
        // A long line, like a whole document in JSON, is shown around the place.
        let skipped = column.saturating_sub(1).saturating_sub(WINDOW / 2);
        let shown: String = begin.chars().chain(end.chars()).skip(skipped).take(WINDOW).collect();
        let shown: String = shown.chars().map(printable).collect();
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(column - 1 - skipped);
        let marker = "^".repeat(marked.min(WINDOW.saturating_sub(indent.len())));
        let _ = write!(
            out,
            "\n{margin} |\n{number} | {}\n{margin} | {indent}{marker}",
            shown.trim_end()
        );
        if let Some(hint) = &error.hint {
            let _ = write!(out, "\n{margin} = {hint}");
        }
        out
    }

    /// The error as data.
    pub fn finding(&self, level: Level, code: &'static str, error: &PolicyError) -> Finding {
        let Position { line, column } = self.position(error.span.start);
        Finding {
            level,
            code,
            file: self.name.clone(),
            line,
            column,
            path: error.path.clone(),
            message: error.message.clone(),
            hint: error.hint.clone(),
            shown: self.render(error),
        }
    }

    fn split_at(&self, offset: u32) -> (&str, &str) {
        let mut at = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        self.text.split_at(at)
    }
}

/// What a terminal would act on is not passed to it.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::policy::tree::Span;

    use super::*;

    fn render(text: &str, start: u32, end: u32) -> String {
        let mut error = PolicyError::new(Span { start, end }, "a.b", "is wrong");
        error.hint = Some("do this".to_owned());
        Source::new("p.toml", text).render(&error)
    }

    #[test]
    fn the_place_is_marked() {
        assert_eq!(
            render("x = 1\n  \u{e9} = \"no\"  \nz = 2\n", 13, 17),
            "p.toml:2:7: a.b: is wrong\n  |\n2 |   \u{e9} = \"no\"\n  |       ^^^^\n  = do this"
        );
    }

    #[test]
    fn a_place_that_spans_lines_is_marked_to_the_end_of_the_first() {
        assert_eq!(
            render("ab = [\n]\n", 5, 8),
            "p.toml:1:6: a.b: is wrong\n  |\n1 | ab = [\n  |      ^\n  = do this"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let shown = render(&text, 500, 501);
        assert!(shown.lines().all(|line| line.len() < 120), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[2].find('!'), lines[3].find('^'));
        assert!(lines[2].contains('!'));
    }

    #[test]
    fn no_offset_and_no_text_is_too_strange() {
        for offset in [0, 1, 2, 3, 4, u32::MAX] {
            assert!(render("\u{20ac}\n", offset, 0).starts_with("p.toml:"));
            assert!(render("", offset, u32::MAX).starts_with("p.toml:1:1: "));
        }
        assert!(!render("a\u{1b}[31m", 0, 1).contains('\u{1b}'));
    }
}
