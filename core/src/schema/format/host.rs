//! Host names and mailboxes, in ASCII and beyond. One pass over the text, two where a name is written
//! from right to left.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::idna::{Label, is_alabel};

/// Most bytes of a name in ASCII form, and of one of its labels (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;
pub(super) const MAX_LABEL: usize = 63;

/// RFC 1123, section 2.1; what claims to be Punycode must be (RFC 5890, section 2.3.2.1).
pub(super) fn is_hostname(text: &str) -> bool {
    text.len() <= MAX_NAME && text.split('.').all(is_ascii_label) && follows_bidi(text, &['.'])
}

/// A name that may hold U-labels (RFC 5890, section 2.3.2.3). Whether it is in NFC is not checked.
pub(super) fn is_idn_hostname(text: &str) -> bool {
    /// The separators of IDNA2003, which people still type (RFC 3490, section 3.1).
    const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];
    let mut length = 0;
    let labels_are_right = text.split(DOTS).all(|label| {
        let ascii = if label.is_ascii() {
            let reserved = label.get(2..4) == Some("--") && !is_alabel(label);
            (is_ascii_label(label) && !reserved).then_some(label.len())
        } else {
            Label::unicode(label).filter(Label::is_valid).and_then(|label| label.ascii_length())
        };
        length += ascii.unwrap_or(0) + 1;
        ascii.is_some() && length <= MAX_NAME + 1
    });
    labels_are_right && follows_bidi(text, &DOTS)
}

fn is_ascii_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=MAX_LABEL).contains(&bytes.len())
        && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
        && (!is_alabel(label) || Label::ascii(label).is_some_and(|label| label.is_valid()))
}

/// A name with a label that is written from right to left holds to the Bidi rule (RFC 5893, section 2)
/// in all of its labels, which are right in themselves.
fn follows_bidi(text: &str, dots: &[char]) -> bool {
    let label = |label| if is_alabel(label) { Label::ascii(label) } else { Label::unicode(label) };
    let mut labels = text.split(dots).filter(|part| !part.is_ascii() || is_alabel(part));
    let is_bidi = labels.any(|part| label(part).is_some_and(|label| label.is_rtl()));
    !is_bidi || text.split(dots).all(|part| label(part).is_some_and(|l| l.follows_bidi()))
}

/// `Mailbox` of RFC 5321, section 4.1.2.
pub(super) fn is_email(text: &str) -> bool {
    text.is_ascii() && is_mailbox(text, is_hostname)
}

/// `Mailbox` with the characters of RFC 6531, section 3.3.
pub(super) fn is_idn_email(text: &str) -> bool {
    is_mailbox(text, is_idn_hostname)
}

fn is_mailbox(text: &str, is_host: fn(&str) -> bool) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |byte: u8| {
        byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
    };
    let local_is_right = match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => is_quoted(quoted),
        None => local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom)),
    };
    let domain_is_right = match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_host(domain),
    };
    local_is_right && domain_is_right
}

fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let right = match byte {
            b'\\' => bytes.next().is_some_and(|byte| matches!(byte, 32..=126)),
            b'"' => false,
            byte => matches!(byte, 32..=126) || !byte.is_ascii(),
        };
        if !right {
            return false;
        }
    }
    true
}
