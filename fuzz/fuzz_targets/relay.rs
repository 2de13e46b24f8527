//! The message firewall: whoever reads what it passes on reads what it decided on.
//!
//! The bytes are lines of a conversation, each with its direction, or splices of valid messages. What is
//! forwarded must have one reading (no member twice), a forwarded `tools/call` must be for the tool and
//! the arguments that the guard allowed, and what the firewall writes itself must be JSON-RPC.
//!
//! `cargo +nightly fuzz run relay`, or without a sanitizer `cargo fuzz run -s none relay`.
#![no_main]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use airlock_core::mcp::{Action, Bounds, Event, Outcome, Relay};
use airlock_core::{Caller, Guard};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The tools of the server.
const LIST: &[u8] = br#"{"jsonrpc":"2.0","id":"l","result":{"tools":[
{"name":"echo","inputSchema":{"type":"object","properties":{"message":{"type":"string"},"n":{"type":"integer"}},"required":["message"]}},
{"name":"open","inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":{"k":{"type":"string"}}}}
]}}"#;

/// Messages to begin from: what a byte of the input selects, the following bytes then damage.
const TEMPLATES: [&str; 12] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi","ghost":1}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"open","arguments":{"a":[1,{"b":"\u0041"}]},"_meta":{}}}"#,
    r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"danger","arguments":{}}}"#,
    r#"{"jsonrpc":"2.0","id":"4","method":"resources/read","params":{"uri":"a"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    r#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"cursor":"c"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"password=hunter2xyz"},{"type":"text","text":"b"}],"_meta":{"password":"hunter2xyz"}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"result":{"content":[],"structuredContent":{"k":"4111111111111111"}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x","data":{"token":"abc"}}}"#,
    r#"{"jsonrpc":"2.0","id":"s","method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"a"}}]}}"#,
    r#"{"jsonrpc":"2.0","id":5,"result":{"tools":[{"name":"late","inputSchema":{"type":"object"}}],"nextCursor":"c"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
];

static GUARD: LazyLock<Arc<Guard>> =
    LazyLock::new(|| Arc::new(Guard::builder().build().expect("the preset builds")));

/// What passes only when no object has a member twice, once escapes are undone.
struct OneReading;

impl<'de> Deserialize<'de> for OneReading {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = OneReading;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<OneReading, E> {
                Ok(OneReading)
            }
            fn visit_i64<E>(self, _: i64) -> Result<OneReading, E> {
                Ok(OneReading)
            }
            fn visit_u64<E>(self, _: u64) -> Result<OneReading, E> {
                Ok(OneReading)
            }
            fn visit_f64<E>(self, _: f64) -> Result<OneReading, E> {
                Ok(OneReading)
            }
            fn visit_str<E>(self, _: &str) -> Result<OneReading, E> {
                Ok(OneReading)
            }
            fn visit_unit<E>(self) -> Result<OneReading, E> {
                Ok(OneReading)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneReading, A::Error> {
                while seq.next_element::<OneReading>()?.is_some() {}
                Ok(OneReading)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OneReading, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, _)) = map.next_entry::<String, OneReading>()? {
                    if !names.insert(name) {
                        return Err(A::Error::custom("a member occurs twice"));
                    }
                }
                Ok(OneReading)
            }
        }
        from.deserialize_any(Any)
    }
}

/// The message that every reader reads in `bytes`.
fn one_reading(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).expect("what is forwarded is UTF-8");
    let line = text.strip_suffix('\r').unwrap_or(text);
    assert!(!line.contains('\r'), "a reader with universal line ends sees two lines: {text:?}");
    if let Err(error) = serde_json::from_str::<OneReading>(text) {
        panic!("{error}: {text:?}");
    }
    serde_json::from_str(text).expect("it was read before")
}

/// Whether `message` is JSON-RPC 2.0 that answers.
fn is_answer(message: &Value) -> bool {
    message["jsonrpc"] == "2.0"
        && message.get("id").is_some()
        && message.get("method").is_none()
        && (message.get("result").is_some() != message.get("error").is_some())
}

/// The lines of the conversation: true for those of the client.
fn lines(bytes: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let line = |line: &[u8]| {
        let (&head, rest) = line.split_first()?;
        let message = match TEMPLATES.get(usize::from(head & 15)) {
            None => rest.to_vec(),
            Some(template) => {
                // Pairs of a place and a byte to put there; above 0xf0 the byte is inserted.
                let mut message = template.as_bytes().to_vec();
                for edit in rest.chunks_exact(2) {
                    if message.is_empty() {
                        break;
                    }
                    let at = usize::from(edit[0]) % message.len();
                    match edit[1] {
                        0xf0.. => message.insert(at, b"\"\\{}[],:"[usize::from(edit[1] & 7)]),
                        0x80..0xa0 => drop(message.remove(at)),
                        byte => message[at] = byte,
                    }
                }
                message
            }
        };
        Some((head & 16 == 0, message))
    };
    let whole = bytes.split(|&byte| byte == b'\n').filter_map(line).collect::<Vec<_>>();
    whole
        .into_iter()
        .map(|(client, line)| (client, line.split(|&b| b == b'\n').collect::<Vec<_>>().concat()))
        .collect()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut relay = Relay::new(Arc::clone(&GUARD), Bounds { pending: 4, ..Bounds::default() }, "n");
    let (caller, mut out) = (Caller::default(), Vec::new());
    let mut quiet = |_: &Event<'_>| Ok(());
    relay.client(
        br#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#,
        caller,
        None,
        &mut out,
        &mut quiet,
    );
    let list: Vec<u8> = LIST.iter().copied().filter(|&byte| byte != b'\n').collect();
    relay.server(&list, caller, &mut out, &mut quiet);
    for (client, line) in lines(bytes) {
        let mut allowed = Vec::new();
        let mut audit = |event: &Event<'_>| {
            match event.outcome {
                Outcome::Allowed(verdict) => allowed.push((
                    event.tool.unwrap_or_default().to_owned(),
                    Some(verdict.arguments().to_vec()),
                )),
                Outcome::Unchecked => {
                    allowed.push((event.tool.unwrap_or_default().to_owned(), None));
                }
                _ => {}
            }
            Ok(())
        };
        let mut action = if client {
            relay.client(&line, caller, None, &mut out, &mut audit)
        } else {
            relay.server(&line, caller, &mut out, &mut audit)
        };
        if action == Action::Hold {
            let request = relay.list_request().expect("a call is held for a list");
            assert_eq!(one_reading(&request)["method"], "tools/list");
            relay.abandon_list();
            action = relay.client(&line, caller, None, &mut out, &mut audit);
            assert_ne!(action, Action::Hold, "a call is held once");
        }
        match action {
            Action::Forward(bytes) if client => {
                let message = one_reading(bytes);
                let is_call = message["method"] == "tools/call";
                assert_eq!(is_call, !allowed.is_empty(), "{message}");
                if let [(tool, arguments)] = &allowed[..] {
                    assert_eq!(message["params"]["name"], **tool);
                    if let Some(arguments) = arguments {
                        let checked: Value = serde_json::from_slice(arguments).expect("JSON");
                        let sent = message["params"].get("arguments");
                        assert_eq!(sent.unwrap_or(&Value::Object(Default::default())), &checked);
                    }
                }
            }
            Action::Forward(bytes) => {
                // Errors in place of the answers of a batch are lines of their own.
                for line in bytes.split(|&byte| byte == b'\n') {
                    one_reading(line);
                }
            }
            Action::Answer(bytes) => {
                assert!(client, "only the client is answered");
                assert!(is_answer(&one_reading(bytes)));
            }
            Action::Drop | Action::Noise | Action::Hold => {}
        }
    }
});
