//! The envelope of bytes that are no document.
//!
//! A message that is too long, too deep or broken is never passed on, but whoever waits for an answer
//! to it must get one. An [`Outline`] finds the `id` among the outermost members, wherever it stands,
//! by counting brackets outside strings: byte by byte, in constant memory, so that a line of any
//! length can be outlined while it is being discarded. It is no parser: what it finds is good enough to
//! report an error, never to let a message through.

use alloc::vec::Vec;

use super::envelope::MAX_ID;
use crate::json::{Limits, Str, Tape, parse};

/// The longest member name worth keeping: `\u006a\u0073…` spells `jsonrpc` in 42 bytes.
const MAX_KEY: usize = 48;

/// What is known of a message that cannot be parsed.
#[derive(Debug, Default)]
pub struct Outline {
    place: Place,
    /// Open brackets inside the current member's value.
    depth: u64,
    in_string: bool,
    backslash: bool,
    /// The current member name, or the token of an `id`, as spelt.
    token: Vec<u8>,
    /// The current value is that of an `id`.
    capturing: bool,
    id: Option<Vec<u8>>,
    /// Two ids that differ.
    conflict: bool,
    has_method: bool,
    has_reply: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    /// Before a member name.
    Key,
    InKey,
    Colon,
    /// Before a value.
    Value,
    InValue,
    /// After the outermost object, or in something that is none.
    Over,
}

impl Outline {
    /// An outline of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.step(byte);
        }
    }

    /// The token of the `id`, as spelt, when there is one and no second that differs. It is JSON, so that
    /// an answer may repeat it.
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        let id = self.id.as_deref().filter(|_| !self.conflict)?;
        parse(id, Limits::MESSAGE, &mut Tape::growable()).ok().map(|_| id)
    }

    /// Whether it looks like a request or a notification.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.has_method
    }

    /// Whether it looks like an answer.
    #[must_use]
    pub const fn is_reply(&self) -> bool {
        self.has_reply && !self.has_method
    }

    fn step(&mut self, byte: u8) {
        match self.place {
            Place::Start => match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'{' => self.place = Place::Key,
                _ => self.place = Place::Over,
            },
            Place::Key => match byte {
                b'"' => {
                    self.token.clear();
                    self.backslash = false;
                    self.place = Place::InKey;
                }
                b'}' => self.place = Place::Over,
                _ => {}
            },
            Place::InKey => self.key_byte(byte),
            Place::Colon => {
                if byte == b':' {
                    self.place = Place::Value;
                }
            }
            Place::Value => {
                if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                    self.place = Place::InValue;
                    self.depth = 0;
                    self.in_string = false;
                    self.token.clear();
                    self.value_byte(byte);
                }
            }
            Place::InValue => self.value_byte(byte),
            Place::Over => {}
        }
    }

    fn key_byte(&mut self, byte: u8) {
        if byte == b'"' && !self.backslash {
            let key = Str::new(&self.token, true);
            self.capturing = key.is(b"id");
            self.has_method |= key.is(b"method");
            self.has_reply |= key.is(b"result") || key.is(b"error");
            self.place = Place::Colon;
            return;
        }
        self.backslash = byte == b'\\' && !self.backslash;
        if self.token.len() < MAX_KEY {
            self.token.push(byte);
        }
    }

    fn value_byte(&mut self, byte: u8) {
        if self.in_string {
            self.keep(byte);
            if byte == b'"' && !self.backslash {
                self.in_string = false;
            }
            self.backslash = byte == b'\\' && !self.backslash;
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.backslash = false;
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' if self.depth > 0 => self.depth = self.depth.saturating_sub(1),
            b'}' | b']' => return self.value_over(Place::Over),
            b',' if self.depth == 0 => return self.value_over(Place::Key),
            _ => {}
        }
        self.keep(byte);
    }

    fn keep(&mut self, byte: u8) {
        // One more than the limit is kept, so that a longer token is seen to be too long.
        if self.capturing && self.token.len() <= MAX_ID {
            self.token.push(byte);
        }
    }

    fn value_over(&mut self, next: Place) {
        self.place = next;
        if !core::mem::take(&mut self.capturing) {
            return;
        }
        let token = self.token.trim_ascii();
        match &self.id {
            Some(first) => self.conflict |= first != token,
            None => self.id = Some(token.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> (Option<std::string::String>, bool, bool) {
        let mut outline = Outline::new();
        outline.feed(text.as_bytes());
        let id = outline.id().map(|id| std::string::String::from_utf8_lossy(id).into_owned());
        (id, outline.is_request(), outline.is_reply())
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        for (text, id, request, reply) in [
            (r#"{"result":{"id":5,"t":"}\"{"},"jsonrpc":"2.0","id":7}"#, Some("7"), false, true),
            (r#"{"id":"a\"b","method":"x","params":[{"id":1}]}"#, Some(r#""a\"b""#), true, false),
            (r#"{"\u0069d": 12 ,"method":"x""#, Some("12"), true, false),
            (r#"{"id":1,"id":1,"method":"x"}"#, Some("1"), true, false),
            (r#"{"id":1,"id":2,"method":"x"}"#, None, true, false),
            (r#"[{"id":1}]"#, None, false, false),
            ("server ready, id: 5", None, false, false),
        ] {
            let id = id.map(std::string::String::from);
            assert_eq!(outline(text), (id, request, reply), "{text}");
        }
    }

    #[test]
    fn chunks_make_no_difference() {
        let text = r#"{"error":{"message":"\\\"id\":3"},"id":"x"}"#;
        let mut whole = Outline::new();
        whole.feed(text.as_bytes());
        let mut pieces = Outline::new();
        for byte in text.as_bytes() {
            pieces.feed(&[*byte]);
        }
        assert_eq!(whole.id(), pieces.id());
        assert_eq!(whole.id(), Some(&b"\"x\""[..]));
    }

    #[test]
    fn memory_is_bounded() {
        let mut outline = Outline::new();
        outline.feed(b"{\"id\":\"");
        for _ in 0..100_000 {
            outline.feed(b"xxxxxxxxxx");
        }
        assert!(outline.token.len() <= MAX_ID + 1);
    }
}
