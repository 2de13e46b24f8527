//! The programs that are not cargo: whether they are here, and what brings them.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::workspace;

/// The oldest Node whose test runner and packages the end-to-end tests are written for.
const NODE_MAJOR: u32 = 20;

/// A program that a stage cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Clippy,
    Abigail,
    CMake,
    CppCompiler,
    CargoDeny,
    Go,
    Linker,
    Node,
    /// What the tests of the Node binding use.
    NodePackages,
    /// Started by the tests that need it.
    Redis,
    Rustfmt,
    Valgrind,
}

/// What is missing, and what brings it.
#[derive(Debug)]
pub struct Missing {
    /// The name and the least version, for people.
    pub what: &'static str,
    /// Who brings it.
    pub from: Source,
}

/// Who brings a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Debian packages.
    Apt(&'static [&'static str]),
    /// Another command, spelt out.
    Command(&'static [&'static str]),
}

impl Program {
    /// Whether the program is here.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(self) -> Result<(), Missing> {
        let (is_there, what, from) = match self {
            Self::Node => return node().and(npm()).map(drop),
            Self::NodePackages => (
                workspace::node_packages_are_there(),
                "npm packages",
                // No package needs its install script; none gets to run one.
                Source::Command(&["npm", "ci", "--ignore-scripts", "--prefix", "bindings/node"]),
            ),
            Self::Clippy => (
                answers("cargo", &["clippy", "--version"]),
                "clippy",
                Source::Command(&["rustup", "component", "add", "clippy"]),
            ),
            Self::Rustfmt => (
                answers("cargo", &["fmt", "--version"]),
                "rustfmt",
                Source::Command(&["rustup", "component", "add", "rustfmt"]),
            ),
            Self::CargoDeny => (
                answers("cargo", &["deny", "--version"]),
                "cargo-deny",
                Source::Command(&["cargo", "install", "--locked", "cargo-deny"]),
            ),
            Self::Go => (go_suits(), "Go 1.25 or newer", Source::Apt(&["golang-go"])),
            Self::Abigail => {
                (answers("abidiff", &["--version"]), "abidiff", Source::Apt(&["abigail-tools"]))
            }
            Self::CMake => (
                ["cmake", "pkg-config"].iter().all(|name| answers(name, &["--version"])),
                "CMake and pkg-config",
                Source::Apt(&["cmake", "pkg-config"]),
            ),
            Self::CppCompiler => (
                ["c++", "make"].iter().all(|name| answers(name, &["--version"])),
                "a C++ compiler and make",
                Source::Apt(&["g++", "make"]),
            ),
            Self::Redis => (redis().is_some(), "redis-server", Source::Apt(&["redis-server"])),
            Self::Valgrind => {
                (answers("valgrind", &["--version"]), "valgrind", Source::Apt(&["valgrind"]))
            }
            Self::Linker => (
                ["ld", "nm", "objcopy"].iter().all(|name| answers(name, &["--version"])),
                "binutils",
                Source::Apt(&["binutils"]),
            ),
        };
        if is_there { Ok(()) } else { Err(Missing { what, from }) }
    }
}

/// The path of a Node that is new enough: the system's, or the one that [`node_from_npm`] brought.
///
/// # Errors
/// When there is neither.
pub fn node() -> Result<PathBuf, Missing> {
    [PathBuf::from("node"), cached_node()]
        .into_iter()
        .find(|node| node_major(node) >= Some(NODE_MAJOR))
        .ok_or(Missing { what: "Node 20 or newer", from: Source::Apt(&["nodejs", "npm"]) })
}

/// The name under which npm is started.
///
/// # Errors
/// When it is not there.
pub fn npm() -> Result<&'static str, Missing> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    if answers(npm, &["--version"]) {
        return Ok(npm);
    }
    Err(Missing { what: "npm", from: Source::Apt(&["npm"]) })
}

/// Where the system's Node is too old but npm is there (Debian 12), the command that brings a newer Node as
/// an npm package into the checkout.
pub fn node_from_npm() -> Option<Command> {
    if node().is_ok() || node_major(&PathBuf::from("node")).is_none() {
        return None;
    }
    let mut command = Command::new(npm().ok()?);
    command.args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"]);
    command.arg(workspace::cache().join("node")).arg("node@22");
    Some(command)
}

/// The Redis or Valkey server: the system's, or the one that [`unpack_redis`] brought.
fn redis() -> Option<&'static str> {
    let unpacked = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/redis/usr/bin/redis-server");
    // The unpacked one is there or not; to start it takes its libraries, which the tests know to find.
    let is_there = |name: &&str| answers(name, &["--version"]) || PathBuf::from(name).exists();
    ["redis-server", "valkey-server", unpacked].into_iter().find(is_there)
}

/// Brings Debian's Redis server and what it lacks into the checkout, for who may not install packages. None when
/// it is there.
pub fn unpack_redis() -> Option<Command> {
    const SCRIPT: &str = "mkdir -p debs/partial && apt-get -y --no-install-recommends --download-only \
        -o Debug::NoLocking=true -o Dir::Cache::archives=\"$PWD/debs/\" install redis-server && \
        for package in debs/*.deb; do dpkg -x \"$package\" . || exit 1; done";
    if redis().is_some() {
        return None;
    }
    let folder = workspace::cache().join("redis");
    std::fs::create_dir_all(&folder).ok()?;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT]).current_dir(folder);
    Some(command)
}

/// The variable `PATH` with the folder of `node` first, so that scripts that look for Node find that one.
pub fn path_with(node: &std::path::Path) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let first = node.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folders = first.map(PathBuf::from).into_iter().chain(env::split_paths(&path));
    env::join_paths(folders).unwrap_or(path)
}

fn cached_node() -> PathBuf {
    workspace::cache().join("node/node_modules/node/bin/node")
}

/// The major version that `node --version` states, as in `v20.20.2`.
fn node_major(node: &PathBuf) -> Option<u32> {
    let output = Command::new(node).arg("--version").stderr(Stdio::null()).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Whether Go suits the module, or brings the toolchain that it wants.
fn go_suits() -> bool {
    let mut go = Command::new("go");
    go.args(["env", "GOVERSION"]).current_dir(workspace::root().join("bindings/go"));
    go.output().is_ok_and(|output| output.status.success())
}

/// Whether the program can be started and ends well.
fn answers(program: &str, args: &[&str]) -> bool {
    let quiet = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}
