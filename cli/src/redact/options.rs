//! What `airlock redact` is told, and what it means.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use airlock::mask::{HmacSha256, LEAST_KEY};
use airlock_core::redact::{AllowList, Masks, Redactor, Style, TypeId, Types};
use airlock_core::truncate::{CountTokens, Estimate, Keep, Limit};
use clap::ValueEnum;

const EXAMPLES: &str = "\
Examples:
  journalctl -u app | airlock redact                       mask everything, as it comes
  airlock redact --types secret --mask type build.log      keys and passwords only, by name
  airlock redact --mask pii=pseudonym --mask secret=full   [EMAIL_1] stays [EMAIL_1]
  airlock redact --allow domain:acme.io --allow examples   leave these alone
  airlock redact -q --report --fail-on secret dump.sql     a check for CI: exit code 1 when one is found
  airlock redact --json --max-tokens 4000 answer.json      stays JSON, and short

Exit codes: 0 done, 1 something that --fail-on names was found, 2 bad usage or input.";

/// Arguments of `airlock redact`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to read; standard input when absent or `-`
    pub(super) file: Option<PathBuf>,
    /// The input is JSON, and the output stays JSON
    #[arg(long, conflicts_with = "jsonl")]
    pub(super) json: bool,
    /// Each line of the input is {"id", "text"}, each line of the output {"id", "redacted", "spans"};
    /// offsets count bytes of the text
    #[arg(long)]
    pub(super) jsonl: bool,
    /// What to mask: ids or groups such as `secret,pii.core,-pii.core.ip`. Everything when absent
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    types: Vec<String>,
    /// What to write instead, for all types or for one: default, full, type, partial, hash, pseudonym,
    /// remove, shape
    #[arg(long, value_name = "[TYPE=]STYLE")]
    mask: Vec<String>,
    /// The key of `--mask hash`: a file of at least 16 bytes, read as it is
    #[arg(long, value_name = "FILE")]
    mask_key_file: Option<PathBuf>,
    /// What to leave alone: value:TEXT, prefix:TEXT, domain:NAME, network:CIDR, path:POINTER or examples
    #[arg(long, value_name = "ENTRY")]
    allow: Vec<String>,
    /// Write how many values of each type there were to standard error
    #[arg(long)]
    pub(super) report: bool,
    /// Write no text
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// End with exit code 1 when one of these types or groups was masked; `any` for all
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    fail_on: Vec<String>,
    /// Cut the output to so many characters
    #[arg(long, value_name = "N", conflicts_with = "jsonl")]
    max_chars: Option<usize>,
    /// Cut the output to so many bytes
    #[arg(long, value_name = "N", conflicts_with = "jsonl")]
    max_bytes: Option<usize>,
    /// Cut the output to so many lines
    #[arg(long, value_name = "N", conflicts_with = "jsonl")]
    max_lines: Option<usize>,
    /// Cut the output to so many tokens
    #[arg(long, value_name = "N", conflicts_with = "jsonl")]
    max_tokens: Option<usize>,
    /// How tokens are counted
    #[arg(long, value_enum, default_value_t)]
    tokenizer: Tokenizer,
    /// What is kept of what is cut
    #[arg(long, value_enum, default_value_t)]
    keep: Kept,
    /// List the types and end
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Kept {
    /// The beginning
    #[default]
    Head,
    /// Both ends
    Middle,
    /// The end
    Tail,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Tokenizer {
    /// From the classes of characters, rather too high than too low
    #[default]
    Estimate,
    /// As GPT-3.5 and GPT-4
    #[cfg(feature = "cl100k_base")]
    #[value(name = "cl100k_base")]
    Cl100kBase,
    /// As GPT-4o and later models
    #[cfg(feature = "o200k_base")]
    #[value(name = "o200k_base")]
    O200kBase,
}

/// What the arguments mean.
pub(super) struct Options {
    types: Types,
    style: Style,
    by_type: Vec<(Types, Style)>,
    hash: Option<HmacSha256>,
    allow: AllowList<'static>,
    limit: Limit<'static>,
    pub(super) fail_on: Types,
}

impl Options {
    /// # Errors
    /// The first argument that means nothing, and why.
    pub(super) fn read(args: &Args) -> Result<Self, String> {
        let types = match args.types.as_slice() {
            [] => Types::ALL,
            list => parse_types("--types", list)?,
        };
        let (mut style, mut named) = (Style::Default, Vec::new());
        for word in &args.mask {
            let (name, wanted) = match word.split_once('=') {
                Some((name, wanted)) => (Some(name), wanted),
                None => (None, word.as_str()),
            };
            let wanted = Style::parse(wanted).ok_or_else(|| {
                let words: Vec<_> = Style::WORDS.iter().map(|(word, _)| *word).collect();
                format!("--mask: no style is called `{wanted}`; there are {}", words.join(", "))
            })?;
            match name {
                Some(name) => {
                    named.push((name.len(), parse_types("--mask", &[name.to_owned()])?, wanted))
                }
                None => style = wanted,
            }
        }
        // Of several names that have a type the longest decides.
        named.sort_by_key(|&(len, _, _)| len);
        let by_type: Vec<_> = named.into_iter().map(|(_, types, style)| (types, style)).collect();
        let hashes = style == Style::Hash || by_type.iter().any(|&(_, style)| style == Style::Hash);
        let hash = match &args.mask_key_file {
            Some(path) => {
                let key = fs::read(path)
                    .map_err(|error| format!("--mask-key-file: {}: {error}", path.display()))?;
                let short = || format!("--mask-key-file: a key has at least {LEAST_KEY} bytes");
                Some(HmacSha256::new(&key).ok_or_else(short)?)
            }
            None if hashes => return Err("--mask hash needs --mask-key-file".into()),
            None => None,
        };
        let mut allow = AllowList::growable();
        for entry in &args.allow {
            allow.add(entry).map_err(|error| format!("--allow: `{entry}`: {error}"))?;
        }
        let fail_on = match args.fail_on.as_slice() {
            list if list.iter().any(|word| word == "any") => Types::ALL,
            [] => Types::NONE,
            list => parse_types("--fail-on", list)?,
        };
        let most = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        let limit = Limit {
            chars: most(args.max_chars),
            bytes: most(args.max_bytes),
            lines: most(args.max_lines),
            tokens: most(args.max_tokens),
            keep: match args.keep {
                Kept::Head => Keep::Head,
                Kept::Middle => Keep::Ends,
                Kept::Tail => Keep::Tail,
            },
            counter: counter(args.tokenizer),
        };
        Ok(Self { types, style, by_type, hash, allow, limit, fail_on })
    }

    pub(super) fn redactor(&self) -> Redactor<'_> {
        let hash = self.hash.as_ref().map(|hash| hash as _);
        let masks = Masks { style: self.style, by_type: &self.by_type, hash };
        let redactor = Redactor::new(self.types, self.style).with_masks(masks);
        redactor.with_allowed(self.allow.view())
    }

    pub(super) const fn limit(&self) -> Limit<'static> {
        self.limit
    }
}

fn counter(tokenizer: Tokenizer) -> &'static (dyn CountTokens + Send + Sync) {
    match tokenizer {
        Tokenizer::Estimate => &Estimate,
        #[cfg(feature = "cl100k_base")]
        Tokenizer::Cl100kBase => &airlock::tokens::Cl100kBase,
        #[cfg(feature = "o200k_base")]
        Tokenizer::O200kBase => &airlock::tokens::O200kBase,
    }
}

fn parse_types(flag: &str, list: &[String]) -> Result<Types, String> {
    Types::parse(list.iter().map(|name| name.trim())).map_err(|error| {
        format!(
            "{flag}: {error}; groups are secret.prefixed, secret.auth, secret.assigned, pii.core, \
                 pii.national and pii.weak, and --list lists the types"
        )
    })
}

/// Writes the ids of all types.
pub(super) fn list(output: &mut impl Write) -> io::Result<()> {
    let mut ids: Vec<_> = TypeId::all().map(TypeId::id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter().try_for_each(|id| writeln!(output, "{id}"))
}
