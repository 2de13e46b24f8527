//! Hidden text in what a server says about a tool.
//!
//! Texts are for a model to read: titles, descriptions, comments. What hides in them is taken out. Names and
//! values are what calls are made of: were they stripped, the tool would be called by what the server does
//! not know. A tool that hides something there is withheld. Every string is read once, as it is spelt and
//! with its escapes undone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::buf::Buf;
use crate::hidden::{self, Found, Hidden, Hiding, Kinds};
use crate::json::{Kind, Value};

/// Members of a definition and of schemas whose strings are texts.
const TEXTS: [&[u8]; 3] = [b"$comment", b"description", b"title"];

/// A definition, as far as hidden text goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cleansed {
    /// It hides nothing.
    Clean,
    /// It may be shown: as these bytes, where some of that was stripped.
    Found(Found, Option<Vec<u8>>),
    /// It must not be shown; why.
    Refused(String),
}

/// Looks through the definition `tool`.
pub(super) fn cleanse(tool: Value<'_>, hiding: Hiding) -> Cleansed {
    let raw = tool.raw();
    if !hidden::may_hide_in_json(raw) {
        return Cleansed::Clean;
    }
    let (doc, first) = (tool.document(), tool.index());
    let (base, _) = tool.span();
    let mut decoded = Buf::growable();
    let mut out: Buf<'_, u8> = Buf::growable();
    let mut copied = base;
    let mut all = Found::NONE;
    for index in first.saturating_add(1)..doc.after(first) {
        let node = doc.node(index);
        if !matches!(node.kind(), Kind::Key | Kind::String) {
            continue;
        }
        let Ok(text) = hidden::plain(doc.text(index), &mut decoded) else {
            return Cleansed::Refused("it is too long to look through".into());
        };
        let mut found = Found::NONE;
        hidden::find(text, Kinds::ALL).for_each(|span| found.add(span.kind));
        if found.is_empty() {
            continue;
        }
        let is_text = node.kind() == Kind::String
            && index.checked_sub(1).map(|key| (doc.node(key).kind(), doc.text(key))).is_some_and(
                |(kind, key)| kind == Kind::Key && TEXTS.iter().any(|name| key.is(name)),
            );
        let place = if is_text { "one of its texts" } else { "one of its names or values" };
        let bad = if is_text { hiding.refuse } else { hiding.refuse | hiding.strip };
        if let Some((kind, _)) = found.iter().find(|&(kind, _)| bad.contains(kind)) {
            return Cleansed::Refused(format!("{} in {place}", describe(kind)));
        }
        all = all.plus(found);
        if found.any(hiding.strip) {
            let (start, end) = (node.start as usize, node.end as usize);
            let written = out
                .extend(doc.bytes().get(copied..start).unwrap_or(&[]))
                .and_then(|()| hidden::write(text, hiding.strip, false, &mut out));
            if written.is_err() {
                return Cleansed::Refused("it is too long to look through".into());
            }
            copied = end;
        }
    }
    if all.is_empty() {
        return Cleansed::Clean;
    }
    if copied == base {
        return Cleansed::Found(all, None);
    }
    let mut stripped = out.to_vec();
    let (_, end) = tool.span();
    stripped.extend_from_slice(doc.bytes().get(copied..end).unwrap_or(&[]));
    Cleansed::Found(all, Some(stripped))
}

const fn describe(kind: Hidden) -> &'static str {
    match kind {
        Hidden::Ansi => "an escape sequence",
        Hidden::Bidi => "a control of the direction of text",
        Hidden::Control => "a control character",
        Hidden::Invisible => "invisible text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, Tape, parse};

    const STRIP: Hiding = Hiding { refuse: Kinds::NONE, strip: Kinds::ALL };

    fn cleansed(text: &str, hiding: Hiding) -> Cleansed {
        let mut tape = Tape::growable();
        let list = format!("[1,{text},2]");
        let doc = parse(list.as_bytes(), Limits::MESSAGE, &mut tape).unwrap();
        cleanse(doc.root().elements().nth(1).unwrap(), hiding)
    }

    fn stripped(text: &str) -> String {
        match cleansed(text, STRIP) {
            Cleansed::Found(_, Some(bytes)) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn texts_are_stripped_however_they_are_spelt() {
        let tool = "{\"name\":\"t\",\"title\":\"A\u{200b}B\",\"description\":\"x \\u202e\\u001b[1my\\ud83d\\ude00 \\\"q\\\"\",\"inputSchema\":{\"properties\":{\"a\":{\"description\":\"n\\uDB40\\uDC41o\"}},\"$comment\":\"\\u00ad\"},\"annotations\":{\"title\":\"\\b.\"},\"n\":1.0}";
        let want = "{\"name\":\"t\",\"title\":\"AB\",\"description\":\"x y\u{1f600} \\\"q\\\"\",\"inputSchema\":{\"properties\":{\"a\":{\"description\":\"no\"}},\"$comment\":\"\"},\"annotations\":{\"title\":\".\"},\"n\":1.0}";
        assert_eq!(stripped(tool), want);
        assert_eq!(cleansed(want, STRIP), Cleansed::Clean);
        let counted = cleansed(tool, Hiding::default());
        let Cleansed::Found(found, None) = counted else { panic!("{counted:?}") };
        let counts = Hidden::ALL.map(|kind| found.of(kind));
        assert_eq!(counts, [1, 1, 1, 3], "only told");
    }

    #[test]
    fn names_and_values_that_hide_something_refuse_the_tool() {
        for tool in [
            "{\"name\":\"t\u{200b}\"}",
            "{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"a\\u200b\":{}}}}",
            "{\"name\":\"t\",\"inputSchema\":{\"enum\":[\"a\u{202e}\"]}}",
            "{\"name\":\"t\",\"inputSchema\":{\"default\":\"\\u0000\"}}",
            "{\"name\":\"t\",\"descriptio\\u006e\u{feff}\":\"x\"}",
        ] {
            assert!(matches!(cleansed(tool, STRIP), Cleansed::Refused(_)), "{tool}");
        }
        let bidi = Hiding { refuse: Kinds::of(Hidden::Bidi), strip: Kinds::NONE };
        let tool = "{\"name\":\"t\",\"description\":\"\u{202e}\"}";
        assert!(matches!(cleansed(tool, bidi), Cleansed::Refused(_)));
        let other = "{\"name\":\"t\",\"description\":\"\u{200b}\"}";
        assert!(matches!(cleansed(other, bidi), Cleansed::Found(_, None)));
    }

    #[test]
    fn languages_and_emoji_are_clean() {
        let tool = "{\"name\":\"t\",\"description\":\"\u{645}\u{6cc}\u{200c}\u{631}\u{648}\u{645} \\ud83d\\udc69\\u200d\\ud83d\\ude80 \u{915}\u{94d}\u{200d}\u{937}\",\"inputSchema\":{\"enum\":[\"\u{6a9}\u{62a}\u{627}\u{628}\u{200c}\u{647}\u{627}\"]}}";
        assert_eq!(cleansed(tool, STRIP), Cleansed::Clean);
    }
}
