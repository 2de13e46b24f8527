//! The outermost members of a message, and ids.

use alloc::vec::Vec;

use crate::json::{Kind, Str, Value};

/// The longest id, in bytes as spelt. A longer one cannot be tracked, so its message is not passed on.
pub(super) const MAX_ID: usize = 256;

/// The members that JSON-RPC 2.0 gives a meaning.
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// A well-formed message: a request or notification (with a method) or a reply (without).
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'t> {
    pub(super) id: Option<Value<'t>>,
    pub(super) method: Option<Str<'t>>,
    pub(super) params: Option<Value<'t>>,
    pub(super) result: Option<Value<'t>>,
    pub(super) error: Option<Value<'t>>,
}

impl<'t> Envelope<'t> {
    /// Reads the members of `root`, or says why no two readers need agree on what the message is.
    pub(super) fn read(root: Value<'t>) -> Result<Self, &'static str> {
        let mut envelope = Self { id: None, method: None, params: None, result: None, error: None };
        let mut version = None;
        for (key, value) in root.members() {
            match MEMBERS.iter().find(|name| key.is(name.as_bytes())) {
                Some(&"jsonrpc") => version = value.as_str(),
                Some(&"id") => envelope.id = Some(value),
                Some(&"method") => {
                    envelope.method = Some(value.as_str().ok_or("the method is no string")?);
                }
                Some(&"params") => envelope.params = Some(value),
                Some(&"result") => envelope.result = Some(value),
                Some(&"error") => envelope.error = Some(value),
                _ if is_alias(key, &MEMBERS) => return Err("a member differs only in case"),
                _ => {}
            }
        }
        if !version.is_some_and(|version| version.is(b"2.0")) {
            return Err("jsonrpc is not 2.0");
        }
        match (envelope.method, envelope.result, envelope.error) {
            (Some(_), None, None) | (None, Some(_), None) | (None, None, Some(_)) => Ok(envelope),
            (None, None, None) => Err("neither a method nor a result nor an error"),
            _ => Err("more than one of method, result and error"),
        }
    }
}

/// Whether `key` is none of `names` but a reader that ignores case takes it for one. Go's
/// `encoding/json` does, with Unicode's simple folding: U+017F is an `s`, U+212A a `k`.
pub(super) fn is_alias(key: Str<'_>, names: &[&str]) -> bool {
    let raw = key.raw();
    if !key.is_escaped() && raw.is_ascii() {
        let same = |name: &[u8]| raw != name && raw.eq_ignore_ascii_case(name);
        return names.iter().any(|name| same(name.as_bytes()));
    }
    let folded = || {
        key.chars().map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
    };
    names.iter().any(|name| {
        folded().eq(name.chars().map(|c| c.to_ascii_lowercase())) && !key.is(name.as_bytes())
    })
}

/// Writes what two spellings of one id have in common into `key`: the type and the text with its
/// escapes undone, or the digits. False for what cannot be an id: anything but a string or an integer,
/// `-0` (which some readers make `0`), and tokens over [`MAX_ID`].
pub(super) fn canonical_id(token: &[u8], key: &mut Vec<u8>) -> bool {
    key.clear();
    if token.len() > MAX_ID {
        return false;
    }
    if let Some(text) = token.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
        key.push(b'"');
        key.extend(Str::new(text, true).bytes());
        return true;
    }
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    let canonical = match digits {
        [b'0'] => digits.len() == token.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical {
        key.extend_from_slice(token);
    }
    canonical
}

/// Whether an error may be sent to the sender of `token`: it is an id, even one that cannot be tracked.
pub(super) fn is_answerable(id: Value<'_>) -> bool {
    matches!(id.kind(), Kind::String | Kind::Number) && id.raw().len() <= MAX_ID
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, Tape, parse};

    #[test]
    fn ids_are_equal_by_type_and_text() {
        let key = |token: &str| {
            let mut key = Vec::new();
            canonical_id(token.as_bytes(), &mut key).then_some(key)
        };
        assert_eq!(key(r#""a\u0062""#), key(r#""ab""#));
        assert_ne!(key("1"), key("\"1\""));
        assert_ne!(key("\"\""), key("0"));
        assert_eq!(key("12345678901234567890"), Some(b"12345678901234567890".to_vec()));
        for bad in ["1.0", "1e0", "-0", "01", "null", "true", "{}", "", "-", "1.5"] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_alias_is_any_other_spelling_of_a_name() {
        let alias = |raw: &str, escaped| is_alias(Str::new(raw.as_bytes(), escaped), &MEMBERS);
        for other in ["ID", "iD", "Method", "METHOD", "param\u{17f}", "re\u{17f}ult"] {
            assert!(alias(other, false), "{other}");
        }
        assert!(alias(r"\u0049d", true));
        for none in ["id", "method", "ids", "i", "", "idé", "\u{131}d"] {
            assert!(!alias(none, false), "{none}");
        }
        assert!(!alias(r"\u0069d", true));
    }

    #[test]
    fn messages_that_two_readers_could_read_differently_are_no_messages() {
        let read = |text: &str| {
            let mut tape = Tape::growable();
            let doc = parse(text.as_bytes(), Limits::MESSAGE, &mut tape).unwrap();
            Envelope::read(doc.root()).map(|_| ())
        };
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), Ok(()));
        assert_eq!(read(r#"{"result":{},"jsonrpc":"2.0","id":1}"#), Ok(()));
        for bad in [
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
