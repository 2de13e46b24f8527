//! JSON text token by token.

/// The tokens of a JSON text as they are spelt, without the white space between them.
pub(crate) fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut string, mut escaped) = (false, false);
    for c in text.chars() {
        if string || !matches!(c, ' ' | '\t' | '\n' | '\r') {
            out.push(c);
        }
        string ^= c == '"' && !escaped;
        escaped = string && c == '\\' && !escaped;
    }
    out
}
