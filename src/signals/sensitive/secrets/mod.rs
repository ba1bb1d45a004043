//! Credentials: tokens by their beginnings, assignments by the names they are given to, and what has a form of its own
//! (keys in PEM, JSON web tokens, passwords in URLs and on command lines).
//!
//! One pass of the word automaton finds the places; each is verified where it stands, within a bounded distance.

mod assign;
mod form;
mod prefix;
mod value;

pub(super) use assign::Strength;

use super::page::{Page, Raw};
use super::words::{Role, Trigger};

/// What else secrets are recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// A name that secrets are given to.
    Name(Strength),
    /// `://`: a password may follow.
    Url,
    /// `-----BEGIN`.
    Pem,
    /// `eyJ`: a JSON object in base64.
    Jwt,
    /// The same, encoded twice.
    JwtTwice,
    /// `-u` and `--user` of curl.
    CurlUser,
    /// `T3BlbkFJ`, the middle of a key of `OpenAI`.
    OpenAi,
    /// `-us`, the end of a Mailchimp key.
    Mailchimp,
    /// `Q~`, the middle of an Azure AD secret.
    Azure,
    /// `kind: Secret`.
    Kubernetes,
    /// `.atlasv1.`, the middle of a Terraform token.
    Terraform,
    /// `_mmk`, the end of a key of `MaxMind`.
    Maxmind,
    /// What an account of AWS is called.
    AwsAccount,
    /// The head of a PKCS#12 store.
    Pkcs12,
}

const LEADS: &[(&str, Lead)] = &[
    ("://", Lead::Url),
    ("-----BEGIN", Lead::Pem),
    ("eyJ", Lead::Jwt),
    ("ZXlK", Lead::JwtTwice),
    ("-u ", Lead::CurlUser),
    ("--user ", Lead::CurlUser),
    ("T3BlbkFJ", Lead::OpenAi),
    ("-us", Lead::Mailchimp),
    ("Q~", Lead::Azure),
    ("kind: secret", Lead::Kubernetes),
    ("kind: \"secret", Lead::Kubernetes),
    ("kind: 'secret", Lead::Kubernetes),
    (".atlasv1.", Lead::Terraform),
    ("_mmk", Lead::Maxmind),
    ("aws_account", Lead::AwsAccount),
    ("aws account", Lead::AwsAccount),
    ("awsaccount", Lead::AwsAccount),
    ("\t*;H;;\r\u{1}\u{7}\u{1}", Lead::Pkcs12),
];

/// Kubernetes documents that are nearer to each other than this are looked at once.
const MOST_DOCUMENTS: usize = 150;

/// Up to where each kind of search has looked in vain.
#[derive(Default)]
struct Seen {
    rule: u16,
    prefix: usize,
    value: usize,
    document: usize,
    token: usize,
}

/// Every literal that may lead to a secret.
pub(super) fn literals() -> impl Iterator<Item = (&'static str, Role)> {
    let prefixes = prefix::RULES.iter().enumerate().map(|(at, rule)| (rule.literal, Role::Prefix(at as u16)));
    let leads = LEADS.iter().map(|(literal, lead)| (*literal, Role::Lead(*lead)));
    let names = assign::NAMES.iter().map(|(name, strength)| (*name, Role::Lead(Lead::Name(*strength))));
    prefixes.chain(leads).chain(names)
}

/// The types of tokens that are known by their beginnings.
pub(super) fn token_kinds() -> impl Iterator<Item = &'static str> {
    prefix::RULES.iter().map(|rule| rule.kind.name)
}

/// Verifies each place, and looks at tokens that need no literal.
pub(super) fn scan(page: &Page<'_>, triggers: &[Trigger], out: &mut Vec<Raw>) {
    let mut until = 0;
    // What was looked at in vain is not looked at again from a place inside: each kind of search has its own bound.
    let mut seen = Seen::default();
    for trigger in triggers {
        if trigger.start < until {
            continue;
        }
        let found = match trigger.role {
            Role::Prefix(rule) if rule == seen.rule && trigger.start < seen.prefix => None,
            Role::Prefix(rule) => {
                seen.rule = rule;
                prefix::verify(page, &prefix::RULES[usize::from(rule)], *trigger, &mut seen.prefix)
            }
            Role::Lead(Lead::Name(_)) if trigger.start < seen.value => None,
            Role::Lead(Lead::Name(strength)) => assign::verify(page, strength, *trigger, &mut seen.value),
            Role::Lead(Lead::Kubernetes) if trigger.start < seen.document => None,
            Role::Lead(Lead::Jwt | Lead::JwtTwice) if trigger.start < seen.token => None,
            Role::Lead(lead) => {
                match lead {
                    Lead::Kubernetes => seen.document = trigger.end + MOST_DOCUMENTS,
                    Lead::Jwt | Lead::JwtTwice => seen.token = form::first_part(page, trigger.start),
                    _ => {}
                }
                form::verify(page, lead, *trigger)
            }
            Role::Context(_) => None,
        };
        if let Some(raw) = found {
            until = raw.end;
            out.push(raw);
        }
    }
    form::tokens(page, out);
}

#[cfg(test)]
mod tests {
    use super::super::Detector;

    fn kinds(text: &str) -> Vec<&'static str> {
        let detector = Detector::default();
        let found = detector.scan_text(text);
        found.iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn tokens_are_known_by_their_beginnings() {
        let hex = "0123456789abcdef0123456789abcdef";
        for (text, kind) in [
            ("key AKIAQ3EGRZ7YT5UV2WXB here".to_owned(), "aws_access_key"),
            ("ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8".to_owned(), "github_token"),
            ("xoxb-123456789012-1234567890123-a1B2c3D4e5F6".to_owned(), "slack_token"),
            ("sk_live_a1B2c3D4e5F6g7H8i9J0k1L2".to_owned(), "stripe_key"),
            ("sk-ant-api03-a1B2c3D4e5F6g7H8i9J0k1L2-x_y".to_owned(), "anthropic_key"),
            (format!("dapi{hex}"), "databricks_token"),
            (format!("use dop_v1_{hex}{hex} please"), "digitalocean_token"),
        ] {
            assert_eq!(kinds(&text), [kind], "{text}");
        }
    }

    #[test]
    fn assignments_need_a_value_that_looks_secret() {
        for text in [
            "password = Tr0ub4dor&3",
            "DB_PASSWORD: \"s3cr3t-pass\"",
            "my password is hunter2",
            "export ACCESS_TOKEN=9f8e7d6c5b4a39281706",
            "System.setProperty(\"API_TOKEN\", \"k3j4h5g6f7d8s9a0\")",
        ] {
            assert_eq!(kinds(text).len(), 1, "{text}: {:?}", kinds(text));
        }
        for text in [
            "password = input(\"Password: \")",
            "token = tokens[i + 1]",
            "api_key = \"YOUR_API_KEY\"",
            "password: ${DB_PASSWORD}",
            "max_tokens = 4096",
            "tokenizer = \"gpt2-medium-1234\"",
            "author: \"John Smith 1990\"",
            "api_key=os.environ[\"OPENAI_API_KEY\"]",
            "How do I reset my password?",
        ] {
            assert_eq!(kinds(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn forms_are_recognised() {
        for (text, kind) in [
            ("postgres://app:s3cr3tP4ss@db.example.com/x", "connection_string"),
            (
                "-----BEGIN PRIVATE KEY-----\nMIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4w\n-----END PRIVATE KEY-----",
                "private_key",
            ),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "jwt"),
            ("curl -u admin:tr0ub4dor https://example.com", "curl_user"),
            ("AWS_ACCOUNT_ID=438298107361", "aws_account_id"),
            ("{\"awsAccountId\": \"4382-9810-7361\"}", "aws_account_id"),
            ("our AWS account number is 438298107361", "aws_account_id"),
        ] {
            assert_eq!(kinds(text), [kind], "{text}");
        }
        for text in
            ["https://example.com:8080/@path", "curl -u $USER:$PASS https://x.y", "-----BEGIN PUBLIC KEY-----\nMIIB"]
        {
            assert_eq!(kinds(text), Vec::<&str>::new(), "{text}");
        }
    }
}
