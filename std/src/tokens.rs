//! Tokens counted as OpenAI's models count them.
//!
//! The tables are part of the program: nothing is read or fetched at run time. A table is unpacked when
//! its encoding first counts. Worst case: linear in the text.

use airlock_core::truncate::CountTokens;
use bpe_openai::Tokenizer;

/// The encoding of GPT-3.5 and GPT-4.
#[cfg(feature = "cl100k_base")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Cl100kBase;

/// The encoding of GPT-4o and later models.
#[cfg(feature = "o200k_base")]
#[derive(Clone, Copy, Debug, Default)]
pub struct O200kBase;

macro_rules! count {
    ($name:ident, $feature:literal, $table:path) => {
        #[cfg(feature = $feature)]
        impl CountTokens for $name {
            fn count(&self, text: &str) -> usize {
                $table().count(text)
            }

            fn head(&self, text: &str, most: usize) -> usize {
                head($table(), text, most)
            }

            fn tail(&self, text: &str, most: usize) -> usize {
                tail($table(), text, most)
            }
        }
    };
}

count!(Cl100kBase, "cl100k_base", bpe_openai::cl100k_base);
count!(O200kBase, "o200k_base", bpe_openai::o200k_base);

fn head(tokenizer: &Tokenizer, text: &str, most: usize) -> usize {
    let (mut at, mut left) = (0, most);
    for piece in tokenizer.split(text) {
        match tokenizer.bpe.count_till_limit(piece.as_bytes(), left) {
            Some(count) => left -= count,
            None => {
                // As many of its tokens as there is room for.
                let tokens = tokenizer.bpe.encode_via_backtracking(piece.as_bytes());
                let kept = tokens.iter().take(left).map(|&token| tokenizer.bpe.token_len(token));
                let mut cut = at + kept.sum::<usize>();
                while !text.is_char_boundary(cut) {
                    cut -= 1;
                }
                return cut;
            }
        }
        at += piece.len();
    }
    at
}

fn tail(tokenizer: &Tokenizer, text: &str, most: usize) -> usize {
    let mut over = tokenizer.count(text).saturating_sub(most);
    let mut at = 0;
    for piece in tokenizer.split(text) {
        if over == 0 {
            break;
        }
        over = over.saturating_sub(tokenizer.bpe.count(piece.as_bytes()));
        at += piece.len();
    }
    at
}

#[cfg(test)]
#[cfg(all(feature = "cl100k_base", feature = "o200k_base"))]
mod tests {
    use airlock_core::truncate::{Estimate, Keep, Limit, truncate_text};

    use super::*;

    #[test]
    fn counts_of_the_published_tokenisers() {
        // OpenAI cookbook, "How to count tokens with tiktoken".
        for (text, cl100k, o200k) in [
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 9, 8),
        ] {
            assert_eq!(Cl100kBase.count(text), cl100k, "{text}");
            assert_eq!(O200kBase.count(text), o200k, "{text}");
        }
    }

    #[test]
    fn cuts_hold_and_the_estimate_is_not_too_low() {
        let prose = include_str!("../../docs/policy.md");
        let code = include_str!("tokens.rs");
        let mixed = "漢字とかな 😀👩\u{200d}👩\u{200d}👧 ñandú Ωμέγα кириллица ".repeat(20);
        let key = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3".repeat(20);
        for text in [prose, code, &mixed, &key] {
            for counter in [&Cl100kBase as &(dyn CountTokens + Send + Sync), &O200kBase] {
                let real = counter.count(text);
                assert!(Estimate.count(text) >= real, "{} of {real}", Estimate.count(text));
                for tokens in [0, 1, 7, 40, 200] {
                    for keep in [Keep::Head, Keep::Tail, Keep::Ends] {
                        let limit = Limit { tokens, keep, counter, ..Limit::NONE };
                        let mut out = airlock_core::Buf::growable();
                        truncate_text(text, &limit, &mut out).unwrap();
                        let shown = std::str::from_utf8(&out).unwrap();
                        assert!(counter.count(shown) <= tokens, "{tokens} {keep:?}");
                        if tokens == 200 && keep == Keep::Head {
                            assert!(counter.count(shown) > 120, "{}", counter.count(shown));
                        }
                    }
                }
            }
        }
    }
}
