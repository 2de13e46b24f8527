//! Whether files were changed, by asking now and then.
//!
//! A change is told once the files have been as they are for two questions, so that one that is being
//! written is not read half. Whoever replaces a file by renaming another one over it leaves no half at all.
//! One call of the system a file.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// Files that are watched.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    /// As they were when the last change was told.
    told: Vec<Option<Stamp>>,
    /// As they were when they were asked about last.
    seen: Vec<Option<Stamp>>,
}

/// What changes with a file; none of one that cannot be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    /// Where it is: another file of the same name is another file.
    inode: u64,
}

impl Watch {
    /// Watches the files at `paths`, which are taken to be known as they are now.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let told = stamps(&paths);
        Self { seen: told.clone(), told, paths }
    }

    /// Whether the files were changed since that was told last, and are at rest. To be asked once a second
    /// or so.
    pub fn poll(&mut self) -> bool {
        let now = stamps(&self.paths);
        let at_rest = now == self.seen;
        let changed = at_rest && now != self.told;
        if changed {
            self.told.clone_from(&now);
        }
        self.seen = now;
        changed
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Stamp { modified: metadata.modified().ok(), len: metadata.len(), inode })
    };
    paths.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watched");
        fs::write(&path, "a").unwrap();
        let mut watch = Watch::new(vec![path.clone()]);
        assert!(!watch.poll());
        fs::write(&path, "ab").unwrap();
        assert!(!watch.poll(), "it may be written still");
        fs::write(&path, "abc").unwrap();
        assert!(!watch.poll());
        assert!(watch.poll() && !watch.poll());
        // Another file of the same length in its place.
        let other = path.with_extension("new");
        fs::write(&other, "xyz").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(!watch.poll());
        assert!(watch.poll());
        fs::remove_file(&path).unwrap();
        assert!(!watch.poll());
        assert!(watch.poll(), "that it is gone is a change too");
    }
}
