//! Why bytes are not a document.

use core::fmt;

/// Why and where parsing stopped. Line, column and cause are worked out from the input when someone
/// looks; the error itself is two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Byte offset of the first byte that no valid continuation could have there; the start of the
    /// escape, number, bracket or second name for the kinds that say so.
    pub offset: u32,
}

/// What is wrong at the offset of a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// A backslash is followed by something that is no escape.
    BadEscape,
    /// A word that is neither `true`, `false` nor `null`.
    BadLiteral,
    /// A number that RFC 8259 does not know, like `01` or `1.`.
    BadNumber,
    /// The input begins with a byte order mark.
    Bom,
    /// A raw control character inside a string.
    ControlCharacter,
    /// More nested containers than the limit; the offset is that of the bracket.
    Depth,
    /// A name for the second time in one object; the offset is that of its opening quote.
    DuplicateKey,
    /// Nothing but white space.
    Empty,
    /// A `:` must stand here.
    ExpectedColon,
    /// A `,` or the closing bracket must stand here.
    ExpectedComma,
    /// A member name in double quotes must stand here.
    ExpectedKey,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A `\u` escape that is half a surrogate pair; the offset is that of the escape.
    LoneSurrogate,
    /// A number that binary64 cannot hold; the offset is that of the number.
    NumberRange,
    /// The storage lent for the document is used up.
    Storage,
    /// The input or one container is larger than the limit.
    TooLarge,
    /// Something after the end of the document.
    TrailingData,
    /// The input ends inside the document.
    Truncated,
    /// No value can begin with this byte.
    Unexpected,
}

impl ParseErrorKind {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadEscape => "bad_escape",
            Self::BadLiteral => "bad_literal",
            Self::BadNumber => "bad_number",
            Self::Bom => "bom",
            Self::ControlCharacter => "control_char",
            Self::Depth => "depth",
            Self::DuplicateKey => "duplicate_key",
            Self::Empty => "empty",
            Self::ExpectedColon => "expected_colon",
            Self::ExpectedComma => "expected_comma",
            Self::ExpectedKey => "expected_key",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::LoneSurrogate => "lone_surrogate",
            Self::NumberRange => "number_range",
            Self::Storage => "storage",
            Self::TooLarge => "too_large",
            Self::TrailingData => "trailing_data",
            Self::Truncated => "truncated",
            Self::Unexpected => "unexpected",
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::BadEscape => "a backslash must be followed by one of \" \\ / b f n r t u",
            Self::BadLiteral => "only the words true, false and null exist",
            Self::BadNumber => "this is not how JSON spells a number",
            Self::Bom => "the input begins with a byte order mark",
            Self::ControlCharacter => "a control character inside a string must be escaped",
            Self::Depth => "the containers are nested too deeply",
            Self::DuplicateKey => "this member name occurs twice in one object",
            Self::Empty => "the input is empty",
            Self::ExpectedColon => "a ':' must follow the member name",
            Self::ExpectedComma => "a ',' or the closing bracket must stand here",
            Self::ExpectedKey => "a member name in double quotes must stand here",
            Self::InvalidUtf8 => "these bytes are not UTF-8",
            Self::LoneSurrogate => "this \\u escape is half a surrogate pair",
            Self::NumberRange => "this number is too large",
            Self::Storage => "the document needs more storage than it was given",
            Self::TooLarge => "the input is larger than the limit",
            Self::TrailingData => "something stands after the end of the document",
            Self::Truncated => "the input ends inside the document",
            Self::Unexpected => "no JSON value begins like this",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind.message(), self.offset)
    }
}

impl core::error::Error for ParseError {}
