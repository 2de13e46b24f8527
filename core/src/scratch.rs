//! The memory of one caller thread.

use crate::buf::Buf;
use crate::hidden::Found;
use crate::json::Tape;
use crate::policy::Memory;
use crate::redact::{Stream, Work};
use crate::report::Report;
use crate::schema::{Cut, Fault};
use crate::truncate::Mask;

/// Everything that a check or a filter writes to, reused from call to call: after the first calls have
/// sized it, nothing allocates. One thread at a time; verdicts borrow from it.
#[derive(Debug, Default)]
pub struct Scratch<'m> {
    pub(crate) tape: Tape<'m>,
    /// A second document: JSON inside a string, the result of a mask.
    pub(crate) inner: Tape<'m>,
    pub(crate) cuts: Buf<'m, Cut>,
    pub(crate) faults: Buf<'m, Fault>,
    /// Faults of one branch of a union.
    pub(crate) branch: Buf<'m, Fault>,
    pub(crate) marks: Buf<'m, bool>,
    /// Arguments in which strings were replaced by the JSON in them.
    pub(crate) mended: Buf<'m, u8>,
    pub(crate) report: Report<'m>,
    pub(crate) conditions: Memory<'m>,
    /// One literal of an output, and what was found in it.
    pub(crate) work: Work<'m>,
    /// A long text on its way through the detectors.
    pub(crate) stream: Stream<'m>,
    /// An output with its bytes made valid UTF-8, or the masked end of one.
    pub(crate) text: Buf<'m, u8>,
    /// Where the masks are in `text`.
    pub(crate) tail_masks: Buf<'m, Mask>,
    /// Where the masks are in `masked`.
    pub(crate) masks: Buf<'m, Mask>,
    /// An output without hidden text.
    pub(crate) clean: Buf<'m, u8>,
    /// The hidden text that was found in outputs so far.
    pub(crate) hidden: Found,
    /// An output that is masked and not cut yet.
    pub(crate) masked: Buf<'m, u8>,
    /// Cleaned arguments, a rendered refusal, or a filtered output.
    pub(crate) out: Buf<'m, u8>,
}

impl Scratch<'_> {
    /// Memory that grows with the calls that it serves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives memory above `bytes` a buffer back to the allocator, after an unusually large call.
    pub fn shrink_to(&mut self, bytes: usize) {
        for tape in [&mut self.tape, &mut self.inner] {
            tape.nodes.clear();
            tape.nodes.shrink_to(bytes / 16);
            tape.order.clear();
            tape.order.shrink_to(bytes / 4);
        }
        self.marks.clear();
        self.marks.shrink_to(bytes);
        for buf in [
            &mut self.mended,
            &mut self.out,
            &mut self.clean,
            &mut self.masked,
            &mut self.text,
            &mut self.work.text,
        ] {
            buf.clear();
            buf.shrink_to(bytes);
        }
        self.report.shrink_to(bytes);
        self.conditions.shrink_to(bytes);
    }
}
