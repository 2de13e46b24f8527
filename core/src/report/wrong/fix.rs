//! The repair of a violation, as a program reads it.

use core::fmt::Write;

use super::super::line::{Line, MAX_SHOWN_POINTER, head};
use super::super::repair::Repair;
use super::super::reporter::Reporter;
use super::super::words::Shown;
use super::super::{FixRecord, MAX_POINTER, Text};
use super::{Strays, Wrong};
use crate::buf::Buf;
use crate::json::{self, Str, Value};
use crate::schema::Keyword;

/// Longest value of a schema that a fix repeats, in bytes.
const MAX_FIX: usize = 200;

impl<'a> Reporter<'a, '_> {
    /// Writes the repair, or `null`. It applies to the place of the violation, whose path is `own`, or to
    /// another at `pointer`.
    pub(in super::super) fn fix(
        &mut self,
        line: &mut Line<'_>,
        wrong: &Wrong<'_>,
        own: Option<Text>,
        pointer: &[u8],
    ) -> Option<FixRecord> {
        let nothing = |line: &mut Line<'_>| {
            line.put("null");
            None
        };
        let Some(Planned { op, below, to }) = self.planned(wrong) else { return nothing(line) };
        // A place that cannot be told exactly cannot be repaired.
        let path = match own {
            Some(own) if below.is_none() => {
                if !line.tells_pointer() {
                    return nothing(line);
                }
                line.put(r#"{"op":""#).bytes(op.as_bytes()).put(r#"","path":""#).same_pointer();
                own
            }
            _ => {
                let side = &mut self.report.side;
                let path = place_below(pointer, below, side);
                let shown = Shown::new(Str::new(path.of(side), false), MAX_SHOWN_POINTER);
                if !shown.is_whole() {
                    return nothing(line);
                }
                line.put(r#"{"op":""#).bytes(op.as_bytes()).put(r#"","path":""#).shown(shown);
                path
            }
        };
        line.put(r#"","to":"#);
        let start = line.at();
        match to {
            None => line.put("null"),
            Some(To::Name(name)) => line.put("\"").exactly(name).put("\""),
            Some(To::Value(value)) => line.bytes(value.raw()),
            Some(To::Word(word)) => line.bytes(word.as_bytes()),
        };
        let to = to.map(|_| Text::plain(start, line.at()));
        line.put("}");
        Some(FixRecord { op, path, to })
    }

    /// What a program can do about it.
    fn planned<'w>(&self, wrong: &Wrong<'w>) -> Option<Planned<'w>>
    where
        'a: 'w,
    {
        let plan = |op, below, to| Some(Planned { op, below, to });
        match *wrong {
            Wrong::Choice { meant: Some(value), .. } | Wrong::Constant { value, .. } => {
                plan("replace", None, Some(To::short(value)?))
            }
            Wrong::Choice { remove: true, .. } => plan("remove", None, None),
            Wrong::Ghost { meant: Some(meant), first: true, .. } => {
                plan("rename", None, Some(To::name(meant)?))
            }
            Wrong::Ghost { .. } => plan("remove", None, None),
            Wrong::Missing { property, ghost: Some(ghost), .. } => {
                plan("rename", Some(ghost), Some(To::name(property)?))
            }
            Wrong::Missing { property, value: Some(value), .. } => {
                plan("add", Some(property.into()), Some(To::short(value)?))
            }
            Wrong::Members { keyword, strays: Strays { keys: [key, ..], count: 1 }, .. }
                if keyword != Keyword::PropertyNames =>
            {
                plan("remove", Some(self.doc.text(key)), None)
            }
            Wrong::Rule { keyword: Keyword::FalseSchema, member: true, .. } => {
                plan("remove", None, None)
            }
            Wrong::Type { repair: Repair::Replace(word), .. } => {
                plan("replace", None, Some(To::Word(word)))
            }
            Wrong::Type { repair, .. } => plan(repair.op()?, None, None),
            _ => None,
        }
    }
}

/// Writes the pointer of the value at `pointer`, or of its member `below`, to `side`.
fn place_below(pointer: &[u8], below: Option<Str<'_>>, side: &mut Buf<'_, u8>) -> Text {
    let start = side.len() as u32;
    let _ = side.extend(head(pointer));
    if let Some(name) = below {
        let _ = side.write_char('/');
        let _ = json::write_token(name.chars().take(MAX_POINTER), side);
    }
    Text::side(start, side.len() as u32)
}

/// A fix before it is written.
struct Planned<'w> {
    op: &'static str,
    /// The member that it applies to, where that is not the place of the violation.
    below: Option<Str<'w>>,
    to: Option<To<'w>>,
}

enum To<'w> {
    Name(&'w str),
    Value(Value<'w>),
    Word(&'static str),
}

impl<'w> To<'w> {
    /// A name of the schema, when that is short.
    fn name(name: &'w str) -> Option<Self> {
        (name.len() <= MAX_FIX).then_some(Self::Name(name))
    }

    /// A value of the schema as it is spelt there, when that is short.
    fn short(value: Value<'w>) -> Option<Self> {
        (value.raw().len() <= MAX_FIX).then_some(Self::Value(value))
    }
}
