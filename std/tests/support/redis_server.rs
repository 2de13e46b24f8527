//! A Redis server of a test's own: on a port of the loopback, without persistence, in a folder that is removed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, iter, thread};

use redis::{Client, Connection, FromRedisValue};
use tempfile::TempDir;

/// Where `cargo xtask test --install` puts it when it may not install packages.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/redis/usr/bin/redis-server");

/// A server, killed with its value, in a panic too.
pub struct Server {
    pub port: u16,
    folder: TempDir,
    args: Vec<String>,
    process: Option<Child>,
}

/// Whether there is a server to start. Without one a test is skipped, loudly, but not where all must run.
pub fn is_there() -> bool {
    let there = program().is_some();
    if !there {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "redis-server is missing");
        eprintln!("SKIPPED: redis-server is missing; cargo xtask test --install brings it");
    }
    there
}

fn program() -> Option<&'static str> {
    ["redis-server", "valkey-server", UNPACKED].into_iter().find(|program| {
        let mut command = command(program);
        let quiet = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    })
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    if program == UNPACKED {
        // Its libraries were unpacked beside it, in a folder for the machine's kind of processor.
        let folders = fs::read_dir(Path::new(UNPACKED).with_file_name("../lib"));
        let folders = folders.into_iter().flatten().flatten().map(|entry| entry.path());
        command.env("LD_LIBRARY_PATH", env::join_paths(folders).unwrap());
    }
    command
}

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let mut server = Self { port: 0, folder, args, process: None };
        for _ in 0..20 {
            server.port = free_port();
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    /// Starts it again, on the same port, with nothing in it.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.try_start(), "redis-server does not start again");
    }

    /// Without a farewell, as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends a signal: `STOP` makes a server that takes connections and never answers.
    pub fn signal(&self, name: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn client(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Asks with the words of a command line.
    pub fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query(&mut self.client()).unwrap()
    }

    fn try_start(&mut self) -> bool {
        let mut command = command(program().unwrap());
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.folder.path());
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]).args(&self.args);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What answers on the port may be the server of somebody else: ours says in its log that it is ready.
        let log = self.folder.path().join("log");
        fs::write(&log, "").unwrap();
        process.arg("--logfile").arg(&log);
        self.process = Some(process.spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if fs::read(&log).is_ok_and(|log| has(&log, b"eady to accept connections")) {
                return true;
            }
            if self.process.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

/// A port that is free now and that the system gives nobody who asks for any: so it is still free for a
/// server that is started again.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let random = || RandomState::new().build_hasher().finish();
    // Below those that Linux, macOS and Windows give.
    let mut ports = iter::repeat_with(|| 10_000 + (random() % 20_000) as u16);
    ports.find(is_free).unwrap()
}

fn has(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
