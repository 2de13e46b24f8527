//! Masking and cutting of any bytes: chunks are masked as the whole, a document stays one, and no limit is
//! exceeded.
//!
//! The first bytes choose the style, the chunks and the limit; the rest is the text.
#![no_main]

use airlock_core::Buf;
use airlock_core::json::{Limits, Tape, parse};
use airlock_core::redact::{Finding, Pseudonyms, Redactor, Stream, Style, Types, Work};
use airlock_core::truncate::{Keep, Limit, truncate_json, truncate_text};

/// Styles that leave nothing a detector would take for a value.
const STYLES: [Style; 4] = [Style::Default, Style::Full, Style::Type, Style::Pseudonym];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&[style, chunk, most, keep], text)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let redactor = Redactor::new(Types::ALL, STYLES[usize::from(style) % STYLES.len()]);
    let plain = String::from_utf8_lossy(text);
    let whole = masked(&redactor, &plain);
    assert_eq!(whole, streamed(&redactor, text, usize::from(chunk) * 37 + 1));
    assert_stable(&redactor, &whole);

    let most = usize::from(most) * 4;
    let keep = [Keep::Head, Keep::Tail, Keep::Ends][usize::from(keep) % 3];
    let limit = Limit { chars: most, bytes: most * 2, tokens: most, keep, ..Limit::NONE };
    let mut out = Buf::growable();
    truncate_text(&whole, &limit, &mut out).expect("it grows");
    assert!(limit.fits(std::str::from_utf8(&out).expect("text stays text")));

    let (mut tape, mut again) = (Tape::growable(), Tape::growable());
    if let Ok(doc) = parse(text, Limits::OUTPUT, &mut tape) {
        let (mut work, mut shown) = (Work::growable(), Buf::growable());
        redactor.redact_json(doc, &mut work, &mut shown).expect("it grows");
        let doc = parse(&shown, Limits::OUTPUT, &mut again).expect("a document stays one");
        out.clear();
        truncate_json(doc, &limit, &mut out).expect("it grows");
        assert!(limit.fits(std::str::from_utf8(&out).expect("text stays text")));
        assert!(out.is_empty() || parse(&out, Limits::OUTPUT, &mut tape).is_ok());
    }
});

/// Masking what is masked adds masks in few texts, takes none back, and soon adds none.
fn assert_stable(redactor: &Redactor<'_>, once: &str) {
    const ROUNDS: usize = 4;
    let mut last = once.to_owned();
    for _ in 0..ROUNDS {
        let next = masked(redactor, &last);
        if next == last {
            return;
        }
        last = next;
    }
    panic!("each round masks more: {last:?}");
}

fn masked(redactor: &Redactor<'_>, text: &str) -> String {
    let (mut findings, mut out) = (Buf::<Finding>::growable(), Buf::growable());
    redactor.scan(text, &mut findings).expect("it grows");
    let mut names = Pseudonyms::growable();
    redactor.mask_numbered(text, &findings, &mut names, &mut out).expect("it grows");
    String::from_utf8(out.to_vec()).expect("text stays text")
}

fn streamed(redactor: &Redactor<'_>, bytes: &[u8], chunk: usize) -> String {
    let (mut stream, mut names) = (Stream::growable(), Pseudonyms::growable());
    let mut out = String::new();
    for chunk in bytes.chunks(chunk) {
        let sink = |piece: airlock_core::redact::Piece<'_>| Ok(out.push_str(piece.text()));
        stream.feed(redactor, chunk, &mut names, sink).expect("it grows");
    }
    stream.finish(redactor, &mut names, |piece| Ok(out.push_str(piece.text()))).expect("it grows");
    out
}
