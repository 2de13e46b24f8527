use std::sync::Barrier;
use std::thread;

use super::*;

/// A folder of one test, removed with it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn pins(&self) -> PathBuf {
        self.0.path().join("pins.json")
    }
}

fn definition(name: &str, description: &str) -> Definition {
    let json = format!(r#"{{"name":"{name}","description":"{description}","inputSchema":{{}}}}"#);
    Definition::read(json.as_bytes()).unwrap()
}

fn standing(file: &PinFile, name: &str, description: &str) -> Standing {
    file.meet(&[definition(name, description)], true).unwrap().remove(0)
}

#[test]
fn pins_outlive_the_process_and_only_approval_changes_them() {
    let folder = Folder::new();
    let open = || PinFile::open(&folder.pins(), "s").unwrap();
    assert_eq!(standing(&open(), "echo", "a"), Standing::New);
    assert_eq!(standing(&open(), "echo", "a"), Standing::Known);
    assert!(matches!(standing(&open(), "echo", "b"), Standing::Changed(_)));
    assert!(matches!(standing(&open(), "echo", "b"), Standing::Changed(_)));
    let other = PinFile::open(&folder.pins(), "another").unwrap();
    assert_eq!(standing(&other, "echo", "b"), Standing::New, "servers have pins of their own");
    let digest = definition("echo", "b").digest();
    let file = open();
    assert!(
        update(&folder.pins(), |book| book.servers.get_mut("s").unwrap().approve("echo", digest))
            .unwrap()
    );
    assert_eq!(standing(&file, "echo", "b"), Standing::Known, "in force without a restart");
    let book = read(&folder.pins()).unwrap();
    assert_eq!(format::read(format::write(&book).as_bytes()).unwrap(), book);
}

#[test]
fn a_list_without_news_writes_nothing() {
    let folder = Folder::new();
    let file = PinFile::open(&folder.pins(), "s").unwrap();
    assert!(!folder.pins().exists(), "opening writes nothing");
    assert!(file.meet(&[], true).unwrap().is_empty());
    assert!(!folder.pins().exists(), "a list without tools writes nothing");
    standing(&file, "echo", "a");
    let written = fs::metadata(folder.pins()).unwrap().modified().unwrap();
    for _ in 0..3 {
        standing(&file, "echo", "a");
    }
    assert_eq!(fs::metadata(folder.pins()).unwrap().modified().unwrap(), written);
}

#[test]
fn a_file_that_cannot_be_understood_is_not_an_empty_one() {
    let folder = Folder::new();
    let path = folder.pins();
    let file = PinFile::open(&path, "s").unwrap();
    standing(&file, "echo", "a");
    let whole = fs::read_to_string(&path).unwrap();
    let damaged = [
        (String::new(), "no JSON"),
        (whole[..whole.len() / 2].to_owned(), "no JSON"),
        ("[]".into(), "does not say"),
        (whole.replace("\"description\":\"a\"", "\"description\":\"b\""), "digest"),
        (whole.replace("\"echo\": {", "\"other\": {"), "another"),
        (whole.replace("\"approved\"", "\"aproved\""), "unknown member"),
        (whole.replace("\"s\": {", "\"s\\u0000\": {"), "key"),
        (whole.replace("\"airlock_pins\": 1", "\"airlock_pins\": 2"), "newer version"),
    ];
    for (text, why) in damaged {
        fs::write(&path, &text).unwrap();
        let opened = PinFile::open(&path, "s").unwrap_err().to_string();
        assert!(opened.contains(why) && opened.contains("pins.json"), "{opened}");
        let met = KeepPins::meet(&file, &[definition("echo", "a")], true).unwrap_err();
        assert!(met.contains(why), "{met}");
        assert!(update(&path, |_| ()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "left as it was");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(PinFile::open(&path, "s").unwrap_err().to_string().contains("cannot read"));
}

#[test]
fn runs_at_the_same_time_do_not_lose_each_others_pins() {
    let folder = Folder::new();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for worker in 0..8 {
            let (path, start) = (folder.pins(), &start);
            scope.spawn(move || {
                let file = PinFile::open(&path, &format!("server-{}", worker % 2)).unwrap();
                start.wait();
                for index in 0..8 {
                    standing(&file, &format!("tool-{worker}-{index}"), "a");
                }
            });
        }
    });
    let book = read(&folder.pins()).unwrap();
    assert_eq!(book.servers.values().map(|pins| pins.iter().count()).sum::<usize>(), 64);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_file_stays_a_link() {
    let folder = Folder::new();
    let real = folder.0.path().join("real.json");
    fs::write(&real, format::write(&Book::default())).unwrap();
    std::os::unix::fs::symlink(&real, folder.pins()).unwrap();
    standing(&PinFile::open(&folder.pins(), "s").unwrap(), "echo", "a");
    assert!(fs::symlink_metadata(folder.pins()).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("echo"));
}

#[test]
fn the_key_of_a_command_tells_arguments_apart_and_shows_none() {
    let key = |command: &[&str]| key_of(&command.iter().map(OsString::from).collect::<Vec<_>>());
    let first = key(&["/usr/bin/npx", "-y", "server", "--token", "hunter2"]);
    assert!(first.starts_with("npx-") && !first.contains("hunter2") && is_key(&first), "{first}");
    assert_ne!(first, key(&["/usr/bin/npx", "-y", "server", "--token", "hunter3"]));
    assert_ne!(key(&["a", "bc"]), key(&["a", "b", "c"]));
    assert_ne!(key(&["a", "bc"]), key(&["a", "b c"]));
    assert!(is_key(&key(&[])));
    assert!(
        PinFile::open(Path::new("x"), "").is_err()
            && PinFile::open(Path::new("x"), "a\nb").is_err()
    );
}
