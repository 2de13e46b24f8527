//! Command lines as a shell reads them.
//!
//! [`Shell::read`] splits a line into simple commands and hands each one over with its words, quotes
//! undone; a command that runs another (`env`, `sudo`, `xargs`, `find -exec`, `busybox`, `sh -c`) is
//! followed by that one. It reads the part of the POSIX shell that needs no running: what a word
//! expands to is not known, and a line whose very structure is not (substitutions, control flow,
//! here-documents, `eval`, a shell that reads its input) is [`Unclear`]. Worst case: linear in the
//! line for each level of quoting, of which there are at most [`DEPTH`].

use super::wrappers::{self, Inner};
use crate::buf::{Buf, Full};

/// Longest line, in bytes.
const MAX_LINE: usize = 64 << 10;
/// Lines inside words of lines.
const DEPTH: u32 = 5;
/// Most commands of a line, those inside others included.
const MAX_COMMANDS: u32 = 1024;

/// What the line does cannot be told without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclear;

impl From<Full> for Unclear {
    fn from(Full: Full) -> Self {
        Self
    }
}

/// Memory to read lines in.
#[derive(Debug, Default)]
pub(super) struct Shell<'m> {
    text: Buf<'m, u8>,
    words: Buf<'m, Word>,
}

/// A word in the text of a [`Shell`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    start: u32,
    end: u32,
    /// Bytes before the first expansion; the length when there is none.
    literal: u32,
    /// Its expansions are not only those of patterns over files, which begin as the pattern does.
    varies: bool,
}

/// One simple command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command<'t> {
    words: &'t [Word],
    text: &'t [u8],
    /// It gets more words from elsewhere.
    pub more: bool,
}

/// How simple a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Commands that stand side by side.
    pub commands: u32,
    /// It writes to or reads from files, sets variables, or holds expansions.
    pub special: bool,
}

impl<'t> Command<'t> {
    /// The text of word `number` and whether it is all of it.
    pub fn word(&self, number: usize) -> Option<(&'t str, bool)> {
        let word = self.words.get(number)?;
        let text = self.text.get(word.start as usize..word.end as usize)?;
        let known = word.literal >= word.end.saturating_sub(word.start);
        Some((core::str::from_utf8(text).ok()?, known))
    }

    /// The part of word `number` before its first expansion.
    pub fn literal(&self, number: usize) -> &'t str {
        let word = self.words.get(number).copied().unwrap_or_default();
        let (text, _) = self.word(number).unwrap_or_default();
        text.get(..(word.literal as usize).min(text.len())).unwrap_or(text)
    }

    /// Whether word `number` is what it says, but for patterns over files in it.
    pub fn is_path(&self, number: usize) -> bool {
        self.words.get(number).is_some_and(|word| !word.varies)
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }
}

impl Shell<'_> {
    pub fn shrink_to(&mut self, bytes: usize) {
        self.text.clear();
        self.text.shrink_to(bytes);
        self.words.clear();
        self.words.shrink_to(bytes / 12);
    }

    /// Reads `line`, with `rest` as more words of its last command, and calls `found` with each
    /// command.
    ///
    /// # Errors
    /// [`Unclear`], at any point: commands before it have been found.
    pub fn read<'r>(
        &mut self,
        line: &str,
        rest: impl Iterator<Item = &'r str>,
        found: &mut dyn FnMut(Command<'_>),
    ) -> Result<Line, Unclear> {
        self.text.clear();
        self.words.clear();
        if line.len() > MAX_LINE {
            return Err(Unclear);
        }
        self.text.extend(line.as_bytes())?;
        let mut reading = Reading { shell: self, found, left: MAX_COMMANDS, line: Line::default() };
        reading.lex(0, line.len(), 0, rest)?;
        Ok(reading.line)
    }

    /// Reads the words of a command that no shell splits.
    ///
    /// # Errors
    /// [`Unclear`], at any point: commands before it have been found.
    pub fn read_words<'r>(
        &mut self,
        words: impl Iterator<Item = &'r str>,
        found: &mut dyn FnMut(Command<'_>),
    ) -> Result<Line, Unclear> {
        self.read("", words, found)
    }
}

struct Reading<'a, 'm> {
    shell: &'a mut Shell<'m>,
    found: &'a mut dyn FnMut(Command<'_>),
    left: u32,
    line: Line,
}

/// A word that is being read.
#[derive(Clone, Copy, Default)]
struct Open {
    start: usize,
    /// Something of it was read, be it empty quotes.
    begun: bool,
    /// Part of it stood in quotes.
    quoted: bool,
    literal: Option<usize>,
    varies: bool,
    /// It names a file to read or write.
    redirect: bool,
}

impl Reading<'_, '_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.shell.text.get(at).copied()
    }

    /// Reads the text from `at` to `end` as a line.
    fn lex<'r>(
        &mut self,
        mut at: usize,
        end: usize,
        depth: u32,
        rest: impl Iterator<Item = &'r str>,
    ) -> Result<(), Unclear> {
        if depth > DEPTH {
            return Err(Unclear);
        }
        let base = self.shell.words.len();
        let mut word = Open { start: self.shell.text.len(), ..Open::default() };
        while at < end {
            let byte = self.byte(at).ok_or(Unclear)?;
            let next = self.byte(at.saturating_add(1)).filter(|_| at.saturating_add(1) < end);
            at = at.saturating_add(1);
            match byte {
                b' ' | b'\t' => self.end_word(&mut word, base)?,
                b'\n' | b';' | b'&' | b'|' => {
                    if byte == b'&' && next == Some(b'>') {
                        // `&>file` redirects both outputs.
                        self.end_word(&mut word, base)?;
                        continue;
                    }
                    if word.redirect && !word.begun {
                        return Err(Unclear);
                    }
                    // In the background, a command is on its own.
                    self.line.special |= byte == b'&';
                    self.end_command(&mut word, base, depth)?;
                }
                b'#' if !word.begun => {
                    while at < end && self.byte(at) != Some(b'\n') {
                        at = at.saturating_add(1);
                    }
                }
                b'<' | b'>' => at = self.redirect(&mut word, base, byte, at, end)?,
                b'\'' => {
                    (word.begun, word.quoted) = (true, true);
                    at = self.single_quoted(at, end)?;
                }
                b'"' => {
                    (word.begun, word.quoted) = (true, true);
                    at = self.double_quoted(&mut word, at, end)?;
                }
                b'\\' => {
                    let escaped = next.ok_or(Unclear)?;
                    at = at.saturating_add(1);
                    if escaped != b'\n' {
                        (word.begun, word.quoted) = (true, true);
                        self.shell.text.push(escaped)?;
                    }
                }
                b'$' => at = self.expansion(&mut word, at, end)?,
                b'`' | b'(' | b')' => return Err(Unclear),
                b'*' | b'?' | b'[' | b'{' => {
                    word.begun = true;
                    word.varies |= byte == b'{';
                    word.literal.get_or_insert(self.shell.text.len());
                    self.shell.text.push(byte)?;
                }
                0..=0x1f | 0x7f => return Err(Unclear),
                _ => {
                    word.begun = true;
                    self.shell.text.push(byte)?;
                }
            }
        }
        if word.redirect && !word.begun {
            return Err(Unclear);
        }
        self.end_word(&mut word, base)?;
        for text in rest {
            if self.shell.text.len().saturating_add(text.len()) > MAX_LINE.saturating_mul(4) {
                return Err(Unclear);
            }
            self.shell.text.extend(text.as_bytes())?;
            let quoted = Open { begun: true, quoted: true, start: word.start, ..Open::default() };
            word = quoted;
            self.end_word(&mut word, base)?;
        }
        self.end_command(&mut word, base, depth)
    }

    fn single_quoted(&mut self, mut at: usize, end: usize) -> Result<usize, Unclear> {
        loop {
            let byte = self.byte(at).filter(|_| at < end).ok_or(Unclear)?;
            at = at.saturating_add(1);
            if byte == b'\'' {
                return Ok(at);
            }
            self.shell.text.push(byte)?;
        }
    }

    fn double_quoted(
        &mut self,
        word: &mut Open,
        mut at: usize,
        end: usize,
    ) -> Result<usize, Unclear> {
        loop {
            let byte = self.byte(at).filter(|_| at < end).ok_or(Unclear)?;
            at = at.saturating_add(1);
            match byte {
                b'"' => return Ok(at),
                b'`' => return Err(Unclear),
                b'$' => at = self.expansion(word, at, end)?,
                b'\\' => {
                    let escaped = self.byte(at).filter(|_| at < end).ok_or(Unclear)?;
                    at = at.saturating_add(1);
                    match escaped {
                        b'\n' => {}
                        b'$' | b'`' | b'"' | b'\\' => self.shell.text.push(escaped)?,
                        other => self.shell.text.extend(&[b'\\', other])?,
                    }
                }
                _ => self.shell.text.push(byte)?,
            }
        }
    }

    /// What follows a `$`: a variable, whose value is not known, or nothing that expands.
    fn expansion(&mut self, word: &mut Open, mut at: usize, end: usize) -> Result<usize, Unclear> {
        let here = |at: usize, this: &Self| this.byte(at).filter(|_| at < end);
        let name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        word.begun = true;
        match here(at, self) {
            Some(b'{') => {
                at = at.saturating_add(1);
                loop {
                    let byte = here(at, self).ok_or(Unclear)?;
                    at = at.saturating_add(1);
                    match byte {
                        b'}' => break,
                        byte if name(byte) => {}
                        // An operator, which may hold commands.
                        _ => return Err(Unclear),
                    }
                }
            }
            Some(byte) if name(byte) => {
                while here(at, self).is_some_and(name) {
                    at = at.saturating_add(1);
                }
            }
            Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => at = at.saturating_add(1),
            // Command and arithmetic substitution, and quotes with escapes of their own.
            Some(b'(' | b'\'' | b'"' | b'[') => return Err(Unclear),
            _ => {
                self.shell.text.push(b'$')?;
                return Ok(at);
            }
        }
        word.varies = true;
        word.literal.get_or_insert(self.shell.text.len());
        self.shell.text.push(b'$')?;
        Ok(at)
    }

    fn redirect(
        &mut self,
        word: &mut Open,
        base: usize,
        first: u8,
        mut at: usize,
        end: usize,
    ) -> Result<usize, Unclear> {
        let number = self.shell.text.get(word.start..).unwrap_or(&[]);
        if word.redirect && !word.begun {
            return Err(Unclear);
        }
        if !word.quoted && !number.is_empty() && number.iter().all(u8::is_ascii_digit) {
            self.shell.text.truncate(word.start);
            *word = Open { start: word.start, ..Open::default() };
        }
        self.end_word(word, base)?;
        while let Some(byte @ (b'<' | b'>' | b'&' | b'|' | b'(')) =
            self.byte(at).filter(|_| at < end)
        {
            if byte == b'(' || first == b'<' && byte == b'<' {
                // Another command, or text that follows.
                return Err(Unclear);
            }
            at = at.saturating_add(1);
        }
        word.redirect = true;
        self.line.special = true;
        Ok(at)
    }

    fn end_word(&mut self, word: &mut Open, base: usize) -> Result<(), Unclear> {
        let end = self.shell.text.len();
        let done = core::mem::replace(word, Open { start: end, ..Open::default() });
        if !done.begun {
            word.redirect = done.redirect;
            return Ok(());
        }
        if done.redirect {
            return Ok(());
        }
        let text = self.shell.text.get(done.start..end).unwrap_or(&[]);
        if self.shell.words.len() == base && !done.quoted {
            // Only the first word can be one of the grammar.
            if text == b"!" {
                return Ok(());
            }
            if wrappers::is_reserved(text) {
                return Err(Unclear);
            }
        }
        if self.shell.words.len() == base
            && let Some(name) = wrappers::assigned(text)
        {
            self.line.special = true;
            return if wrappers::is_harmless_variable(name) { Ok(()) } else { Err(Unclear) };
        }
        // A lone bracket is the program `test`.
        let expands = done.literal.filter(|_| text != b"[");
        let literal = expands.unwrap_or(end);
        self.line.special |= expands.is_some();
        let word = Word {
            start: done.start as u32,
            end: end as u32,
            literal: literal.saturating_sub(done.start) as u32,
            varies: done.varies,
        };
        Ok(self.shell.words.push(word)?)
    }

    fn end_command(&mut self, word: &mut Open, base: usize, depth: u32) -> Result<(), Unclear> {
        self.end_word(word, base)?;
        if self.shell.words.len() > base {
            if depth == 0 {
                self.line.commands = self.line.commands.saturating_add(1);
            }
            self.command(base, depth)?;
            self.shell.words.truncate(base);
        }
        Ok(())
    }

    /// Hands over the command whose words begin at `first`, and those that it runs.
    fn command(&mut self, mut first: usize, depth: u32) -> Result<(), Unclear> {
        let mut more = false;
        loop {
            self.left = self.left.checked_sub(1).ok_or(Unclear)?;
            let words = self.shell.words.get(first..).unwrap_or(&[]);
            let command = Command { words, text: &self.shell.text, more };
            let (_, true) = command.word(0).ok_or(Unclear)? else { return Err(Unclear) };
            (self.found)(command);
            match wrappers::inner(command)? {
                Inner::None => return Ok(()),
                Inner::Command { at, more: added } => {
                    more |= added;
                    first = first.saturating_add(at);
                }
                Inner::Line { at } => {
                    let (_, true) = command.word(at).ok_or(Unclear)? else { return Err(Unclear) };
                    let word = words.get(at).copied().unwrap_or_default();
                    let (start, end) = (word.start as usize, word.end as usize);
                    return self.lex(start, end, depth.saturating_add(1), core::iter::empty());
                }
            }
        }
    }
}
