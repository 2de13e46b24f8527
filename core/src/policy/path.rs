//! Paths as text: what lies under a root, and what a glob covers.
//!
//! Nothing is looked up: symbolic links stay the server's job. A path may be read in several ways
//! (dots resolved or not, percent-encoding undone or not, a backslash as a separator). A condition
//! that lets a call pass must hold for every reading, and one that refuses needs only one. Worst
//! case: linear in the text, times at most [`ROUNDS`] readings and the length of the glob.

use super::text::{Pool, Text};
use super::truth::{Side, Truth};
use crate::buf::{Buf, Full};

/// Times that percent-encoding is undone before a text is given up.
const ROUNDS: usize = 3;

/// Memory for the readings of one path.
#[derive(Debug, Default)]
pub(super) struct Readings<'m> {
    /// The text as it stands, then decoded in place.
    raw: Buf<'m, u8>,
    normal: Buf<'m, u8>,
}

impl Readings<'_> {
    pub fn shrink_to(&mut self, bytes: usize) {
        for buf in [&mut self.raw, &mut self.normal] {
            buf.clear();
            buf.shrink_to(bytes);
        }
    }
}

/// What a reader that normalises would change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signs {
    /// Begins with a separator.
    absolute: bool,
    /// Has `.` or `..` segments, or a backslash.
    moves: bool,
    /// Has empty segments.
    doubled: bool,
    percent: bool,
    /// Holds what file systems and servers read differently: control characters and letters that
    /// look like separators or dots and become them under Unicode normalisation.
    strange: bool,
}

impl Signs {
    fn of(path: &[u8]) -> Self {
        let mut signs = Self { absolute: path.first() == Some(&b'/'), ..Self::default() };
        let mut segment = 0_usize;
        let mut dots = 0_usize;
        let mut any = false;
        for &byte in path {
            match byte {
                b'/' => {
                    signs.moves |= segment > 0 && segment <= 2 && dots == segment;
                    signs.doubled |= any && segment == 0;
                    (segment, dots) = (0, 0);
                }
                b'\\' => signs.moves = true,
                b'%' => signs.percent = true,
                0..=0x1f | 0x7f => signs.strange = true,
                // Signs that normalise to ASCII punctuation begin with these; told apart below.
                0xe2 | 0xef => signs.strange = true,
                _ => {}
            }
            if byte != b'/' {
                segment = segment.saturating_add(1);
                dots = dots.saturating_add(usize::from(byte == b'.'));
            }
            any = true;
        }
        signs.moves |= segment > 0 && segment <= 2 && dots == segment;
        if signs.strange {
            signs.strange =
                core::str::from_utf8(path).map_or(true, |text| text.chars().any(is_strange));
        }
        signs
    }

    /// Whether every reader sees the same path.
    const fn plain(self) -> bool {
        !(self.moves || self.doubled || self.percent || self.strange)
    }
}

/// Whether a path is absolute and has no sign that needs a second look: most have not, and this is
/// told faster than which signs there are.
fn is_simple(path: &[u8]) -> bool {
    let Some((b'/', rest)) = path.split_first() else { return false };
    let mut before = b'/';
    let mut odd = false;
    for &byte in rest {
        odd |= before == b'/' && matches!(byte, b'/' | b'.');
        odd |= matches!(byte, 0..=0x1f | b'%' | b'\\' | 0x7f..);
        before = byte;
    }
    !odd
}

const fn is_strange(c: char) -> bool {
    c.is_ascii_control()
        || matches!(
            c,
            '\u{2024}'..='\u{2026}' | '\u{2044}' | '\u{2215}' | '\u{29f5}' | '\u{29f8}' | '\u{fe52}'
                | '\u{fe68}' | '\u{ff0e}' | '\u{ff0f}' | '\u{ff3c}' | '\u{202a}'..='\u{202e}'
        )
}

/// Whether `path` is one of `roots` or lies below one.
pub(super) fn under(
    path: &str,
    roots: &[Text],
    side: Side,
    pool: &Pool,
    memory: &mut Readings<'_>,
) -> Truth {
    let below = |path: &[u8]| roots.iter().any(|root| covers(pool.get(*root), path, side));
    if is_simple(path.as_bytes()) {
        return below(path.as_bytes()).into();
    }
    readings(path, side, memory, |reading, signs| {
        if !signs.absolute || signs.strange || side == Side::Admit && signs.moves {
            // Relative to what, or whose notation, the guard cannot know.
            return if side == Side::Refuse && below(reading) {
                Truth::True
            } else {
                Truth::Unknown
            };
        }
        below(reading).into()
    })
}

/// Whether one of `globs` covers `text`, which may be a path or any other text.
pub(super) fn covered(
    text: &str,
    globs: &[Text],
    side: Side,
    pool: &Pool,
    memory: &mut Readings<'_>,
) -> Truth {
    let fits = |text: &[u8]| {
        let text = core::str::from_utf8(text).unwrap_or("");
        globs.iter().any(|glob| {
            let glob = pool.get(*glob);
            // A directory is what lies in it: `x/**` refuses `x` too.
            matches(glob, text.chars(), side)
                || side == Side::Refuse && matches(glob, text.chars().chain(['/']), side)
        })
    };
    let raw = fits(text.as_bytes());
    let signs = Signs::of(text.as_bytes());
    if signs.plain() || raw == (side == Side::Refuse) {
        return raw.into();
    }
    readings(text, side, memory, |reading, signs| match (fits(reading), side) {
        (found, Side::Refuse) if found || !signs.strange => found.into(),
        (found, Side::Admit) if !signs.strange => found.into(),
        _ => Truth::Unknown,
    })
}

/// Judges each reading of `path`; all must agree to admit, and one is enough to refuse.
fn readings(
    path: &str,
    side: Side,
    memory: &mut Readings<'_>,
    mut judge: impl FnMut(&[u8], Signs) -> Truth,
) -> Truth {
    let Readings { raw, normal } = memory;
    raw.clear();
    if raw.extend(path.as_bytes()).is_err() {
        return Truth::Unknown;
    }
    let mut all = side.start();
    for _ in 0..=ROUNDS {
        let signs = Signs::of(raw);
        if normalise(raw, normal).is_err() || core::str::from_utf8(raw).is_err() {
            return side.join(all, Truth::Unknown);
        }
        all = side.join(all, judge(normal, signs));
        if !decode(raw) {
            return all;
        }
    }
    side.join(all, Truth::Unknown)
}

/// Whether `path`, which is normal, is `root` or below it.
fn covers(root: &str, path: &[u8], side: Side) -> bool {
    let root = root.as_bytes();
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let Some((head, rest)) = path.split_at_checked(root.len()) else { return false };
    let same = match side {
        Side::Admit => head == root,
        Side::Refuse => head.eq_ignore_ascii_case(root),
    };
    same && matches!(rest.first(), None | Some(b'/'))
}

/// Writes `path` without empty and `.` segments, each `..` taking back the one before it.
fn normalise(path: &[u8], out: &mut Buf<'_, u8>) -> Result<(), Full> {
    out.clear();
    let separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let absolute = path.first().is_some_and(separator);
    for segment in path.split(separator) {
        match segment {
            b"" | b"." => {}
            b".." => {
                let kept = out.iter().rposition(|&byte| byte == b'/');
                let last = out.get(kept.map_or(0, |at| at.saturating_add(1))..).unwrap_or(&[]);
                if last != b".." && !last.is_empty() {
                    out.truncate(kept.unwrap_or(0));
                } else if !absolute {
                    push(out, absolute, segment)?;
                }
            }
            segment => push(out, absolute, segment)?,
        }
    }
    if absolute && out.is_empty() {
        out.push(b'/')?;
    }
    Ok(())
}

fn push(out: &mut Buf<'_, u8>, absolute: bool, segment: &[u8]) -> Result<(), Full> {
    if absolute || !out.is_empty() {
        out.push(b'/')?;
    }
    out.extend(segment)
}

/// Undoes percent-encoding once, in place; false when there was none.
fn decode(text: &mut Buf<'_, u8>) -> bool {
    let (mut from, mut to) = (0_usize, 0_usize);
    let mut changed = false;
    while let Some(&byte) = text.get(from) {
        let hex = |ahead| {
            let digit = text.get(from.saturating_add(ahead)).copied().map(char::from)?;
            digit.to_digit(16).map(|digit| digit as u8)
        };
        let (byte, used) = match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                changed = true;
                (high << 4 | low, 3)
            }
            _ => (byte, 1),
        };
        if let Some(slot) = text.get_mut(to) {
            *slot = byte;
        }
        to = to.saturating_add(1);
        from = from.saturating_add(used);
    }
    text.truncate(to);
    changed
}

/// Most bytes of a glob: its positions are bits.
pub(super) const MAX_GLOB: usize = 255;

/// Whether `glob` covers all of `text`: `*` and `?` stop at `/`, `**` does not, and `**/` is any
/// number of directories, also none.
///
/// All positions of the glob that the text may have reached are kept as bits, so nothing is tried
/// twice.
pub(super) fn matches(glob: &str, text: impl Iterator<Item = char>, side: Side) -> bool {
    let mut reached = Positions::default();
    reached.reach(glob, 0);
    for c in text {
        let mut next = Positions::default();
        reached.each(|at| step(glob, at, c, side, &mut next));
        if next == Positions::default() {
            return false;
        }
        reached = next;
    }
    reached.has(glob.len())
}

/// A set of byte positions of a glob, its end included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Positions([u64; 4]);

impl Positions {
    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn each(&self, mut visit: impl FnMut(usize)) {
        for (number, word) in self.0.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                visit(number.saturating_mul(64).saturating_add(word.trailing_zeros() as usize));
                word &= word.wrapping_sub(1);
            }
        }
    }

    /// Adds `at` and what is reached from there without a character.
    fn reach(&mut self, glob: &str, at: usize) {
        let mut at = at;
        while !self.has(at) {
            if let Some(word) = self.0.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
            at = match wildcard(glob, at) {
                Some(Wildcard::Directories) => at.saturating_add(3),
                Some(Wildcard::Anything) => at.saturating_add(2),
                Some(Wildcard::Run) => at.saturating_add(1),
                Some(Wildcard::Inside | Wildcard::One) | None => return,
            };
        }
    }
}

enum Wildcard {
    /// `**/` at the beginning of a segment.
    Directories,
    /// The second star of `**/`: a directory has begun.
    Inside,
    /// `**`
    Anything,
    /// `*`
    Run,
    /// `?`
    One,
}

fn wildcard(glob: &str, at: usize) -> Option<Wildcard> {
    let bytes = glob.as_bytes();
    let begins = |at: usize| {
        at.checked_sub(1).is_none_or(|before| bytes.get(before) == Some(&b'/'))
            && bytes.get(at..at.saturating_add(3)) == Some(b"**/")
    };
    match bytes.get(at)? {
        b'?' => Some(Wildcard::One),
        b'*' if begins(at) => Some(Wildcard::Directories),
        b'*' if at.checked_sub(1).is_some_and(begins) => Some(Wildcard::Inside),
        b'*' if bytes.get(at.saturating_add(1)) == Some(&b'*') => Some(Wildcard::Anything),
        b'*' => Some(Wildcard::Run),
        _ => None,
    }
}

fn step(glob: &str, at: usize, c: char, side: Side, next: &mut Positions) {
    match wildcard(glob, at) {
        Some(Wildcard::Directories) => {
            // The bit of the second star is no position to fall through from.
            let inside = at.saturating_add(1);
            if let Some(word) = next.0.get_mut(inside / 64) {
                *word |= 1 << (inside % 64);
            }
            if c == '/' {
                next.reach(glob, at.saturating_add(3));
            }
        }
        Some(Wildcard::Inside) => {
            if let Some(word) = next.0.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
            if c == '/' {
                next.reach(glob, at.saturating_add(2));
            }
        }
        Some(Wildcard::Anything) => next.reach(glob, at),
        Some(Wildcard::Run) if c != '/' => next.reach(glob, at),
        Some(Wildcard::One) if c != '/' => next.reach(glob, at.saturating_add(1)),
        Some(Wildcard::Run | Wildcard::One) => {}
        None => {
            let Some(wanted) = glob.get(at..).and_then(|rest| rest.chars().next()) else { return };
            let same = match side {
                Side::Admit => wanted == c,
                Side::Refuse => wanted.eq_ignore_ascii_case(&c),
            };
            if same {
                next.reach(glob, at.saturating_add(wanted.len_utf8()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn judge_under(path: &str, root: &str, side: Side) -> Truth {
        let mut pool = Pool::default();
        let roots = [pool.add(root)];
        under(path, &roots, side, &pool, &mut Readings::default())
    }

    fn judge_glob(text: &str, glob: &str, side: Side) -> Truth {
        let mut pool = Pool::default();
        let globs = [pool.add(glob)];
        covered(text, &globs, side, &pool, &mut Readings::default())
    }

    #[test]
    fn only_what_every_reading_puts_below_the_root_is_admitted() {
        for path in ["/w", "/w/", "/w/a", "/w/a/b.txt", "/w//a", "/w/...", "/w/.a", "/w/100%"] {
            assert_eq!(judge_under(path, "/w", Side::Admit), Truth::True, "{path}");
        }
        for path in [
            "",
            "/",
            "/w2",
            "/W/a",
            "/wa",
            "w/a",
            "~/w",
            "./w",
            "/w/../etc",
            "/w/a/..",
            "/w/./a",
            "/w/..",
            "/w/a/../..",
            r"\w\a",
            r"/w\..\etc",
            "/w/%2e%2e/etc",
            "/w/%2E./etc",
            "/w/..%2fetc",
            "/w/%252e%252e%252fetc",
            "/w/%25252525252e/x",
            "/w/%c0%ae%c0%ae/etc",
            "/w/\0",
            "/w/a\n",
            "/w/%00",
            "/w/\u{ff0e}\u{ff0e}\u{ff0f}etc",
            "/w/\u{2025}/etc",
            "file:///w/a",
            "C:\\w",
        ] {
            assert_ne!(judge_under(path, "/w", Side::Admit), Truth::True, "{path}");
        }
        assert_eq!(judge_under("/anything", "/", Side::Admit), Truth::True);
    }

    #[test]
    fn one_reading_below_the_root_is_enough_to_refuse() {
        for path in [
            "/etc",
            "/etc/passwd",
            "/ETC/passwd",
            "//etc//passwd",
            "/a/../etc/x",
            "/./etc",
            r"\etc\x",
            "/%65tc/passwd",
            "/a/%2e%2e/etc",
            "/a/%252e%252e/etc",
        ] {
            assert_eq!(judge_under(path, "/etc", Side::Refuse), Truth::True, "{path}");
        }
        for path in ["etc/passwd", "~/x", "../x", "/a\0", "/%00etc", "/\u{ff0f}etc", ""] {
            assert_eq!(judge_under(path, "/etc", Side::Refuse), Truth::Unknown, "{path}");
        }
        for path in ["/etcetera", "/a/etc", "/etc/../a", "/"] {
            assert_eq!(judge_under(path, "/etc", Side::Refuse), Truth::False, "{path}");
        }
    }

    #[test]
    fn globs_of_paths() {
        for (glob, text, expected) in [
            ("*.pem", "a.pem", true),
            ("*.pem", "d/a.pem", false),
            ("**/*.pem", "a.pem", true),
            ("**/*.pem", "/a.pem", true),
            ("**/*.pem", "x/y/a.pem", true),
            ("**/.env*", ".env.local", true),
            ("**/.env*", "/w/.env.local", true),
            ("**/.env*", "/w/x.env", false),
            ("**/.git/**", "/w/.git/config", true),
            ("**/.git/**", "/w/.git", false),
            ("**/.git/**", "/w/.gitignore", false),
            ("/w/**", "/w/a/b", true),
            ("/w/*", "/w/a/b", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a**c", "a/b/c", true),
            ("**", "", true),
            ("*@example.com", "bob@example.com", true),
            ("*@example.com", "x/y@example.com", false),
            ("x/**/y", "x/y", true),
            ("x/**/y", "x/a/b/y", true),
            ("x/**/y", "x/ay", false),
            ("x/**/y", "xy", false),
        ] {
            assert_eq!(matches(glob, text.chars(), Side::Admit), expected, "{glob} on {text}");
        }
    }

    #[test]
    fn a_glob_refuses_every_spelling() {
        for path in [
            "/w/.git/config",
            "/w/.git",
            "/w/.GIT/config",
            r"C:\w\.git\config",
            "/w/%2egit/config",
            "/w/./.git//config",
            "/w/.git/x/../config",
            ".git",
        ] {
            assert_eq!(judge_glob(path, "**/.git/**", Side::Refuse), Truth::True, "{path}");
        }
        assert_eq!(judge_glob("/w/\0", "**/.git/**", Side::Refuse), Truth::Unknown);
        assert_eq!(judge_glob("/w/git", "**/.git/**", Side::Refuse), Truth::False);
        assert_eq!(judge_glob("/w/../etc/x", "/w/**", Side::Admit), Truth::False);
        assert_eq!(judge_glob("/w/a", "/w/**", Side::Admit), Truth::True);
        assert_eq!(judge_glob("Bob", "bob", Side::Admit), Truth::False);
    }

    proptest! {
        #[test]
        fn what_is_simple_needs_no_second_look(path in "[/.a%\\\\\u{e9}\u{ff0f}\x01]{0,8}") {
            if is_simple(path.as_bytes()) {
                let signs = Signs::of(path.as_bytes());
                prop_assert!(signs.plain() && signs.absolute, "{}", path);
            }
        }
    }

    fn reference(glob: &[char], text: &[char], start: bool) -> bool {
        match glob {
            [] => text.is_empty(),
            ['*', '*', '/', rest @ ..] if start => {
                reference(rest, text, true)
                    || text
                        .iter()
                        .enumerate()
                        .any(|(at, c)| *c == '/' && reference(rest, &text[at + 1..], true))
            }
            ['*', '*', rest @ ..] => (0..=text.len()).any(|at| reference(rest, &text[at..], false)),
            ['*', rest @ ..] => {
                reference(rest, text, false)
                    || text.first().is_some_and(|c| *c != '/') && reference(glob, &text[1..], false)
            }
            ['?', rest @ ..] => {
                text.first().is_some_and(|c| *c != '/') && reference(rest, &text[1..], false)
            }
            [c, rest @ ..] => text.first() == Some(c) && reference(rest, &text[1..], *c == '/'),
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_the_definition(glob in "[ab/*?]{0,8}", text in "[ab/]{0,8}") {
            // Three stars in a row mean nothing in particular and are refused in policies.
            prop_assume!(!glob.contains("***"));
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                matches(&glob, text.chars(), Side::Admit),
                reference(&chars(&glob), &chars(&text), true)
            );
        }

        #[test]
        fn what_is_admitted_below_a_root_is_never_denied_outside(path in "(/|\\.|w|e|%2e|%2f|%25|\\\\|~){0,9}") {
            let mut memory = Readings::default();
            let mut pool = Pool::default();
            let root = [pool.add("/w")];
            if under(&path, &root, Side::Admit, &pool, &mut memory) == Truth::True {
                let mut plain: String = path.clone();
                for _ in 0..8 {
                    plain = plain.replace("%25", "%").replace("%2e", ".").replace("%2f", "/");
                }
                prop_assert!(!plain.split(['/', '\\']).any(|segment| segment == ".."), "{}", path);
                prop_assert_eq!(under(&path, &root, Side::Refuse, &pool, &mut memory), Truth::True);
            }
        }
    }
}
