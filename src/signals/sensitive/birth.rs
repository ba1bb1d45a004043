//! Dates, and among them dates of birth: the ones whose neighbours say so.

use super::checksum::is_date;
use super::page::{Page, Raw, Token};
use super::report::Kind;
use super::words::topic;

const BIRTH: Kind = Kind::personal("date_of_birth");
const DATE: Kind = Kind::neutral("date_time");

/// Finds dates; those without words of birth only if `all`.
pub(super) fn scan(page: &Page<'_>, all: bool, out: &mut Vec<Raw>) {
    if !all && page.topics & topic::BIRTH == 0 {
        return;
    }
    let mut until = 0;
    for at in 0..page.tokens.len() {
        let start = page.tokens[at].start;
        if start < until {
            continue;
        }
        let Some((start, end)) = numeric(page, at).or_else(|| written(page, page.tokens[at])) else { continue };
        until = end;
        let born = page.said_before(topic::BIRTH, start, 40) || page.said_after(topic::BIRTH, end, 24);
        if born {
            out.push(Raw { kind: BIRTH, start, end, confidence: 0.9 });
        } else if all {
            out.push(Raw { kind: DATE, start, end, confidence: 0.8 });
        }
    }
}

fn number(page: &Page<'_>, token: Token) -> Option<u64> {
    (token.is_number() && token.len() <= 4)
        .then(|| page.slice(token.start, token.end).iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0')))
}

/// `12/31/1980`, `31.12.80`, `1980-12-31`.
fn numeric(page: &Page<'_>, at: usize) -> Option<(usize, usize)> {
    let three = page.tokens.get(at..at + 3)?;
    let separator = *page.bytes.get(three[0].end)?;
    let tight = three.windows(2).all(|pair| pair[1].start == pair[0].end + 1 && page.bytes[pair[0].end] == separator);
    if !tight || !b"/-.".contains(&separator) {
        return None;
    }
    let third = Token { end: three[2].end.min(three[2].start + 2), digits: 2, ..three[2] };
    let (a, b) = (number(page, three[0])?, number(page, three[1])?);
    let fits = match (three[0].len(), three[2].len()) {
        (4, _) => is_date(b, number(page, if three[2].is_number() { three[2] } else { third })?),
        (1 | 2, 2 | 4) => is_date(a, b) || is_date(b, a),
        _ => false,
    };
    fits.then_some((three[0].start, if three[2].is_number() { three[2].end } else { third.end }))
}

/// `12 March 1980`, `March 12th, 1980`.
fn written(page: &Page<'_>, token: Token) -> Option<(usize, usize)> {
    if page.topics & topic::MONTH == 0 || token.len() > 4 {
        return None;
    }
    let year = |token: Token| number(page, token).is_some_and(|year| (1900..2100).contains(&year));
    let next = |from: usize| page.tokens[page.tokens.partition_point(|token| token.start < from)..].first().copied();
    if let Some(month) = page.last_before(topic::MONTH, token.start, 3) {
        let after = next(token.end).filter(|after| year(*after) && after.start - token.end <= 4);
        return match after {
            Some(after) => Some((month.start as usize, after.end)),
            None => year(token).then_some((month.start as usize, token.end)),
        };
    }
    if token.digits > 2 || !page.said_after(topic::MONTH, token.end, 5) {
        return None;
    }
    let after = next(token.end).filter(|after| year(*after) && after.start - token.end <= 18)?;
    Some((token.start, after.end))
}
