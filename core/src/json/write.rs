//! JSON out.

use core::fmt::{self, Write};

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
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte != b'"' && byte != b'\\' && byte >= 0x20 {
            continue;
        }
        out.write_str(text.get(plain..at).unwrap_or(""))?;
        plain = at + 1;
        match byte {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            0x8 => out.write_str("\\b")?,
            0xc => out.write_str("\\f")?,
            other => write!(out, "\\u{other:04x}")?,
        }
    }
    out.write_str(text.get(plain..).unwrap_or(""))
}
