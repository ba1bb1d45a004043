//! Tokens that say themselves what they are: a beginning, an alphabet, a length. A row of a table each.

use super::super::page::{Page, Raw};
use super::super::report::Kind;
use super::super::words::Trigger;
use super::value::{changes, class, entropy, is_filler, run, variety};

/// One kind of token.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// How it begins, in this case.
    pub(super) literal: &'static str,
    /// What the rest is made of.
    set: u16,
    least: usize,
    most: usize,
    flags: u8,
}

/// No letter or digit stands before it.
const FREE: u8 = 1;
/// A row of one letter is still a token: documentation and tests of this kind are written so.
const FILLER: u8 = 1 << 1;
/// There are digits in it.
const DIGITS: u8 = 1 << 2;
/// It looks random.
const RANDOM: u8 = 1 << 3;
/// Hexadecimal, or a row of `x`.
const HEXISH: u8 = 1 << 4;
/// Upper and lower case and digits are all in it.
const MIXED: u8 = 1 << 5;
/// Digits in it, or both cases, or nothing but `x`.
const LOOSE: u8 = 1 << 6;
/// Four groups or more, with dashes between.
const GROUPS: u8 = 1 << 7;

const fn rule(name: &'static str, literal: &'static str, set: u16, length: (usize, usize), flags: u8) -> Rule {
    Rule { kind: Kind::secret(name), literal, set, least: length.0, most: length.1, flags }
}

/// All of them.
pub(super) const RULES: &[Rule] = &[
    rule("aws_access_key", "AKIA", class::UPPER, (16, 16), FREE | FILLER),
    rule("aws_access_key", "ASIA", class::UPPER, (16, 16), FREE | FILLER),
    rule("aws_access_key", "ABIA", class::UPPER, (16, 16), FREE | FILLER),
    rule("aws_access_key", "ACCA", class::UPPER, (16, 16), FREE | FILLER),
    rule("aws_access_key", "A3T", class::UPPER, (17, 17), FREE),
    rule("aws_bedrock_key", "ABSK", class::BASE64, (90, 400), FREE),
    rule("aws_bedrock_key", "bedrock-api-key-", class::BASE64, (20, 2000), 0),
    rule("amazon_mws_token", "amzn.mws.", class::WORD, (30, 50), FREE),
    rule("alibaba_access_key", "LTAI", class::ALNUM, (16, 26), FREE),
    rule("github_token", "ghp_", class::ALNUM, (36, 255), 0),
    rule("github_token", "gho_", class::ALNUM, (36, 255), 0),
    rule("github_token", "ghu_", class::ALNUM, (36, 255), 0),
    rule("github_token", "ghs_", class::ALNUM, (36, 255), 0),
    rule("github_token", "ghr_", class::ALNUM, (36, 255), 0),
    rule("github_token", "github_pat_", class::ALNUM | class::UNDER, (40, 255), 0),
    rule("gitlab_token", "glpat-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "gldt-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glft-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glsoat-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glrt-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glrtr-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glcbt-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glptt-", class::WORD | class::DOT, (36, 400), 0),
    rule("gitlab_token", "glagent-", class::WORD | class::DOT, (46, 400), 0),
    rule("gitlab_token", "glimt-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "gloas-", class::WORD | class::DOT, (60, 400), 0),
    rule("gitlab_token", "glffct-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "glwt-", class::WORD | class::DOT, (18, 400), 0),
    rule("gitlab_token", "GR1348941", class::WORD, (20, 200), 0),
    rule("gitlab_token", "_gitlab_session=", class::ALNUM, (32, 32), 0),
    rule("slack_token", "xoxb-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxp-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxa-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxr-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxs-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxo-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxd-", class::WORD, (10, 300), DIGITS),
    rule("slack_token", "xoxe-", class::WORD, (20, 400), DIGITS),
    rule("slack_token", "xoxe.", class::WORD | class::DOT, (20, 400), DIGITS),
    rule("slack_token", "xoxc-", class::WORD, (20, 400), DIGITS),
    rule("slack_token", "xapp-", class::WORD, (20, 300), DIGITS),
    rule("slack_webhook", "hooks.slack.com/services/", class::ALNUM | class::SLASH | class::PLUS, (20, 120), 0),
    rule("slack_webhook", "hooks.slack.com/workflows/", class::ALNUM | class::SLASH | class::PLUS, (20, 200), 0),
    rule("slack_webhook", "hooks.slack.com/triggers/", class::ALNUM | class::SLASH | class::PLUS, (20, 200), 0),
    rule("teams_webhook", "webhook.office.com/webhookb2/", class::WORD | class::SLASH | class::DOT, (30, 400), 0),
    rule("discord_webhook", "discord.com/api/webhooks/", class::WORD | class::SLASH, (40, 200), 0),
    rule("stripe_key", "sk_live_", class::ALNUM, (10, 255), FREE | FILLER),
    rule("stripe_key", "rk_live_", class::ALNUM, (10, 255), FREE | FILLER),
    rule("stripe_key", "sk_test_", class::ALNUM, (10, 255), FREE | FILLER),
    rule("stripe_key", "rk_test_", class::ALNUM, (10, 255), FREE | FILLER),
    rule("stripe_key", "sk_prod_", class::ALNUM, (10, 255), FREE | FILLER),
    rule("stripe_key", "rk_prod_", class::ALNUM, (10, 255), FREE | FILLER),
    rule("stripe_webhook_secret", "whsec_", class::ALNUM | class::PLUS | class::SLASH, (20, 255), FREE),
    rule("google_api_key", "AIza", class::WORD, (35, 35), FREE),
    rule("google_oauth_secret", "GOCSPX-", class::WORD, (20, 60), 0),
    rule("google_oauth_token", "ya29.", class::WORD, (20, 400), FREE),
    rule("openai_key", "sk-proj-", class::WORD, (20, 300), FREE),
    rule("openai_key", "sk-svcacct-", class::WORD, (20, 300), FREE),
    rule("openai_key", "sk-admin-", class::WORD, (20, 300), FREE),
    rule("openai_key", "sk-", class::ALNUM, (40, 80), FREE),
    rule("anthropic_key", "sk-ant-", class::WORD, (20, 300), 0),
    rule("openrouter_key", "sk-or-v1-", class::HEX, (40, 80), 0),
    rule("langfuse_key", "sk-lf-", class::WORD, (20, 80), 0),
    rule("langsmith_key", "lsv2_pt_", class::ALNUM | class::UNDER, (30, 80), 0),
    rule("langsmith_key", "lsv2_sk_", class::ALNUM | class::UNDER, (30, 80), 0),
    rule("groq_key", "gsk_", class::ALNUM, (40, 80), FREE),
    rule("perplexity_key", "pplx-", class::ALNUM, (32, 80), 0),
    rule("huggingface_token", "hf_", class::ALNUM, (30, 60), FREE),
    rule("huggingface_token", "api_org_", class::ALNUM, (30, 60), RANDOM),
    rule("replicate_token", "r8_", class::ALNUM, (30, 60), FREE),
    rule("xai_key", "xai-", class::ALNUM, (60, 100), FREE),
    rule("nvidia_key", "nvapi-", class::WORD, (40, 120), FREE),
    rule("cerebras_key", "csk-", class::ALNUM, (30, 80), FREE),
    rule("pinecone_key", "pcsk_", class::ALNUM | class::UNDER, (30, 120), FREE),
    rule("tavily_key", "tvly-", class::WORD, (20, 80), FREE),
    rule("jina_key", "jina_", class::WORD, (40, 120), FREE),
    rule("npm_token", "npm_", class::ALNUM, (36, 36), FREE),
    rule("pypi_token", "pypi-AgE", class::WORD, (40, 1000), 0),
    rule("rubygems_key", "rubygems_", class::HEX, (40, 60), 0),
    rule("docker_token", "dckr_pat_", class::WORD, (20, 60), 0),
    rule("docker_token", "dckr_oat_", class::WORD, (20, 60), 0),
    rule("sendgrid_key", "SG.", class::WORD | class::DOT | class::EQUALS, (50, 120), FREE),
    rule("sendinblue_key", "xkeysib-", class::WORD, (60, 120), 0),
    rule("mailgun_key", "key-", class::HEX, (32, 32), FREE),
    rule("mailgun_key", "pubkey-", class::HEX, (32, 32), FREE),
    rule("twilio_key", "SK", class::ALNUM, (32, 32), FREE | HEXISH),
    rule("twilio_account", "AC", class::HEX, (32, 32), FREE | RANDOM),
    rule("shopify_token", "shpat_", class::ALNUM, (32, 40), 0),
    rule("shopify_token", "shpca_", class::ALNUM, (32, 40), 0),
    rule("shopify_token", "shppa_", class::ALNUM, (32, 40), 0),
    rule("shopify_token", "shpss_", class::ALNUM, (32, 40), 0),
    rule("shippo_token", "shippo_live_", class::HEX, (40, 40), 0),
    rule("shippo_token", "shippo_test_", class::HEX, (40, 40), 0),
    rule("square_token", "EAAA", class::WORD | class::EQUALS | class::PLUS, (22, 70), FREE | RANDOM),
    rule("square_token", "sq0atp-", class::WORD, (22, 60), 0),
    rule("square_token", "sq0csp-", class::WORD, (40, 60), 0),
    rule("facebook_token", "EAAC", class::ALNUM, (80, 400), FREE),
    rule("facebook_token", "EAAM", class::ALNUM, (80, 400), FREE),
    rule("heroku_key", "HRKU-", class::WORD, (30, 80), 0),
    rule("linear_key", "lin_api_", class::ALNUM, (36, 60), 0),
    rule("linear_key", "lin_oauth_", class::ALNUM, (36, 80), 0),
    rule("notion_token", "ntn_", class::ALNUM, (40, 50), FREE),
    rule("notion_token", "secret_", class::ALNUM, (43, 43), FREE | RANDOM),
    rule("figma_token", "figd_", class::WORD, (36, 60), 0),
    rule("figma_token", "figo_", class::WORD, (36, 60), 0),
    rule("digitalocean_token", "dop_v1_", class::HEX, (64, 64), 0),
    rule("digitalocean_token", "doo_v1_", class::HEX, (64, 64), 0),
    rule("digitalocean_token", "dor_v1_", class::HEX, (64, 64), 0),
    rule("databricks_token", "dapi", class::ALNUM, (32, 33), FREE | RANDOM),
    rule("age_secret_key", "AGE-SECRET-KEY-1", class::UPPER, (40, 70), 0),
    rule("onepassword_token", "ops_eyJ", class::BASE64, (100, 2000), RANDOM),
    rule("onepassword_secret_key", "A3-", class::UPPER | class::DASH, (32, 40), FREE | GROUPS),
    rule("adobe_secret", "p8e-", class::ALNUM, (32, 32), FREE),
    rule("artifactory_key", "AKCp", class::ALNUM, (60, 80), FREE | RANDOM),
    rule("artifactory_token", "cmVmd", class::ALNUM, (55, 70), FREE | RANDOM),
    rule("atlassian_token", "ATATT3", class::WORD | class::EQUALS, (100, 300), FREE),
    rule("atlassian_token", "ATCTT3", class::WORD | class::EQUALS, (100, 300), FREE),
    rule("bitbucket_token", "BBDC-", class::WORD | class::PLUS, (30, 80), FREE),
    rule("clojars_token", "CLOJARS_", class::ALNUM, (50, 70), 0),
    rule("cloudflare_origin_key", "v1.0-", class::HEX | class::DASH, (100, 200), FREE),
    rule("cloudflare_token", "cfat_", class::WORD, (40, 80), FREE),
    rule("cloudflare_token", "cfut_", class::WORD, (40, 80), FREE),
    rule("cloudflare_token", "cfk_", class::WORD, (40, 80), FREE),
    rule("defined_networking_token", "dnkey-", class::WORD | class::EQUALS, (60, 90), 0),
    rule("doppler_token", "dp.pt.", class::ALNUM, (40, 60), FREE),
    rule("doppler_token", "dp.st.", class::WORD | class::DOT, (40, 80), FREE),
    rule("doppler_token", "dp.ct.", class::ALNUM, (40, 60), FREE),
    rule("duffel_token", "duffel_live_", class::WORD | class::EQUALS, (40, 50), 0),
    rule("duffel_token", "duffel_test_", class::WORD | class::EQUALS, (40, 50), 0),
    rule("dynatrace_token", "dt0c01.", class::ALNUM | class::DOT, (80, 100), FREE),
    rule("easypost_key", "EZAK", class::ALNUM, (54, 60), FREE),
    rule("easypost_key", "EZTK", class::ALNUM, (54, 60), FREE),
    rule("flutterwave_key", "FLWSECK", class::ALNUM | class::UNDER | class::DASH, (12, 60), 0),
    rule("flutterwave_key", "FLWPUBK", class::ALNUM | class::UNDER | class::DASH, (12, 60), 0),
    rule("flyio_token", "fo1_", class::WORD, (40, 50), FREE),
    rule("flyio_token", "fm1r_", class::BASE64, (60, 2000), FREE),
    rule("flyio_token", "fm1a_", class::BASE64, (60, 2000), FREE),
    rule("flyio_token", "fm2_", class::BASE64, (60, 2000), FREE),
    rule("frameio_token", "fio-u-", class::WORD | class::EQUALS, (50, 80), 0),
    rule("grafana_token", "glc_", class::BASE64, (32, 400), 0),
    rule("grafana_token", "glsa_", class::ALNUM | class::UNDER, (38, 60), 0),
    rule("grafana_token", "eyJrIjoi", class::BASE64, (60, 400), 0),
    rule("harness_key", "pat.", class::WORD | class::DOT, (60, 90), FREE),
    rule("harness_key", "sat.", class::WORD | class::DOT, (60, 90), FREE),
    rule("vault_token", "hvs.", class::WORD, (60, 300), FREE),
    rule("vault_token", "hvb.", class::WORD, (100, 400), FREE),
    rule("vault_token", "hvr.", class::WORD, (60, 300), FREE),
    rule("vault_token", "s.", class::ALNUM, (24, 24), FREE | MIXED),
    rule("hubspot_token", "pat-na1-", class::WORD, (30, 50), FREE),
    rule("hubspot_token", "pat-eu1-", class::WORD, (30, 50), FREE),
    rule("infracost_key", "ico-", class::ALNUM, (32, 32), FREE | RANDOM),
    rule("intra42_secret", "s-s4t2ud-", class::HEX, (60, 70), FREE),
    rule("intra42_secret", "s-s4t2af-", class::HEX, (60, 70), FREE),
    rule("lob_key", "live_", class::HEX, (35, 35), FREE),
    rule("lob_key", "test_", class::HEX, (35, 35), FREE),
    rule("lob_key", "live_pub_", class::HEX, (31, 31), FREE),
    rule("lob_key", "test_pub_", class::HEX, (31, 31), FREE),
    rule("mapbox_token", "sk.eyJ", class::WORD | class::DOT, (60, 200), FREE),
    rule("newrelic_key", "NRAK-", class::ALNUM, (27, 27), 0),
    rule("newrelic_key", "NRII-", class::WORD, (32, 36), 0),
    rule("newrelic_key", "NRJS-", class::ALNUM, (19, 19), 0),
    rule("netlify_token", "nfp_", class::ALNUM, (36, 50), FREE),
    rule("octopus_key", "API-", class::UPPER, (26, 26), FREE),
    rule("openshift_token", "sha256~", class::WORD, (40, 50), 0),
    rule("planetscale_token", "pscale_tkn_", class::WORD | class::DOT | class::EQUALS, (32, 64), 0),
    rule("planetscale_token", "pscale_oauth_", class::WORD | class::DOT | class::EQUALS, (32, 64), 0),
    rule("planetscale_token", "pscale_pw_", class::WORD | class::DOT | class::EQUALS, (32, 64), 0),
    rule("postman_key", "PMAK-", class::HEX | class::DASH, (55, 65), 0),
    rule("prefect_key", "pnu_", class::ALNUM, (36, 36), FREE),
    rule("pulumi_token", "pul-", class::HEX, (40, 40), FREE),
    rule("readme_key", "rdme_", class::ALNUM, (65, 75), 0),
    rule("scalingo_token", "tk-us-", class::WORD, (48, 48), 0),
    rule("sentry_token", "sntrys_eyJ", class::BASE64, (80, 400), 0),
    rule("sentry_token", "sntryu_", class::HEX, (64, 64), RANDOM),
    rule("settlemint_token", "sm_aat_", class::ALNUM, (16, 16), FREE),
    rule("settlemint_token", "sm_pat_", class::ALNUM, (16, 16), FREE),
    rule("settlemint_token", "sm_sat_", class::ALNUM, (16, 16), FREE),
    rule("sonar_token", "squ_", class::ALNUM, (40, 40), FREE),
    rule("sonar_token", "sqp_", class::ALNUM, (40, 40), FREE),
    rule("sonar_token", "sqa_", class::ALNUM, (40, 40), FREE),
    rule("sourcegraph_token", "sgp_", class::HEX | class::UNDER, (40, 60), FREE | RANDOM),
    rule("sourcegraph_token", "sgp_local_", class::HEX, (40, 40), FREE),
    rule("sourcegraph_token", "slk_", class::HEX, (60, 70), FREE),
    rule("tailscale_key", "tskey-", class::WORD, (20, 100), FREE),
    rule("typeform_token", "tfp_", class::WORD | class::DOT | class::EQUALS, (50, 65), FREE),
    rule("twitter_bearer", "AAAAAAAAAAAAAAAAAAAAAA", class::ALNUM, (60, 100), 0),
    rule("vercel_token", "vcp_", class::ALNUM, (24, 60), FREE),
    rule("vercel_token", "vci_", class::ALNUM, (24, 60), FREE),
    rule("vercel_token", "vca_", class::ALNUM, (24, 60), FREE),
    rule("vercel_token", "vcr_", class::ALNUM, (24, 60), FREE),
    rule("vercel_token", "vck_", class::ALNUM, (24, 60), FREE),
    rule("supabase_key", "sbp_", class::HEX, (40, 40), FREE),
    rule("supabase_key", "sb_secret_", class::WORD, (20, 60), 0),
    rule("posthog_key", "phx_", class::ALNUM, (40, 50), FREE),
    rule("nuget_key", "oy2", class::ALNUM, (43, 43), FREE),
    rule("docker_swarm_token", "SWMTKN-1-", class::WORD, (60, 100), 0),
    rule("azure_storage_key", "AccountKey=", class::BASE64, (60, 100), 0),
    rule("azure_storage_key", "SharedAccessKey=", class::BASE64, (40, 60), 0),
    rule("yandex_key", "AQVN", class::WORD, (35, 40), FREE),
    rule("yandex_key", "YCAJE", class::WORD, (20, 30), FREE),
    rule("yandex_key", "YC", class::WORD, (38, 38), FREE | RANDOM),
    rule("yandex_key", "t1.", class::WORD | class::DOT | class::EQUALS, (80, 200), FREE),
    rule("softlayer_key", "softlayer.com/soap/v3/", class::ALNUM, (60, 70), 0),
    rule("softlayer_key", "softlayer.com/soap/v3.1/", class::ALNUM, (60, 70), 0),
    rule("dropbox_token", "sl.", class::WORD | class::EQUALS, (130, 160), FREE),
    rule("contentful_token", "CFPAT-", class::WORD, (40, 50), FREE),
    rule("telnyx_key", "KEY01", class::ALNUM | class::UNDER, (50, 60), FREE),
    rule("buildkite_token", "bkua_", class::HEX, (40, 40), FREE),
    rule("circleci_token", "CCIPAT_", class::WORD, (60, 80), FREE),
    rule("artifactory_reference_token", "cmVmdGtu", class::ALNUM, (56, 70), FREE),
    rule("cohere_key", "co_", class::ALNUM, (38, 42), FREE),
    rule("fireworks_key", "fw_", class::ALNUM, (22, 30), FREE | RANDOM),
    rule("together_key", "tgp_v1_", class::WORD, (40, 60), FREE),
    rule("deepgram_key", "dg.", class::ALNUM, (40, 40), FREE),
    rule("elastic_key", "essu_", class::BASE64, (40, 100), FREE),
    rule("artifactory_key", "AP0", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP1", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP2", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP3", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP4", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP5", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP6", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP7", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP8", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AP9", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "APA", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "APB", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "APC", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "APD", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "APE", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "APF", class::ALNUM, (10, 80), FREE | LOOSE),
    rule("artifactory_key", "AKC", class::ALNUM, (10, 80), FREE | LOOSE),
];

/// Whether a token of this kind stands here.
pub(super) fn verify(page: &Page<'_>, rule: &Rule, trigger: Trigger, seen: &mut usize) -> Option<Raw> {
    if page.slice(trigger.start, trigger.end) != rule.literal.as_bytes() {
        return None;
    }
    let free = rule.flags & FREE == 0 || !page.before(trigger.start).is_ascii_alphanumeric();
    if !free || page.before(trigger.start) == b'_' && rule.literal.len() < 4 {
        return None;
    }
    let length = run(&page.bytes[trigger.end..], rule.set, rule.most + 1);
    *seen = if length > rule.most { trigger.end + length } else { trigger.end };
    if length < rule.least || length > rule.most {
        return None;
    }
    let body = page.slice(trigger.end, trigger.end + length);
    looks_right(rule.flags, body).then_some(Raw {
        kind: rule.kind,
        start: trigger.start,
        end: trigger.end + length,
        confidence: 0.95,
    })
}

fn looks_right(flags: u8, body: &[u8]) -> bool {
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    let upper = body.iter().any(u8::is_ascii_uppercase);
    let lower = body.iter().any(u8::is_ascii_lowercase);
    let filler = is_filler(body);
    if flags & LOOSE != 0 {
        return digits > 0 || (upper && lower) || filler;
    }
    if flags & HEXISH != 0 {
        return filler || body.iter().all(u8::is_ascii_hexdigit);
    }
    if flags & FILLER == 0 && (filler || variety(body) < 5) {
        return false;
    }
    (flags & DIGITS == 0 || digits >= 2)
        && (flags & RANDOM == 0 || (digits > 0 && entropy(body) > 3.2 && changes(body) >= 3) || entropy(body) > 4.0)
        && (flags & MIXED == 0 || (digits >= 2 && upper && lower))
        && (flags & GROUPS == 0 || (memchr::memchr_iter(b'-', body).count() >= 4 && digits >= 4))
}
