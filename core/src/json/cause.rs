//! Why a model wrote something that is not JSON, and what to do about it.
//!
//! A parser knows what it expected; a model is helped by what it did: a trailing comma, single quotes,
//! prose around the object. [`cause`] guesses that from the kind of the error and the bytes around
//! it. Every text is fixed, so nothing of the input can appear in it.
//!
//! Worst case: linear in the input, without storage.

#[allow(clippy::wildcard_imports, reason = "a table of names that stand for themselves")]
use super::causes::*;
use super::{ParseError, ParseErrorKind};

/// The likely cause of a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// A stable name for programs.
    pub code: &'static str,
    /// What is wrong, a sentence.
    pub message: &'static str,
    /// What to do, an imperative sentence.
    pub hint: &'static str,
}

/// The likely cause of `error`, which parsing `bytes` gave.
#[must_use]
pub fn cause(bytes: &[u8], error: ParseError) -> Cause {
    use ParseErrorKind as Kind;
    let place = Place::new(bytes, error.offset as usize);
    match error.kind {
        Kind::BadEscape => place.escape(),
        Kind::BadLiteral => place.word().unwrap_or(UNQUOTED_VALUE),
        Kind::BadNumber => place.number(),
        Kind::Bom => BOM,
        Kind::ControlCharacter => match place.here() {
            b'\n' | b'\r' => RAW_NEWLINE,
            b'\t' => RAW_TAB,
            _ => CONTROL_CHARACTER,
        },
        Kind::Depth => DEPTH,
        Kind::DuplicateKey => DUPLICATE_NAME,
        Kind::Empty => EMPTY,
        Kind::ExpectedColon => place.colon(),
        Kind::ExpectedComma => place.comma(),
        Kind::ExpectedKey => place.name(),
        Kind::InvalidUtf8 => INVALID_UTF8,
        Kind::LoneSurrogate => LONE_SURROGATE,
        Kind::NumberRange => NUMBER_RANGE,
        Kind::Storage | Kind::TooLarge => TOO_LARGE,
        Kind::TrailingData => place.after_document(),
        Kind::Truncated => TRUNCATED,
        Kind::Unexpected => place.value(),
    }
}

/// The line and column of byte `offset`, both from 1; a column is a character, a line ends with `\n`.
#[must_use]
pub fn line_column(bytes: &[u8], offset: usize) -> (u32, u32) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let text = before.get(start..).unwrap_or(&[]);
    // Every byte but those that continue a character begins one.
    let begins = |&&byte: &&u8| byte & 0xc0 != 0x80;
    let column = if text.is_ascii() { text.len() } else { text.iter().filter(begins).count() };
    let from_one = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
    (from_one(line), from_one(column))
}

/// The bytes around the offset of an error.
struct Place<'t> {
    /// The document, white space before it left out.
    document: &'t [u8],
    /// What stands before the offset, white space at its end left out.
    before: &'t [u8],
    /// Whether white space was left out there.
    spaced: bool,
    /// What stands at the offset and after it.
    rest: &'t [u8],
}

impl<'t> Place<'t> {
    fn new(bytes: &'t [u8], at: usize) -> Self {
        let (head, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        let before = head.trim_ascii_end();
        let spaced = before.len() < head.len();
        Self { document: bytes.trim_ascii_start(), before, spaced, rest }
    }

    /// The byte at the offset; 0 at the end of the input.
    fn here(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// The last byte before the offset that is not white space.
    fn last(&self) -> u8 {
        self.before.last().copied().unwrap_or(0)
    }

    fn at_start(&self) -> bool {
        self.rest.len() == self.document.len()
    }

    /// No value can begin here.
    fn value(&self) -> Cause {
        if self.at_start() {
            return self.before_document();
        }
        match (self.last(), self.here()) {
            (b',', b']' | b'}') => TRAILING_COMMA,
            (b',' | b'[', b',') => EXTRA_COMMA,
            (b':', b',' | b'}' | b']') => MISSING_VALUE,
            (b'[', b'}') => MISMATCHED_BRACKET,
            _ => self.stray().or_else(|| self.word()).unwrap_or(UNEXPECTED),
        }
    }

    /// The document does not begin with a value.
    fn before_document(&self) -> Cause {
        if self.document.starts_with(b"```") {
            return CODE_FENCE;
        }
        if let [b'\'' | b'`', b'{' | b'[', ..] = self.document {
            return DOUBLE_ENCODED;
        }
        let stray = self.stray();
        if stray == Some(COMMENT) || stray == Some(UTF16) || stray == Some(SPACE) {
            return stray.unwrap_or(COMMENT);
        }
        if memchr::memchr2(b'{', b'[', self.rest).is_some() { TEXT_BEFORE } else { NOT_JSON }
    }

    /// The document is whole, but something follows.
    fn after_document(&self) -> Cause {
        match (self.document, self.rest) {
            ([b'"', b'{' | b'[', ..], _) => DOUBLE_ENCODED,
            ([b'"', ..], [b':', ..]) => MISSING_BRACES,
            (_, [b'`', b'`', b'`', ..]) => CODE_FENCE,
            (_, [b'{' | b'[', ..]) => TWO_DOCUMENTS,
            (_, [b',', more @ ..]) => match more.trim_ascii_start() {
                [] => EXTRA_COMMA,
                _ => TWO_DOCUMENTS,
            },
            (_, [b'}' | b']', ..]) => EXTRA_BRACKET,
            ([b'{' | b'[' | b'"', ..], _) => match self.stray() {
                Some(COMMENT) => COMMENT,
                _ => TEXT_AFTER,
            },
            _ => NOT_JSON,
        }
    }

    /// A member name must stand here.
    fn name(&self) -> Cause {
        match (self.last(), self.here()) {
            (b',', b'}') => TRAILING_COMMA,
            (_, b',') => EXTRA_COMMA,
            (b'{', b'{') => DOUBLED_BRACE,
            (_, b']') => MISMATCHED_BRACKET,
            (_, b':' | b'{' | b'[') => MISSING_NAME,
            (b',', b'0'..=b'9') if self.after_digit_and_comma() => DIGIT_GROUPING,
            (_, byte) => self.stray().unwrap_or(if starts_word(byte) || byte.is_ascii_digit() {
                UNQUOTED_NAME
            } else {
                EXPECTED_NAME
            }),
        }
    }

    fn after_digit_and_comma(&self) -> bool {
        !self.spaced && matches!(self.before, [.., b'0'..=b'9', b','])
    }

    /// A colon must stand here.
    fn colon(&self) -> Cause {
        match self.here() {
            b'=' => EQUALS_SIGN,
            b',' | b'}' | b']' => MISSING_VALUE,
            byte if starts_word(byte) && !self.spaced => UNESCAPED_QUOTE,
            _ => match self.stray() {
                Some(COMMENT) => COMMENT,
                _ => MISSING_COLON,
            },
        }
    }

    /// A comma or a closing bracket must stand here.
    fn comma(&self) -> Cause {
        let after_string = self.last() == b'"';
        match self.here() {
            b']' | b'}' => MISMATCHED_BRACKET,
            b':' | b'=' => STRAY_COLON,
            b'+' if after_string => CONCATENATION,
            b'x' | b'X' if self.before.ends_with(b"0") && !self.spaced => OTHER_BASE,
            b'_' if self.last().is_ascii_digit() && !self.spaced => DIGIT_GROUPING,
            b'"' | b'{' | b'[' if self.spaced || !after_string => MISSING_COMMA,
            b'"' => UNESCAPED_QUOTE,
            b'/' | b'#' if self.stray() == Some(COMMENT) => COMMENT,
            byte if after_string && !self.spaced && !byte.is_ascii_punctuation() => UNESCAPED_QUOTE,
            byte if byte.is_ascii_digit() || byte == b'-' && self.spaced => MISSING_COMMA,
            // A number that goes on: a date, a version, a size with its unit.
            _ if self.last().is_ascii_digit() && !self.spaced => UNQUOTED_VALUE,
            _ if after_string => UNESCAPED_QUOTE,
            _ => self.stray().unwrap_or(MISSING_COMMA),
        }
    }

    /// A backslash stands before the offset, or `\u` and fewer than four hexadecimal digits.
    fn escape(&self) -> Cause {
        match (self.before.last(), self.here()) {
            (Some(b'\\'), b'\'') => ESCAPED_APOSTROPHE,
            (Some(b'\\'), b'x') => HEX_ESCAPE,
            (Some(b'\\'), b'\n' | b'\r') => RAW_NEWLINE,
            _ => BARE_BACKSLASH,
        }
    }

    fn number(&self) -> Cause {
        match (self.last(), self.here()) {
            (b'0', b'0'..=b'9') => LEADING_ZERO,
            (b'-', b'.') => BARE_POINT,
            (b'-', byte) if starts_word(byte) => self.word().unwrap_or(BAD_NUMBER),
            (b'.' | b'e' | b'E' | b'+', _) => UNFINISHED_NUMBER,
            _ => BAD_NUMBER,
        }
    }

    /// What is wrong wherever it stands between tokens.
    fn stray(&self) -> Option<Cause> {
        Some(match self.rest {
            [b'`', b'`', b'`', ..] => CODE_FENCE,
            [b'\'' | b'`', ..] => SINGLE_QUOTES,
            // “ ” „ ‘ ’ and « »
            [0xe2, 0x80, 0x98..=0x9f, ..] | [0xc2, 0xab | 0xbb, ..] => CURLY_QUOTES,
            [b'/', b'/' | b'*', ..] | [b'#', ..] | [b'<', b'!', b'-', ..] => COMMENT,
            [b'.', b'.', b'.', ..] | [0xe2, 0x80, 0xa6, ..] => ELLIPSIS,
            // No-break space, the spaces from U+2000 to U+200D, U+3000, U+FEFF, and two of ASCII.
            [0xc2, 0xa0, ..] | [0xe2, 0x80, 0x80..=0x8d, ..] => SPACE,
            [0xe3, 0x80, 0x80, ..] | [0xef, 0xbb, 0xbf, ..] | [0x0b | 0x0c, ..] => SPACE,
            [0, ..] => UTF16,
            [b'\\', ..] => ESCAPED_JSON,
            [b'+', b'0'..=b'9' | b'.', ..] => PLUS_SIGN,
            [b'.', b'0'..=b'9', ..] => BARE_POINT,
            _ => return None,
        })
    }

    /// The word around the offset: one of another language, or text that lacks its quotes.
    fn word(&self) -> Option<Cause> {
        let front = if self.spaced { 0 } else { word_bytes(self.before.iter().rev()) };
        let start = self.before.len() - front;
        let back = word_bytes(self.rest.iter());
        let (front, back) = (self.before.get(start..)?, self.rest.get(..back)?);
        let is = |word: &str| {
            let (head, tail) = word.as_bytes().split_at_checked(front.len()).unwrap_or_default();
            word.len() == front.len() + back.len()
                && head.eq_ignore_ascii_case(front)
                && tail.eq_ignore_ascii_case(back)
        };
        let whole = self.document.len() == front.len() + self.rest.len();
        Some(match () {
            () if is("true") || is("false") || is("null") => WORD_CASE,
            () if is("none") || is("nil") || is("undefined") => NO_VALUE,
            () if is("nan") || is("infinity") || is("inf") => NOT_FINITE,
            () if whole && memchr::memchr2(b'{', b'[', self.rest).is_some() => TEXT_BEFORE,
            () if whole => NOT_JSON,
            () if front.is_empty() && !starts_word(self.here()) => return None,
            () => UNQUOTED_VALUE,
        })
    }
}

fn word_bytes<'t>(bytes: impl Iterator<Item = &'t u8>) -> usize {
    bytes.take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count()
}

const fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::{Limits, Tape, parse};

    fn code(text: &[u8]) -> &'static str {
        let mut nodes = [super::super::Node::default(); 256];
        let mut order = [0; 64];
        let mut tape = Tape::lent(&mut nodes, &mut order);
        match parse(text, Limits::ARGUMENTS, &mut tape) {
            Ok(_) => "",
            Err(error) => cause(text, error).code,
        }
    }

    #[test]
    fn causes() {
        for (text, want) in [
            ("", "empty"),
            (" \n", "empty"),
            ("\u{feff}{}", "bom"),
            (r#"{"a":1,}"#, "trailing_comma"),
            (r#"{"a":[1, 2, ]}"#, "trailing_comma"),
            (r#"{"a":1,,"b":2}"#, "extra_comma"),
            ("[,1]", "extra_comma"),
            ("[1,,2]", "extra_comma"),
            ("{},", "extra_comma"),
            ("{'a': 1}", "single_quotes"),
            (r#"{"a": 'x'}"#, "single_quotes"),
            (r#"{"a": `x`}"#, "single_quotes"),
            ("{\u{201c}a\u{201d}: 1}", "curly_quotes"),
            ("{a: 1}", "unquoted_name"),
            ("{1: 1}", "unquoted_name"),
            (r#"{"a": 1, \"b\": 2}"#, "escaped_json"),
            (r#"{\"a\": 1}"#, "escaped_json"),
            ("```json\n{}\n```", "code_fence"),
            ("{}\n```", "code_fence"),
            ("// call\n{}", "comment"),
            (r#"{"a": 1 /* one */}"#, "comment"),
            (r#"{"a": 1, # one"#, "comment"),
            (r#"{"a" /* one */: 1}"#, "comment"),
            ("{} // done", "comment"),
            (r#"{"a": True}"#, "word_case"),
            (r#"{"a": FALSE, "b": 1}"#, "word_case"),
            (r#"[Null]"#, "word_case"),
            (r#"{"a": None}"#, "no_value"),
            (r#"{"a": none}"#, "no_value"),
            (r#"{"a": undefined}"#, "no_value"),
            (r#"{"a": nil}"#, "no_value"),
            (r#"{"a": NaN}"#, "not_finite"),
            (r#"{"a": nan}"#, "not_finite"),
            (r#"{"a": -Infinity}"#, "not_finite"),
            (r#"[Infinity]"#, "not_finite"),
            (r#"{"a": "#, "truncated"),
            (r#"{"a": tr"#, "truncated"),
            ("{} {}", "two_documents"),
            ("{},{}", "two_documents"),
            ("{}}", "extra_bracket"),
            ("Sure! {}", "text_before"),
            ("the call: {}", "text_before"),
            ("<tool_call>{}", "text_before"),
            ("null {}", "two_documents"),
            ("hello", "not_json"),
            ("no", "not_json"),
            ("12 monkeys", "not_json"),
            ("{} as asked", "text_after"),
            ("{};", "text_after"),
            ("{}\0", "text_after"),
            ("{\"a\": \"x\ny\"}", "raw_newline"),
            ("{\"a\": \"x\ty\"}", "raw_tab"),
            ("{\"a\": \"x\u{1}y\"}", "control_character"),
            (r#"{"a": "C:\dir"}"#, "bare_backslash"),
            (r#"{"a": "C:\users"}"#, "bare_backslash"),
            (r#"{"a": "it\'s"}"#, "escaped_apostrophe"),
            (r#"{"a": "\x41"}"#, "hex_escape"),
            (r#"{"a": 01}"#, "leading_zero"),
            (r#"{"a": -007}"#, "leading_zero"),
            (r#"{"a": +1}"#, "plus_sign"),
            (r#"{"a": .5}"#, "bare_point"),
            (r#"{"a": -.5}"#, "bare_point"),
            (r#"{"a": 0x1F}"#, "other_base"),
            (r#"{"a": 1_000}"#, "digit_grouping"),
            (r#"{"a": 1,000}"#, "digit_grouping"),
            (r#"{"a": 1.}"#, "unfinished_number"),
            (r#"{"a": 1e+}"#, "unfinished_number"),
            (r#"{"a": --1}"#, "bad_number"),
            (r#"{"a": 1e999}"#, "number_range"),
            (r#"{"a": 1 "b": 2}"#, "missing_comma"),
            (r#"{"a": "x" "b": 2}"#, "missing_comma"),
            (r#"[{}{}]"#, "missing_comma"),
            (r#"[1 2]"#, "missing_comma"),
            (r#"{"a" 1}"#, "missing_colon"),
            (r#"{"a" "b"}"#, "missing_colon"),
            (r#"{"a" = 1}"#, "equals_sign"),
            (r#"{"a"}"#, "missing_value"),
            (r#"{"a":}"#, "missing_value"),
            (r#"{"a": , "b": 1}"#, "missing_value"),
            (r#"{: 1}"#, "missing_name"),
            (r#"{[1]}"#, "missing_name"),
            (r#"{{"a": 1}}"#, "doubled_brace"),
            (r#"{"a": 1, "a": 2}"#, "duplicate_name"),
            (r#""{"a": 1}""#, "double_encoded"),
            (r#"'{"a": 1}'"#, "double_encoded"),
            (r#""a": 1"#, "missing_braces"),
            (r#"["a": 1]"#, "stray_colon"),
            (r#"{"a": [1}"#, "mismatched_bracket"),
            (r#"{"a": 1]"#, "mismatched_bracket"),
            (r#"{"a": "say "hi" now"}"#, "unescaped_quote"),
            (r#"{"a": "say "" now"}"#, "unescaped_quote"),
            (r#"{"say "hi": 1}"#, "unescaped_quote"),
            (r#"{"a": "x" + "y"}"#, "concatenation"),
            (r#"{"a": hello}"#, "unquoted_value"),
            (r#"{"a": new York}"#, "unquoted_value"),
            (r#"{"a": 2024-01-31}"#, "unquoted_value"),
            (r#"{"a": 12px}"#, "unquoted_value"),
            (r#"{"a": 1.2.3}"#, "unquoted_value"),
            (r#"[1, ...]"#, "ellipsis"),
            (r#"{"a": 1, ...}"#, "ellipsis"),
            ("{\"a\":\u{a0}1}", "space"),
            ("{\0\"\0", "nul"),
            (r#"{"a": "\ud800"}"#, "lone_surrogate"),
            (r#"{"a": @}"#, "unexpected"),
        ] {
            assert_eq!(code(text.as_bytes()), want, "{text}");
        }
        assert_eq!(code(b"{\"a\": \"\xff\"}"), "invalid_utf8");
        assert_eq!(code("[".repeat(200).as_bytes()), "depth");
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "{\n  \"\u{e9}\u{1f432}\": x\r\n}".as_bytes();
        assert_eq!(line_column(text, 0), (1, 1));
        assert_eq!(line_column(text, 1), (1, 2));
        assert_eq!(line_column(text, 2), (2, 1));
        assert_eq!(line_column(text, 14), (2, 9));
        assert_eq!(line_column(text, 9999), (3, 2));
        assert_eq!(line_column(b"\xff\x80\xff", 3), (1, 3));
    }

    /// Of the recorded malformed calls few may be left without a cause.
    #[cfg(feature = "alloc")]
    #[test]
    fn recorded_calls_have_causes() {
        let Some(calls) = crate::shared::lines("validation/dev_calls.jsonl") else {
            return;
        };
        let mut counts = std::collections::BTreeMap::new();
        for call in &calls {
            let Some(text) = call["arguments_text"].as_str() else {
                continue;
            };
            let mut tape = Tape::growable();
            if let Err(error) = parse(text.as_bytes(), Limits::ARGUMENTS, &mut tape) {
                let cause = cause(text.as_bytes(), error);
                *counts.entry((error.kind.code(), cause.code)).or_insert(0) += 1;
            }
        }
        for ((kind, cause), count) in &counts {
            std::println!("{count:>4} {kind:<16} {cause}");
        }
        let vague: std::vec::Vec<_> =
            counts.keys().filter(|(_, c)| *c == "unexpected" || *c == "expected_name").collect();
        assert!(vague.is_empty(), "{vague:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_at_any_offset(bytes in prop::collection::vec(any::<u8>(), 0..40), at in 0..50_u32) {
            use ParseErrorKind::*;
            for kind in [BadEscape, BadLiteral, BadNumber, ExpectedColon, ExpectedComma, ExpectedKey, TrailingData, Unexpected] {
                let found = cause(&bytes, ParseError { kind, offset: at });
                prop_assert!(found.message.ends_with('.') && found.hint.ends_with('.'));
            }
            let _ = line_column(&bytes, at as usize);
        }
    }
}
