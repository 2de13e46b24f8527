//! The one pass over a text.
//!
//! [`anchors`](super::anchors) tells which places of each 64 bytes are worth a look; here each is handed
//! to the detectors that could begin there, which decide by what stands around it. Worst case: linear.
//! An anchor costs a look at a bounded number of bytes, or at a run that later anchors do not look at
//! again.
//!
//! A run over a chunk of a text stops [`AHEAD`] bytes before the chunk's end and goes on in the next one from
//! the very [`State`] it was in: every place is looked at once, in one order, with all that a detector may
//! look at in view, so that chunks cannot differ from the whole. A value whose end is out of view
//! takes the run back to the block before it, and of such a value a stream keeps the ends alone: so in the
//! midst of a value this long nothing is looked at, in a whole text either. For those who build on it: a
//! detector decides by the AHEAD bytes behind its anchor and the [`BACK`] bytes before it, and begins nothing
//! earlier. One with an anchor of its own is added to `sign` or `word` and, if the anchor is a new one, to
//! `Anchors`.

use super::anchors::{Anchors, Carry, LONG};
use super::bytes::{before, byte, looked_at, moved, slice};
use super::context::{NEAR, Rows, behind_mask, named, named_by};
use super::token::Refused;
use super::{Finding, TypeId, Types, identifier, key, material, network, prose, shape, token};
use crate::buf::{Buf, Full};
use crate::simd::classes::{BLOCK, Classes, fastest};

/// How much of what follows an anchor detectors look at, but for the end of a value.
pub(super) const AHEAD: usize = 4864;
/// How much of what stands before an anchor they look at, and how far before it a finding may begin.
pub(super) const BACK: usize = 1152;
/// How much of what follows a value tells that it ends there.
pub(super) const SEAM: usize = 512;
/// A word that gets so long is looked at before its end.
const LONGEST_WORD: usize = BACK - 2 * BLOCK;

/// Where a run over a text is, and what it knows of the text before.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    /// The block that comes next.
    pub(super) base: usize,
    carry: Carry,
    /// Assignments before this offset are inside a value that is already decided.
    pub(super) decided: usize,
    /// Words before this offset are inside a token.
    token_end: usize,
    /// What begins before this offset is part of a moment, or in the midst of a value longer than any view.
    passed: usize,
    /// An `@` before this offset belongs to a URL.
    authority_end: usize,
    /// The run of base64url that was measured last.
    measured: network::Measured,
    refused: Refused,
}

impl State {
    /// At the beginning of a text.
    pub(super) const NEW: Self = Self {
        base: 0,
        carry: Carry::NEW,
        decided: 0,
        token_end: 0,
        passed: 0,
        authority_end: 0,
        measured: network::Measured::NEW,
        refused: Refused::new(),
    };

    /// Bytes `from..to` of the text are gone.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        let Self { base, carry, decided, token_end, passed, authority_end, .. } = self;
        for at in [base, decided, token_end, passed, authority_end] {
            *at = moved(*at, from, to);
        }
        carry.shift(from, to);
        self.measured.shift(from, to);
        self.refused.shift(from, to);
    }
}

/// A value whose end is out of view: where it begins and how far it is seen.
pub(super) type Open = Option<(usize, usize)>;

/// One run over one text.
pub(super) struct Scan<'t, 'b, 'm> {
    pub(super) text: &'t [u8],
    /// The name of the field that the text is the value of, or nothing.
    key: &'t [u8],
    pub(super) types: Types,
    found: &'b mut Buf<'m, Finding>,
    pub(super) state: State,
    /// The text goes on behind what is in view.
    more: bool,
    open: Open,
    /// The rows that `key` names, once asked for.
    named_by_key: Option<Rows>,
}

impl<'t, 'b, 'm> Scan<'t, 'b, 'm> {
    /// A run over `text`, the value of a field called `key` (or of none, then empty), that adds what it
    /// finds of `types` to `found`.
    ///
    /// # Errors
    /// [`Full`] when `text` exceeds 4 GiB.
    pub(super) fn new(
        text: &'t str,
        key: &'t [u8],
        types: Types,
        found: &'b mut Buf<'m, Finding>,
    ) -> Result<Self, Full> {
        if u32::try_from(text.len()).is_err() {
            return Err(Full);
        }
        let state = State::NEW;
        let (text, more, open, named_by_key) = (text.as_bytes(), false, None, None);
        Ok(Self { text, key, types, found, state, more, open, named_by_key })
    }

    /// Goes on from `state`, with more text to come or not.
    pub(super) fn resumed(self, state: State, more: bool) -> Self {
        Self { state, more, ..self }
    }

    /// Looks at the text as far as what follows is in view.
    ///
    /// # Errors
    /// [`Full`] when there is no room for another finding.
    pub(super) fn run(&mut self) -> Result<Open, Full> {
        let (classify, len) = (fastest().classes, self.text.len());
        while self.has_block(len) {
            let before = if self.more { Some((self.state, self.found.len())) } else { None };
            self.step(classify)?;
            if self.open.is_some()
                && let Some((state, found)) = before
            {
                self.state = state;
                self.found.truncate(found);
                break;
            }
        }
        Ok(self.open)
    }

    /// Whether there is another block, and what follows it in view.
    #[inline]
    const fn has_block(&self, len: usize) -> bool {
        let base = self.state.base;
        if self.more {
            base + BLOCK + AHEAD <= len
        } else {
            base < len || base == len && self.state.carry.is_open()
        }
    }

    /// Looks at the next block.
    #[inline(always)]
    fn step(&mut self, classify: fn(&[u8; BLOCK]) -> Classes) -> Result<(), Full> {
        let (text, base) = (self.text, self.state.base);
        let rest = text.get(base..).unwrap_or(&[]);
        let classes = match rest.first_chunk::<BLOCK>() {
            Some(block) => classify(block),
            None => {
                let mut block = [0; BLOCK];
                for (slot, &byte) in block.iter_mut().zip(rest) {
                    *slot = byte;
                }
                classify(&block)
            }
        };
        looked_at(BLOCK);
        let anchors = self.state.carry.step(text, base, classes);
        if let Some(end) = self.block(base, &anchors)? {
            (self.state.base, self.state.carry) = (end, Carry::at(end));
            return Ok(());
        }
        self.state.base += BLOCK;
        match self.state.carry.word_of() {
            Some(start)
                if (LONGEST_WORD..LONGEST_WORD + BLOCK).contains(&(base + BLOCK - start)) =>
            {
                self.long_word(start)
            }
            _ => Ok(()),
        }
    }

    /// Looks at the places of one block; answers where the text begins anew when a detector took more.
    #[inline(always)]
    fn block(&mut self, base: usize, anchors: &Anchors) -> Result<Option<usize>, Full> {
        let mut todo = anchors.all();
        while todo != 0 {
            let i = todo.trailing_zeros();
            let (at, bit) = (base + i as usize, 1 << i);
            if at < self.state.passed {
                todo &= !before_bit(self.state.passed, base);
                continue;
            }
            todo &= todo - 1;
            if anchors.words() & bit != 0 {
                self.word(anchors, i, at)?;
            }
            if (anchors.pairs | anchors.groups) & bit != 0 {
                let lead = if anchors.pairs & bit != 0 { 11 } else { 9 };
                if let Some(start) = at.checked_sub(lead) {
                    self.macs(start)?;
                }
            }
            if anchors.operators & bit != 0 {
                self.operator(at)?;
            } else if anchors.hyphens & bit != 0 {
                if let Some(end) = self.hyphens(at)? {
                    return Ok(Some(end));
                }
            } else if anchors.signs & bit != 0 {
                self.sign(anchors, i, at)?;
            }
        }
        Ok(None)
    }

    /// Looks at the machines' addresses, a sign apart, of which the first begins at `start`: in a row of
    /// pairs only the first few are anchors.
    #[inline(never)]
    fn macs(&mut self, first: usize) -> Result<(), Full> {
        let mut start = first;
        loop {
            match network::mac(self.text, start) {
                Some(end) => {
                    self.push(TypeId::MAC, start, end)?;
                    start = end + 1;
                }
                // The first may be a part of the word before it.
                None if start == first => start += 18,
                None => return Ok(()),
            }
        }
    }

    /// Records a finding of a type that is looked for.
    #[inline]
    pub(super) fn push(&mut self, id: TypeId, start: usize, end: usize) -> Result<(), Full> {
        if !self.types.contains(id) || start >= end {
            return Ok(());
        }
        // As long is every value of which a stream has dropped something.
        if end > self.state.base + AHEAD - SEAM - BLOCK {
            self.state.passed = self.state.passed.max(end - SEAM / 2);
        }
        if self.more && end + SEAM > self.text.len() {
            // Of several, what all of them cover.
            let (from, to) = self.open.unwrap_or((start, end));
            self.open = Some((from.max(start), to.min(end)));
        }
        self.found.push(Finding { start: start as u32, end: end as u32, id })
    }

    /// Looks at the word that begins at `start` before it has ended.
    #[cold]
    fn long_word(&mut self, start: usize) -> Result<(), Full> {
        if start < self.state.token_end
            || start < self.state.passed
            || !token::may_begin(self.text, start)
            || self.token(start)?
            || slice(self.text, start, start + 3) != b"eyJ"
        {
            return Ok(());
        }
        self.jwt(start)
    }

    /// Looks at the word that ends at `end`, bit `i` of its block.
    #[inline(always)]
    fn word(&mut self, anchors: &Anchors, i: u32, end: usize) -> Result<(), Full> {
        let (start, bit) = (anchors.start(i), 1 << i);
        if start < self.state.token_end
            || start < self.state.passed
            || end - start >= LONGEST_WORD + BLOCK
        {
            return Ok(());
        }
        if (anchors.heads | anchors.long) & bit != 0 {
            if token::may_begin(self.text, start) {
                if self.token(start)? {
                    return Ok(());
                }
                if anchors.heads & bit != 0 {
                    self.head(start, end)?;
                }
            }
            if anchors.long & bit != 0 {
                self.long(start, end)?;
            }
        }
        if anchors.numbers & bit != 0 {
            self.number(anchors, start, end, anchors.has_upper(i))?;
        }
        if anchors.initials & bit != 0
            && byte(self.text, end) == b' '
            && matches!(before(self.text, end) | 0x20, b'c' | b'd' | b'r' | b't')
        {
            self.initial(start, end)?;
        }
        Ok(())
    }

    /// Looks for a vendor's token that begins at `start`, and says whether there is one.
    #[inline]
    fn token(&mut self, start: usize) -> Result<bool, Full> {
        let Some((id, end)) = token::find(self.text, start, self.types, &mut self.state.refused)
        else {
            return Ok(false);
        };
        self.push(id, start, end)?;
        if self.types.contains(id) {
            self.state.token_end = end;
        }
        Ok(true)
    }

    /// A word with a letter before `_`, `-` or `.`. What is asked for here is on the list of
    /// [`token::may_begin`].
    #[inline(never)]
    fn head(&mut self, start: usize, end: usize) -> Result<(), Full> {
        let text = self.text;
        match end - start {
            5 if slice(text, start, end) == b"PuTTY" => {
                if self.types.contains(TypeId::PRIVATE_KEY)
                    && let Some(end) = material::putty(text, start)
                {
                    // A file without its end is searched for it once.
                    self.state.token_end = end;
                    self.push(TypeId::PRIVATE_KEY, start, end)?;
                }
                Ok(())
            }
            1 if byte(text, start) == b's' && byte(text, end) == b'.' => {
                match shape::vault(text, start) {
                    Some(end) => self.push(TypeId::VAULT, start, end),
                    None => Ok(()),
                }
            }
            7 if byte(text, end) == b'.' => match shape::terraform(text, start, end) {
                Some((start, end)) => self.push(TypeId::TERRAFORM, start, end),
                None => Ok(()),
            },
            3..LONG if slice(text, start, start + 3) == b"eyJ" => self.jwt(start),
            _ => Ok(()),
        }
    }

    /// A long word with a digit or a capital.
    #[inline(never)]
    fn long(&mut self, start: usize, end: usize) -> Result<(), Full> {
        let text = self.text;
        let word = slice(text, start, end);
        let (first, next) = (byte(word, 0), byte(text, end));
        match word.len() {
            _ if word.starts_with(b"eyJ") => self.jwt(start)?,
            23..=28 if next == b'.' && matches!(first, b'M' | b'N' | b'O') => {
                if let Some(end) = shape::discord(text, start, end) {
                    self.push(TypeId::DISCORD, start, end)?;
                }
            }
            32 if next == b'-' => {
                if let Some(end) = shape::mailchimp(text, start, end) {
                    self.push(TypeId::MAILCHIMP, start, end)?;
                }
            }
            34 if shape::twilio(word) => self.push(TypeId::TWILIO, start, end)?,
            42 if network::eth(word) => self.push(TypeId::ETH, start, end)?,
            25..=35 | 42 | 62 if network::btc(word) => self.push(TypeId::BTC, start, end)?,
            _ => {}
        }
        if prose::may_be_named(text, start) {
            self.before_value(start)?;
        }
        Ok(())
    }

    /// A word of digits and capitals.
    fn number(
        &mut self,
        anchors: &Anchors,
        start: usize,
        end: usize,
        capitals: bool,
    ) -> Result<(), Full> {
        let (text, len) = (self.text, end - start);
        let next = byte(text, end);
        if !capitals {
            match next {
                b'-' if len == 4 => {
                    if let Some(end) = shape::timestamp(text, start) {
                        self.state.passed = end;
                        return Ok(());
                    }
                }
                b'.' if len <= 3 => {
                    // The next octet ends in another full stop, or it is a fraction.
                    if slice(text, end + 2, end + 5).contains(&b'.')
                        && let Some(end) = network::ipv4(text, start)
                    {
                        self.push(TypeId::IP, start, end)?;
                    }
                }
                _ => {}
            }
        } else if len >= 4
            && let Some(end) = network::iban(text, start)
        {
            self.push(TypeId::IBAN, start, end)?;
        }
        self.identifier(anchors, start, len)
    }

    /// A word of letters before a blank that may be a scheme (RFC 9110 section 11.6.2), or be in a line of a
    /// netrc file.
    #[inline(never)]
    fn initial(&mut self, start: usize, end: usize) -> Result<(), Full> {
        let word = slice(self.text, start, end);
        if word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic") {
            self.scheme(start, end)
        } else if start < self.state.decided {
            Ok(())
        } else {
            if word == b"password" {
                self.netrc(start, end)?;
            }
            match word.first() {
                Some(b'p' | b'P') if key::may_have_meaning(self.text, end) => self.after_name(end),
                _ => Ok(()),
            }
        }
    }

    /// Looks for identifiers of fixed shape whose anchor, `len` bytes long, is at `at`.
    #[inline]
    fn identifier(&mut self, anchors: &Anchors, at: usize, len: usize) -> Result<(), Full> {
        let text = self.text;
        let by_key = match self.named_by_key {
            Some(rows) => rows,
            None => *self.named_by_key.insert(named_by(self.key)),
        };
        let beside = || {
            let head = slice(text, 0, at);
            let mut names = anchors.names_before(at) >> (64 - NEAR);
            let (mut rows, mut from) = (by_key, None);
            while names != 0 {
                let bit = names.trailing_zeros() as usize;
                names &= names - 1;
                if let Some(name) = (at + bit).checked_sub(NEAR) {
                    let known = named(head, name);
                    if known != 0 && name >= *from.get_or_insert_with(|| behind_mask(text, at)) {
                        rows |= known;
                    }
                }
            }
            rows
        };
        identifier::find(text, at, len, beside, |row, start, end| {
            self.push(TypeId::identifier(row), start, end)
        })
    }

    fn jwt(&mut self, start: usize) -> Result<(), Full> {
        if start >= self.state.token_end
            && self.types.contains(TypeId::JWT)
            && let Some(end) = self.state.measured.jwt(self.text, start)
        {
            self.push(TypeId::JWT, start, end)?;
            self.state.token_end = end;
        }
        Ok(())
    }

    /// Looks at the `:` or `=` at `at`.
    #[inline]
    fn operator(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        if byte(text, at) == b':' {
            let (last, next) = (before(text, at), byte(text, at + 1));
            if next == b'/' && byte(text, at + 2) == b'/' {
                return self.url(at);
            }
            // The global unicast block begins with 2 or 3, and its first group has four digits.
            if let Some(start) = at.checked_sub(4)
                && matches!(byte(text, start), b'2' | b'3')
                && let Some(end) = network::ipv6(text, start)
            {
                self.push(TypeId::IP, start, end)?;
            }
            if last.is_ascii_digit() {
                if next == b'A' {
                    let digits = super::bytes::run_back(text, at, super::bytes::DIGITS, 17);
                    if let Some(end) = shape::telegram(text, digits, at)
                        && !super::bytes::ALNUM.has(before(text, digits))
                    {
                        self.push(TypeId::TELEGRAM, digits, end)?;
                    }
                }
                if next.is_ascii_digit() {
                    return Ok(());
                }
                if next != b':'
                    && at > 5
                    && (byte(text, at - 5) == b':' || byte(text, at - 6) == b':')
                {
                    self.pgpass(at)?;
                }
            }
        }
        if key::may_have_meaning(text, at) { self.assignment(at) } else { Ok(()) }
    }

    /// Looks at the URL whose `://` is at `at`.
    #[inline(never)]
    fn url(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        if slice(text, at.saturating_sub(5), at) == b"https" {
            self.token(at - 5)?;
        }
        if at < self.state.authority_end {
            return Ok(());
        }
        let info = network::authority(text, at);
        // Where the URL begins within a value, only that is known to be a part of it.
        let within = at < self.state.decided;
        self.state.authority_end = if within { info.end.min(self.state.decided) } else { info.end };
        if let Some((start, end)) = info.secret
            && !super::value::is_placeholder(slice(text, start, end))
            && !super::value::holds_mask(slice(text, start, end))
        {
            self.push(TypeId::URL_PASSWORD, start, end)?;
        }
        Ok(())
    }

    /// Looks at the row of hyphens that begins at `at`; answers the end of a block of key material.
    #[inline(never)]
    fn hyphens(&mut self, at: usize) -> Result<Option<usize>, Full> {
        let text = self.text;
        match (byte(text, at + 1), byte(text, at + 2)) {
            (b'-', b'-') => {
                if self.types.contains(TypeId::PRIVATE_KEY)
                    && let Some((start, end)) = material::armoured(text, at)
                {
                    self.push(TypeId::PRIVATE_KEY, start, end)?;
                    return Ok(Some(end));
                }
            }
            (b'-', _) | (b'u', _) => self.flag(at)?,
            (b'A'..=b'Z' | b'a'..=b'z', _) => self.option(at)?,
            (b' ', _) if before(text, at) == b'<' => self.assigned(at)?,
            _ => {}
        }
        Ok(None)
    }

    /// Looks at the sign at `at`, bit `i` of its block.
    #[inline]
    fn sign(&mut self, anchors: &Anchors, i: u32, at: usize) -> Result<(), Full> {
        let text = self.text;
        match byte(text, at) {
            b'@' => {
                if at >= self.state.authority_end
                    && let Some((start, end)) = network::email(text, at)
                {
                    self.push(TypeId::EMAIL, start, end)?;
                }
            }
            b'+' if byte(text, at + 1).is_ascii_digit() => {
                if let Some(end) = network::e164(text, at) {
                    self.push(TypeId::PHONE, at, end)?;
                }
            }
            b'(' if byte(text, at + 1).is_ascii_digit() => self.identifier(anchors, at, 0)?,
            b'(' if matches!(byte(text, at + 1), b'"' | b'\'' | b' ') => self.call(at)?,
            b'>' if matches!(before(text, at), b'a'..=b'z' | b'"' | b'\'' | b'A'..=b'Z') => {
                if key::may_have_meaning(text, at) {
                    self.element(at)?;
                }
                self.labelled(at)?;
            }
            b'>' if key::may_have_meaning(text, at) => self.element(at)?,
            b'~' => {
                if let Some((start, end)) = shape::azure(text, at) {
                    self.push(TypeId::AZURE_SECRET, start, end)?;
                }
                let start = anchors.start(i);
                if at - start < LONGEST_WORD && start >= self.state.passed {
                    self.token(start)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The bits of the block at `base` that speak of bytes before `end`.
#[inline]
pub(super) const fn before_bit(end: usize, base: usize) -> u64 {
    match end.saturating_sub(base) {
        count @ 0..64 => (1 << count) - 1,
        _ => u64::MAX,
    }
}
