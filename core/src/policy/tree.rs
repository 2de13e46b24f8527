//! A policy document as a tree in which every value knows where it stands.
//!
//! TOML and JSON spell the same documents. JSON is read here; std reads TOML with a parser of its
//! own and hands over the same tree, so that there is one compiler and one kind of error. Worst
//! case: linear in the document; depth and size are bounded before anything walks the tree.

use alloc::string::String;
use alloc::vec::Vec;

use super::condition::is_decimal;
use super::error::PolicyError;
use crate::json::{self, Kind, Limits, Tape};

/// Most bytes of a document, and most bytes of text in a tree.
pub const MAX_DOCUMENT: usize = 1 << 20;
/// Most nested tables and arrays; the language itself needs six.
const MAX_DEPTH: u32 = 32;

/// Part of a document: byte offsets of its first byte and after its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

/// A value of a document and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a [`Tree`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A list.
    Array(Vec<Tree>),
    /// `true` or `false`.
    Bool(bool),
    /// A number that is not whole, as it is spelt: `-?digits.digits`.
    Decimal(String),
    /// A whole number.
    Integer(i64),
    /// Something that no policy uses, named for an error: "a date", "null".
    Other(&'static str),
    /// Keys and values.
    Table(Vec<Member>),
    /// A string.
    Text(String),
}

impl Value {
    /// The number that `spelling` is: with an exponent, or beyond 64 bits, it is none that a policy
    /// can use.
    #[must_use]
    pub fn number(spelling: &str) -> Self {
        match spelling.parse() {
            Ok(number) => Self::Integer(number),
            Err(_) if is_decimal(spelling) => Self::Decimal(spelling.into()),
            Err(_) => Self::Other("a number with an exponent"),
        }
    }

    /// What it is, with its article, for messages.
    pub(super) const fn describe(&self) -> &'static str {
        match self {
            Self::Array(_) => "a list",
            Self::Bool(_) => "a boolean",
            Self::Decimal(_) => "a number that is not whole",
            Self::Integer(_) => "a whole number",
            Self::Other(name) => name,
            Self::Table(_) => "a table",
            Self::Text(_) => "a string",
        }
    }
}

/// One key of a table and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key.
    pub name: String,
    /// Where the key stands.
    pub span: Span,
    /// The value.
    pub value: Tree,
}

impl Tree {
    /// Reads a JSON document.
    ///
    /// # Errors
    /// What is not strict JSON, is nested too deeply or has more than [`MAX_DOCUMENT`] bytes.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        let mut tape = Tape::growable();
        let limits = Limits { bytes: MAX_DOCUMENT, depth: MAX_DEPTH };
        match json::parse(text.as_bytes(), limits, &mut tape) {
            Ok(document) => Ok(convert(document.root())),
            Err(error) => {
                let span = Span { start: error.offset, end: error.offset.saturating_add(1) };
                Err(PolicyError::new(span, "", error.kind.message()))
            }
        }
    }

    /// Refuses a tree that is too deep to walk or holds too much text to index.
    pub(super) fn check_bounds(&self) -> Result<(), PolicyError> {
        let mut room = MAX_DOCUMENT;
        self.measure(MAX_DEPTH, &mut room)
    }

    fn measure(&self, depth: u32, room: &mut usize) -> Result<(), PolicyError> {
        let mut spend = |bytes: usize| match room.checked_sub(bytes) {
            Some(left) => {
                *room = left;
                Ok(())
            }
            None => Err(PolicyError::new(self.span, "", "a policy has at most 1 MiB")),
        };
        match &self.value {
            Value::Text(text) => return spend(text.len()),
            Value::Table(members) => {
                members.iter().try_for_each(|member| spend(member.name.len().saturating_add(1)))?;
            }
            Value::Array(elements) => spend(elements.len())?,
            Value::Decimal(text) => return spend(text.len()),
            Value::Bool(_) | Value::Integer(_) | Value::Other(_) => return Ok(()),
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(PolicyError::new(self.span, "", "a policy is not nested this deeply"));
        };
        match &self.value {
            Value::Table(members) => {
                members.iter().try_for_each(|member| member.value.measure(depth, room))
            }
            Value::Array(elements) => {
                elements.iter().try_for_each(|element| element.measure(depth, room))
            }
            _ => Ok(()),
        }
    }
}

/// Recursion is bounded by the depth that the parser accepted.
fn convert(value: json::Value<'_>) -> Tree {
    let (start, end) = value.span();
    let span = Span { start: start as u32, end: end as u32 };
    let content = match value.kind() {
        Kind::False => Value::Bool(false),
        Kind::True => Value::Bool(true),
        Kind::Number => number(value),
        Kind::String => {
            Value::Text(value.as_str().map(|text| text.chars().collect()).unwrap_or_default())
        }
        Kind::Array => Value::Array(value.elements().map(convert).collect()),
        Kind::Object => {
            Value::Table(value.members().map(|(name, value)| member(name, value)).collect())
        }
        Kind::Null | Kind::Key => Value::Other("null"),
    };
    Tree { span, value: content }
}

fn member(name: json::Str<'_>, value: json::Value<'_>) -> Member {
    // The node before a member's value is its name.
    let key = value.document().node(value.index().saturating_sub(1));
    Member {
        name: name.chars().collect(),
        span: Span { start: key.start, end: key.end },
        value: convert(value),
    }
}

fn number(value: json::Value<'_>) -> Value {
    let spelling = core::str::from_utf8(value.raw()).unwrap_or("");
    Value::number(spelling)
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;
    use std::vec;

    use super::*;

    #[test]
    fn every_value_and_key_knows_its_place() {
        let text = r#" {"a": [true, -5], "b\u0021": "x\ny", "c": 1.5, "d": null}"#;
        let tree = Tree::from_json(text).unwrap();
        let Value::Table(members) = &tree.value else { panic!("a table") };
        let at = |span: Span| &text[span.start as usize..span.end as usize];
        assert_eq!(at(tree.span), &text[1..]);
        assert_eq!(members[0].name, "a");
        assert_eq!(at(members[0].span), r#""a""#);
        assert_eq!(at(members[0].value.span), "[true, -5]");
        let Value::Array(elements) = &members[0].value.value else { panic!("a list") };
        assert_eq!(elements[0].value, Value::Bool(true));
        assert_eq!((&elements[1].value, at(elements[1].span)), (&Value::Integer(-5), "-5"));
        assert_eq!(members[1].name, "b!");
        assert_eq!(at(members[1].span), r#""b\u0021""#);
        assert_eq!(members[1].value.value, Value::Text("x\ny".to_string()));
        assert_eq!(members[2].value.value.describe(), "a number that is not whole");
        assert_eq!(members[3].value.value.describe(), "null");
    }

    #[test]
    fn a_fault_has_its_offset() {
        let error = Tree::from_json(r#"{"a":1,"a":2}"#).unwrap_err();
        assert_eq!(error.span, Span { start: 7, end: 8 });
        assert!(Tree::from_json(&format!("{}{}", "[".repeat(33), "]".repeat(33))).is_err());
    }

    #[test]
    fn a_tree_built_by_hand_is_bounded_too() {
        let leaf = |value| Tree { span: Span::default(), value };
        let mut deep = leaf(Value::Bool(true));
        for _ in 0..33 {
            deep = leaf(Value::Array(vec![deep]));
        }
        assert!(deep.check_bounds().is_err());
        let long = leaf(Value::Text("a".repeat(MAX_DOCUMENT + 1)));
        assert!(long.check_bounds().is_err());
        assert!(leaf(Value::Text("a".repeat(MAX_DOCUMENT))).check_bounds().is_ok());
    }
}
