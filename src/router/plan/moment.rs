//! How everyone is at the moment of a decision: as he is now, or, where a request is decided again, as he was.
//!
//! This is the one place where planning reads what changes while the router runs. All of it goes into the record, so that the
//! same decision can be taken again without any of it.

use std::{collections::HashMap, sync::atomic::Ordering};

use super::Draft;
use crate::{
    catalog::Money,
    id::DeploymentId,
    policy::Spender,
    resilience::limit::Units,
    router::fleet::{FIRST_ANSWER, Lane, Target},
    select::{Belief, StrategyConfig, features},
    trace::{Facts, Moment, Reason, Spent},
};

/// What was, of a request that is decided again.
#[derive(Clone, Copy, Debug)]
pub struct Again<'a> {
    /// What the decision rested on.
    pub facts: &'a Facts,
    /// How fast deployments were that the decision did not consider: median seconds.
    pub paces: &'a HashMap<DeploymentId, f64>,
    /// Deployments that are supposed to be down.
    pub down: &'a [String],
    /// Whether the budgets of the view hold what was spent until then; otherwise the record says who had no room.
    pub spent: bool,
}

impl Draft<'_> {
    /// How `target` is, or was.
    pub(super) fn moment(&self, target: &Target, at: usize, cost: Option<Money>) -> Moment {
        let deployment = target.deployment();
        let Some(again) = &self.view.again else {
            let moment = self.present(target, at);
            let (price, budget) = (deployment.price.clone(), self.spent(target, cost));
            let price_of_money = self.price_of_money(target);
            return Moment { price, budget, price_of_money, belief: self.belief(&deployment.id), ..moment };
        };
        let unknown = || Moment { p50: again.paces.get(&deployment.id).copied(), ..Moment::default() };
        let mut moment = again.facts.moment(&deployment.id).cloned().unwrap_or_else(unknown);
        moment.disabled |= again.down.iter().any(|down| *down == deployment.id.as_str());
        if again.spent {
            moment.budget = self.spent(target, cost);
            moment.price_of_money = self.price_of_money(target);
        }
        if self.learns() && moment.belief.is_none() {
            moment.belief = self.belief(&deployment.id);
        }
        Moment { deployment: None, propensity: None, quality: None, price: deployment.price.clone(), ..moment }
    }

    /// As it is now, but for money.
    fn present(&self, target: &Target, at: usize) -> Moment {
        let (live, now) = (&target.live, self.view.now);
        let (pace, rest, share) = (live.pace(now), live.breaker.wait(now), live.breaker.share(now));
        let in_flight = f64::from(live.limiter.in_flight());
        let units = Units { input: self.needs.tokens.tokens, output: self.output };
        let own = self.view.places.iter().find(|(of, _)| *of == at).map(|(_, own)| own);
        let refused = live.limiter.peek(units, now, own).err();
        Moment {
            p50: pace.p50,
            ttft: pace.ttft,
            stale: pace.stale,
            load: live.limiter.most().map_or(in_flight, |most| in_flight / f64::from(most.max(1))),
            share: (share < 1.0).then_some(share),
            disabled: live.is_disabled(),
            rest: (!rest.is_zero()).then_some(rest.as_secs_f64()),
            limit: refused.map(|refused| (refused.limit.to_owned(), refused.wait.map(|wait| wait.as_secs_f64()))),
            ..Moment::default()
        }
    }

    /// The budget that has no room for it.
    fn spent(&self, target: &Target, cost: Option<Money>) -> Option<Spent> {
        match self.view.budgets.refusal(self.spender(target), cost, self.view.unix)? {
            Reason::Budget(over) => Some(Spent { name: over.budget, resets_at: over.resets_at }),
            _ => None,
        }
    }

    /// What a US dollar counts in scores, where a budget is paced.
    fn price_of_money(&self, target: &Target) -> Option<f64> {
        self.view.budgets.price(self.spender(target), self.view.unix)
    }

    fn spender<'a>(&'a self, target: &'a Target) -> Spender<'a> {
        Spender {
            route: self.route(),
            deployment: target.deployment().id.as_str(),
            user: &self.signals.user,
            tags: &self.verdict.tags,
        }
    }

    /// How many calls the route has had.
    pub(super) fn turn(&self) -> u64 {
        match &self.view.again {
            Some(again) => again.facts.turn,
            None => self.lane.map_or(0, |lane| lane.turn.load(Ordering::Relaxed)),
        }
    }

    /// How long answers of the route are, in tokens.
    pub(super) fn mean_answer(&self) -> f64 {
        match &self.view.again {
            Some(again) => again.facts.mean_answer,
            None => self.lane.map_or(FIRST_ANSWER, Lane::mean_answer),
        }
    }

    /// Whether the route's strategy learns.
    fn learns(&self) -> bool {
        self.lane.is_some_and(|lane| matches!(lane.settings.strategy, StrategyConfig::Bandit { .. }))
    }

    /// What the route believes of a deployment, if it learns.
    fn belief(&self, deployment: &DeploymentId) -> Option<Belief> {
        let lane = self.lane.filter(|_| self.learns())?;
        Some(lane.learned.belief(deployment, &features(&self.signals)))
    }

    /// The strategy as far as it may go for this request: none that is protected is an experiment.
    pub(super) fn restrained(&self, strategy: &StrategyConfig) -> StrategyConfig {
        match strategy {
            StrategyConfig::Bandit { cost, .. } if self.is_protected() => {
                StrategyConfig::Bandit { explore: 0.0, cost: *cost }
            }
            other => other.clone(),
        }
    }

    /// Whether a rule narrows where the request may go or takes something out of it, or it holds what is sensitive, or its
    /// caller wants no experiment (`metadata.explore` is false).
    fn is_protected(&self) -> bool {
        const PROTECT: [&str; 4] = ["require", "deny", "block", "redact"];
        let mut effects = self.verdict.fired.iter().flat_map(|fired| fired.effect.split(','));
        let sensitive = self.signals.sensitive.as_ref().is_some_and(|found| found.any);
        let unwilling = self.signals.metadata.get("explore").is_some_and(|explore| *explore == false);
        sensitive || unwilling || effects.any(|effect| PROTECT.contains(&effect))
    }

    /// What the decision rests on, but for the moments.
    pub(super) fn basis(&self, planned: Option<DeploymentId>) -> Facts {
        Facts {
            token_error: self.needs.tokens.error,
            abilities: self.needs.abilities.clone(),
            max_tokens: self.needs.max_tokens,
            embed: self.needs.embed,
            max_cost: self.call.max_cost,
            mean_answer: self.mean_answer(),
            draw: self.view.draw,
            turn: self.turn(),
            sticky: self.view.sticky.cloned(),
            planned,
            strategy: self.lane.map(|lane| lane.settings.strategy.as_str().to_owned()),
            conditions: self.fleet.policy.conditions(self.verdict),
            sensitive: self.signals.sensitive.as_ref().map(|_| self.fleet.sensitive()),
            moments: Vec::new(),
        }
    }
}
