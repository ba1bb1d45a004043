//! What a scan found: where, of which type, how sure. Never the text itself.

use serde::Serialize;

/// What the whole request holds.
#[expect(clippy::struct_excessive_bools, reason = "rules name each of them")]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SensitiveReport {
    /// Personal, secrets or health.
    pub any: bool,
    /// Data that names or identifies a person.
    pub personal: bool,
    /// Credentials.
    pub secrets: bool,
    /// A person's state of health.
    pub health: bool,
    /// The types found, sorted, each once.
    pub types: Vec<String>,
    /// Every finding, in the order of the request.
    pub findings: Vec<Finding>,
}

/// One finding in a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The type, snake case.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Index of the message; the number of messages for what stands outside of them (tools, stop words, metadata …).
    pub message: usize,
    /// First code point, counted in the message's text parts joined by line feeds; 0 when the finding is elsewhere
    /// (a name, a call's arguments, a file).
    pub start: usize,
    /// One past the last code point; equal to `start` when the finding is not in the text.
    pub end: usize,
    /// 0..1.
    pub confidence: f32,
}

/// What a type counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Identifies a person.
    Personal,
    /// A credential.
    Secret,
    /// A person's state of health.
    Health,
    /// Counts only if the settings name it: then it is personal.
    Neutral,
    /// Could not be looked at: counts, because it may be anything.
    Unscanned,
}

/// A type of sensitive content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Snake case.
    pub name: &'static str,
    /// What it counts as.
    pub category: Category,
}

impl Kind {
    /// A type that identifies a person.
    pub const fn personal(name: &'static str) -> Self {
        Self { name, category: Category::Personal }
    }

    /// A kind of credential.
    pub const fn secret(name: &'static str) -> Self {
        Self { name, category: Category::Secret }
    }

    /// A type that says how somebody's health is.
    pub const fn health(name: &'static str) -> Self {
        Self { name, category: Category::Health }
    }

    /// A type that counts only on demand.
    pub const fn neutral(name: &'static str) -> Self {
        Self { name, category: Category::Neutral }
    }

    /// Content that could not be read.
    pub const UNSCANNED: Self = Self { name: "unscanned", category: Category::Unscanned };
}

impl SensitiveReport {
    /// Adds a finding of `kind` and what it means for the whole.
    pub(super) fn add(&mut self, kind: Kind, finding: Finding) {
        self.any = true;
        match kind.category {
            Category::Personal | Category::Neutral => self.personal = true,
            Category::Secret => self.secrets = true,
            Category::Health => self.health = true,
            Category::Unscanned => {}
        }
        if let Err(at) = self.types.binary_search_by(|have| have.as_str().cmp(kind.name)) {
            self.types.insert(at, kind.name.to_owned());
        }
        self.findings.push(finding);
    }
}
