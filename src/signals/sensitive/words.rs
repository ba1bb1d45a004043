//! The literals that a scan looks for, all in one pass: words of context and the beginnings of secrets.
//!
//! In the tables, a word of context must begin where no word goes on, unless it is written with `~`; `$` at its end says that it must
//! end there too.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{address, health, lexicon, secrets};
use crate::error::{Error, ErrorKind};

/// What a word of context speaks of; a set of bits.
pub(super) type Topic = u64;

/// The topics.
pub(super) mod topic {
    use super::Topic;

    pub(in super::super) const PHONE: Topic = 1;
    pub(in super::super) const PHONE_AFTER: Topic = 1 << 1;
    pub(in super::super) const CARD: Topic = 1 << 2;
    pub(in super::super) const SSN: Topic = 1 << 3;
    pub(in super::super) const TAX: Topic = 1 << 4;
    pub(in super::super) const IDENTITY: Topic = 1 << 5;
    pub(in super::super) const PASSPORT: Topic = 1 << 6;
    pub(in super::super) const LICENCE: Topic = 1 << 7;
    pub(in super::super) const BIRTH: Topic = 1 << 8;
    pub(in super::super) const BANK: Topic = 1 << 9;
    pub(in super::super) const VEHICLE: Topic = 1 << 10;
    pub(in super::super) const MEDICAL_ID: Topic = 1 << 11;
    pub(in super::super) const COMPANY: Topic = 1 << 12;
    pub(in super::super) const VERSION: Topic = 1 << 13;
    pub(in super::super) const NOT_PHONE: Topic = 1 << 14;
    pub(in super::super) const CRYPTO: Topic = 1 << 15;
    pub(in super::super) const IP: Topic = 1 << 16;
    pub(in super::super) const STREET: Topic = 1 << 17;
    pub(in super::super) const STREET_FIRST: Topic = 1 << 18;
    pub(in super::super) const UNIT: Topic = 1 << 19;
    pub(in super::super) const MONTH: Topic = 1 << 20;
    pub(in super::super) const CONDITION: Topic = 1 << 21;
    pub(in super::super) const PATIENT: Topic = 1 << 22;
    pub(in super::super) const CLINICAL: Topic = 1 << 23;
    pub(in super::super) const RECORD: Topic = 1 << 24;
    pub(in super::super) const CURL: Topic = 1 << 25;
    pub(in super::super) const NAME: Topic = 1 << 26;
    pub(in super::super) const MAC: Topic = 1 << 27;
    pub(in super::super) const LIVES: Topic = 1 << 28;
    pub(in super::super) const STREET_AFTER: Topic = 1 << 29;
}

/// What a literal is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// A word of context.
    Context(Topic),
    /// The beginning of a secret: the rule's index.
    Prefix(u16),
    /// Something that secrets are recognised by in another way.
    Lead(secrets::Lead),
}

/// One occurrence of a word of context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// First byte.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
    /// What it speaks of.
    pub(super) topic: Topic,
}

/// One occurrence of a literal of a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trigger {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// Which.
    pub(super) role: Role,
}

/// All literals and the automaton that finds them.
#[derive(Debug)]
pub(super) struct Words {
    automaton: AhoCorasick,
    roles: Vec<(Role, Edges)>,
}

/// Where a literal must stand free.
#[derive(Clone, Copy, Debug)]
struct Edges {
    before: bool,
    after: bool,
}

impl Words {
    /// Builds the automaton.
    pub(super) fn new() -> Result<Self, Error> {
        let (mut literals, mut roles) = (Vec::new(), Vec::new());
        let contexts = lexicon::WORDS.iter().chain(health::WORDS).chain(address::WORDS);
        for &(topic, words) in contexts {
            for word in words {
                let free = word.strip_prefix('~');
                let word = &free.unwrap_or(word);
                let literal = word.strip_suffix('$');
                literals.push(bytes(literal.unwrap_or(word)));
                let before = free.is_none() && word.starts_with(|c: char| c.is_ascii_alphanumeric());
                roles.push((Role::Context(topic), Edges { before, after: literal.is_some() }));
            }
        }
        for (literal, role) in secrets::literals() {
            literals.push(bytes(literal));
            roles.push((role, Edges { before: false, after: false }));
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&literals)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot build the word automaton: {error}")))?;
        Ok(Self { automaton, roles })
    }

    /// Every literal in a text, in the order of their ends.
    pub(super) fn find(&self, bytes: &[u8], hits: &mut Vec<Hit>, triggers: &mut Vec<Trigger>) {
        for found in self.automaton.find_overlapping_iter(bytes) {
            let (role, edges) = self.roles[found.pattern().as_usize()];
            let (start, end) = (found.start(), found.end());
            if edges.before && start > 0 && bytes[start - 1].is_ascii_alphanumeric() && !hump(bytes, start) {
                continue;
            }
            if edges.after && bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
                continue;
            }
            match role {
                Role::Context(topic) => hits.push(Hit { start: start as u32, end: end as u32, topic }),
                _ => triggers.push(Trigger { start, end, role }),
            }
        }
    }
}

/// Signs of other scripts are written as U+0080..U+009F in the tables and are one byte in a folded text.
fn bytes(literal: &str) -> Vec<u8> {
    literal.chars().map(|c| c as u8).collect()
}

/// Whether a word begins here inside a longer one: `clientIp`.
fn hump(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase()
}
