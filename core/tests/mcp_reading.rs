//! Whatever a client writes, the server must not read another message than the one that was decided on.
//!
//! Messages are written by a generator that knows the tricks: escaped, repeated and look-alike members,
//! line breaks that are white space to JSON, and damage of single characters. Two readers as different
//! as readers are (the first of two equal names wins, or the last) then read what was passed on.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt;
use std::sync::Arc;

use airlock_core::mcp::{Action, Bounds, Event, Outcome, Relay};
use airlock_core::{Caller, Guard};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// JSON with every member in order, repeated ones included.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Scalar(serde_json::Value),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Scalar(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Scalar(serde_json::Value::Null))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = seq.next_element()? {
                    all.push(element);
                }
                Ok(Json::Array(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(Json::Object(all))
            }
        }
        from.deserialize_any(Any)
    }
}

impl Json {
    fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, v)| v),
            _ => None,
        }
    }

    fn is(&self, text: &str) -> bool {
        *self == Self::Scalar(text.into())
    }

    /// No object in it has two members of one name, also when letters' case is ignored among the names
    /// that matter.
    fn has_one_reading(&self) -> bool {
        match self {
            Self::Scalar(_) => true,
            Self::Array(all) => all.iter().all(Self::has_one_reading),
            Self::Object(all) => {
                let names = |i: usize| all.iter().skip(i + 1).map(|(key, _)| key);
                all.iter().enumerate().all(|(i, (key, _))| names(i).all(|other| other != key))
                    && all.iter().all(|(_, value)| value.has_one_reading())
            }
        }
    }
}

/// One spelling of a member name.
fn name(plain: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(format!("\"{plain}\"")),
        1 => Just(format!("\"\\u{:04x}{}\"", plain.as_bytes()[0], &plain[1..])),
        1 => Just(format!("\"{}{}\"", plain[..1].to_uppercase(), &plain[1..])),
        1 => Just(format!("\"{} \"", plain)),
    ]
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\t"), 1 => Just("\r")]
}

fn member(
    plain: &'static str,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (name(plain), space(), value).prop_map(|(name, space, value)| format!("{name}:{space}{value}"))
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(values).prop_map(String::from)
}

/// An object of a few of the members, in any order, perhaps one of them twice.
fn object(members: Vec<BoxedStrategy<String>>) -> impl Strategy<Value = String> {
    let count = members.len();
    let order = prop_oneof![
        4 => Just((0..count).collect::<Vec<_>>()).prop_shuffle().boxed(),
        1 => proptest::collection::vec(0..count, 0..count + 2).boxed(),
    ];
    (members, order).prop_map(|(members, order)| {
        let text: Vec<_> = order.iter().map(|&at| members[at].as_str()).collect();
        format!("{{{}}}", text.join(","))
    })
}

fn message() -> impl Strategy<Value = String> {
    let arguments = object(vec![
        member("message", one_of(&[r#""hi""#, r#""\u0022""#, "1", "null", "[]"])).boxed(),
        member("ghost", one_of(&["1", r#"{"message":"x"}"#])).boxed(),
    ]);
    let params = object(vec![
        member("name", one_of(&[r#""echo""#, r#""\u0065cho""#, r#""danger""#, "7"])).boxed(),
        member("arguments", arguments).boxed(),
        member("_meta", one_of(&["{}", r#"{"progressToken":1}"#])).boxed(),
    ]);
    let whole = object(vec![
        member("jsonrpc", one_of(&[r#""2.0""#, r#""2.\u0030""#])).boxed(),
        member("id", one_of(&["1", r#""1""#, "null", "1.0"])).boxed(),
        member("method", one_of(&[r#""tools/call""#, r#""tools\/call""#, r#""ping""#])).boxed(),
        member("params", params).boxed(),
    ]);
    let damage = proptest::collection::vec(
        (any::<prop::sample::Index>(), proptest::sample::select("{}[]\",:\\u00 \r\n1e".as_bytes())),
        0..3,
    );
    let wrapped = prop_oneof![
        9 => whole.prop_map(|text| text).boxed(),
        1 => Just(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"#.to_owned() + "\r" + r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"danger"}}"# + "\r}}").boxed(),
        1 => Just(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"#.to_owned() + "\n" + r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"danger"}}"# + "\n}}").boxed(),
    ];
    (wrapped, prop_oneof![3 => Just(Vec::new()).boxed(), 1 => damage.boxed()]).prop_map(
        |(text, damage)| {
            let mut bytes = text.into_bytes();
            for (index, byte) in damage {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            String::from_utf8(bytes).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn the_server_reads_what_was_decided_on(message in message()) {
        let mut relay =
            Relay::new(Arc::new(Guard::builder().build().unwrap()), Bounds::default(), "n");
        let (caller, mut out) = (Caller::default(), Vec::new());
        let mut quiet = |_: &Event<'_>| Ok(());
        let ask = br#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#;
        relay.client(ask, caller, None, &mut out, &mut quiet);
        let list = br#"{"jsonrpc":"2.0","id":"l","result":{"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"message":{"type":"string"}}}}]}}"#;
        relay.server(list, caller, &mut out, &mut quiet);

        // What the firewall believes to have let through: the tools whose calls it allowed.
        let mut allowed = Vec::new();
        let mut audit = |event: &Event<'_>| {
            if let Outcome::Allowed(_) = event.outcome {
                allowed.push(event.tool.unwrap().to_owned());
            }
            Ok(())
        };
        let action = relay.client(message.as_bytes(), caller, None, &mut out, &mut audit);
        if let Action::Forward(bytes) = action {
            let text = std::str::from_utf8(bytes).unwrap();
            // A reader with universal line ends sees one line.
            prop_assert!(!text.trim_end_matches('\r').contains(['\r', '\n']), "{text:?}");
            let read: Json = serde_json::from_str(text).unwrap();
            prop_assert!(read.has_one_reading(), "{text:?}");
            let is_call = read.get("method").is_some_and(|method| method.is("tools/call"));
            prop_assert_eq!(is_call, !allowed.is_empty(), "{:?}", text);
            if is_call {
                let params = read.get("params").unwrap();
                prop_assert!(params.get("name").unwrap().is(&allowed[0]));
                prop_assert_eq!(&*allowed[0], "echo");
                match params.get("arguments") {
                    None => {}
                    Some(Json::Object(members)) => for (key, value) in members {
                        prop_assert_eq!(key, "message");
                        prop_assert!(matches!(value, Json::Scalar(serde_json::Value::String(_))));
                    },
                    Some(other) => prop_assert!(false, "{other:?}"),
                }
            }
            // Ignoring case, too, nothing else can be taken for a member that matters.
            let Json::Object(members) = &read else { panic!("not an object: {text}") };
            for (key, _) in members {
                let known = ["jsonrpc", "id", "method", "params", "result", "error"];
                prop_assert!(
                    known.contains(&key.as_str()) || !known.contains(&key.to_lowercase().as_str())
                );
            }
        } else {
            prop_assert!(allowed.is_empty(), "allowed and not passed on: {message:?}");
        }
    }
}
