//! `format` as an assertion (JSON Schema validation, section 7.3).
//!
//! Each check is a pass or two over the text by the grammar of its RFC, without a network, a table of time
//! zones or an allocator: linear, whatever the text.

mod host;
mod idna;
mod idna_table;
mod regex;
mod time;
mod uri;

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::buf::{Buf, Full};
use crate::json::Str;
use uri::Characters;

/// A format that JSON Schema defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    IdnEmail,
    IdnHostname,
    Ipv4,
    Ipv6,
    Iri,
    IriReference,
    JsonPointer,
    Regex,
    RelativeJsonPointer,
    Time,
    Uri,
    UriReference,
    UriTemplate,
    Uuid,
}

const FORMATS: [(&str, Format); 19] = [
    ("date", Format::Date),
    ("date-time", Format::DateTime),
    ("duration", Format::Duration),
    ("email", Format::Email),
    ("hostname", Format::Hostname),
    ("idn-email", Format::IdnEmail),
    ("idn-hostname", Format::IdnHostname),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("iri", Format::Iri),
    ("iri-reference", Format::IriReference),
    ("json-pointer", Format::JsonPointer),
    ("regex", Format::Regex),
    ("relative-json-pointer", Format::RelativeJsonPointer),
    ("time", Format::Time),
    ("uri", Format::Uri),
    ("uri-reference", Format::UriReference),
    ("uri-template", Format::UriTemplate),
    ("uuid", Format::Uuid),
];

impl Format {
    /// The format of this name; others are annotations whatever is asked.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        FORMATS.iter().find(|(known, _)| *known == name).map(|&(_, format)| format)
    }

    /// Whether `text` is in this format; its escapes are undone in `memory`.
    ///
    /// # Errors
    /// When `memory` is lent and too small.
    pub(crate) fn accepts(self, text: Str<'_>, memory: &mut Buf<'_, u8>) -> Result<bool, Full> {
        if let Some(plain) = text.as_plain() {
            return Ok(self.check(plain));
        }
        text.decode(memory)?;
        Ok(core::str::from_utf8(memory).is_ok_and(|text| self.check(text)))
    }

    fn check(self, text: &str) -> bool {
        match self {
            Self::Date => time::is_date(text),
            Self::DateTime => match text.split_once(['T', 't']) {
                Some((date, time)) => time::is_date(date) && time::is_time(time),
                None => false,
            },
            Self::Duration => time::is_duration(text),
            Self::Email => host::is_email(text),
            Self::Hostname => host::is_hostname(text),
            Self::IdnEmail => host::is_idn_email(text),
            Self::IdnHostname => host::is_idn_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Iri => uri::is_uri(text, Characters::Unicode),
            Self::IriReference => is_reference(text, Characters::Unicode),
            Self::JsonPointer => is_pointer(text),
            Self::Regex => regex::is_regex(text),
            Self::RelativeJsonPointer => is_relative_pointer(text),
            Self::Time => time::is_time(text),
            Self::Uri => uri::is_uri(text, Characters::Ascii),
            Self::UriReference => is_reference(text, Characters::Ascii),
            Self::UriTemplate => uri::is_uri_template(text),
            Self::Uuid => is_uuid(text),
        }
    }
}

fn is_reference(text: &str, characters: Characters) -> bool {
    uri::is_uri(text, characters) || uri::is_relative_uri(text, characters)
}

/// RFC 6901, section 3.
fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

/// Relative JSON Pointers, section 3: levels up, then `#` or a pointer.
fn is_relative_pointer(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (up, rest) = text.split_at_checked(digits).unwrap_or((text, ""));
    !up.is_empty() && (up == "0" || !up.starts_with('0')) && (rest == "#" || is_pointer(rest))
}

/// RFC 9562, section 4.
fn is_uuid(text: &str) -> bool {
    let mut parts = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts.next().is_some_and(|part| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn escapes_are_undone_before_a_format_is_checked() {
        let accepts = |format: Format, text: &str| {
            format.accepts(Str::new(text.as_bytes(), true), &mut Buf::growable())
        };
        assert_eq!(accepts(Format::Uri, r"https:\/\/example.com\/a"), Ok(true));
        assert_eq!(accepts(Format::Date, r"2026-\u0031\u0033-01"), Ok(false));
        let long = format!(r"https:\/\/example.com/{}", "a".repeat(10_000));
        assert_eq!(accepts(Format::Uri, &long), Ok(true));
        let short = &mut [0; 4];
        assert!(Format::Uri.accepts(Str::new(br"a\/bcdef", true), &mut Buf::lent(short)).is_err());
    }

    #[test]
    fn every_format_is_known_by_its_name() {
        assert_eq!(Format::parse("color"), None);
        assert_eq!(Format::parse("iri"), Some(Format::Iri));
        assert!(FORMATS.is_sorted_by_key(|(name, _)| *name));
    }
}
