//! Passwords among the arguments of programs: `mysql -p…`, `redis-cli -a …`, `… | sudo -S`.
//!
//! A flag of one letter is the anchor. A table says whose password it may be; then one of its programs must
//! stand before it in the same command. Worst case: what an argument cannot be is refused first, and the
//! command is read 192 bytes back.

use super::TypeId;
use super::assign::{NAME, word_end};
use super::bytes::{Set, before, byte, run, run_back, skip_blank, slice};
use super::key::Meaning;
use super::place::{Place, is_line_end, place};
use super::prose::is_telling;
use super::scan::Scan;
use super::value::{is_mask, is_mixed, is_placeholder};
use crate::buf::Full;

/// How far before a flag its program may stand.
const REACH: usize = 192;
/// How much of an argument is looked at.
const GLANCE: usize = 128;
/// What parts the words of a command, in a shell and in a list of JSON.
const APART: Set = Set::new(b" \t\n\"'`/\\()[],=");

const FREERDP: &[&str] = &["xfreerdp*", "wlfreerdp*", "sdl-freerdp*", "freerdp"];

/// Where a password stands beside its flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// `-pV`
    Attached,
    /// `-p V`
    Next,
    Either,
    /// `-U user%V`
    Percent,
    /// `-a user:V`
    Colon,
    /// `-b file user V`
    Last,
    /// `echo V | sudo -S`
    Piped,
}

use Argument::{Attached, Colon, Either, Last, Next, Percent, Piped};

/// Flags, the programs that have them (`*` is any end), and how the password stands.
const COMMANDS: &[(u8, &[&str], Argument)] = &[
    (b'p', &["mysql*", "mariadb*", "7z", "7za", "7zr", "7zz", "rar", "unrar"], Attached),
    (
        b'p',
        &[
            "login",
            "mongo*",
            "cqlsh",
            "rabbitmqadmin",
            "evil-winrm",
            "crackmapexec",
            "netexec",
            "nxc",
        ],
        Next,
    ),
    (b'p', &["sshpass", "rdesktop"], Either),
    (b'a', &["redis-cli", "valkey-cli"], Either),
    (b'a', &["http", "https", "xh"], Colon),
    (
        b'w',
        &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapdelete",
            "ldappasswd",
            "ldapwhoami",
            "ldapcompare",
        ],
        Either,
    ),
    (b's', &["ldappasswd"], Next),
    (b'P', &["sqlcmd", "bcp", "osql", "isql", "tsql", "mosquitto_pub", "mosquitto_sub"], Either),
    (b'P', &["unzip", "zip", "zipcloak", "ipmitool", "ssh-keygen"], Next),
    (b'N', &["ssh-keygen"], Next),
    (b'U', &["smbclient", "rpcclient", "smbget", "smbmap", "nmblookup", "net"], Percent),
    (b'b', &["htpasswd"], Last),
    (b'c', &["htpasswd"], Last),
    (b'n', &["htpasswd"], Last),
    (b'B', &["htpasswd"], Last),
    (b'S', &["sudo"], Piped),
];

impl Scan<'_, '_, '_> {
    /// Looks at the flag at `at`, of one hyphen.
    #[inline(never)]
    pub(super) fn option(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let (letter, cut) = (byte(text, at + 1), before(text, at));
        let end = run(slice(text, 0, at + 32), at + 1, NAME);
        let len = end - at - 1;
        if at < self.state.decided || !(cut.is_ascii_whitespace() || matches!(cut, b'"' | b'\'')) {
            return Ok(());
        }
        if len > 3 && super::key::may_have_meaning(text, end) {
            return self.flag(at);
        }
        if slice(text, at + 1, end) == b"AsPlainText" {
            return self.secure_string(at);
        }
        let rows = || COMMANDS.iter().filter(|(flag, ..)| *flag == letter);
        let Some(&(_, _, argument)) = rows().next() else { return Ok(()) };
        // What cannot be an argument is refused before the program is looked for.
        let next = if len == 1 { after_flag(text, end) } else { end };
        let nothing = matches!(byte(text, next), 0 | b'-' | b'\n' | b'\r' | b'$' | b'|');
        if argument != Piped && len == 1 && nothing {
            return Ok(());
        }
        let fits =
            |&&(_, programs, _): &&(u8, &[&str], Argument)| program_before(text, at, programs);
        let Some(&(_, _, argument)) = rows().find(fits) else { return Ok(()) };
        let password = match argument {
            Attached if len > 1 || at + 2 == next => at + 2,
            Attached => return Ok(()),
            Next if len > 1 => return Ok(()),
            Next | Percent | Colon if len == 1 => next,
            Either | Percent => {
                if len == 1 {
                    next
                } else {
                    at + 2
                }
            }
            Last | Piped | Next | Colon => 0,
        };
        match argument {
            Piped => self.piped(at),
            Last => self.last(at, end),
            Colon if len > 1 => Ok(()),
            Percent | Colon => {
                let sign = if argument == Colon { b':' } else { b'%' };
                let place = place(text, password, true);
                let stop = word_end(slice(text, 0, place.start + GLANCE), place.start);
                match memchr::memchr(sign, slice(text, place.start, stop)) {
                    Some(i) => self.argument(place.start + i + 1, stop),
                    None => Ok(()),
                }
            }
            _ => {
                let place = place(text, password, true);
                let value = slice(text, place.start, place.start + 6);
                let stop = value.iter().take_while(|b| b.is_ascii_digit()).count();
                // A port.
                if (2..=5).contains(&stop) && !NAME.has(byte(value, stop)) {
                    return Ok(());
                }
                self.value(Meaning::PASSWORD, b"", Place { tight: true, ..place })
            }
        }
    }

    /// Masks the argument at `place` of the flag `--value` at `at` if its command keeps a secret.
    #[inline(never)]
    pub(super) fn value_of_secret(&mut self, at: usize, place: Place) -> Result<(), Full> {
        let text = self.text;
        let head = slice(text, at.saturating_sub(REACH), at);
        let line = memchr::memrchr(b'\n', head).map_or(0, |i| i + 1);
        let head = slice(head, line, head.len());
        let value = slice(text, place.start, place.end(slice(text, 0, place.start + GLANCE)));
        let words = [&b"secret"[..], b"SecureString", b"password"];
        if is_telling(value, true) && words.iter().any(|word| super::bytes::contains(head, word)) {
            self.value(Meaning::PASSWORD, b"", Place { tight: true, ..place })
        } else {
            Ok(())
        }
    }

    /// Masks `start..end`, which ends at a blank, a quote or the end of what is looked at.
    fn argument(&mut self, start: usize, end: usize) -> Result<(), Full> {
        let value = slice(self.text, start, end);
        if value.len() < 4 || is_placeholder(value) {
            return Ok(());
        }
        self.state.decided = self.state.decided.max(end);
        self.push(TypeId::PASSWORD, start, end)
    }

    /// Masks the last argument of `htpasswd -b`, whose flags end at `end`.
    fn last(&mut self, at: usize, end: usize) -> Result<(), Full> {
        let text = self.text;
        let flags = slice(text, at + 1, end);
        if !flags.contains(&b'b') {
            return Ok(());
        }
        let mut start = skip_blank(text, end);
        for _ in 0..if flags.contains(&b'n') { 1 } else { 2 } {
            let stop = word_end(slice(text, 0, start + GLANCE), start);
            start = skip_blank(text, stop);
        }
        self.value(Meaning::PASSWORD, b"", Place { tight: true, ..place(text, start, true) })
    }

    /// Masks what is piped as a word into the command whose flag is at `at`: `echo V | sudo -S`.
    #[inline(never)]
    pub(super) fn piped(&mut self, at: usize) -> Result<(), Full> {
        const BLANK: Set = Set::new(b" \t");
        let text = self.text;
        let head = slice(text, 0, at);
        let near = slice(head, at.saturating_sub(REACH), at);
        let Some(pipe) = memchr::memrchr2(b'|', b'\n', near).map(|i| at - near.len() + i) else {
            return Ok(());
        };
        let end = run_back(text, pipe, BLANK, 8);
        let Some((words, start, end)) = last_word(text, end, [b' ', b'\n']) else { return Ok(()) };
        let echo = [
            &b"echo "[..],
            b"echo -n ",
            b"echo -e ",
            b"printf ",
            b"printf '%s' ",
            b"printf '%s\\n' ",
        ];
        if byte(text, pipe) != b'|' || !echo.iter().any(|echo| words.ends_with(echo)) {
            return Ok(());
        }
        let value = slice(text, start, end);
        if value.len() < 4 || value.contains(&b' ') || is_placeholder(value) || is_mask(value) {
            return Ok(());
        }
        self.push(TypeId::PASSWORD, start, end)
    }

    /// Masks the argument of `ConvertTo-SecureString` before the flag at `at`.
    fn secure_string(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let end = at.saturating_sub(1);
        let Some((words, start, end)) = last_word(text, end, [b' '; 2]) else { return Ok(()) };
        if !(words.ends_with(b"SecureString ") || words.ends_with(b"-String ")) {
            return Ok(());
        }
        self.argument(start, end)
    }
}

/// Passwords beside a colon that is no assignment.
impl Scan<'_, '_, '_> {
    /// Looks at the `:` at `at` behind a letter: `xfreerdp /p:V`, `WIFI:…;P:V;`,
    /// `jdbc:oracle:thin:u/V@…`.
    #[inline(never)]
    pub(super) fn colon(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        if at < self.state.decided {
            return Ok(());
        }
        let password = match slice(text, at.saturating_sub(4), at) {
            [.., b'/', b'p'] if program_before(text, at, FREERDP) => place(text, at + 1, true),
            [.., b';', b'P'] => {
                let head = slice(text, at.saturating_sub(REACH), at);
                let line = memchr::memrchr(b'\n', head).map_or(0, |i| i + 1);
                if !super::bytes::contains(slice(head, line, head.len()), b"WIFI:") {
                    return Ok(());
                }
                Place { quote: b';', ..place(text, at + 1, true) }
            }
            b"thin" => {
                let slash = run(slice(text, 0, at + GLANCE), at + 1, NAME);
                let near = slice(text, slash, slash + GLANCE);
                let stop = memchr::memchr2(b'@', b' ', near).filter(|&i| byte(near, i) == b'@');
                return match stop {
                    Some(i) if byte(text, slash) == b'/' => self.argument(slash + 1, slash + i),
                    _ => Ok(()),
                };
            }
            _ => return Ok(()),
        };
        self.value(Meaning::PASSWORD, b"", Place { tight: true, ..password })
    }

    /// Looks at the `:` at `port` behind a port: it may be in a line of PostgreSQL's password file,
    /// `host:port:database:user:V` (its manual, section 34.16).
    #[inline(never)]
    pub(super) fn pgpass(&mut self, port: usize) -> Result<(), Full> {
        const FIELD: Set = Set::new(b"0-9A-Za-z_.*-");
        let text = self.text;
        let at = run_back(text, port, Set::new(b"0-9"), 5).saturating_sub(1);
        let host = run_back(text, at, FIELD, 64);
        let near = slice(text, 0, port + GLANCE);
        let database = run(near, port + 1, FIELD);
        let user = run(near, database + 1, FIELD);
        let sure = slice(text, at + 1, port) == b"5432";
        let value = slice(text, user + 1, word_end(near, user + 1));
        let end = user + 1 + value.len();
        let line = matches!(before(text, host), 0 | b'\n') && host < at && end < port + GLANCE;
        let fields = [at, port, database, user].iter().all(|&i| byte(text, i) == b':');
        let telling = is_telling(value, true);
        if !line || !fields || !is_line_end(text, end) || !(sure && is_mixed(value) || telling) {
            return Ok(());
        }
        self.argument(user + 1, end)
    }

    /// Masks the password in the quotes at `at` if they are piped into `chpasswd`: `echo 'u:V' | chpasswd`.
    pub(super) fn chpasswd(&mut self, at: usize) -> Result<(), Full> {
        let text = self.text;
        let inner = slice(text, at + 1, at + GLANCE);
        let Some(close) = memchr::memchr(byte(text, at), inner) else { return Ok(()) };
        let pipe = skip_blank(text, at + close + 2);
        let tail = slice(text, pipe + 1, pipe + 24).trim_ascii_start();
        let tail = tail.strip_prefix(b"sudo ").unwrap_or(tail);
        match memchr::memchr(b':', slice(inner, 0, close)) {
            Some(i) if byte(text, pipe) == b'|' && tail.starts_with(b"chpasswd") => {
                self.argument(at + i + 2, at + close + 1)
            }
            _ => Ok(()),
        }
    }
}

/// Where the argument begins behind a flag that ends at `end`: behind blanks, or as the next of a list of JSON.
pub(super) fn after_flag(text: &[u8], end: usize) -> usize {
    const BETWEEN: Set = Set::new(b"\\\"', \t\n\r");
    if !matches!(byte(text, end), b'"' | b'\'' | b'\\') {
        return skip_blank(text, end);
    }
    let next = run(slice(text, 0, end + 24), end, BETWEEN);
    match memchr::memchr(b',', slice(text, end, next)) {
        // The value is in quotes as the flag was.
        Some(comma) => run(slice(text, 0, next), end + comma + 1, Set::new(b" \t\r\n")),
        None => end,
    }
}

/// Whether one of `programs` stands before the flag at `at` in its command.
fn program_before(text: &[u8], at: usize, programs: &[&str]) -> bool {
    let head = slice(text, at.saturating_sub(REACH), at);
    let mut end = head.len();
    // A backslash carries a command over the end of its line.
    let begin = loop {
        match memchr::memrchr3(b'\n', b'|', b';', slice(head, 0, end)) {
            Some(i) if byte(head, i) == b'\n' && before(head, i) == b'\\' => end = i,
            Some(i) => break i + 1,
            None => break 0,
        }
    };
    let words = slice(head, begin, head.len()).split(|&b| APART.has(b));
    words.filter(|word| word.len() > 1).any(|word| {
        let word = word.strip_suffix(b".exe").unwrap_or(word);
        programs.iter().any(|program| match program.strip_suffix('*') {
            Some(begin) => word.starts_with(begin.as_bytes()),
            None => word == program.as_bytes(),
        })
    })
}

/// The word that ends at `end`, quoted or behind one of `blanks`: where it begins and ends without its
/// quotes, and the words before it.
fn last_word(text: &[u8], end: usize, blanks: [u8; 2]) -> Option<(&[u8], usize, usize)> {
    let quote = before(text, end);
    let quoted = matches!(quote, b'"' | b'\'');
    let line = slice(text, end.saturating_sub(GLANCE), end);
    let open = if quoted {
        memchr::memrchr(quote, slice(line, 0, line.len() - 1))?
    } else {
        memchr::memrchr2(blanks[0], blanks[1], line)?
    };
    let (start, quote) = (end - line.len() + open + 1, usize::from(quoted));
    let words = slice(text, (start - quote).saturating_sub(24), start - quote);
    Some((words, start, end - quote))
}
