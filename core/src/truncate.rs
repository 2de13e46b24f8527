//! Output cut to a budget of characters (Unicode scalar values).
//!
//! [`truncate_text`] keeps the beginning, up to a line's end where one is near, and says how many
//! bytes are missing; [`truncate_json`] keeps the document parseable. The result never exceeds the
//! limit, however small: the limit comes first, then validity, then the notice. A mask of
//! [`redact`](crate::redact) is never split. Worst case: linear in the limit for text, in the document
//! for JSON.

use core::fmt::{self, Write};

use crate::buf::{Buf, Full};
use crate::json::{Document, Kind, Str};
use crate::redact::outside_mask;

/// Which part is kept of an output that is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The beginning and the end; what is missing is missing in the middle.
    Ends,
    /// The beginning.
    #[default]
    Head,
    /// The end.
    Tail,
}

/// Containers nested deeper than this are dropped whole when a document must be cut.
const DEEPEST: usize = 136;
/// Fewer characters of a string than this are not worth showing.
const LEAST: usize = 8;

/// Whether `text` has at most `limit` characters.
#[must_use]
pub fn fits(text: &str, limit: usize) -> bool {
    text.len() <= limit || text.char_indices().nth(limit).is_none()
}

/// Appends `text` to `out`, cut to `limit` characters, the notice included. Answers whether it was cut.
///
/// # Errors
/// [`Full`] when `out` is used up.
pub fn truncate_text(text: &str, limit: usize, out: &mut Buf<'_, u8>) -> Result<bool, Full> {
    if fits(text, limit) {
        out.extend(text.as_bytes())?;
        return Ok(false);
    }
    let notice = "\n".len() + notice_length(text.len());
    let Some(room) = limit.checked_sub(notice) else {
        let kept = boundary(text, offset(text, limit));
        out.extend(text.as_bytes().get(..kept).unwrap_or(&[]))?;
        return Ok(true);
    };
    let kept = boundary(text, line_end(text, offset(text, room)));
    out.extend(text.as_bytes().get(..kept).unwrap_or(&[]))?;
    out.push(b'\n')?;
    write_notice(text.len() - kept, out)?;
    Ok(true)
}

/// Appends `doc` to `out`, cut to `limit` characters. Answers whether something is missing.
///
/// What does not fit as it stands loses its white space; what then does not fit loses its last
/// elements and members, or the rest of a long string, and says so in the string, as the last element,
/// or as a member called `...`. Under two characters there is no JSON worth the name: nothing is
/// appended.
///
/// # Errors
/// [`Full`] when `out` is used up.
pub fn truncate_json(doc: Document<'_>, limit: usize, out: &mut Buf<'_, u8>) -> Result<bool, Full> {
    let raw = core::str::from_utf8(doc.bytes()).unwrap_or("");
    if fits(raw, limit) {
        out.extend(doc.bytes())?;
        return Ok(false);
    }
    if limit < 2 {
        return Ok(true);
    }
    // `,"...":"` and the rest of a notice, in whichever container it comes to stand.
    let notice = "\"\"".len() + ",\"...\":".len() + notice_length(raw.len());
    let reserve = if limit >= notice + 2 { notice } else { 0 };
    let mut writer = Writer { doc, out, room: limit, open: [(0, Kind::Null); DEEPEST], depth: 0 };
    if writer.length() <= limit {
        writer.write(0)?;
        return Ok(false);
    }
    writer.write(reserve)?;
    Ok(true)
}

/// Writes a document without white space for as long as there is room.
struct Writer<'t, 'o, 'm> {
    doc: Document<'t>,
    out: &'o mut Buf<'m, u8>,
    /// Characters left, those for closing the open containers not counted.
    room: usize,
    /// The open containers: the node after each, and its kind.
    open: [(u32, Kind); DEEPEST],
    depth: usize,
}

impl<'t> Writer<'t, '_, '_> {
    /// How many characters the document has without white space.
    fn length(&self) -> usize {
        let mut sum = 0;
        for index in 0..self.doc.len() {
            let node = self.doc.node(index);
            sum += match node.kind() {
                // Brackets, and a comma between each two.
                Kind::Array | Kind::Object => 2 + (node.number() as usize).saturating_sub(1),
                Kind::Key => characters(self.literal(index)) + 1,
                _ => characters(self.literal(index)),
            };
        }
        sum
    }

    /// Writes from the first node on, keeping `reserve` characters for a notice.
    fn write(&mut self, reserve: usize) -> Result<(), Full> {
        let (mut index, mut first) = (0, true);
        while index < self.doc.len() {
            while self.top().is_some_and(|(end, _)| index >= end) {
                self.close()?;
                first = false;
            }
            let begin = index;
            let comma = usize::from(!first);
            let mut name = 0;
            if self.doc.node(index).kind() == Kind::Key {
                name = characters(self.literal(index)) + 1;
                index += 1;
            }
            let kind = self.doc.node(index).kind();
            let container = matches!(kind, Kind::Array | Kind::Object);
            let value = if container { 2 } else { characters(self.literal(index)) };
            let cost = comma + name + value;
            if cost + reserve > self.room || container && self.depth == DEEPEST {
                return self.stop(begin, index, comma + name, reserve);
            }
            self.room -= cost;
            self.prefix(begin, index, comma)?;
            if container {
                self.out.push(if kind == Kind::Object { b'{' } else { b'[' })?;
                if let Some(slot) = self.open.get_mut(self.depth) {
                    *slot = (self.doc.after(index), kind);
                    self.depth += 1;
                }
                first = true;
            } else {
                self.out.extend(self.literal(index))?;
                first = false;
            }
            index += 1;
        }
        while self.depth > 0 {
            self.close()?;
        }
        Ok(())
    }

    /// Ends the document before the node `begin`, whose value is the node `index` behind `lead`
    /// characters.
    fn stop(&mut self, begin: u32, index: u32, lead: usize, reserve: usize) -> Result<(), Full> {
        let start = self.doc.node(begin).start as usize;
        let removed = self.doc.bytes().len().saturating_sub(start + self.depth);
        let notice = if reserve == 0 { 0 } else { notice_length(removed) };
        let quotes = "\"\"".len();
        let room = self.room.checked_sub(lead + quotes + notice);
        if self.doc.node(index).kind() == Kind::String
            && let Some(room) = room
            && (room >= LEAST || self.depth == 0)
        {
            self.prefix(begin, index, usize::from(lead > 0 && !self.is_fresh()))?;
            let text = self.doc.text(index);
            let kept = cut_string(text, room);
            self.out.push(b'"')?;
            self.out.extend(text.raw().get(..kept).unwrap_or(&[]))?;
            if reserve > 0 {
                let node = self.doc.node(index);
                let gone =
                    removed.saturating_sub((node.start - self.doc.node(begin).start) as usize);
                write_notice(gone.saturating_sub(kept), self.out)?;
            }
            self.out.push(b'"')?;
        } else if self.depth == 0 {
            // A number or a word that alone exceeds the limit.
            self.out.extend(b"\"\"")?;
        } else if reserve > 0 {
            self.notice(removed)?;
        }
        while self.depth > 0 {
            self.close()?;
        }
        Ok(())
    }

    /// Writes the comma and the name before the value at `index`.
    fn prefix(&mut self, begin: u32, index: u32, comma: usize) -> Result<(), Full> {
        if comma > 0 {
            self.out.push(b',')?;
        }
        if begin != index {
            self.out.extend(self.literal(begin))?;
            self.out.push(b':')?;
        }
        Ok(())
    }

    /// Writes the notice as the last element or member of the innermost container.
    fn notice(&mut self, removed: usize) -> Result<(), Full> {
        if !self.is_fresh() {
            self.out.push(b',')?;
        }
        if self.top().is_some_and(|(_, kind)| kind == Kind::Object) {
            self.out.extend(b"\"...\":")?;
        }
        self.out.push(b'"')?;
        write_notice(removed, self.out)?;
        self.out.push(b'"')
    }

    /// Whether the innermost container has nothing in it yet.
    fn is_fresh(&self) -> bool {
        matches!(self.out.last(), Some(b'[' | b'{'))
    }

    fn close(&mut self) -> Result<(), Full> {
        let kind = self.top().map(|(_, kind)| kind);
        self.depth = self.depth.saturating_sub(1);
        self.out.push(if kind == Some(Kind::Object) { b'}' } else { b']' })
    }

    fn top(&self) -> Option<(u32, Kind)> {
        self.depth.checked_sub(1).and_then(|at| self.open.get(at)).copied()
    }

    fn literal(&self, index: u32) -> &'t [u8] {
        let node = self.doc.node(index);
        self.doc.bytes().get(node.start as usize..node.end as usize).unwrap_or(&[])
    }
}

/// How many bytes of the inside of a string have at most `room` characters, no escape split.
fn cut_string(text: Str<'_>, room: usize) -> usize {
    let raw = text.raw();
    let mut chars = text.chars();
    let (mut kept, mut used) = (0, 0);
    while chars.next().is_some() {
        let end = raw.len() - chars.rest().len();
        used += characters(raw.get(kept..end).unwrap_or(&[]));
        if used > room {
            break;
        }
        kept = end;
    }
    outside_mask(raw, kept)
}

/// The offset of character `count` of `text`.
fn offset(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

/// The last line's end before `cut`, when no more than a fifth is lost by it.
fn line_end(text: &str, cut: usize) -> usize {
    let from = cut - cut / 5;
    let tail = text.as_bytes().get(from..cut).unwrap_or(&[]);
    memchr::memrchr(b'\n', tail).map_or(cut, |at| from + at)
}

/// The greatest offset up to `cut` that splits no mask and takes no mark from the letter it is on.
fn boundary(text: &str, cut: usize) -> usize {
    let mut at = outside_mask(text.as_bytes(), cut);
    // A pile of marks is cut all the same.
    for _ in 0..16 {
        let mark = |c: &char| matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
        let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
        let joined = head.ends_with('\u{200d}') || tail.chars().next().as_ref().is_some_and(mark);
        let Some(last) = head.chars().next_back().filter(|_| joined) else {
            break;
        };
        at -= last.len_utf8();
    }
    at
}

fn characters(text: &[u8]) -> usize {
    // Every byte but the continuation bytes of UTF-8 begins a character.
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

/// The most characters that a notice about `bytes` bytes has.
const fn notice_length(bytes: usize) -> usize {
    let digits = match bytes.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    };
    "[...  bytes removed]".len() + digits
}

fn write_notice(bytes: usize, out: &mut Buf<'_, u8>) -> Result<(), Full> {
    write!(out, "[... {bytes} bytes removed]").map_err(|fmt::Error| Full)
}

#[cfg(test)]
#[cfg(feature = "alloc")]
mod tests {
    use proptest::prelude::*;
    use std::string::{String, ToString};

    use super::*;
    use crate::json::{Limits, Tape, parse};
    use crate::redact::{Redactor, Style, Types};

    fn text(input: &str, limit: usize) -> (String, bool) {
        let mut out = Buf::growable();
        let cut = truncate_text(input, limit, &mut out).unwrap();
        (String::from_utf8(out.to_vec()).unwrap(), cut)
    }

    fn json(input: &str, limit: usize) -> (String, bool) {
        let (mut tape, mut out) = (Tape::growable(), Buf::growable());
        let doc = parse(input.as_bytes(), Limits::OUTPUT, &mut tape).unwrap();
        let cut = truncate_json(doc, limit, &mut out).unwrap();
        (String::from_utf8(out.to_vec()).unwrap(), cut)
    }

    #[test]
    fn text_says_how_many_bytes_are_missing() {
        assert_eq!(text("short", 5), ("short".into(), false));
        let long = "a".repeat(100);
        let want = std::format!("{}\n[... 76 bytes removed]", "a".repeat(24));
        assert_eq!(text(&long, 48), (want, true));
        assert_eq!(text(&"é".repeat(40), 30).0, "ééééééé\n[... 66 bytes removed]");
        assert_eq!(text(&long, 3), ("aaa".into(), true), "no room for a notice");
        assert_eq!(text(&long, 0), (String::new(), true));
    }

    #[test]
    fn text_ends_with_a_line_where_one_is_near() {
        let lines = std::format!("{}\n{}", "a".repeat(70), "b".repeat(100));
        assert_eq!(
            text(&lines, 100).0,
            std::format!("{}\n[... 101 bytes removed]", "a".repeat(70))
        );
    }

    #[test]
    fn masks_are_not_split() {
        let input = std::format!("{} [REDACTED] {}", "a".repeat(20), "b".repeat(80));
        for limit in 24..60 {
            let (out, _) = text(&input, limit);
            assert_eq!(out.contains("[RED"), out.contains("[REDACTED]"), "{out}");
        }
        let input = std::format!("{} ghp_...XXXX {}", "a".repeat(20), "b".repeat(80));
        for limit in 24..60 {
            let (out, _) = text(&input, limit);
            assert_eq!(out.contains("ghp"), out.contains("ghp_...XXXX"), "{out}");
        }
    }

    #[test]
    fn json_says_what_is_missing_where_it_is_missing() {
        let input =
            r#"{ "a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], "b": true }"#;
        assert!(!json(input, 70).1, "without white space it fits");
        assert_eq!(json(input, 50).0, r#"{"a":[1,2,3,4,5,6,"[... 47 bytes removed]"]}"#);
        let input = r#"{"log":"a long line that goes on and on and on and on","b":1}"#;
        assert_eq!(json(input, 50).0, r#"{"log":"a long line that g[... 35 bytes removed]"}"#);
        let input = r#"{"k":1,"another":[[[[]]]],"more":1234567890123456789012345678901234567890}"#;
        let (out, cut) = json(input, 60);
        assert!(cut && out.contains(r#""...":"[..."#), "{out}");
    }

    #[test]
    fn tiny_limits_come_before_validity_and_notice() {
        assert_eq!(json("[1,2,3]", 1), (String::new(), true));
        assert_eq!(json("[1,2,3]", 2), ("[]".into(), true));
        assert_eq!(json("1234567", 2), ("\"\"".into(), true));
        assert_eq!(json("\"abcdef\"", 4), ("\"ab\"".into(), true));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,40}|[\\n\"\\\\\u{1}😀a]{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[a-z\"é]{0,6}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn text_never_exceeds_the_limit(input in "(\\PC|\n){0,200}", limit in 0..220_usize) {
            let (out, cut) = text(&input, limit);
            prop_assert!(out.chars().count() <= limit);
            prop_assert_eq!(cut, input.chars().count() > limit);
        }

        #[test]
        fn json_never_exceeds_the_limit_and_parses(value in any_json(), limit in 0..200_usize, pretty: bool) {
            let input = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let (out, cut) = json(&input, limit);
            prop_assert!(out.chars().count() <= limit, "{out}");
            if limit >= 2 {
                let mut tape = Tape::growable();
                prop_assert!(parse(out.as_bytes(), Limits::OUTPUT, &mut tape).is_ok(), "{out}");
            }
            if !cut {
                let read: serde_json::Value = serde_json::from_str(&out).unwrap();
                prop_assert_eq!(read, value);
            }
        }

        #[test]
        fn masked_then_cut_shows_only_whole_masks(words in "([a-z]{1,9} ){1,30}", limit in 10..200_usize) {
            let input = words.replace("a ", "123-45-6789 ");
            let redactor = Redactor::new(Types::ALL, Style::Default);
            let (mut found, mut masked) = (Buf::growable(), Buf::growable());
            redactor.scan(&input, &mut found).unwrap();
            redactor.mask(&input, &found, &mut masked).unwrap();
            let (out, _) = text(core::str::from_utf8(&masked).unwrap(), limit);
            prop_assert_eq!(out.matches("[RE").count(), out.matches("[REDACTED]").count());
        }
    }
}
