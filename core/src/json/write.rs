//! JSON out.

use core::fmt::{self, Write};

use crate::simd::text::plain_run;

/// Writes `text` as a JSON string with its quotes.
///
/// # Errors
/// When `out` refuses.
pub fn write_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    write_escaped(text, out)?;
    out.write_char('"')
}

/// Writes `text` as the inside of a JSON string: quotes, backslashes and control characters escaped,
/// the rest as it is.
///
/// # Errors
/// When `out` refuses.
pub fn write_escaped(text: &str, out: &mut impl Write) -> fmt::Result {
    let mut rest = text;
    while let Some((plain, special)) = rest.split_at_checked(plain_run(rest.as_bytes(), 0))
        && !special.is_empty()
    {
        out.write_str(plain)?;
        match special.as_bytes().first() {
            Some(b'"') => out.write_str("\\\"")?,
            Some(b'\\') => out.write_str("\\\\")?,
            Some(b'\n') => out.write_str("\\n")?,
            Some(b'\r') => out.write_str("\\r")?,
            Some(b'\t') => out.write_str("\\t")?,
            Some(0x8) => out.write_str("\\b")?,
            Some(0xc) => out.write_str("\\f")?,
            other => write!(out, "\\u{:04x}", other.copied().unwrap_or(0))?,
        }
        rest = special.get(1..).unwrap_or("");
    }
    out.write_str(rest)
}
