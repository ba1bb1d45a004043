//! Which deployments a list speaks of: names, globs, `tag:NAME` and `provider/model`.

use super::{hint, reader::Node};

/// What a list may name. Known of every deployment that is written, also of one with a mistake in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// The deployments, in the order written.
    pub(super) all: Vec<Named>,
    /// The names of routes, which lists of deployments cannot take.
    pub(super) routes: Vec<String>,
    /// Whether every deployment could be read: otherwise a tag that nothing has may stand in the one that could not.
    pub(super) complete: bool,
}

/// What a list may say of one deployment.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// Its name.
    pub(super) name: String,
    /// Its tags.
    pub(super) tags: Vec<String>,
    /// Its provider.
    pub(super) provider: String,
    /// Its model.
    pub(super) model: String,
    /// Its region.
    pub(super) region: Option<String>,
    /// The names of its attributes.
    pub(super) attributes: Vec<String>,
    /// Its weight where a list gives none.
    pub(super) weight: f64,
    /// Whether it embeds texts instead of chatting.
    pub(super) embedding: bool,
}

/// What one item of a list names.
#[derive(Debug)]
pub(super) struct Selection<'n> {
    /// The deployments, in the order written.
    pub(super) deployments: Vec<&'n Named>,
    /// Whether the item is the very name of one.
    pub(super) exact: bool,
}

impl Names {
    /// The deployment of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Named> {
        self.all.iter().find(|named| named.name == name)
    }

    /// The deployments that `item` names; an item that names none is a mistake.
    pub(super) fn select(&self, item: &Node<'_>) -> Option<Selection<'_>> {
        let text = item.text()?;
        if let Some(named) = self.get(text) {
            return Some(Selection { deployments: vec![named], exact: true });
        }
        let deployments: Vec<&Named> = match text.strip_prefix("tag:") {
            Some(tag) => self.all.iter().filter(|named| named.tags.iter().any(|own| own == tag)).collect(),
            None if is_glob(text) => self.all.iter().filter(|named| glob(text, &named.name)).collect(),
            None => self.all.iter().filter(|named| named.is_called(text)).collect(),
        };
        if deployments.is_empty() {
            self.complain(item, text);
            return None;
        }
        Some(Selection { deployments, exact: false })
    }

    fn complain(&self, item: &Node<'_>, text: &str) {
        if let Some(tag) = text.strip_prefix("tag:") {
            let tags = self.all.iter().flat_map(|named| named.tags.iter().map(String::as_str));
            self.nothing_has(item, "tag", tag, tags);
        } else if is_glob(text) {
            if self.complete {
                item.problem(format!("no deployment's name matches {}", item.quoted()), self.listed());
            }
        } else if self.routes.iter().any(|route| route == text) {
            let hint = "write the names of its deployments";
            item.problem(format!("{} is a route, not a deployment", item.quoted()), Some(hint.into()));
        } else {
            let called = self.all.iter().map(|named| named.name.as_str());
            item.problem(format!("there is no deployment {}", item.quoted()), hint::or_listed(text, called));
        }
    }

    /// Records that no deployment has what an item asks for.
    pub(super) fn nothing_has<'n>(
        &self,
        item: &Node<'_>,
        kind: &str,
        word: &str,
        known: impl Iterator<Item = &'n str>,
    ) {
        if !self.complete {
            return;
        }
        let mut distinct: Vec<&str> = Vec::new();
        for name in known {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        item.problem(format!("no deployment has the {kind} {}", item.quoted()), hint::or_listed(word, distinct));
    }

    fn listed(&self) -> Option<String> {
        hint::or_listed("", self.all.iter().map(|named| named.name.as_str()))
    }
}

impl Named {
    /// Whether `text` is its `provider/model`.
    fn is_called(&self, text: &str) -> bool {
        text.split_once('/').is_some_and(|(provider, model)| provider == self.provider && model == self.model)
    }
}

/// Whether a text is a pattern.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether `name` matches `pattern`: `*` is any run of characters, `?` any one.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == name[n]) {
            (p, n) = (p + 1, n + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, n) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn globs_match_whole_names() {
        assert!(glob("gpt-*", "gpt-5-mini") && glob("*", "") && glob("*mini", "openai/gpt-5-mini"));
        assert!(glob("a?c", "abc") && glob("a*b*c", "a-b-b-c"));
        assert!(!glob("gpt-*", "my-gpt-5") && !glob("a?c", "ac") && !glob("a*b", "abc"));
    }
}
