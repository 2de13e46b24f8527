//! Starting a program and keeping what it says.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

/// What a program did.
#[derive(Debug)]
pub struct Done {
    /// Whether it was started and ended with exit code 0.
    pub ok: bool,
    /// Standard output and error, line by line in the order of arrival.
    pub text: String,
}

/// Runs `command` to its end. On a terminal its latest line shows while it runs.
pub fn run(command: &mut Command) -> Done {
    let started =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let text = format!("cannot start {}: {error}\n", command.get_program().display());
            return Done { ok: false, text };
        }
    };
    let (lines, arriving) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|pipe| read_lines(pipe, lines.clone())),
        child.stderr.take().map(|pipe| read_lines(pipe, lines)),
    ];
    let mut text = String::new();
    let mut ticker = Ticker::new();
    for line in arriving {
        ticker.show(&line);
        text += &line;
        text.push('\n');
    }
    ticker.clear();
    for reader in readers.into_iter().flatten() {
        // A reader ends when its pipe does; it has nothing to report.
        let _ = reader.join();
    }
    let ok = child.wait().is_ok_and(|status| status.success());
    Done { ok, text }
}

/// Runs what fetches from the network, which fails now and then: up to three times, some seconds apart.
pub fn fetch(command: &mut Command) -> Done {
    for pause in [1, 5] {
        let done = run(command);
        if done.ok {
            return done;
        }
        thread::sleep(Duration::from_secs(pause));
    }
    run(command)
}

fn read_lines(pipe: impl Read + Send + 'static, lines: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            if lines.send(text.trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// One line of a terminal that shows how far a program is; nothing on a pipe.
struct Ticker {
    is_on: bool,
}

impl Ticker {
    fn new() -> Self {
        Self { is_on: io::stdout().is_terminal() }
    }

    fn show(&mut self, line: &str) {
        if self.is_on && !line.trim().is_empty() {
            let start: String = line.trim().chars().filter(|c| !c.is_control()).take(70).collect();
            self.write(&format!("\r\x1b[K  {start}"));
        }
    }

    fn clear(&mut self) {
        if self.is_on {
            self.write("\r\x1b[K");
        }
    }

    fn write(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        // A terminal that went away is no reason to stop the work.
        self.is_on = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok();
    }
}
