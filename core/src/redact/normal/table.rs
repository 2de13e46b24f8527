//! Values that a column names: CSV and its kin, Markdown and terminal tables, rows of SQL.
//!
//! A line of names with a sign between them is a header when one of them means something; the lines
//! below that have as many cells are its rows. A list of columns before `VALUES` is the header of the
//! tuples behind it. Worst case: linear; a line is read once as a header and once as a row.

use super::super::bytes::{ALNUM, Set, before, byte, run, run_back, skip_blank, slice};
use super::super::context::named_by;
use super::super::key::{Class, Meaning, meaning};
use super::super::scan::Scan;
use super::super::value::{is_keylike, is_placeholder, is_wordy};
use super::super::{Finding, TypeId};
use super::Pass;
use crate::buf::Full;

/// How many columns with a meaning are followed.
const MOST: usize = 8;
/// How long a header may be.
const LONGEST: usize = 1024;
/// How much of a cell the detectors read.
const CELL: usize = 1024;

const BLANK: Set = Set::new(b" \t\r\n");

/// A column that names its values.
#[derive(Clone, Copy, Default)]
struct Column {
    /// Which of the cells, counted from the left.
    index: usize,
    /// Its name, as a range of the text.
    name: (usize, usize),
}

/// A header whose rows follow.
#[derive(Clone, Copy)]
struct Table {
    /// What parts the cells.
    sign: u8,
    cells: usize,
    columns: [Column; MOST],
    len: usize,
    /// Pipes are also what code and prose are full of: there a line must be drawn below the header.
    ruled: bool,
}

/// What is known of the lines so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Tables {
    /// Where the line begins that is read next.
    line: usize,
    table: Option<Table>,
}

impl Pass<'_, '_, '_> {
    /// Looks at the line that ends at `end`, a line break or the end of the text.
    #[inline]
    pub(super) fn line(&mut self, end: usize) -> Result<(), Full> {
        let text = self.text;
        let start = self.tables.line.min(end);
        self.tables.line = end + 1;
        let end = end - usize::from(end > start && before(text, end) == b'\r');
        let line = slice(text, start, end);
        if let Some(table) = &mut self.tables.table {
            if is_rule(line) {
                table.ruled = true;
                return Ok(());
            }
            let table = *table;
            if table.ruled && self.row(&table, start, end)? {
                return Ok(());
            }
            self.tables.table = None;
        }
        if let Some(sign) = header_sign(line) {
            self.tables.table = self.header(start, end, sign);
        }
        Ok(())
    }

    /// The table whose header is `start..end`, if one of its columns means something.
    #[inline(never)]
    fn header(&self, start: usize, end: usize, sign: u8) -> Option<Table> {
        let mut table = Table {
            sign,
            cells: 0,
            columns: [Column::default(); MOST],
            len: 0,
            ruled: sign != b'|',
        };
        for (from, to) in Cells::of_line(self.text, start, end, sign) {
            let (from, to) = trimmed(self.text, from, to);
            let name = slice(self.text, from, to);
            // A sentence is no list of names.
            let words = name.iter().filter(|&&byte| byte == b' ').count();
            if words > 3 || name.len() > 64 || name.is_empty() && sign != b'|' {
                return None;
            }
            if is_telling(name)
                && let Some(slot) = table.columns.get_mut(table.len)
            {
                *slot = Column { index: table.cells, name: (from, to) };
                table.len += 1;
            }
            table.cells += 1;
        }
        (table.len > 0 && table.cells > 1).then_some(table)
    }

    /// Masks the cells of the row `start..end`; false when it is none of the table's rows.
    #[inline(never)]
    fn row(&mut self, table: &Table, start: usize, end: usize) -> Result<bool, Full> {
        let text = self.text;
        let cells = || Cells::of_line(text, start, end, table.sign);
        let count = cells().count();
        if count < table.cells {
            return Ok(false);
        }
        // A sign too many is part of the one value that was not quoted.
        let more = count - table.cells;
        if more > 0 && (table.len > 1 || more > 8) {
            return Ok(false);
        }
        for column in table.columns.iter().take(table.len) {
            let mut cells = cells().skip(column.index);
            let Some((from, to)) = cells.next() else { break };
            let to = if more > 0 { cells.nth(more - 1).map_or(to, |(_, to)| to) } else { to };
            self.cell(column, from, to, table.sign == b'|')?;
        }
        Ok(true)
    }

    /// Looks at the tuples behind the `(` at `at` if `VALUES` stands before it.
    pub(super) fn tuples(&mut self, at: usize) -> Result<(), Full> {
        const BETWEEN: Set = Set::new(b" \t\r\n,");
        let text = self.text;
        let word = run_back(text, at, BLANK, 16);
        if !slice(text, word.saturating_sub(6), word).eq_ignore_ascii_case(b"values") {
            return Ok(());
        }
        let close = run_back(text, word - 6, BLANK, 16);
        if before(text, close) != b')' {
            return Ok(());
        }
        let list = slice(text, close.saturating_sub(LONGEST), close - 1);
        let Some(open) = memchr::memrchr(b'(', list) else {
            return Ok(());
        };
        let Some(table) = self.header(close - 1 - list.len() + open + 1, close - 1, b',') else {
            return Ok(());
        };
        let mut at = at;
        while byte(text, at) == b'(' {
            let mut cells = Cells::of_tuple(text, at + 1);
            for (index, (from, to)) in cells.by_ref().enumerate() {
                let mut columns = table.columns.iter().take(table.len);
                if let Some(column) = columns.find(|column| column.index == index) {
                    self.cell(column, from, to, false)?;
                }
            }
            if byte(text, cells.stop) != b')' {
                break;
            }
            at = run(slice(text, 0, cells.stop + 64), cells.stop + 1, BETWEEN);
        }
        Ok(())
    }

    /// Masks the cell `from..to` if it is what its column says.
    fn cell(&mut self, column: &Column, from: usize, to: usize, prose: bool) -> Result<(), Full> {
        let (text, name) = (self.text, slice(self.text, column.name.0, column.name.1));
        let value = slice(text, from, to);
        if value.is_empty() || value.len() <= 128 && is_placeholder(value) {
            return Ok(());
        }
        if let Some(meaning) = meaning(name)
            && self.types.contains(meaning.id)
            && is_meant(meaning, value, prose)
        {
            return self.found.push(Finding { start: from as u32, end: to as u32, id: meaning.id });
        }
        let head =
            text.get(from..to.min(from + CELL)).and_then(|head| core::str::from_utf8(head).ok());
        let first = self.found.len();
        Scan::new(head.unwrap_or(""), name, self.types, self.found)?.run()?;
        for found in self.found.iter_mut().skip(first) {
            (found.start, found.end) = (found.start + from as u32, found.end + from as u32);
        }
        Ok(())
    }
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
        Class::Secret | Class::Authorization | Class::Cookie => {
            value.len() >= 6
                && !(value.len() < 20 && is_wordy(value))
                && (word || !prose && value.len() > 20)
        }
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

    /// The closing quote: doubled ones are part of the value.
    fn closing(&self, mut at: usize, quote: u8) -> usize {
        while let Some(i) = memchr::memchr2(quote, b'\\', self.text.get(at..).unwrap_or(&[])) {
            at += i;
            let escaped = byte(self.text, at) == b'\\';
            if !escaped && byte(self.text, at + 1) != quote {
                return at;
            }
            at += if escaped && !self.sql { 1 } else { 2 };
        }
        self.text.len()
    }
}

impl Iterator for Cells<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let (text, sign) = (self.text, self.sign);
        let blank = |at: usize| {
            let rest = text.get(at..).unwrap_or(&[]);
            at + rest.iter().take_while(|&&byte| BLANK.has(byte) && byte != sign).count()
        };
        let from = blank(self.at?);
        let quote = byte(text, from);
        let quoted = match quote {
            b'"' | b'`' => sign != b'|',
            b'\'' => self.sql,
            _ => false,
        };
        let (from, to, stop) = if quoted {
            let close = self.closing(from + 1, quote);
            (from + 1, close, blank(close + 1))
        } else {
            let rest = text.get(from..).unwrap_or(&[]);
            let ends = |&byte: &u8| byte == sign || self.sql && byte == b')';
            let stop = from + rest.iter().position(ends).unwrap_or(rest.len());
            let blanks = slice(text, from, stop).iter().rev().take_while(|&&b| BLANK.has(b));
            (from, stop - blanks.count(), stop)
        };
        self.at = (byte(text, stop) == sign && stop < text.len()).then_some(stop + 1);
        self.stop = stop;
        Some((from, to))
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
