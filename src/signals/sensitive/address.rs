//! Postal addresses: a number and a street by the words streets are called with, boxes and military posts.

use super::page::{Page, Raw, Token};
use super::report::Kind;
use super::words::{Hit, Topic, topic};

const ADDRESS: Kind = Kind::personal("address");

/// What streets are called.
pub(super) const WORDS: &[(Topic, &[&str])] = &[
    (
        topic::STREET,
        &[
            "street",
            "st$",
            "avenue",
            "ave$",
            "road$",
            "rd$",
            "lane$",
            "ln$",
            "drive$",
            "dr$",
            "boulevard",
            "blvd$",
            "court$",
            "ct$",
            "place$",
            "terrace",
            "highway",
            "hwy$",
            "square$",
            "way$",
            "crescent",
            "close$",
            "parkway",
            "pkwy$",
            "circle$",
            "trail$",
            "grove$",
            "row$",
            "alley$",
            "plaza$",
            "~strasse",
            "~str.",
            "~straat",
            "~weg$",
            "~gasse",
            "~gatan",
            "~vej$",
            "~veien",
            "~laan$",
            "~katu$",
            "~vagen",
            "~platz",
            "~gata$",
            "utca",
            "~plein$",
        ],
    ),
    (
        topic::STREET_FIRST,
        &[
            "rue ",
            "via ",
            "calle ",
            "avenida ",
            "rua ",
            "po box",
            "p.o. box",
            "p o box",
            "apo a",
            "fpo a",
            "dpo a",
            "avenue de",
            "ulica ",
            "ul. ",
            "viale ",
            "piazza ",
            "travessa ",
            "boulevard de",
            "chemin ",
            "carrer ",
        ],
    ),
    (topic::UNIT, &["apt.", "apt$", "suite ", "apartment ", "unit ", "flat "]),
];

/// The longest name between the number and the word for a street.
const MOST_NAME: usize = 40;

/// Finds addresses.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    if page.topics & (topic::STREET | topic::STREET_FIRST | topic::LIVES | topic::UNIT) == 0 {
        return;
    }
    let mut until = 0;
    for hit in page.hits {
        if (hit.start as usize) < until {
            continue;
        }
        let found = match hit.topic {
            topic::STREET => numbered(page, *hit).or_else(|| number_last(page, *hit)),
            topic::STREET_FIRST => number_last(page, *hit),
            topic::LIVES => after_words(page, *hit),
            topic::UNIT => unit(page, *hit),
            _ => None,
        };
        if let Some((start, end)) = found {
            until = end;
            out.push(Raw { kind: ADDRESS, start, end, confidence: 0.75 });
        }
    }
}

fn token_before(page: &Page<'_>, at: usize) -> Option<Token> {
    let index = page.tokens.partition_point(|token| token.end <= at);
    page.tokens[..index].last().copied()
}

fn token_after(page: &Page<'_>, at: usize) -> Option<Token> {
    page.tokens[page.tokens.partition_point(|token| token.start < at)..].first().copied()
}

/// Whether a text is one to four words that begin with a capital (or `of`, `de`, `the` …).
fn is_name(text: &[u8]) -> bool {
    let mut words = 0;
    let fits = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).all(|word| {
        words += 1;
        word[0].is_ascii_uppercase() && word.iter().all(|byte| byte.is_ascii_alphabetic() || b".'-".contains(byte))
    });
    fits && (1..=4).contains(&words)
}

/// `221B Baker Street`.
fn numbered(page: &Page<'_>, hit: Hit) -> Option<(usize, usize)> {
    let (start, end) = (hit.start as usize, hit.end as usize);
    let number = token_before(page, start)?;
    let tail_of_number = matches!(page.before(number.start), b',' | b'.')
        && number.start > 1
        && page.bytes[number.start - 2].is_ascii_digit();
    if tail_of_number
        || number.len() > 6
        || !page.bytes[number.start].is_ascii_digit()
        || start - number.end > MOST_NAME
    {
        return None;
    }
    let named = is_name(page.slice(number.end, start)) && page.bytes[start].is_ascii_uppercase();
    let lower = page.said_before(topic::LIVES, number.start, 24) && start - number.end > 1;
    (named || lower).then_some((number.start, end))
}

/// `rue de Rivoli 12`, `Hauptstrasse 5`, `PO Box 77`, `APO AE 09012`.
fn number_last(page: &Page<'_>, hit: Hit) -> Option<(usize, usize)> {
    let (start, end) = (hit.start as usize, hit.end as usize);
    let number = token_after(page, end)?;
    let gap = page.slice(end, number.start);
    let first = hit.topic == topic::STREET_FIRST;
    let near = if first { gap.len() <= 28 } else { gap.len() == 1 };
    let plain = gap.iter().all(|byte| byte.is_ascii_alphabetic() || b" .'-".contains(byte));
    let capital = page.bytes[start].is_ascii_uppercase() || (first && gap.iter().any(u8::is_ascii_uppercase));
    if !near
        || !plain
        || number.len() > 6
        || !number.is_number()
        || !(capital || page.said_before(topic::LIVES, start, 40))
    {
        return None;
    }
    let word = page.bytes[..start].iter().rev().take(30).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let compound = first || word > 0 || page.said_before(topic::LIVES, start, 40);
    compound.then_some((start - word, number.end))
}

/// `Suite 212`, `Apt. 12` in the company of a number or of a word for an address.
fn unit(page: &Page<'_>, hit: Hit) -> Option<(usize, usize)> {
    let (start, end) = (hit.start as usize, hit.end as usize);
    let number = token_after(page, end).filter(|number| number.start - end <= 2 && number.len() <= 5)?;
    if page.slice(end, number.start).contains(&b'$') {
        return None;
    }
    let house =
        token_before(page, start).filter(|house| start - house.end <= 48 && house.len() <= 6 && house.is_number());
    let begins = match house {
        Some(house) if page.slice(house.end, start).iter().any(u8::is_ascii_uppercase) => house.start,
        _ if page.said_before(topic::LIVES, start, 60) => start,
        _ => return None,
    };
    Some((begins, number.end))
}

/// `my address is 12 Elm`, `lives at 4 rue Haute`.
fn after_words(page: &Page<'_>, hit: Hit) -> Option<(usize, usize)> {
    let number = token_after(page, hit.end as usize)?;
    let gap = page.slice(hit.end as usize, number.start);
    if gap.len() > 24 || number.len() > 6 || !number.is_number() || gap.windows(2).any(|pair| pair == b". ") {
        return None;
    }
    let name = page.slice(number.end, (number.end + MOST_NAME).min(page.bytes.len()));
    let word = name.strip_prefix(b" ")?;
    let length = word.iter().take_while(|byte| byte.is_ascii_alphabetic() || b" .'-".contains(byte)).count();
    let capital = word.first().is_some_and(u8::is_ascii_uppercase) && length >= 3 && word[1].is_ascii_lowercase();
    capital.then_some((number.start, number.end + 1 + word[..length].trim_ascii_end().len()))
}
