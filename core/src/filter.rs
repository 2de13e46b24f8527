//! What an output goes through: masked, then cut. Never the other way round: a cut could leave half a
//! secret that no detector recognises.

use crate::buf::{Buf, Full};
use crate::guard::Output;
use crate::json::{self, Document, Kind, Limits};
use crate::redact::Redactor;
use crate::scratch::Scratch;
use crate::truncate::{self, fits};

/// The rules for the output of one tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'g> {
    pub(crate) redactor: Redactor<'g>,
    pub(crate) max_chars: Option<usize>,
    pub(crate) limits: Limits,
}

/// What became of an output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Result {
    pub(crate) bytes: Place,
    pub(crate) truncated: bool,
    pub(crate) masked: usize,
}

/// Where the bytes to show are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing was changed.
    Input,
    /// In [`Scratch::text`].
    Text,
    /// In [`Scratch::masked`].
    Masked,
    /// In [`Scratch::out`].
    Cut,
}

impl Filter<'_> {
    /// Masks and cuts `output`.
    ///
    /// # Errors
    /// When memory is lent and used up, or the output is too large; nothing of it may be shown then.
    pub(crate) fn run(
        self,
        output: Output<'_>,
        scratch: &mut Scratch<'_>,
    ) -> core::result::Result<Result, Full> {
        let (Output::Text(bytes) | Output::Json(bytes)) = output;
        if bytes.len() > self.limits.bytes {
            return Err(Full);
        }
        let Scratch { tape, inner, work, text, masked, out, .. } = scratch;
        masked.clear();
        out.clear();
        let json = matches!(output, Output::Json(_))
            || matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
        if json && let Ok(doc) = json::parse(bytes, self.limits, tape) {
            // A scalar that is meant as text stays text.
            let container = matches!(doc.root().kind(), Kind::Object | Kind::Array);
            if container || matches!(output, Output::Json(_)) {
                let count = self.redactor.redact_json(doc, work, masked)?;
                let place = if count == 0 { Place::Input } else { Place::Masked };
                let (place, truncated) = if self.fits(masked) {
                    (place, false)
                } else {
                    // Masks may have made it a little larger.
                    let limits = Limits { bytes: usize::MAX, ..self.limits };
                    let doc = json::parse(masked, limits, inner).map_err(|_| Full)?;
                    (Place::Cut, self.cut_json(doc, out)?)
                };
                return Ok(Result { bytes: place, truncated, masked: count });
            }
        }

        let (plain, unchanged) = match core::str::from_utf8(bytes) {
            Ok(plain) => (plain, Place::Input),
            Err(_) => (lossy(bytes, text)?, Place::Text),
        };
        self.redactor.scan(plain, &mut work.findings)?;
        let count = work.findings.len();
        let (shown, place) = if count == 0 {
            (plain, unchanged)
        } else {
            self.redactor.mask_numbered(plain, &work.findings, &mut work.names, masked)?;
            (core::str::from_utf8(masked).map_err(|_| Full)?, Place::Masked)
        };
        let (place, truncated) = match self.max_chars {
            Some(limit) if !fits(shown, limit) => {
                (Place::Cut, truncate::truncate_text(shown, limit, out)?)
            }
            _ => (place, false),
        };
        Ok(Result { bytes: place, truncated, masked: count })
    }

    fn fits(self, masked: &[u8]) -> bool {
        self.max_chars.is_none_or(|limit| fits(core::str::from_utf8(masked).unwrap_or(""), limit))
    }

    fn cut_json(
        self,
        doc: Document<'_>,
        out: &mut Buf<'_, u8>,
    ) -> core::result::Result<bool, Full> {
        truncate::truncate_json(doc, self.max_chars.unwrap_or(usize::MAX), out)
    }
}

/// `bytes` with everything that is not UTF-8 replaced by U+FFFD.
fn lossy<'t>(bytes: &[u8], text: &'t mut Buf<'_, u8>) -> core::result::Result<&'t str, Full> {
    text.clear();
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().as_bytes())?;
        if !chunk.invalid().is_empty() {
            text.extend("\u{fffd}".as_bytes())?;
        }
    }
    core::str::from_utf8(text).map_err(|_| Full)
}
