//! A kill switch that anyone who can write a file can turn.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use airlock_core::policy::KillSwitch;

/// A file that halts all calls while it exists. What cannot be looked up counts as there.
#[derive(Clone, Debug)]
pub struct KillFile {
    path: PathBuf,
    switch: KillSwitch,
}

impl KillFile {
    /// The file at `path`, with a switch of its own for the guard to read.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, switch: KillSwitch::new() }
    }

    /// The switch, as [`poll`](Self::poll) has left it.
    #[must_use]
    pub const fn switch(&self) -> &KillSwitch {
        &self.switch
    }

    /// Looks for the file and turns the switch; whether it was turned. One call of the system.
    pub fn poll(&self) -> bool {
        let missing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let halted = fs::symlink_metadata(&self.path).err().is_none_or(|error| !missing(&error));
        let turned = self.switch.is_on() != halted;
        self.switch.set(halted);
        turned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_is_where_the_file_is() {
        let path = std::env::temp_dir().join(format!("airlock-kill-{}", std::process::id()));
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
