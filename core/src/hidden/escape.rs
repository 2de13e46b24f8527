//! The length of an escape sequence of terminals.
//!
//! Facts: ECMA-48, sections 5.3 to 5.6 (the forms of sequences) and 8.3 (control strings); xterm's
//! `ctlseqs` for BEL as an end of strings and for OSC 8, hyperlinks. A sequence that does not end gives
//! up its first bytes alone, so that no text is lost with it. A string stops at the next introducer:
//! linear in all.

/// Longest control sequence, and longest control string, that is taken as one.
const MAX_SEQUENCE: usize = 256;
const MAX_STRING: usize = 4096;

/// How many bytes of `text` are the sequence that begins at `at` with ESC.
pub(super) fn length(text: &[u8], at: usize) -> usize {
    let byte = |ahead: usize| text.get(at + ahead).copied().unwrap_or(0);
    match byte(1) {
        b'[' => control(text, at, 2),
        b']' | b'P' | b'X' | b'^' | b'_' => string(text, at, 2),
        // The selection of a character set and its like: intermediate bytes, a final one.
        b' '..=b'/' => {
            let more = (2..16).take_while(|&ahead| matches!(byte(ahead), b' '..=b'/')).count();
            if matches!(byte(2 + more), b'0'..=b'~') { 3 + more } else { 1 }
        }
        b'0'..=b'~' => 2,
        _ => 1,
    }
}

/// The same for a sequence that begins with `c`, a control character of the set C1; none when it begins
/// none.
pub(super) fn length_of_c1(c: char, text: &[u8], at: usize) -> Option<usize> {
    match c {
        '\u{9b}' => Some(control(text, at, 2)),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => Some(string(text, at, 2)),
        '\u{9c}' => Some(2),
        _ => None,
    }
}

/// A control sequence after an introducer of `head` bytes.
fn control(text: &[u8], at: usize, head: usize) -> usize {
    let rest = text.get(at + head..).unwrap_or(&[]);
    let rest = rest.get(..MAX_SEQUENCE).unwrap_or(rest);
    let parameters = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'?')).count();
    let more = rest.iter().skip(parameters).take_while(|byte| matches!(byte, b' '..=b'/')).count();
    match rest.get(parameters + more) {
        Some(b'@'..=b'~') => head + parameters + more + 1,
        _ => head,
    }
}

/// A control string after an introducer of `head` bytes.
fn string(text: &[u8], at: usize, head: usize) -> usize {
    let rest = text.get(at + head..).unwrap_or(&[]);
    let rest = rest.get(..MAX_STRING).unwrap_or(rest);
    let stops = |byte: &u8| matches!(byte, 0x07 | 0x1b | b'\n' | b'\r' | 0xc2);
    let mut end = 0;
    while let Some(more) = rest.get(end..).and_then(|rest| rest.iter().position(stops)) {
        end += more;
        match rest.get(end..) {
            Some([0x07, ..]) => return head + end + 1,
            Some([0x1b, b'\\', ..] | [0xc2, 0x9c, ..]) => return head + end + 2,
            // A letter like any other.
            Some([0xc2, 0xa0..=0xff, ..]) => end += 2,
            _ => return head,
        }
    }
    head
}
