//! Words that follow from a schema alone, written when it is compiled.

use alloc::boxed::Box;

use super::Text;
use super::line::{Line, MAX_LINE};
use super::words::spelt;
use crate::buf::Buf;
use crate::json::Value;

/// Most members of an `enum` that are listed, and about how many bytes of them.
const MAX_CHOICES: usize = 20;
const MAX_BYTES: usize = 300;

/// A text as the inside of a JSON string, and as it reads.
#[derive(Debug)]
pub(crate) struct Phrase {
    text: Box<[u8]>,
    /// Where the one ends and the other begins.
    escaped: usize,
}

impl Phrase {
    /// The members of an `enum`: the first few of them.
    pub(crate) fn one_of(choices: Value<'_>) -> Self {
        let mut text = Buf::growable();
        let mut line = Line::new(&mut text, MAX_LINE);
        choose(&mut line, choices.elements(), choices.len());
        let escaped = line.len();
        text.commit(escaped);
        let all: Box<[u8]> = (*text).into();
        let _ = Text::unescaped(&mut text, &all);
        Self { text: (*text).into(), escaped }
    }

    pub(super) fn escaped(&self) -> &[u8] {
        self.text.get(..self.escaped).unwrap_or(&[])
    }

    pub(super) fn plain(&self) -> &[u8] {
        self.text.get(self.escaped..).unwrap_or(&[])
    }
}

/// Lists the first of `count` choices.
pub(super) fn choose<'v>(
    line: &mut Line<'_>,
    choices: impl Iterator<Item = Value<'v>>,
    count: usize,
) {
    line.put("one of ");
    let start = line.len();
    let mut left = count;
    for choice in choices.take(MAX_CHOICES) {
        if line.len() > start + MAX_BYTES {
            break;
        }
        if line.len() > start {
            line.put(", ");
        }
        line.shown(spelt(choice, 60));
        left -= 1;
    }
    if left > 0 {
        line.put(" and ").number(left as u64).put(" more");
    }
}
