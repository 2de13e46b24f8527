//! Where things are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use crate::program::{self, Missing};

/// The root of the checkout.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The folder for what a package manager brings; git does not see it.
pub fn cache() -> PathBuf {
    root().join(".cache")
}

/// The folder that cargo builds into: the one from which this program runs, whatever variable or
/// configuration file chose it.
pub fn target() -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()))
        .unwrap_or_else(|| root().join("target"))
}

/// The `airlock` binary of a build profile's folder, `debug` or `release`.
pub fn airlock(profile: &str) -> PathBuf {
    target().join(profile).join(format!("airlock{}", env::consts::EXE_SUFFIX))
}

/// A cargo command in the root of the checkout.
pub fn cargo(args: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

/// The folder of the end-to-end tests.
pub fn e2e() -> PathBuf {
    root().join("tests/e2e")
}

/// The folder of the Node binding.
pub fn node_binding() -> PathBuf {
    root().join("bindings/node")
}

/// The tests of the Node binding whose names end with `end`, in the order of their names.
///
/// # Errors
/// When their folder cannot be read.
pub fn node_tests(end: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(node_binding().join("test"))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether the npm packages of the Node binding are installed, and not older than its lock file.
pub fn node_packages_are_there() -> bool {
    let changed = |file: &str| fs::metadata(node_binding().join(file))?.modified();
    let installed = changed("node_modules/.package-lock.json");
    installed
        .is_ok_and(|installed| changed("package-lock.json").is_ok_and(|wanted| wanted <= installed))
}

/// The command that brings the npm packages of the end-to-end tests into the checkout, unless those that
/// the lock file names are there already.
///
/// # Errors
/// When npm is missing.
pub fn npm_packages() -> Result<Option<Command>, Missing> {
    let lock = fs::read(e2e().join("package-lock.json")).ok();
    if lock.is_some() && lock == fs::read(installed_lock()).ok() {
        return Ok(None);
    }
    let mut command = Command::new(program::npm()?);
    // No package needs its install script; none gets to run one.
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(e2e());
    Ok(Some(command))
}

/// Records that the packages of the lock file are installed.
///
/// # Errors
/// When the file system refuses.
pub fn npm_packages_are_there() -> io::Result<()> {
    fs::copy(e2e().join("package-lock.json"), installed_lock()).map(drop)
}

fn installed_lock() -> PathBuf {
    e2e().join("node_modules/.installed-lock.json")
}
