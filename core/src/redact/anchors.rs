//! Where a detector could begin: bit arithmetic over 64 bytes at a time.
//!
//! From the kinds of a block's bytes it derives the few places that are worth a look: where a word of
//! letters and digits ends that could be a number, a long key or a vendor's prefix, and the signs that
//! stand beside values. Words in lower case and short numbers on their own cost nothing. What a word
//! consists of is found by one addition: a run of ones plus any of its bits carries out of its top. Worst
//! case: the same few instructions for any block.

use super::bytes::{Set, byte, moved, run, slice};
use crate::simd::classes::Classes;

/// A word is long from this many bytes on: every key that no sign parts is.
pub(super) const LONG: usize = 16;

/// What a block needs to know of the blocks before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carry {
    /// What each shift pushed out of the last block, in the order of the shifts.
    flows: [u64; 23],
    /// Whether the word that the last block ended in holds a digit, a capital, a small letter.
    digits: bool,
    uppers: bool,
    lowers: bool,
    /// Whether the last block ended in a word, and the first byte of that word.
    in_word: bool,
    open: usize,
    /// Bytes before this offset are parts of escapes.
    hole: usize,
    /// Where names began in the last block and in the one before.
    names: [u64; 2],
}

/// The places of one block that are worth a look. Bit `i` of what is said of a word's end speaks of the
/// byte after it.
#[derive(Clone, Copy)]
pub(super) struct Anchors {
    /// Offset of the block.
    base: usize,
    /// The first byte of a word that began before the block.
    open: usize,
    starts: u64,
    /// Numbers and capitals in a shape that identifiers have.
    pub(super) numbers: u64,
    /// Words of at least [`LONG`] bytes with a digit or a capital.
    pub(super) long: u64,
    /// Words with a letter before `_`, `-` or `.`, and 15 bytes that a key may consist of.
    pub(super) heads: u64,
    /// Words of 5, 6 or 8 letters that begin with B, P or R, then A or E.
    pub(super) initials: u64,
    /// `:` and `=`, the first and the last of a row of them.
    pub(super) operators: u64,
    /// The first of a row of `-` that is no mere hyphen between words.
    pub(super) hyphens: u64,
    /// `@`, `+`, `(`, `>` and `~`.
    pub(super) signs: u64,
    /// The fourth sign in the shape of an EUI-48 of pairs, `:` or `-`.
    pub(super) pairs: u64,
    /// The second sign in the shape of an EUI-48 of groups, `.`.
    pub(super) groups: u64,
    /// Which words hold a capital.
    uppers: u64,
    /// Where words of letters begin, humps of camels included: in this block and the two before.
    names: [u64; 3],
}

impl Anchors {
    /// Every place.
    #[inline]
    pub(super) const fn all(&self) -> u64 {
        self.words() | self.operators | self.hyphens | self.signs | self.pairs | self.groups
    }

    /// Those that are ends of words.
    #[inline]
    pub(super) const fn words(&self) -> u64 {
        self.numbers | self.long | self.heads | self.initials
    }

    /// The offset of the first byte of the word that ends before bit `i`.
    #[inline]
    pub(super) fn start(&self, i: u32) -> usize {
        let before = self.starts & ((1 << i) - 1);
        match before.checked_ilog2() {
            Some(bit) => self.base + bit as usize,
            None => self.open,
        }
    }

    /// Whether the word that ends before bit `i` holds a capital.
    #[inline]
    pub(super) const fn has_upper(&self, i: u32) -> bool {
        self.uppers >> i & 1 == 1
    }

    /// Which of the 64 bytes before `at` begin names; the highest bit is the byte before `at`. Of bytes
    /// that are further back than the two blocks before this one nothing is known.
    #[inline]
    pub(super) const fn names_before(&self, at: usize) -> u64 {
        let [older, old, new] = self.names;
        let (high, low, ahead) = if at >= self.base {
            (new, old, at - self.base)
        } else {
            (old, older, (at + 64).saturating_sub(self.base))
        };
        match ahead {
            0 => low,
            1..=63 => high << (64 - ahead) | low >> ahead,
            _ => high,
        }
    }
}

impl Carry {
    /// The state at the beginning of a text.
    pub(super) const NEW: Self = Self {
        flows: [0; 23],
        digits: false,
        uppers: false,
        lowers: false,
        in_word: false,
        open: 0,
        hole: 0,
        names: [0; 2],
    };

    /// The state at `at`, where text begins anew.
    pub(super) const fn at(at: usize) -> Self {
        Self { open: at, ..Self::NEW }
    }

    /// Bytes `from..to` of the text are gone.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        (self.open, self.hole) = (moved(self.open, from, to), moved(self.hole, from, to));
    }

    /// The first byte of the word that the last block ended in.
    #[inline]
    pub(super) const fn word_of(&self) -> Option<usize> {
        if self.in_word { Some(self.open) } else { None }
    }

    /// Whether a word goes on after the last block.
    pub(super) const fn is_open(&self) -> bool {
        self.in_word
    }

    /// The places of the block at `base` of `text`, whose bytes are of `classes`.
    #[inline]
    pub(super) fn step(&mut self, text: &[u8], base: usize, classes: Classes) -> Anchors {
        let Classes { mut digit, mut upper, mut lower, operator, hyphen, joint, .. } = classes;
        if classes.escape != 0 || self.hole > base {
            let kept = !self.holes(text, base, classes.escape);
            digit &= kept;
            upper &= kept;
            lower &= kept;
        }
        // Shifts up by `count`, out of this block into the next. Each call has a slot of its own.
        let (slots, mut next) = (&mut self.flows, 0);
        let mut flow = |bits: u64, count: u32| {
            let slot = &mut slots[next];
            next += 1;
            let all = bits << count | *slot;
            *slot = bits >> (64 - count);
            all
        };

        let letter = upper | lower;
        let word = digit | letter;
        let after_word = flow(word, 1);
        let starts = word & !after_word;
        let ends = after_word & !word;

        let digits = holding(word, digit, &mut self.digits);
        let uppers = holding(word, upper, &mut self.uppers);
        let lowers = holding(word, lower, &mut self.lowers);

        // Where runs of so many bytes of words end, and what stands behind such an end.
        let run2 = word & after_word;
        let run4 = run2 & flow(run2, 2);
        let run7 = run4 & flow(run4, 3);
        let run8 = run4 & flow(run4, 4);
        let run16 = run8 & flow(run8, 8);
        let (past2, past4) = (flow(run2, 1), flow(run4, 1));
        let (past7, past16) = (flow(run7, 1), flow(run16, 1));

        // What follows the byte behind a word; beyond the block it could be anything.
        let parted = digit >> 1 | top(1) | uppers & (upper >> 1);
        let numbers = digits & !lowers & (past7 | parted);
        let long = ends & past16 & (digits | uppers);
        // A prefix is followed by a body, which may go on beyond the block.
        let body = word | hyphen | joint | operator | classes.sign | classes.path;
        let body = body & (body >> 1 | top(1));
        let body = body & (body >> 2 | top(2));
        let body = body & (body >> 4 | top(4));
        let body = body & (body >> 8 | top(8));
        let heads = ends & (hyphen | joint) & (uppers | lowers) & body;
        let initial = classes.initial & (classes.vowel >> 1 | top(1)) & starts;
        let initials = ends & !digits & (flow(initial, 5) | flow(initial, 6) | flow(initial, 8));
        // Signs behind two bytes of a word: those that are the fourth in a row, or the fifth, for the
        // first may stand before the value. And the second behind four bytes.
        let pair = (hyphen | operator) & past2;
        let five = flow(pair, 12) & flow(pair, 15);
        let pairs = pair & flow(pair, 3) & flow(pair, 6) & flow(pair, 9) & !five;
        let group = joint & past4;
        let groups = group & flow(group, 5);
        let lone = !after_word | hyphen >> 1 | top(1);
        let hyphens = hyphen & !flow(hyphen, 1) & lone;
        let operators = operator & !(operator >> 1 & flow(operator, 1));
        let names = letter & !flow(letter, 1) | upper & flow(lower, 1);

        let anchors = Anchors {
            base,
            open: self.open,
            starts,
            numbers,
            long,
            heads,
            initials,
            operators,
            hyphens,
            signs: classes.sign,
            pairs,
            groups,
            uppers,
            names: [self.names[0], self.names[1], names],
        };
        if let Some(bit) = starts.checked_ilog2() {
            self.open = base + bit as usize;
        }
        self.in_word = word >> 63 == 1;
        self.names = [self.names[1], names];
        anchors
    }

    /// The bytes of the block that belong to escapes: the letter of `\n`, the digits of `%3A`, the
    /// parameters of a terminal's colour. They are no part of the words beside them.
    #[cold]
    fn holes(&mut self, text: &[u8], base: usize, escapes: u64) -> u64 {
        const PARAMETERS: Set = Set::new(b"0-9;");
        const LONGEST: usize = 32;
        let mut holes = below(self.hole.saturating_sub(base));
        // What another sign follows is none.
        let mut rest = escapes & !(escapes >> 1);
        while rest != 0 {
            let i = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let at = base + i;
            if at < self.hole {
                continue;
            }
            let [sign, first, second] = match text.get(at..).and_then(|rest| rest.first_chunk()) {
                Some(&chunk) => chunk,
                None => [byte(text, at), byte(text, at + 1), 0],
            };
            let end = match sign {
                b'\\' if matches!(first, b'n' | b'r' | b't') => at + 2,
                b'%' if first.is_ascii_digit() && second.is_ascii_hexdigit() => at + 3,
                0x1b if first == b'[' => run(slice(text, 0, at + LONGEST), at + 2, PARAMETERS) + 1,
                _ => continue,
            };
            self.hole = end;
            holes |= below(end - base) & !below(i + 1);
        }
        holes
    }
}

/// The last `count` bits, 1 to 63.
const fn top(count: u32) -> u64 {
    !(u64::MAX >> count)
}

/// The first `count` bits.
const fn below(count: usize) -> u64 {
    if count < 64 { (1 << count) - 1 } else { u64::MAX }
}

/// The ends of those runs of `word` that hold a bit of `kind`; `open` says whether the run that goes on
/// over the block's border does.
#[inline]
const fn holding(word: u64, kind: u64, open: &mut bool) -> u64 {
    let (sum, first) = word.overflowing_add(kind);
    let (sum, second) = sum.overflowing_add(*open as u64);
    *open = first | second;
    sum & !word
}
