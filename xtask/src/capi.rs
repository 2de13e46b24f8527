//! The C library: built as `make install` builds it, then used as programs in C use it.
//!
//! Programs are compiled with the system's compiler into the folder of the library. What they must print
//! and what the library must export are files in `ffi/abi`; `AIRLOCK_WRITE_REFERENCE=1` writes those.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::process::{self, Done};
use crate::test::Report;
use crate::workspace;

/// What a program that links the archive needs besides.
const NATIVE: [&str; 5] = ["-lgcc_s", "-lpthread", "-lm", "-ldl", "-lc"];
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// One build of the library.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Nothing of the operating system.
    Plain,
    /// With the feature `std`.
    Std,
}

/// A library that was built.
pub struct Library {
    /// Where it lies.
    pub folder: PathBuf,
    flavour: Flavour,
}

/// How a program is compiled.
struct Build<'a> {
    compiler: &'a str,
    name: &'a str,
    source: PathBuf,
    options: &'a [&'a str],
    shared: bool,
}

fn ffi() -> PathBuf {
    workspace::root().join("ffi")
}

impl Library {
    /// Builds it with `ffi/Makefile`; nothing when that fails, which is then told.
    pub fn build(flavour: Flavour, report: &mut Report) -> Option<Self> {
        let name = if flavour == Flavour::Std { "std" } else { "plain" };
        let mut make = Command::new("make");
        make.arg("-C").arg(ffi()).arg("all").env("CARGO_TARGET_DIR", workspace::target());
        if flavour == Flavour::Std {
            make.arg("STD=1");
        }
        let folder = workspace::target().join("capi").join(name);
        report.step(&mut make).then_some(Self { folder, flavour })
    }

    /// Compiles a program; nothing when that fails, which is then told.
    fn compile(&self, build: &Build<'_>, report: &mut Report) -> Option<PathBuf> {
        let program = self.folder.join(build.name);
        let mut command = Command::new(build.compiler);
        command.args(WARNINGS).args(build.options).arg("-o").arg(&program);
        if build.compiler == "c++" {
            command.args(["-x", "c++"]);
        }
        command.arg("-I").arg(ffi().join("include")).arg(&build.source).args(["-x", "none"]);
        if self.flavour == Flavour::Std {
            command.arg("-DAIRLOCK_TEST_STD");
        }
        if build.shared {
            command.arg("-L").arg(&self.folder).arg("-lairlock");
            command.arg(format!("-Wl,-rpath,{}", self.folder.display()));
        } else {
            command.arg(self.folder.join("libairlock.a"));
        }
        report.step(command.args(NATIVE)).then_some(program)
    }

    /// What one of its files defines, a name a line.
    fn symbols(&self, file: &str, options: &[&str]) -> String {
        let mut nm = Command::new("nm");
        nm.args(["--portability", "--defined-only"]).args(options).arg(self.folder.join(file));
        let lines = process::run(&mut nm).text;
        let words = lines.lines().filter_map(|line| line.split_whitespace().next());
        // The version of the symbols is one itself; the personality must be weak and visible.
        let names = words.map(|word| word.split('@').next().unwrap_or(word));
        let names = names.filter(|name| {
            !name.starts_with("AIRLOCK_")
                && !name.contains("eh_personality")
                && !name.ends_with(":")
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.join("\n") + "\n"
    }

    /// Compiles a test program of `ffi/tests/c` and runs it, behind `under` where that names a tool.
    fn try_program(&self, build: &Build<'_>, under: &[&str], report: &mut Report) {
        let Some(program) = self.compile(build, report) else { return };
        let done = run_under(under, &program);
        let text = format!("{} {}:\n{}", under.join(" "), build.name, done.text);
        report.one(Done { text, ..done });
    }
}

fn run_under(under: &[&str], program: &Path) -> Done {
    let mut command = match under.split_first() {
        Some((tool, options)) => {
            let mut command = Command::new(tool);
            command.args(options).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.env("ASAN_OPTIONS", "detect_leaks=1").env("TSAN_OPTIONS", "halt_on_error=1");
    process::run(&mut command)
}

fn test_source(name: &str) -> PathBuf {
    ffi().join("tests/c").join(name)
}

fn plain<'a>(name: &'a str, source: &str) -> Build<'a> {
    let options = &["-std=c99"];
    Build { compiler: "cc", name, source: test_source(source), options, shared: false }
}

/// What the library with `std` has more.
fn firewall(name: &str) -> Build<'_> {
    plain(name, "firewall.c")
}

/// Every function as C and as C++, from the archive and from the shared library, with and without `std`; the
/// same answers as Rust; a good guest; beside another Rust library; the first header.
pub fn check(report: &mut Report) {
    let Some(library) = Library::build(Flavour::Plain, report) else { return };
    let cpp = Build { compiler: "c++", options: &["-std=c++17"], ..plain("abi-cpp", "abi.c") };
    let shared = Build { shared: true, ..plain("abi-shared", "abi.c") };
    for build in [plain("abi", "abi.c"), cpp, shared, plain("guest", "guest.c")] {
        library.try_program(&build, &[], report);
    }
    if let Some(answer) = library.compile(&plain("answer", "answer.c"), report) {
        let mut parity = workspace::cargo(&["test", "-p", "airlock-ffi", "--test", "parity"]);
        report.one(process::run(parity.env("AIRLOCK_C_ANSWER", answer)));
    }
    beside_another(&library, report);
    is_as_written(&library, report);
    if let Some(with_std) = Library::build(Flavour::Std, report) {
        let cpp = Build { compiler: "c++", options: &["-std=c++17"], ..firewall("firewall-cpp") };
        let shared = Build { shared: true, ..firewall("firewall-shared") };
        for build in [plain("abi", "abi.c"), firewall("firewall"), cpp, shared] {
            with_std.try_program(&build, &[], report);
        }
        compare("symbols-std.txt", &with_std.symbols("libairlock.so.1", &["--dynamic"]), report);
        compare("symbols-std.txt", &with_std.symbols("airlock.o", &["--extern-only"]), report);
    }
    sizes(&library, report);
}

/// Two static libraries written in Rust, in either order.
fn beside_another(library: &Library, report: &mut Report) {
    let other = library.folder.join("libother.a");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-type", "staticlib", "-Copt-level=1", "-o"]);
    if !report.step(rustc.arg(&other).arg(test_source("other.rs"))) {
        return;
    }
    let ours = library.folder.join("libairlock.a");
    for (nth, (first, second)) in [(&ours, &other), (&other, &ours)].into_iter().enumerate() {
        let program = library.folder.join(format!("two-{nth}"));
        let mut cc = Command::new("cc");
        cc.arg("-I").arg(ffi().join("include")).arg(test_source("two.c")).args([first, second]);
        if report.step(cc.arg("-o").arg(&program).args(NATIVE)) {
            report.one(process::run(&mut Command::new(&program)));
        }
    }
}

/// What is exported, how structs are laid out, and what a program of the first version prints.
fn is_as_written(library: &Library, report: &mut Report) {
    compare("symbols.txt", &library.symbols("libairlock.so.1", &["--dynamic"]), report);
    compare("symbols.txt", &library.symbols("airlock.o", &["--extern-only"]), report);
    if let Some(layout) = library.compile(&plain("layout", "layout.c"), report) {
        compare("layout.txt", &process::run(&mut Command::new(layout)).text, report);
    }
    let source = ffi().join("abi/v1/program.c");
    let first = ffi().join("abi/v1");
    let program = library.folder.join("v1");
    let mut cc = Command::new("cc");
    cc.args(WARNINGS).arg("-std=c99").arg("-I").arg(first).arg(source).arg("-o").arg(&program);
    cc.arg(library.folder.join("libairlock.so"));
    cc.arg(format!("-Wl,-rpath,{}", library.folder.display()));
    if report.step(&mut cc) {
        compare("v1/output.txt", &process::run(&mut Command::new(program)).text, report);
    }
}

/// Compares the header with its stored description by abidiff, which knows what breaks a program.
pub fn described(report: &mut Report) {
    let folder = workspace::target().join("capi");
    let (object, stored) = (folder.join("described.so"), ffi().join("abi/airlock.xml"));
    if let Err(error) = fs::create_dir_all(&folder) {
        return report.found("the folder of the C library", Err(error.to_string()));
    }
    let mut cc = Command::new("cc");
    // Where the checkout lies is no part of the description.
    cc.arg(format!("-fdebug-prefix-map={}=.", ffi().display())).current_dir(ffi());
    cc.args(["-std=gnu99", "-g", "-shared", "-fPIC", "-Iinclude", "tests/c/described.c"]);
    if !report.step(cc.arg("-o").arg(&object)) {
        return;
    }
    if env::var_os("AIRLOCK_WRITE_REFERENCE").is_some() {
        let mut abidw = Command::new("abidw");
        abidw.args(["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--out-file"]);
        report.step(abidw.arg(&stored).arg(&object));
    }
    report.one(process::run(Command::new("abidiff").arg(stored).arg(object)));
}

/// What a call from C costs beside the same call from Rust.
pub fn bench(report: &mut Report) {
    let mut cargo = workspace::cargo(&["run", "--release", "--manifest-path"]);
    cargo
        .arg("ffi/bench/Cargo.toml")
        .arg("--target-dir")
        .arg(workspace::target().join("ffi-bench"));
    let done = process::run(&mut cargo);
    let figures = done.text.lines().filter(|line| line.contains(" ns"));
    report.notes.extend(figures.map(str::to_owned));
    report.one(done);
}

/// Compares with a file of `ffi/abi`, or writes it when told to.
fn compare(name: &str, got: &str, report: &mut Report) {
    let path = ffi().join("abi").join(name);
    if env::var_os("AIRLOCK_WRITE_REFERENCE").is_some() {
        let written = fs::write(&path, got).map_err(|error| error.to_string());
        return report.found(name, written);
    }
    let want = fs::read_to_string(&path).unwrap_or_default();
    let missing = |one: &str, other: &str| {
        let lost = one.lines().filter(|line| other.lines().all(|known| known != *line));
        lost.map(|line| format!("\n  {line}")).collect::<String>()
    };
    let outcome = if want == got {
        Ok(())
    } else {
        Err(format!("gone:{}\nnew:{}", missing(&want, got), missing(got, &want)))
    };
    report.found(&format!("ffi/abi/{name}"), outcome);
}

/// Says how large things are.
fn sizes(library: &Library, report: &mut Report) {
    let size = |path: PathBuf| fs::metadata(path).map_or(0, |file| file.len() / 1024);
    let folder = &library.folder;
    let program = folder.join("size");
    let mut cc = Command::new("cc");
    cc.args(["-Os", "-s", "-Wl,--gc-sections", "-I"]).arg(ffi().join("include"));
    cc.arg(ffi().join("abi/v1/program.c")).arg(folder.join("libairlock.a")).arg("-o").arg(&program);
    if report.step(cc.args(NATIVE)) {
        let std = workspace::target().join("capi/std/libairlock.a");
        report.notes.push(format!(
            "libairlock.a {} KiB ({} with std), libairlock.so {} KiB; a stripped program that checks and filters {} KiB",
            size(folder.join("libairlock.a")),
            size(std),
            size(folder.join("libairlock.so.1")),
            size(program)
        ));
    }
}

/// The same under AddressSanitizer with LeakSanitizer and UndefinedBehaviorSanitizer, and under valgrind.
pub fn memory(report: &mut Report) {
    let Some(library) = Library::build(Flavour::Plain, report) else { return };
    let options = &["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"];
    library.try_program(&Build { options, ..plain("abi-asan", "abi.c") }, &[], report);
    let with_std = Library::build(Flavour::Std, report);
    if let Some(with_std) = &with_std {
        with_std.try_program(&Build { options, ..firewall("firewall-asan") }, &[], report);
    }
    let known = format!("--suppressions={}", test_source("valgrind.supp").display());
    let leaks = "--errors-for-leak-kinds=definite,indirect,possible";
    let under = ["valgrind", "--quiet", "--leak-check=full", leaks, &known, "--error-exitcode=9"];
    library.try_program(&plain("abi", "abi.c"), &under, report);
    if let Some(with_std) = with_std {
        with_std.try_program(&firewall("firewall"), &under, report);
    }
}

/// Eight threads under helgrind, and under ThreadSanitizer.
pub fn threads(report: &mut Report) {
    let Some(library) = Library::build(Flavour::Plain, report) else { return };
    let build =
        |name| Build { options: &["-std=c99", "-g", "-pthread"], ..plain(name, "threads.c") };
    let helgrind = ["valgrind", "--quiet", "--tool=helgrind", "--error-exitcode=9"];
    library.try_program(&build("threads"), &helgrind, report);
    let options = &["-std=c99", "-g", "-pthread", "-fsanitize=thread"];
    library.try_program(&Build { options, ..build("threads-tsan") }, &[], report);
    if let Some(program) = library.compile(&build("threads"), report) {
        report.one(process::run(Command::new(program).arg("turn")));
    }
}

/// Installed, then found by pkg-config and by CMake.
pub fn packages(report: &mut Report) {
    if Library::build(Flavour::Plain, report).is_none() {
        return;
    }
    let root = workspace::target().join("capi/root");
    let _ = fs::remove_dir_all(&root);
    let mut make = Command::new("make");
    make.arg("-C").arg(ffi()).arg("install").arg(format!("DESTDIR={}", root.display()));
    make.arg("PREFIX=/usr").env("CARGO_TARGET_DIR", workspace::target());
    if !report.step(&mut make) {
        return;
    }
    let example = workspace::root().join("examples/c");
    let mut cc = Command::new("sh");
    cc.arg("-c").arg("cc -std=c99 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags airlock) -o \"$1\" \"$2\" $(pkg-config --libs airlock)");
    cc.arg("sh").arg(root.join("agent")).arg(example.join("agent.c"));
    cc.env("PKG_CONFIG_PATH", root.join("usr/lib/pkgconfig"));
    let library_path = root.join("usr/lib");
    let run = |program: PathBuf, report: &mut Report| {
        let mut agent = Command::new(program);
        let done = process::run(agent.env("LD_LIBRARY_PATH", &library_path));
        let want = fs::read_to_string(example.join("output.txt")).unwrap_or_default();
        let ok = done.ok && done.text == want;
        report.one(Done { ok, text: format!("wanted:\n{want}got:\n{}", done.text) });
    };
    if report.step(&mut cc) {
        run(root.join("agent"), report);
    }
    let build = root.join("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&example).arg("-B").arg(&build);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", root.join("usr").display()));
    if report.step(&mut configure) && report.step(Command::new("cmake").arg("--build").arg(&build))
    {
        run(build.join("agent"), report);
        run(build.join("agent_static"), report);
    }
}

/// The library of each lower level in a program without libc: what it leaves undefined is known.
pub fn freestanding(report: &mut Report) {
    let example = workspace::root().join("examples/c/freestanding");
    for (level, features, may_need) in [
        ("bare", "", &["airlock_panic"][..]),
        ("alloc", "alloc", &["airlock_alloc", "airlock_dealloc", "airlock_panic"]),
    ] {
        let target = workspace::target().join("embedded").join(level);
        let mut build = workspace::cargo(&["build", "--release", "--manifest-path"]);
        build.arg("ffi/embedded/Cargo.toml").arg("--target-dir").arg(&target);
        if !report.step(build.args(["--features", features])) {
            continue;
        }
        match crate::no_alloc::leftover(&target, "libairlock_embedded.a", "airlock_") {
            Ok(undefined) => {
                let memory = ["bcmp", "memcmp", "memcpy", "memmove", "memset"];
                let strangers: Vec<&str> = undefined
                    .iter()
                    .map(String::as_str)
                    .filter(|name| !may_need.contains(name) && !memory.contains(name))
                    .collect();
                let outcome = if strangers.is_empty() { Ok(()) } else { Err(strangers.join(" ")) };
                report.found(&format!("{level}: undefined symbols"), outcome);
            }
            Err(why) => report.found("the library does not link", Err(why)),
        }
        let program = target.join("program");
        let mut cc = Command::new("cc");
        cc.args(WARNINGS).args(["-std=c99", "-O2", "-ffreestanding", "-fno-builtin"]);
        cc.args(["-fno-stack-protector", "-nostdlib", "-static", "-Wl,--gc-sections"]);
        cc.args(["-Wl,--fatal-warnings", "-I"]).arg(ffi().join("include"));
        cc.arg(example.join(format!("{level}.c"))).arg(example.join("start.c"));
        cc.arg(target.join("proof.a")).arg("-o").arg(&program);
        if report.step(&mut cc) {
            let done = process::run(&mut Command::new(&program));
            let want = fs::read_to_string(example.join(format!("{level}.txt"))).unwrap_or_default();
            let size = fs::metadata(&program).map_or(0, |file| file.len() / 1024);
            report.notes.push(format!("freestanding program, {level}: {size} KiB"));
            let ok = done.ok && done.text == want;
            report.one(Done { ok, text: format!("wanted:\n{want}got:\n{}", done.text) });
        }
    }
}
