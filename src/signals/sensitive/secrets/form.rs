//! Secrets with a form of their own.

use super::super::page::{Page, Raw, Token};
use super::super::report::Kind;
use super::super::words::{Trigger, topic};
use super::Lead;
use super::value::{class, entropy, is_filler, is_stand_in, run, variety};

const CONNECTION: Kind = Kind::secret("connection_string");
const PRIVATE_KEY: Kind = Kind::secret("private_key");
const JWT: Kind = Kind::secret("jwt");
const CURL: Kind = Kind::secret("curl_user");
const OPENAI: Kind = Kind::secret("openai_key");
const MAILCHIMP: Kind = Kind::secret("mailchimp_key");
const AZURE: Kind = Kind::secret("azure_client_secret");
const KUBERNETES: Kind = Kind::secret("kubernetes_secret");
const TERRAFORM: Kind = Kind::secret("terraform_token");
const MAXMIND: Kind = Kind::secret("maxmind_key");
const PKCS12: Kind = Kind::secret("pkcs12_store");
const AWS_ACCOUNT: Kind = Kind::secret("aws_account_id");
const TELEGRAM: Kind = Kind::secret("telegram_token");
const DISCORD: Kind = Kind::secret("discord_token");
const FACEBOOK: Kind = Kind::secret("facebook_token");
const RANDOM: Kind = Kind::secret("high_entropy_string");

/// No part of a token is longer.
const MOST_JWT: usize = 8192;

/// How far a token's first part reaches.
pub(super) fn first_part(page: &Page<'_>, start: usize) -> usize {
    start + run(&page.bytes[start..], class::BASE64, MOST_JWT)
}

/// Whether a secret of this form stands here.
pub(super) fn verify(page: &Page<'_>, lead: Lead, trigger: Trigger) -> Option<Raw> {
    match lead {
        Lead::Url => url(page, trigger),
        Lead::Pem => pem(page, trigger),
        Lead::Jwt => jwt(page, trigger),
        Lead::JwtTwice => jwt_twice(page, trigger),
        Lead::CurlUser => curl(page, trigger),
        Lead::OpenAi => around(page, trigger, class::WORD, (20, 20), OPENAI),
        Lead::Mailchimp => mailchimp(page, trigger),
        Lead::Azure => azure(page, trigger),
        Lead::Kubernetes => kubernetes(page, trigger),
        Lead::Terraform => around(page, trigger, class::WORD | class::EQUALS, (14, 50), TERRAFORM),
        Lead::Maxmind => around(page, trigger, class::ALNUM | class::UNDER, (30, 0), MAXMIND),
        Lead::AwsAccount => aws_account(page, trigger),
        Lead::Pkcs12 => Some(Raw { kind: PKCS12, start: trigger.start, end: trigger.end, confidence: 0.9 }),
        Lead::Name(_) => None,
    }
}

/// `scheme://user:password@host`.
fn url(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    let rest = page.slice(trigger.end, (trigger.end + 256).min(page.bytes.len()));
    let user = rest.iter().take_while(|byte| byte.is_ascii_graphic() && !b"\"'<>`,;:/@".contains(byte)).count();
    if rest.get(user) != Some(&b':') || rest.get(user + 1) == Some(&b'/') {
        return None;
    }
    let length = rest.iter().take_while(|byte| byte.is_ascii_graphic() && !b"\"'<>`,;".contains(byte)).count();
    let word = &rest[..length];
    let path = word.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(length);
    let at = word[..path].iter().rposition(|byte| *byte == b'@')?;
    let colon = word[..at].iter().position(|byte| *byte == b':')?;
    let (user, secret) = (&word[..colon], &word[colon + 1..at]);
    let slash = secret.iter().position(|byte| *byte == b'/');
    let port = slash.is_some_and(|slash| secret[..slash].iter().all(u8::is_ascii_digit));
    if secret.len() < 3 || user.contains(&b'/') || port {
        return None;
    }
    let template = secret.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X'))
        || matches!(secret[0], b'$' | b'{' | b'%' | b'[' | b'<');
    if template || (secret.iter().all(u8::is_ascii_digit) && secret.len() <= 5) {
        return None;
    }
    let start = trigger.end + colon + 1;
    Some(Raw { kind: CONNECTION, start, end: start + secret.len(), confidence: 0.9 })
}

/// `AWS_ACCOUNT_ID = 123456789012`, also in groups of four.
fn aws_account(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    let rest = page.slice(trigger.end, (trigger.end + 40).min(page.bytes.len()));
    let skip = rest.iter().position(u8::is_ascii_digit)?;
    let words = rest[..skip].to_ascii_lowercase();
    let plain = words.iter().all(|byte| byte.is_ascii_alphabetic() || b" _-\"'=>:,(#.".contains(byte));
    let letters = words.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let number = &rest[skip..];
    let length = number.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    let groups: Vec<usize> = number[..length].split(|byte| *byte == b'-').map(<[u8]>::len).collect();
    let fits = plain && letters <= 14 && matches!(groups.as_slice(), [12] | [4, 4, 4]);
    let start = trigger.end + skip;
    fits.then_some(Raw { kind: AWS_ACCOUNT, start, end: start + length, confidence: 0.99 })
}

/// `-----BEGIN … PRIVATE KEY-----` to its end, or to the end of what looks like its body.
fn pem(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    let head = page.slice(trigger.end, (trigger.end + 48).min(page.bytes.len()));
    let close = memchr::memmem::find(head, b"-----")?;
    memchr::memmem::find(&head[..close], b"PRIVATE KEY")?;
    let body = trigger.end + close + 5;
    let rest = page.slice(body, (body + 8192).min(page.bytes.len()));
    let (inside, end) = match memchr::memmem::find(rest, b"-----") {
        Some(footer) => {
            let line = rest[footer + 5..].iter().take(60).position(|byte| *byte == b'-').map_or(0, |dash| dash + 5);
            (footer, body + (footer + 5 + line).min(rest.len()))
        }
        None => (rest.len(), body + run(rest, class::BASE64, 8192)),
    };
    let letters = rest[..inside].iter().filter(|byte| byte.is_ascii_alphanumeric()).take(17).count();
    (letters > 16 && variety(&rest[..inside]) > 8).then_some(Raw {
        kind: PRIVATE_KEY,
        start: trigger.start,
        end: end.max(body),
        confidence: 0.98,
    })
}

/// Header and payload, both JSON in base64; the signature if there is one.
fn jwt(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    if page.slice(trigger.start, trigger.end) != b"eyJ" || page.before(trigger.start).is_ascii_alphanumeric() {
        return None;
    }
    let set = class::WORD | class::EQUALS | class::PLUS | class::SLASH;
    let mut end = trigger.start;
    for part in 0..3 {
        let length = run(&page.bytes[end..], set, MOST_JWT);
        if part < 2 && length < 10 {
            return None;
        }
        end += length;
        if part == 2 || page.at(end) != b'.' {
            return (part > 0).then_some(Raw { kind: JWT, start: trigger.start, end, confidence: 0.95 });
        }
        if part == 0 && !page.bytes[end + 1..].starts_with(b"ey") {
            return None;
        }
        end += 1;
    }
    None
}

/// The same in base64 once more.
fn jwt_twice(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    if page.slice(trigger.start, trigger.end) != b"ZXlK" || page.before(trigger.start).is_ascii_alphanumeric() {
        return None;
    }
    let length = run(&page.bytes[trigger.start..], class::BASE64, MOST_JWT);
    (length >= 60).then_some(Raw { kind: JWT, start: trigger.start, end: trigger.start + length, confidence: 0.9 })
}

/// A token round a literal, with at least so many bytes before and after it.
fn around(page: &Page<'_>, trigger: Trigger, set: u16, (before, after): (usize, usize), kind: Kind) -> Option<Raw> {
    let is_in = |byte: &u8| super::value::classes(*byte) & set != 0;
    let left = page.bytes[..trigger.start].iter().rev().take(256).take_while(|byte| is_in(byte)).count();
    let right = run(&page.bytes[trigger.end..], set, 256);
    let fits = left >= before && right >= after;
    fits.then_some(Raw { kind, start: trigger.start - left, end: trigger.end + right, confidence: 0.9 })
}

/// `-u user:password` of a curl command.
fn curl(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    if !page.said_before(topic::CURL, trigger.start, 400) || page.before(trigger.start).is_ascii_alphanumeric() {
        return None;
    }
    let rest = page.slice(trigger.end, (trigger.end + 200).min(page.bytes.len()));
    let blank = rest.iter().take_while(|byte| **byte == b' ').count();
    let length = rest[blank..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let word = &rest[blank..blank + length];
    let colon = word.iter().position(|byte| *byte == b':')?;
    let trim = |text: &'_ [u8]| -> Vec<u8> { text.iter().copied().filter(|byte| !b"\"'\\".contains(byte)).collect() };
    let (user, secret) = (trim(&word[..colon]), trim(&word[colon + 1..]));
    let braces = secret.starts_with(b"{") && !secret.starts_with(b"{{") && secret.iter().any(u8::is_ascii_digit);
    let plain = matches!(secret.to_ascii_lowercase().as_slice(), b"password" | b"pass" | b"yyy" | b"pwd" | b"secret");
    let alone = secret.is_empty() && user.len() >= 10 && user.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2;
    if (secret.len() < 3 && !alone)
        || user.is_empty()
        || matches!(user[0], b'$' | b'<')
        || plain
        || (is_stand_in(&secret) && !braces && !alone)
    {
        return None;
    }
    let start = trigger.end + blank;
    Some(Raw { kind: CURL, start, end: start + length, confidence: 0.85 })
}

/// Thirty-two hexadecimal digits and a data centre.
fn mailchimp(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    let start = trigger.start.checked_sub(32)?;
    let hex = page.slice(start, trigger.start).iter().all(u8::is_ascii_hexdigit);
    let centre = page.bytes[trigger.end..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    (hex && (1..=2).contains(&centre) && !page.before(start).is_ascii_hexdigit()).then_some(Raw {
        kind: MAILCHIMP,
        start,
        end: trigger.end + centre,
        confidence: 0.95,
    })
}

/// Three bytes, a digit, `Q~` and thirty-one more.
fn azure(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    let start = trigger.start.checked_sub(4)?;
    let set = class::WORD | class::DOT | class::TILDE;
    let head = page.slice(start, trigger.start);
    let fits = run(head, set, 4) == 4 && head[3].is_ascii_digit() && page.bytes[trigger.start] == b'Q';
    let length = if fits { run(&page.bytes[trigger.end..], set, 60) } else { 0 };
    let body = page.slice(trigger.end, trigger.end + length);
    (fits && (26..=40).contains(&length) && !is_filler(body)).then_some(Raw {
        kind: AZURE,
        start,
        end: trigger.end + length,
        confidence: 0.95,
    })
}

/// The data of a Kubernetes secret: a base64 value below `data:`.
fn kubernetes(page: &Page<'_>, trigger: Trigger) -> Option<Raw> {
    // One document of the file: it ends where `---` begins another.
    let head = page.slice(trigger.start.saturating_sub(600), trigger.start);
    let head = &head[memchr::memmem::rfind(head, b"\n---").unwrap_or(0)..];
    let tail = page.slice(trigger.end, (trigger.end + 600).min(page.bytes.len()));
    let tail = &tail[..memchr::memmem::find(tail, b"\n---").unwrap_or(tail.len())];
    let after = memchr::memmem::find(tail, b"ata:").map(|data| &tail[data..]);
    let body = after.or_else(|| memchr::memmem::find(head, b"ata:").map(|data| &head[data..]))?;
    for line in body.split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].trim_ascii();
        let quoted = matches!(value, [b'"', .., b'"'] | [b'\'', .., b'\'']);
        let value = if quoted { &value[1..value.len() - 1] } else { value };
        let plain = run(value, class::BASE64, 4096) == value.len();
        if value.len() >= 10
            && plain
            && entropy(value) > 2.8
            && line.first().is_some_and(u8::is_ascii_whitespace)
            && !is_stand_in(value)
        {
            return Some(Raw { kind: KUBERNETES, start: trigger.start, end: trigger.end, confidence: 0.8 });
        }
    }
    None
}

/// Secrets that begin with no literal: found from the tokens.
pub(super) fn tokens(page: &Page<'_>, out: &mut Vec<Raw>) {
    for token in page.tokens.iter().filter(|token| token.len() >= 5) {
        out.extend(
            telegram(page, *token)
                .or_else(|| facebook(page, *token))
                .or_else(|| discord(page, *token))
                .or_else(|| random(page, *token)),
        );
    }
}

/// A bot's number, a colon and its key.
fn telegram(page: &Page<'_>, token: Token) -> Option<Raw> {
    if !token.is_number() || token.len() > 16 || page.at(token.end) != b':' || page.at(token.end + 1) != b'A' {
        return None;
    }
    let length = run(&page.bytes[token.end + 1..], class::WORD, 60);
    let free = !b"-_".contains(&page.before(token.start));
    (free && (34..=36).contains(&length)).then_some(Raw {
        kind: TELEGRAM,
        start: token.start,
        end: token.end + 1 + length,
        confidence: 0.9,
    })
}

/// An application's number, a bar and its secret.
fn facebook(page: &Page<'_>, token: Token) -> Option<Raw> {
    if !token.is_number() || !(15..=16).contains(&token.len()) || page.at(token.end) != b'|' {
        return None;
    }
    let length = run(&page.bytes[token.end + 1..], class::WORD, 60);
    (26..=28).contains(&length).then_some(Raw {
        kind: FACEBOOK,
        start: token.start,
        end: token.end + 1 + length,
        confidence: 0.9,
    })
}

/// A user's number in base64, a time and a signature.
fn discord(page: &Page<'_>, token: Token) -> Option<Raw> {
    if !(24..=28).contains(&token.len())
        || page.at(token.end) != b'.'
        || !matches!(page.bytes[token.start], b'M' | b'N' | b'O')
    {
        return None;
    }
    let rest = &page.bytes[token.end + 1..];
    let time = run(rest, class::WORD, 10);
    let sign = rest.get(time + 1..).map_or(0, |rest| run(rest, class::WORD, 60));
    (time == 6 && rest.get(6) == Some(&b'.') && sign >= 27).then_some(Raw {
        kind: DISCORD,
        start: token.start,
        end: token.end + 1 + time + 1 + sign,
        confidence: 0.9,
    })
}

/// A long random string in quotes.
fn random(page: &Page<'_>, token: Token) -> Option<Raw> {
    let quote = page.before(token.start);
    if !b"\"'".contains(&quote) {
        return None;
    }
    let length = run(&page.bytes[token.start..], class::BASE64, 200);
    let text = page.slice(token.start, token.start + length);
    if length < 32 || page.at(token.start + length) != quote || is_filler(text) {
        return None;
    }
    let hex = text.iter().all(u8::is_ascii_hexdigit);
    let mixed = text.iter().any(u8::is_ascii_lowercase)
        && text.iter().any(u8::is_ascii_uppercase)
        && text.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2;
    let sure = if hex {
        matches!(length, 32..=34) && entropy(text) > 3.0
    } else {
        length >= 40 && mixed && entropy(text) > 4.5 && !text.contains(&b'/')
    };
    sure.then_some(Raw { kind: RANDOM, start: token.start, end: token.start + length, confidence: 0.6 })
}
