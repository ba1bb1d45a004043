//! Nobody may serve, and breakers alone are to blame: one of those who rest may be asked all the same, if the
//! configuration says so (`on_all_unavailable = "probe_best"`). Health is ignored then; rules, switches, abilities,
//! limits and budgets are not.

use std::time::Duration;

use super::{Draft, Member};
use crate::{
    resilience::{breaker::State, unavailable::OnAllUnavailable},
    router::fleet::resilience,
    select::StrategyConfig,
    trace::{Candidate, Reason},
};

/// One that rests, and may be asked all the same.
#[derive(Clone)]
pub(super) struct Resting {
    one: Member,
    weight: f64,
    fallback: bool,
    rest: Duration,
}

impl Draft<'_> {
    /// `one` rests, for `reason`; it is kept in mind if it could be asked all the same.
    pub(super) fn rests(&self, one: &Member, weight: f64, reason: &Reason, fallback: bool) -> Option<Resting> {
        let Reason::BreakerOpen(rest) = *reason else { return None };
        let target = &*self.fleet.targets[one.at];
        let may = resilience(target, self.lane).unavailable == OnAllUnavailable::ProbeBest
            // One probe at a time. Of a request that is decided again it is not known, and it was at most one.
            && (self.view.again.is_some()
                || target.live.breaker.state(self.view.now) != (State::HalfOpen { probing: true }))
            && one.moment.limit.is_none()
            && self.overspent(one).is_none();
        may.then_some(Resting { one: one.clone(), weight, fallback, rest })
    }

    /// Who is asked although it rests, as a place in the fleet, and whether it is second choice. Its record in `listed`
    /// says why. Nobody, if somebody at a limit has room soon.
    pub(super) fn probe(&mut self, strategy: &StrategyConfig, listed: &mut Vec<Candidate>) -> Option<(usize, bool)> {
        if self.later.iter().any(|late| late.at <= self.view.now + late.patience) {
            return None;
        }
        let fallback = self.resting.iter().all(|resting| resting.fallback);
        let strategy = if fallback { &StrategyConfig::Priority } else { strategy };
        let tier: Vec<Resting> = self.resting.iter().filter(|resting| resting.fallback == fallback).cloned().collect();
        let members: Vec<Member> = tier.iter().map(|resting| resting.one.clone()).collect();
        let contenders: Vec<_> = tier.iter().map(|resting| self.contender(&resting.one, resting.weight)).collect();
        if members.is_empty() {
            return None;
        }
        let best = *self.order(strategy, &members, &contenders).first()?;
        let chosen = &tier[best.at];
        let id = &self.fleet.targets[chosen.one.at].deployment().id;
        listed.retain(|candidate| candidate.deployment != *id || candidate.fallback != fallback);
        let record = self.candidate(&chosen.one, fallback, &best, None);
        listed.insert(0, Candidate { probe: Some(chosen.rest), ..record });
        Some((chosen.one.at, fallback))
    }
}
