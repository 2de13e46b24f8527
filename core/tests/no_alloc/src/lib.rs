//! Every public function of the level without `alloc`, called from a static library that has no
//! allocator, no standard library and no unwinding.
//!
//! Were one of them to allocate, this crate would not build. `cargo xtask test` then links what the
//! `proof_*` functions reach and checks that nothing is left undefined but the `mem*` functions, which
//! a compiler may call for any copy, and `airlock_panic`, the hook that the host supplies. It also counts
//! the ways into a panic that the linker kept: the number in `panics` may only go down.
//!
//! Inputs and results pass through `black_box`, so that no call is worked out at compile time. A new
//! public function of this level gets a line in the `proof_*` function of its module.
#![no_std]

use core::fmt::Write;
use core::hint::black_box;
use core::panic::PanicInfo;

use airlock_core::glob::{self, Case};
use airlock_core::hidden::{self, Found, Hidden, Kinds, Visible};
use airlock_core::json::{self, Document, Limits, Node, ParseError, Tape, Value};
use airlock_core::policy::NamePolicy;
use airlock_core::redact::{
    AllowEntry, AllowList, Finding, KeyedHash, Masks, Pseudonyms, Record, Redactor, Stream, Style,
    TypeId, Types, Work,
};
use airlock_core::truncate::{CountTokens, Estimate, Keep, Limit};
use airlock_core::{Buf, Call, Caller, Reason, truncate};

unsafe extern "C" {
    /// The host's answer to a panic: reset the board, end the process.
    safe fn airlock_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    airlock_panic()
}

const DOCUMENT: &[u8] = br#"{"name":"transfer \u0041","amount":12.50,"tags":["a",true,null]}"#;

/// Parses `bytes` over storage on the stack.
fn with_document<R>(bytes: &[u8], read: impl FnOnce(Result<Document<'_>, ParseError>) -> R) -> R {
    let mut nodes = [Node::default(); 64];
    let mut order = [0; 32];
    let mut tape = Tape::lent(&mut nodes, &mut order);
    read(json::parse(black_box(bytes), black_box(Limits::ARGUMENTS), &mut tape))
}

/// What a value offers, but for its members and elements.
fn read_value(value: Value<'_>) {
    black_box((value.kind(), value.raw(), value.span(), value.len(), value.is_empty()));
    black_box((value.as_bool(), value.document().bytes(), value.get("name").is_some()));
    if let Some(number) = value.as_number() {
        black_box((number.raw(), number.cmp(number), number.is_integer()));
        black_box((number.as_u64(), number.as_i64()));
        if let Some(divisor) = json::Divisor::new(number) {
            black_box(number.is_multiple_of(divisor));
        }
    }
    if let Some(text) = value.as_str() {
        black_box((text.raw(), text.is_escaped(), text.as_plain(), text.is(b"transfer A")));
        black_box((text.chars().count(), text.bytes().count(), text.chars().rest()));
    }
}

/// `json`: reading.
#[unsafe(no_mangle)]
pub extern "C" fn proof_json_read() {
    with_document(DOCUMENT, |document| match document {
        Ok(document) => {
            read_value(document.root());
            for (name, value) in document.root().members() {
                black_box(name.raw());
                read_value(value);
                value.elements().for_each(read_value);
            }
        }
        Err(error) => {
            black_box((error.kind.code(), error.kind.message(), error.offset));
            black_box(json::cause(DOCUMENT, error));
            black_box(json::line_column(DOCUMENT, error.offset as usize));
        }
    });
}

/// `json`: writing.
#[unsafe(no_mangle)]
pub extern "C" fn proof_json_write() {
    let mut slots = [0; 256];
    let mut out = Buf::lent(&mut slots);
    let text = black_box("a \"quoted\" \u{1} text");
    black_box(json::write_string(text, &mut out).is_ok());
    black_box(json::write_escaped(text, &mut out).is_ok());
    black_box(json::write_pointer_at(black_box(DOCUMENT), black_box(40), &mut out).is_ok());
    with_document(DOCUMENT, |document| match document {
        Ok(document) => black_box(json::write_pointer(document, black_box(3), &mut out).is_ok()),
        Err(error) => black_box(write!(out, "{error}").is_ok()),
    });
    black_box(&*out);
}

/// `Buf` over lent storage.
#[unsafe(no_mangle)]
pub extern "C" fn proof_buf() {
    let mut slots = [0_u32; 8];
    let mut buf = Buf::lent(&mut slots);
    black_box(buf.push(black_box(1)).is_ok());
    black_box(buf.extend(black_box(&[2, 3])).is_ok());
    if let Ok([first, ..]) = buf.reserve(black_box(2)) {
        *first = black_box(4);
    }
    buf.commit(black_box(1));
    buf.sort_unstable();
    black_box((buf.pop(), &*buf));
    buf.truncate(black_box(1));
    buf.shrink_to(black_box(0));
    buf.clear();
    black_box(buf.is_empty());
}

/// Reasons and calls.
#[unsafe(no_mangle)]
pub extern "C" fn proof_reason() {
    let reason = black_box(Reason::ToolDenied);
    black_box((reason.name(), reason.is_retryable()));
    black_box(Call {
        tool: black_box("echo"),
        arguments: black_box(DOCUMENT),
        caller: Caller::default(),
        ..Call::default()
    });
}

/// `redact`: the sets of types, text, and the strings and values of documents.
#[unsafe(no_mangle)]
pub extern "C" fn proof_redact() {
    let named = Types::parse(black_box(["secret", "-secret.auth"]));
    let types = black_box(named.unwrap_or(Types::GUARD_DEFAULT)).with("pii").without("pii.weak");
    black_box((types.is_empty(), TypeId::all().filter(|&id| types.contains(id)).count()));
    let redactor = Redactor::new(types, black_box(Style::Default));

    let mut found = [Finding::default(); 32];
    let mut findings = Buf::lent(&mut found);
    let mut masked = [0; 512];
    let mut out = Buf::lent(&mut masked);
    let text = black_box("password=hunter22-hunter22 mail ann@example.com 4111 1111 1111 1111");
    if redactor.scan(text, &mut findings).is_ok() {
        black_box(redactor.mask(text, &findings, &mut out).is_ok());
        black_box(
            redactor.mask_part(text, black_box(5), black_box(9), &findings, &mut out).is_ok(),
        );
        for finding in findings.iter() {
            black_box((finding.id.id(), finding.id.name(), finding.id.is_secret()));
        }
    }

    let (mut literal, mut in_literal) = ([0; 256], [Finding::default(); 16]);
    let mut work = Work::lent(&mut literal, &mut in_literal);
    with_document(DOCUMENT, |document| {
        if let Ok(document) = document {
            black_box(redactor.redact_json(document, &mut work, &mut out).is_ok());
            if let Some(name) = document.root().get("name").and_then(Value::as_str) {
                black_box(redactor.redact_str(name, black_box("pin"), &mut work, &mut out).is_ok());
            }
        }
    });
    black_box(&*out);
}

/// A keyed hash that is none.
struct Constant;

impl KeyedHash for Constant {
    fn digest(&self, value: &[u8]) -> [u8; 6] {
        [value.len() as u8; 6]
    }
}

/// `redact`: styles by type, allow-lists, numbers and text in chunks.
#[unsafe(no_mangle)]
pub extern "C" fn proof_redact_stream() {
    let (mut pool, mut entries) = ([0; 64], [AllowEntry::default(); 4]);
    let mut allowed = AllowList::lent(&mut pool, &mut entries);
    for entry in black_box(["domain:example.org", "network:10.0.0.0/8", "examples", "path:/a"]) {
        black_box(allowed.add(entry).is_ok());
    }
    black_box(allowed.view().is_empty());
    let by_type = [(Types::NONE.with("pii"), Style::Pseudonym)];
    let style = Style::parse(black_box("hash")).unwrap_or_default();
    let masks = Masks { style, by_type: &by_type, hash: Some(&Constant) };
    black_box(Masks::of(style));
    let redactor = Redactor::new(Types::ALL, style).with_masks(masks).with_allowed(allowed.view());

    let (mut values, mut records, mut slots) = ([0; 64], [Record::default(); 8], [0; 64]);
    let mut names = Pseudonyms::lent(&mut values, &mut records, &mut slots);
    let (mut window, mut found) = ([0; 256], [Finding::default(); 32]);
    let mut stream = Stream::lent(&mut window, &mut found);
    let mut shown = [0; 256];
    let mut out = Buf::lent(&mut shown);
    for chunk in black_box([&b"mail ann@exam"[..], b"ple.com \xf0\x9f", b"\x98\x80"]) {
        let fed =
            stream.feed(&redactor, chunk, &mut names, |piece| out.extend(piece.text().as_bytes()));
        black_box((fed.is_ok(), stream.buffered(), stream.masked()));
    }
    let end = stream.finish(&redactor, &mut names, |piece| out.extend(piece.text().as_bytes()));
    black_box(end.is_ok());
    stream.begin();
    names.clear();
    let text = black_box("ann@example.com");
    let mut findings = Buf::lent(&mut found);
    black_box(redactor.scan(text, &mut findings).is_ok());
    black_box(redactor.mask_numbered(text, &findings, &mut Pseudonyms::none(), &mut out).is_ok());
    black_box(&*out);
}

/// `truncate`.
#[unsafe(no_mangle)]
pub extern "C" fn proof_truncate() {
    let mut slots = [0; 256];
    let mut out = Buf::lent(&mut slots);
    let text = black_box("a text that is longer than it may be");
    black_box(truncate::fits(text, black_box(10)));
    let limit =
        Limit { tokens: 9, lines: 2, bytes: 40, keep: Keep::Ends, ..Limit::chars(black_box(40)) };
    black_box((limit.is_none(), limit.fits(text)));
    black_box(truncate::truncate_text(text, &limit, &mut out).is_ok());
    black_box((Estimate.count(text), Estimate.head(text, 3), Estimate.tail(text, 3)));
    black_box(truncate::truncate_text(text, &Limit::chars(black_box(10)), &mut out).is_ok());
    with_document(DOCUMENT, |document| {
        if let Ok(document) = document {
            black_box(truncate::truncate_json(document, &limit, &mut out).is_ok());
        }
    });
    black_box(&*out);
}

/// `hidden`.
#[unsafe(no_mangle)]
pub extern "C" fn proof_hidden() {
    let mut slots = [0; 256];
    let mut out = Buf::lent(&mut slots);
    let text = black_box("a\u{200b}b\u{1b}[1mc\u{1f600}\u{200d}");
    let kinds = Kinds::of(black_box(Hidden::Ansi)) | Kinds::ALL.without(Kinds::NONE);
    black_box((hidden::may_hide(text.as_bytes()), kinds.contains(Hidden::Bidi), kinds.is_empty()));
    let mut found = Found::NONE;
    black_box(hidden::strip(text, kinds, &mut found, &mut out).is_ok());
    black_box((found.of(Hidden::Ansi), found.iter().count(), found.is_empty(), found.any(kinds)));
    black_box(hidden::find(text, kinds).map(|span| span.kind.name().len()).sum::<usize>());
    black_box(write!(out, "{}", Visible(text)).is_ok());
    black_box(&*out);
}

/// `policy` and `glob`: the const name policy.
#[unsafe(no_mangle)]
pub extern "C" fn proof_names() {
    if let Ok(policy) = NamePolicy::new(black_box(&["read_*"]), black_box(&["*_secret"])) {
        black_box(policy.decide(black_box("read_secret")).is_ok());
    }
    black_box(glob::check(black_box("a*b?")).is_ok());
    black_box(glob::matches(black_box("a*b?"), black_box("axxbc"), black_box(Case::Fold)));
}
