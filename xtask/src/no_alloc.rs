//! The allocator-free proof: what the lowest level of core needs from its host.
//!
//! `core/tests/no_alloc` is a static library without an allocator that calls every public function of
//! that level. Here its `proof_*` functions are linked into one object, unreachable code dropped, and what
//! is left undefined is compared with the little that the level may ask for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Done};
use crate::workspace;

/// Functions that a compiler may call wherever memory is copied, filled or compared, and the hook that the
/// host supplies for panics.
const MAY_NEED: &[&str] = &["airlock_panic", "bcmp", "memcmp", "memcpy", "memmove", "memset"];

/// Names that would mean an allocator, the standard library or unwinding.
const MUST_NOT_HOLD: &[&str] = &["__rust_alloc", "__rust_realloc", "malloc", "eh_personality"];

/// What one check found.
pub struct Finding {
    pub what: &'static str,
    /// What is wrong.
    pub outcome: Result<(), String>,
    /// Worth saying though nothing is wrong.
    pub note: Option<String>,
}

/// Builds the proof and checks it.
///
/// # Errors
/// The output of a tool that failed.
pub fn check() -> Result<[Finding; 3], String> {
    let target = workspace::target().join("no_alloc");
    let manifest = "core/tests/no_alloc/Cargo.toml";
    let mut build = workspace::cargo(&["build", "--release", "--manifest-path", manifest]);
    succeeded(process::run(build.arg("--target-dir").arg(&target)))?;

    let linked = link(&target, "libairlock_no_alloc.a", "proof_")?;
    let all = symbols(&linked, &[])?;
    let undefined = symbols(&linked, &["--undefined-only"])?;
    let strangers = words(&undefined).filter(|name| !MAY_NEED.contains(name));
    let forbidden = words(&all).filter(|name| MUST_NOT_HOLD.iter().any(|part| name.contains(part)));
    Ok([
        none_of("undefined symbols that bare metal does not have", strangers),
        none_of("symbols of an allocator, of std or of unwinding", forbidden),
        ratchet(words(&all).filter(|name| name.contains("panicking")).count()),
    ])
}

/// Links what the functions of `archive` that begin with `prefix` reach into one object, unreachable code
/// dropped.
fn link(target: &Path, archive: &str, prefix: &str) -> Result<PathBuf, String> {
    // The archive's members from the sysroot carry bitcode, at which the LLVM plugin of another version,
    // where GNU ld has one, gives up.
    let (built, library) = (target.join("release").join(archive), target.join("proof.a"));
    let mut objcopy = Command::new("objcopy");
    objcopy.args(["-R", ".llvmbc", "-R", ".llvmcmd"]).arg(&built).arg(&library);
    succeeded(process::run(&mut objcopy))?;

    let exports = symbols(&library, &["--defined-only", "--extern-only"])?;
    let proofs: Vec<&str> = words(&exports).filter(|name| name.starts_with(prefix)).collect();
    let Some(&entry) = proofs.first() else {
        return Err(format!("{} exports no {prefix}* function", library.display()));
    };

    let linked = target.join("proof.o");
    let mut ld = Command::new("ld");
    ld.args(["-r", "--gc-sections", "-e", entry]);
    ld.args(proofs.iter().flat_map(|name| ["-u", name])).arg("-o").arg(&linked).arg(&library);
    succeeded(process::run(&mut ld))?;

    let all = symbols(&linked, &[])?;
    if let Some(lost) = proofs.iter().find(|&&name| words(&all).all(|linked| linked != name)) {
        return Err(format!("{lost} did not get into {}", linked.display()));
    }
    Ok(linked)
}

/// The symbols that the functions of `archive` that begin with `prefix` leave undefined.
///
/// # Errors
/// The output of a tool that failed.
pub fn leftover(target: &Path, archive: &str, prefix: &str) -> Result<Vec<String>, String> {
    let undefined = symbols(&link(target, archive, prefix)?, &["--undefined-only"])?;
    Ok(words(&undefined).map(str::to_owned).collect())
}

/// The number of ways into a panic may not be above the recorded one.
fn ratchet(count: usize) -> Finding {
    let path = workspace::root().join("core/tests/no_alloc/panics");
    let recorded = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    let outcome = match recorded {
        Some(most) if count <= most => Ok(()),
        Some(most) => Err(format!("{count}, and {most} recorded in {}", path.display())),
        None => Err(format!("{} holds no number", path.display())),
    };
    let note = recorded.filter(|&most| count < most);
    let note = note.map(|_| format!("{count} ways into a panic: lower {}", path.display()));
    Finding { what: "ways into a panic", outcome, note }
}

fn none_of<'a>(what: &'static str, found: impl Iterator<Item = &'a str>) -> Finding {
    let found: Vec<&str> = found.collect();
    let outcome = if found.is_empty() { Ok(()) } else { Err(found.join(" ")) };
    Finding { what, outcome, note: None }
}

/// The output of `nm` in its portable format, which begins each line with the name.
fn symbols(file: &Path, options: &[&str]) -> Result<String, String> {
    let done = process::run(Command::new("nm").arg("--portability").args(options).arg(file));
    succeeded(done)
}

/// The first word of each line; the lines that name a member of an archive do no harm.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.split_whitespace().next())
}

fn succeeded(done: Done) -> Result<String, String> {
    if done.ok { Ok(done.text) } else { Err(done.text) }
}
