//! What was probably meant: misspelt names and enum members.
//!
//! Names are folded (case, `_` and `-` dropped) and compared by optimal string alignment: the least
//! number of characters to insert, delete, replace or swap with their neighbour. Only distances up
//! to a small bound matter, so only a band of the table is computed, in fixed arrays.
//!
//! Worst case: a step a character for names that have little in common, else 64 rows of at most 43 cells
//! a pair. Longer names are compared for equality only.

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
    /// Memory for the other name.
    other: Word,
}

impl<'t> Undeclared<'t> {
    /// Prepares `name`.
    pub fn new(name: Str<'t>) -> Self {
        let mut word = Word::EMPTY;
        let whole = word.read(name, fold, |_| true);
        let bytes = if name.is_escaped() { name.bytes().take(6).count() } else { name.raw().len() };
        Self { word: whole.then_some(word), bytes, name, other: Word::EMPTY }
    }

    /// How near the name is to `declared`: 0 when they are equal once folded, else their distance;
    /// `None` when it is no near miss.
    ///
    /// Near is a distance of 1 when the shorter name has 3 to 5 bytes, of 2 when it has more.
    pub fn near_miss(&mut self, declared: &str) -> Option<u32> {
        let Some(word) = &self.word else {
            let folded = self.name.chars().filter_map(fold);
            return folded.eq(declared.chars().filter_map(fold)).then_some(0);
        };
        let max = match self.bytes.min(declared.len()) {
            0..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        // Folding drops characters, so that only a name that is too short can be told by its length.
        if declared.len() + max < word.len {
            return None;
        }
        if !self.other.read(declared.into(), fold, word.admits(max)) {
            return None;
        }
        word.distance(&self.other, max as u32)
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
pub struct Folded<const N: usize> {
    bytes: [u8; N],
    len: Option<usize>,
}

impl<const N: usize> Folded<N> {
    /// Folds `text`.
    pub fn new(text: Str<'_>) -> Self {
        let mut bytes = [0; N];
        let mut len = 0;
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
    let mut word = Word::EMPTY;
    if !word.read(value, essence, |_| true) {
        return None;
    }
    let mut best = None;
    let mut least = u32::MAX;
    let mut other = Word::EMPTY;
    for (position, member) in members.into_iter().enumerate() {
        if position == MAX_MEMBERS {
            return None;
        }
        // No text has more characters than bytes.
        let most = (word.len.max(member.raw().len()) / 3).max(1).min(least as usize);
        if !other.read(member, essence, word.admits(most)) {
            continue;
        }
        let longer = word.len.max(other.len) as u32;
        let plausible = (longer / 3).max(1).min(longer.saturating_sub(1)).min(least);
        match word.distance(&other, plausible) {
            Some(distance) if distance < least => (least, best) = (distance, Some(position)),
            Some(_) => best = None,
            None => {}
        }
    }
    best
}

/// Whether `value` looks like `member` but says the opposite, like `inactive` and `not active` of `active`.
pub fn opposes(value: Str<'_>, member: Str<'_>) -> bool {
    const PREFIXES: [&str; 7] = ["anti", "de", "dis", "im", "in", "non", "un"];
    let denies = |text| Spelt::new(text).is_some_and(|spelt| spelt.denies());
    if denies(value) != denies(member) {
        return true;
    }
    let (value, member) = (Folded::<MAX_CHARS>::new(value), Folded::<MAX_CHARS>::new(member));
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
    let spelt = Spelt::new(value)?;
    [Spelt::equals, Spelt::extends, Spelt::contains].into_iter().find_map(|related| {
        let mut found = None;
        for (position, member) in members.clone().into_iter().enumerate() {
            if position == MAX_MEMBERS {
                return None;
            }
            let Some(member) = Spelt::new(member) else { continue };
            if related(&spelt, &member) && found.replace(position).is_some() {
                return None;
            }
        }
        found
    })
}

/// A short ASCII text in lower case, its words apart by one space each.
struct Spelt {
    bytes: [u8; MAX_CHARS],
    len: usize,
    /// Nothing but spaces and case was changed.
    whole: [u8; MAX_CHARS],
    whole_len: usize,
}

impl Spelt {
    fn new(text: Str<'_>) -> Option<Self> {
        let text = text.as_plain()?.trim();
        if !text.is_ascii() || text.len() > MAX_CHARS {
            return None;
        }
        let mut spelt = Self { bytes: [0; MAX_CHARS], len: 0, whole: [0; MAX_CHARS], whole_len: 0 };
        let mut gap = false;
        for (byte, slot) in text.bytes().zip(spelt.whole.iter_mut()) {
            *slot = byte.to_ascii_lowercase();
            spelt.whole_len += 1;
            if !byte.is_ascii_alphanumeric() {
                gap = spelt.len > 0;
                continue;
            }
            for byte in [b' ', *slot].into_iter().skip(usize::from(!gap)) {
                *spelt.bytes.get_mut(spelt.len)? = byte;
                spelt.len += 1;
            }
            gap = false;
        }
        Some(spelt)
    }

    fn words(&self) -> &str {
        core::str::from_utf8(self.bytes.get(..self.len).unwrap_or(&[])).unwrap_or("")
    }

    fn equals(&self, member: &Self) -> bool {
        self.whole.get(..self.whole_len) == member.whole.get(..member.whole_len)
    }

    /// The value abbreviates the member, or is another form of the same word.
    fn extends(&self, member: &Self) -> bool {
        const ENDINGS: [&str; 6] = ["d", "ed", "ending", "es", "ing", "s"];
        let (text, part) = (self.words(), member.words());
        if self.denies() || member.denies() {
            return false;
        }
        text.len() >= 3 && part.starts_with(text)
            || part.len() >= 3 && text.strip_prefix(part).is_some_and(|end| ENDINGS.contains(&end))
    }

    /// The words of the member stand in the value, one after the other.
    fn contains(&self, member: &Self) -> bool {
        let (text, part) = (self.words(), member.words());
        part.len() >= 3
            && !self.denies()
            && text.match_indices(part).any(|(at, _)| {
                let after = text.as_bytes().get(at + part.len());
                let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
                before.is_none_or(|&byte| byte == b' ') && after.is_none_or(|&byte| byte == b' ')
            })
    }

    /// Whether a word turns the meaning of others round or leaves it open.
    fn denies(&self) -> bool {
        const DENIALS: [&str; 12] = [
            "no", "not", "non", "never", "without", "except", "or", "and", "but", "un", "anti",
            "less",
        ];
        self.words().split(' ').any(|word| DENIALS.contains(&word))
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

    /// Reads `text` through `fold`; false when it is too long or holds what `admit` does not admit.
    fn read(
        &mut self,
        text: Str<'_>,
        fold: impl Fn(char) -> Option<char>,
        mut admit: impl FnMut(char) -> bool,
    ) -> bool {
        (self.len, self.letters) = (0, 0);
        let push = |c| admit(c) && self.push(c);
        if !text.is_escaped() && text.raw().is_ascii() {
            text.raw().iter().filter_map(|&byte| fold(char::from(byte))).all(push)
        } else {
            text.chars().filter_map(fold).all(push)
        }
    }

    fn push(&mut self, c: char) -> bool {
        let Some(slot) = self.chars.get_mut(self.len) else { return false };
        *slot = c;
        self.len += 1;
        self.letters |= letter(c);
        true
    }

    fn chars(&self) -> &[char] {
        self.chars.get(..self.len).unwrap_or(&[])
    }

    fn distance(&self, other: &Self, max: u32) -> Option<u32> {
        let admitted = self.chars().iter().copied().all(other.admits(max as usize));
        if admitted { distance(self.chars(), other.chars(), max) } else { None }
    }

    /// Admits the characters of a word that may be at a distance of `max`: each that does not occur
    /// here costs an insertion or a replacement of its own.
    fn admits(&self, mut max: usize) -> impl FnMut(char) -> bool {
        move |c| {
            if self.letters & letter(c) != 0 {
                return true;
            }
            let affordable = max > 0;
            max = max.saturating_sub(1);
            affordable
        }
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
        Undeclared::new(ghost.into()).near_miss(declared)
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
