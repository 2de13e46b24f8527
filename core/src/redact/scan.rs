//! The one pass: it walks the text word by word and asks the detectors where one could begin.
//!
//! A word is a run of letters and digits. While it is measured, the kinds of its bytes are collected,
//! so that a lower-case word, which most are, costs one look into the index of prefixes. Between words
//! a few signs are anchors: `@ : = - + ( > ~`. Worst case: every anchor looks at a bounded number of
//! bytes, or at a run that later anchors skip.

use super::bytes::{HEX, Set, URL64, before, byte, run, slice, starts_folded};
use super::{Finding, TypeId, Types, identifier, material, network, token};
use crate::buf::{Buf, Full};

/// Kinds of bytes.
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
const WORD: u8 = LOWER | UPPER | DIGIT;
const ANCHOR: u8 = 8;

static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut i = 0;
    while i < 256 {
        kinds[i] = match i as u8 {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'@' | b':' | b'=' | b'-' | b'+' | b'(' | b'>' | b'~' | b'\\' | b'%' | 0x1b => ANCHOR,
            _ => 0,
        };
        i += 1;
    }
    kinds
};

/// How far before a value a word that names it may stand, in bytes.
const NEAR: usize = 48;

/// One run over one text.
pub(super) struct Scan<'t, 'b, 'm> {
    pub(super) text: &'t [u8],
    /// The name of the field that the text is the value of, or nothing.
    key: &'t [u8],
    types: Types,
    found: &'b mut Buf<'m, Finding>,
    /// Assignments before this offset are inside a value that is already decided.
    pub(super) decided: usize,
    /// Tokens before this offset are inside a token.
    token_end: usize,
    /// An `@` before this offset belongs to a URL.
    authority_end: usize,
    /// The run of base64url that was measured last.
    measured: (usize, usize),
}

impl<'t, 'b, 'm> Scan<'t, 'b, 'm> {
    pub(super) fn new(
        text: &'t str,
        key: &'t [u8],
        types: Types,
        found: &'b mut Buf<'m, Finding>,
    ) -> Result<Self, Full> {
        if u32::try_from(text.len()).is_err() {
            return Err(Full);
        }
        Ok(Self {
            text: text.as_bytes(),
            key,
            types,
            found,
            decided: 0,
            token_end: 0,
            authority_end: 0,
            measured: (0, 0),
        })
    }

    pub(super) fn run(&mut self) -> Result<(), Full> {
        let mut at = 0;
        while let Some(&first) = self.text.get(at) {
            let kind = KINDS[usize::from(first)];
            if kind & WORD != 0 {
                let (start, mut kinds) = (at, 0);
                while let Some(&byte) = self.text.get(at)
                    && KINDS[usize::from(byte)] & WORD != 0
                {
                    kinds |= KINDS[usize::from(byte)];
                    at += 1;
                }
                self.word(start, at, kinds)?;
            } else if kind != 0 {
                at = self.anchor(at, first)?;
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Records a finding of a type that is looked for.
    pub(super) fn push(&mut self, id: TypeId, start: usize, end: usize) -> Result<(), Full> {
        if !self.types.contains(id) || start >= end {
            return Ok(());
        }
        self.found.push(Finding { start: start as u32, end: end as u32, id })
    }

    /// Looks at the sign at `at` and answers where to go on.
    fn anchor(&mut self, at: usize, sign: u8) -> Result<usize, Full> {
        let text = self.text;
        match sign {
            b'@' => {
                if at >= self.authority_end
                    && let Some((start, end)) = network::email(text, at)
                {
                    self.push(TypeId::EMAIL, start, end)?;
                }
            }
            b':' if slice(text, at, at + 3) == b"://" => {
                let info = network::authority(text, at);
                self.authority_end = self.authority_end.max(info.end);
                if let Some((start, end)) = info.secret
                    && !super::value::is_placeholder(slice(text, start, end))
                {
                    self.push(TypeId::URL_PASSWORD, start, end)?;
                }
            }
            b':' | b'=' => self.assignment(at)?,
            b'-' if byte(text, at + 1) == b'-' => {
                if let Some(end) = material::armoured(text, at) {
                    self.push(TypeId::PRIVATE_KEY, at, end)?;
                    return Ok(end);
                }
                self.flag(at)?;
            }
            b'-' if byte(text, at + 1) == b'u' => self.flag(at)?,
            b'+' => {
                if let Some(end) = network::e164(text, at) {
                    self.push(TypeId::PHONE, at, end)?;
                }
            }
            b'(' => self.identifier(at, 0)?,
            b'>' => self.element(at)?,
            b'~' => self.azure(at)?,
            // The letter of an escape is no part of the word behind it.
            b'\\' if matches!(byte(text, at + 1), b'n' | b'r' | b't') => return Ok(at + 2),
            b'%' if byte(text, at + 1).is_ascii_digit()
                && byte(text, at + 2).is_ascii_hexdigit() =>
            {
                return Ok(at + 3);
            }
            // A terminal's colour.
            0x1b if byte(text, at + 1) == b'[' => {
                const PARAMETERS: Set = Set::new(b"0-9;");
                return Ok(run(text, at + 2, PARAMETERS) + 1);
            }
            _ => {}
        }
        Ok(at + 1)
    }

    /// Looks at the word `start..end`, whose bytes are of `kinds`.
    #[inline]
    fn word(&mut self, start: usize, end: usize, kinds: u8) -> Result<(), Full> {
        let text = self.text;
        if start >= self.token_end
            && let Some((id, token_end)) = token::find(text, start)
        {
            self.token_end = token_end;
            self.push(id, start, token_end)?;
        }
        if kinds == LOWER && end - start > 8 {
            return Ok(());
        }
        if kinds & DIGIT == 0 {
            self.letters(start, end, kinds)
        } else {
            self.mixed(start, end, kinds)
        }
    }

    /// A word of letters.
    fn letters(&mut self, start: usize, end: usize, kinds: u8) -> Result<(), Full> {
        let text = self.text;
        match end - start {
            2 if matches!(byte(text, end), b':' | b'-') => self.machine(start)?,
            2 if kinds == UPPER => self.identifier(start, 2)?,
            4 if byte(text, end) == b'.' => self.machine(start)?,
            5 if kinds & UPPER != 0 && byte(text, end) == b'-' => {
                if start >= self.token_end
                    && let Some(end) = material::putty(text, start)
                {
                    // A file without its end is searched for it once.
                    self.token_end = end;
                    self.push(TypeId::PRIVATE_KEY, start, end)?;
                }
            }
            5 | 6 if byte(text, end) == b' ' => {
                let word = slice(text, start, end);
                if word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic") {
                    self.scheme(start, end)?;
                }
            }
            8 if byte(text, end) == b' ' && slice(text, start, end) == b"password" => {
                self.netrc(start, end)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A word with a digit in it.
    fn mixed(&mut self, start: usize, end: usize, kinds: u8) -> Result<(), Full> {
        let (text, len) = (self.text, end - start);
        let word = slice(text, start, end);
        let next = byte(text, end);
        if kinds & LOWER == 0 {
            self.identifier(start, len)?;
            if kinds == DIGIT
                && next == b'.'
                && len <= 3
                && let Some(end) = network::ipv4(text, start)
            {
                self.push(TypeId::IP, start, end)?;
            }
            if kinds == DIGIT && next == b':' && (5..=16).contains(&len) {
                self.telegram(start, end)?;
            }
            if kinds & UPPER != 0
                && len >= 4
                && let Some(end) = network::iban(text, start)
            {
                self.push(TypeId::IBAN, start, end)?;
            }
        }
        match len {
            2 | 4 if matches!(next, b':' | b'-' | b'.') => self.machine(start)?,
            _ if word.starts_with(b"eyJ") => self.jwt(start)?,
            23..=28 if next == b'.' && matches!(byte(word, 0), b'M' | b'N' | b'O') => {
                self.discord(start, end)?;
            }
            32 if next == b'-' && slice(text, end + 1, end + 3) == b"us" => {
                let stop = run(text, end + 3, super::bytes::DIGITS);
                if run(word, 0, HEX) == 32 && stop > end + 3 {
                    self.push(TypeId::MAILCHIMP, start, stop)?;
                }
            }
            34 if word.starts_with(b"SK") && run(word, 2, HEX) == 34 && token::is_random(word) => {
                self.push(TypeId::TWILIO, start, end)?;
            }
            42 if network::eth(word) => self.push(TypeId::ETH, start, end)?,
            25..=35 | 42 | 62 if network::btc(word) => self.push(TypeId::BTC, start, end)?,
            _ => {}
        }
        Ok(())
    }

    /// Looks for addresses of machines that begin at `start`.
    fn machine(&mut self, start: usize) -> Result<(), Full> {
        if let Some(end) = network::mac(self.text, start) {
            self.push(TypeId::MAC, start, end)?;
        } else if let Some(end) = network::ipv6(self.text, start) {
            self.push(TypeId::IP, start, end)?;
        }
        Ok(())
    }

    /// Looks for identifiers of fixed shape whose first run, `len` bytes long, begins at `start`.
    fn identifier(&mut self, start: usize, len: usize) -> Result<(), Full> {
        let (text, key) = (self.text, self.key);
        identifier::find(
            text,
            start,
            len,
            |words| is_near(text, key, start, words),
            |row, end| self.push(TypeId::identifier(row), start, end),
        )
    }

    fn jwt(&mut self, start: usize) -> Result<(), Full> {
        // One long run may hold many beginnings: it is measured once.
        if !(self.measured.0..self.measured.1).contains(&start) {
            self.measured = (start, run(self.text, start, URL64));
        }
        if start >= self.token_end
            && let Some(end) = network::jwt(self.text, start, self.measured.1)
        {
            self.token_end = end;
            self.push(TypeId::JWT, start, end)?;
        }
        Ok(())
    }

    /// Telegram's bot tokens: the bot's number, a colon, 35 characters that begin with A.
    fn telegram(&mut self, start: usize, colon: usize) -> Result<(), Full> {
        let body = slice(self.text, colon + 1, colon + 65);
        let len = run(body, 0, URL64);
        if byte(body, 0) == b'A'
            && (30..=40).contains(&len)
            && token::is_random(slice(body, 0, len))
        {
            self.push(TypeId::TELEGRAM, start, colon + 1 + len)?;
        }
        Ok(())
    }

    /// Discord's bot tokens: the bot's number in base64, six characters, 27 or more.
    fn discord(&mut self, start: usize, dot: usize) -> Result<(), Full> {
        let mut decoded = [0; 24];
        let number = super::bytes::decode64(slice(self.text, start, dot), &mut decoded);
        let time = slice(self.text, dot + 1, dot + 8);
        let tail = slice(self.text, dot + 8, dot + 8 + 64);
        let len = run(tail, 0, URL64);
        if number.iter().all(u8::is_ascii_digit)
            && run(time, 0, URL64) == 6
            && byte(time, 6) == b'.'
            && len >= 20
        {
            self.push(TypeId::DISCORD, start, dot + 8 + len)?;
        }
        Ok(())
    }

    /// Azure's client secrets: three characters, a digit, `Q~`, 31 to 34 more.
    fn azure(&mut self, tilde: usize) -> Result<(), Full> {
        const BODY: Set = Set::new(b"0-9A-Za-z_.~-");
        let start = tilde.saturating_sub(5);
        let [_, _, _, b'0'..=b'9', b'Q'] = slice(self.text, start, tilde) else {
            return Ok(());
        };
        let tail = slice(self.text, tilde + 1, tilde + 65);
        let mut len = run(tail, 0, BODY);
        while len > 0 && byte(tail, len - 1) == b'.' && len > 34 {
            len -= 1;
        }
        if !URL64.has(before(self.text, start)) && (28..=40).contains(&len) {
            self.push(TypeId::AZURE_SECRET, start, tilde + 1 + len)?;
        }
        Ok(())
    }
}

/// Whether one of `words`, in lower case, stands shortly before `at` or in `key`.
pub(super) fn is_near(text: &[u8], key: &[u8], at: usize, words: &[&str]) -> bool {
    let window = slice(text, at.saturating_sub(NEAR), at);
    has_word(window, words) || has_word(key.get(..NEAR).unwrap_or(key), words)
}

fn has_word(window: &[u8], words: &[&str]) -> bool {
    // Bit by bit the letters that the words begin with; what is no ASCII letter has bit 0.
    let bit = |byte: u8| 1_u32 << if byte.is_ascii_alphabetic() { byte & 31 } else { 0 };
    let firsts = words.iter().fold(0, |bits, word| bits | bit(byte(word.as_bytes(), 0)));
    (0..window.len()).any(|i| {
        let (left, first) = (before(window, i), byte(window, i));
        // A word begins after anything but a letter, and at the hump of a camel.
        firsts & bit(first) != 0
            && (!left.is_ascii_alphabetic()
                || left.is_ascii_lowercase() && first.is_ascii_uppercase())
            && words.iter().any(|word| {
                starts_folded(window.get(i..).unwrap_or(&[]), word.as_bytes())
                    && !byte(window, i + word.len()).is_ascii_lowercase()
            })
    })
}

/// Sorts findings and joins those that overlap, so that nothing shows at their borders. The name of
/// what is joined is that of a secret before that of personal data, then that of the longest.
pub(super) fn merge(text: &str, findings: &mut Buf<'_, Finding>) {
    for finding in findings.iter_mut() {
        while !text.is_char_boundary(finding.start as usize) && finding.start > 0 {
            finding.start -= 1;
        }
        while !text.is_char_boundary(finding.end as usize) && (finding.end as usize) < text.len() {
            finding.end += 1;
        }
    }
    findings.sort_unstable_by_key(|finding| (finding.start, finding.end, finding.id));
    let (mut kept, mut best) = (0_usize, 0);
    for i in 0..findings.len() {
        let Some(&next) = findings.get(i) else { break };
        let len = next.end - next.start;
        if let Some(last) = kept.checked_sub(1).and_then(|i| findings.get_mut(i))
            && next.start < last.end
        {
            last.end = last.end.max(next.end);
            let rank = |id: TypeId| id.is_secret();
            if (rank(next.id), len) > (rank(last.id), best) {
                (last.id, best) = (next.id, len);
            }
            continue;
        }
        if let Some(slot) = findings.get_mut(kept) {
            *slot = next;
        }
        kept += 1;
        best = len;
    }
    findings.truncate(kept);
}
