//! The way back: placeholders become what they stand for, in a whole text or in one that comes in pieces.

use std::{collections::HashMap, sync::Arc};

/// Which placeholder stands for what.
#[derive(Clone, Default, PartialEq)]
pub struct Redaction {
    pub(super) originals: Arc<HashMap<String, String>>,
    pub(super) longest: usize,
    /// Different texts by type.
    pub(super) counts: Vec<(&'static str, usize)>,
}

/// Shows how many, never what.
impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").field("placeholders", &self.originals.len()).finish_non_exhaustive()
    }
}

impl Redaction {
    /// Whether nothing was replaced.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// How many different texts of each type were replaced, by type.
    pub fn counts(&self) -> &[(&'static str, usize)] {
        &self.counts
    }

    /// A text with every placeholder as what it stands for.
    pub fn restore(&self, text: &str) -> String {
        let mut restorer = self.restorer();
        let mut out = restorer.push(text);
        out.push_str(&restorer.finish());
        out
    }

    /// The same for JSON text (the arguments of a call): what is put in is escaped.
    pub fn restore_json(&self, text: &str) -> String {
        let mut restorer = Restorer { json: true, ..self.restorer() };
        let mut out = restorer.push(text);
        out.push_str(&restorer.finish());
        out
    }

    /// For an answer that comes in pieces.
    pub fn restorer(&self) -> Restorer {
        Restorer { redaction: self.clone(), held: String::new(), json: false }
    }

    /// For a call's arguments that come in pieces.
    pub fn json_restorer(&self) -> Restorer {
        Restorer { json: true, ..self.restorer() }
    }
}

/// Restores a text that comes in pieces.
#[derive(Debug)]
pub struct Restorer {
    redaction: Redaction,
    /// What may still become a placeholder; it begins with a bracket, or is empty.
    held: String,
    json: bool,
}

impl Restorer {
    /// Takes a piece and gives what is certain so far.
    pub fn push(&mut self, piece: &str) -> String {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        let (mut out, mut rest) = (String::with_capacity(text.len()), text.as_str());
        while let Some(open) = rest.find('[') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let name = rest[1..]
                .bytes()
                .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
                .count();
            match rest.as_bytes().get(name + 1) {
                None if rest.len() < self.redaction.longest => {
                    self.held = rest.to_owned();
                    return out;
                }
                Some(b']') => {
                    let (placeholder, after) = rest.split_at(name + 2);
                    match self.redaction.originals.get(placeholder) {
                        Some(original) => self.put(original, &mut out),
                        None => out.push_str(placeholder),
                    }
                    rest = after;
                }
                _ => {
                    out.push('[');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// What was held back, when nothing more comes.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    fn put(&self, original: &str, out: &mut String) {
        match serde_json::to_string(original) {
            Ok(escaped) if self.json && escaped.len() >= 2 => out.push_str(&escaped[1..escaped.len() - 1]),
            _ => out.push_str(original),
        }
    }
}
