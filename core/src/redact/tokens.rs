//! The tokens of vendors that begin with a fixed text.
//!
//! A row is all that a token needs; [`token`](super::token) matches it.

use super::bytes::{ALNUM, BASE64, HEX, Set, URL64};
use super::token::{is_digit_rich, is_random, is_varied};

/// One vendor's token format.
pub(super) struct Token {
    /// `group.type`; formats of one vendor share it.
    pub(super) id: &'static str,
    /// The public beginnings, each at least three bytes long.
    pub(super) prefixes: &'static [&'static str],
    /// What may follow.
    pub(super) body: Set,
    /// Fewest bytes that follow. Below the vendor's length where the prefix alone is telling, so that
    /// a cut token is found too.
    pub(super) least: u16,
    /// Most bytes that follow: above it the prefix is taken for a coincidence.
    pub(super) most: u16,
    /// Whether the body looks like one.
    pub(super) verify: fn(&[u8]) -> bool,
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
    // One length in one alphabet is evidence enough: a random body may well lack digits.
    let verify = if least == most { is_varied } else { is_random };
    Token { id, prefixes, body, least, most, verify }
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
