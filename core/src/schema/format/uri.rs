//! URIs, IRIs and templates of them. One pass over the text by the grammar of its RFC.

use core::net::Ipv6Addr;

/// Which characters beyond ASCII may stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Characters {
    /// None: a URI.
    Ascii,
    /// Those of an IRI (RFC 3987, section 2.2).
    Unicode,
    /// Those of the query of an IRI, private ones too.
    Private,
}

impl Characters {
    fn allow(self, c: char) -> bool {
        match u32::from(c) {
            0xe000..=0xf8ff | 0xf_0000..=0xf_fffd | 0x10_0000..=0x10_fffd => self == Self::Private,
            0xa0..=0xd7ff | 0xf900..=0xfdcf | 0xfdf0..=0xffef => self != Self::Ascii,
            // Planes 1 to 14, without their last two and the tags at the start of the last.
            code @ 0x1_0000..=0xe_ffff => {
                self != Self::Ascii
                    && code & 0xffff < 0xfffe
                    && !(0xe_0000..0xe_1000).contains(&code)
            }
            _ => false,
        }
    }

    const fn of_query(self) -> Self {
        match self {
            Self::Ascii => Self::Ascii,
            Self::Unicode | Self::Private => Self::Private,
        }
    }
}

/// `URI` of RFC 3986, appendix A, or `IRI` of RFC 3987.
pub(super) fn is_uri(text: &str, characters: Characters) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(named)
        && is_hierarchy(rest, characters)
}

/// `relative-ref` of RFC 3986, or `irelative-ref` of RFC 3987: no colon in the first segment, which would be a scheme.
pub(super) fn is_relative_uri(text: &str, characters: Characters) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or("");
    !first.contains(':') && is_hierarchy(text, characters)
}

/// Everything after the scheme.
fn is_hierarchy(text: &str, characters: Characters) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, path) = match text.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", text),
    };
    is_authority(authority, characters)
        && has_only(path, b":@/", characters)
        && has_only(query, b":@/?", characters.of_query())
        && has_only(fragment, b":@/?", characters)
}

fn is_authority(text: &str, characters: Characters) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let future =
                address.starts_with(['v', 'V']) && has_only(address, b":", Characters::Ascii);
            if !future && address.parse::<Ipv6Addr>().is_err() {
                return false;
            }
            ("", rest.strip_prefix(':').unwrap_or(rest))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    has_only(user, b":", characters)
        && has_only(host, b"", characters)
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has only unreserved characters, sub-delimiters, percent-encoded bytes, `more`, and
/// beyond ASCII what `characters` allow.
fn has_only(text: &str, more: &[u8], characters: Characters) -> bool {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let right = match c {
            '%' => takes_two_digits(&mut rest),
            c if c.is_ascii() => {
                let byte = c as u8;
                byte.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&byte)
                    || more.contains(&byte)
            }
            c => characters.allow(c),
        };
        if !right {
            return false;
        }
    }
    true
}

fn takes_two_digits(rest: &mut core::str::Chars<'_>) -> bool {
    let mut digit = || rest.next().is_some_and(|c| c.is_ascii_hexdigit());
    digit() && digit()
}

/// `URI-Template` of RFC 6570, section 2, with the apostrophe of its erratum 6937.
pub(super) fn is_uri_template(text: &str) -> bool {
    let mut rest = text;
    while let Some((literals, after)) = rest.split_once('{') {
        let Some((expression, after)) = after.split_once('}') else { return false };
        if !is_literal(literals) || !is_expression(expression) {
            return false;
        }
        rest = after;
    }
    is_literal(rest)
}

fn is_literal(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let right = match c {
            '%' => takes_two_digits(&mut rest),
            '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => false,
            c if c.is_ascii() => c.is_ascii_graphic(),
            c => Characters::Private.allow(c),
        };
        if !right {
            return false;
        }
    }
    true
}

fn is_expression(text: &str) -> bool {
    let variables = text.strip_prefix(|c| "+#./;?&=,!@|".contains(c)).unwrap_or(text);
    variables.split(',').all(|variable| match variable.split_once(':') {
        Some((name, most)) => {
            is_name(name)
                && (1..=4).contains(&most.len())
                && !most.starts_with('0')
                && most.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => is_name(variable.strip_suffix('*').unwrap_or(variable)),
    })
}

fn is_name(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut rest = part.chars();
        let mut right = !part.is_empty();
        while let Some(c) = rest.next().filter(|_| right) {
            right = match c {
                '%' => takes_two_digits(&mut rest),
                c => c.is_ascii_alphanumeric() || c == '_',
            };
        }
        right
    })
}
