//! Test data that lies beside the checkout, or where `AIRLOCK_SHARED` says.
#![allow(dead_code, reason = "not every test needs every helper")]

use std::path::PathBuf;
use std::string::String;
use std::vec::Vec;
use std::{env, eprintln, fs};

/// The text of `data/{name}`; says so loudly when there is none.
pub(crate) fn text(name: &str) -> Option<String> {
    let text = root().and_then(|root| fs::read_to_string(root.join("data").join(name)).ok());
    if text.is_none() {
        eprintln!(
            "SKIPPED: shared/data/{name} is not here; set AIRLOCK_SHARED to the shared folder"
        );
    }
    text
}

/// Every line of `data/{name}` as JSON.
pub(crate) fn lines(name: &str) -> Option<Vec<serde_json::Value>> {
    Some(text(name)?.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The folder `data/{name}`; says so loudly when there is none.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let folder = root().map(|root| root.join("data").join(name)).filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("NOT HERE: shared/data/{name}; set AIRLOCK_SHARED to the shared folder");
    }
    folder
}

fn root() -> Option<PathBuf> {
    if let Some(root) = env::var_os("AIRLOCK_SHARED") {
        return Some(root.into());
    }
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|dir| dir.join("shared")).find(|dir| dir.join("data").is_dir())
}
