//! Vendor tokens that begin with a fixed text: the table, its index, and the match.
//!
//! A word of the text whose first three bytes begin a prefix of [`TOKENS`] is compared with the few
//! prefixes of that bucket; the longest that matches decides. What follows must be a run of the
//! token's alphabet, long enough and random enough. A token's own checksum never rejects it: one that
//! was cut or rotated is still a secret. Worst case: linear; a run is measured once per prefix met.

use super::bytes::{ALNUM, BASE64, HEX, Set, URL64, byte, run, slice, variety};
use super::types::TypeId;

/// One vendor's token format.
pub(super) struct Token {
    /// `group.type`; formats of one vendor share it.
    pub(super) id: &'static str,
    /// The public beginnings, each at least three bytes long.
    prefixes: &'static [&'static str],
    /// What may follow.
    body: Set,
    /// Fewest bytes that follow. Below the vendor's length where the prefix alone is telling, so that
    /// a cut token is found too.
    least: u16,
    /// Most bytes that follow: above it the prefix is taken for a coincidence.
    most: u16,
    /// Whether the body looks like one.
    verify: fn(&[u8]) -> bool,
}

const fn token(
    id: &'static str,
    prefixes: &'static [&'static str],
    body: Set,
    least: u16,
) -> Token {
    Token { id, prefixes, body, least, most: u16::MAX, verify: is_random }
}

/// A token whose prefix says little, so that its length must be right.
const fn exact(
    id: &'static str,
    prefixes: &'static [&'static str],
    body: Set,
    least: u16,
    most: u16,
) -> Token {
    Token { id, prefixes, body, least, most, verify: is_random }
}

/// base64url and dots.
const DOTTED: Set = Set::new(b"0-9A-Za-z_.-");
/// base64url and slashes: the paths of webhooks.
const PATH: Set = Set::new(b"0-9A-Za-z/_-");
/// Letters and digits in upper case.
const UPPER: Set = Set::new(b"0-9A-Z");

/// The formats. Facts: each vendor's documentation of its tokens; where it has none, the pattern that
/// the public secret scanners agree on.
pub(super) const TOKENS: &[Token] = &[
    // AWS IAM, "unique identifiers": base32, but older tools wrote any digit. AROA, AIDA and the like
    // are names, not keys.
    exact("secret.prefixed.aws", &["AKIA", "ASIA", "ABIA", "ACCA"], UPPER, 16, 16),
    token("secret.prefixed.aws", &["ABSK", "bedrock-api-key-"], BASE64, 80),
    token("secret.prefixed.aws", &["IQoJb3JpZ2lu"], BASE64, 80),
    // GitHub, "Behind GitHub's new authentication token formats".
    token("secret.prefixed.github", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], DOTTED, 20),
    token("secret.prefixed.github", &["github_pat_"], Set::new(b"0-9A-Za-z_"), 30),
    // GitLab, "Token prefixes".
    token(
        "secret.prefixed.gitlab",
        &[
            "glpat-",
            "gldt-",
            "glrt-",
            "glft-",
            "glsoat-",
            "glffct-",
            "glptt-",
            "glimt-",
            "glagent-",
            "gloas-",
            "glcbt-",
            "glwt-",
            "GR1348941",
        ],
        DOTTED,
        16,
    ),
    // Slack, "Token types" and "Incoming webhooks".
    token(
        "secret.prefixed.slack",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxo-", "xoxs-", "xoxe-", "xoxc-", "xoxd-"],
        URL64,
        16,
    ),
    token("secret.prefixed.slack", &["xapp-", "xoxe.xoxp-", "xoxe.xoxb-"], URL64, 20),
    token(
        "secret.prefixed.slack_webhook",
        &[
            "https://hooks.slack.com/services/",
            "https://hooks.slack.com/workflows/",
            "https://hooks.slack.com/triggers/",
        ],
        PATH,
        20,
    ),
    token(
        "secret.prefixed.discord_webhook",
        &["https://discord.com/api/webhooks/", "https://discordapp.com/api/webhooks/"],
        PATH,
        40,
    ),
    // Stripe, "API keys". pk_ is made to be published.
    token(
        "secret.prefixed.stripe",
        &["sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_"],
        ALNUM,
        10,
    ),
    token("secret.prefixed.stripe", &["whsec_"], BASE64, 24),
    // OpenAI and those who copy its `sk-`; the marker T3BlbkFJ is not asked for.
    Token {
        id: "secret.prefixed.openai",
        prefixes: &["sk-"],
        body: URL64,
        least: 16,
        most: u16::MAX,
        verify: is_digit_rich,
    },
    token("secret.prefixed.openai", &["sk-proj-", "sk-svcacct-", "sk-admin-"], URL64, 20),
    token("secret.prefixed.openrouter", &["sk-or-v1-"], ALNUM, 32),
    token(
        "secret.prefixed.anthropic",
        &["sk-ant-", "sk-ant-api03-", "sk-ant-admin01-", "sk-ant-oat01-", "sk-ant-sid01-"],
        URL64,
        20,
    ),
    // Google Cloud, "API keys" and "OAuth 2.0".
    exact("secret.prefixed.google", &["AIza", "AIzaSy"], URL64, 30, 39),
    token("secret.prefixed.google", &["GOCSPX-"], URL64, 20),
    token("secret.prefixed.google", &["ya29.", "ya29.a0"], DOTTED, 40),
    // Registries.
    token("secret.prefixed.npm", &["npm_"], ALNUM, 30),
    // The head of a macaroon for the index's host; the second form is its test index and others.
    token("secret.prefixed.pypi", &["pypi-AgEIcHlwaS5vcmc", "pypi-AgE"], URL64, 40),
    exact("secret.prefixed.crates_io", &["cio"], ALNUM, 32, 32),
    token("secret.prefixed.rubygems", &["rubygems_"], ALNUM, 40),
    token("secret.prefixed.docker", &["dckr_pat_", "dckr_oat_"], URL64, 20),
    token("secret.prefixed.clojars", &["CLOJARS_"], ALNUM, 50),
    token("secret.prefixed.nuget", &["oy2"], Set::new(b"0-9a-z"), 43),
    // AI vendors.
    token("secret.prefixed.huggingface", &["hf_", "api_org_"], ALNUM, 30),
    token("secret.prefixed.groq", &["gsk_"], ALNUM, 40),
    token("secret.prefixed.perplexity", &["pplx-"], ALNUM, 40),
    exact("secret.prefixed.replicate", &["r8_"], ALNUM, 37, 40),
    token("secret.prefixed.xai", &["xai-"], ALNUM, 60),
    // Services.
    token("secret.prefixed.airtable", &["pat"], Set::new(b"0-9A-Za-z."), 70),
    exact("secret.prefixed.mailgun", &["key-"], HEX, 32, 32),
    Token {
        id: "secret.prefixed.sendgrid",
        prefixes: &["SG."],
        body: DOTTED,
        least: 40,
        most: 80,
        verify: is_random,
    },
    token("secret.prefixed.brevo", &["xkeysib-", "xsmtpsib-"], URL64, 40),
    token("secret.prefixed.newrelic", &["NRAK-", "NRII-", "NRSP-", "NRRA-"], ALNUM, 20),
    token("secret.prefixed.postman", &["PMAK-"], URL64, 40),
    token("secret.prefixed.notion", &["ntn_"], ALNUM, 40),
    exact("secret.prefixed.notion", &["secret_"], ALNUM, 43, 43),
    token("secret.prefixed.linear", &["lin_api_", "lin_oauth_"], ALNUM, 32),
    token("secret.prefixed.figma", &["figd_", "figu_", "figr_"], URL64, 30),
    token(
        "secret.prefixed.shopify",
        &["shpat_", "shpca_", "shppa_", "shpss_", "shptka_"],
        ALNUM,
        24,
    ),
    token("secret.prefixed.square", &["sq0atp-", "sq0csp-", "sq0idp-"], URL64, 20),
    exact("secret.prefixed.square", &["EAAA"], URL64, 56, 64),
    token("secret.prefixed.easypost", &["EZAK", "EZTK"], ALNUM, 54),
    Token {
        id: "secret.prefixed.databricks",
        prefixes: &["dapi"],
        body: Set::new(b"0-9a-f-"),
        least: 32,
        most: 36,
        verify: is_random,
    },
    token("secret.prefixed.sentry", &["sntrys_eyJ", "sntryu_"], BASE64, 40),
    token("secret.prefixed.atlassian", &["ATATT3xFfGF0", "ATCTT3xFfGN0"], URL64, 40),
    token("secret.prefixed.bitbucket", &["ATBB"], ALNUM, 28),
    token("secret.prefixed.dropbox", &["sl.u.", "sl.B"], URL64, 100),
    token("secret.prefixed.adobe", &["p8e-"], ALNUM, 32),
    token("secret.prefixed.asana", &["asana_pat_"], ALNUM, 20),
    token("secret.prefixed.typeform", &["tfp_"], DOTTED, 40),
    token("secret.prefixed.contentful", &["CFPAT-"], URL64, 40),
    token("secret.prefixed.hubspot", &["pat-na1-", "pat-eu1-"], URL64, 36),
    token("secret.prefixed.intra42", &["s-s4t2ud-", "s-s4t2af-"], ALNUM, 60),
    token("secret.prefixed.posthog", &["phx_"], ALNUM, 40),
    token("secret.prefixed.langsmith", &["lsv2_pt_", "lsv2_sk_"], Set::new(b"0-9a-z_"), 32),
    token("secret.prefixed.tavily", &["tvly-"], URL64, 28),
    token("secret.prefixed.braintree", &["access_token$production$"], ALNUM, 32),
    token("secret.prefixed.flutterwave", &["FLWSECK-", "FLWSECK_TEST-"], URL64, 30),
    token("secret.prefixed.razorpay", &["rzp_live_"], ALNUM, 14),
    token("secret.prefixed.sonar", &["sqp_", "squ_", "sqa_"], ALNUM, 40),
    token("secret.prefixed.readme", &["rdme_"], ALNUM, 60),
    token("secret.prefixed.snyk", &["snyk_uat.", "snyk_sat."], DOTTED, 30),
    token("secret.prefixed.buildkite", &["bkua_"], ALNUM, 40),
    token("secret.prefixed.circleci", &["CCIPAT_", "CCIPRJ_"], Set::new(b"0-9A-Za-z_"), 40),
    token("secret.prefixed.netlify", &["nfp_"], ALNUM, 30),
    token("secret.prefixed.supabase", &["sbp_", "sb_secret_"], URL64, 24),
    token("secret.prefixed.defined", &["dnkey-"], URL64, 40),
    token("secret.prefixed.duffel", &["duffel_live_", "duffel_test_"], URL64, 40),
    token("secret.prefixed.frameio", &["fio-u-"], URL64, 50),
    token("secret.prefixed.mapbox", &["sk.eyJ"], DOTTED, 60),
    token("secret.prefixed.sourcegraph", &["sgp_"], Set::new(b"0-9a-f_"), 40),
    token("secret.prefixed.onepassword", &["ops_eyJ"], BASE64, 200),
    // Infrastructure.
    token("secret.prefixed.vault", &["hvs.", "hvb.", "hvr."], URL64, 20),
    token("secret.prefixed.pulumi", &["pul-"], HEX, 40),
    token("secret.prefixed.doppler", &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa."], DOTTED, 40),
    token("secret.prefixed.digitalocean", &["dop_v1_", "doo_v1_", "dor_v1_"], ALNUM, 40),
    token("secret.prefixed.heroku", &["HRKU-AA"], URL64, 40),
    token("secret.prefixed.tailscale", &["tskey-"], URL64, 20),
    token("secret.prefixed.vercel", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], ALNUM, 24),
    token("secret.prefixed.cloudflare", &["cfut_", "cfat_", "cfk_"], URL64, 40),
    token("secret.prefixed.cloudflare", &["v1.0-"], URL64, 140),
    token("secret.prefixed.grafana", &["glsa_"], Set::new(b"0-9A-Za-z_"), 32),
    token("secret.prefixed.grafana", &["glc_"], BASE64, 40),
    token("secret.prefixed.fly", &["fo1_", "fm1r_", "fm2_", "fm1a_"], BASE64, 40),
    token(
        "secret.prefixed.planetscale",
        &["pscale_tkn_", "pscale_oauth_", "pscale_pw_"],
        DOTTED,
        30,
    ),
    token("secret.prefixed.openshift", &["sha256~"], URL64, 40),
    token("secret.prefixed.dynatrace", &["dt0c01.", "dt0s01."], DOTTED, 60),
    token("secret.prefixed.infracost", &["ico-"], ALNUM, 32),
    token("secret.prefixed.prefect", &["pnu_", "pnb_"], ALNUM, 36),
    token("secret.prefixed.scalingo", &["tk-us-"], URL64, 40),
    token("secret.prefixed.yandex", &["t1.A", "y0_", "AQVN"], DOTTED, 38),
    token("secret.prefixed.alibaba", &["LTAI"], ALNUM, 17),
    // Keys as such.
    token("secret.prefixed.age", &["AGE-SECRET-KEY-1"], ALNUM, 40),
];

/// Every prefix beside the row that it belongs to.
const PREFIXES: [(&str, u8); count()] = {
    let mut all = [("", 0); count()];
    let (mut row, mut len) = (0, 0);
    while row < TOKENS.len() {
        let mut at = 0;
        while at < TOKENS[row].prefixes.len() {
            all[len] = (TOKENS[row].prefixes[at], row as u8);
            len += 1;
            at += 1;
        }
        row += 1;
    }
    all
};

const fn count() -> usize {
    let (mut row, mut sum) = (0, 0);
    while row < TOKENS.len() {
        sum += TOKENS[row].prefixes.len();
        row += 1;
    }
    sum
}

/// The prefixes in buckets by their first three bytes: `heads` has the first of a bucket, `next` the
/// one after it, both counted from one, zero ends.
struct Index {
    heads: [u8; 1024],
    next: [u8; count()],
}

static INDEX: Index = {
    assert!(count() < 256, "an index entry is one byte");
    let mut index = Index { heads: [0; 1024], next: [0; count()] };
    let mut at = 0;
    while at < PREFIXES.len() {
        let text = PREFIXES[at].0.as_bytes();
        let bucket = bucket(text[0], text[1], text[2]);
        index.next[at] = index.heads[bucket];
        index.heads[bucket] = at as u8 + 1;
        at += 1;
    }
    index
};

const fn bucket(a: u8, b: u8, c: u8) -> usize {
    ((a as usize) ^ (b as usize) << 2 ^ (c as usize) << 4) & 1023
}

/// The longest prefix at `at`, as an index into [`PREFIXES`], for which `good` holds.
#[inline]
fn find_prefix(text: &[u8], at: usize, good: impl Fn(usize) -> bool) -> Option<usize> {
    let mut entry = match slice(text, at, at + 3) {
        &[a, b, c] => INDEX.heads.get(bucket(a, b, c)).copied().unwrap_or(0),
        _ => 0,
    };
    let mut best: Option<(usize, usize)> = None;
    while let Some(i) = usize::from(entry).checked_sub(1) {
        entry = INDEX.next.get(i).copied().unwrap_or(0);
        let Some((prefix, _)) = PREFIXES.get(i) else {
            break;
        };
        let rest = text.get(at..).unwrap_or(&[]);
        if best.is_none_or(|(len, _)| prefix.len() > len)
            && rest.starts_with(prefix.as_bytes())
            && good(i)
        {
            best = Some((prefix.len(), i));
        }
    }
    best.map(|(_, i)| i)
}

/// The token that begins at `at`: its type and its end.
#[inline]
pub(super) fn find(text: &[u8], at: usize) -> Option<(TypeId, usize)> {
    let i = find_prefix(text, at, |i| end_of(text, at, i).is_some())?;
    let row = PREFIXES.get(i)?.1;
    Some((TypeId::token(usize::from(row)), end_of(text, at, i)?))
}

/// Where the token ends that begins at `at` with prefix `i`, when it is one.
fn end_of(text: &[u8], at: usize, i: usize) -> Option<usize> {
    let (prefix, row) = PREFIXES.get(i)?;
    let token = TOKENS.get(usize::from(*row))?;
    let start = at + prefix.len();
    // A short look first, so that prefixes which follow each other closely stay cheap.
    let glance = usize::from(token.least.max(64)).min(usize::from(token.most) + 1);
    let head = slice(text, start, start + glance);
    let head = slice(head, 0, run(head, 0, token.body));
    if head.len() < usize::from(token.least) || !(token.verify)(head) {
        return None;
    }
    let mut end =
        if head.len() < glance { start + head.len() } else { run(text, start, token.body) };
    // A full stop ends a sentence, no token.
    while end > start && byte(text, end - 1) == b'.' {
        end -= 1;
    }
    let len = end - start;
    let fits = len >= usize::from(token.least)
        && (token.most == u16::MAX
            || len <= usize::from(token.most) && !ALNUM.has(byte(text, end)));
    fits.then_some(end)
}

/// How many bytes at the start of `text` are a vendor's public prefix.
pub(super) fn public_prefix(text: &[u8]) -> usize {
    find_prefix(text, 0, |_| true).and_then(|i| PREFIXES.get(i)).map_or(0, |(text, _)| text.len())
}

/// How many bytes at the end of `text` are a vendor's public prefix.
pub(super) fn public_prefix_before(text: &[u8]) -> usize {
    let ends = PREFIXES.iter().filter(|(prefix, _)| text.ends_with(prefix.as_bytes()));
    ends.map(|(prefix, _)| prefix.len()).max().unwrap_or(0)
}

/// Whether `body` looks drawn at random rather than spelt or filled in.
pub(super) fn is_random(body: &[u8]) -> bool {
    let head = slice(body, 0, 64);
    let digits = head.iter().any(u8::is_ascii_digit);
    let cases = head.iter().any(u8::is_ascii_uppercase) && head.iter().any(u8::is_ascii_lowercase);
    (digits || cases) && variety(head) >= 6 && !body.ends_with(b"EXAMPLE")
}

/// The same, for a prefix that also begins names of one's own: `sk-loading-indicator-2`.
fn is_digit_rich(body: &[u8]) -> bool {
    let digits = slice(body, 0, 64).iter().filter(|byte| byte.is_ascii_digit()).count();
    let cases = body.iter().take(64).any(u8::is_ascii_uppercase);
    is_random(body) && variety(body) >= 8 && (digits >= 3 || digits >= 1 && cases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    const BODY: &str = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3";

    #[test]
    fn every_prefix_is_found_where_its_alphabet_allows() {
        for (prefix, row) in PREFIXES {
            let token = &TOKENS[usize::from(row)];
            let want = usize::from(token.least.max(16));
            let body: std::vec::Vec<u8> = (0..)
                .flat_map(|_| BODY.bytes().chain(*b"0123456789abcdef"))
                .filter(|&b| token.body.has(b))
                .take(want)
                .collect();
            let text = format!("{prefix}{}", std::str::from_utf8(&body).unwrap());
            let (_, end) = find(text.as_bytes(), 0).unwrap_or_else(|| panic!("{prefix}"));
            assert_eq!(end, text.len(), "{prefix}");
            assert!(public_prefix(text.as_bytes()) >= prefix.len());
        }
    }

    #[test]
    fn the_longest_prefix_names_the_vendor() {
        let text = format!("sk-ant-api03-{BODY}{BODY}");
        assert_eq!(find(text.as_bytes(), 0).unwrap().0.id(), "secret.prefixed.anthropic");
        assert_eq!(public_prefix(text.as_bytes()), 13);
    }

    #[test]
    fn names_and_placeholders_are_none() {
        for text in [
            "sk-loading-indicator-wrapper",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "npm_config_registry_token_path_of_user",
            concat!("AKIA", "IOSFODNN7", "EXAMPLE"),
            "hf_hub_download",
            "sk-...XXXX",
        ] {
            assert_eq!(find(text.as_bytes(), 0), None, "{text}");
        }
    }
}
