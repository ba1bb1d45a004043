//! Assignments: a name that secrets are given to, an operator of any language, and a value that looks like a secret.

use super::super::page::{Page, Raw};
use super::super::report::Kind;
use super::super::words::Trigger;
use super::value::{changes, entropy, is_stand_in};

const PASSWORD: Kind = Kind::secret("password");
const SECRET: Kind = Kind::secret("generic_secret");

/// How much a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Strength {
    /// A password by name: short values count too.
    Password,
    /// A secret by name.
    Secret,
    /// Something that may be a secret: the value must look random.
    Token,
    /// `key` and the like: the name must end here.
    Key,
}

pub(super) const NAMES: &[(&str, Strength)] = &[
    ("password", Strength::Password),
    ("passwd", Strength::Password),
    ("passphrase", Strength::Password),
    ("pwd", Strength::Password),
    ("passcode", Strength::Password),
    ("db_pass", Strength::Password),
    ("_pass", Strength::Password),
    ("_pw", Strength::Password),
    ("passwort", Strength::Password),
    ("contrasena", Strength::Password),
    ("mot de passe", Strength::Password),
    ("\"pass\\\"", Strength::Password),
    ("\u{8d}\u{8e}", Strength::Password),
    ("secret", Strength::Secret),
    ("api_key", Strength::Secret),
    ("api-key", Strength::Secret),
    ("apikey", Strength::Secret),
    ("api key", Strength::Secret),
    ("private_key", Strength::Secret),
    ("privatekey", Strength::Secret),
    ("access_key", Strength::Secret),
    ("accesskey", Strength::Secret),
    ("access-key", Strength::Secret),
    ("credential", Strength::Secret),
    ("auth_token", Strength::Secret),
    ("authtoken", Strength::Secret),
    ("token", Strength::Token),
    ("authorization", Strength::Token),
    ("client_id", Strength::Token),
    ("client-id", Strength::Token),
    ("clientid", Strength::Token),
    ("sonar.login", Strength::Token),
    ("contribsys__com", Strength::Token),
    ("session_cookie", Strength::Token),
    ("_session", Strength::Token),
    ("license_key", Strength::Token),
    ("key", Strength::Key),
    ("tenant_id", Strength::Token),
    ("connectionstring", Strength::Token),
];

/// The rest of a name after the word that gave it away.
const MOST_NAME: usize = 32;
/// The longest value.
const MOST_VALUE: usize = 400;

/// Inside a bare value of this length no other assignment is looked for.
const LONG_VALUE: usize = 24;

/// Whether a secret is assigned here.
pub(super) fn verify(page: &Page<'_>, strength: Strength, trigger: Trigger, seen: &mut usize) -> Option<Raw> {
    if goes_on(page, strength, trigger) {
        return None;
    }
    forward(page, strength, trigger, seen).or_else(|| backward(page, strength, trigger))
}

/// Whether the word is only the beginning of another: `tokenizer`, `keyboard`, `passwordless`.
fn goes_on(page: &Page<'_>, strength: Strength, trigger: Trigger) -> bool {
    let (last, next) = (page.bytes[trigger.end - 1], page.at(trigger.end));
    let same_case = last.is_ascii_lowercase() && next.is_ascii_lowercase()
        || last.is_ascii_uppercase() && next.is_ascii_uppercase();
    let rest = page.slice(trigger.end, (trigger.end + 6).min(page.bytes.len()));
    match strength {
        Strength::Key => {
            next.is_ascii_alphanumeric()
                || next == b'_'
                || (next == b'-' && page.at(trigger.end + 1).is_ascii_alphabetic())
        }
        Strength::Secret if rest.first() == Some(&b'e') || rest.first() == Some(&b's') => false,
        _ => same_case && !rest.starts_with(b"s") && !rest.starts_with(b"id"),
    }
}

/// `name = value`, `"name": "value"`, `name, "value"`, `name is value`, `--name value`.
fn forward(page: &Page<'_>, strength: Strength, trigger: Trigger, seen: &mut usize) -> Option<Raw> {
    let (at, sure) = operator(page, strength, trigger.end)?;
    let (start, end, quoted) = value(page, at)?;
    let text = page.slice(start, end);
    if !quoted && text.len() >= LONG_VALUE {
        *seen = end;
    }
    let phrase = quoted && page.before(at) == b'=' && is_passphrase(text, strength);
    (sure && (phrase || looks_secret(text, strength, quoted))).then(|| finding(strength, start, end))
}

fn finding(strength: Strength, start: usize, end: usize) -> Raw {
    let kind = if strength == Strength::Password { PASSWORD } else { SECRET };
    let confidence = if matches!(strength, Strength::Password | Strength::Secret) { 0.85 } else { 0.7 };
    Raw { kind, start, end, confidence }
}

/// Where the value begins after a name and an operator.
fn operator(page: &Page<'_>, strength: Strength, from: usize) -> Option<(usize, bool)> {
    let bytes = page.bytes;
    let mut at = from;
    let rest = |at: usize| &bytes[at.min(bytes.len())..];
    while at - from < MOST_NAME
        && (page.at(at).is_ascii_alphanumeric() || b"_-.".contains(&page.at(at)))
        && at < bytes.len()
    {
        at += 1;
    }
    let name_end = at;
    while at - name_end < 4 && at < bytes.len() && b"\"'`]\\)".contains(&bytes[at]) {
        at += 1;
    }
    let closed = at > name_end;
    at += rest(at).iter().take(8).take_while(|byte| byte.is_ascii_whitespace()).count();
    let spaced = at > name_end;
    // A type between name and operator: `token string = …`, `char secret[25] = …`.
    for kind in [b"string ".as_slice(), b"str ", b"String "] {
        if rest(at).starts_with(kind) {
            at += kind.len();
        }
    }
    if rest(at).first() == Some(&b'[') {
        at += rest(at).iter().take(8).position(|byte| *byte == b']').map_or(0, |close| close + 1);
        at += rest(at).iter().take(2).take_while(|byte| **byte == b' ').count();
    }
    let run = rest(at).iter().take(4).take_while(|byte| b"=:?!.|>-,".contains(byte)).count();
    let op = &rest(at)[..run];
    let known = match op {
        b"=" | b":" | b":=" | b"::=" | b":::=" | b"?=" | b"==" | b"===" | b"!=" | b"!==" | b"=>" | b".=" | b"->"
        | b"||:" | b"||=" | b">" => true,
        b"," => closed,
        _ => false,
    };
    if known {
        return Some((at + run, true));
    }
    let password = matches!(strength, Strength::Password | Strength::Secret);
    for word in [b"is: ".as_slice(), b"is ", b"= ", b"value: ", b"value=", b"VALUE "] {
        if spaced && rest(at).starts_with(word) {
            return Some((at + word.len(), password || word.starts_with(b"v")));
        }
    }
    let direct = run == 0 && spaced && !closed;
    let flag = from >= 2 && option_before(page, from);
    (direct && (matches!(rest(at).first(), Some(b'"' | b'\'')) && password || flag)).then_some((at, true))
}

/// Whether the word belongs to an option of a command line: `--api-key`.
fn option_before(page: &Page<'_>, from: usize) -> bool {
    let head = page.slice(from.saturating_sub(32), from);
    let word = head.iter().rposition(u8::is_ascii_whitespace).map_or(head, |space| &head[space + 1..]);
    word.starts_with(b"--")
}

/// The value that begins here, without its quotes, and whether it had any.
fn value(page: &Page<'_>, from: usize) -> Option<(usize, usize, bool)> {
    let bytes = page.bytes;
    let mut at = from + bytes.get(from..)?.iter().take(12).take_while(|byte| byte.is_ascii_whitespace()).count();
    at += usize::from(page.at(at) == b'@');
    at += scheme(bytes.get(at..)?);
    let escaped = page.at(at) == b'\\';
    let quote = page.at(at + usize::from(escaped));
    let quoted = b"\"'`".contains(&quote);
    let start = if quoted { at + 1 + usize::from(escaped) } else { at };
    let rest = bytes.get(start..)?;
    let mut rest = &rest[..rest.len().min(MOST_VALUE)];
    let skip = if quoted { scheme(rest) } else { 0 };
    rest = &rest[skip..];
    let length = if quoted {
        rest.iter().position(|byte| *byte == quote || *byte == b'\n' || (*byte == b'\\' && escaped))?
    } else {
        let length =
            rest.iter().take_while(|byte| !byte.is_ascii_whitespace() && !b"\\<&;,\"'`".contains(byte)).count();
        rest[..length].iter().rposition(|byte| !b"\"'`,;.)".contains(byte)).map_or(0, |last| last + 1)
    };
    Some((start + skip, start + skip + length, quoted))
}

/// The length of an authentication scheme at the start of a header.
fn scheme(text: &[u8]) -> usize {
    let schemes = [b"Bearer ".as_slice(), b"Basic ", b"bearer ", b"basic ", b"token "];
    schemes.into_iter().find(|scheme| text.starts_with(scheme)).map_or(0, <[u8]>::len)
}

/// `"value" == name`.
fn backward(page: &Page<'_>, strength: Strength, trigger: Trigger) -> Option<Raw> {
    if !matches!(strength, Strength::Password | Strength::Secret) {
        return None;
    }
    let head = page.slice(trigger.start.saturating_sub(120), trigger.start);
    let name = head.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let head = head[..head.len() - name].strip_suffix(b" ")?;
    let operator = head.iter().rev().take_while(|byte| b"=!".contains(byte)).count();
    let head = head[..head.len() - operator].trim_ascii_end();
    let (quote, head) = head.split_last()?;
    if operator < 2 || !b"\"'".contains(quote) {
        return None;
    }
    let length = head.iter().rev().position(|byte| byte == quote)?;
    let end = trigger.start.saturating_sub(120) + head.len();
    let text = page.slice(end - length, end);
    looks_secret(text, strength, true).then(|| finding(strength, end - length, end))
}

/// Whether a value is more likely a secret than code, a word or a stand-in.
fn looks_secret(text: &[u8], strength: Strength, quoted: bool) -> bool {
    let least = match strength {
        Strength::Password => 6,
        Strength::Secret | Strength::Token => 8,
        Strength::Key => 12,
    };
    if text.len() < least || is_stand_in(text) || text.iter().any(u8::is_ascii_whitespace) || text.contains(&0x80) {
        return false;
    }
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if !quoted && is_code(text) {
        return false;
    }
    if strength == Strength::Token
        && text.len() == 17
        && text[8] == b':'
        && text.iter().filter(|byte| byte.is_ascii_hexdigit()).count() == 16
    {
        return true;
    }
    if letters < 2 {
        return matches!(strength, Strength::Token | Strength::Secret | Strength::Key)
            && digits >= 14
            && digits + 4 >= text.len();
    }
    match strength {
        Strength::Password => digits > 0 || rich(text),
        Strength::Secret => {
            (digits > 0 && (text.len() >= 16 || digits >= 2)) || rich(text) || (text.len() >= 20 && is_random(text))
        }
        Strength::Token | Strength::Key => {
            (digits > 0 && is_random(text)) || (strength == Strength::Token && rich(text))
        }
    }
}

/// Four lower-case words or more, none of them one that explanations are made of.
fn is_passphrase(text: &[u8], strength: Strength) -> bool {
    const GLUE: [&[u8]; 10] = [b"the", b"your", b"must", b"is", b"a", b"for", b"password", b"to", b"of", b"please"];
    let mut words = text.split(|byte| *byte == b' ');
    let count = words.clone().count();
    strength == Strength::Password
        && (4..=8).contains(&count)
        && words.all(|word| word.len() > 1 && word.iter().all(u8::is_ascii_lowercase) && !GLUE.contains(&word))
}

/// Four kinds of symbols or more: nobody names things so.
fn rich(text: &[u8]) -> bool {
    let mut seen = [false; 128];
    text.iter()
        .filter(|byte| byte.is_ascii_punctuation() && !b"_-./ ,:".contains(byte))
        .for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() >= 4
}

/// Whether letters and digits are mixed as no person mixes them.
fn is_random(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = changes(text) >= 3 || (digits >= 2 && changes(text) >= 2 && text.len() <= 24);
    let words = text
        .split(|byte| b"_-. /:".contains(byte))
        .filter(|word| word.len() > 2 && word.iter().all(u8::is_ascii_lowercase));
    let spelled: usize = words.map(<[u8]>::len).sum();
    let turns = text.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    let cases = turns >= 2 && digits > 0 && text.len() >= 12;
    let varied = (mixed || cases) && entropy(text) > 2.5 && spelled * 2 < text.len();
    varied || (text.len() >= 20 && turns >= 3 && entropy(text) > 4.2 && spelled == 0)
}

/// An expression of a program: a call, an index, a member.
fn is_code(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.:>-".contains(byte)).count();
    let opened = name > 0 && matches!(text.get(name), Some(b'(' | b'['));
    let member = text.contains(&b'.');
    let path = (text.first() == Some(&b'/') && changes(text) < 6)
        || (member
            && name == text.len()
            && text
                .split(|byte| *byte == b'.')
                .all(|part| part.first().is_some_and(u8::is_ascii_alphabetic) && changes(part) < 2));
    opened || path || text.contains(&b'"') && text.contains(&b'(')
}
