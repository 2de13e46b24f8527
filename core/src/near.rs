//! What was probably meant: misspelt names and enum members.
//!
//! Names are folded (case, `_` and `-` dropped) and compared by optimal string alignment: the least
//! number of characters to insert, delete, replace or swap with their neighbour. Only distances up
//! to a small bound matter, so only a band of the table is computed, in fixed arrays.
//!
//! Worst case: a few instructions a pair for names that have little in common, which their letters tell,
//! else 64 rows of at most 43 cells. Longer names are compared for equality only.

use alloc::vec::Vec;
use core::ops::Range;

use crate::json::Str;

/// More characters than this are compared for equality only.
const MAX_CHARS: usize = 64;

/// Suggestions for an enum look at no more members than this.
const MAX_MEMBERS: usize = 1024;

/// A name that is not declared, ready to be compared with many that are.
pub struct Undeclared<'t> {
    name: Str<'t>,
    /// The name folded, when it is not too long.
    word: Option<Word>,
    /// Its bytes before folding; at most 6 are counted when it holds escapes.
    bytes: usize,
}

impl<'t> Undeclared<'t> {
    /// Prepares `name`.
    pub fn new(name: Str<'t>) -> Self {
        let mut word = Word::EMPTY;
        let whole = word.read(name, fold);
        let bytes = if name.is_escaped() { name.bytes().take(6).count() } else { name.raw().len() };
        Self { word: whole.then_some(word), bytes, name }
    }

    /// How near the name is to `declared`: 0 when they are equal once folded, else their distance;
    /// `None` when it is no near miss. Entry `at` of `folds` is `declared`, folded.
    ///
    /// Near is a distance of 1 when the shorter name has 3 to 5 bytes, of 2 when it has more.
    pub fn near_miss(&self, declared: &str, folds: &Folds, at: usize) -> Option<u32> {
        let Some(word) = &self.word else {
            let folded = self.name.chars().filter_map(fold);
            return folded.eq(declared.chars().filter_map(fold)).then_some(0);
        };
        let max = match self.bytes.min(declared.len()) {
            0..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        word.folded().distance(folds.get(at)?, max)
    }
}

/// Texts that are folded once, to be compared with many others.
#[derive(Debug, Default)]
pub struct Folds {
    chars: Vec<char>,
    words: Vec<Folded>,
}

/// One text of [`Folds`].
#[derive(Clone, Copy, Debug)]
struct Folded {
    /// Where its characters stand, when they are not too many.
    chars: Option<(u32, u32)>,
    letters: u64,
}

impl Folds {
    /// Appends a name.
    pub fn push_name(&mut self, name: &str) {
        self.push(name.into(), fold);
    }

    /// Appends a member of an `enum`.
    pub fn push_member(&mut self, member: Str<'_>) {
        self.push(member, essence);
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.words.len()
    }

    fn push(&mut self, text: Str<'_>, fold: impl Fn(char) -> Option<char>) {
        let start = self.chars.len();
        let mut letters = 0;
        for c in text.chars().filter_map(fold) {
            if self.chars.len() - start == MAX_CHARS {
                self.chars.truncate(start);
                self.words.push(Folded { chars: None, letters: 0 });
                return;
            }
            self.chars.push(c);
            letters |= letter(c);
        }
        let chars = Some((start as u32, self.chars.len() as u32));
        self.words.push(Folded { chars, letters });
    }

    fn get(&self, at: usize) -> Option<Letters<'_>> {
        let folded = self.words.get(at)?;
        let (start, end) = folded.chars?;
        let chars = self.chars.get(start as usize..end as usize)?;
        Some(Letters { chars, letters: folded.letters })
    }

    /// [`nearest`] among the members of `range`; the position is counted from its start.
    pub fn nearest(&self, value: Str<'_>, range: Range<usize>) -> Option<usize> {
        let mut search = Search::new(value, range.len())?;
        for (position, at) in range.enumerate() {
            if let Some(letters) = self.get(at) {
                search.look(position, letters);
            }
        }
        search.best
    }
}

/// A folded text: its characters, and which occur, by their lowest six bits.
#[derive(Clone, Copy)]
struct Letters<'c> {
    chars: &'c [char],
    letters: u64,
}

impl Letters<'_> {
    /// The distance, when it is at most `max`.
    #[inline]
    fn distance(self, other: Self, max: u32) -> Option<u32> {
        // Each letter that only one has costs an edit.
        let apart = |one: u64, other: u64| (one & !other).count_ones() > max;
        if self.chars.len().abs_diff(other.chars.len()) > max as usize
            || apart(self.letters, other.letters)
            || apart(other.letters, self.letters)
        {
            return None;
        }
        distance(self.chars, other.chars, max)
    }
}

/// The search for the member that is nearest to a value.
struct Search {
    word: Word,
    best: Option<usize>,
    least: u32,
}

impl Search {
    /// None when it would find nothing or take too long.
    fn new(value: Str<'_>, members: usize) -> Option<Self> {
        let mut word = Word::EMPTY;
        let fits = members <= MAX_MEMBERS && word.read(value, essence);
        fits.then_some(Self { word, best: None, least: u32::MAX })
    }

    #[inline]
    fn look(&mut self, position: usize, member: Letters<'_>) {
        let longer = self.word.len.max(member.chars.len()) as u32;
        let plausible = (longer / 3).max(1).min(longer.saturating_sub(1)).min(self.least);
        match self.word.folded().distance(member, plausible) {
            Some(distance) if distance < self.least => {
                (self.least, self.best) = (distance, Some(position));
            }
            Some(_) => self.best = None,
            None => {}
        }
    }
}

/// Drops what naming styles differ in: `_` and `-` are nothing, letters lose their case.
#[inline]
pub fn fold(c: char) -> Option<char> {
    (c != '_' && c != '-').then(|| lower(c))
}

/// What enum members are compared by: letters and digits, without their case.
#[inline]
fn essence(c: char) -> Option<char> {
    let counts = if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
    counts.then(|| lower(c))
}

/// The letters and digits of a text, without their case, when they are ASCII and at most `N`.
pub struct Essence<const N: usize> {
    bytes: [u8; N],
    len: Option<usize>,
}

impl<const N: usize> Essence<N> {
    /// Folds `text`.
    pub fn new(text: Str<'_>) -> Self {
        let mut bytes = [0; N];
        let mut len = 0;
        if !text.is_escaped() && text.raw().len() > 4 * N {
            return Self { bytes, len: None };
        }
        for c in text.chars().filter_map(essence) {
            let slot = bytes.get_mut(len).filter(|_| c.is_ascii());
            let Some(slot) = slot else { return Self { bytes, len: None } };
            *slot = c as u8;
            len += 1;
        }
        Self { bytes, len: Some(len) }
    }

    /// What is left of the text; `None` when it is too long or no ASCII.
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(self.bytes.get(..self.len?)?).ok()
    }
}

/// The position of the member that is nearest to `value`, when exactly one is and it is plausible: no
/// more than a third of the longer text differs (one character of a short one). Case, spaces and
/// punctuation do not count.
pub fn nearest<'t>(value: Str<'_>, members: impl IntoIterator<Item = Str<'t>>) -> Option<usize> {
    let mut search = Search::new(value, 0)?;
    let mut other = Word::EMPTY;
    for (position, member) in members.into_iter().enumerate() {
        if position == MAX_MEMBERS {
            return None;
        }
        if other.read(member, essence) {
            search.look(position, other.folded());
        }
    }
    search.best
}

/// Whether `value` looks like `member` but says the opposite, like `inactive` and `not active` of `active`.
pub fn opposes(value: Str<'_>, member: Str<'_>) -> bool {
    const PREFIXES: [&str; 7] = ["anti", "de", "dis", "im", "in", "non", "un"];
    // One word says so with a syllable of two letters or more, several with one of them.
    let (one, other) = (value.raw(), member.raw());
    let words = |text: &[u8]| text.iter().any(|byte| matches!(byte, b' ' | b'_' | b'-' | b'\\'));
    if one.len().abs_diff(other.len()) < 2 && !words(one) && !words(other) {
        return false;
    }
    let denies = |text| Spelt::new(text).is_some_and(|spelt| spelt.denies());
    if denies(value) != denies(member) {
        return true;
    }
    let (value, member) = (Essence::<MAX_CHARS>::new(value), Essence::<MAX_CHARS>::new(member));
    let (Some(value), Some(member)) = (value.text(), member.text()) else { return false };
    let opposite = |one: &str, other| PREFIXES.iter().any(|p| one.strip_prefix(p) == Some(other));
    opposite(value, member) || opposite(member, value)
}

/// The position of the member that `value` names in other words, when it is exactly one: the member
/// itself with other spaces or another case, its beginning (`med` for `medium`), another form of it
/// (`descending` for `desc`), or words around it (`New York, NY`). Words that deny, and members shorter than
/// three letters, only count when all is equal.
pub fn reworded<'t>(
    value: Str<'_>,
    members: impl IntoIterator<Item = Str<'t>> + Clone,
) -> Option<usize> {
    if value.is_escaped() {
        return None;
    }
    let text = value.raw().trim_ascii();
    let same = |member: Str<'_>| {
        !member.is_escaped() && member.raw().trim_ascii().eq_ignore_ascii_case(text)
    };
    if let Some(found) = only(members.clone(), same) {
        return Some(found);
    }
    let spelt = Spelt::new(value)?;
    if spelt.len < 3 || spelt.denies() {
        return None;
    }
    let related = |relation: fn(&Spelt, &Spelt) -> bool| {
        only(members.clone(), |member| {
            Spelt::new(member).is_some_and(|member| relation(&spelt, &member))
        })
    };
    related(Spelt::extends).or_else(|| related(Spelt::contains))
}

/// The position of the only one of `members` for which `holds` is true; nobody looks at too many.
fn only<'t>(
    members: impl IntoIterator<Item = Str<'t>>,
    holds: impl Fn(Str<'t>) -> bool,
) -> Option<usize> {
    let mut found = None;
    for (position, member) in members.into_iter().enumerate() {
        if position == MAX_MEMBERS || holds(member) && found.replace(position).is_some() {
            return None;
        }
    }
    found
}

/// The words of a short ASCII text in lower case, apart by one space each.
struct Spelt {
    bytes: [u8; MAX_CHARS],
    len: usize,
}

impl Spelt {
    fn new(text: Str<'_>) -> Option<Self> {
        if text.is_escaped() || text.raw().len() > MAX_CHARS {
            return None;
        }
        let mut spelt = Self { bytes: [0; MAX_CHARS], len: 0 };
        let mut gap = false;
        for &byte in text.raw() {
            if !byte.is_ascii_alphanumeric() {
                if !byte.is_ascii() {
                    return None;
                }
                gap = spelt.len > 0;
                continue;
            }
            if core::mem::take(&mut gap) {
                spelt.push(b' ')?;
            }
            spelt.push(byte.to_ascii_lowercase())?;
        }
        Some(spelt)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    fn words(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// The value abbreviates the member, or is another form of the same word.
    fn extends(&self, member: &Self) -> bool {
        const ENDINGS: [&[u8]; 6] = [b"d", b"ed", b"ending", b"es", b"ing", b"s"];
        let (text, part) = (self.words(), member.words());
        (text.len() >= 3 && part.starts_with(text)
            || part.len() >= 3 && text.strip_prefix(part).is_some_and(|end| ENDINGS.contains(&end)))
            && !member.denies()
    }

    /// The words of the member stand in the value, one after the other.
    fn contains(&self, member: &Self) -> bool {
        let (text, part) = (self.words(), member.words());
        part.len() >= 3
            && text.windows(part.len()).enumerate().any(|(at, window)| {
                let ends = |byte: Option<&u8>| byte.is_none_or(|&byte| byte == b' ');
                window == part
                    && ends(at.checked_sub(1).and_then(|at| text.get(at)))
                    && ends(text.get(at + part.len()))
            })
    }

    /// Whether a word turns the meaning of others round or leaves it open.
    fn denies(&self) -> bool {
        const DENIALS: [&[u8]; 12] = [
            b"no", b"not", b"non", b"never", b"without", b"except", b"or", b"and", b"but", b"un",
            b"anti", b"less",
        ];
        self.words().split(|&byte| byte == b' ').any(|word| DENIALS.contains(&word))
    }
}

/// The optimal string alignment distance of `a` and `b`; `None` when it is above `max`, or when one
/// of them has more than 64 characters and they differ.
pub fn distance(a: &[char], b: &[char], max: u32) -> Option<u32> {
    let (a, b) = without_common_ends(a, b);
    if a.is_empty() && b.is_empty() {
        return Some(0);
    }
    let max = max.min(MAX_CHARS as u32) as usize;
    if a.len() > MAX_CHARS || b.len() > MAX_CHARS || a.len().abs_diff(b.len()) > max {
        return None;
    }
    // Row i holds the distances of the first i characters of `a` to every prefix of `b`. Cells off
    // the diagonal by more than `max` are beyond it and hold `far`.
    let far = (MAX_CHARS * 2) as u8;
    let mut before = [far; MAX_CHARS + 1];
    let mut above = [far; MAX_CHARS + 1];
    for (j, cell) in above.iter_mut().enumerate().take(max + 1) {
        *cell = j as u8;
    }
    let mut swapped = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = [far; MAX_CHARS + 1];
        let mut least = far;
        if i < max {
            row[0] = i as u8 + 1;
            least = row[0];
        }
        let first = i.saturating_sub(max);
        let mut previous = first.checked_sub(1).and_then(|j| b.get(j)).copied();
        for (j, &y) in b.iter().enumerate().take(i + max + 1).skip(first) {
            let at = |row: &[u8; MAX_CHARS + 1], j: usize| row.get(j).copied().unwrap_or(far);
            let replaced = at(&above, j) + u8::from(x != y);
            let mut cell = replaced.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            if swapped == Some(y) && previous == Some(x) {
                cell = cell.min(j.checked_sub(1).map_or(far, |j| at(&before, j)) + 1);
            }
            if let Some(slot) = row.get_mut(j + 1) {
                *slot = cell;
            }
            least = least.min(cell);
            previous = Some(y);
        }
        // A swap reaches back two rows: both must be beyond the bound before nothing can come back.
        if usize::from(least) > max && above.iter().all(|&cell| usize::from(cell) > max) {
            return None;
        }
        swapped = Some(x);
        before = above;
        above = row;
    }
    let distance = u32::from(above.get(b.len()).copied()?);
    (distance as usize <= max).then_some(distance)
}

/// What is left of `a` and `b` without the characters that both begin and that both end with.
fn without_common_ends<'t>(a: &'t [char], b: &'t [char]) -> (&'t [char], &'t [char]) {
    let same = |(x, y): &(&char, &char)| x == y;
    let head = a.iter().zip(b).take_while(same).count();
    let (a, b) = (a.get(head..).unwrap_or(&[]), b.get(head..).unwrap_or(&[]));
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    (a.get(..a.len() - tail).unwrap_or(&[]), b.get(..b.len() - tail).unwrap_or(&[]))
}

/// The characters of a folded text, when they are not too many.
struct Word {
    chars: [char; MAX_CHARS],
    len: usize,
    /// Which characters occur, by their lowest six bits.
    letters: u64,
}

impl Word {
    const EMPTY: Self = Self { chars: ['\0'; MAX_CHARS], len: 0, letters: 0 };

    /// Reads `text` through `fold`; false when it is too long.
    fn read(&mut self, text: Str<'_>, fold: impl Fn(char) -> Option<char>) -> bool {
        (self.len, self.letters) = (0, 0);
        if !text.is_escaped() && text.raw().is_ascii() {
            text.raw().iter().filter_map(|&byte| fold(char::from(byte))).all(|c| self.push(c))
        } else {
            text.chars().filter_map(fold).all(|c| self.push(c))
        }
    }

    fn push(&mut self, c: char) -> bool {
        let Some(slot) = self.chars.get_mut(self.len) else { return false };
        *slot = c;
        self.len += 1;
        self.letters |= letter(c);
        true
    }

    fn folded(&self) -> Letters<'_> {
        Letters { chars: self.chars.get(..self.len).unwrap_or(&[]), letters: self.letters }
    }
}

const fn letter(c: char) -> u64 {
    1 << (c as u32 & 63)
}

/// One character for one, so that lengths stay: the few that lower to several keep the first.
fn lower(c: char) -> char {
    if c.is_ascii() { c.to_ascii_lowercase() } else { c.to_lowercase().next().unwrap_or(c) }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::shared;

    /// The whole table, straight from the definition.
    fn oracle(a: &[char], b: &[char]) -> u32 {
        let mut table = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = match (i, j) {
                    (0, _) => j as u32,
                    (_, 0) => i as u32,
                    _ => {
                        let replaced = table[i - 1][j - 1] + u32::from(a[i - 1] != b[j - 1]);
                        let mut cell = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                        if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                            cell = cell.min(table[i - 2][j - 2] + 1);
                        }
                        cell
                    }
                };
            }
        }
        table[a.len()][b.len()]
    }

    fn miss(ghost: &str, declared: &str) -> Option<u32> {
        let mut folds = Folds::default();
        folds.push_name(declared);
        Undeclared::new(ghost.into()).near_miss(declared, &folds, 0)
    }

    #[test]
    fn names_that_were_meant() {
        assert_eq!(miss("perPage", "per_page"), Some(0));
        assert_eq!(miss("File-Path", "filepath"), Some(0));
        assert_eq!(miss("apge", "page"), Some(1));
        assert_eq!(miss("connfidence", "confidence"), Some(1));
        assert_eq!(miss("locaton", "location"), Some(1));
        assert_eq!(miss("lcoatoin", "location"), Some(2));
        assert_eq!(miss("strat-dates", "startDate"), Some(2));
    }

    #[test]
    fn names_that_were_not() {
        assert_eq!(miss("id", "in"), None, "names of two letters are all near");
        assert_eq!(miss("page", "path"), None);
        assert_eq!(miss("force", "recursive"), None);
        assert_eq!(miss("confirm", "confidence"), None);
        assert_eq!(miss("", "x"), None);
        let long = "n".repeat(65);
        assert_eq!(miss(&long, &long.to_uppercase()), Some(0));
        assert_eq!(miss(&long, &long[1..]), None);
    }

    fn meant<'a>(value: &str, members: &[&'a str]) -> Option<&'a str> {
        nearest(value.into(), members.iter().map(|&m| Str::from(m))).map(|i| members[i])
    }

    #[test]
    fn members_that_were_meant() {
        assert_eq!(meant("deesc", &["asc", "desc"]), Some("desc"));
        assert_eq!(meant(" Area", &["Area", "Elevation"]), Some("Area"));
        assert_eq!(meant("Celcius", &["celsius", "fahrenheit"]), Some("celsius"));
        assert_eq!(meant("in progress", &["open", "in_progress", "closed"]), Some("in_progress"));
        assert_eq!(meant("cat", &["bat", "rat"]), None, "two are nearest");
        assert_eq!(meant("cat", &["bat", "cat "]), Some("cat "));
        assert_eq!(meant("x", &["y"]), None, "nothing is left of it");
        assert_eq!(meant("purple", &["red", "green"]), None);
        assert_eq!(meant("", &["", "a"]), Some(""));
        let many: Vec<&str> = core::iter::repeat_n("other", 2000).chain(["this"]).collect();
        assert_eq!(meant("this", &many), None, "huge enums are not searched");
    }

    /// Every value under `key` in `json`, however deep.
    fn under<'a>(key: &str, json: &'a Value, found: &mut Vec<&'a Value>) {
        match json {
            Value::Object(members) => {
                found.extend(members.get(key));
                members.values().for_each(|value| under(key, value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| under(key, value, found)),
            _ => {}
        }
    }

    /// Where the data names what was meant, so do we: the ghost among the names of the object schema
    /// that declares the right one, the value among the enum that holds the right one.
    #[test]
    fn agrees_with_the_recorded_calls() {
        let Some(tools) = shared::lines("validation/dev_tools.jsonl") else {
            return;
        };
        let Some(calls) = shared::lines("validation/dev_calls.jsonl") else {
            return;
        };
        let mut reached = [0; 2];
        let mut all = [0; 2];
        for call in calls.iter() {
            let Some(suggestions) = call["expect"]["suggest"].as_array() else {
                continue;
            };
            let tool = tools.iter().find(|tool| tool["tool"] == call["tool"]).unwrap();
            let text = call["arguments_text"].as_str().unwrap();
            let arguments: Value = serde_json::from_str(text).unwrap();
            for suggestion in suggestions {
                let path = suggestion["path"].as_str().unwrap();
                let want = suggestion["to"].as_str().unwrap();
                let misspelt = call["class"] == "misspelt_name";
                let (parent, last) = path.rsplit_once('/').unwrap();
                let mut found = Vec::new();
                let got = if misspelt {
                    let ghost = last.replace("~1", "/").replace("~0", "~");
                    under("properties", &tool["input_schema"], &mut found);
                    let names =
                        found.iter().find_map(|p| p.as_object()?.get(want).and(p.as_object()));
                    let present = arguments.pointer(parent).unwrap();
                    let absent = names.unwrap().keys().filter(|name| present.get(name).is_none());
                    let mut ranked: Vec<(u32, &String)> =
                        absent.filter_map(|name| Some((miss(&ghost, name)?, name))).collect();
                    ranked.sort();
                    match *ranked {
                        [(first, _), (second, _), ..] if first == second => None,
                        [(_, name), ..] => Some(name.as_str()),
                        [] => None,
                    }
                } else {
                    let value = arguments.pointer(path).unwrap().as_str().unwrap();
                    under("enum", &tool["input_schema"], &mut found);
                    let members = found.iter().filter_map(|list| list.as_array());
                    let members =
                        members.map(|list| list.iter().filter_map(Value::as_str).collect());
                    let members: Vec<Vec<&str>> = members.collect();
                    let members = members.iter().find(|list| list.contains(&want)).unwrap();
                    meant(value, members)
                };
                all[usize::from(misspelt)] += 1;
                reached[usize::from(misspelt)] += usize::from(got == Some(want));
            }
        }
        std::println!("suggested: {reached:?} of {all:?} (enum members, names)");
        assert!(all[0] > 0 && all[1] > 0);
        assert_eq!(reached, all);
    }

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("dney", "deny", 1),
        ] {
            let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
            assert_eq!(distance(&a, &b, 8), Some(expected), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn the_band_loses_nothing(a in "[abc]{0,12}", b in "[abc]{0,12}", max in 0_u32..14) {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let whole = oracle(&a, &b);
            prop_assert_eq!(distance(&a, &b, max), (whole <= max).then_some(whole));
        }

        #[test]
        fn long_words_too(a in "[ab]{50,64}", edits in prop::collection::vec((0_usize..64, "[abc]"), 0..6), max in 0_u32..22) {
            let a: Vec<char> = a.chars().collect();
            let mut b = a.clone();
            for (at, c) in edits {
                let at = at % b.len();
                let c = c.chars().next().unwrap();
                if c == 'c' && at > 0 { b.swap(at, at - 1) } else { b[at] = c }
            }
            let whole = oracle(&a, &b);
            prop_assert_eq!(distance(&a, &b, max), (whole <= max).then_some(whole));
        }

        #[test]
        fn any_text_is_safe(a in any::<String>(), b in any::<String>()) {
            prop_assert_eq!(miss(&a, &b), miss(&b, &a));
            let _ = nearest(a.as_str().into(), [b.as_str(), &a].map(Str::from));
        }
    }
}
