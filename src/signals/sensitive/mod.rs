//! Sensitive content: personal data, credentials, somebody's health.
//!
//! A text is folded (look-alikes become plain bytes), one automaton finds every literal and word of context, one pass
//! finds the tokens with digits, and each recogniser verifies the few places that are left: check digits, forms, the words
//! around. Nothing runs twice over the text and every verification is bounded, so hostile text costs no more than a novel.
//!
//! What is too long to be read counts as sensitive: a rule that keeps secrets at home must not open when it is flooded.

mod address;
mod birth;
mod card;
mod checksum;
mod crypto;
pub(super) mod decode;
mod document;
mod email;
pub(super) mod fold;
mod health;
mod home;
mod iban;
mod ids;
mod illness;
mod ip;
mod lexicon;
mod named;
mod number;
mod page;
mod phone;
mod place;
pub mod redact;
mod report;
mod secrets;
mod ssn;
mod types;
mod vehicle;
pub(super) mod walk;
mod words;

pub use redact::{Redaction, Redactor, Restorer};
pub use report::{Category, Finding, Kind, SensitiveReport};
pub use types::types;
pub use walk::strings;

use crate::chat::{ChatRequest, Map};
use crate::error::Error;
use fold::Folded;
use ids::Ids;
use page::{Page, Raw};
use place::Places;
use walk::Item;
use words::Words;

/// Findings below this are guesses.
const THRESHOLD: f32 = 0.5;
/// A request with more text than this is not read to its end: about a second of work.
const MOST_BYTES: usize = 4 << 20;

/// What counts as sensitive.
#[derive(Clone, Debug, PartialEq)]
pub struct SensitiveConfig {
    /// The least confidence of a finding, 0..1.
    pub threshold: f32,
    /// Types that count besides those that always do: `person`, `location`, `organization`, `url`, `date_time`, `private_ip`,
    /// `mac_address`, `image`, `audio`.
    pub types: Vec<String>,
    /// Bytes of a request that are read; a longer request is sensitive (`unscanned`).
    pub max_bytes: usize,
}

impl Default for SensitiveConfig {
    fn default() -> Self {
        Self { threshold: THRESHOLD, types: Vec::new(), max_bytes: MOST_BYTES }
    }
}

/// Finds sensitive content. Built once, shared by all threads.
#[derive(Debug)]
pub struct Detector {
    config: SensitiveConfig,
    words: Words,
    ids: Ids,
    /// Absent unless places count.
    places: Option<Places>,
}

/// Something found in one text, in code points.
struct Found {
    kind: Kind,
    start: usize,
    end: usize,
    confidence: f32,
}

#[cfg(test)]
impl Default for Detector {
    fn default() -> Self {
        Self::new(SensitiveConfig::default()).unwrap()
    }
}

impl Detector {
    /// Builds the automaton and the tables.
    pub fn new(config: SensitiveConfig) -> Result<Self, Error> {
        let places = config.types.iter().any(|named| named == "location").then(Places::new).transpose()?;
        Ok(Self { config, words: Words::new()?, ids: Ids::new(), places })
    }

    /// Looks at every part of a request.
    pub fn scan(&self, request: &ChatRequest) -> SensitiveReport {
        self.scan_with(request, None)
    }

    /// The same, with the metadata of the call.
    pub fn scan_with(&self, request: &ChatRequest, metadata: Option<&Map>) -> SensitiveReport {
        let mut report = SensitiveReport::default();
        let mut left = self.config.max_bytes;
        walk::request(request, metadata, &mut |message, item| match item {
            Item::Text(text) | Item::Aside(text) => {
                let (text, whole) = head(text, left);
                left -= text.len();
                self.add(&mut report, message, text, matches!(item, Item::Text(_)));
                if !whole {
                    unscanned(&mut report, message);
                }
            }
            Item::Medium(name) if self.is_named(name) => {
                report.add(Kind::neutral(name), Finding { kind: name, message, start: 0, end: 0, confidence: 1.0 });
            }
            Item::Medium(_) => {}
            Item::Opaque => unscanned(&mut report, message),
        });
        report
    }

    /// Looks at one text.
    pub fn scan_text(&self, text: &str) -> Vec<Finding> {
        let (text, whole) = head(text, self.config.max_bytes);
        let found = self.find(text, true).into_iter();
        let mut findings: Vec<Finding> = found
            .map(|f| Finding { kind: f.kind.name, message: 0, start: f.start, end: f.end, confidence: f.confidence })
            .collect();
        if !whole {
            let end = text.chars().count();
            findings.push(Finding { kind: Kind::UNSCANNED.name, message: 0, start: end, end, confidence: 1.0 });
        }
        findings
    }

    fn add(&self, report: &mut SensitiveReport, message: usize, text: &str, placed: bool) {
        for found in self.find(text, true) {
            let (start, end) = if placed { (found.start, found.end) } else { (0, 0) };
            let finding = Finding { kind: found.kind.name, message, start, end, confidence: found.confidence };
            report.add(found.kind, finding);
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.config.types.iter().any(|named| named == name)
    }

    /// Everything in a text; base64 is opened if `open`.
    fn find(&self, text: &str, open: bool) -> Vec<Found> {
        let folded = Folded::new(text);
        let (mut hits, mut triggers, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        self.words.find(&folded.bytes, &mut hits, &mut triggers);
        page::tokens(&folded.bytes, &mut tokens);
        let topics = hits.iter().fold(0, |all, hit| all | hit.topic);
        let page = Page { bytes: &folded.bytes, hits: &hits, topics, tokens: &tokens };
        let mut raws = Vec::new();
        secrets::scan(&page, &triggers, &mut raws);
        self.recognise(&page, &mut raws);
        if open {
            decode::hidden(&page, |start, end, text| {
                let inside = self.find(text, false).into_iter();
                raws.extend(inside.map(|found| Raw { kind: found.kind, start, end, confidence: found.confidence }));
            });
        }
        self.settle(raws, &folded)
    }

    fn recognise(&self, page: &Page<'_>, out: &mut Vec<Raw>) {
        email::scan(page, out);
        ip::scan(page, out);
        birth::scan(page, self.is_named("date_time"), out);
        address::scan(page, out);
        health::scan(page, out);
        document::scan(page, out);
        if !page.tokens.is_empty() {
            number::scan(page, &self.ids, out);
            self.ids.codes(page, out);
            iban::scan(page, out);
            crypto::scan(page, out);
            vehicle::scan(page, out);
        }
        home::scan(page, out);
        if self.is_named("url") {
            named::urls(page, out);
        }
        if self.is_named("person") {
            named::persons(page, out);
        }
        if self.is_named("organization") {
            named::organizations(page, out);
        }
        if let Some(places) = &self.places {
            places.scan(page, out);
        }
    }

    /// Drops guesses and, of two that overlap, the weaker one.
    fn settle(&self, mut raws: Vec<Raw>, folded: &Folded<'_>) -> Vec<Found> {
        raws.retain(|raw| {
            let counts = raw.kind.category != Category::Neutral || self.is_named(raw.kind.name);
            counts && raw.confidence >= self.config.threshold
        });
        raws.sort_by(|a, b| a.start.cmp(&b.start).then(b.end.cmp(&a.end)));
        let mut kept: Vec<Raw> = Vec::with_capacity(raws.len());
        for raw in raws {
            match kept.last_mut() {
                Some(last) if last.end > raw.start => {
                    let better = raw.confidence > last.confidence
                        || (raw.confidence >= last.confidence && raw.end - raw.start > last.end - last.start);
                    if better {
                        *last = raw;
                    }
                }
                _ => kept.push(raw),
            }
        }
        kept.into_iter()
            .map(|raw| {
                let (start, end) = folded.points(raw.start, raw.end);
                Found { kind: raw.kind, start, end, confidence: raw.confidence }
            })
            .collect()
    }
}

fn unscanned(report: &mut SensitiveReport, message: usize) {
    let kind = Kind::UNSCANNED;
    report.add(kind, Finding { kind: kind.name, message, start: 0, end: 0, confidence: 1.0 });
}

/// The part of a text within a bound, and whether that is all of it.
fn head(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, true);
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    (&text[..end], false)
}

#[cfg(test)]
mod tests;
