//! Where the JSON Schema Test Suite is, and how its files read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::shared;

/// Tests of one schema.
#[derive(Deserialize)]
pub(crate) struct Group<'a> {
    pub(crate) description: String,
    #[serde(borrow)]
    pub(crate) schema: &'a RawValue,
    #[serde(borrow)]
    pub(crate) tests: Vec<Test<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Test<'a> {
    pub(crate) description: String,
    #[serde(borrow)]
    pub(crate) data: &'a RawValue,
    pub(crate) valid: bool,
}

/// The JSON files of `folder` by name, with their texts.
pub(crate) fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// A copy of the suite.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    /// It holds `tests` and `remotes`.
    pub(crate) folder: PathBuf,
    /// Whether it is the one whose tests were counted.
    pub(crate) is_shared: bool,
}

impl Suite {
    /// The suite beside the checkout, else the one that `pip` brings; says so loudly when there is none,
    /// which in continuous integration is a failure.
    pub(crate) fn find() -> Option<Self> {
        if let Some(folder) = shared::folder("json-schema-test-suite") {
            return Some(Self { folder, is_shared: true });
        }
        // Tests run at the same time: one of them fetches.
        static FETCHED: OnceLock<Option<PathBuf>> = OnceLock::new();
        let folder = FETCHED.get_or_init(fetch).clone();
        if folder.is_none() {
            eprintln!("SKIPPED: there is no JSON Schema Test Suite here, and pip cannot bring one");
            assert!(!env::var("CI").is_ok_and(|ci| ci == "true"), "CI=true: that counts as failed");
        }
        folder.map(|folder| Self { folder, is_shared: false })
    }
}

/// Has `pip` download the source distribution of `jsonschema`, and unpacks the suite in it.
fn fetch() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = shared.join("jsonschema");
    if suite_in(&target).is_none() {
        // Other test programs may look meanwhile: what they see is whole or not there.
        let folder = tempfile::tempdir_in(shared).ok()?;
        let mut download = Command::new("python3");
        download.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            "jsonschema",
        ]);
        run(download.arg("--dest").arg(folder.path()).arg("jsonschema"))?;
        let archives = folder.path().read_dir().ok()?.map(|entry| entry.map(|entry| entry.path()));
        let archive =
            archives.flatten().find(|path| path.to_string_lossy().ends_with(".tar.gz"))?;
        run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder.path()))?;
        // Who came first has brought the same.
        let _ = fs::rename(folder.path(), &target);
    }
    suite_in(&target)
}

/// The folder of the suite in an unpacked distribution.
fn suite_in(target: &Path) -> Option<PathBuf> {
    let folders = target.read_dir().ok()?.map(|entry| entry.map(|entry| entry.path().join("json")));
    folders.flatten().find(|folder| folder.join("tests").is_dir())
}

fn run(command: &mut Command) -> Option<()> {
    command.status().ok()?.success().then_some(())
}
