//! `docs/detectors.md` is written from the tables: `cargo xtask gen` writes it, this test says when it is
//! stale.

use std::collections::BTreeMap;

use airlock_core::redact::Detector;

const GROUPS: [(&str, &str); 6] = [
    ("pii.core", "Personal data that its format tells."),
    ("pii.national", "Numbers that states and registries issue."),
    ("pii.weak", "Personal data without a format of its own: only beside its name."),
    ("secret.prefixed", "Keys with a beginning or a shape of their vendor's."),
    ("secret.auth", "Secrets that a protocol marks."),
    ("secret.assigned", "Secrets that only their name tells."),
];

#[test]
fn the_reference_is_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/detectors.md");
    let want = reference();
    if std::env::var_os("AIRLOCK_WRITE_REFERENCE").is_some() {
        std::fs::write(path, &want).expect("docs/ is writable");
    }
    let have = std::fs::read_to_string(path).unwrap_or_default();
    assert!(have == want, "docs/detectors.md is stale: run `cargo xtask gen`");
}

fn reference() -> String {
    let mut text = String::from(
        "# Detectors\n\nWritten by `cargo xtask gen` from the tables in `core/src/redact`. Each type is switched by its id or by \
         a part of it, as in `mask = [\"secret\", \"pii.core\", \"-pii.core.ip\"]`.\n\nIn a form `9` is a digit, `N` \
         one from 2 on, `A` a capital and `X` a digit or a capital; the rest is itself. A form *beside* counts only within 48 bytes behind one of the words, or \
         in a field of that name. A check accepts or refuses a number; it never refuses a token that a vendor's prefix \
         tells.\n",
    );
    for (group, about) in GROUPS {
        let mut types: BTreeMap<&str, Vec<Detector>> = BTreeMap::new();
        for detector in Detector::all().filter(|detector| detector.id().starts_with(group)) {
            types.entry(detector.id()).or_default().push(detector);
        }
        text += &format!("\n## {group}\n\n{about}\n\n");
        text += "| type | looks for | facts |\n| --- | --- | --- |\n";
        for (id, detectors) in types {
            let shapes: Vec<String> = detectors.iter().map(shape).collect();
            let mut facts: Vec<&str> = detectors.iter().map(Detector::facts).collect();
            facts.dedup();
            text += &format!("| `{id}` | {} | {} |\n", shapes.join("; "), facts.join("; "));
        }
    }
    text
}

fn shape(detector: &Detector) -> String {
    let code =
        |texts: &[&str]| texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" ");
    if let Some((prefixes, class, least, most)) = detector.beginnings() {
        let count = match most {
            Some(most) if most == least => format!("{least}"),
            Some(most) => format!("{least} to {most}"),
            None => format!("{least} or more"),
        };
        return format!("{} and {count} of `{class}`", code(prefixes));
    }
    let (alone, beside) = detector.forms();
    let mut parts = Vec::new();
    if !alone.is_empty() {
        parts.push(code(alone));
    }
    if !beside.is_empty() {
        parts.push(format!("beside {}: {}", detector.words().join(", "), code(beside)));
    }
    if parts.is_empty() { detector.shape().replace('|', "\\|") } else { parts.join("; ") }
}
