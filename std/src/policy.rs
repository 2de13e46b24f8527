//! Policies from files: TOML for people, JSON for programs.
//!
//! [`open`] takes what a person writes after `--policy`, a preset's name or a path. [`PolicyFile`]
//! also keeps the text, so that errors and rules can be shown as `file:line:column`. At most 1 MiB
//! is read.

mod source;
mod toml;
mod zones;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub use airlock_core::policy::*;
pub use zones::IanaZones;

use self::source::Source;
use self::tree::{MAX_DOCUMENT, Span, Tree};

/// Opens the preset or the `.toml` or `.json` file that `arg` names. A preset comes first: a file
/// that is called like one is opened as `./strict`.
///
/// # Errors
/// See [`Error`].
pub fn open(arg: &str) -> Result<Policy, Error> {
    PolicyFile::open(arg).map(|file| file.policy)
}

/// A policy and the text that it was compiled from.
#[derive(Debug)]
pub struct PolicyFile {
    policy: Policy,
    /// `None` for a preset.
    source: Option<Source>,
}

impl PolicyFile {
    /// Opens the preset or file that `arg` names, like [`open`].
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(arg: &str) -> Result<Self, Error> {
        match (Policy::preset(arg), Format::of(arg)) {
            (Ok(policy), _) => Ok(Self { policy, source: None }),
            (Err(_), Some(format)) => Self::read(arg, format),
            (Err(_), None) if Path::new(arg).exists() => {
                Err(Error::new(format!("{arg}: a policy file ends in .toml or .json")))
            }
            (Err(error), None) => Err(Error::new(format!("{arg}: {error}"))),
        }
    }

    /// Compiles `text` as if it were the content of the file called `name`.
    ///
    /// # Errors
    /// What cannot be read or honoured, and a name that ends in neither `.toml` nor `.json`.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        match Format::of(name) {
            Some(format) => Self::compile(Source::new(name, text), format),
            None => Err(Error::new(format!("{name}: a policy file ends in .toml or .json"))),
        }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The policy, without its text.
    #[must_use]
    pub fn into_policy(self) -> Policy {
        self.policy
    }

    /// Where a rule stands, as `file:line`; `None` for a rule of a preset.
    #[must_use]
    pub fn place_of(&self, rule: RuleRef<'_>) -> Option<String> {
        let (source, Span { start, .. }) = (self.source.as_ref()?, rule.span?);
        Some(format!("{}:{}", source.name(), source.position(start).line))
    }

    /// The directory of the file, where relative paths in it begin; that of the process for a preset.
    #[must_use]
    pub fn directory(&self) -> &Path {
        let file = self.source.as_ref().map(|source| Path::new(source.name()));
        file.and_then(Path::parent).unwrap_or(Path::new(""))
    }

    /// Shows an error that was found after compiling, like a mask that does not exist, in the text.
    #[must_use]
    pub fn explain(&self, error: &PolicyError) -> Error {
        match &self.source {
            Some(source) => Error::new(source.render(error)),
            None => Error::new(error.to_string()),
        }
    }

    fn read(path: &str, format: Format) -> Result<Self, Error> {
        let text = read_bounded(Path::new(path))
            .map_err(|error| Error { message: format!("{path}: {error}"), io: Some(error) })?;
        Self::compile(Source::new(path, &text), format)
    }

    fn compile(source: Source, format: Format) -> Result<Self, Error> {
        let tree = match format {
            Format::Json => Tree::from_json(source.text()),
            Format::Toml => toml::parse(source.text()),
        };
        match tree.and_then(|tree| Policy::compile(&tree, &IanaZones)) {
            Ok(policy) => Ok(Self { policy, source: Some(source) }),
            Err(error) => Err(Error::new(source.render(&error))),
        }
    }
}

/// Why a policy cannot be opened, ready to be shown: for an error in the text `file:line:column:
/// message`, the line with a marker below the place, and a hint where there is one.
#[derive(Debug)]
pub struct Error {
    message: String,
    io: Option<io::Error>,
}

impl Error {
    const fn new(message: String) -> Self {
        Self { message, io: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io.as_ref().map(|error| error as _)
    }
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Toml,
}

impl Format {
    fn of(path: &str) -> Option<Self> {
        match Path::new(path).extension()?.to_str()? {
            end if end.eq_ignore_ascii_case("json") => Some(Self::Json),
            end if end.eq_ignore_ascii_case("toml") => Some(Self::Toml),
            _ => None,
        }
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_DOCUMENT as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_DOCUMENT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a policy has at most 1 MiB"));
    }
    Ok(text)
}
