//! The beginning of arguments and outputs, with everything masked that any detector finds.
//!
//! What a policy lets pass is masked here all the same. Blocks of text are masked one by
//! one, then two by two and all together, so that neither a border nor its absence shows a secret. Worst
//! case: linear in what is previewed, at the price of masking it four times.

use std::io;

use airlock_core::json::{Kind, Limits, Tape, Value, parse};
use airlock_core::policy::Policy;
use airlock_core::redact::{Finding, Redactor, Style, Types};
use airlock_core::{Buf, Guard, Output, Scratch};

/// How much memory is kept after a preview for the next one, in bytes of each buffer.
const KEEP: usize = 64 << 10;

/// Makes previews.
pub(super) struct Preview {
    guard: Guard,
    scratch: Scratch<'static>,
    /// Enough of the text for what is shown of it.
    enough: usize,
}

impl Preview {
    /// Previews of at most `chars` characters.
    pub(super) fn new(chars: usize) -> io::Result<Self> {
        let policy = format!(
            r#"{{"output": {{"*": {{"mask": ["secret", "pii"], "style": "full", "max_chars": {chars}}}}}}}"#
        );
        let policy = Policy::from_json(&policy).map_err(io::Error::other)?;
        let guard = Guard::builder().policy(policy).map_err(io::Error::other)?;
        let guard = guard.build().map_err(io::Error::other)?;
        let scratch = guard.scratch();
        Ok(Self { guard, scratch, enough: chars.saturating_mul(4) })
    }

    /// A preview of arguments; empty when they cannot be shown.
    pub(super) fn arguments(&mut self, arguments: &[u8]) -> String {
        let shown = self.masked(Output::Json(arguments));
        self.scratch.shrink_to(KEEP);
        shown
    }

    /// A preview of what a tool answered: the text of an MCP result, or the output itself.
    pub(super) fn output(&mut self, output: Output<'_>) -> String {
        let shown = match output {
            Output::Json(result) => self.result(result),
            Output::Text(_) => self.masked(output),
        };
        self.scratch.shrink_to(KEEP);
        shown
    }

    fn result(&mut self, result: &[u8]) -> String {
        let mut tape = Tape::growable();
        let mut joined = String::new();
        let mut ends = Vec::new();
        let mut text = String::new();
        if let Ok(document) = parse(result, Limits::OUTPUT, &mut tape) {
            let blocks = document.root().get("content").filter(|list| list.kind() == Kind::Array);
            for block in blocks.into_iter().flat_map(Value::elements) {
                let Some(block) = block.get("text").and_then(Value::as_str) else { continue };
                text.clear();
                text.extend(block.chars());
                joined.push_str(&self.masked(Output::Text(text.as_bytes())));
                ends.push(joined.len());
                if joined.len() > self.enough {
                    break;
                }
            }
        }
        match self.across(&joined, &ends) {
            None => String::new(),
            Some(shown) if shown.is_empty() => self.masked(Output::Json(result)),
            Some(shown) => self.masked(Output::Text(&shown)),
        }
    }

    /// `joined` with what reaches over the ends of its blocks masked: seen in any two of them, so that
    /// what stands around hides nothing, and in all.
    fn across(&self, joined: &str, ends: &[usize]) -> Option<Buf<'static, u8>> {
        let redactor = Redactor::new(Types::ALL, Style::Full);
        let mut found = Buf::growable();
        let mut all: Vec<Finding> = Vec::new();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let pairs = starts.zip(ends.iter().copied().skip(1));
        for (start, end) in pairs.chain([(0, joined.len())]) {
            redactor.scan(joined.get(start..end)?, &mut found).ok()?;
            let base = u32::try_from(start).ok()?;
            all.extend(found.iter().map(|finding| Finding {
                start: finding.start + base,
                end: finding.end + base,
                ..*finding
            }));
        }
        all.sort_unstable_by_key(|finding| finding.start);
        all.dedup_by(|next, kept| {
            let overlap = next.start < kept.end;
            kept.end = if overlap { kept.end.max(next.end) } else { kept.end };
            overlap
        });
        let mut shown = Buf::growable();
        redactor.mask(joined, &all, &mut shown).ok()?;
        Some(shown)
    }

    fn masked(&mut self, output: Output<'_>) -> String {
        match self.guard.filter("", output, &mut self.scratch) {
            Ok(shown) => String::from_utf8_lossy(shown.bytes).into_owned(),
            Err(_) => String::new(),
        }
    }
}
