//! The number of the social security of the United States, and the taxpayer's number that has its form.

use super::checksum::value;
use super::number::Window;
use super::page::Raw;
use super::report::Kind;
use super::words::topic;

const SSN: Kind = Kind::personal("us_ssn");
const ITIN: Kind = Kind::personal("us_itin");

/// `123-45-6789`, or nine digits where the words say so.
pub(super) fn check(window: &Window<'_>) -> Option<Raw> {
    let digits = window.digits();
    if digits.len() != 9 || window.broken {
        return None;
    }
    let said = || window.page.said_near(topic::SSN, window.start, window.end);
    let confidence = match window.groups() {
        1 if said() => 0.85,
        3 if window.is(&[3, 2, 4]) && window.even() => match window.gap(0) {
            b"-" => 0.9,
            _ if said() => 0.9,
            b" " => 0.6,
            _ => 0.5,
        },
        1 if window.page.is_all(window.start, window.end) => 0.4,
        _ => return None,
    };
    let (area, group, serial) = (value(&digits[..3]), value(&digits[3..5]), value(&digits[5..]));
    if serial == 0 || group == 0 {
        return None;
    }
    match area {
        0 | 666 => None,
        900.. => {
            let issued = matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
            let tax = issued && (window.groups() > 1 || window.page.said_near(topic::TAX, window.start, window.end));
            tax.then(|| window.raw(ITIN, confidence))
        }
        _ => Some(window.raw(SSN, confidence)),
    }
}
