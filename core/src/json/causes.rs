//! What can be wrong with text that should be JSON, in fixed words: nothing of the input can appear in
//! them.

use super::Cause;

const fn new(code: &'static str, message: &'static str, hint: &'static str) -> Cause {
    Cause { code, message, hint }
}

pub(super) const BAD_NUMBER: Cause = new(
    "bad_number",
    "This is not how JSON spells a number.",
    "Write the number in decimal digits, like -12.5, or put text in double quotes.",
);
pub(super) const BARE_BACKSLASH: Cause = new(
    "bare_backslash",
    "A backslash in a string begins an escape, and this is none.",
    "Write every backslash that is meant as \\\\, also in paths and patterns.",
);
pub(super) const BARE_POINT: Cause = new(
    "bare_point",
    "A number begins with its decimal point.",
    "Write a 0 before the decimal point.",
);
pub(super) const BOM: Cause = new(
    "bom",
    "A byte order mark stands before the JSON.",
    "Remove the byte order mark and send plain UTF-8.",
);
pub(super) const CODE_FENCE: Cause = new(
    "code_fence",
    "A Markdown code fence stands around the JSON.",
    "Send the JSON alone, without ``` and without a language name.",
);
pub(super) const COMMENT: Cause =
    new("comment", "JSON has no comments.", "Remove the comment and send nothing but the JSON.");
pub(super) const CONCATENATION: Cause = new(
    "concatenation",
    "JSON cannot join strings with +.",
    "Send the whole text as one string in double quotes.",
);
pub(super) const CONTROL_CHARACTER: Cause = new(
    "control_character",
    "A string holds a raw control character.",
    "Remove the control character, or escape it as \\u and four hexadecimal digits.",
);
pub(super) const CURLY_QUOTES: Cause = new(
    "curly_quotes",
    "Typographic quotation marks stand where JSON needs \".",
    "Put names and strings in straight double quotes (\").",
);
pub(super) const DEPTH: Cause = new(
    "depth",
    "The objects and arrays are nested too deeply.",
    "Send the data with fewer levels of nesting.",
);
pub(super) const DIGIT_GROUPING: Cause = new(
    "digit_grouping",
    "A number holds a separator between its digits.",
    "Write the digits without separators, like 1000000.",
);
pub(super) const DOUBLED_BRACE: Cause = new(
    "doubled_brace",
    "The opening brace is doubled.",
    "Write one { and one } for each object, without template braces.",
);
pub(super) const DOUBLE_ENCODED: Cause = new(
    "double_encoded",
    "Quotes stand around the whole JSON.",
    "Send the object itself, not a string that holds it.",
);
pub(super) const DUPLICATE_NAME: Cause = new(
    "duplicate_name",
    "One name stands twice in the same object.",
    "Send each name once in an object.",
);
pub(super) const ELLIPSIS: Cause = new(
    "ellipsis",
    "An ellipsis stands for something that was left out.",
    "Write every member and element out, without \"...\".",
);
pub(super) const EMPTY: Cause = new(
    "empty",
    "There is no JSON at all.",
    "Send one JSON object; {} when there is nothing to say.",
);
pub(super) const EQUALS_SIGN: Cause = new(
    "equals_sign",
    "An equals sign stands between a name and its value.",
    "Write a colon between each name and its value.",
);
pub(super) const ESCAPED_APOSTROPHE: Cause = new(
    "escaped_apostrophe",
    "A backslash stands before an apostrophe.",
    "Write the apostrophe alone; inside double quotes it needs no backslash.",
);
pub(super) const ESCAPED_JSON: Cause = new(
    "escaped_json",
    "The quotes of names and strings are escaped.",
    "Send the object itself: write \" around names and strings, without a backslash.",
);
pub(super) const EXPECTED_NAME: Cause = new(
    "expected_name",
    "A member of an object must begin with its name.",
    "Write each member as \"name\": value.",
);
pub(super) const EXTRA_BRACKET: Cause = new(
    "extra_bracket",
    "There is one closing bracket too many.",
    "Close each bracket once and end the JSON there.",
);
pub(super) const EXTRA_COMMA: Cause = new(
    "extra_comma",
    "A comma stands where nothing is to be separated.",
    "Write exactly one comma between two members or elements, and none elsewhere.",
);
pub(super) const HEX_ESCAPE: Cause = new(
    "hex_escape",
    "JSON has no \\x escapes.",
    "Write the character itself, or \\u and four hexadecimal digits.",
);
pub(super) const INVALID_UTF8: Cause =
    new("invalid_utf8", "Some bytes are not UTF-8.", "Send the JSON again as UTF-8 text.");
pub(super) const LEADING_ZERO: Cause = new(
    "leading_zero",
    "A number begins with a 0 that is followed by digits.",
    "Drop the leading zeros, or put the digits in double quotes if they are text.",
);
pub(super) const LONE_SURROGATE: Cause = new(
    "lone_surrogate",
    "A \\u escape is only half of a character.",
    "Write the character itself, or both halves of the surrogate pair.",
);
pub(super) const MISMATCHED_BRACKET: Cause = new(
    "mismatched_bracket",
    "This bracket does not close what was opened last.",
    "Close each { with } and each [ with ], the innermost first.",
);
pub(super) const MISSING_BRACES: Cause = new(
    "missing_braces",
    "Members stand without an object around them.",
    "Put { before the first member and } after the last.",
);
pub(super) const MISSING_COLON: Cause = new(
    "missing_colon",
    "No colon follows the name.",
    "Write a colon between each name and its value.",
);
pub(super) const MISSING_COMMA: Cause = new(
    "missing_comma",
    "No comma separates two members or elements.",
    "Write a comma between them.",
);
pub(super) const MISSING_NAME: Cause = new(
    "missing_name",
    "A value stands in an object without a name.",
    "Write each member as \"name\": value, or use an array.",
);
pub(super) const MISSING_VALUE: Cause = new(
    "missing_value",
    "A name has no value.",
    "Write a value after each name, or leave the member out.",
);
pub(super) const NOT_FINITE: Cause = new(
    "not_finite",
    "JSON has no NaN and no Infinity.",
    "Send a number in digits, or leave the member out.",
);
pub(super) const NOT_JSON: Cause = new(
    "not_json",
    "This is text, not JSON.",
    "Send one JSON object with the arguments and nothing else.",
);
pub(super) const NO_VALUE: Cause = new(
    "no_value",
    "A word of a programming language stands for no value.",
    "Leave the member out, or write null.",
);
pub(super) const NUMBER_RANGE: Cause = new(
    "number_range",
    "A number is too large to be held.",
    "Send a number between -1.7e308 and 1.7e308.",
);
pub(super) const OTHER_BASE: Cause = new(
    "other_base",
    "A number is not written in decimal.",
    "Write the number in decimal digits, or put it in double quotes if it is text.",
);
pub(super) const PLUS_SIGN: Cause =
    new("plus_sign", "A number begins with a plus sign.", "Write the number without the +.");
pub(super) const RAW_NEWLINE: Cause = new(
    "raw_newline",
    "A string holds a raw line break.",
    "Escape line breaks inside strings as \\n, and close each string with a quote.",
);
pub(super) const RAW_TAB: Cause =
    new("raw_tab", "A string holds a raw tab.", "Escape tabs inside strings as \\t.");
pub(super) const SINGLE_QUOTES: Cause = new(
    "single_quotes",
    "Single quotes stand where JSON needs double quotes.",
    "Put names and strings in double quotes (\").",
);
pub(super) const SPACE: Cause = new(
    "space",
    "An unusual space stands between two tokens.",
    "Use plain spaces and line breaks outside of strings.",
);
pub(super) const STRAY_COLON: Cause = new(
    "stray_colon",
    "A colon follows a value, which is no name.",
    "Write members inside { }, each as \"name\": value.",
);
pub(super) const TEXT_AFTER: Cause = new(
    "text_after",
    "Something follows the JSON.",
    "End with the closing bracket; send nothing after the JSON.",
);
pub(super) const TEXT_BEFORE: Cause = new(
    "text_before",
    "Text stands before the JSON.",
    "Send the JSON alone; begin with its opening bracket.",
);
pub(super) const TOO_LARGE: Cause = new(
    "too_large",
    "The JSON is larger than the limit.",
    "Send less at once; split it over several calls.",
);
pub(super) const TRAILING_COMMA: Cause = new(
    "trailing_comma",
    "A comma stands before a closing bracket.",
    "Remove the comma after the last member or element.",
);
pub(super) const TRUNCATED: Cause = new(
    "truncated",
    "The JSON ends before it is complete.",
    "Send it whole and close every string and bracket; if it is long, shorten or split it.",
);
pub(super) const TWO_DOCUMENTS: Cause = new(
    "two_documents",
    "A second JSON document follows the first.",
    "Send one document a call; make one call for each.",
);
pub(super) const UNESCAPED_QUOTE: Cause = new(
    "unescaped_quote",
    "A quote ends the string before the text does.",
    "Escape each double quote inside a string as \\\".",
);
pub(super) const UNEXPECTED: Cause = new(
    "unexpected",
    "No JSON value begins like this.",
    "Send a string in double quotes, a number, true, false, null, an object or an array.",
);
pub(super) const UNFINISHED_NUMBER: Cause = new(
    "unfinished_number",
    "No digit follows the point or the exponent of a number.",
    "Write digits after the point and after e, or leave them out.",
);
pub(super) const UNQUOTED_NAME: Cause = new(
    "unquoted_name",
    "A member name stands without quotes.",
    "Put every member name in double quotes.",
);
pub(super) const UNQUOTED_VALUE: Cause =
    new("unquoted_value", "Text stands without quotes.", "Put text in double quotes.");
pub(super) const UTF16: Cause = new(
    "nul",
    "A NUL byte stands between two tokens.",
    "Send the JSON as UTF-8, without NUL bytes.",
);
pub(super) const WORD_CASE: Cause = new(
    "word_case",
    "true, false and null are written in lower case.",
    "Write true, false or null in lower case.",
);
