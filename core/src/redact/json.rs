//! JSON in, the same JSON with its secrets masked out.
//!
//! Every string, member name and number is scanned as the text that it stands for, escapes undone. A
//! member's name also judges its value whole: under `password` anything is a secret. Bytes outside of
//! changed literals are copied verbatim. Worst case: linear; each literal is decoded once.

use core::fmt::Write;

use super::bytes::{Set, run, run_back, slice};
use super::key::{Class, meaning};
use super::path::Paths;
use super::prose::is_phrase;
use super::pseudonym::Pseudonyms;
use super::scan::Scan;
use super::value::{is_keylike, is_placeholder, is_wordy};
use super::{Counts, Finding, Redactor, TypeId};
use crate::buf::{Buf, Full};
use crate::json::{Document, Kind, Str, write_escaped};

/// Memory for one literal at a time.
#[derive(Debug)]
pub struct Work<'m> {
    /// The text of a literal, escapes undone.
    pub text: Buf<'m, u8>,
    /// What was found in it.
    pub findings: Buf<'m, Finding>,
    /// The numbers of values that are masked by numbers.
    pub names: Pseudonyms<'m>,
    /// What was masked in documents so far.
    pub counts: Counts,
}

#[cfg(feature = "alloc")]
impl Default for Work<'_> {
    fn default() -> Self {
        Self::growable()
    }
}

impl<'m> Work<'m> {
    /// Over lent storage: `text` bounds the longest literal that holds escapes.
    #[must_use]
    pub const fn lent(text: &'m mut [u8], findings: &'m mut [Finding]) -> Self {
        Self {
            text: Buf::lent(text),
            findings: Buf::lent(findings),
            names: Pseudonyms::none(),
            counts: Counts::new(),
        }
    }

    /// Memory that grows.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn growable() -> Self {
        Self {
            text: Buf::growable(),
            findings: Buf::growable(),
            names: Pseudonyms::growable(),
            counts: Counts::new(),
        }
    }
}

/// How many containers deep the names of arrays are remembered.
const DEEPEST: usize = 32;

impl Redactor<'_> {
    /// Appends `doc` to `out` with what must not be shown masked; it stays strict JSON. A number that
    /// is masked becomes a string. Answers how many values were masked; when none, `out` has the
    /// document's very bytes.
    ///
    /// # Errors
    /// [`Full`] when a buffer is used up; `out` may not be shown then.
    pub fn redact_json(
        &self,
        doc: Document<'_>,
        work: &mut Work<'_>,
        out: &mut Buf<'_, u8>,
    ) -> Result<usize, Full> {
        let bytes = doc.bytes();
        let (mut copied, mut masked, mut masked_keys) = (0, 0, 0_usize);
        // The member whose value comes next, and the arrays around it that are values of members.
        let mut key: Option<u32> = None;
        let mut arrays = [(0_u32, 0_u32); DEEPEST];
        let mut depth = 0_usize;
        let mut paths = Paths::new(self.allow, doc);
        for index in 0..doc.len() {
            if paths.as_mut().is_some_and(|paths| paths.covers(index)) {
                key = None;
                continue;
            }
            let node = doc.node(index);
            let kind = node.kind();
            while depth > 0 && arrays.get(depth - 1).is_none_or(|&(_, end)| index >= end) {
                depth -= 1;
            }
            let inherited =
                depth.checked_sub(1).and_then(|top| arrays.get(top)).map(|&(key, _)| key);
            let name = if kind == Kind::Key { None } else { key.take().or(inherited) };
            let name = if kind == Kind::String { named_beside(doc, index, name) } else { name };
            match kind {
                Kind::Array => {
                    if let (Some(name), Some(slot)) = (name, arrays.get_mut(depth)) {
                        *slot = (name, node.link);
                        depth += 1;
                    }
                    continue;
                }
                Kind::Object => {
                    // Members have names of their own.
                    if let Some(slot) = arrays.get_mut(depth).filter(|_| depth > 0) {
                        *slot = (u32::MAX, node.link);
                        depth += 1;
                    }
                    continue;
                }
                Kind::Key => key = Some(index),
                Kind::Number | Kind::String => {}
                Kind::Null | Kind::True | Kind::False => continue,
            }
            let (start, end) = (node.start as usize, node.end as usize);
            let text = match kind {
                Kind::Number => Str::new(bytes.get(start..end).unwrap_or(&[]), false),
                _ => doc.text(index),
            };
            let name = name.filter(|&name| name != u32::MAX).map(|name| doc.text(name));
            let Some(plain) = self.examine(text, kind, name, &mut work.text, &mut work.findings)?
            else {
                continue;
            };
            out.extend(bytes.get(copied..start).unwrap_or(&[]))?;
            self.write_literal(plain, kind, &work.findings, &mut work.names, out)?;
            if kind == Kind::Key {
                // Two masked names of one object must differ.
                masked_keys += 1;
                if masked_keys > 1 {
                    out.pop();
                    write!(out, "#{masked_keys}\"").map_err(|_| Full)?;
                }
            }
            masked += work.findings.len();
            work.findings.iter().for_each(|found| work.counts.add(found.id));
            copied = end;
        }
        out.extend(bytes.get(copied..).unwrap_or(&[]))?;
        Ok(masked)
    }

    /// Appends the string `text`, the value of a member called `key` (or of none, then empty), to
    /// `out` as a JSON string with its quotes, masked. Answers how many values were masked.
    ///
    /// # Errors
    /// [`Full`] when a buffer is used up; `out` may not be shown then.
    pub fn redact_str(
        &self,
        text: Str<'_>,
        key: &str,
        work: &mut Work<'_>,
        out: &mut Buf<'_, u8>,
    ) -> Result<usize, Full> {
        let name = (!key.is_empty()).then(|| Str::new(key.as_bytes(), false));
        match self.examine(text, Kind::String, name, &mut work.text, &mut work.findings)? {
            Some(plain) => {
                self.write_literal(plain, Kind::String, &work.findings, &mut work.names, out)?;
                Ok(work.findings.len())
            }
            None => {
                out.push(b'"')?;
                out.extend(text.raw())?;
                out.push(b'"')?;
                Ok(0)
            }
        }
    }

    /// Fills `findings` for one literal and answers its text, when there are any.
    fn examine<'a>(
        &self,
        text: Str<'a>,
        kind: Kind,
        name: Option<Str<'_>>,
        decoded: &'a mut Buf<'_, u8>,
        findings: &mut Buf<'_, Finding>,
    ) -> Result<Option<&'a str>, Full> {
        let plain = match text.as_plain() {
            Some(plain) => plain,
            None => {
                decoded.clear();
                for c in text.chars() {
                    decoded.extend(c.encode_utf8(&mut [0; 4]).as_bytes())?;
                }
                core::str::from_utf8(decoded).map_err(|_| Full)?
            }
        };
        let mut spelt = [0_u8; 96];
        let name =
            name.map_or("", |name| name.as_plain().unwrap_or_else(|| spell(name, &mut spelt)));
        match (kind, self.judge(name, plain, kind, findings)?) {
            (_, true) => {}
            (Kind::Key, _) => self.scan(plain, findings)?,
            _ => self.scan_under(name, plain, findings)?,
        }
        Ok((!findings.is_empty()).then_some(plain))
    }

    /// Judges a value by its member's name alone; true when that decided, and `findings` has it.
    fn judge(
        &self,
        name: &str,
        value: &str,
        kind: Kind,
        findings: &mut Buf<'_, Finding>,
    ) -> Result<bool, Full> {
        let Some(meaning) = meaning(name.as_bytes()).filter(|m| self.types.contains(m.id)) else {
            return Ok(false);
        };
        findings.clear();
        let bytes = value.as_bytes();
        let digits = bytes.iter().take(256).filter(|b| b.is_ascii_digit()).count();
        let short = bytes.len() <= 128;
        if kind == Kind::Key || bytes.is_empty() || short && is_placeholder(bytes) {
            return Ok(false);
        }
        let whole = match meaning.class {
            Class::Password => true,
            Class::Pin => digits >= 3 && bytes.len() <= 12,
            Class::Secret if kind == Kind::Number => digits >= 6,
            Class::Secret => bytes.len() >= 4 && !(bytes.len() < 20 && is_wordy(bytes)),
            Class::Key => is_keylike(bytes),
            Class::Phrase => is_phrase(bytes),
            Class::Personal if meaning.id == TypeId::EMAIL => value.contains('@'),
            Class::Personal if meaning.id == TypeId::PHONE => digits >= 6,
            Class::Personal => digits >= 4,
            Class::Authorization | Class::Cookie => {
                let mut scan = Scan::new(value, b"", self.types, findings)?;
                if meaning.class == Class::Cookie { scan.cookies(0) } else { scan.credential(0) }?;
                scan.run()?;
                self.settle(value, findings);
                return Ok(true);
            }
        };
        if whole {
            let end = u32::try_from(value.len()).map_err(|_| Full)?;
            findings.push(Finding { start: 0, end, id: meaning.id })?;
            self.settle(value, findings);
        }
        Ok(whole)
    }

    fn write_literal(
        &self,
        plain: &str,
        kind: Kind,
        findings: &[Finding],
        names: &mut Pseudonyms<'_>,
        out: &mut Buf<'_, u8>,
    ) -> Result<(), Full> {
        if kind == Kind::Number && self.masks.keep_shape(findings) {
            // The shape of a number is one: no zero leads it.
            return plain
                .bytes()
                .try_for_each(|byte| out.push(if byte.is_ascii_digit() { b'1' } else { byte }));
        }
        out.push(b'"')?;
        let mut sink = |piece: &str| write_escaped(piece, out).map_err(|_| Full);
        let mut copied = 0;
        for found in findings {
            let (start, end) = (found.start as usize, found.end as usize);
            let Some(quote) = bare_number(plain, start, end)
                .filter(|_| !self.masks.keep_shape(core::slice::from_ref(found)))
            else {
                continue;
            };
            self.pieces(plain, (copied, start), findings, names, &mut sink)?;
            sink(quote)?;
            self.pieces(plain, (start, end), findings, names, &mut sink)?;
            sink(quote)?;
            copied = end;
        }
        self.pieces(plain, (copied, plain.len()), findings, names, &mut sink)?;
        out.push(b'"')
    }
}

/// The node that names the string `index`, the value of the member `name`: that of a sibling where the member
/// is called `value`, the flag before it in a list of arguments, else `name`.
fn named_beside(doc: Document<'_>, index: u32, name: Option<u32>) -> Option<u32> {
    let bytes = doc.bytes();
    let raw = |at: u32| {
        let node = doc.node(at);
        bytes.get(node.start as usize..node.end as usize).unwrap_or(&[])
    };
    if let Some(key) = name.filter(|&key| key != u32::MAX && key + 1 == index) {
        let sibling =
            if raw(key).eq_ignore_ascii_case(b"\"value\"") { sibling(doc, key) } else { None };
        return sibling.filter(|_| !raw(index).contains(&b' ')).or(name);
    }
    let flag =
        index.checked_sub(1).filter(|&at| raw(at).starts_with(b"\"--") && is_next(doc, at, index));
    flag.filter(|&at| !raw(index).starts_with(b"\"-") && has_meaning(doc, at)).or(name)
}

/// Whether nothing but a comma stands between two nodes.
fn is_next(doc: Document<'_>, one: u32, other: u32) -> bool {
    let (from, to) = (doc.node(one).end as usize, doc.node(other).start as usize);
    slice(doc.bytes(), from, to).iter().all(|b| *b == b',' || b.is_ascii_whitespace())
}

/// Whether the text of the node `at` is a name with a meaning.
fn has_meaning(doc: Document<'_>, at: u32) -> bool {
    doc.text(at).as_plain().is_some_and(|text| meaning(text.as_bytes()).is_some())
}

/// The value of the member `name` or `key` of the object that has the member `key`, if it has a meaning. Of
/// scalars beside it eight are looked at on either side.
fn sibling(doc: Document<'_>, key: u32) -> Option<u32> {
    const MOST: usize = 8;
    let names = |at: u32| {
        let plain = doc.text(at).as_plain().unwrap_or("");
        plain.eq_ignore_ascii_case("name") || plain.eq_ignore_ascii_case("key")
    };
    let told = |at: u32| {
        let told = names(at) && doc.node(at + 1).kind() == Kind::String && has_meaning(doc, at + 1);
        told.then_some(at + 1)
    };
    let beside = |at: u32, back: bool| {
        let other = if back { at.checked_sub(2)? } else { at + 2 };
        let (one, next) = if back { (other, at) } else { (at, other) };
        let member = other + 1 < doc.len() && doc.node(other).kind() == Kind::Key;
        (member && is_next(doc, one + 1, next)).then_some(other)
    };
    [true, false].into_iter().find_map(|back| {
        let all = core::iter::successors(beside(key, back), |&at| beside(at, back));
        all.take(MOST).find_map(told)
    })
}

/// The quotes that a mask needs in the place of `start..end`, if that is a number of a document which
/// the string holds: those of the name or the value before it, with their backslashes.
fn bare_number(text: &str, start: usize, end: usize) -> Option<&str> {
    const NUMBER: Set = Set::new(b"0-9.eE+-");
    let bytes = text.as_bytes();
    let left = bytes.get(..start)?.trim_ascii_end();
    let right = slice(bytes, end, end + 64).trim_ascii_start();
    let nested = matches!(slice(bytes, 0, 64).trim_ascii_start(), [b'{' | b'[', ..])
        && matches!(left, [.., b':' | b',' | b'['])
        && matches!(right, [b',' | b'}' | b']', ..])
        && run(slice(bytes, 0, end), start, NUMBER) == end;
    if !nested {
        return None;
    }
    let Some(close) = memchr::memrchr(b'"', left) else { return Some("\"") };
    const SLASH: Set = Set::new(b"\\");
    text.get(run_back(bytes, close, SLASH, 32)..=close)
}

/// The first bytes of a name that holds escapes, as far as they are ASCII.
fn spell<'s>(name: Str<'_>, out: &'s mut [u8; 96]) -> &'s str {
    let mut len = 0;
    for (slot, c) in out.iter_mut().zip(name.chars()) {
        *slot = if c.is_ascii() { c as u8 } else { b'_' };
        len += 1;
    }
    core::str::from_utf8(out.get(..len).unwrap_or(&[])).unwrap_or("")
}
