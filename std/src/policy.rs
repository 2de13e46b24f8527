//! Policies from files: TOML for people, JSON for programs.
//!
//! [`open`] takes what a person writes after `--policy`, a preset's name or a path. [`PolicyFile`]
//! also keeps the text, so that errors and rules can be shown as `file:line:column`. At most 1 MiB
//! is read.

pub mod diff;
mod source;
#[cfg(feature = "sql")]
mod sql;
pub mod tests;
mod toml;
mod zones;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

pub use airlock_core::policy::*;
pub use source::{Finding, Level};
#[cfg(feature = "sql")]
pub use sql::SqlParser;
pub use zones::IanaZones;

use sha2::{Digest, Sha256};

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

/// Compiles a document in JSON, for programs that show errors themselves.
///
/// # Errors
/// The first thing in it that cannot be read or honoured, with its place.
pub fn compile_json(text: &str) -> Result<Policy, PolicyError> {
    Policy::compile(&Tree::from_json(text)?, &IanaZones)
}

/// Compiles a document in TOML, for programs that show errors themselves.
///
/// # Errors
/// The first thing in it that cannot be read or honoured, with its place.
pub fn compile_toml(text: &str) -> Result<Policy, PolicyError> {
    Policy::compile(&toml::parse(text)?, &IanaZones)
}

/// A policy and the texts that it was compiled from.
#[derive(Debug)]
pub struct PolicyFile {
    policy: Policy,
    sources: Sources,
}

/// The texts of a policy, to show where something stands: one, or several of a stack.
#[derive(Debug)]
pub struct Sources {
    layers: Vec<Layer>,
}

/// One policy of a stack.
#[derive(Debug)]
struct Layer {
    /// What was opened: a path, or the name of a preset.
    name: String,
    /// `None` for a preset.
    text: Option<(Source, Tree)>,
}

impl PolicyFile {
    /// Opens the preset or file that `arg` names, like [`open`].
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(arg: &str) -> Result<Self, Error> {
        match (Policy::preset(arg), Format::of(arg)) {
            (Ok(policy), _) => Ok(Self::new(policy, Layer { name: arg.to_owned(), text: None })),
            (Err(_), Some(format)) => Self::read(arg, format),
            (Err(_), None) if Path::new(arg).exists() => {
                Err(Error::new(format!("{arg}: a policy file ends in .toml or .json")))
            }
            (Err(error), None) => Err(Error::new(format!("{arg}: {error}"))),
        }
    }

    /// Opens several presets or files as a stack: each can only narrow those before it, see
    /// [`Policy::narrowed_by`]. No policy at all is an error.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open_stack(args: &[impl AsRef<str>]) -> Result<Self, Error> {
        let mut files = args.iter().map(|arg| Self::open(arg.as_ref()));
        let Some(first) = files.next() else {
            return Err(Error::new("no policy was given".to_owned()));
        };
        files.try_fold(first?, |upper, lower| upper.narrowed_by(lower?))
    }

    /// Puts `lower` under this policy, which it can only narrow.
    ///
    /// # Errors
    /// What [`Policy::narrowed_by`] refuses.
    pub fn narrowed_by(mut self, lower: Self) -> Result<Self, Error> {
        self.sources.layers.extend(lower.sources.layers);
        match self.policy.narrowed_by(lower.policy) {
            Ok(policy) => Ok(Self { policy, sources: self.sources }),
            Err(error) => Err(self.sources.explain(&error)),
        }
    }

    /// This policy with `repair` besides what it says, for the tools that the pattern `tools` covers.
    ///
    /// # Errors
    /// When `tools` is no pattern.
    pub fn with_repair(self, tools: &str, repair: Repair) -> Result<Self, Error> {
        let Self { policy, sources } = self;
        match policy.with_repair(tools, repair) {
            Ok(policy) => Ok(Self { policy, sources }),
            Err(error) => Err(Error::new(format!("the pattern {tools:?}: {error}"))),
        }
    }

    /// This policy with another answer to near misses.
    #[must_use]
    pub fn with_near_miss(self, near_miss: NearMiss) -> Self {
        Self { policy: self.policy.with_near_miss(near_miss), ..self }
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

    /// The texts.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The policy, without its text.
    #[must_use]
    pub fn into_policy(self) -> Policy {
        self.policy
    }

    /// The policy and its texts, for who gives the policy to a guard and shows what it says.
    #[must_use]
    pub fn into_parts(self) -> (Policy, Sources) {
        (self.policy, self.sources)
    }

    /// Where a rule stands, as `file:line`; `None` for a rule of a preset.
    #[must_use]
    pub fn place_of(&self, rule: RuleRef<'_>) -> Option<String> {
        self.sources.place_of(rule)
    }

    /// The directory of the file, where relative paths in it begin; that of the process for a preset.
    #[must_use]
    pub fn directory(&self) -> &Path {
        let file = self.sources.source(0).map(|source| Path::new(source.name()));
        file.and_then(Path::parent).unwrap_or(Path::new(""))
    }

    /// Shows an error that was found after compiling, like a mask that does not exist, in the text.
    #[must_use]
    pub fn explain(&self, error: &PolicyError) -> Error {
        self.sources.explain(error)
    }

    /// What is probably not meant; `tools` are the names of all tools that there are, when they are
    /// known.
    #[must_use]
    pub fn lint(&self, tools: Option<&[&str]>) -> Vec<Finding> {
        let remarks = self.policy.lint(tools);
        remarks.into_iter().map(|remark| self.sources.finding(remark)).collect()
    }

    fn new(policy: Policy, layer: Layer) -> Self {
        Self { policy, sources: Sources { layers: vec![layer] } }
    }

    fn read(path: &str, format: Format) -> Result<Self, Error> {
        let text = read_bounded(Path::new(path)).map_err(|error| {
            let message = format!("{path}: {error}");
            Error { message, io: Some(error), finding: None }
        })?;
        Self::compile(Source::new(path, &text), format)
    }

    fn compile(source: Source, format: Format) -> Result<Self, Error> {
        let tree = match format {
            Format::Json => Tree::from_json(source.text()),
            Format::Toml => toml::parse(source.text()),
        };
        let compiled = tree.and_then(|tree| {
            let policy = Policy::compile_with(&tree, &IanaZones, sql_reader())?;
            Ok((policy, tree))
        });
        match compiled {
            Ok((policy, tree)) => {
                let name = source.name().to_owned();
                Ok(Self::new(policy, Layer { name, text: Some((source, tree)) }))
            }
            Err(error) => Err(Error::found(&source, &error)),
        }
    }
}

impl Sources {
    /// Where a rule stands, as `file:line`; `None` for a rule of a preset.
    #[must_use]
    pub fn place_of(&self, rule: RuleRef<'_>) -> Option<String> {
        self.place(rule.layer, rule.span?)
    }

    /// Where a part of the text of a layer begins, as `file:line`; `None` for a preset.
    #[must_use]
    pub fn place(&self, layer: usize, span: Span) -> Option<String> {
        let source = self.source(layer)?;
        Some(format!("{}:{}", source.name(), source.position(span.start).line))
    }

    /// What tells these texts from others: the SHA-256 over the names of presets and the texts of files, as
    /// 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for Layer { name, text } in &self.layers {
            let text = text.as_ref().map_or(&**name, |(source, _)| source.text());
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Shows an error that was found after compiling, like a mask that does not exist, in the text.
    #[must_use]
    pub fn explain(&self, error: &PolicyError) -> Error {
        match self.source(error.layer) {
            Some(source) => Error::found(source, error),
            None => Error::new(error.to_string()),
        }
    }

    fn source(&self, layer: usize) -> Option<&Source> {
        self.layers.get(layer)?.text.as_ref().map(|(source, _)| source)
    }

    fn finding(&self, remark: Remark) -> Finding {
        let Remark { code, span, message, hint, layer, .. } = remark;
        let mut error = PolicyError::new(span.unwrap_or_default(), "", message);
        error.hint = hint;
        match (self.source(layer), span) {
            (Some(source), Some(_)) => source.finding(Level::Warning, code, &error),
            _ => {
                let file = self.layers.get(layer).map_or("", |layer| &layer.name);
                Finding::without_place(file, Level::Warning, code, &error)
            }
        }
    }
}

/// Why a policy cannot be opened, ready to be shown: for an error in the text `file:line:column:
/// message`, the line with a marker below the place, and a hint where there is one.
#[derive(Debug)]
pub struct Error {
    message: String,
    io: Option<io::Error>,
    finding: Option<Box<Finding>>,
}

impl Error {
    const fn new(message: String) -> Self {
        Self { message, io: None, finding: None }
    }

    fn found(source: &Source, error: &PolicyError) -> Self {
        let finding = source.finding(Level::Error, "invalid", error);
        Self { message: finding.shown.clone(), io: None, finding: Some(Box::new(finding)) }
    }

    /// The error as data, when it is about a place in a document.
    #[must_use]
    pub fn finding(&self) -> Option<&Finding> {
        self.finding.as_deref()
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

#[cfg(feature = "sql")]
#[allow(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn sql_reader() -> Option<Arc<dyn Sql>> {
    Some(Arc::new(SqlParser))
}

#[cfg(not(feature = "sql"))]
fn sql_reader() -> Option<Arc<dyn Sql>> {
    None
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_DOCUMENT as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_DOCUMENT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a policy has at most 1 MiB"));
    }
    Ok(text)
}
