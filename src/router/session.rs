//! Which deployment answered a session last, for as many sessions as fit.

use std::collections::{HashMap, VecDeque};

use crate::id::DeploymentId;

/// Sessions remembered; the oldest are forgotten first.
const MOST: usize = 10_000;

/// A bounded memory of sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    last: HashMap<String, DeploymentId>,
    order: VecDeque<String>,
}

impl Sessions {
    /// Who answered it last.
    pub fn get(&self, session: &str) -> Option<&DeploymentId> {
        self.last.get(session)
    }

    /// Remembers who answered.
    pub fn set(&mut self, session: &str, deployment: &DeploymentId) {
        if let Some(known) = self.last.get_mut(session) {
            if known != deployment {
                *known = deployment.clone();
            }
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.last.remove(&oldest);
        }
        self.order.push_back(session.to_owned());
        self.last.insert(session.to_owned(), deployment.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded() {
        let mut sessions = Sessions::default();
        for n in 0..=MOST {
            sessions.set(&n.to_string(), &"a".into());
        }
        assert!(sessions.get("0").is_none());
        assert_eq!(sessions.last.len(), MOST);
    }
}
