//! Kill switches that turn by themselves: by a file on this machine, by a key that a fleet shares.

#[cfg(feature = "redis")]
mod key;

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use airlock_core::policy::KillSwitch;
#[cfg(feature = "redis")]
pub use key::KillKey;

/// One switch for several causes: it is on while one of them holds. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    switch: KillSwitch,
    holding: Arc<Mutex<u8>>,
}

/// What may halt calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A file of this machine.
    File = 1,
    /// A key of the store that a fleet shares.
    Key = 2,
}

impl Cause {
    /// As records of the audit spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "kill_file",
            Self::Key => "kill_key",
        }
    }
}

impl Causes {
    /// Causes that turn a switch which the host may turn too: on it stays on while one of them holds.
    #[must_use]
    pub fn of(switch: KillSwitch) -> Self {
        Self { switch, ..Self::default() }
    }

    /// The switch, for the guard to read.
    #[must_use]
    pub const fn switch(&self) -> &KillSwitch {
        &self.switch
    }

    /// Says whether `cause` holds; whether it did not before, or the reverse. Each is one bit.
    fn set(&self, cause: Cause, holds: bool) -> bool {
        // The switch is turned under the lock, so that the last word is that of all causes.
        let mut holding = self.holding.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *holding;
        *holding = if holds { before | cause as u8 } else { before & !(cause as u8) };
        if *holding != 0 {
            self.switch.set(true);
        } else if before != 0 {
            self.switch.set(false);
        }
        *holding != before
    }
}

/// A file that halts all calls while it exists. What cannot be looked up counts as there.
#[derive(Clone, Debug)]
pub struct KillFile {
    path: PathBuf,
    causes: Causes,
}

impl KillFile {
    /// The file at `path`, with a switch of its own for the guard to read.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self::among(path, &Causes::default())
    }

    /// The file at `path`, as one of several `causes`.
    #[must_use]
    pub fn among(path: PathBuf, causes: &Causes) -> Self {
        Self { path, causes: causes.clone() }
    }

    /// The switch, as [`poll`](Self::poll) has left it.
    #[must_use]
    pub const fn switch(&self) -> &KillSwitch {
        self.causes.switch()
    }

    /// Looks for the file and turns the switch; whether it came or went. One call of the system.
    pub fn poll(&self) -> bool {
        self.turn().is_some()
    }

    /// [`poll`](Self::poll): whether the file is there now, if it came or went.
    pub(crate) fn turn(&self) -> Option<bool> {
        let missing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let halted = fs::symlink_metadata(&self.path).err().is_none_or(|error| !missing(&error));
        self.causes.set(Cause::File, halted).then_some(halted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_is_where_the_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kill");
        let kill = KillFile::new(path.clone());
        for there in [false, true, true, false] {
            let _ = if there { fs::write(&path, "") } else { fs::remove_file(&path) };
            let was = kill.switch().is_on();
            assert_eq!(kill.poll(), was != there);
            assert_eq!(kill.switch().is_on(), there);
        }
        // What is in the way of an answer is no answer that the file is missing.
        let kill = KillFile::new(std::env::current_exe().unwrap().join("kill"));
        assert!(kill.poll() && kill.switch().is_on());
    }
}
