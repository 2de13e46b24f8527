//! Programs that run other programs, and how to find which.
//!
//! Facts: the manuals of GNU coreutils, findutils, sudo, busybox, the POSIX shell and bash. An option
//! that is not known may take the next word as its value, so it makes the whole command unclear.
//! Worst case: linear in the words of a command.

use super::shell::{Command, Unclear};

/// What a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// Itself only.
    None,
    /// The command that begins at word `at`; with words from elsewhere when `more`.
    Command { at: usize, more: bool },
    /// The line that word `at` is.
    Line { at: usize },
}

/// A program that runs the command after its options.
struct Wrapper {
    name: &'static str,
    /// Options without a value. One letter options may stand together.
    flags: &'static str,
    /// Options with a value.
    values: &'static str,
    /// Words between the options and the command.
    skip: usize,
    /// Takes assignments before the command.
    assigns: bool,
    /// Gives the command more words.
    more: bool,
}

const PLAIN: Wrapper =
    Wrapper { name: "", flags: "", values: "", skip: 0, assigns: false, more: false };

const WRAPPERS: [Wrapper; 20] = [
    Wrapper { name: "builtin", ..PLAIN },
    Wrapper { name: "busybox", ..PLAIN },
    Wrapper { name: "chroot", values: "--userspec --groups", skip: 1, ..PLAIN },
    Wrapper { name: "command", flags: "-p -v -V", ..PLAIN },
    Wrapper { name: "doas", flags: "-n -L", values: "-u -C", ..PLAIN },
    Wrapper {
        name: "env",
        flags: "- -i -0 -v --ignore-environment --null --debug",
        values: "-u -C --unset --chdir",
        assigns: true,
        ..PLAIN
    },
    Wrapper { name: "exec", flags: "-c -l", values: "-a", ..PLAIN },
    Wrapper { name: "fakeroot", ..PLAIN },
    Wrapper { name: "ionice", flags: "-t", values: "-c -n --class --classdata", ..PLAIN },
    Wrapper { name: "nice", values: "-n --adjustment", ..PLAIN },
    Wrapper { name: "nohup", ..PLAIN },
    Wrapper { name: "setsid", flags: "-c -f -w --ctty --fork --wait", ..PLAIN },
    Wrapper { name: "stdbuf", values: "-i -o -e --input --output --error", ..PLAIN },
    Wrapper {
        name: "sudo",
        flags: "-A -b -B -E -H -k -K -n -N -P -S --askpass --background --bell --preserve-env \
                --set-home --non-interactive --preserve-groups --stdin --reset-timestamp",
        values: "-C -D -g -h -p -R -r -T -t -u -U --close-from --chdir --group --host --prompt \
                 --chroot --role --command-timeout --type --user --other-user",
        assigns: true,
        ..PLAIN
    },
    Wrapper { name: "time", flags: "-p -v -a", values: "-f -o", ..PLAIN },
    Wrapper {
        name: "timeout",
        flags: "-v --foreground --preserve-status --verbose",
        values: "-k -s --kill-after --signal",
        skip: 1,
        ..PLAIN
    },
    Wrapper { name: "torsocks", ..PLAIN },
    Wrapper { name: "toybox", ..PLAIN },
    Wrapper { name: "unbuffer", flags: "-p", ..PLAIN },
    Wrapper {
        name: "xargs",
        flags: "-0 -o -p -r -t -x --null --no-run-if-empty --interactive --verbose --exit \
                --open-tty",
        values: "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs \
                 --max-lines --max-chars --replace",
        more: true,
        ..PLAIN
    },
];

const SHELLS: [&str; 10] =
    ["ash", "bash", "dash", "fish", "ksh", "mksh", "rbash", "sh", "yash", "zsh"];

/// Programs whose words hold code, by the options that say so.
const INTERPRETERS: [(&str, &str); 12] = [
    ("bun", "-e --eval -p --print"),
    ("deno", "eval repl"),
    ("lua", "-e"),
    ("luajit", "-e"),
    ("node", "-e --eval -p --print -pe"),
    ("nodejs", "-e --eval -p --print -pe"),
    ("osascript", "-e"),
    ("perl", "-e -E"),
    ("php", "-r -B -R -E"),
    ("pypy", "-c"),
    ("python", "-c"),
    ("ruby", "-e"),
];

/// Programs that run commands in ways that are not read here.
const OPAQUE: [&str; 20] = [
    ".",
    "cmd",
    "eval",
    "expect",
    "gdb",
    "nsenter",
    "parallel",
    "powershell",
    "pwsh",
    "rsh",
    "script",
    "setpriv",
    "source",
    "ssh",
    "strace",
    "su",
    "trap",
    "unshare",
    "watch",
    "wsl",
];

/// Words that begin a compound command.
pub(super) fn is_reserved(word: &[u8]) -> bool {
    const WORDS: [&str; 21] = [
        "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for",
        "in", "select", "function", "coproc", "[[", "{", "}", "alias", "declare",
    ];
    WORDS.iter().any(|reserved| reserved.as_bytes() == word)
}

/// The name of the variable that a word like `A=b` sets.
pub(super) fn assigned(word: &[u8]) -> Option<&[u8]> {
    let at = word.iter().position(|&byte| byte == b'=')?;
    let name = word.get(..at)?;
    let name = name.strip_suffix(b"+").unwrap_or(name);
    let starts = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (starts && plain).then_some(name)
}

/// Whether a variable leaves alone what commands mean and which code they load.
pub(super) fn is_harmless_variable(name: &[u8]) -> bool {
    const NAMES: [&str; 24] = [
        "BASH_ENV",
        "CDPATH",
        "EDITOR",
        "ENV",
        "GCONV_PATH",
        "GIT_ASKPASS",
        "GIT_EDITOR",
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "IFS",
        "JAVA_TOOL_OPTIONS",
        "LESSOPEN",
        "MANPAGER",
        "NODE_OPTIONS",
        "PAGER",
        "PATH",
        "PERL5OPT",
        "PROMPT_COMMAND",
        "PYTHONSTARTUP",
        "RUBYOPT",
        "SHELLOPTS",
        "VISUAL",
    ];
    const BEGINNINGS: [&str; 5] = ["LD_", "DYLD_", "PYTHON", "PERL5", "BASH_FUNC_"];
    !NAMES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
        && !BEGINNINGS.iter().any(|begin| {
            name.get(..begin.len()).is_some_and(|head| head.eq_ignore_ascii_case(begin.as_bytes()))
        })
}

/// The name of a program without its folder and `.exe`.
pub(super) fn base_name(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    match name.len().checked_sub(4).and_then(|at| name.split_at_checked(at)) {
        Some((head, tail)) if !head.is_empty() && tail.eq_ignore_ascii_case(".exe") => head,
        _ => name,
    }
}

/// Finds what `command` runs.
///
/// # Errors
/// [`Unclear`] when it may run anything.
pub(super) fn inner(command: Command<'_>) -> Result<Inner, Unclear> {
    let (program, _) = command.word(0).ok_or(Unclear)?;
    let program = base_name(program);
    let is = |name: &str| program.eq_ignore_ascii_case(name);
    if OPAQUE.iter().copied().any(is) {
        return Err(Unclear);
    }
    if SHELLS.iter().copied().any(is) {
        return shell(command);
    }
    if is("find") {
        return find(command);
    }
    if is("awk") || is("gawk") || is("mawk") || is("nawk") {
        return awk(command);
    }
    // `python3.12` is `python`.
    let stem = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let found = INTERPRETERS.iter().find(|(name, _)| stem.eq_ignore_ascii_case(name));
    if let Some((_, code)) = found {
        return interpreter(command, code);
    }
    match WRAPPERS.iter().find(|wrapper| is(wrapper.name)) {
        Some(wrapper) => wrapper.inner(command),
        None => Ok(Inner::None),
    }
}

impl Wrapper {
    fn inner(&self, command: Command<'_>) -> Result<Inner, Unclear> {
        let mut at = 1_usize;
        let mut skip = self.skip;
        let mut options = true;
        while let Some((word, known)) = command.word(at) {
            let here = at;
            at = at.saturating_add(1);
            if !known {
                return Err(Unclear);
            }
            if options && word == "--" {
                options = false;
                continue;
            }
            if options && word.starts_with('-') {
                if self.takes_value(word)? {
                    let (_, true) = command.word(at).ok_or(Unclear)? else { return Err(Unclear) };
                    at = at.saturating_add(1);
                }
                continue;
            }
            if self.assigns && word.contains('=') {
                let name = assigned(word.as_bytes()).ok_or(Unclear)?;
                if !is_harmless_variable(name) {
                    return Err(Unclear);
                }
                continue;
            }
            options = false;
            if skip == 0 {
                return Ok(Inner::Command { at: here, more: self.more });
            }
            skip = skip.saturating_sub(1);
        }
        Ok(Inner::None)
    }

    /// Whether the value of the option `word` is the next word.
    fn takes_value(&self, word: &str) -> Result<bool, Unclear> {
        let among = |list: &str, option: &str| list.split_ascii_whitespace().any(|o| o == option);
        if among(self.flags, word) {
            return Ok(false);
        }
        if among(self.values, word) {
            return Ok(true);
        }
        if let Some((name, _)) = word.split_once('=')
            && name.starts_with("--")
        {
            let known = among(self.values, name) || among(self.flags, name);
            return if known { Ok(false) } else { Err(Unclear) };
        }
        let letters =
            word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).ok_or(Unclear)?;
        // The old spelling of a number: `nice -10`.
        if self.name == "nice" && letters.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(false);
        }
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let mut option = [0; 5];
            let option = dashed(letter, &mut option);
            if among(self.values, option) {
                return Ok(rest.as_str().is_empty());
            }
            if !among(self.flags, option) {
                return Err(Unclear);
            }
        }
        Ok(false)
    }
}

fn dashed(letter: char, out: &mut [u8; 5]) -> &str {
    let mut utf8 = [0; 4];
    let text = letter.encode_utf8(&mut utf8);
    let len = text.len().saturating_add(1);
    if let Some(first) = out.first_mut() {
        *first = b'-';
    }
    if let Some(slot) = out.get_mut(1..len) {
        slot.copy_from_slice(text.as_bytes());
    }
    out.get(..len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or("")
}

fn shell(command: Command<'_>) -> Result<Inner, Unclear> {
    let mut at = 1_usize;
    let mut code = false;
    while let Some((word, known)) = command.word(at) {
        if !known {
            return Err(Unclear);
        }
        if word == "--" {
            at = at.saturating_add(1);
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            if !matches!(long, "login" | "norc" | "noprofile" | "posix" | "restricted" | "verbose")
            {
                return Err(Unclear);
            }
        } else if let Some(letters) = word.strip_prefix(['-', '+']).filter(|rest| !rest.is_empty())
        {
            if letters.contains('s') {
                return Err(Unclear);
            }
            code |= letters.contains('c');
            if letters.ends_with(['o', 'O']) {
                at = at.saturating_add(1);
            }
        } else {
            break;
        }
        at = at.saturating_add(1);
    }
    match command.word(at) {
        Some((_, true)) if code => Ok(Inner::Line { at }),
        // A script is a program like any other, but for one that comes through a pipe.
        Some((file, true)) if !reads_input(file) && !command.more => Ok(Inner::None),
        _ => Err(Unclear),
    }
}

fn reads_input(file: &str) -> bool {
    matches!(file, "-" | "") || file.contains("/fd/") || file.ends_with("/stdin")
}

fn interpreter(command: Command<'_>, code: &str) -> Result<Inner, Unclear> {
    let mut reads = true;
    for at in 1..command.len() {
        let (word, known) = command.word(at).ok_or(Unclear)?;
        let exactly = code.split_ascii_whitespace().any(|option| option == word);
        // Letters may stand together, and the code may follow at once.
        let letters = code.split_ascii_whitespace().filter_map(|option| option.strip_prefix('-'));
        let mut letters = letters.filter(|letters| letters.len() == 1);
        let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        if !known && command.literal(at).is_empty() && reads {
            return Err(Unclear);
        }
        let clustered = short.is_some_and(|short| letters.any(|letter| short.contains(letter)));
        if reads && (exactly || clustered) {
            return Err(Unclear);
        }
        if !word.starts_with('-') && !reads_input(word) {
            // What follows a script belongs to the script.
            reads = false;
        }
    }
    // Without a script it reads its input; `--version` and the like read nothing.
    let asks = (1..command.len()).any(|at| command.literal(at).len() > 1);
    if reads && !asks { Err(Unclear) } else { Ok(Inner::None) }
}

fn find(command: Command<'_>) -> Result<Inner, Unclear> {
    for at in 1..command.len() {
        let (word, known) = command.word(at).ok_or(Unclear)?;
        if !known && command.literal(at).is_empty() {
            return Err(Unclear);
        }
        if matches!(word, "-exec" | "-execdir" | "-ok" | "-okdir") {
            return Ok(Inner::Command { at: at.saturating_add(1), more: true });
        }
    }
    Ok(Inner::None)
}

fn awk(command: Command<'_>) -> Result<Inner, Unclear> {
    for at in 1..command.len() {
        let (word, known) = command.word(at).ok_or(Unclear)?;
        if !known || word.contains("system") || word.contains('|') || word.contains("getline") {
            return Err(Unclear);
        }
    }
    Ok(Inner::None)
}
