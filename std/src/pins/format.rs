//! The pin file as text: JSON, in an order that is always the same, a definition on each line.

use airlock_core::json::{Kind, Limits, Tape, Value, parse, write_string};
use airlock_core::pins::{Definition, Pin, Pins};

use super::{Book, MAX_FILE, Why, is_key};

/// The member that says what the file is; its value is the version.
const MARK: &str = "airlock_pins";
const VERSION: u64 = 1;

/// A string takes everything.
fn string(text: &str, out: &mut String) {
    let _ = write_string(text, out);
}

pub(super) fn write(book: &Book) -> String {
    let mut out = format!("{{\n  \"{MARK}\": {VERSION},\n  \"servers\": {{");
    let kept = book.servers.iter().filter(|(_, pins)| pins.iter().next().is_some());
    for (index, (key, pins)) in kept.enumerate() {
        out.push_str(if index > 0 { ",\n    " } else { "\n    " });
        string(key, &mut out);
        out.push_str(": {");
        for (index, (tool, pin)) in pins.iter().enumerate() {
            out.push_str(if index > 0 { ",\n      " } else { "\n      " });
            string(tool, &mut out);
            out.push_str(": {");
            let known = [("approved", &pin.approved), ("pending", &pin.pending)];
            let known = known.into_iter().filter_map(|(role, one)| Some((role, one.as_ref()?)));
            for (index, (role, definition)) in known.enumerate() {
                out.push_str(if index > 0 { ",\n        \"" } else { "\n        \"" });
                out.push_str(role);
                out.push_str("\": {\"digest\": \"");
                out.push_str(&definition.digest().to_string());
                out.push_str("\", \"definition\": ");
                out.push_str(&String::from_utf8_lossy(definition.text()));
                out.push('}');
            }
            out.push_str("\n      }");
        }
        out.push_str("\n    }");
    }
    out.push_str("\n  }\n}\n");
    out
}

pub(super) fn read(text: &[u8]) -> Result<Book, Why> {
    let mut tape = Tape::growable();
    // Room for the levels around a definition.
    let depth = Limits::MESSAGE.depth.saturating_add(8);
    let limits = Limits { bytes: usize::try_from(MAX_FILE).unwrap_or(usize::MAX), depth };
    let root = parse(text, limits, &mut tape).map_err(|_| Why::Corrupt("it is no JSON"))?.root();
    let version = root.get(MARK).and_then(Value::as_number).and_then(|number| number.as_u64());
    match version {
        None => return Err(Why::Corrupt("it does not say that it is one")),
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(Why::Newer),
        Some(_) => return Err(Why::Corrupt("there is no such version")),
    }
    known(root, &[MARK, "servers"])?;
    let mut book = Book::default();
    let servers = root.get("servers").ok_or(Why::Corrupt("it lists no servers"))?;
    for (key, server) in object(servers)?.members() {
        let key: String = key.chars().collect();
        if !is_key(&key) {
            return Err(Why::Corrupt("the key of a server"));
        }
        let mut pins = Pins::default();
        for (tool, pin) in object(server)?.members() {
            known(object(pin)?, &["approved", "pending"])?;
            let read = |role| pin.get(role).map(definition).transpose();
            let pin = Pin { approved: read("approved")?, pending: read("pending")? };
            if !pins.set(&tool.chars().collect::<String>(), pin) {
                return Err(Why::Corrupt("the definition of one tool stands under another"));
            }
        }
        book.servers.insert(key, pins);
    }
    Ok(book)
}

fn definition(value: Value<'_>) -> Result<Definition, Why> {
    known(object(value)?, &["definition", "digest"])?;
    let text = value.get("definition").ok_or(Why::Corrupt("a definition is missing"))?;
    let definition =
        Definition::read(text.raw()).map_err(|_| Why::Corrupt("a definition is none"))?;
    let digest: String = value
        .get("digest")
        .and_then(Value::as_str)
        .into_iter()
        .flat_map(|text| text.chars())
        .collect();
    if !definition.digest().is(&digest) {
        return Err(Why::Corrupt("a definition does not have the digest that it is said to have"));
    }
    Ok(definition)
}

fn object(value: Value<'_>) -> Result<Value<'_>, Why> {
    match value.kind() {
        Kind::Object => Ok(value),
        _ => Err(Why::Corrupt("something in it is no object")),
    }
}

/// Refuses members that this version does not know: writing would lose them.
fn known(object: Value<'_>, names: &[&str]) -> Result<(), Why> {
    let is_known =
        |key: airlock_core::json::Str<'_>| names.iter().any(|name| key.is(name.as_bytes()));
    match object.members().all(|(key, _)| is_known(key)) {
        true => Ok(()),
        false => Err(Why::Corrupt("an unknown member")),
    }
}
