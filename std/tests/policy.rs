//! Policy files, from a path to a decision or an error that shows the place.

// Clippy takes helpers of tests for library code.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../core/tests/support/shared.rs"]
mod shared;

use std::fs;
use std::path::{Path, PathBuf};

use airlock::core::Caller;
use airlock::policy::{self, Decision, Error, PolicyFile};

const NOBODY: Caller<'_> = Caller { agent: None, roles: &[], tenant: None };

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies").join(name);
    path.to_str().unwrap().to_owned()
}

fn toml_error(text: &str) -> String {
    PolicyFile::parse("p.toml", text).map(drop).unwrap_err().to_string()
}

/// A file in a folder that is removed when the test ends.
struct TempFile {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl TempFile {
    fn new(name: &str, content: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        Self { path, _folder: folder }
    }

    fn open(&self) -> Result<policy::Policy, Error> {
        policy::open(self.path.to_str().unwrap())
    }
}

#[test]
fn the_examples_do_what_they_say() {
    let minimal = policy::open(&example("minimal.toml")).unwrap();
    assert!(minimal.decide("read_file", &NOBODY).is_allow());
    assert!(!minimal.decide("DELETE_file", &NOBODY).is_allow());

    let file = PolicyFile::open(&example("filesystem.toml")).unwrap();
    let filesystem = file.policy();
    assert_eq!(filesystem.name(), Some("filesystem"));
    for tool in ["read_text_file", "read_multiple_files", "list_directory", "directory_tree"] {
        assert!(filesystem.decide(tool, &NOBODY).is_allow(), "{tool}");
    }
    for tool in ["write_file", "edit_file", "create_directory", "move_file", "delete_file"] {
        let Decision::Refuse { rule: Some(rule), hint: Some(_), .. } =
            filesystem.decide(tool, &NOBODY)
        else {
            panic!("{tool} is not denied with a hint")
        };
        let place = file.place_of(rule).unwrap();
        let (path, line) = place.rsplit_once(':').unwrap();
        assert!(path.ends_with("filesystem.toml"), "{place}");
        let text = fs::read_to_string(example("filesystem.toml")).unwrap();
        let line: usize = line.parse().unwrap();
        assert_eq!(text.lines().nth(line - 1), Some("[[rule]]"), "{tool}");
    }
    assert!(!filesystem.decide("new_tool", &NOBODY).is_allow());
    let words = |tool| {
        let output = filesystem.output(tool);
        (filesystem.mask_lists()[output.mask].words().count(), output.max_chars)
    };
    assert_eq!(words("read_file"), (4, Some(20_000)));
    assert_eq!(words("list_directory"), (1, Some(20_000)));
    assert_eq!(words("list_allowed_directories"), (0, Some(20_000)));
}

#[test]
fn toml_and_json_spell_the_same_policy() {
    let toml = r#"
        max_output_chars = 20_000
        [roles]
        viewer = []
        editor = ["viewer"]
        [agents]
        bob = { roles = ["editor"] }
        [[rule]]
        id = "a"
        effect = "allow"
        tools = ["read_*"]
        roles = ["viewer"]
        [output."read_*"]
        max_chars = 0x10
    "#;
    let json = r#"{"max_output_chars": 20000, "roles": {"viewer": [], "editor": ["viewer"]},
        "agents": {"bob": {"roles": ["editor"]}},
        "rule": [{"id": "a", "effect": "allow", "tools": ["read_*"], "roles": ["viewer"]}],
        "output": {"read_*": {"max_chars": 16}}}"#;
    for (name, text) in [("p.toml", toml), ("p.JSON", json)] {
        let policy = PolicyFile::parse(name, text).unwrap().into_policy();
        let editor = Caller { roles: &["editor"], ..NOBODY };
        assert!(policy.decide("read_x", &editor).is_allow());
        assert!(!policy.decide("read_x", &NOBODY).is_allow());
        assert_eq!(policy.agent("bob").unwrap().roles().collect::<Vec<_>>(), ["editor"]);
        assert_eq!(policy.output("read_x").max_chars, Some(16));
        assert_eq!(policy.output("x").max_chars, Some(20_000));
    }
}

#[test]
fn an_error_shows_the_place() {
    let text = "[[rule]]\nid = \"a\"\neffect = \"dney\"\ntools = [\"x\"]\n";
    assert_eq!(
        toml_error(text),
        "p.toml:3:10: rule[0].effect: `dney` is not known here\n  |\n3 | effect = \"dney\"\n  \
         |          ^^^^^^\n  = did you mean `deny`?"
    );
    for (text, expected) in [
        ("hide = true\nhid = 1\n", "p.toml:2:1: hid: unknown key"),
        ("[roles]\na = [\"b\"]\n", "p.toml:2:6: roles.a[0]: the role `b` is not in [roles]"),
        (
            "hide = true\n\n[[rule]]\nid = \"a\"\n",
            "p.toml:3:1: rule[0]: the key `effect` is missing",
        ),
        (
            "[output.\"*\"]\nmax_chars = 1.5\n",
            "p.toml:2:13: output.\"*\".max_chars: must be a whole",
        ),
        ("[[rule]]\nid = 2026-01-01\n", "p.toml:2:6: rule[0].id: must be a string, not a date"),
        ("max_output_chars = 99999999999999999999\n", "p.toml:1:20: max_output_chars: must be"),
        (
            "[[rule]]\nid = \"a\"\neffect = \"deny\"\ntools = \"x\"\n[rule.when]\n\"args.a\" = { gt = 1.5, glb = \"x\" }\n",
            "p.toml:6:24: rule[0].when.\"args.a\".glb: unknown key",
        ),
        ("a = [\n", "p.toml:"),
        ("hide = true\nhide = true\n", "p.toml:2:1: duplicate key"),
    ] {
        let error = toml_error(text);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn json_errors_show_the_place_too() {
    let error = PolicyFile::parse("p.json", "{\n  \"hide\": 1\n}").map(drop).unwrap_err();
    assert!(error.to_string().starts_with("p.json:2:11: hide: must be true or false"), "{error}");
    let error = PolicyFile::parse("p.json", "{\n  hide: 1\n}").map(drop).unwrap_err();
    assert!(error.to_string().starts_with("p.json:2:3: a member name"), "{error}");
}

#[test]
fn an_argument_is_a_preset_or_a_file() {
    assert!(policy::open("permissive").is_ok());
    for preset in ["read_only", "strict", "business_hours"] {
        assert!(policy::open(preset).is_ok(), "{preset}");
    }
    for (arg, part) in [
        ("read-only", "did you mean `read_only`?"),
        ("no/such/file.toml", "no/such/file.toml: "),
        ("policy.yaml", "policy.yaml: no preset has this name"),
        (env!("CARGO_MANIFEST_DIR"), "ends in .toml or .json"),
    ] {
        let error = policy::open(arg).map(drop).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let missing = policy::open("no/such/file.toml").map(drop).unwrap_err();
    assert!(std::error::Error::source(&missing).is_some());
}

#[test]
fn files_are_bounded_and_must_be_text() {
    let fits = TempFile::new("fits.toml", &b"#".repeat(1 << 20));
    assert!(fits.open().is_ok());
    let large = TempFile::new("large.toml", &b"#".repeat((1 << 20) + 1));
    assert!(large.open().map(drop).unwrap_err().to_string().contains("at most 1 MiB"));
    let binary = TempFile::new("binary.json", b"{\"name\": \"\xff\"}");
    assert!(binary.open().map(drop).unwrap_err().to_string().contains("UTF-8"));
    let deep = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(PolicyFile::parse("p.toml", &deep).is_err());
}

#[test]
fn a_mask_error_found_later_shows_the_place() {
    let text = "[output]\n\"*\" = { mask = [\"sceret\"] }\n";
    let file = PolicyFile::parse("p.toml", text).unwrap();
    let list = &file.policy().mask_lists()[file.policy().output("x").mask];
    let error = file.explain(&list.error("`sceret` is no type")).to_string();
    assert!(error.starts_with("p.toml:2:16: output.\"*\".mask: `sceret` is no type\n"), "{error}");
}

#[test]
fn the_examples_in_the_documentation_compile() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let text = fs::read_to_string(path).unwrap();
    let mut seen = 0;
    for block in text.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if let Err(error) = PolicyFile::parse("docs/policy.toml", block) {
            panic!("{error}");
        }
        seen += 1;
    }
    assert!(seen >= 8);
}

/// What a policy asks for and comes later is refused, not half obeyed.
#[test]
fn policies_that_need_more_are_refused_with_the_place() {
    let text = "default = \"deny\"\n[sandbox]\nimage = \"x\"\n";
    let error = PolicyFile::parse("p.toml", text).map(drop).unwrap_err().to_string();
    assert!(error.contains("this version does not support"), "{error}");
    assert_eq!(error.lines().count(), 4, "{error}");
}

#[test]
fn the_policies_of_the_specification_open_as_they_are() {
    let Some(folder) = shared::folder("policy") else { return };
    for name in ["fs.toml", "pay.toml"] {
        policy::open(folder.join(name).to_str().unwrap()).unwrap();
    }
}

/// Business hours are those of the wall clock, also on the days on which it is changed.
#[test]
fn windows_follow_the_clocks_of_their_zone() {
    let file = PolicyFile::parse("p.toml", "preset = \"business_hours\"\ntz = \"Europe/Berlin\"\n");
    let guard = airlock::core::Guard::builder().policy(file.unwrap().into_policy()).unwrap();
    let tool = airlock::core::ToolDefinition {
        name: "drop_table",
        input_schema: br#"{"type": "object"}"#,
        output_schema: None,
    };
    let guard = guard.tool(tool).unwrap().build().unwrap();
    let allowed = |second: u64| {
        let call = airlock::core::Call {
            tool: "drop_table",
            arguments: b"{}",
            now: Some(second * 1000),
            ..Default::default()
        };
        let mut scratch = guard.scratch();
        matches!(guard.check(&call, &mut scratch), airlock::core::Verdict::Allow(_))
    };
    // 28 and 29 March 2026, each at 07:30 and at 15:30 UTC; clocks change in between.
    assert!(!allowed(1_774_683_000), "08:30 in winter");
    assert!(allowed(1_774_711_800), "16:30 in winter");
    assert!(allowed(1_774_769_400), "09:30 in summer");
    assert!(!allowed(1_774_798_200), "17:30 in summer");
    for zone in ["Europe/Atlantis", "europe/berlin", "", "EST5EDT,M3.2.0,M11.1.0"] {
        let text = format!("tz = {zone:?}\n");
        assert!(toml_error(&text).starts_with("p.toml:1:6: tz: no time zone"), "{zone}");
    }
}

/// `rm -rf / --no-preserve-root` does not pass in any disguise, and ordinary work does.
#[test]
fn the_shell_example_refuses_what_destroys() {
    let policy = policy::open(&example("shell.toml")).unwrap();
    let tool = airlock::core::ToolDefinition {
        name: "run",
        input_schema: br#"{"type": "object"}"#,
        output_schema: None,
    };
    let guard = airlock::core::Guard::builder().policy(policy).unwrap();
    let guard = guard.tool(tool).unwrap().build().unwrap();
    let mut scratch = guard.scratch();
    let mut allowed = |command: serde_json::Value| {
        let arguments = serde_json::json!({ "command": command }).to_string();
        let arguments = arguments.as_bytes();
        let call = airlock::core::Call { tool: "run", arguments, ..Default::default() };
        matches!(guard.check(&call, &mut scratch), airlock::core::Verdict::Allow(_))
    };
    let rm = "rm -rf / --no-preserve-root";
    let encoded = "cm0gLXJmIC8gLS1uby1wcmVzZXJ2ZS1yb290";
    for line in [
        rm.to_owned(),
        format!("/bin/{rm}"),
        format!("busybox {rm}"),
        format!("sudo -n {rm}"),
        format!("env {rm}"),
        format!("env -i PATH=/bin {rm}"),
        format!("sh -c '{rm}'"),
        format!("bash -lc \"{rm}\""),
        format!("sh -c \"sh -c '{rm}'\""),
        format!("ls; {rm}"),
        format!("true && {rm}"),
        format!("false || {rm}"),
        format!("ls\n{rm}"),
        format!("ls | {rm}"),
        format!("({rm})"),
        format!("$({rm})"),
        format!("`{rm}`"),
        format!("eval '{rm}'"),
        "'rm' '-rf' '/' '--no-preserve-root'".to_owned(),
        "r''m -r\"f\" / --no-preserve-root".to_owned(),
        "r\\m -rf / --no-preserve-root".to_owned(),
        "rm$IFS-rf$IFS/$IFS--no-preserve-root".to_owned(),
        "rm${IFS}-rf${IFS}/".to_owned(),
        "{rm,-rf,/,--no-preserve-root}".to_owned(),
        "a=rm; $a -rf /".to_owned(),
        format!("echo {encoded} | base64 -d | sh"),
        format!("base64 -d <<< {encoded} | bash"),
        format!("bash -c \"$(echo {encoded} | base64 -d)\""),
        format!("sh <(echo {encoded} | base64 -d)"),
        format!("python3 -c \"import os; os.system('{rm}')\""),
        "find / -delete".to_owned(),
        "find / -exec rm -rf {} +".to_owned(),
        "xargs rm -rf < list".to_owned(),
        "rm /etc/passwd".to_owned(),
        "rm ../x".to_owned(),
        "rm *".to_owned(),
        "'unbalanced".to_owned(),
    ] {
        assert!(!allowed(line.as_str().into()), "{line}");
    }
    for words in [
        &["rm", "-rf", "/", "--no-preserve-root"][..],
        &["/bin/rm", "-rf", "/"],
        &["sh", "-c", rm],
        &["env", "sh", "-c", "ls; rm -rf /"],
        &["busybox", "rm", "-r", "/"],
    ] {
        assert!(!allowed(words.into()), "{words:?}");
    }
    assert!(!allowed(serde_json::json!({ "line": "ls" })));
    for line in [
        "rm build/a.o",
        "rm -f build/*.o",
        "ls -la / | head -n 5",
        "git commit -m \"it's done\" && git push",
        "cargo test 2>&1 | tail",
        "echo 'rm -rf /'",
        "grep -rn 'rm -rf' src",
        "python3 tools/gen.py --out build",
        "cat \"$HOME/notes.txt\"",
    ] {
        assert!(allowed(line.into()), "{line}");
    }
    assert!(allowed(["rm", "build/a.o"][..].into()));
}

/// Every example, in files and in the documentation, satisfies the published schema.
#[test]
fn the_examples_satisfy_the_published_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = fs::read(root.join("schemas/policy.schema.json")).unwrap();
    let tool =
        airlock::core::ToolDefinition { name: "t", input_schema: &schema, output_schema: None };
    let guard = airlock::core::Guard::builder().tool(tool).unwrap().build().unwrap();
    let mut documents = Vec::new();
    for file in fs::read_dir(root.join("examples/policies")).unwrap() {
        documents.push(fs::read_to_string(file.unwrap().path()).unwrap());
    }
    let text = fs::read_to_string(root.join("docs/policy.md")).unwrap();
    let blocks = text.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    documents.extend(blocks.map(str::to_owned));
    assert!(documents.len() > 8);
    let wrong = "[[rule]]\nid = \"a\"\neffect = \"dney\"\ntools = \"x\"\n".to_owned();
    for (text, valid) in documents.iter().map(|text| (text, true)).chain([(&wrong, false)]) {
        let document: serde_json::Value = toml::from_str(text).unwrap();
        let arguments = document.to_string();
        let arguments = arguments.as_bytes();
        let call = airlock::core::Call { tool: "t", arguments, ..Default::default() };
        let mut scratch = guard.scratch();
        let verdict = guard.check(&call, &mut scratch);
        let allowed = matches!(verdict, airlock::core::Verdict::Allow(_));
        assert_eq!(allowed, valid, "{text}\n{verdict:?}");
    }
}
