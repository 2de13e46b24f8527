//! Findings that overlap become one.
//!
//! Worst case: one sort of the findings, then one look at each.

use super::bytes::moved;
use super::scan::SEAM;
use super::{Finding, TypeId};
use crate::buf::Buf;

/// Findings that overlap, joined so that nothing shows at their borders. The name is that of a secret
/// before that of personal data, then that of the longest, then of the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joined {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) id: TypeId,
    /// What the name was chosen by.
    rank: (bool, usize),
}

impl Joined {
    pub(super) fn of(found: Finding) -> Self {
        let (start, end) = (found.start as usize, found.end as usize);
        // Longer ones are alike: a stream has not kept the whole of them.
        let rank = (found.id.is_secret(), (end - start).min(SEAM));
        Self { start, end, id: found.id, rank }
    }

    /// Takes `found`, which begins no earlier, in if it overlaps; whether it did.
    pub(super) fn join(&mut self, found: Finding) -> bool {
        let next = Self::of(found);
        if next.start >= self.end {
            return false;
        }
        self.end = self.end.max(next.end);
        if next.rank > self.rank {
            (self.id, self.rank) = (next.id, next.rank);
        }
        true
    }

    /// Bytes `from..to` of the text are gone.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        (self.start, self.end) = (moved(self.start, from, to), moved(self.end, from, to));
    }

    const fn finding(self) -> Finding {
        Finding { start: self.start as u32, end: self.end as u32, id: self.id }
    }
}

/// Sorts findings and puts them on the borders of characters.
pub(super) fn sort(text: &str, findings: &mut Buf<'_, Finding>) {
    for finding in findings.iter_mut() {
        while !text.is_char_boundary(finding.start as usize) && finding.start > 0 {
            finding.start -= 1;
        }
        while !text.is_char_boundary(finding.end as usize) && (finding.end as usize) < text.len() {
            finding.end += 1;
        }
    }
    findings.sort_unstable_by_key(|finding| (finding.start, finding.end, finding.id));
}

/// Sorts findings and joins those that overlap.
pub(super) fn merge(text: &str, findings: &mut Buf<'_, Finding>) {
    sort(text, findings);
    let (mut kept, mut last) = (0_usize, None::<Joined>);
    for i in 0..findings.len() {
        let Some(&next) = findings.get(i) else { break };
        if !last.as_mut().is_some_and(|last| last.join(next)) {
            last = Some(Joined::of(next));
            kept += 1;
        }
        if let Some(joined) = last
            && let Some(slot) = findings.get_mut(kept - 1)
        {
            *slot = joined.finding();
        }
    }
    findings.truncate(kept);
}
