//! Keys of vendors that their shape tells rather than their beginning.
//!
//! Each function looks at one place of the text and answers with a range; all look at a bounded number
//! of bytes around it.

use super::bytes::{ALNUM, DIGITS, HEX, Set, URL64, before, byte, decode64, run, slice};
use super::token::{is_digit_rich, is_random};
use super::value::is_mask_right;

/// Telegram's bot tokens (its Bot API, "Authorizing your bot"): the bot's number, the colon at `colon`,
/// 35 characters that begin with A.
pub(super) fn telegram(text: &[u8], start: usize, colon: usize) -> Option<usize> {
    let body = slice(text, colon + 1, colon + 65);
    let len = run(body, 0, URL64);
    let shaped = (5..=16).contains(&(colon - start))
        && byte(body, 0) == b'A'
        && (30..=40).contains(&len)
        && is_random(slice(body, 0, len));
    shaped.then_some(colon + 1 + len)
}

/// Discord's bot tokens (its developer documentation, "Authentication"): the bot's number in base64, which
/// ends at `dot`, six characters, 27 or more.
pub(super) fn discord(text: &[u8], start: usize, dot: usize) -> Option<usize> {
    let mut decoded = [0; 24];
    let number = decode64(slice(text, start, dot), &mut decoded);
    let time = slice(text, dot + 1, dot + 8);
    let tail = slice(text, dot + 8, dot + 8 + 64);
    let len = run(tail, 0, URL64);
    let shaped = number.iter().all(u8::is_ascii_digit)
        && run(time, 0, URL64) == 6
        && byte(time, 6) == b'.'
        && len >= 20;
    shaped.then_some(dot + 8 + len)
}

/// Azure's client secrets, as Microsoft's "Secret scanning" lists them: three characters, a digit, `Q~`
/// with the tilde at `tilde`, 31 to 34 more.
pub(super) fn azure(text: &[u8], tilde: usize) -> Option<(usize, usize)> {
    const BODY: Set = Set::new(b"0-9A-Za-z_.~-");
    let start = tilde.checked_sub(5)?;
    let [_, _, _, b'0'..=b'9', b'Q'] = slice(text, start, tilde) else {
        return None;
    };
    let tail = slice(text, tilde + 1, tilde + 65);
    let mut len = run(tail, 0, BODY);
    while len > 34 && byte(tail, len - 1) == b'.' {
        len -= 1;
    }
    let shaped = !URL64.has(before(text, start))
        && (28..=40).contains(&len)
        && !is_mask_right(text, tilde + 1 + len);
    shaped.then_some((start, tilde + 1 + len))
}

/// Mailchimp's keys (its Marketing API, "Authentication"): the 32 hexadecimal digits of `word`, then
/// `-us` and the number of a data centre.
pub(super) fn mailchimp(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let stop = run(slice(text, 0, end + 8), end + 3, DIGITS);
    let shaped = end - start == 32
        && run(slice(text, 0, end), start, HEX) == end
        && slice(text, end, end + 3) == b"-us"
        && stop > end + 3;
    shaped.then_some(stop)
}

/// Whether `word` is a key of Twilio's (its REST API, "API keys"): `SK` and 32 hexadecimal digits.
pub(super) fn twilio(word: &[u8]) -> bool {
    word.len() == 34 && word.starts_with(b"SK") && run(word, 2, HEX) == 34 && is_random(word)
}

/// Terraform's tokens (HashiCorp, "API tokens"): 14 characters, `.atlasv1.` with its word at
/// `start..end`, 60 or more.
pub(super) fn terraform(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let head = start.checked_sub(15)?;
    let stop = run(slice(text, 0, end + 128), end + 1, URL64);
    let shaped = slice(text, start - 1, end + 1) == b".atlasv1."
        && run(slice(text, 0, start), head, ALNUM) == start - 1
        && !URL64.has(before(text, head))
        && stop - end > 40;
    shaped.then_some((head, stop))
}

/// Vault's service tokens up to its release 1.9: `s.` with its letter at `start`, 24 letters and digits.
pub(super) fn vault(text: &[u8], start: usize) -> Option<usize> {
    let end = run(slice(text, 0, start + 64), start + 2, ALNUM);
    let body = slice(text, start + 2, end);
    let shaped = body.len() == 24
        && is_digit_rich(body)
        && body.iter().any(u8::is_ascii_lowercase)
        && body.iter().any(u8::is_ascii_uppercase)
        && !matches!(before(text, start), b'.' | b'_' | b'-' | b'$' | b'/')
        && !matches!(byte(text, end), b'(' | b'_' | b'-')
        && !(byte(text, end) == b'.' && ALNUM.has(byte(text, end + 1)));
    shaped.then_some(end)
}

/// The end of the moment (RFC 3339, ISO 8601, common logs) that begins at `at`: `2026-01-31T10:30` and
/// what follows of it. It is no identifier, and logs are full of it.
#[inline]
pub(super) fn timestamp(text: &[u8], at: usize) -> Option<usize> {
    const TAIL: Set = Set::new(b"0-9:.,");
    let head: &[u8; 16] = text.get(at..)?.first_chunk()?;
    let digit = |i: usize| head[i].is_ascii_digit();
    let shaped = head[4] == b'-'
        && head[7] == b'-'
        && matches!(head[10], b'T' | b' ')
        && head[13] == b':'
        && [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15].into_iter().all(digit)
        && matches!(head[5], b'0' | b'1')
        && matches!(head[8], b'0'..=b'3')
        && matches!(head[11], b'0'..=b'2');
    if !shaped {
        return None;
    }
    let end = run(slice(text, 0, at + 32), at + 16, TAIL);
    Some(end + usize::from(byte(text, end) == b'Z'))
}
