//! The user's own strategy in the place of ours.

use super::fleet::Target;
use crate::{
    clock::Instant,
    error::Result,
    select::{Contender, Custom, Offer, Ranked, chosen},
    signals::Signals,
};

/// Those whom the user's strategy names, in its order.
///
/// # Errors
/// [`crate::error::ErrorKind::Strategy`].
pub fn order(
    custom: &Custom,
    members: &[(&Target, &Contender)],
    signals: &Signals,
    now: Instant,
) -> Result<Vec<Ranked>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let offers: Vec<Offer<'_>> = members.iter().map(|(target, contender)| offer(target, contender, now)).collect();
    let places = chosen(custom, &offers, &signals.to_value())?;
    Ok(places.into_iter().map(|at| Ranked { at, ..Ranked::default() }).collect())
}

fn offer<'a>(target: &'a Target, contender: &Contender, now: Instant) -> Offer<'a> {
    let deployment = target.deployment();
    let figures = target.live.figures(now);
    Offer {
        deployment: deployment.id.as_str(),
        provider: deployment.provider.id,
        model: &deployment.model,
        tags: &deployment.tags,
        weight: contender.weight,
        estimated_cost: contender.cost,
        expected_latency: figures.p50,
        ttft: figures.ttft,
        error_rate: figures.error_rate,
        load: contender.load,
        preferred: contender.preferred,
        sticky: contender.sticky,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        chat::Map,
        config::{Format, from_text},
        error::{Error, ErrorKind},
        router::{
            Router,
            fake::{Fake, ask},
        },
        select::{Chooser, StrategyConfig},
        trace::Reason,
    };

    struct Names(Vec<&'static str>);

    impl Chooser for Names {
        fn choose(&self, offers: &[Offer<'_>], signals: &Map) -> Result<Vec<String>> {
            assert!(signals.contains_key("tokens") && !signals.contains_key("text"));
            if self.0.contains(&"boom") {
                return Err(Error::new(ErrorKind::Strategy, format!("{} offers", offers.len())));
            }
            Ok(self.0.iter().map(ToString::to_string).collect())
        }
    }

    fn router(names: &[&'static str], more: &str) -> (Router, Arc<Fake>) {
        let deployment = |name| {
            format!(
                "[deployments.{name}]\nmodel = \"openai-compatible/{name}\"\nbase_url = \"http://127.0.0.1:1/v1\"\n"
            )
        };
        let text = ["a", "b", "c", "z"].map(deployment).concat()
            + "[routes.auto]\ncandidates = [\"a\", \"b\", \"c\"]\nfallback = [\"z\"]\n"
            + more;
        let mut settings = from_text(&text, Format::Toml, "test", &|_| None).unwrap();
        settings.routes[0].strategy = StrategyConfig::Custom(Custom(Arc::new(Names(names.to_vec()))));
        let fake = Arc::new(Fake::default());
        let transport: Arc<Fake> = Arc::clone(&fake);
        (Router::new(settings, transport).unwrap(), fake)
    }

    fn order(router: &Router) -> Vec<String> {
        let decision = router.route(&ask("Hello")).unwrap();
        decision.candidates.iter().filter(|c| c.rank.is_some()).map(|c| c.deployment.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn its_order_holds_and_who_is_left_out_is_not_tried() {
        let (router, fake) = router(&["c", "a", "c"], "");
        assert_eq!(order(&router), ["c", "a", "z"]);
        let decision = router.route(&ask("Hello")).unwrap();
        let out = decision.candidates.iter().find(|c| c.deployment.as_str() == "b").unwrap();
        assert_eq!(out.refused.as_ref().map(Reason::code), Some("strategy"));
        assert!(decision.reason.starts_with("chosen by the strategy"), "{}", decision.reason);
        *fake.statuses.lock() = vec![500; 4];
        assert!(router.chat(ask("Hello")).await.is_err());
        assert!(fake.sent.lock().iter().all(|body| !body.contains("\"b\"")), "{:?}", fake.sent.lock());
        assert_eq!(router.chat(ask("Hello")).await.unwrap().deployment.as_str(), "c");
    }

    #[tokio::test(start_paused = true)]
    async fn who_names_nobody_leaves_it_to_second_choice() {
        assert_eq!(order(&router(&[], "").0), ["z"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_preference_of_the_rules_stands_before_it() {
        let (router, _) = router(&["c", "a"], "[[rules]]\nname = \"p\"\nprefer = [\"a\"]");
        assert_eq!(order(&router), ["a", "c", "z"]);
    }

    #[tokio::test(start_paused = true)]
    async fn its_failure_is_the_callers_to_see() {
        for (names, message) in [(["boom"], "3 offers"), (["d"], "`d`, which is no candidate; there are `a`, `b`, `c`")]
        {
            let (router, fake) = router(&names, "");
            let error = router.route(&ask("Hello")).unwrap_err();
            assert!(error.kind == ErrorKind::Strategy && error.message.contains(message), "{error}");
            assert_eq!(router.chat(ask("Hello")).await.unwrap_err().0.error.kind, ErrorKind::Strategy);
            assert!(router.stream(ask("Hello")).is_err());
            assert!(fake.sent.lock().is_empty());
        }
    }
}
