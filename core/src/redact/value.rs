//! Values that are none: placeholders, references, code, and our own masks.

use super::bytes::{ALNUM, Set, before, byte, run, run_back, slice, starts_folded, varies};
use super::token::{public_prefix, public_prefix_before};
use super::types::is_name as is_type;

/// How much of a value is looked at to tell what it is.
const GLANCE: usize = 128;

/// What stands for a secret whose public prefix is kept.
pub(super) const ELLIPSIS: &[u8] = b"...XXXX";

/// Whether `value` is what [`mask`](super::mask) writes, once or more: `[REDACTED]`, `[EMAIL]`,
/// `sk-...XXXX`.
pub(super) fn is_mask(value: &[u8]) -> bool {
    let mut rest = value;
    while !rest.is_empty() {
        match mask_length(rest) {
            Some(len) => rest = rest.get(len..).unwrap_or(&[]),
            None => return false,
        }
    }
    !value.is_empty()
}

/// Whether one of our masks stands anywhere in `value`: what was judged when it was whole, and was no
/// value then, is none without the part that is masked.
pub(super) fn holds_mask(value: &[u8]) -> bool {
    let ours = |at: usize| match byte(value, at) {
        b'[' => {
            let label = slice(value, at + 1, at + mask_length(slice(value, at, value.len()))? - 1);
            is_label(label).then_some(())
        }
        _ => {
            let shown = slice(value, at, value.len()).starts_with(ELLIPSIS);
            (shown && public_prefix_before(slice(value, 0, at)) > 0).then_some(())
        }
    };
    memchr::memchr2_iter(b'[', b'.', value).any(|at| ours(at).is_some())
}

/// Whether a mask of ours says `label` between its brackets.
fn is_label(label: &[u8]) -> bool {
    // Behind the name of a type there may be a number or the letters of a hash.
    let name = |len: usize| is_type(slice(label, 0, len));
    matches!(label, b"REDACTED" | b"REMOVED")
        || name(label.len())
        || memchr::memrchr(b'_', label).is_some_and(name)
}

/// Whether a letter, a digit or a mask ends at `at`. A mask joins what stands beside it as the word
/// did that it stands for, or masking twice would find more than masking once.
pub(super) fn is_joined_left(text: &[u8], at: usize) -> bool {
    match before(text, at) {
        b']' => {
            let head = slice(text, at.saturating_sub(40), at);
            memchr::memrchr(b'[', head)
                .is_some_and(|open| is_label(slice(head, open + 1, head.len() - 1)))
        }
        other => ALNUM.has(other),
    }
}

/// Whether a letter, a digit or a mask begins at `at`.
pub(super) fn is_joined_right(text: &[u8], at: usize) -> bool {
    ALNUM.has(byte(text, at)) || is_mask_right(text, at)
}

/// Whether a mask in brackets begins at `at`.
pub(super) fn is_mask_right(text: &[u8], at: usize) -> bool {
    let head = slice(text, at, at + 64);
    byte(head, 0) == b'[' && mask_length(head).is_some_and(|len| is_label(slice(head, 1, len - 1)))
}

/// Whether a mask ends at `at`.
pub(super) fn is_masked_left(text: &[u8], at: usize) -> bool {
    let head = slice(text, at.saturating_sub(40), at);
    match before(text, at) {
        b']' => is_joined_left(text, at),
        b'X' => head.ends_with(ELLIPSIS),
        _ => false,
    }
}

/// Whether what begins at `at` of `text` is within the brackets of a mask of ours.
pub(super) fn is_in_mask(text: &[u8], at: usize) -> bool {
    const NAME: Set = Set::new(b"0-9A-Z_");
    let open = run_back(text, at, NAME, 40);
    before(text, open) == b'[' && {
        let end = run(slice(text, 0, at + 40), at, NAME);
        byte(text, end) == b']' && is_label(slice(text, open, end))
    }
}

/// Whether `text` begins with a mask.
pub(super) fn begins_with_mask(text: &[u8]) -> bool {
    mask_length(text).is_some()
}

/// The length of the mask that `text` begins with.
fn mask_length(text: &[u8]) -> Option<usize> {
    const NAME: Set = Set::new(b"0-9A-Z_");
    if byte(text, 0) == b'[' {
        let close = run(slice(text, 0, 40), 1, NAME);
        return (close > 2 && byte(text, close) == b']').then_some(close + 1);
    }
    let kept = public_prefix(text);
    text.get(kept..)?.starts_with(ELLIPSIS).then_some(kept + ELLIPSIS.len())
}

/// Whether `value` stands for a secret without being one.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WHOLE: &[&str] = &[
        "null",
        "none",
        "nil",
        "true",
        "false",
        "undefined",
        "empty",
        "unset",
        "required",
        "optional",
        "string",
        "str",
        "secret",
        "password",
        "passwd",
        "token",
        "changeit",
        "hidden",
        "masked",
        "redacted",
        "n/a",
        "todo",
        "tbd",
        "hash",
        "bearer",
        "basic",
        "default",
        "value",
    ];
    const BEGIN: &[&str] = &[
        "your",
        "changeme",
        "change_me",
        "change-me",
        "replace",
        "insert",
        "placeholder",
        "example",
        "dummy",
        "sample",
        "enter",
        "redacted",
        "my-secret",
        "my_secret",
        "xxxx",
        "process.env",
        "os.environ",
        "os.getenv",
        "env.",
        "env(",
    ];
    let head = slice(value, 0, 64);
    let short = value.len() <= 64;
    let first = byte(value, 0).to_ascii_lowercase();
    let begins =
        |word: &str| byte(word.as_bytes(), 0) == first && starts_folded(value, word.as_bytes());
    let body = value.get(public_prefix(value)..).unwrap_or(&[]);
    is_mask(value)
        || holds_mask(head)
        || short && body.windows(2).all(|pair| matches!(pair, [a, b] if a == b))
        || short && WHOLE.iter().any(|word| value.len() == word.len() && begins(word))
        || BEGIN.iter().any(|word| begins(word))
        || head.iter().all(|b| b"*.xX-_#?\xe2\x80\xa2\xa6".contains(b))
        || short && (value.ends_with(b"EXAMPLE") || value.ends_with(b"EXAMPLEKEY"))
        || is_reference(head)
}

/// Whether `value` names where a secret is: `$VAR`, `${…}`, `{{…}}`, `<…>`, `%VAR%`.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let second = byte(value, 1);
    match byte(value, 0) {
        b'$' => {
            let name = value.get(1..).unwrap_or(&[]);
            matches!(second, b'{' | b'(')
                || super::bytes::contains(name, b"::")
                || name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
                || name.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'))
        }
        b'{' => second == b'{' || value.ends_with(b"}"),
        b'<' => {
            const LABEL: Set = Set::new(b"0-9A-Za-z_ .:/|-");
            let end = run(value, 1, LABEL);
            end == value.len() && second.is_ascii_alphabetic()
                || value.ends_with(b">") && (end + 1 == value.len() || second == b'%')
        }
        b'%' => value.len() > 2 && value.ends_with(b"%"),
        _ => false,
    }
}

/// Whether what begins at `value` without quotes is code: a call, an index, a path, a type.
pub(super) fn is_code(value: &[u8]) -> bool {
    const PATH: Set = Set::new(b"0-9A-Za-z_.:>-");
    let head = slice(value, 0, GLANCE);
    let len = run(head, 0, PATH);
    let (sign, inside) = (byte(head, len), byte(head, len + 1));
    let name = slice(head, 0, len);
    let pointer = [&b"*mut "[..], b"*const ", b"&mut ", b"&str", b"&'", b"&["];
    match sign {
        b'&' if len == 0 => {
            let path = slice(head, 1, run(head, 1, PATH));
            inside == b'\'' || is_name(path) || super::bytes::contains(path, b"::")
        }
        b'<' if len == 0 => head.contains(&b'>'),
        // `[u8; 32]`
        b'[' if len == 0 => byte(head, run(head, 1, PATH)) == b';' && inside.is_ascii_alphabetic(),
        _ if len == 0 => pointer.iter().any(|start| head.starts_with(start)),
        _ if super::bytes::contains(name, b"::") => true,
        b'(' => inside != 0 && !inside.is_ascii_whitespace(),
        b'[' => ALNUM.has(inside) || matches!(inside, b'"' | b'\''),
        b'!' => matches!(inside, b'(' | b'[' | b'{'),
        b'<' => is_name(name),
        _ => is_number_type(name) || is_constant(name) || is_hex(name),
    }
}

/// Whether `name` is one as constants have: `TOKEN_TYPE_2D`.
fn is_constant(name: &[u8]) -> bool {
    const CONSTANT: Set = Set::new(b"0-9A-Z_");
    let count = |test: fn(&u8) -> bool| name.iter().filter(|&byte| test(byte)).count();
    run(name, 0, CONSTANT) == name.len()
        && count(|&byte| byte == b'_') >= 2
        && count(u8::is_ascii_uppercase) > 2 * count(u8::is_ascii_digit)
}

/// Whether `name` is a number as programs write them in hexadecimal.
fn is_hex(name: &[u8]) -> bool {
    name.starts_with(b"0x") && name.len() <= 18
}

/// Whether `name` is a number's type, as in C and Rust.
fn is_number_type(name: &[u8]) -> bool {
    let last = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let word = name.get(..name.len() - last).unwrap_or(&[]);
    if last > 0
        && word
            .get(word.len().saturating_sub(3)..)
            .is_some_and(|end| end.eq_ignore_ascii_case(b"int"))
    {
        return true;
    }
    let plain = name.iter().position(|&b| b != b'_').and_then(|at| name.get(at..)).unwrap_or(&[]);
    let Some((kind, width)) = plain.split_first() else {
        return false;
    };
    matches!(kind, b'u' | b'i' | b's' | b'f')
        && [&b"8"[..], b"16", b"32", b"64", b"128"].contains(&width)
}

/// Whether `value` could be a name in a program: letters, `_` and dots; digits one at the end, or two
/// within a path in lower case.
pub(super) fn is_name(value: &[u8]) -> bool {
    const WORD: Set = Set::new(b"A-Za-z_.");
    const LOWER: Set = Set::new(b"0-9a-z_.");
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let last = value.len() - digits.min(1);
    value.iter().take(last).all(|&b| WORD.has(b))
        || digits <= 2 && value.contains(&b'.') && value.iter().all(|&b| LOWER.has(b))
}

/// Whether `value` is a word in lower case and a digit, as people choose passwords; types have a capital.
pub(super) fn is_word_and_digit(value: &[u8]) -> bool {
    const LETTERS: Set = Set::new(b"a-z");
    run(value, 0, LETTERS) + 1 == value.len() && value.last().is_some_and(u8::is_ascii_digit)
}

/// Whether `value` looks drawn at random: one run, both cases and digits, or long hexadecimal.
pub(super) fn is_keylike(value: &[u8]) -> bool {
    const BODY: Set = Set::new(b"0-9A-Za-z_+/=%-");
    let head = slice(value, 0, 64);
    let has = |test: fn(&u8) -> bool| head.iter().any(test);
    value.len() >= 20
        && head.iter().all(|&b| BODY.has(b))
        && has(u8::is_ascii_digit)
        && (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
            || head.len() >= 32 && head.iter().all(|&b| ALNUM.has(b)))
        && varies(head, 10)
}

/// Whether `value` mixes three of small letters, capitals, digits and signs that are rare in code, and is
/// neither a call nor a path.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    const PATH: Set = Set::new(b"0-9A-Za-z_./-");
    const SIGN: Set = Set::new(b"!#$%&*+,:;=?@^|~");
    let has = |test: fn(&u8) -> bool| usize::from(value.iter().any(test));
    let kinds = has(u8::is_ascii_digit)
        + has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_lowercase)
        + has(|&byte| SIGN.has(byte));
    value.len() >= 8
        && kinds >= 3
        && !value.ends_with(b")")
        && !(byte(value, 0) == b'/' && value.iter().all(|&b| PATH.has(b)))
}

/// Whether `value`, which begins with a slash, is the path of a file rather than base64.
pub(super) fn is_path(value: &[u8]) -> bool {
    let random = |part: &[u8]| {
        let has = |test: fn(&u8) -> bool| part.iter().any(test);
        part.len() >= 10
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
    };
    !(is_keylike(value) && value.split(|&byte| byte == b'/').any(random))
}

/// Whether `value` has a digit and, before its end, two signs that a name or a call does not have.
pub(super) fn is_unlike_code(value: &[u8]) -> bool {
    const SIGN: Set = Set::new(b"#$%^~@!?|;+,=");
    let signs = value.iter().rev().skip(1).filter(|&&byte| SIGN.has(byte)).count();
    signs >= 2 && value.iter().any(u8::is_ascii_digit)
}

/// Whether `value` is words in one case, such as `my-app-secrets`.
pub(super) fn is_wordy(value: &[u8]) -> bool {
    let joint = |b: &u8| matches!(b, b'-' | b'_' | b'.' | b' ');
    let rest = value.get(1..).unwrap_or(&[]);
    value.iter().all(|b| b.is_ascii_alphabetic() || joint(b))
        && (rest.iter().all(|b| b.is_ascii_lowercase() || joint(b))
            || value.iter().all(|b| b.is_ascii_uppercase() || joint(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_references() {
        for value in [
            "",
            "YOUR_API_KEY",
            "<your-token-here>",
            "xxxxxxxxxxxxxxxx",
            "${DB_PASSWORD}",
            "{{ secrets.API_TOKEN }}",
            "changeme",
            "********",
            "REPLACE_ME",
            "$(pass show api)",
            "os.environ['TOKEN']",
            "process.env.API_KEY",
            "<redacted>",
            "[REDACTED]",
            "null",
            "%API_KEY%",
            "dummy-secret",
            "your-256-bit-secret",
            "sk-...XXXX",
            "[US_SSN]",
            "$HOME",
            "$crate::private::Number",
            concat!("wJalrXUtnFEMI/K7MDENG", "/bPxRfiCY", "EXAMPLEKEY"),
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "$ecret99", "pa%ss%w", "[x", "Tr0ub4dor&3", "correct-horse"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn a_mask_with_a_foreign_prefix_is_none() {
        assert!(is_mask(b"ghp_...XXXX") && is_mask(b"[REDACTED]...XXXX[EMAIL]"));
        assert!(!is_mask(b"hunter2...XXXX"));
    }

    #[test]
    fn code() {
        assert!(is_code(b"get_token(request)") && is_code(b"os.environ['X']"));
        assert!(is_code(b"Token![!]") && is_code(b"*mut c_char") && is_code(b"__u32,"));
        assert!(is_code(b"input.parse::<T>()") && !is_code(b"*sup3r"));
        assert!(!is_code(b"hunter2") && !is_code(b"(x)"));
        assert!(is_name(b"user.password") && is_name(b"token2") && is_name(b"node.dot2_token"));
        assert!(!is_name(b"hunter22") && !is_name(b"h2unter"));
    }
}
