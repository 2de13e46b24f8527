//! From TOML to a policy tree.
//!
//! The parser keeps the place of every key and value and bounds the depth of the document; here the
//! two are only put into the terms of the core.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use airlock_core::policy::PolicyError;
use airlock_core::policy::tree::{Member, Span, Tree, Value};

/// Reads a TOML document.
pub(super) fn parse(text: &str) -> Result<Tree, PolicyError> {
    match DeTable::parse(text) {
        Ok(document) => {
            let at = span(document.span());
            Ok(Tree { span: at, value: table(document.into_inner()) })
        }
        Err(error) => {
            let at = span(error.span().unwrap_or_default());
            let lines: Vec<&str> = error.message().lines().collect();
            Err(PolicyError::new(at, "", lines.join("; ")))
        }
    }
}

fn tree(value: Spanned<DeValue<'_>>) -> Tree {
    let at = span(value.span());
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
        // Underscores between digits mean nothing.
        DeValue::Float(number) => Value::number(&number.as_str().replace('_', "")),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(elements) => Value::Array(elements.into_iter().map(tree).collect()),
        DeValue::Table(members) => table(members),
    };
    Tree { span: at, value }
}

fn table(members: DeTable<'_>) -> Value {
    let member = |(name, value): (Spanned<_>, _)| {
        let at = span(name.span());
        Member {
            name: std::borrow::Cow::into_owned(name.into_inner()),
            span: at,
            value: tree(value),
        }
    };
    Value::Table(members.into_iter().map(member).collect())
}

fn span(range: std::ops::Range<usize>) -> Span {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: offset(range.start), end: offset(range.end) }
}
