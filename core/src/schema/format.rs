//! `format` as an assertion (JSON Schema validation, section 7.3).
//!
//! Each check is one pass over the text by the grammar of its RFC, without a network, a table of time
//! zones or an allocator. A format that needs Unicode tables (`idn-email`, `iri`…), a template or a
//! second pattern engine is known but cannot be asserted, and a schema that asks for it does not
//! compile.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::json::Str;

/// A text with escapes that is longer than this satisfies no format.
const MAX_ESCAPED: usize = 2048;

/// A format that can be asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    JsonPointer,
    RelativeJsonPointer,
    Time,
    Uri,
    UriReference,
    Uuid,
}

/// The formats that JSON Schema defines, and how they are checked here, if they are.
const FORMATS: [(&str, Option<Format>); 19] = [
    ("date", Some(Format::Date)),
    ("date-time", Some(Format::DateTime)),
    ("duration", Some(Format::Duration)),
    ("email", Some(Format::Email)),
    ("hostname", Some(Format::Hostname)),
    ("idn-email", None),
    ("idn-hostname", None),
    ("ipv4", Some(Format::Ipv4)),
    ("ipv6", Some(Format::Ipv6)),
    ("iri", None),
    ("iri-reference", None),
    ("json-pointer", Some(Format::JsonPointer)),
    ("regex", None),
    ("relative-json-pointer", Some(Format::RelativeJsonPointer)),
    ("time", Some(Format::Time)),
    ("uri", Some(Format::Uri)),
    ("uri-reference", Some(Format::UriReference)),
    ("uri-template", None),
    ("uuid", Some(Format::Uuid)),
];

impl Format {
    /// Whether JSON Schema defines a format of this name. Others are annotations whatever is asked.
    pub(crate) fn is_defined(name: &str) -> bool {
        FORMATS.iter().any(|(known, _)| *known == name)
    }

    /// The format of this name, when it can be asserted.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        FORMATS.iter().find(|(known, _)| *known == name).and_then(|(_, format)| *format)
    }

    /// Whether `text` is in this format.
    pub(crate) fn accepts(self, text: Str<'_>) -> bool {
        if let Some(plain) = text.as_plain() {
            return self.check(plain);
        }
        let mut memory = [0; MAX_ESCAPED];
        let mut len = 0;
        for byte in text.bytes() {
            let Some(slot) = memory.get_mut(len) else { return false };
            *slot = byte;
            len += 1;
        }
        core::str::from_utf8(memory.get(..len).unwrap_or(&[])).is_ok_and(|text| self.check(text))
    }

    fn check(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::DateTime => match text.split_once(['T', 't']) {
                Some((date, time)) => is_date(date) && is_time(time),
                None => false,
            },
            Self::Duration => is_duration(text),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::JsonPointer => is_pointer(text),
            Self::RelativeJsonPointer => is_relative_pointer(text),
            Self::Time => is_time(text),
            Self::Uri => is_uri(text),
            Self::UriReference => is_uri(text) || is_relative_uri(text),
            Self::Uuid => is_uuid(text),
        }
    }
}

/// The number that exactly `digits` ASCII digits spell.
fn number(text: &str, digits: usize) -> Option<u32> {
    let all_digits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

/// `full-date` of RFC 3339, section 5.6.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |digits| parts.next().and_then(|part| number(part, digits));
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    parts.next().is_none() && (1..=days).contains(&day)
}

/// `full-time` of RFC 3339, section 5.6; second 60 only where a leap second can be.
fn is_time(text: &str) -> bool {
    let Some((clock, zone)) = text.split_at_checked(8) else { return false };
    let Some((hour, minute, second)) = clock_of(clock) else { return false };
    let fraction = zone.strip_prefix('.').map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (digits, rest.get(digits..).unwrap_or(""))
    });
    let (zone, fraction_is_right) = fraction.map_or((zone, true), |(n, rest)| (rest, n > 0));
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), ..] => zone.get(1..).and_then(|rest| {
            let (hours, minutes) = rest.split_once(':')?;
            let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
            let minutes = i64::from((hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?);
            Some(if *sign == b'-' { -minutes } else { minutes })
        }),
        _ => None,
    };
    let Some(offset) = offset else { return false };
    let utc = (i64::from(hour * 60 + minute) - offset).rem_euclid(24 * 60);
    let leap = second == 60 && utc == 23 * 60 + 59;
    fraction_is_right && hour < 24 && minute < 60 && (second < 60 || leap)
}

fn clock_of(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(':');
    let mut part = || parts.next().and_then(|part| number(part, 2));
    let clock = (part()?, part()?, part()?);
    parts.next().is_none().then_some(clock)
}

/// `duration` of RFC 3339, appendix A.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|byte| byte.is_ascii_digit());
    }
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    let date_is_right = is_sequence(date, "YMD");
    match time {
        Some(time) => !time.is_empty() && date_is_right && is_sequence(time, "HMS"),
        None => !date.is_empty() && date_is_right,
    }
}

/// Numbers with units in the order of `units`, none skipped between the first and the last.
fn is_sequence(text: &str, units: &str) -> bool {
    let mut rest = text;
    let mut last = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest.get(digits..).and_then(|rest| rest.chars().next());
        let place = unit.and_then(|unit| units.find(unit));
        match (place, last) {
            (Some(place), None) if digits > 0 => last = Some(place),
            (Some(place), Some(before)) if digits > 0 && place == before + 1 => last = Some(place),
            _ => return false,
        }
        rest = rest.get(digits + 1..).unwrap_or("");
    }
    true
}

/// `Mailbox` of RFC 5321, section 4.1.2.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let local_is_right = match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted),
        None => local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom)),
    };
    let domain_is_right = match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_hostname(domain),
    };
    local_is_right && domain_is_right
}

fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let right = match byte {
            b'\\' => bytes.next().is_some_and(|byte| matches!(byte, 32..=126)),
            b'"' => false,
            byte => matches!(byte, 32..=126),
        };
        if !right {
            return false;
        }
    }
    true
}

/// RFC 1123, section 2.1. A label that claims to be Punycode is not decoded.
fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
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

/// `URI` of RFC 3986, appendix A.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(named)
        && is_hierarchy(rest)
}

/// `relative-ref` of RFC 3986: no colon in the first segment, which would be a scheme.
fn is_relative_uri(text: &str) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or("");
    !first.contains(':') && is_hierarchy(text)
}

/// Everything after the scheme.
fn is_hierarchy(text: &str) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, path) = match text.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", text),
    };
    is_authority(authority)
        && has_only(path, b":@/")
        && has_only(query, b":@/?")
        && has_only(fragment, b":@/?")
}

fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let future = address.starts_with(['v', 'V']) && has_only(address, b":");
            if !future && address.parse::<Ipv6Addr>().is_err() {
                return false;
            }
            ("", rest.strip_prefix(':').unwrap_or(rest))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    has_only(user, b":") && has_only(host, b"") && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has only unreserved characters, sub-delimiters, percent-encoded bytes and `more`.
fn has_only(text: &str, more: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let right = match byte {
            b'%' => {
                bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit())
                    && bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit())
            }
            byte => {
                byte.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&byte)
                    || more.contains(&byte)
            }
        };
        if !right {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::{format, println};

    use super::*;

    /// Every test of the official suite for a format that can be asserted.
    #[test]
    fn the_official_suite_agrees() {
        let mut run = 0;
        for (name, format) in FORMATS {
            let Some(format) = format else { continue };
            let path =
                format!("json-schema-test-suite/tests/draft2020-12/optional/format/{name}.json");
            let Some(text) = crate::shared::text(&path) else { return };
            let groups: serde_json::Value = serde_json::from_str(&text).unwrap();
            for group in groups.as_array().unwrap() {
                for test in group["tests"].as_array().unwrap() {
                    let Some(data) = test["data"].as_str() else { continue };
                    // Punycode is not decoded, and so neither are the rules for what it stands for.
                    if data.contains("xn--") || data.contains("XN--") {
                        continue;
                    }
                    let valid = test["valid"] == true;
                    assert_eq!(
                        format.check(data),
                        valid,
                        "{name}: {data:?}: {}",
                        test["description"]
                    );
                    run += 1;
                }
            }
        }
        println!("{run} tests of formats agree");
        assert!(run > 300, "{run}");
    }

    #[test]
    fn escapes_are_undone_before_a_format_is_checked() {
        assert!(Format::Uri.accepts(Str::new(br"https:\/\/example.com\/a", true)));
        assert!(!Format::Date.accepts(Str::new(br"2026-\u0031\u0033-01", true)));
        let long = format!("https://example.com/{}", "a".repeat(MAX_ESCAPED));
        assert!(!Format::Uri.accepts(Str::new(long.as_bytes(), true)));
        assert!(Format::Uri.accepts(Str::new(long.as_bytes(), false)));
    }

    #[test]
    fn every_format_is_known_by_its_name() {
        assert!(Format::is_defined("iri") && Format::parse("iri").is_none());
        assert!(!Format::is_defined("color"));
        assert_eq!(Format::parse("date"), Some(Format::Date));
    }
}
