//! Postal addresses: a number and a street by the words streets are called with, boxes and military posts.

use super::page::{Page, Raw, Token};
use super::report::Kind;
use super::words::{Hit, Topic, topic};

const ADDRESS: Kind = Kind::personal("address");

/// What streets are called.
#[rustfmt::skip]
pub(super) const WORDS: &[(Topic, &[&str])] = &[
    (
        topic::STREET,
        &[
            "street", "st$", "avenue", "ave$", "road$", "rd$", "lane$", "ln$", "drive$", "dr$", "boulevard", "blvd$", "court$", "ct$",
            "place$", "terrace", "highway", "hwy$", "square$", "way$", "crescent", "close$", "parkway", "pkwy$", "circle$", "trail$",
            "grove$", "row$", "alley$", "plaza$", "~strasse", "~strase", "~str.", "~straat", "~weg$", "~gasse", "~gatan", "~vej$",
            "~veien", "~vegen$", "~laan$", "~katu$", "~vagen", "~platz", "~gata$", "utca", "~plein$", "~allee$", "~damm$",
            "~chaussee$", "~promenade$", "~gracht$", "~kade$", "~singel$", "~dijk$", "~dreef$", "~steeg$", "~rregade$", "~ergade$", "algade$", "bredgade$",
            "~torget$", "~stien$", "sokak$", "sokagi$", "caddesi$", "bulvari$",
        ],
    ),
    (
        // The name follows, and then the number.
        topic::STREET_FIRST,
        &[
            "rue ", "via ", "calle ", "c/ ", "avenida ", "avda. ", "av. ", "rua ", "po box", "p.o. box", "p o box", "apo a", "fpo a",
            "dpo a", "avenue de", "ulica ", "ul. ", "aleja ", "al. ", "viale ", "piazza ", "corso ", "largo ", "vicolo ", "travessa ",
            "praca ", "boulevard de", "chemin ", "carrer ", "plaza ", "paseo ", "ronda ", "postfach ", "apartado ", "casella postale ",
        ],
    ),
    (
        // The number stands before, and the name follows.
        topic::STREET_AFTER,
        &[
            "rue ", "avenue ", "boulevard ", "bd ", "allee ", "impasse ", "place ", "quai ", "chemin ", "route ", "cours ", "square ",
            "passage ", "faubourg ",
        ],
    ),
    (topic::UNIT, &["apt.", "apt$", "suite ", "apartment ", "unit ", "flat "]),
];

/// The longest name between the number and the word for a street.
const MOST_NAME: usize = 40;

/// What ends like a street and is none.
const NO_STREETS: [&[u8]; 22] = [
    b"Arbeitsplatz",
    b"Sitzplatz",
    b"Stellplatz",
    b"Parkplatz",
    b"Listenplatz",
    b"Tabellenplatz",
    b"Speicherplatz",
    b"Startplatz",
    b"Rastplatz",
    b"Campingplatz",
    b"Platz",
    b"Weg",
    b"Umweg",
    b"Ruckweg",
    b"Hinweg",
    b"Losungsweg",
    b"Ausweg",
    b"Rechtsweg",
    b"Radweg",
    b"Allee",
    b"Schlussplatz",
    b"Strasse",
];

/// Finds addresses.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    if page.topics & (topic::STREET | topic::STREET_FIRST | topic::STREET_AFTER | topic::LIVES | topic::UNIT) == 0 {
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
            topic::STREET_AFTER => number_first(page, *hit),
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

/// Small words in the name of a French street.
const ARTICLES: [&[u8]; 9] = [b"de", b"du", b"des", b"la", b"le", b"les", b"aux", b"au", b"l"];

/// `12 bis, rue de la Paix`.
fn number_first(page: &Page<'_>, hit: Hit) -> Option<(usize, usize)> {
    let (start, mut end) = (hit.start as usize, hit.end as usize);
    let number = token_before(page, start).filter(|number| number.len() <= 4 && start - number.end <= 7)?;
    let gap: Vec<u8> = page.slice(number.end, start).iter().copied().filter(|byte| !b" ,".contains(byte)).collect();
    if !page.bytes[number.start].is_ascii_digit() || !matches!(gap.as_slice(), b"" | b"bis" | b"ter" | b"quater") {
        return None;
    }
    for _ in 0..4 {
        let word =
            page.bytes[end..].iter().take(30).take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
        let text = page.slice(end, end + word);
        if text.first()?.is_ascii_uppercase() && word >= 2 {
            return Some((number.start, end + word));
        }
        let small = ARTICLES.contains(&text) || text == b"d";
        if !small || !b" '".contains(&page.at(end + word)) {
            return None;
        }
        end += word + 1;
    }
    None
}

/// `rue de Rivoli 12`, `Hauptstrasse 5`, `PO Box 77`, `APO AE 09012`.
fn number_last(page: &Page<'_>, hit: Hit) -> Option<(usize, usize)> {
    let (start, end) = (hit.start as usize, hit.end as usize);
    let number = token_after(page, end)?;
    let gap = page.slice(end, number.start);
    let first = hit.topic == topic::STREET_FIRST;
    let near = if first { gap.len() <= 28 } else { gap.len() == 1 };
    let comma = gap.iter().position(|byte| *byte == b',').is_none_or(|at| at + 2 == gap.len() && gap.ends_with(b" "));
    let plain = comma && gap.iter().all(|byte| byte.is_ascii_alphabetic() || b" .,'-".contains(byte));
    let letters = number.len() - number.digits as usize;
    let house = letters == 0 || (letters == 1 && page.bytes[number.start].is_ascii_digit());
    let word = page.bytes[..start].iter().rev().take(30).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let compound = page.slice(start - word, end);
    if NO_STREETS.iter().any(|no| compound.eq_ignore_ascii_case(no)) {
        return None;
    }
    let word = if word > 0 { word } else { name_before(page, hit) };
    let capital = page.bytes[start - word].is_ascii_uppercase() || (first && gap.iter().any(u8::is_ascii_uppercase));
    if !near || !plain || number.len() > 6 || !house || !(capital || page.said_before(topic::LIVES, start, 40)) {
        return None;
    }
    let compound = first || word > 0 || page.said_before(topic::LIVES, start, 40);
    compound.then_some((start - word, number.end))
}

/// Words for a street that stand after its name, apart from it, and before the number.
const AFTER_NAMES: [&[u8]; 5] = [b"sokak", b"sokagi", b"caddesi", b"bulvari", b"utca"];

/// The capitalised word before a word for a street, with the space between: `Istiklal Caddesi`.
fn name_before(page: &Page<'_>, hit: Hit) -> usize {
    let start = hit.start as usize;
    let word = page.slice(start, hit.end as usize);
    if !AFTER_NAMES.iter().any(|after| word.eq_ignore_ascii_case(after)) || start < 2 || page.before(start) != b' ' {
        return 0;
    }
    let word = page.bytes[..start - 1].iter().rev().take(30).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if word >= 2 && page.bytes[start - 1 - word].is_ascii_uppercase() { word + 1 } else { 0 }
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

#[cfg(test)]
mod tests {
    use super::super::Detector;

    #[test]
    fn streets_of_many_countries_are_found_with_their_number() {
        let detector = Detector::default();
        let found = |text: &str| detector.scan_text(text).iter().any(|finding| finding.kind == "address");
        for text in [
            "Bitte an Lindenstraße 12, 10969 Berlin",
            "Er wohnt in der Bahnhofstrasse 3a",
            "Kurfürstendamm 21, Berlin",
            "12 rue de Rivoli, 75001 Paris",
            "12 bis, avenue de la République",
            "3, place d'Italie",
            "Calle de Alcalá, 42, Madrid",
            "Avda. de América 12",
            "Via Garibaldi, 10, Torino",
            "Corso Italia 3",
            "Rua Augusta, 1500",
            "Keizersgracht 123, Amsterdam",
            "Drottninggatan 5",
            "Nørregade 7",
            "ul. Długa 5",
            "Atatürk Bulvarı 44",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            "The string has 12 characters",
            "In 2 ways, the spring 3 release is better",
            "via email, 3 times",
            "Take the highway for 20 minutes",
            "la rue est longue de 300 m",
            "Hering 5 Stück",
            "Arbeitsplatz 3 ist frei",
        ] {
            assert!(!found(text), "{text}: {:?}", detector.scan_text(text));
        }
    }
}
