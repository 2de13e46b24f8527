//! What a program can do about a value of the wrong type or outside of an `enum`.
//!
//! A repair keeps what the caller meant or it is not offered: it moves what is there (out of quotes, into
//! brackets), leaves out what says nothing, or puts a value of the schema in its place. A number is never
//! rounded, a unit never dropped, text never cut. Worst case: linear in the value.

use crate::json::{Kind, Str, Value};
use crate::near::Essence;
use crate::schema::Types;

/// Words for "nothing": an optional argument that says one of them can be left out. Compared by letters
/// and digits alone.
const NOTHING: [&str; 21] = [
    "auto",
    "autodetect",
    "automatic",
    "default",
    "defaultvalue",
    "na",
    "nil",
    "none",
    "notapplicable",
    "notavailable",
    "notgiven",
    "notprovided",
    "notset",
    "notspecified",
    "null",
    "undefined",
    "unknown",
    "unknownoption",
    "unknownvalue",
    "unset",
    "unspecified",
];
/// Words for true and for false, in pairs.
const TRUTH: [(&str, &str); 5] =
    [("true", "false"), ("yes", "no"), ("on", "off"), ("1", "0"), ("y", "n")];
/// Words after a number that add nothing to it.
const COUNTED: [&str; 6] = ["item", "items", "pcs", "piece", "pieces", "units"];

/// A way to make a wrong value right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// An object whose names count from 0 becomes the array of its values.
    List,
    /// Nothing that keeps what was meant.
    None,
    /// A string that holds one number becomes that number.
    Number,
    /// A string that holds JSON of a container becomes that.
    Parse,
    /// A number or a boolean becomes a string of the same spelling.
    Quote,
    /// An argument that says nothing is left out.
    Remove,
    /// The value becomes `true`, `false`, `null`, `[]` or `{}`.
    Replace(&'static str),
    /// A string that holds JSON of a scalar becomes that.
    Unquote,
    /// An array or an object of one value becomes that value.
    Unwrap,
    /// The value becomes the one element of an array.
    Wrap,
}

impl Repair {
    pub(super) const fn op(self) -> Option<&'static str> {
        Some(match self {
            Self::List => "list",
            Self::None => return None,
            Self::Number => "number",
            Self::Parse => "parse",
            Self::Quote => "quote",
            Self::Remove => "remove",
            Self::Replace(_) => "replace",
            Self::Unquote => "unquote",
            Self::Unwrap => "unwrap",
            Self::Wrap => "wrap",
        })
    }
}

/// Whether `text` says that there is nothing to say.
pub(crate) fn says_nothing(text: Str<'_>) -> bool {
    if !text.is_escaped() && !may_say_nothing(text.raw()) {
        return false;
    }
    let folded = Essence::<16>::new(text);
    match folded.text() {
        Some("") => {
            text.as_plain().is_some_and(|text| matches!(text.trim(), "" | "-" | "--" | "?"))
        }
        Some(word) => NOTHING.contains(&word),
        None => false,
    }
}

/// By length and first letter.
fn may_say_nothing(text: &[u8]) -> bool {
    let first = text.trim_ascii_start().first().map(u8::to_ascii_lowercase);
    text.len() <= 20
        && matches!(first, None | Some(b'a' | b'd' | b'n' | b'u' | b'-' | b'?' | b'<' | b'('))
}

/// Whether `text` can be JSON of a type in `types`, by its first character.
pub(super) fn may_hold(text: Str<'_>, types: Types) -> bool {
    let first = match text.is_escaped() {
        false => text.raw().trim_ascii_start().first().copied(),
        true => text.bytes().find(|byte| !byte.is_ascii_whitespace()),
    };
    types.meets(match first {
        Some(b'-' | b'0'..=b'9') => Types::NUMBER.and(Types::INTEGER),
        Some(b't' | b'f') => Types::BOOLEAN,
        Some(b'n') => Types::NULL,
        Some(b'[') => Types::ARRAY,
        Some(b'{') => Types::OBJECT,
        _ => return false,
    })
}

/// What `value`, which is no boolean, says when it means one.
pub(super) fn truth(value: Value<'_>) -> Option<bool> {
    let folded = match (value.as_str(), value.kind()) {
        (Some(text), _) => Essence::<8>::new(text),
        (None, Kind::Number) => Essence::new(Str::new(value.raw(), false)),
        _ => return None,
    };
    let word = folded.text()?;
    // `-1` folds to `1`, `1.0` to `10`: only the bare digit counts.
    if value.kind() == Kind::Number && value.raw().len() != 1 {
        return None;
    }
    let (yes, _) = TRUTH.iter().find(|&&(yes, no)| word == yes || word == no)?;
    Some(word == *yes)
}

/// Whether `text` is one number of a type in `types` as people write it: with commas between groups of
/// three digits, or with a word after it that only says that it counts. One comma alone may be a decimal
/// point, so it separates groups only where an integer is wanted.
pub(super) fn is_number_of(text: Str<'_>, types: Types) -> bool {
    let Some(text) = text.as_plain().map(str::trim) else { return false };
    if text.len() > 40 {
        return false;
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ',' | '.' | '-')));
    let (number, word) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
    let counted = COUNTED.iter().any(|counted| counted.eq_ignore_ascii_case(word.trim()));
    if !word.is_empty() && !counted {
        return false;
    }
    let digits = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if fraction.is_some_and(|fraction| !is_digits(fraction)) {
        return false;
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let zero = first.starts_with('0') && whole.len() > 1;
    let commas = groups.clone().count();
    if !is_digits(first)
        || zero
        || (commas > 0 && first.len() > 3)
        || !groups.all(|group| group.len() == 3 && is_digits(group))
    {
        return false;
    }
    if fraction.is_none() && types.meets(Types::INTEGER) {
        return true;
    }
    types.meets(Types::NUMBER) && (commas != 1 || fraction.is_some())
}

/// The only value inside `value`: of an array of one element, or of an object of one member that is
/// called `value` or like the argument itself.
pub(super) fn only<'t>(value: Value<'t>, argument: Option<Str<'_>>) -> Option<Value<'t>> {
    if value.len() != 1 {
        return None;
    }
    if value.kind() == Kind::Array {
        return value.elements().next();
    }
    let (name, inside) = value.members().next()?;
    let same = argument.is_some_and(|argument| argument.cmp_bytes(name).is_eq());
    (same || name.is(b"value")).then_some(inside)
}

/// Whether `value` is an object whose names are `0`, `1`, `2` and so on, in order.
pub(super) fn counts_up(value: Value<'_>) -> bool {
    let counts = |(at, (name, _)): (usize, (Str<'_>, _))| {
        name.as_plain().and_then(|name| name.parse().ok()) == Some(at) && name.raw().len() <= 4
    };
    value.kind() == Kind::Object && !value.is_empty() && value.members().enumerate().all(counts)
}
