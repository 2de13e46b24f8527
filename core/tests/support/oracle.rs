//! What must hold for the JSON reader on any bytes, with `serde_json` as the second reader.
//!
//! Shared by the property tests and the fuzz target. Ours accepts what `serde_json` accepts, less what
//! is stricter here on purpose: a name twice in one object, and more than 128 nested containers.

use std::collections::HashSet;
use std::fmt;

use airlock_core::json::{
    Document, Kind, Limits, Number, ParseError, ParseErrorKind, Tape, Value, parse,
    write_pointer_at,
};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// What `serde_json` reads, duplicates and order kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Number(value))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::String(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Tree::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Tree {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        deserializer.disable_recursion_limit();
        let tree = Self::deserialize(&mut deserializer).ok()?;
        deserializer.end().ok().map(|()| tree)
    }

    fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn names_are_unique(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().all(Self::names_are_unique),
            Self::Object(members) => {
                let mut seen = HashSet::new();
                members.iter().all(|(name, value)| seen.insert(name) && value.names_are_unique())
            }
            _ => true,
        }
    }

    fn is_strict(&self) -> bool {
        self.depth() <= 128 && self.names_are_unique()
    }
}

/// Our reading as the same tree.
pub(crate) fn tree(value: Value<'_>) -> Tree {
    match value.kind() {
        Kind::Null => Tree::Null,
        Kind::False => Tree::Bool(false),
        Kind::True => Tree::Bool(true),
        Kind::Number => {
            let raw = std::str::from_utf8(value.raw()).unwrap();
            assert_eq!(value.as_number().map(Number::raw), Some(value.raw()));
            Tree::Number(raw.parse().unwrap())
        }
        Kind::String => Tree::String(value.as_str().unwrap().chars().collect()),
        Kind::Array => Tree::Array(value.elements().map(tree).collect()),
        Kind::Object => {
            Tree::Object(value.members().map(|(n, v)| (n.chars().collect(), tree(v))).collect())
        }
        Kind::Key => unreachable!("a key is no value"),
    }
}

/// Parses and hands the result on.
pub(crate) fn with<T>(bytes: &[u8], then: impl FnOnce(Result<Document<'_>, ParseError>) -> T) -> T {
    then(parse(bytes, Limits::ARGUMENTS, &mut Tape::growable()))
}

pub(crate) fn error(bytes: &[u8]) -> Option<ParseError> {
    with(bytes, |read| read.err())
}

pub(crate) fn pointer_at(bytes: &[u8], offset: usize) -> String {
    let mut out = String::new();
    write_pointer_at(bytes, offset, &mut out).unwrap();
    out
}

/// Everything that holds for one input, whatever it is.
pub(crate) fn check(bytes: &[u8]) {
    let theirs = Tree::read(bytes);
    with(bytes, |ours| match (ours, theirs) {
        (Ok(ours), Some(theirs)) => {
            assert!(theirs.is_strict(), "accepted: {:?}", String::from_utf8_lossy(bytes));
            assert_eq!(tree(ours.root()), theirs);
            check_values(bytes, ours.root(), &mut String::new());
        }
        (Err(error), theirs) => {
            if let Some(theirs) = theirs {
                let reason = if error.kind == ParseErrorKind::Depth {
                    theirs.depth() > 128
                } else {
                    error.kind == ParseErrorKind::DuplicateKey && !theirs.names_are_unique()
                };
                assert!(reason, "refused: {:?}: {error}", String::from_utf8_lossy(bytes));
            }
            check_error(bytes, error);
        }
        (Ok(_), None) => panic!("accepted: {:?}", String::from_utf8_lossy(bytes)),
    });
}

/// Every value reads alike on its own, and its offset leads back to its pointer.
fn check_values(bytes: &[u8], value: Value<'_>, pointer: &mut String) {
    let (start, end) = value.span();
    assert_eq!(&bytes[start..end], value.raw());
    assert_eq!(pointer_at(bytes, start), *pointer);
    with(value.raw(), |alone| assert_eq!(tree(alone.unwrap().root()), tree(value)));
    let len = pointer.len();
    for (position, element) in value.elements().enumerate() {
        pointer.push_str(&format!("/{position}"));
        check_values(bytes, element, pointer);
        pointer.truncate(len);
    }
    for (name, member) in value.members() {
        let name: String = name.chars().collect();
        pointer.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        check_values(bytes, member, pointer);
        pointer.truncate(len);
    }
}

/// The offset is that of the first byte at which no valid document could go on: up to it nothing is
/// wrong yet, with it the same is.
fn check_error(bytes: &[u8], found: ParseError) {
    use ParseErrorKind::*;
    let at = found.offset as usize;
    assert!(at <= bytes.len());
    let _ = pointer_at(bytes, at);
    if let Some(early) = error(&bytes[..at]) {
        let ended = matches!(early.kind, Truncated | Empty);
        // A number that is too large ends where nothing shows it yet.
        let shown = ended || early.kind == NumberRange && found.kind == TrailingData;
        assert!(shown && early.offset as usize == at, "{found:?} {early:?}");
    }
    let exact = matches!(
        found.kind,
        BadEscape
            | BadLiteral
            | BadNumber
            | ControlCharacter
            | Depth
            | ExpectedColon
            | ExpectedComma
            | ExpectedKey
            | TrailingData
            | Unexpected
    );
    if exact && bytes[at].is_ascii() {
        assert_eq!(error(&bytes[..=at]), Some(found));
    }
}
