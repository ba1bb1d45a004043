//! What classifiers said of late, by a hash of what they were asked: no text is kept.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{clock::Instant, signals::own::Remember};

/// The hash of a question.
pub(super) type Key = [u8; 32];

/// The hash of these bytes.
pub(super) fn key(body: &[u8]) -> Key {
    Sha256::digest(body).into()
}

/// The memory of one classifier: bounded, the oldest goes first.
#[derive(Debug, Default)]
pub struct Memory {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    values: HashMap<Key, (Value, Instant)>,
    order: VecDeque<Key>,
}

impl Memory {
    /// What was said, if it is not too long ago.
    pub(super) fn recall(&self, key: &Key, limits: Remember, now: Instant) -> Option<Value> {
        let known = self.known.lock();
        let (value, at) = known.values.get(key)?;
        (now.saturating_duration_since(*at) < limits.ttl).then(|| value.clone())
    }

    /// Keeps what was said.
    pub(super) fn keep(&self, key: Key, value: Value, limits: Remember, now: Instant) {
        let mut known = self.known.lock();
        if known.values.insert(key, (value, now)).is_none() {
            known.order.push_back(key);
        }
        while known.order.len() > limits.max_entries {
            let Some(oldest) = known.order.pop_front() else { return };
            known.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn it_forgets_by_age_and_by_number() {
        let (memory, now) = (Memory::default(), clock::now());
        let limits = Remember { ttl: Duration::from_secs(10), max_entries: 2 };
        for text in ["a", "b", "c", "c"] {
            memory.keep(key(text.as_bytes()), text.into(), limits, now);
        }
        let recall = |text: &str, at| memory.recall(&key(text.as_bytes()), limits, at);
        assert_eq!(recall("a", now), None);
        assert_eq!(recall("b", now), Some("b".into()));
        assert_eq!(recall("c", now + Duration::from_secs(9)), Some("c".into()));
        assert_eq!(recall("c", now + Duration::from_secs(10)), None);
    }
}
