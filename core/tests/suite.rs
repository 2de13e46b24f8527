//! The JSON Schema Test Suite: every test of both dialects, formats included, and no allocation in any
//! check.
//!
//! The suite lies in the shared data; where it does not, `pip` brings the one that PyPI's `jsonschema`
//! carries in its source distribution, a little older and so with fewer tests. Every miss is listed by
//! name. Nothing is fetched but that: the suite's remote documents are registered.
#![cfg(feature = "alloc")]
// Clippy knows tests by their attribute, not the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/counting.rs"]
mod counting;
#[path = "support/shared.rs"]
mod shared;
#[path = "support/suite.rs"]
mod suite;

use std::path::Path;

use airlock_core::{Documents, Scratch, Validator};

use counting::allocations;
use suite::{Group, Suite};

const DRAFT_2020: &str = "https://json-schema.org/draft/2020-12/schema";
const DRAFT_2019: &str = "https://json-schema.org/draft/2019-09/schema";
const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";

/// Tests of one part of the suite: how many there are, and which are missed.
#[derive(Debug, Default)]
struct Part {
    tests: usize,
    misses: Vec<String>,
}

impl Part {
    fn passed(&self) -> usize {
        self.tests - self.misses.len()
    }
}

#[test]
fn draft_2020_12() {
    dialect("draft2020-12", DRAFT_2020, [1299, 162, 764]);
}

#[test]
fn draft_07() {
    dialect("draft7", DRAFT_7, [927, 118, 676]);
}

/// Only the older suite has tests of this dialect, which is known for documents that are older still. Its
/// meta-schema is not built in.
#[test]
fn draft_2019_09() {
    let Some(suite) = Suite::find() else { return };
    let root = suite.folder.join("tests/draft2019-09");
    if !root.is_dir() {
        println!("no tests of draft2019-09 here");
        return;
    }
    let documents = remotes(&suite.folder.join("remotes"));
    for name in [".", "optional", "optional/format"] {
        let part = run(&root.join(name), DRAFT_2019, &documents, name);
        println!("draft2019-09 {name}: {} of {} tests pass", part.passed(), part.tests);
        for miss in &part.misses {
            println!("  missed: {miss}");
            assert!(miss.contains("no document is registered as https://json-schema.org"));
        }
        assert!(part.misses.len() <= 4);
    }
}

/// Runs all of one dialect. At least so many tests of each part must pass where the suite is ours; no
/// required one may fail anywhere.
fn dialect(folder: &str, uri: &str, least: [usize; 3]) {
    let Some(suite) = Suite::find() else { return };
    let documents = remotes(&suite.folder.join("remotes"));
    let root = suite.folder.join("tests").join(folder);
    for (name, least) in [".", "optional", "optional/format"].into_iter().zip(least) {
        let part = run(&root.join(name), uri, &documents, name);
        println!("{folder} {name}: {} of {} tests pass", part.passed(), part.tests);
        for miss in &part.misses {
            println!("  missed: {miss}");
        }
        assert!(name != "." || part.misses.is_empty(), "required tests are missed, see above");
        assert!(!suite.is_shared || part.passed() >= least, "{folder} {name}: fewer than {least}");
        // The older suite has fewer tests, most of all of formats.
        assert!(part.tests * 2 > least, "{folder} {name}: only {} tests", part.tests);
    }
}

/// Every file of `folder`, not of the folders in it.
fn run(folder: &Path, dialect: &str, documents: &Documents, name: &str) -> Part {
    let mut part = Part::default();
    let mut scratch = Scratch::new();
    for (file, text) in suite::files(folder) {
        for group in serde_json::from_str::<Vec<Group<'_>>>(&text).unwrap() {
            let schema = with_dialect(group.schema.get(), dialect);
            let validator = Validator::builder()
                .documents(documents.clone())
                .assert_formats(name == "optional/format")
                .assert_contents(name == "optional")
                .build(schema.as_bytes());
            for test in &group.tests {
                part.tests += 1;
                let name = format!("{file}: {}: {}", group.description, test.description);
                let validator = match &validator {
                    Ok(validator) => validator,
                    Err(error) => {
                        part.misses.push(format!("{name}: {error}"));
                        continue;
                    }
                };
                let data = test.data.get().as_bytes();
                // The first pass sizes the memory.
                let verdict = validator.check(data, &mut scratch).map_err(|why| why.reason());
                if verdict.is_ok() != test.valid {
                    part.misses.push(format!("{name}: {verdict:?}"));
                }
                let count = allocations(|| {
                    let again = validator.check(data, &mut scratch);
                    assert_eq!(again.map_err(|why| why.reason()), verdict, "{name}");
                    let _ = again
                        .map_err(|why| why.violations().map(|v| v.message.len()).sum::<usize>());
                });
                assert_eq!(count, 0, "{name}: a check allocates");
            }
        }
    }
    part
}

/// A schema that names no dialect is written in that of its folder.
fn with_dialect(schema: &str, dialect: &str) -> String {
    if schema.contains(r#""$schema""#) || !schema.starts_with('{') {
        return schema.to_owned();
    }
    let comma = if schema.trim_end_matches('}').trim() == "{" { "" } else { "," };
    schema.replacen('{', &format!(r#"{{"$schema":"{dialect}"{comma}"#), 1)
}

/// The documents that the suite serves at `http://localhost:1234/`, as far as they are of dialects that
/// we know.
fn remotes(folder: &Path) -> Documents {
    let mut documents = Documents::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
        let text = std::fs::read(&path).unwrap();
        documents.add(&format!("http://localhost:1234/{name}"), &text).unwrap();
    }
    documents
}

#[test]
fn a_missing_document_is_named() {
    let error =
        Validator::new(br#"{"items": {"$ref": "http://example.org/a.json#/x"}}"#).unwrap_err();
    assert_eq!(error.path, "/items/$ref");
    assert!(error.message.contains("http://example.org/a.json,"), "{error}");
    assert!(error.message.contains("nothing is ever fetched"), "{error}");
}
