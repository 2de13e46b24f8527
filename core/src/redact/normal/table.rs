//! Values that a column names: CSV and its kin, Markdown and terminal tables, rows of SQL.
//!
//! A line of names with a sign between them is a header when one of them means something; the lines
//! below that have as many cells are its rows. A list of columns before `VALUES` is the header of the
//! tuples behind it. What is known of a table goes with the text: a stream carries it from chunk to
//! chunk, so that rows are masked however far from their header they are. Tuples are read as far as the
//! block that is looked at: what they know at its end comes of what every view of it shows, never of a
//! value that someone else has found, for whose middle a stream does not keep. Worst case: linear; a line is
//! read once as a header and once as a row, a cell twice.

use super::super::TypeId;
use super::super::bytes::{ALNUM, Set, before, byte, moved, run, run_back, skip_blank, slice};
use super::super::context::named_by;
use super::super::key::{Class, Meaning, meaning};
use super::super::scan::{AHEAD, SEAM, Scan};
use super::super::value::{holds_mask, is_keylike, is_mask_right, is_placeholder, is_wordy};
use super::Pass;
use crate::buf::Full;

/// How many columns with a meaning are followed.
const MOST: usize = 8;
/// How long a header may be.
const LONGEST: usize = 896;
/// How long the name of a column may be.
const NAME: usize = 64;
/// How far behind a row's beginning its cells may begin. Longer rows are not counted.
const ROW: usize = 3072;
/// How much of a cell the detectors read.
const CELL: usize = 1024;

/// How far a call in a tuple is followed.
const CALL: usize = 256;

const BLANK: Set = Set::new(b" \t\r\n");

/// A column that names its values.
#[derive(Clone, Copy, Debug)]
struct Column {
    /// Which of the cells, counted from the left.
    index: usize,
    /// Its name and how long that is.
    name: [u8; NAME],
    len: usize,
}

impl Column {
    const NONE: Self = Self { index: 0, name: [0; NAME], len: 0 };

    fn name(&self) -> &[u8] {
        slice(&self.name, 0, self.len)
    }
}

/// A header whose rows follow.
#[derive(Clone, Copy, Debug)]
struct Table {
    /// What parts the cells.
    sign: u8,
    cells: usize,
    columns: [Column; MOST],
    len: usize,
    /// Pipes are also what code and prose are full of: there a line must be drawn below the header.
    ruled: bool,
}

/// Tuples behind `VALUES` that are not all read.
#[derive(Clone, Copy, Debug)]
struct List {
    table: Table,
    /// Where the next cell begins, or goes on.
    at: usize,
    /// Which of the cells of its tuple that is.
    index: usize,
    /// The cell has begun before, and its end was not in sight: the quote around it, NUL where there is none.
    within: Option<u8>,
}

/// A cell that begins.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The value, blanks and quotes around it removed.
    from: usize,
    to: usize,
    /// The quote around it, NUL where there is none.
    quote: u8,
    /// From here on nothing but its end is looked for.
    plain: usize,
    /// What is behind it and the blanks that follow.
    stop: usize,
}

/// What is known of the text so far.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Tables {
    /// Where the line begins that goes on.
    line: usize,
    table: Option<Table>,
    /// Where the tuples end that have been read.
    read: usize,
    list: Option<List>,
}

impl Tables {
    /// Nothing is known.
    pub(in super::super) const NONE: Self = Self { line: 0, table: None, read: 0, list: None };

    /// Bytes `from..to` of the text are gone.
    pub(in super::super) fn shift(&mut self, from: usize, to: usize) {
        (self.line, self.read) = (moved(self.line, from, to), moved(self.read, from, to));
        if let Some(list) = &mut self.list {
            list.at = moved(list.at, from, to);
        }
    }
}

impl Table {
    /// The table whose header is `start..end`, if one of its columns means something.
    #[inline(never)]
    fn of(text: &[u8], start: usize, end: usize, sign: u8) -> Option<Self> {
        let columns = [Column::NONE; MOST];
        let mut table = Self { sign, cells: 0, columns, len: 0, ruled: sign != b'|' };
        for (from, to) in Cells::of_line(text, start, end, sign) {
            let (from, to) = trimmed(text, from, to);
            let name = slice(text, from, to);
            // A sentence is no list of names.
            let words = name.iter().filter(|&&byte| byte == b' ').count();
            if words > 3 || name.len() > NAME || name.is_empty() && sign != b'|' || holds_mask(name)
            {
                return None;
            }
            if is_telling(name)
                && let Some(slot) = table.columns.get_mut(table.len)
            {
                (slot.index, slot.len) = (table.cells, name.len());
                slot.name.iter_mut().zip(name).for_each(|(to, &from)| *to = from);
                table.len += 1;
            }
            table.cells += 1;
        }
        (table.len > 0 && table.cells > 1).then_some(table)
    }

    /// How many cells too many the line `start..end` has, if it is a row.
    #[inline(never)]
    fn surplus(&self, text: &[u8], start: usize, end: usize) -> Option<usize> {
        if end - start > ROW {
            return Some(0);
        }
        let more = Cells::of_line(text, start, end, self.sign).count().checked_sub(self.cells)?;
        // A sign too many is part of the one value that was not quoted.
        (more == 0 || self.len == 1 && more <= 8).then_some(more)
    }

    fn column(&self, index: usize) -> Option<&Column> {
        self.columns.iter().take(self.len).find(|column| column.index == index)
    }
}

impl List {
    /// The tuples that begin with the `(` at `at`, if `VALUES` and a list of columns stand before it, all of
    /// it behind `least`.
    fn begin(text: &[u8], at: usize, least: usize) -> Option<Self> {
        let word = run_back(text, at, BLANK, 16);
        if !slice(text, word.saturating_sub(6), word).eq_ignore_ascii_case(b"values") {
            return None;
        }
        let close = run_back(text, word - 6, BLANK, 16);
        if before(text, close) != b')' {
            return None;
        }
        let list = slice(text, close.saturating_sub(LONGEST).max(least), close - 1);
        let open = memchr::memrchr(b'(', list)?;
        let table = Table::of(text, close - list.len() + open, close - 1, b',')?;
        Some(Self { table, at: at + 1, index: 0, within: None })
    }

    /// What follows a cell that ends before `stop`, unless the tuples end there.
    fn behind(self, text: &[u8], stop: usize) -> Option<Self> {
        const BETWEEN: Set = Set::new(b" \t\r\n,");
        let next = Self { index: self.index + 1, within: None, ..self };
        match byte(text, stop) {
            b',' => Some(Self { at: stop + 1, ..next }),
            b')' => {
                let open = run(slice(text, 0, stop + 64), stop + 1, BETWEEN);
                (byte(text, open) == b'(').then_some(Self { at: open + 1, index: 0, ..next })
            }
            _ => None,
        }
    }

    /// Goes on with a cell that has begun, up to `until`; where it stops if it does before.
    fn go_on(&mut self, text: &[u8], quote: u8, until: usize) -> Option<usize> {
        let end = if quote == 0 {
            let rest = slice(text, self.at, until);
            self.at + rest.iter().position(|byte| matches!(byte, b',' | b')')).unwrap_or(rest.len())
        } else {
            closing(text, self.at, quote, true, until)
        };
        self.at = end;
        (end < until).then(|| if quote == 0 { end } else { end + 1 + blank(text, end + 1, b',') })
    }
}

impl Pass<'_, '_, '_> {
    /// Looks at the line break at `end`: the line before it may be a header, the one behind it a row.
    #[inline]
    pub(super) fn line(&mut self, end: usize) -> Result<(), Full> {
        let text = self.text;
        let start = core::mem::replace(&mut self.state.tables.line, end + 1);
        if self.state.tables.table.is_none() {
            let end = end - usize::from(end > start && before(text, end) == b'\r');
            let line = slice(text, start, end);
            if line.len() <= 2 {
                return Ok(());
            }
            let Some(sign) = header_sign(line) else { return Ok(()) };
            self.state.tables.table = Table::of(text, start, end, sign);
        }
        self.next_line(end + 1)
    }

    /// Looks at the line that begins at `start`, below a header or a row.
    #[inline(never)]
    fn next_line(&mut self, start: usize) -> Result<(), Full> {
        let text = self.text;
        let Some(table) = &mut self.state.tables.table else { return Ok(()) };
        let rest = text.get(start..).unwrap_or(&[]);
        let end = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let end = end - usize::from(end > start && before(text, end) == b'\r');
        let is_long = end - start > ROW;
        if !is_long && is_rule(slice(text, start, end)) {
            table.ruled = true;
        } else if table.ruled && table.surplus(text, start, end).is_some() {
            return self.row(start, end);
        } else if !is_long {
            self.state.tables.table = None;
        }
        Ok(())
    }

    /// Masks the cells of the row `start..end`.
    #[inline(never)]
    fn row(&mut self, start: usize, end: usize) -> Result<(), Full> {
        let text = self.text;
        let Some(table) = self.state.tables.table else { return Ok(()) };
        let more = table.surplus(text, start, end).unwrap_or(0);
        for column in table.columns.iter().take(table.len) {
            let mut cells = Cells::of_line(text, start, end, table.sign);
            let cell = cells.nth(column.index).filter(|&(from, _)| from < start + ROW);
            let Some((from, to)) = cell else { break };
            let to = self.seen(to, cells.stop);
            let to = if more > 0 { cells.nth(more - 1).map_or(to, |(_, to)| to) } else { to };
            self.cell(column, (from, to), |_| to, table.sign == b'|')?;
        }
        Ok(())
    }

    /// Looks at the tuples behind the `(` at `at` if `VALUES` stands before it.
    pub(super) fn tuples(&mut self, at: usize) -> Result<(), Full> {
        self.list(at + 1)?;
        if self.state.tables.list.is_none() && at >= self.state.tables.read {
            self.state.tables.list = List::begin(self.text, at, self.state.inside);
        }
        Ok(())
    }

    /// Masks those cells of the tuples that are being read that begin before `until`.
    #[inline]
    pub(super) fn list(&mut self, until: usize) -> Result<(), Full> {
        match self.state.tables.list {
            Some(list) if list.at < until => self.cells(until),
            _ => Ok(()),
        }
    }

    #[inline(never)]
    fn cells(&mut self, until: usize) -> Result<(), Full> {
        let (text, until) = (self.text, until.min(self.text.len()));
        // As far as this is in view of whoever looks at the block.
        let sight = self.state.base + AHEAD - SEAM;
        while let Some(mut list) = self.state.tables.list.take_if(|list| list.at < until) {
            let inside = self.state.inside;
            let next = match list.within {
                Some(_) if list.at < inside => Some(List { at: inside, ..list }),
                // What a cell is that begins in the midst of a long value nobody knows.
                None if list.at < inside => None,
                Some(quote) => match list.go_on(text, quote, until) {
                    Some(stop) => {
                        self.state.tables.read = stop;
                        list.behind(text, stop)
                    }
                    None => Some(list),
                },
                None => self.next_cell(list, sight)?,
            };
            self.state.tables.list = next;
        }
        Ok(())
    }

    /// Masks the cell that `list` has come to if it is what its column says. The list behind it, or within
    /// it where it does not end in `sight`.
    fn next_cell(&mut self, list: List, sight: usize) -> Result<Option<List>, Full> {
        let text = self.text;
        let near = slice(text, 0, sight + SEAM);
        let cell = Cells::of_tuple(near, list.at).cell().unwrap_or_default();
        if let Some(column) = list.table.column(list.index) {
            let long = |pass: &Self| {
                let cell = Cells::of_tuple(text, list.at).cell().unwrap_or_default();
                pass.seen(cell.to, cell.stop)
            };
            let end = |pass: &Self| if cell.stop < sight { cell.to } else { long(pass) };
            self.cell(column, (cell.from, cell.to), end, false)?;
        }
        if is_unclear(text, (cell.from, cell.to)) {
            // Nor is a list clear that begins shortly behind.
            self.state.tables.read = cell.from + CELL;
            return Ok(None);
        }
        if cell.stop >= sight {
            return Ok(Some(List { at: cell.plain, within: Some(cell.quote), ..list }));
        }
        self.state.tables.read = cell.stop;
        Ok(list.behind(text, cell.stop))
    }

    /// Where the value ends of a cell that ends at `stop`: where it ends out of view, blanks are part of it.
    const fn seen(&self, to: usize, stop: usize) -> usize {
        if self.view.more && stop + SEAM > self.text.len() { stop } else { to }
    }

    /// Masks the cell `from..to` up to its `end` if it is what its column says.
    fn cell(
        &mut self,
        column: &Column,
        (from, to): (usize, usize),
        end: impl FnOnce(&Self) -> usize,
        prose: bool,
    ) -> Result<(), Full> {
        let (text, name) = (self.text, column.name());
        let value = slice(text, from, to);
        if value.is_empty() || value.len() <= 128 && is_placeholder(value) {
            return Ok(());
        }
        // What was no value when it was whole is none without the part that is masked.
        if !holds_mask(slice(value, 0, CELL))
            && let Some(meaning) = meaning(name)
            && self.types.contains(meaning.id)
            && is_meant(meaning, slice(value, 0, CELL), prose)
        {
            return self.push(meaning.id, from, end(self));
        }
        let head = slice(value, 0, CELL).utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let first = self.found.len();
        Scan::new(head, name, self.types, self.found)?.run()?;
        for found in self.found.iter_mut().skip(first) {
            (found.start, found.end) = (found.start + from as u32, found.end + from as u32);
        }
        Ok(())
    }
}

/// Whether a mask of ours in the cell `from..to`, which no quotes are around, may stand for a border of
/// cells as well: it is the rest of what something before it in the cell named.
fn is_unclear(text: &[u8], (from, to): (usize, usize)) -> bool {
    let cell = slice(text, from, to.min(from + CELL));
    if matches!(before(text, from), b'"' | b'\'' | b'`') {
        return false;
    }
    let glued = |at: usize| at > 0 && is_mask_right(cell, at);
    memchr::memchr_iter(b'[', cell).any(glued)
}

/// Whether `value` can be what a column with this meaning holds. Tables of prose describe as well.
fn is_meant(meaning: Meaning, value: &[u8], prose: bool) -> bool {
    let digits = value.iter().take(64).filter(|byte| byte.is_ascii_digit()).count();
    let joints = value.iter().filter(|&&byte| byte == b'-').count();
    let word =
        !value.contains(&b' ') && !(prose && (!value.is_ascii() || is_wordy(value) && joints < 3));
    match meaning.class {
        Class::Password => value.len() >= 4 && word,
        Class::Pin => (3..=8).contains(&value.len()) && digits == value.len(),
        Class::Key => is_keylike(value),
        Class::Secret | Class::Authorization | Class::Cookie | Class::Phrase => {
            value.len() >= 6
                && !(value.len() < 20 && is_wordy(value))
                && (word || !prose && value.len() > 20)
        }
        // Nothing but secrets is longer than what is read of a cell.
        Class::Personal if value.len() >= CELL => false,
        Class::Personal if meaning.id == TypeId::EMAIL => value.contains(&b'@'),
        Class::Personal if meaning.id == TypeId::PHONE => digits >= 6,
        Class::Personal => digits >= 4 && value.len() <= 40,
    }
}

/// Whether a column called `name` is worth following.
fn is_telling(name: &[u8]) -> bool {
    meaning(name).is_some() || named_by(name) != 0
}

/// `start..end` without the signs around the name in it.
fn trimmed(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    let part = |byte: &&u8| !ALNUM.has(**byte) && **byte < 0x80;
    let name = slice(text, start, end);
    let front = name.iter().take_while(part).count();
    let back = name.iter().rev().take(name.len() - front).take_while(part).count();
    (start + front, end - back)
}

/// The sign between the cells of `line` if it could be a header: names and one kind of sign.
fn header_sign(line: &[u8]) -> Option<u8> {
    // The first and the last byte refuse most lines.
    let first = *line.first()?;
    let last = *line.last()?;
    let ends = |c: u8| c.is_ascii_alphabetic() || c >= 0x80 || b"_\"'|`* ".contains(&c);
    if line.len() > LONGEST || !ends(first) || !ends(last) && !last.is_ascii_digit() {
        return None;
    }
    if memchr::memchr3(b',', b';', b'|', line).is_none() && !line.contains(&b'\t') {
        return None;
    }
    let (mut sign, mut left) = (0, b' ');
    // Names one below the other, as in code, are indented or end with the sign.
    if matches!(line, [b' ' | b'\t', .., b'a'..=b'z' | b'A'..=b'Z' | b',' | b';'] | [.., b',' | b';'])
        && !line.contains(&b'|')
    {
        return None;
    }
    for (at, &c) in line.iter().enumerate() {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'"' | b'.' | b'-' | b'\'' | b'/' | 0x80.. => {}
            // A number is no name.
            b'0'..=b'9' if left.is_ascii_alphanumeric() || matches!(left, b'_' | b'-' | b'.') => {}
            b' ' | b'(' | b')' | b'`' | b'*' => {}
            b',' | b';' | b'\t' | b'|' if sign == 0 || sign == c => {
                sign = c;
                // Commas of sentences have a blank behind them.
                if matches!(c, b',' | b';') && byte(line, at + 1) == b' ' {
                    return None;
                }
            }
            _ => return None,
        }
        left = c;
    }
    (sign != 0).then_some(sign)
}

/// Whether `line` is drawn below a header, or around a table.
fn is_rule(line: &[u8]) -> bool {
    !line.is_empty() && line.iter().all(|byte| b"-+|:= ".contains(byte))
}

/// The cells of a line or of a tuple, blanks and quotes around them removed.
struct Cells<'t> {
    text: &'t [u8],
    /// Where the next cell begins, unless the last one has been handed out.
    at: Option<usize>,
    sign: u8,
    /// In a tuple quotes are single, backslashes escape, and a parenthesis ends it.
    sql: bool,
    /// Where the last cell ended.
    stop: usize,
}

impl<'t> Cells<'t> {
    /// The cells of the line `start..end`.
    fn of_line(text: &'t [u8], start: usize, end: usize, sign: u8) -> Self {
        let (mut start, mut end) = (start, end);
        if sign == b'|' {
            // The pipes around a row part nothing.
            start = skip_blank(text, start);
            start += usize::from(byte(text, start) == b'|');
            end = run_back(text, end, BLANK, 64);
            end -= usize::from(end > start && before(text, end) == b'|');
        }
        Self { text: slice(text, 0, end), at: Some(start), sign, sql: false, stop: end }
    }

    /// The cells of the tuple that begins behind its parenthesis at `start`.
    const fn of_tuple(text: &'t [u8], start: usize) -> Self {
        Self { text, at: Some(start), sign: b',', sql: true, stop: start }
    }

    /// The next cell.
    fn cell(&mut self) -> Option<Cell> {
        let (text, sign) = (self.text, self.sign);
        let blank = |at: usize| at + blank(text, at, sign);
        let from = blank(self.at?);
        let quote = match byte(text, from) {
            quote @ (b'"' | b'`') if sign != b'|' => quote,
            b'\'' if self.sql => b'\'',
            _ => 0,
        };
        let cell = if quote != 0 {
            let from = from + 1;
            let to = closing(text, from, quote, self.sql, text.len());
            Cell { from, to, quote, plain: from, stop: blank(to + 1) }
        } else {
            let rest = text.get(from..).unwrap_or(&[]);
            let call = if self.sql { call(slice(rest, 0, CALL)) } else { 0 };
            let ends = |&byte: &u8| byte == sign || self.sql && byte == b')';
            let tail = rest.get(call..).unwrap_or(&[]);
            let stop = from + call + tail.iter().position(ends).unwrap_or(tail.len());
            let blanks = slice(text, from, stop).iter().rev().take_while(|&&b| BLANK.has(b));
            Cell { from, to: stop - blanks.count(), quote, plain: from + call, stop }
        };
        self.at =
            (byte(text, cell.stop) == sign && cell.stop < text.len()).then_some(cell.stop + 1);
        self.stop = cell.stop;
        Some(cell)
    }
}

/// How long what `cell` begins with is up to its last closed parenthesis: `now()`, `(212) 555-0123`.
fn call(cell: &[u8]) -> usize {
    let (mut depth, mut closed) = (0_usize, 0);
    for (i, &byte) in cell.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => {
                depth -= 1;
                closed = if depth == 0 { i + 1 } else { closed };
            }
            b',' | b')' if depth == 0 => break,
            _ => {}
        }
    }
    closed
}

/// How many blanks there are at `at` but for `sign`, as far as anyone writes them.
fn blank(text: &[u8], at: usize, sign: u8) -> usize {
    let rest = slice(text, at, at + 256);
    rest.iter().take_while(|&&byte| BLANK.has(byte) && byte != sign).count()
}

/// The closing quote, at or behind `at`: doubled ones are part of the value. Where the value goes on
/// behind `until`, an offset from there on that is no second part of a pair.
fn closing(text: &[u8], mut at: usize, quote: u8, sql: bool, until: usize) -> usize {
    while let Some(i) = memchr::memchr2(quote, b'\\', slice(text, at, until)) {
        at += i;
        let escaped = byte(text, at) == b'\\';
        if !escaped && byte(text, at + 1) != quote {
            return at;
        }
        at += if escaped && !sql { 1 } else { 2 };
    }
    at.max(until.min(text.len()))
}

impl Iterator for Cells<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        self.cell().map(|cell| (cell.from, cell.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn cells(line: &str, sign: u8) -> Vec<&str> {
        let cells = Cells::of_line(line.as_bytes(), 0, line.len(), sign);
        cells.map(|(from, to)| &line[from..to]).collect()
    }

    #[test]
    fn cells_of_lines_and_tuples() {
        assert_eq!(cells("a,\"b,\"\"c\", d ,", b','), ["a", "b,\"\"c", "d", ""]);
        assert_eq!(cells("| a |  | b c |", b'|'), ["a", "", "b c"]);
        assert_eq!(cells(" a | b", b'|'), ["a", "b"]);
        assert_eq!(cells("a\t\tb c", b'\t'), ["a", "", "b c"]);
        let text = "1, 'it''s (x)', NULL), (2";
        let mut tuple = Cells::of_tuple(text.as_bytes(), 0);
        let all: Vec<&str> = tuple.by_ref().map(|(from, to)| &text[from..to]).collect();
        assert_eq!(all, ["1", "it''s (x)", "NULL"]);
        assert_eq!(tuple.stop, 20);
    }

    #[test]
    fn headers() {
        for (line, sign) in [
            ("id,password", Some(b',')),
            ("\"id\";\"api key\"", Some(b';')),
            ("| id | pass_word2 |", Some(b'|')),
            ("id\tuser.email", Some(b'\t')),
            ("Your name, your password", None),
            ("1,2,3", None),
            ("password", None),
            ("a=1,b", None),
            ("row 46 | x", None),
        ] {
            assert_eq!(header_sign(line.as_bytes()), sign, "{line}");
        }
    }
}
