//! The pin file: which tool definitions were approved, kept over runs and shared by processes.
//!
//! A file holds the pins of many servers, each under a key of its own. It is read whole at each list of
//! tools, so that an approval is in force at the next one, and written only when there is news: into a
//! file beside it that takes its place, so that a reader sees all of the old or all of the new. A lock
//! between processes keeps what another has written meanwhile. A file that cannot be understood is never
//! taken for an empty one.

mod format;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use airlock_core::pins::{Definition, KeepPins, Pins, Standing};
use sha2::{Digest, Sha256};

use crate::audit::lock::Lock;

/// Most bytes of a pin file.
const MAX_FILE: u64 = 64 << 20;
/// Most bytes of a server's key.
const MAX_KEY: usize = 128;

/// What a pin file holds: the pins of servers by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// The pins of each server.
    pub servers: BTreeMap<String, Pins>,
}

/// Why pins cannot be read or kept.
#[derive(Debug)]
pub struct PinError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Corrupt(&'static str),
    Key,
    Newer,
    Read(io::Error),
    TooLarge,
    Write(io::Error),
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::Corrupt(why) => write!(
                f,
                "the pin file {path} is damaged ({why}); restore it, or move it away and approve anew"
            ),
            Why::Key => write!(f, "the key of a server is 1 to {MAX_KEY} printable characters"),
            Why::Newer => write!(f, "the pin file {path} was written by a newer version"),
            Why::Read(error) => write!(f, "cannot read the pin file {path}: {error}"),
            Why::TooLarge => write!(f, "the pin file {path} is larger than {MAX_FILE} bytes"),
            Why::Write(error) => write!(f, "cannot write the pin file {path}: {error}"),
        }
    }
}

impl std::error::Error for PinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Read(error) | Why::Write(error) => Some(error),
            _ => None,
        }
    }
}

/// The key of the server that is started by `command`: the program's name and a digest of every argument,
/// which may hold a secret that is nobody's business in a file.
#[must_use]
pub fn key_of(command: &[OsString]) -> String {
    let mut hash = Sha256::new();
    for argument in command {
        let bytes = argument.as_encoded_bytes();
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    let program = command.first().and_then(|program| Path::new(program).file_name());
    let program = program.map(|name| name.to_string_lossy()).unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut key: String = program.chars().filter(plain).take(64).collect();
    key.push('-');
    for byte in hash.finalize().iter().take(8) {
        // A string takes everything.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

/// The pins of one server in a file.
#[derive(Clone, Debug)]
pub struct PinFile {
    path: PathBuf,
    server: String,
}

impl PinFile {
    /// The pins of the server with this key in the file at `path`, which need not exist yet.
    ///
    /// # Errors
    /// When there is a file that cannot be read or understood, or the key is none.
    pub fn open(path: &Path, server: &str) -> Result<Self, PinError> {
        let file = Self { path: path.into(), server: server.into() };
        if !is_key(server) {
            return Err(PinError { path: file.path, why: Why::Key });
        }
        read(path)?;
        Ok(file)
    }

    fn meet(&self, definitions: &[Definition], record: bool) -> Result<Vec<Standing>, PinError> {
        let none = Pins::default();
        let book = read(&self.path)?;
        let pins = book.servers.get(&self.server).unwrap_or(&none);
        let mut copy = pins.clone();
        let news = definitions.iter().any(|one| copy.meet(one, record));
        if !news {
            return Ok(definitions.iter().map(|one| pins.compare(one)).collect());
        }
        // Another process may have been first, so that it is all done again under the lock.
        update(&self.path, |book| {
            let pins = book.servers.entry(self.server.clone()).or_default();
            let standings = definitions.iter().map(|one| pins.compare(one)).collect();
            for definition in definitions {
                pins.meet(definition, record);
            }
            standings
        })
    }
}

impl KeepPins for PinFile {
    fn meet(&self, definitions: &[Definition], record: bool) -> Result<Vec<Standing>, String> {
        Self::meet(self, definitions, record).map_err(|error| error.to_string())
    }
}

/// Reads the file at `path`; one that does not exist holds nothing.
///
/// # Errors
/// When it cannot be read, is damaged, or was written by a newer version.
pub fn read(path: &Path) -> Result<Book, PinError> {
    let fail = |why| PinError { path: path.into(), why };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Book::default()),
        Err(error) => return Err(fail(Why::Read(error))),
    };
    let mut text = Vec::new();
    let read = file.take(MAX_FILE.saturating_add(1)).read_to_end(&mut text);
    read.map_err(|error| fail(Why::Read(error)))?;
    if text.len() as u64 > MAX_FILE {
        return Err(fail(Why::TooLarge));
    }
    format::read(&text).map_err(fail)
}

/// Changes the file at `path` while no other process does. It is left alone when nothing changes.
///
/// # Errors
/// When it cannot be read or written; it is then as it was.
pub fn update<R>(path: &Path, change: impl FnOnce(&mut Book) -> R) -> Result<R, PinError> {
    let fail = |error| PinError { path: path.into(), why: Why::Write(error) };
    // Through a link, so that the link stays one.
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == ErrorKind::NotFound => path.into(),
        Err(error) => return Err(fail(error)),
    };
    let _lock = Lock::wait(&beside(&target, ".lock")).map_err(fail)?;
    let mut book = read(&target)?;
    let before = book.clone();
    let result = change(&mut book);
    if book == before {
        return Ok(result);
    }
    let text = format::write(&book);
    if text.len() as u64 > MAX_FILE {
        return Err(PinError { path: path.into(), why: Why::TooLarge });
    }
    replace(&target, text.as_bytes()).map_err(fail)?;
    Ok(result)
}

/// Puts a file with this text in the place of the one at `path`, which is on the disk when this returns.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        // What is left of it is overwritten by the next.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// The path with `suffix` at its end.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && !key.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
