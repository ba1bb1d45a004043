//! What is configured, is no mistake, and still does not do what it seems to.

use super::{Router, fleet::Fleet};

impl Router {
    /// What to tell whoever checks a configuration, each with its path.
    pub fn warnings(&self) -> Vec<String> {
        let fleet = self.shared.fleet.load();
        let mut warnings = Vec::new();
        if self.shared.budgets.any() {
            warnings.extend(unpriced(&fleet));
            warnings.extend(unmoved(&fleet, &self.shared.budgets.paced()));
        }
        warnings.extend(self.log_trouble());
        warnings.extend(self.otlp_trouble());
        warnings
    }
}

/// Deployments without a price, where budgets refuse what has none.
fn unpriced(fleet: &Fleet) -> Vec<String> {
    let unpriced =
        fleet.targets.iter().map(|target| target.deployment()).filter(|deployment| deployment.price.is_none());
    unpriced
        .map(|deployment| format!("deployments.{}: it has no price, and budgets refuse what has none", deployment.id))
        .collect()
}

/// Budgets that are paced where nobody weighs money.
fn unmoved(fleet: &Fleet, paced: &[String]) -> Vec<String> {
    if fleet.lanes().any(|lane| lane.settings.strategy.weighs_money()) {
        return Vec::new();
    }
    let words = "no route has a strategy that it moves: `balanced` or `bandit`";
    paced.iter().map(|budget| format!("budgets.{budget}.pacing: {words}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::router::fake::{Fake, router};

    #[test]
    fn what_seems_to_act_and_does_not_is_told() {
        let text = r#"
            [deployments.a]
            model = "openai-compatible/m"
            base_url = "http://127.0.0.1:1/v1"
            [budgets.all]
            usd = 1.0
            window = "1d"
            pacing = true
            [[rules]]
            name = "fine"
            when = "tokens > 5"
            tag = ["x"]
            [[rules]]
            name = "meaning"
            when = "intent == 'code' && complexity > 0.5 && language == 'en'"
            tag = ["y"]
        "#;
        let warnings = router(text, &Arc::new(Fake::default())).warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[1].starts_with("budgets.all.pacing: no route has a strategy that it moves"));
        let moved = router(&format!("strategy = \"balanced\"\n{text}"), &Arc::new(Fake::default()));
        assert_eq!(moved.warnings().len(), 1);
        assert!(warnings[0].starts_with("deployments.a: it has no price"));
    }
}
