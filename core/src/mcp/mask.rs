//! Masking what the server says.
//!
//! Every string is untrusted text, known member or not, but for what must stay byte-exact: tokens of
//! the protocol, and the bytes of images, sound and blobs. Text blocks are masked one by one and then
//! as one text, so that neither a border nor its absence hides a secret, and share one budget. Values
//! that are no text are masked as JSON.

use alloc::format;
use alloc::vec::Vec;

use super::edit::Edits;
use super::gate;
use crate::guard::{Guard, Output};
use crate::json::{Kind, Str, Value};
use crate::scratch::Scratch;

/// Members that one side must get back as it sent them.
const TOKENS: [&[u8]; 6] =
    [b"nextCursor", b"progressToken", b"requestId", b"requestState", b"resultType", b"taskId"];
/// Members of the protocol whose names say nothing about a secret in their values.
const NAMES: [&[u8]; 18] = [
    b"annotations",
    b"completion",
    b"data",
    b"description",
    b"inputRequests",
    b"isError",
    b"level",
    b"logger",
    b"message",
    b"mimeType",
    b"progress",
    b"role",
    b"status",
    b"structuredContent",
    b"text",
    b"title",
    b"type",
    b"uri",
];

/// An output that may not be shown at all; the refusal, for the model.
#[derive(Debug)]
pub(super) struct Unshown(pub(super) Vec<u8>);

type Result = core::result::Result<(), Unshown>;

/// What was done to a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) truncated: bool,
    /// Hidden text was taken out.
    pub(super) stripped: bool,
}

impl Tally {
    /// What may be shown of `output`, counted.
    fn filter<'s>(
        &mut self,
        guard: &'s Guard,
        tool: &'s str,
        output: Output<'s>,
        scratch: &'s mut Scratch<'static>,
    ) -> core::result::Result<&'s [u8], Unshown> {
        match gate::filter(guard, tool, output, scratch) {
            Ok(shown) => {
                self.truncated |= shown.truncated;
                self.stripped |= shown.stripped;
                Ok(shown.bytes)
            }
            Err(refusal) => Err(Unshown(refusal.json().to_vec())),
        }
    }
}

/// Collects the edits that mask one message.
pub(super) struct Masker<'a, 't> {
    pub(super) guard: &'a Guard,
    /// The tool that said it; empty for none.
    pub(super) tool: &'a str,
    pub(super) scratch: &'a mut Scratch<'static>,
    pub(super) edits: &'a mut Edits,
    /// Where escapes are undone.
    pub(super) text: &'a mut Vec<u8>,
    /// Literals that share one budget.
    pub(super) blocks: Vec<Value<'t>>,
    pub(super) tally: Tally,
    /// How many names of members were masked.
    pub(super) names: usize,
}

impl<'t> Masker<'_, 't> {
    /// The outermost object of a message.
    pub(super) fn message(&mut self, root: Value<'t>) -> Result {
        for (key, value) in root.members() {
            if key.is(b"result") || key.is(b"params") {
                self.part(value)?;
            } else if key.is(b"error") {
                self.any(value)?;
            } else if !(key.is(b"jsonrpc") || key.is(b"id") || key.is(b"method")) {
                self.member(key, value)?;
            }
        }
        self.join_blocks()
    }

    /// An object that the protocol defines: a result, the parameters of a request, a task.
    fn part(&mut self, object: Value<'t>) -> Result {
        if object.kind() != Kind::Object {
            return self.any(object);
        }
        for (key, value) in object.members() {
            if key.is(b"content") || key.is(b"contents") {
                self.content(value)?;
            } else if key.is(b"messages") || key.is(b"tasks") {
                if value.kind() != Kind::Array {
                    self.any(value)?;
                }
                for element in value.elements() {
                    self.leaf_part(element)?;
                }
            } else if key.is(b"task") || key.is(b"_meta") {
                self.leaf_part(value)?;
            } else if is_token(key, value) {
            } else {
                self.member(key, value)?;
            }
        }
        Ok(())
    }

    /// A part inside a part: a task, or a message of a prompt.
    fn leaf_part(&mut self, object: Value<'t>) -> Result {
        if object.kind() != Kind::Object {
            return self.any(object);
        }
        for (key, value) in object.members() {
            if key.is(b"content") {
                self.content(value)?;
            } else if !is_token(key, value) {
                self.member(key, value)?;
            }
        }
        Ok(())
    }

    /// One block of content, or a list of blocks.
    fn content(&mut self, value: Value<'t>) -> Result {
        match value.kind() {
            Kind::Array => value.elements().try_for_each(|block| self.block(block, true)),
            _ => self.block(value, true),
        }
    }

    fn block(&mut self, block: Value<'t>, outer: bool) -> Result {
        if block.kind() != Kind::Object {
            return self.any(block);
        }
        let media = block
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.is(b"image") || kind.is(b"audio"));
        for (key, value) in block.members() {
            if key.is(b"text") && value.kind() == Kind::String {
                self.blocks.push(value);
            } else if key.is(b"resource") && outer {
                self.block(value, false)?;
            } else if !((key.is(b"data") && media || key.is(b"blob")) && is_base64(value)) {
                self.member(key, value)?;
            }
        }
        Ok(())
    }

    /// A member of an object that the protocol defines. One whose name the protocol does not know is
    /// masked as a document of its own, so that its name is masked too and counts: a password is known
    /// by nothing but its name.
    fn member(&mut self, key: Str<'t>, value: Value<'t>) -> Result {
        if NAMES.iter().any(|name| key.is(name)) {
            return self.any(value);
        }
        let span = (name_start(value), value.span().1);
        let mut document = Vec::with_capacity(value.raw().len().saturating_add(64));
        document.extend_from_slice(b"{\"");
        document.extend_from_slice(key.raw());
        document.extend_from_slice(b"\":");
        document.extend_from_slice(value.raw());
        document.push(b'}');
        let Self { guard, tool, scratch, edits, tally, names, .. } = self;
        let shown = tally.filter(guard, tool, Output::Json(&document), scratch)?;
        if shown == document {
            return Ok(());
        }
        match shown.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) {
            Some(member) if !member.is_empty() => {
                // Masked names may be alike; two of one object must differ.
                let end = name_end(member);
                let (name, rest) = member.split_at_checked(end).unwrap_or_default();
                if name.get(1..) == Some(key.raw()) {
                    edits.replace(span, member);
                } else {
                    *names = names.saturating_add(1);
                    let number = format!("#{names}");
                    edits.replace(span, &[name, number.as_bytes(), rest].concat());
                }
            }
            // Cut to less than a member.
            _ => edits.replace(value.span(), b"null"),
        }
        Ok(())
    }

    /// A value whose every string is text.
    fn any(&mut self, value: Value<'t>) -> Result {
        match value.kind() {
            Kind::String => match value.as_str() {
                Some(text) if !is_word(text) => self.literal(text, value.span()),
                _ => Ok(()),
            },
            Kind::Number | Kind::Object | Kind::Array => self.json(value),
            _ => Ok(()),
        }
    }

    fn json(&mut self, value: Value<'t>) -> Result {
        if value.raw().len() <= 2 {
            return Ok(());
        }
        let Self { guard, tool, scratch, edits, tally, .. } = self;
        let shown = tally.filter(guard, tool, Output::Json(value.raw()), scratch)?;
        if shown != value.raw() {
            edits.replace(value.span(), shown);
        }
        Ok(())
    }

    fn literal(&mut self, text: Str<'t>, span: (usize, usize)) -> Result {
        let Self { guard, tool, scratch, edits, tally, text: buffer, .. } = self;
        let bytes = decoded(text, buffer);
        let shown = tally.filter(guard, tool, Output::Text(bytes), scratch)?;
        if shown != bytes {
            edits.replace_text(span, shown);
        }
        Ok(())
    }

    /// Masks the text blocks, alone and together.
    fn join_blocks(&mut self) -> Result {
        let blocks = core::mem::take(&mut self.blocks);
        if let [block] = *blocks {
            return block.as_str().map_or(Ok(()), |text| self.literal(text, block.span()));
        }
        let mut joined = Vec::new();
        let mut ends = Vec::with_capacity(blocks.len());
        let Self { guard, tool, scratch, edits, tally, text: buffer, .. } = self;
        for text in blocks.iter().filter_map(|block| block.as_str()) {
            let output = Output::Text(decoded(text, buffer));
            joined.extend_from_slice(tally.filter(guard, tool, output, scratch)?);
            ends.push(joined.len());
        }
        // What is in a block is not counted again.
        let found = core::mem::take(&mut scratch.hidden);
        let shown = tally.filter(guard, tool, Output::Text(&joined), scratch)?;
        let mut start = 0;
        let split = Split::new(&joined, shown, &ends);
        for (index, (block, &end)) in blocks.iter().zip(&ends).enumerate() {
            let [head, changed, tail] = split.piece(index, start, end);
            let text = [head, changed, tail].concat();
            if block.as_str().is_none_or(|before| !before.is(&text)) {
                edits.replace_text(block.span(), &text);
            }
            start = end;
        }
        scratch.hidden = scratch.hidden.max(found);
        Ok(())
    }
}

/// How a text that was masked as a whole falls back into its blocks: what did not change stays where it
/// was, and all between the first and the last change goes to the block in which it begins.
struct Split<'a> {
    before: &'a [u8],
    after: &'a [u8],
    /// How many bytes both begin with.
    prefix: usize,
    /// How many bytes both end with, not counting the prefix.
    suffix: usize,
    /// The block in which the change begins.
    first: usize,
}

impl<'a> Split<'a> {
    fn new(before: &'a [u8], after: &'a [u8], ends: &[usize]) -> Self {
        let is_boundary = |at: usize| {
            // A continuation byte begins with the bits 10.
            before.get(at).is_none_or(|byte| byte & 0xc0 != 0x80)
        };
        let mut prefix = before.iter().zip(after).take_while(|(a, b)| a == b).count();
        while !is_boundary(prefix) {
            prefix = prefix.saturating_sub(1);
        }
        let most = before.len().min(after.len()).saturating_sub(prefix);
        let ends_alike = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b);
        let mut suffix = ends_alike.count().min(most);
        while suffix > 0 && !is_boundary(before.len().saturating_sub(suffix)) {
            suffix = suffix.saturating_sub(1);
        }
        let last = ends.len().saturating_sub(1);
        let first = ends.iter().position(|&end| end > prefix).unwrap_or(last);
        Self { before, after, prefix, suffix, first }
    }

    /// What the block `index`, which was `start..end`, becomes.
    fn piece(&self, index: usize, start: usize, end: usize) -> [&'a [u8]; 3] {
        let tail = self.before.len().saturating_sub(self.suffix);
        let changed = if index == self.first {
            let to = self.after.len().saturating_sub(self.suffix);
            self.after.get(self.prefix..to).unwrap_or(&[])
        } else {
            &[]
        };
        [
            self.before.get(start..end.min(self.prefix)).unwrap_or(&[]),
            changed,
            self.before.get(start.max(tail)..end).unwrap_or(&[]),
        ]
    }
}

/// Where the name of the member begins whose value is `value`.
fn name_start(value: Value<'_>) -> usize {
    value.document().node(value.index().saturating_sub(1)).start as usize
}

/// Where the name ends, without its last quote, that `member` begins with.
fn name_end(member: &[u8]) -> usize {
    let mut backslash = false;
    let quote = member.iter().skip(1).position(|&byte| {
        let quote = byte == b'"' && !backslash;
        backslash = byte == b'\\' && !backslash;
        quote
    });
    quote.map_or(member.len(), |at| at.saturating_add(1))
}

/// The text with its escapes undone, in `buffer` when it has any.
fn decoded<'a>(text: Str<'a>, buffer: &'a mut Vec<u8>) -> &'a [u8] {
    if !text.is_escaped() {
        return text.raw();
    }
    buffer.clear();
    let mut utf8 = [0; 4];
    for c in text.chars() {
        buffer.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
    }
    buffer
}

/// Whether the member must stay byte-exact.
fn is_token(key: Str<'_>, value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::String | Kind::Number) && TOKENS.iter().any(|name| key.is(name))
}

/// Whether the text is so short and plain that no detector could find anything: the words that the
/// protocol itself uses.
fn is_word(text: Str<'_>) -> bool {
    text.raw().len() <= 12 && text.raw().iter().all(u8::is_ascii_lowercase)
}

/// Whether the value can be what it claims to be: base64 (RFC 4648), not prose.
fn is_base64(value: Value<'_>) -> bool {
    value.as_str().is_some_and(|text| {
        text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
        })
    })
}
