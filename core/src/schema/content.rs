//! `contentEncoding` and `contentMediaType` as assertions (JSON Schema validation, section 8).
//!
//! A string in base64 must decode, and one that holds JSON must be JSON as our reader has it: duplicate
//! names are refused. Other encodings and types stay annotations. Linear in the text.

use crate::buf::{Buf, Full};
use crate::json::{self, Limits, Str, Tape};
use crate::schema::Keyword;

/// What the text of a string must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(super) encoding: Encoding,
    /// It holds JSON, once it is decoded.
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    None,
    Base64,
    /// One that we do not decode, so that nothing is known of the content.
    Other,
}

impl Encoding {
    pub(super) fn named(name: &str) -> Self {
        match name {
            _ if name.eq_ignore_ascii_case("base64") => Self::Base64,
            // Text as it is (RFC 2045, section 6.2).
            "7bit" | "8bit" | "binary" => Self::None,
            _ => Self::Other,
        }
    }
}

/// Whether a media type is that of JSON, whatever its parameters.
pub(super) fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
}

impl Content {
    /// The keyword that `text` does not satisfy.
    ///
    /// # Errors
    /// When memory is lent and too small.
    pub(super) fn check(
        self,
        text: Str<'_>,
        memory: &mut Buf<'_, u8>,
        inner: &mut Tape<'_>,
    ) -> Result<Option<Keyword>, Full> {
        if self.encoding == Encoding::Other {
            return Ok(None);
        }
        text.decode(memory)?;
        if self.encoding == Encoding::Base64 {
            let Some(len) = decode_base64(memory) else {
                return Ok(Some(Keyword::ContentEncoding));
            };
            memory.truncate(len);
        }
        let is_right = !self.json || json::parse(memory, Limits::ARGUMENTS, inner).is_ok();
        Ok((!is_right).then_some(Keyword::ContentMediaType))
    }
}

/// Decodes base64 with padding (RFC 4648, section 4) in place; how many bytes it stands for.
fn decode_base64(text: &mut [u8]) -> Option<usize> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let digits = text.len() - padding;
    let mut written = 0;
    let (mut bits, mut count) = (0_u32, 0);
    for at in 0..digits {
        let digit = match *text.get(at)? {
            byte @ b'A'..=b'Z' => byte - b'A',
            byte @ b'a'..=b'z' => byte - b'a' + 26,
            byte @ b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            *text.get_mut(written)? = (bits >> count) as u8;
            written += 1;
            bits &= (1 << count) - 1;
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use base64::prelude::{BASE64_STANDARD, Engine};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_base64() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")]
        {
            let mut text = String::from(text).into_bytes();
            let len = decode_base64(&mut text).unwrap();
            assert_eq!(text.get(..len), Some(bytes.as_bytes()));
        }
        for text in ["Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zm=v", "Zm9%", "Zm 9v", "Zm9v\n"] {
            assert_eq!(decode_base64(&mut String::from(text).into_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn base64_is_undone(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut text = BASE64_STANDARD.encode(&bytes).into_bytes();
            let len = decode_base64(&mut text);
            prop_assert_eq!(len.and_then(|len| text.get(..len)), Some(&bytes[..]));
        }
    }

    #[test]
    fn content_is_decoded_and_read() {
        let check = |content: Content, text: &str| {
            let raw = format!("{text:?}");
            let text = Str::new(raw.trim_matches('"').as_bytes(), raw.contains('\\'));
            content.check(text, &mut Buf::growable(), &mut Tape::growable())
        };
        let json =
            Content { encoding: Encoding::None, json: is_json("Application/JSON; charset=utf-8") };
        assert_eq!(check(json, "{\"a\": 1}"), Ok(None));
        assert_eq!(check(json, "{"), Ok(Some(Keyword::ContentMediaType)));
        let both = Content { encoding: Encoding::named("BASE64"), ..json };
        assert_eq!(check(both, "eyJhIjogMX0="), Ok(None));
        assert_eq!(check(both, "ezp9Cg=="), Ok(Some(Keyword::ContentMediaType)));
        assert_eq!(check(both, "{}"), Ok(Some(Keyword::ContentEncoding)));
        let other = Content { encoding: Encoding::named("quoted-printable"), ..json };
        assert_eq!(check(other, "{"), Ok(None));
        assert!(!is_json("application/xml"));
    }
}
