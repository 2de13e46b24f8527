//! What a `$ref` points to: the root, a JSON pointer (RFC 6901, section 6) or an `$anchor`, always inside
//! the schema document. Nothing is ever fetched.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::CompileError;
use super::compile::{Compiler, decoded};
use crate::json::{Kind, Value};

impl<'a> Compiler<'a> {
    /// The node that a `$ref` points to.
    pub(super) fn resolve(&mut self, value: Value<'a>) -> Result<Value<'a>, CompileError> {
        let text = self.string(value)?;
        let (base, fragment) = text.split_once('#').unwrap_or((&text, ""));
        if !base.is_empty() && self.id.as_deref() != Some(base) {
            return Err(self.error(
                value,
                "a reference to another document is never fetched; put the definition under $defs",
            ));
        }
        let target = match percent_decoded(fragment) {
            None => None,
            Some(name) if name.is_empty() => Some(self.doc.root()),
            Some(path) if path.starts_with('/') => {
                let mut at = Some(self.doc.root());
                for token in path.split('/').skip(1) {
                    let Some(container) = at else { break };
                    self.pay(value, 1 + container.len() / 8)?;
                    let token = token.replace("~1", "/").replace("~0", "~");
                    at = match container.kind() {
                        Kind::Object => container.get(&token),
                        Kind::Array => {
                            token.parse().ok().and_then(|nth| container.elements().nth(nth))
                        }
                        _ => None,
                    };
                }
                at
            }
            Some(name) => self.anchor(&name),
        };
        target.ok_or_else(|| self.error(value, "this reference points to nothing"))
    }

    /// The subschema whose `$anchor` is `name`, among all that stand where schemas stand.
    fn anchor(&mut self, name: &str) -> Option<Value<'a>> {
        let doc = self.doc;
        let anchors = self.anchors.get_or_insert_with(|| anchors(doc.root()));
        anchors.get(name).map(|&node| doc.at(node))
    }
}

/// Every `$anchor` of `root` where schemas stand, and the node of its subschema.
fn anchors(root: Value<'_>) -> HashMap<String, u32> {
    let mut found = HashMap::new();
    let mut todo = vec![root];
    while let Some(schema) = todo.pop() {
        if let Some(name) = schema.get("$anchor").and_then(Value::as_str) {
            found.entry(decoded(name)).or_insert(schema.index());
        }
        for (key, value) in schema.members() {
            match decoded(key).as_str() {
                "enum" | "const" | "default" | "examples" => {}
                "properties" | "patternProperties" | "$defs" | "definitions"
                | "dependentSchemas" | "dependencies" => {
                    todo.extend(value.members().map(|(_, schema)| schema));
                }
                _ if value.kind() == Kind::Array => todo.extend(value.elements()),
                _ => todo.push(value),
            }
        }
    }
    found
}

/// Undoes percent-encoding (RFC 3986, section 2.1); none when it is not valid.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|&b| char::from(b).to_digit(16));
            bytes.push((digit()? * 16 + digit()?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
