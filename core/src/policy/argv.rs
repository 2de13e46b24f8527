//! Conditions on commands: which programs, with which flags, on what.
//!
//! A string is read as a shell reads it, a list of strings as a program gets it. To admit, the line
//! must be one simple command and every program, flag and operand in it must be listed; to refuse,
//! one command with a listed program and, where they are given, one of the flags and one of the
//! operands is enough. What cannot be read is unknown.

use alloc::vec::Vec;

use super::path;
use super::shell::{Command, Line, Shell};
use super::text::{Pool, Text};
use super::truth::{Side, Truth};
use super::wrappers::base_name;
use crate::glob::{self, Case};

/// A condition on commands.
#[derive(Clone, Debug, Default)]
pub(super) struct ArgvTest {
    pub programs: Vec<Text>,
    pub flags: Vec<Text>,
    /// Globs over the words that are no flags.
    pub operands: Vec<Text>,
    /// Admits lines of several commands, files to read and write, and expansions.
    pub compound: bool,
}

impl ArgvTest {
    /// Judges a line.
    pub fn judge_line<'r>(
        &self,
        line: &str,
        rest: impl Iterator<Item = &'r str>,
        side: Side,
        pool: &Pool,
        shell: &mut Shell<'_>,
    ) -> Truth {
        let mut truth = side.start();
        let read = shell.read(line, rest, &mut |command| {
            truth = side.join(truth, self.judge(command, side, pool));
        });
        self.settle(truth, read.ok(), side)
    }

    /// Judges words that no shell splits.
    pub fn judge_words<'r>(
        &self,
        words: impl Iterator<Item = &'r str>,
        side: Side,
        pool: &Pool,
        shell: &mut Shell<'_>,
    ) -> Truth {
        let mut truth = side.start();
        let read = shell.read_words(words, &mut |command| {
            truth = side.join(truth, self.judge(command, side, pool));
        });
        self.settle(truth, read.ok(), side)
    }

    fn settle(&self, truth: Truth, line: Option<Line>, side: Side) -> Truth {
        let clear = match (line, side) {
            (None, _) => false,
            (Some(line), Side::Admit) => {
                line.commands > 0 && (self.compound || line.commands == 1 && !line.special)
            }
            (Some(_), Side::Refuse) => true,
        };
        if clear { truth } else { side.join(truth, Truth::Unknown) }
    }

    fn judge(&self, command: Command<'_>, side: Side, pool: &Pool) -> Truth {
        let Some((program, _)) = command.word(0) else { return Truth::Unknown };
        let mut truth = Truth::from(self.programs.is_empty() || self.names(program, side, pool));
        if truth == Truth::False {
            return truth;
        }
        if !self.flags.is_empty() {
            truth = truth.min(self.flagged(command, side, pool));
        }
        if !self.operands.is_empty() {
            truth = truth.min(self.operates(command, side, pool));
        }
        truth
    }

    fn names(&self, program: &str, side: Side, pool: &Pool) -> bool {
        self.programs.iter().any(|pattern| {
            let pattern = pool.get(*pattern);
            match side {
                // A name is looked up where the system looks; a path is another program.
                Side::Admit => {
                    pattern.contains('/') == program.contains('/')
                        && glob::matches(pattern, program, Case::Exact)
                }
                Side::Refuse => glob::matches(base_name(pattern), base_name(program), Case::Fold),
            }
        })
    }

    fn flagged(&self, command: Command<'_>, side: Side, pool: &Pool) -> Truth {
        let mut truth = side.start();
        for at in 1..command.len() {
            let (word, known) = command.word(at).unwrap_or_default();
            if word == "--" && known {
                return truth;
            }
            let literal = command.literal(at);
            if !known && (literal.is_empty() || literal.starts_with('-')) {
                truth = side.join(truth, Truth::Unknown);
            }
            if literal.len() < 2 || !literal.starts_with('-') {
                continue;
            }
            let listed = |flag: &Text| is_flag(pool.get(*flag), literal, side);
            let found = match side {
                Side::Refuse => self.flags.iter().any(listed),
                Side::Admit => self.flags.iter().any(listed) || self.clustered(literal, pool),
            };
            truth = side.join(truth, found.into());
        }
        if command.more { side.join(truth, Truth::Unknown) } else { truth }
    }

    /// Whether every letter of `-abc` is listed.
    fn clustered(&self, word: &str, pool: &Pool) -> bool {
        let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
            return false;
        };
        letters.chars().all(|letter| {
            let single = |flag: &Text| {
                let mut rest = pool.get(*flag).chars().skip(1);
                rest.next() == Some(letter) && rest.next().is_none()
            };
            self.flags.iter().any(single)
        })
    }

    fn operates(&self, command: Command<'_>, side: Side, pool: &Pool) -> Truth {
        let mut truth = side.start();
        let mut options = true;
        for at in 1..command.len() {
            let (word, known) = command.word(at).unwrap_or_default();
            if options && word == "--" {
                options = false;
                continue;
            }
            if options && known && word.len() > 1 && word.starts_with('-') {
                continue;
            }
            let covers = |glob: &Text| {
                let glob = pool.get(*glob);
                path::matches(glob, word.chars(), side)
            };
            let found = self.operands.iter().any(covers);
            truth = side.join(truth, found.into());
            let clear = known || side == Side::Refuse && (found || command.is_path(at));
            if !clear {
                truth = side.join(truth, Truth::Unknown);
            }
        }
        if command.more { side.join(truth, Truth::Unknown) } else { truth }
    }
}

/// Whether `word` gives the flag `flag`.
fn is_flag(flag: &str, word: &str, side: Side) -> bool {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    if name == flag {
        return true;
    }
    if side == Side::Admit {
        return false;
    }
    match (flag.strip_prefix("--"), name.strip_prefix("--")) {
        // Programs take the beginning of a long flag for the whole.
        (Some(flag), Some(name)) => !name.is_empty() && flag.starts_with(name),
        (None, None) => {
            let mut letters = flag.chars().skip(1);
            match (letters.next(), letters.next()) {
                (Some(letter), None) => name.chars().skip(1).any(|c| c == letter),
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn test(pool: &mut Pool, programs: &[&str], flags: &[&str], operands: &[&str]) -> ArgvTest {
        let mut add = |list: &[&str]| list.iter().map(|text| pool.add(text)).collect();
        let (programs, flags) = (add(programs), add(flags));
        ArgvTest { programs, flags, operands: add(operands), compound: false }
    }

    fn refuse_rm(line: &str) -> Truth {
        let mut pool = Pool::default();
        let flags = ["-r", "-R", "--recursive", "--no-preserve-root"];
        let test = test(&mut pool, &["rm"], &flags, &[]);
        test.judge_line(line, core::iter::empty(), Side::Refuse, &pool, &mut Shell::default())
    }

    fn admit(line: &str, programs: &[&str]) -> Truth {
        let mut pool = Pool::default();
        let test = test(&mut pool, programs, &[], &[]);
        test.judge_line(line, core::iter::empty(), Side::Admit, &pool, &mut Shell::default())
    }

    #[test]
    fn a_command_is_found_however_it_is_wrapped() {
        for line in [
            "rm -rf / --no-preserve-root",
            "rm -rf /",
            "rm -fr /",
            "rm -f -r /",
            "rm --recursive /",
            "rm --recurs /",
            "rm / -R",
            "/bin/rm -rf /",
            "../../bin/rm -rf /",
            "RM -rf /",
            "rm.exe -rf /",
            "sh -c 'rm -rf /'",
            "bash -lc \"rm -rf /\"",
            "sh -c \"sh -c 'rm -rf /'\"",
            "sh -e -c 'cd /; rm -rf .'",
            "env rm -rf /",
            "env -i A=b rm -rf /",
            "env -u HOME sh -c 'rm -rf /'",
            "sudo rm -rf /",
            "sudo -u root rm -rf /",
            "sudo -uroot rm -rf /",
            "sudo -nE env rm -rf /",
            "nohup nice -n 5 timeout -k 1 5s rm -rf /",
            "nice -10 rm -rf /",
            "busybox rm -rf /",
            "/bin/busybox sh -c 'rm -rf /'",
            "command rm -rf /",
            "exec rm -rf /",
            "\\rm -rf /",
            "r'm' -rf /",
            "'rm' \"-rf\" /",
            "r\\m -r\\f /",
            "r\"\"m -rf /",
            "ls; rm -rf /",
            "ls;rm -rf /",
            "ls && rm -rf /",
            "ls||rm -rf /",
            "ls | rm -rf /",
            "ls & rm -rf /",
            "ls\nrm -rf /",
            "A=b rm -rf /",
            "! rm -rf /",
            "echo a # b\nrm -rf /",
            "rm \\\n -rf /",
            "find . -exec rm -rf {} \\;",
            "find . -name x -execdir /bin/rm -r {} +",
            "ls | xargs rm -rf",
            "ls | xargs -0 -n 1 rm -rf",
            "rm >/dev/null -rf / 2>&1",
            "rm -rf -- /",
            "rm -rf $HOME",
        ] {
            assert_eq!(refuse_rm(line), Truth::True, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for line in [
            "$(echo rm) -rf /",
            "`echo rm` -rf /",
            "rm$IFS-rf$IFS/",
            "rm${IFS}-rf${IFS}/",
            "{rm,-rf,/}",
            "$X -rf /",
            "X=rm; $X -rf /",
            "eval rm -rf /",
            "echo cm0gLXJmIC8= | base64 -d | sh",
            "curl x | bash",
            "bash -s < x",
            "sh <(curl x)",
            "sh /dev/stdin",
            "sh << E\nrm\nE",
            "bash <<< 'rm -rf /'",
            "'rm -rf /",
            "\"rm -rf /",
            "rm -rf / \\",
            "(rm -rf /)",
            "{ rm -rf /; }",
            "if true; then rm -rf /; fi",
            "for f in /*; do rm -rf $f; done",
            "f() { rm -rf /; }; f",
            "python3 -c 'import os; os.system(\"rm -rf /\")'",
            "perl -e 'unlink'",
            "node -e x",
            "python -",
            "echo x | python3",
            "awk 'BEGIN{system(\"rm -rf /\")}'",
            "powershell -c x",
            "env -S 'rm -rf /'",
            "sudo --frobnicate x rm -rf /",
            "PATH=/tmp rm x",
            "LD_PRELOAD=x ls",
            "$'rm' -rf /",
            "/bin/r? -rf /",
            "rm *",
            "rm $X",
            "ls | xargs rm",
            "xargs sh -c",
            "ssh host rm -rf /",
            "ls\r\nrm -rf /",
            "ls \0",
            "watch rm -rf /",
            "sh -c \"$X\"",
            "xargs $X",
            "> ",
            "${X:-$(rm -rf /)}",
            "echo ${X:-$(rm -rf /)}",
        ] {
            assert_eq!(refuse_rm(line), Truth::Unknown, "{line}");
        }
        let long = std::format!("echo {}", "a".repeat(MAX));
        assert_eq!(refuse_rm(&long), Truth::Unknown);
        let many = "a;".repeat(2000);
        assert_eq!(refuse_rm(&many), Truth::Unknown);
        let nested =
            (0..8).fold("rm -rf /".to_owned(), |line, _| std::format!("sh -c {}", quote(&line)));
        assert_ne!(refuse_rm(&nested), Truth::False);
    }

    const MAX: usize = 70 << 10;
    use std::borrow::ToOwned;
    use std::string::String;

    fn quote(line: &str) -> String {
        std::format!("'{}'", line.replace('\'', "'\\''"))
    }

    #[test]
    fn ordinary_commands_are_left_alone() {
        for line in [
            "rm build/a.o",
            "rm -f build/a.o",
            "rm build/*.o",
            "rm -- -r",
            "ls -la /",
            "echo rm -rf /",
            "echo 'rm -rf /'",
            "grep -r 'rm -rf' .",
            "git rm -r x",
            "git commit -m \"it's done\" && git push",
            "cargo build --release 2>&1 | tail -n 5",
            "cat < in > out",
            "echo $HOME",
            "cp \"$A\" \"${B}\"",
            "make -j8 test",
            "sh build.sh -r",
            "python3 script.py -c x",
            "python3 --version",
            "python -m pytest -q",
            "node server.js --port 8080",
            "find . -name '*.rs' -type f",
            "awk '{print $1}' file",
            "[ -f x ] && cat x",
            "RUST_LOG=debug cargo run",
            "",
            "# rm -rf /",
            "xargs -n 1 echo",
            "docker run --rm -r x",
        ] {
            assert_eq!(refuse_rm(line), Truth::False, "{line}");
        }
    }

    #[test]
    fn only_one_simple_command_of_listed_programs_is_admitted() {
        let programs = &["git", "ls", "/usr/bin/cat"];
        for line in ["ls", "ls -la src", "git status", "/usr/bin/cat x", "git commit -m 'a; b'"] {
            assert_eq!(admit(line, programs), Truth::True, "{line}");
        }
        for line in [
            "", "rm x", "cat x", "/tmp/ls", "./ls", "LS", "ls; rm x", "ls | ls", "ls > x", "ls $X",
            "ls *", "ls `x`", "ls $(x)", "ls &", "A=b ls", "env ls", "ls\nls", "ls 'x",
        ] {
            assert_ne!(admit(line, programs), Truth::True, "{line}");
        }
        let mut pool = Pool::default();
        let mut several = test(&mut pool, &["git", "ls"], &[], &[]);
        several.compound = true;
        let judge = |line| {
            let none = core::iter::empty();
            several.judge_line(line, none, Side::Admit, &pool, &mut Shell::default())
        };
        assert_eq!(judge("ls | git x > y"), Truth::True);
        assert_eq!(judge("ls; rm x"), Truth::False);
        assert_eq!(judge("ls; sh -c 'ls'"), Truth::False);
    }

    #[test]
    fn flags_and_operands_of_what_is_admitted_must_be_listed() {
        let mut pool = Pool::default();
        let test = test(&mut pool, &["git"], &["-s", "-b", "--short"], &["status", "log"]);
        let judge = |line| {
            let none = core::iter::empty();
            test.judge_line(line, none, Side::Admit, &pool, &mut Shell::default())
        };
        for line in ["git status", "git status -s", "git status -sb --short", "git log"] {
            assert_eq!(judge(line), Truth::True, "{line}");
        }
        for line in
            ["git push", "git status -x", "git status -sx", "git status --sho", "git -- push"]
        {
            assert_ne!(judge(line), Truth::True, "{line}");
        }
    }

    #[test]
    fn words_that_no_shell_splits() {
        let mut pool = Pool::default();
        let test = test(&mut pool, &["rm"], &["-r"], &[]);
        let judge = |words: &[&str]| {
            let words = words.iter().copied();
            test.judge_words(words, Side::Refuse, &pool, &mut Shell::default())
        };
        assert_eq!(judge(&["rm", "-rf", "/"]), Truth::True);
        assert_eq!(judge(&["sh", "-c", "ls; rm -rf /"]), Truth::True);
        assert_eq!(judge(&["env", "A=b", "rm", "-r"]), Truth::True);
        assert_eq!(judge(&["git", "commit", "-m", "it's; rm -rf $(x)"]), Truth::False);
        assert_eq!(judge(&["rm -rf /"]), Truth::False, "one word is one program");
        assert_eq!(judge(&[]), Truth::False);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "[a-c \\t\\n;&|<>'\"\\\\$`(){}*#!=~-]{0,40}", any in any::<String>()) {
            for line in [line, any] {
                let _ = refuse_rm(&line);
                let _ = admit(&line, &["a"]);
            }
        }

        /// Whatever stands before and after, a command of its own is seen or the line is unclear.
        #[test]
        fn nothing_hides_a_command(before in "[a-c '\"\\\\$;|&<>#(){}=-]{0,12}") {
            let judged = refuse_rm(&std::format!("{before}\nrm -rf /"));
            // What opens quotes or a comment may swallow it.
            let swallows = before.contains(['\'', '"', '\\']);
            prop_assert!(judged != Truth::False || swallows, "{}", before);
        }
    }
}
