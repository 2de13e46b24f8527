//! What an output goes through: what hides in it taken out, then masked, then cut. Never the other way
//! round: a cut could leave half a secret that no detector recognises.
//!
//! A limit on the output is one on the work as well: of a long text no more is masked than the limit
//! lets be shown, from its first byte on, or from [`BEHIND`] bytes before what is kept of its end. Worst
//! case: linear in the text; with a limit linear in that, but for JSON, which is read whole to stay JSON.

use crate::buf::{Buf, Full};
use crate::guard::Output;
use crate::hidden::{
    Cleaning, Found, Hiding, Kinds, find, in_json, may_hide, may_hide_in_json, strip,
};
use crate::json::{self, Kind, Limits};
use crate::redact::{
    Counts, Piece, Pseudonyms, Redactor, Stream, TypeId, Work, end_of_headless_key,
};
use crate::scratch::Scratch;
use crate::truncate::{Ends, Keep, Limit, Mask, Shown, truncate_json};

/// Texts up to this length are masked whole, whatever the limit.
const SHORT: usize = 16 << 10;
/// How far before what is kept of the end detectors begin to read.
const BEHIND: usize = 64 << 10;

/// The rules for the output of one tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'g> {
    pub(crate) redactor: Redactor<'g>,
    pub(crate) limit: Limit<'g>,
    /// What is read of JSON.
    pub(crate) bounds: Limits,
    /// What becomes of hidden text.
    pub(crate) hiding: Hiding,
}

/// What became of an output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Result {
    pub(crate) bytes: Place,
    pub(crate) truncated: bool,
    pub(crate) masked: usize,
    pub(crate) stripped: bool,
}

/// Where the bytes to show are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing was changed.
    Input,
    /// In [`Scratch::clean`]: nothing was masked or cut, but hidden text was taken out.
    Clean,
    /// In [`Scratch::masked`].
    Masked,
    /// In [`Scratch::out`].
    Cut,
}

type Outcome<T> = core::result::Result<T, Full>;

impl Filter<'_> {
    /// Masks and cuts `output`.
    ///
    /// # Errors
    /// When memory is lent and used up, or the output is too large; nothing of it may be shown then.
    pub(crate) fn run(self, output: Output<'_>, scratch: &mut Scratch<'_>) -> Outcome<Result> {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        if bytes.len() > self.bounds.bytes {
            return Err(Full);
        }
        scratch.masked.clear();
        scratch.out.clear();
        let is_json = reads_as_json(output);
        let is_long = !self.limit.is_none() && bytes.len() > SHORT;
        if self.hiding == Hiding::default() && is_long && !is_json {
            let done = self.mask(output, scratch)?;
            count_shown(done, scratch);
            return Ok(done);
        }
        let hides = if is_json { may_hide_in_json(bytes) } else { may_hide(bytes) };
        if hides && self.clean(output, scratch)? {
            // Its memory is not what masking writes to.
            let clean = core::mem::take(&mut scratch.clean);
            let output = match output {
                Output::Text(_) => Output::Text(&clean),
                Output::Json(_) => Output::Json(&clean),
            };
            let done = self.mask(output, scratch);
            scratch.clean = clean;
            return done.map(|done| {
                let bytes = if done.bytes == Place::Input { Place::Clean } else { done.bytes };
                Result { bytes, stripped: true, ..done }
            });
        }
        self.mask(output, scratch)
    }

    /// Writes `output` without the hidden text that is stripped to [`Scratch::clean`], and counts all that is
    /// there; whether something was stripped. Before anything is masked: a secret that is split by what
    /// hides is whole again for the detectors.
    fn clean(self, output: Output<'_>, scratch: &mut Scratch<'_>) -> Outcome<bool> {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        let Scratch { tape, inner, work, text, clean, hidden, .. } = scratch;
        let before = *hidden;
        clean.clear();
        let hiding = self.hiding;
        let doc =
            if reads_as_json(output) { json::parse(bytes, self.bounds, tape).ok() } else { None };
        let stripped = match doc {
            Some(doc) => {
                let cleaning = Cleaning { hiding, text: &mut work.text, found: &mut *hidden };
                let stripped = in_json(doc, cleaning, clean)?;
                // A name may have become another one of its object.
                let bounds = Limits { bytes: usize::MAX, ..self.bounds };
                if stripped && json::parse(clean, bounds, inner).is_err() {
                    return Err(Full);
                }
                stripped
            }
            None => {
                let plain = match core::str::from_utf8(bytes) {
                    Ok(plain) => plain,
                    Err(_) => lossy(bytes, text)?,
                };
                find(plain, Kinds::ALL).for_each(|span| hidden.add(span.kind));
                let strips = hidden.since(before).any(hiding.strip);
                if strips {
                    strip(plain, hiding.strip, &mut Found::default(), clean)?;
                }
                strips
            }
        };
        if hidden.since(before).any(hiding.refuse) {
            return Err(Full);
        }
        Ok(stripped)
    }

    /// Masks and cuts `output`.
    fn mask(self, output: Output<'_>, scratch: &mut Scratch<'_>) -> Outcome<Result> {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        if reads_as_json(output)
            && let Some(result) = self.json(output, scratch)?
        {
            return Ok(result);
        }
        self.text(bytes, scratch)
    }

    /// JSON; nothing where it is none, or a scalar that is meant as text.
    fn json(self, output: Output<'_>, scratch: &mut Scratch<'_>) -> Outcome<Option<Result>> {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        let Scratch { tape, inner, work, masked, out, .. } = scratch;
        masked.clear();
        out.clear();
        let Ok(doc) = json::parse(bytes, self.bounds, tape) else {
            return Ok(None);
        };
        let container = matches!(doc.root().kind(), Kind::Object | Kind::Array);
        if !container && matches!(output, Output::Text(_)) {
            return Ok(None);
        }
        let count = self.redactor.redact_json(doc, work, masked)?;
        let shown = core::str::from_utf8(masked).map_err(|_| Full)?;
        if self.limit.fits(shown) {
            let bytes = if count == 0 { Place::Input } else { Place::Masked };
            return Ok(Some(Result { bytes, truncated: false, masked: count, stripped: false }));
        }
        // Masks may have made it a little larger.
        let bounds = Limits { bytes: usize::MAX, ..self.bounds };
        let doc = json::parse(shown.as_bytes(), bounds, inner).map_err(|_| Full)?;
        let truncated = truncate_json(doc, &self.limit, out)?;
        Ok(Some(Result { bytes: Place::Cut, truncated, masked: count, stripped: false }))
    }

    /// Plain text.
    fn text(self, bytes: &[u8], scratch: &mut Scratch<'_>) -> Outcome<Result> {
        scratch.masked.clear();
        scratch.out.clear();
        if self.limit.is_none() || bytes.len() <= SHORT {
            return self.whole(bytes, scratch);
        }
        self.ends(bytes, scratch)
    }

    /// A text all of which is masked before it is cut.
    fn whole(self, bytes: &[u8], scratch: &mut Scratch<'_>) -> Outcome<Result> {
        let Scratch { work, text, masked, masks, out, .. } = scratch;
        let Work { findings, names, counts, .. } = work;
        let plain = match core::str::from_utf8(bytes) {
            Ok(plain) => plain,
            Err(_) => lossy(bytes, text)?,
        };
        self.redactor.scan(plain, findings)?;
        let count = findings.len();
        masks.clear();
        let mut taker = Taker { masked, masks, counts, original: 0 };
        self.redactor.pieces_of(plain, findings, names, |piece| taker.take(piece))?;
        let shown = shown(masked, masks, 0)?;
        if self.limit.fits(shown.text) {
            let unchanged = count == 0 && plain.len() == bytes.len() && plain.as_bytes() == bytes;
            let bytes = if unchanged { Place::Input } else { Place::Masked };
            return Ok(Result { bytes, truncated: false, masked: count, stripped: false });
        }
        Ends { head: shown, tail: shown, total: plain.len() }.cut(&self.limit, out)?;
        Ok(Result { bytes: Place::Cut, truncated: true, masked: count, stripped: false })
    }

    /// A long text of which only what can be shown is masked.
    fn ends(self, bytes: &[u8], scratch: &mut Scratch<'_>) -> Outcome<Result> {
        let Scratch { work, stream, masked, masks, text, tail_masks, out, .. } = scratch;
        let Work { names, counts, .. } = work;
        masks.clear();
        let mut count = 0;
        if self.limit.keep != Keep::Tail {
            let (masked, masks) = (&mut *masked, &mut *masks);
            let mut taker = Taker { masked, masks, counts, original: 0 };
            let (values, ended) = self.head(bytes, stream, names, &mut taker)?;
            count = values;
            if ended {
                let shown = shown(masked, masks, 0)?;
                if self.limit.fits(shown.text) {
                    return Ok(Result {
                        bytes: Place::Masked,
                        truncated: false,
                        masked: count,
                        stripped: false,
                    });
                }
                Ends { head: shown, tail: shown, total: bytes.len() }.cut(&self.limit, out)?;
                return Ok(Result {
                    bytes: Place::Cut,
                    truncated: true,
                    masked: count,
                    stripped: false,
                });
            }
        }
        let head = shown(masked, masks, 0)?;
        let mut tail = head;
        if self.limit.keep != Keep::Head {
            let mut taker =
                Taker { masked: &mut *text, masks: &mut *tail_masks, counts, original: 0 };
            let (values, start) = self.tail(bytes, stream, names, &mut taker)?;
            count += values;
            tail = shown(text, tail_masks, start)?;
            if start == 0 && self.limit.fits(tail.text) {
                out.extend(text)?;
                return Ok(Result {
                    bytes: Place::Cut,
                    truncated: false,
                    masked: count,
                    stripped: false,
                });
            }
        }
        Ends { head, tail, total: bytes.len() }.cut(&self.limit, out)?;
        Ok(Result { bytes: Place::Cut, truncated: true, masked: count, stripped: false })
    }

    /// Masks from the first byte on until the limit is exceeded. Answers how many values were masked,
    /// and whether the text ended before.
    fn head(
        self,
        bytes: &[u8],
        stream: &mut Stream<'_>,
        names: &mut Pseudonyms<'_>,
        taker: &mut Taker<'_, '_, '_>,
    ) -> Outcome<(usize, bool)> {
        stream.begin();
        let mut enough = SHORT / 2;
        for step in bytes.chunks(SHORT) {
            stream.feed(&self.redactor, step, names, |piece| taker.take(piece))?;
            if taker.masked.len() >= enough {
                // Asked each time that the text has doubled: linear in all.
                enough = taker.masked.len() * 2;
                let text = core::str::from_utf8(taker.masked).map_err(|_| Full)?;
                if !self.limit.fits(text) {
                    return Ok((stream.masked(), false));
                }
            }
        }
        let count = stream.finish(&self.redactor, names, |piece| taker.take(piece))?;
        Ok((count, true))
    }

    /// Masks as much of the end as exceeds the limit. Answers how many values were masked, and the
    /// offset at which the masked text begins.
    fn tail(
        self,
        bytes: &[u8],
        stream: &mut Stream<'_>,
        names: &mut Pseudonyms<'_>,
        taker: &mut Taker<'_, '_, '_>,
    ) -> Outcome<(usize, usize)> {
        let mut reach = SHORT;
        let before = *taker.counts;
        loop {
            let kept = bytes.len().saturating_sub(reach);
            let start = character(bytes, kept.saturating_sub(BEHIND));
            let region = bytes.get(start..).unwrap_or(&[]);
            taker.masked.clear();
            taker.masks.clear();
            taker.original = start;
            *taker.counts = before;
            stream.begin();
            let headless = if start > 0 { end_of_headless_key(region) } else { 0 };
            if headless > 0 {
                let id = TypeId::PRIVATE_KEY;
                taker.take(Piece::Mask { text: "[REDACTED]", stands_for: headless, id })?;
            }
            let rest = region.get(headless..).unwrap_or(&[]);
            stream.feed(&self.redactor, rest, names, |piece| taker.take(piece))?;
            let count = stream.finish(&self.redactor, names, |piece| taker.take(piece))?;
            let all = shown(taker.masked, taker.masks, start)?;
            if start == 0 {
                return Ok((count, 0));
            }
            let after = all.text.get(all.at(kept)..).unwrap_or("");
            if !self.limit.fits(after) {
                return Ok((count, start));
            }
            reach = reach.saturating_mul(4);
        }
    }
}

/// Counts what hides in the part of a long text that is shown: what is not shown is not looked at.
fn count_shown(done: Result, scratch: &mut Scratch<'_>) {
    let Scratch { masked, out, hidden, .. } = scratch;
    let shown = if done.bytes == Place::Cut { out } else { masked };
    if may_hide(shown)
        && let Ok(shown) = core::str::from_utf8(shown)
    {
        find(shown, Kinds::ALL).for_each(|span| hidden.add(span.kind));
    }
}

/// Whether an output may be a document.
fn reads_as_json(output: Output<'_>) -> bool {
    match output {
        Output::Json(_) => true,
        Output::Text(bytes) => matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')),
    }
}

impl Redactor<'_> {
    /// `text` masked and cut to `limit`: of a long one no more is masked than the limit lets be shown, from
    /// its first byte on, or from 64 KiB before what is kept of its end. What is no UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// [`Full`] when memory is lent and used up; nothing of the text may be shown then.
    pub fn redact_within<'s>(
        self,
        text: &'s [u8],
        limit: &Limit<'_>,
        scratch: &'s mut Scratch<'_>,
    ) -> Outcome<&'s [u8]> {
        scratch.work.names.clear();
        let filter = Filter {
            redactor: self,
            limit: *limit,
            bounds: Limits::OUTPUT,
            hiding: Hiding::default(),
        };
        Ok(match filter.text(text, scratch)?.bytes {
            // Nothing is stripped here.
            Place::Input | Place::Clean => text,
            Place::Masked => &scratch.masked,
            Place::Cut => &scratch.out,
        })
    }
}

/// Gathers masked text, and where its masks are.
struct Taker<'a, 'm, 'k> {
    masked: &'a mut Buf<'m, u8>,
    masks: &'a mut Buf<'k, Mask>,
    counts: &'a mut Counts,
    /// How far the original is read.
    original: usize,
}

impl Taker<'_, '_, '_> {
    fn take(&mut self, piece: Piece<'_>) -> Outcome<()> {
        let start = self.masked.len();
        self.masked.extend(piece.text().as_bytes())?;
        match piece {
            Piece::Text(text) => self.original += text.len(),
            Piece::Mask { stands_for, id, .. } => {
                self.original += stands_for;
                if stands_for > 0 {
                    self.counts.add(id);
                }
                let (end, original) = (self.masked.len(), self.original);
                match self.masks.last_mut() {
                    // Another part of it.
                    Some(last) if last.end == start && last.is_open => {
                        *last = Mask { end, original, is_open: stands_for == 0, ..*last };
                    }
                    _ => {
                        self.masks.push(Mask { start, end, original, is_open: stands_for == 0 })?
                    }
                }
            }
        }
        Ok(())
    }
}

fn shown<'t>(masked: &'t [u8], masks: &'t [Mask], start: usize) -> Outcome<Shown<'t>> {
    let text = core::str::from_utf8(masked).map_err(|_| Full)?;
    Ok(Shown { text, masks, start })
}

/// The first byte from `at` on that begins a character.
fn character(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest.iter().take(3).take_while(|&&byte| at > 0 && byte & 0xc0 == 0x80).count()
}

/// `bytes` with everything that is not UTF-8 replaced by U+FFFD.
fn lossy<'t>(bytes: &[u8], text: &'t mut Buf<'_, u8>) -> Outcome<&'t str> {
    text.clear();
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().as_bytes())?;
        if !chunk.invalid().is_empty() {
            text.extend("\u{fffd}".as_bytes())?;
        }
    }
    core::str::from_utf8(text).map_err(|_| Full)
}
