//! What a text is about, as a point: a static sentence embedding.
//!
//! Every token of the vocabulary has a row that was distilled from a small sentence encoder (`scripts/embedding.py` says
//! how, and makes the file); a text is the mean of its tokens' rows, seen from where
//! the average text lies, and of length one. There is no network and no order of
//! words in it: that costs some meaning and leaves tens of microseconds.
//!
//! The rows come from all-MiniLM-L6-v2 (Apache-2.0).

use std::sync::OnceLock;

mod table;
mod wordpiece;

use table::Table;

/// Numbers of a point.
pub const DIMENSIONS: usize = 160;
/// Sums that are kept side by side: one alone would wait for each of its additions, ten times as long.
const LANES: usize = 8;
const _: () = assert!(DIMENSIONS.is_multiple_of(LANES));
/// Bytes of a text that are read: the first and the last half of so many. What a long document is about is said at its
/// ends, where the instructions stand too, and the cost stays bounded.
pub const MOST_BYTES: usize = 8 * 1024;

/// A point of length one; all zeros for a text without a known word.
pub type Point = [f32; DIMENSIONS];

static TABLE: OnceLock<Table> = OnceLock::new();

/// The point of `text`.
///
/// # Examples
/// ```
/// use waypost::signals::embedding::{embed, likeness};
/// let (order, package, sky) = (embed("where is my order"), embed("when will my package arrive"), embed("the sky is blue"));
/// assert!(likeness(&order, &package) > likeness(&order, &sky));
/// ```
pub fn embed(text: &str) -> Point {
    let table = TABLE.get_or_init(Table::shipped);
    let mut sum = [0.0; DIMENSIONS];
    for part in ends(text, MOST_BYTES) {
        wordpiece::tokens(part, table, |token| table.add(token, &mut sum));
    }
    let mut point = unit(sum);
    if point.iter().any(|x| *x != 0.0) {
        for (x, centre) in point.iter_mut().zip(&table.centre) {
            *x -= centre;
        }
    }
    unit(point)
}

/// The cosine of two points: 1 for the same, about 0 for strangers.
pub fn likeness(a: &Point, b: &Point) -> f64 {
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    f64::from(sums.iter().sum::<f32>())
}

/// A point of length one in the direction of `sum`.
pub fn unit(mut sum: Point) -> Point {
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for x in &mut sum {
            *x /= length;
        }
    }
    sum
}

/// The whole of a short text, or the first and the last half of `most` bytes.
pub(crate) fn ends(text: &str, most: usize) -> [&str; 2] {
    if text.len() <= most {
        return [text, ""];
    }
    let first = floor(text, most / 2);
    let last = (text.len() - most / 2..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    [&text[..first], &text[last..]]
}

/// The last place at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_near() {
        let near = likeness(&embed("How do I reset my password?"), &embed("I forgot my login credentials"));
        let far = likeness(&embed("How do I reset my password?"), &embed("The cathedral was built in 1248"));
        assert!(near > 0.3 && far < 0.2, "{near} {far}");
        assert!((likeness(&embed("Hello world"), &embed("hello  WORLD")) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn every_text_has_a_point() {
        for text in ["", " ", "\u{0}", "🙂", "日本語", &"a".repeat(100_000), &"é".repeat(50_000)] {
            let length = likeness(&embed(text), &embed(text));
            assert!(length == 0.0 || (length - 1.0).abs() < 1e-4, "{length}");
        }
    }

    #[test]
    fn a_long_text_is_read_at_its_ends() {
        let text = format!("{}é{}", "a".repeat(9), "b".repeat(9));
        assert_eq!(ends(&text, 19), ["aaaaaaaaa", "bbbbbbbbb"]);
        assert_eq!(ends("short", 19), ["short", ""]);
    }
}
