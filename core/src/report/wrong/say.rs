//! What is wrong with a value, in words: one function for each field of a violation.

use super::super::line::Line;
use super::super::phrase::{Phrase, choose};
use super::super::repair::Repair;
use super::super::reporter::Reporter;
use super::super::words::{Name, a_type, rule_words, shown, spelt};
use super::{Choices, MAX_NAMED, Strays, Wrong};
use crate::json::{Str, Value};
use crate::schema::{Keyword, Types};

impl<'a> Reporter<'a, '_> {
    /// What is expected, where that was put into words when the schema was compiled.
    pub(in super::super) fn phrase(&self, wrong: &Wrong<'_>) -> Option<&'a Phrase> {
        match *wrong {
            Wrong::Choice { choices: Choices::List(list), .. } => self.schema.phrase(list.index()),
            _ => None,
        }
    }

    pub(in super::super) fn expected(&self, line: &mut Line<'_>, wrong: &Wrong<'_>) {
        match *wrong {
            Wrong::Choice { choices, .. } => {
                choose(line, choices.iter(), choices.len());
                line
            }
            Wrong::Constant { value, .. } => line.shown(spelt(value, 60)),
            Wrong::Ghost { meant: Some(meant), .. } => line.shown(shown(meant.into())),
            Wrong::Ghost { meant: None, .. } => line.put("a declared name"),
            Wrong::Members { keyword: Keyword::PropertyNames, .. } => {
                line.put("an object whose member names are allowed")
            }
            Wrong::Members { .. } => line.put("an object without further members"),
            Wrong::Missing { types, .. } | Wrong::Type { types, .. } => line.types(types),
            Wrong::Rule { keyword, limit, .. } => {
                let (phrase, _) = rule_words(keyword);
                limited(line, phrase, limit)
            }
            Wrong::Variants { count, one, .. } => line
                .put(if one { "exactly one of " } else { "one of " })
                .number(count as u64)
                .put(" variants"),
        };
    }

    pub(in super::super) fn message(&self, line: &mut Line<'_>, wrong: &Wrong<'_>, name: Name<'_>) {
        match *wrong {
            Wrong::Choice { .. } => line.name(name).put(" must be one of the allowed values."),
            Wrong::Constant { value, .. } => {
                line.name(name).put(" must be ").shown(spelt(value, 60)).put(".")
            }
            Wrong::Ghost { name, meant, required, .. } => {
                line.shown(shown(name)).put(" is not a parameter here");
                if let Some(meant) = meant {
                    line.put("; ").shown(shown(meant.into())).put(" is");
                    if required {
                        line.put(", and it is required");
                    }
                }
                line.put(".")
            }
            Wrong::Members { strays, .. } => {
                self.named(line.name(name).put(" must not have "), strays).put(".")
            }
            Wrong::Missing { property, .. } => {
                line.shown(shown(property.into())).put(" is required.")
            }
            Wrong::Rule { .. } => {
                line.name(name).put(" must be ");
                self.expected(line, wrong);
                line.put(".")
            }
            Wrong::Type { types, kind, .. } => {
                line.name(name).put(" must be ").a_type(types).put(", not ");
                line.bytes(a_type(kind).as_bytes()).put(".")
            }
            Wrong::Variants { .. } => {
                line.name(name).put(" must fit ");
                self.expected(line, wrong);
                line.put(".")
            }
        };
    }

    pub(in super::super) fn hint(&self, line: &mut Line<'_>, wrong: &Wrong<'_>, name: Name<'_>) {
        match *wrong {
            Wrong::Choice { meant: Some(meant), .. } | Wrong::Constant { value: meant, .. } => {
                line.put("Send ").shown(spelt(meant, 60)).put(".")
            }
            Wrong::Choice { remove: true, .. } => {
                line.put("Send one of the allowed values, or leave ").name(name).put(" out.")
            }
            Wrong::Choice { .. } => line.put("Send one of the allowed values."),
            Wrong::Ghost { name, meant: Some(meant), first: true, .. } => rename(line, name, meant),
            Wrong::Ghost { name, .. } => line.put("Remove ").shown(shown(name)).put("."),
            Wrong::Members { keyword, strays, .. } => {
                line.put(if keyword == Keyword::PropertyNames { "Rename " } else { "Remove " });
                self.named(line, strays).put(".")
            }
            Wrong::Missing { property, ghost: Some(ghost), .. } => rename(line, ghost, property),
            Wrong::Missing { property, types, .. } => {
                line.put("Add ").shown(shown(property.into())).put(", ").a_type(types).put(".")
            }
            Wrong::Rule { keyword, limit, example, .. } => {
                let (_, phrase) = rule_words(keyword);
                limited(line, phrase, limit);
                match example {
                    Some(example) => line.put(" For example: ").shown(example).put("."),
                    None => line,
                }
            }
            Wrong::Type { types, repair, root, .. } => type_hint(line, repair, name, types, root),
            Wrong::Variants { one: true, .. } => {
                line.put("Send what one of the variants wants, and no other.")
            }
            Wrong::Variants { one: false, .. } => line.put("Send what one of the variants wants."),
        };
    }

    /// The first few of `strays`, like `a, b and 2 more`.
    fn named<'l, 'o>(&self, line: &'l mut Line<'o>, strays: Strays) -> &'l mut Line<'o> {
        for (at, &key) in strays.keys.iter().take(strays.count).enumerate() {
            if at > 0 {
                line.put(", ");
            }
            line.shown(shown(self.doc.text(key)));
        }
        match strays.count.checked_sub(MAX_NAMED) {
            Some(more @ 1..) => line.put(" and ").number(more as u64).put(" more"),
            _ => line,
        }
    }
}

fn rename<'l, 'o>(line: &'l mut Line<'o>, from: Str<'_>, to: &str) -> &'l mut Line<'o> {
    line.put("Rename ").shown(shown(from)).put(" to ").shown(shown(to.into())).put(".")
}

/// A phrase with the limit in its gap, if it has one.
fn limited<'l, 'o>(
    line: &'l mut Line<'o>,
    (before, after): (&str, Option<&str>),
    limit: Option<Value<'_>>,
) -> &'l mut Line<'o> {
    line.put(before);
    match (after, limit) {
        (Some(after), Some(limit)) => line.shown(spelt(limit, 80)).put(after),
        _ => line,
    }
}

/// What to do about a wrong type; `root` when the value is the arguments as a whole.
fn type_hint<'l, 'o>(
    line: &'l mut Line<'o>,
    repair: Repair,
    name: Name<'_>,
    types: Types,
    root: bool,
) -> &'l mut Line<'o> {
    line.put("Send ").name(name).put(" as ");
    match repair {
        Repair::List => line.put("an array: its values in order, in square brackets."),
        Repair::None if root => line.put("one JSON object."),
        Repair::None => line.a_type(types).put("."),
        Repair::Number => line.a_type(types).put(", in digits without commas or words."),
        Repair::Parse => line.a_type(types).put(" itself, not as a string of JSON."),
        Repair::Quote => line.put("a string, in double quotes."),
        Repair::Remove => line.a_type(types).put(", or leave it out."),
        Repair::Replace(to) => line.bytes(to.as_bytes()).put("."),
        Repair::Unquote => line.a_type(types).put(", without quotes."),
        Repair::Unwrap => line.a_type(types).put(" itself, with nothing around it."),
        Repair::Wrap => line.put("an array: put it in square brackets."),
    }
}
