//! Stages 1 to 3 composed: request → plan. No IO and no waiting, so that `route()` is exactly this.

mod moment;
mod probe;

use std::{sync::Arc, time::Duration};

use fastrand::Rng;

pub use self::moment::Again;
use self::probe::Resting;
use super::{
    budget::Budgets,
    call::{Ask, Call},
    failure::no_candidates,
    fleet::{Fleet, Lane, Named, Target, resilience},
    own,
    read::{Needs, Reading, apply, read},
    redact::redact,
    walk::{LONGEST_WAIT, Late},
};
use crate::{
    catalog::Money,
    chat::Usage,
    clock::Instant,
    error::{Error, ErrorKind, Result},
    id::{DeploymentId, RequestId, RouteId},
    policy::{Clearance, Verdict},
    resilience::{
        backoff::RetryConfig,
        deadline::TimeoutConfig,
        limit::{Units, frees_any_moment},
        line::Place,
        queue::QueueConfig,
    },
    select::{Contender, Ranked, StrategyConfig, propensities, rank},
    signals::{Signals, sensitive::Redaction},
    trace::{Candidate, Decision, Moment, Reason, Record},
};

/// Everything that was decided before the first attempt.
#[derive(Debug)]
pub struct Plan {
    /// The question, with the parameters that rules set.
    pub ask: Ask,
    /// What was replaced in it, and stands for what.
    pub redaction: Option<Redaction>,
    /// What the request may touch: without it nothing is sent.
    pub clearance: Clearance,
    /// The route taken; absent if the caller named a deployment.
    pub lane: Option<Arc<Lane>>,
    /// Candidates in the order of trying, as places in the fleet.
    pub candidates: Vec<usize>,
    /// Second choice in order.
    pub fallback: Vec<usize>,
    /// Who is at a limit for the moment, and could serve once it has room.
    pub later: Vec<Late>,
    /// The one candidate, if it is asked although its breaker is open.
    pub probe: Option<usize>,
    /// The tags of the request, with those that rules added: on whose behalf money is spent.
    pub tags: Vec<String>,
    /// Units that each attempt reserves.
    pub units: Units,
    /// The attempts of the whole call.
    pub retry: RetryConfig,
    /// The time limits of the route.
    pub timeouts: TimeoutConfig,
    /// How the call waits for room.
    pub queue: QueueConfig,
    /// The whole time of the call.
    pub total: Duration,
    /// The record so far.
    pub decision: Record,
    /// Why nothing may be tried, if so.
    pub refusal: Option<Error>,
}

/// What planning sees of the world, beside the request and the fleet.
#[derive(Debug)]
pub struct View<'a> {
    /// Monotonic now.
    pub now: Instant,
    /// Seconds since 1970.
    pub unix: f64,
    /// Who answered this session last.
    pub sticky: Option<&'a DeploymentId>,
    /// What was spent.
    pub budgets: &'a Budgets,
    /// The seed of chance for this call.
    pub draw: u64,
    /// Where the call stands in line, by places in the fleet.
    pub places: &'a [(usize, Place)],
    /// What was, where a request is decided again.
    pub again: Option<Again<'a>>,
}

/// Plans `call` over `fleet`.
///
/// # Errors
/// [`ErrorKind::UnknownModel`]. Everything else that speaks against the request is in [`Plan::refusal`].
pub fn plan(fleet: &Fleet, call: &Call, id: RequestId, view: View<'_>) -> Result<Plan> {
    let named = fleet.resolve(&call.model)?;
    let (mut signals, needs) = read(fleet, call, &view);
    let verdict = fleet.policy.evaluate(&signals, matches!(named, Named::Deployment(_)));
    // Rules have read it, and the record is free of it.
    signals.text = String::new();
    let ask = apply(call, &verdict)?;
    let redacted = redact(fleet, ask.clone(), &verdict, signals.sensitive.as_ref());
    let mut plan = compose(fleet, call, Reading { named, signals, needs, verdict, ask }, id, view)?;
    plan.redact(redacted);
    Ok(plan)
}

/// Stages 2 and 3 over what was read of a request, which may be no longer there.
///
/// # Errors
/// [`ErrorKind::Strategy`] of the user's own strategy.
pub fn compose(fleet: &Fleet, call: &Call, reading: Reading, id: RequestId, view: View<'_>) -> Result<Plan> {
    let Reading { named, signals, needs, verdict, ask } = reading;
    let (lane, single) = fleet.way(&named, &verdict);
    let rng = Rng::with_seed(view.draw);
    let mut draft = Draft {
        fleet,
        call,
        lane: lane.as_deref(),
        needs: &needs,
        signals,
        verdict: &verdict,
        view,
        rng,
        later: Vec::new(),
        resting: Vec::new(),
        output: 0,
        failure: None,
    };
    draft.output = draft.expected_output(&ask);
    let single = single.map(|at| [(at, 1.0)]);
    let of_lane = || lane.as_ref().map_or(&[][..], |lane| &lane.candidates[..]);
    let first: &[(usize, f64)] = single.as_ref().map_or_else(of_lane, |single| &single[..]);
    let strategy = lane.as_ref().map_or(&StrategyConfig::Priority, |lane| &lane.settings.strategy);
    let strategy = &draft.restrained(strategy);
    let (mut listed, mut candidates) = draft.tier(first, strategy, false);
    let second: Vec<(usize, f64)> = lane.iter().flat_map(|lane| lane.fallback.iter().map(|at| (*at, 1.0))).collect();
    let (mut second, mut fallback) = draft.tier(&second, &StrategyConfig::Priority, true);
    if !candidates.is_empty() {
        // Second choice is never the first to be tried where there is a first one.
        for candidate in &mut second {
            candidate.propensity = Some(0.0);
        }
    }
    listed.extend(second);
    let nobody = candidates.is_empty() && fallback.is_empty() && draft.failure.is_none();
    let probe = if nobody { draft.probe(strategy, &mut listed) } else { None };
    if let Some((at, second)) = probe {
        if second { &mut fallback } else { &mut candidates }.push(at);
    }
    if let Some(error) = draft.failure.take() {
        return Err(error);
    }
    // Who may serve first, in the order of trying; the refused ones last. The sort is stable.
    listed.sort_by_key(|candidate| candidate.refused.is_some());
    let mut plan = draft.finish(ask, id, &named, listed, candidates, fallback);
    plan.lane = lane;
    plan.probe = probe.map(|(at, _)| at);
    Ok(plan)
}

/// What is known about one member of a tier when it has been judged.
#[derive(Clone)]
struct Member {
    at: usize,
    cost: Option<Money>,
    moment: Moment,
}

struct Draft<'a> {
    fleet: &'a Fleet,
    call: &'a Call,
    lane: Option<&'a Lane>,
    needs: &'a Needs,
    signals: Signals,
    verdict: &'a Verdict,
    view: View<'a>,
    rng: Rng,
    /// Who is at a limit for the moment.
    later: Vec<Late>,
    /// Who is refused by its breaker alone, and may be asked all the same.
    resting: Vec<Resting>,
    /// Answer tokens to expect.
    output: u64,
    /// What went wrong in the user's own strategy.
    failure: Option<Error>,
}

impl Draft<'_> {
    /// Answer tokens to expect: what the caller allows, or the running mean of the route if that is less.
    fn expected_output(&self, ask: &Ask) -> u64 {
        let Ask::Chat(request) = ask else { return 0 };
        let mean = self.mean_answer() as u64;
        request.max_tokens.map_or(mean, |most| most.min(mean))
    }

    /// Judges and ranks one tier: the records in order (refused ones last), and the places that may be tried.
    fn tier(
        &mut self,
        members: &[(usize, f64)],
        strategy: &StrategyConfig,
        fallback: bool,
    ) -> (Vec<Candidate>, Vec<usize>) {
        let usage = Usage { input: self.needs.tokens.tokens, output: self.output, ..Usage::default() };
        let (mut kept, mut contenders) = (Vec::with_capacity(members.len()), Vec::with_capacity(members.len()));
        let mut refused = Vec::new();
        for (at, weight) in members {
            let target = &*self.fleet.targets[*at];
            let cost = target.deployment().price.as_ref().map(|price| price.cost(&usage));
            let one = Member { at: *at, cost, moment: self.moment(target, *at, cost) };
            if let Some(reason) = self.refusal(target, &one) {
                // Who is not among those that the user's own strategy was shown is not tried behind its back.
                if !matches!(strategy, StrategyConfig::Custom(_)) {
                    self.later.extend(self.late(&one, &reason, fallback));
                }
                self.resting.extend(self.rests(&one, *weight, &reason, fallback));
                refused.push((one, reason));
            } else {
                contenders.push(self.contender(&one, *weight));
                kept.push(one);
            }
        }
        let ranked = self.order(strategy, &kept, &contenders);
        let chances = propensities(strategy, &contenders, self.turn());
        let chance = |at: usize| chances.as_ref().map(|chances| chances[at]);
        let places = ranked.iter().map(|place| kept[place.at].at).collect();
        let mut listed = Vec::with_capacity(members.len());
        listed.extend(ranked.iter().map(|place| Candidate {
            propensity: chance(place.at),
            ..self.candidate(&kept[place.at], fallback, place, None)
        }));
        let last = Ranked::default();
        if ranked.len() < kept.len() {
            let left_out = kept.iter().enumerate().filter(|(at, _)| ranked.iter().all(|place| place.at != *at));
            listed.extend(left_out.map(|(_, one)| self.candidate(one, fallback, &last, Some(Reason::LeftOut))));
        }
        listed.extend(refused.into_iter().map(|(one, reason)| self.candidate(&one, fallback, &last, Some(reason))));
        (listed, places)
    }

    /// Who is tried, best first: all of them, unless the user's own strategy leaves somebody out.
    fn order(&mut self, strategy: &StrategyConfig, kept: &[Member], contenders: &[Contender]) -> Vec<Ranked> {
        if let StrategyConfig::Custom(custom) = strategy {
            let members: Vec<_> = kept.iter().map(|one| &*self.fleet.targets[one.at]).zip(contenders).collect();
            return own::order(custom, &members, &self.signals, self.view.now).unwrap_or_else(|error| {
                self.failure = Some(error);
                Vec::new()
            });
        }
        let turn = self.turn();
        rank(strategy, contenders, turn, &mut self.rng)
    }

    fn candidate(&self, one: &Member, fallback: bool, place: &Ranked, refused: Option<Reason>) -> Candidate {
        Candidate {
            deployment: self.fleet.targets[one.at].deployment().id.clone(),
            fallback,
            refused,
            probe: None,
            rank: None,
            score: place.score.filter(|score| score.is_finite()),
            scores: place.scores,
            estimated_cost: one.cost,
            expected_latency: one.moment.p50,
            predicted_quality: one.moment.belief.map(|belief| belief.mean),
            // Nothing is drawn among those who may not serve; who was left out by the user's strategy is not known.
            propensity: Some(0.0),
            moment: one.moment.clone(),
        }
    }

    fn contender(&self, one: &Member, weight: f64) -> Contender {
        let Member { at, cost, ref moment } = *one;
        let target = &*self.fleet.targets[at];
        Contender {
            weight,
            cost: cost.map(Money::usd),
            latency: if self.call.stream { moment.ttft.or(moment.p50) } else { moment.p50 },
            stale: moment.stale,
            load: moment.load,
            share: moment.share.unwrap_or(1.0),
            preferred: self.verdict.prefers(at),
            unknown: self.needs.abilities.iter().any(|a| target.deployment().facts.has(*a).is_none()),
            sticky: self.view.sticky == Some(&target.deployment().id),
            belief: moment.belief,
            pace: moment.price_of_money.zip(cost).map_or(0.0, |(price, cost)| price * cost.usd()),
        }
    }

    /// Stage 2 for one deployment: why it may not serve, if so. What never changes is asked before what may pass.
    fn refusal(&self, target: &Target, one: &Member) -> Option<Reason> {
        let deployment = target.deployment();
        if let Some(refusal) = self.verdict.clearance.refusal(one.at) {
            let rule = refusal.rule.to_string();
            return Some(if refusal.by_tag { Reason::Tag(rule) } else { Reason::Policy(rule) });
        }
        if one.moment.disabled {
            return Some(Reason::Disabled);
        }
        if deployment.facts.embedding.is_some_and(|embeds| embeds != self.needs.embed) {
            return Some(Reason::WrongKind);
        }
        self.incapable(target)
            .or_else(|| self.too_dear(one.cost))
            .or_else(|| one.moment.unavailable())
            .or_else(|| self.overspent(one))
    }

    fn incapable(&self, target: &Target) -> Option<Reason> {
        let facts = &target.deployment().facts;
        for ability in &self.needs.abilities {
            match facts.has(*ability) {
                Some(true) => {}
                Some(false) => return Some(Reason::MissingCapability(*ability)),
                None if self.fleet.refuse_unknown => return Some(Reason::UnknownCapability(*ability)),
                None => {}
            }
        }
        if let Some(longest) = facts.max_input.filter(|longest| self.needs.tokens.low() > *longest) {
            return Some(Reason::ContextWindow { needed: self.needs.tokens.low(), window: longest });
        }
        let window = facts.context_window?;
        // Refused only if it surely does not fit: the estimate's lower end with the answer the caller asks for. A closer
        // call is the provider's to make, and a refusal for length fails over.
        let answer = self.needs.max_tokens.unwrap_or(0).min(window);
        let needed = self.needs.tokens.low().saturating_add(answer);
        (needed > window).then_some(Reason::ContextWindow { needed, window })
    }

    fn too_dear(&self, cost: Option<Money>) -> Option<Reason> {
        let most = self.call.max_cost?;
        match cost {
            Some(cost) if cost.usd() <= most => None,
            other => Some(Reason::PriceCap(other)),
        }
    }

    /// When `one` could serve after all, if nothing but a limit stands in its way for a while. One that is full may have
    /// room at any moment.
    fn late(&self, one: &Member, reason: &Reason, fallback: bool) -> Option<Late> {
        let wait = match reason {
            Reason::RateLimited(limit, _) if frees_any_moment(limit) => Duration::ZERO,
            Reason::RateLimited(_, wait) => (*wait)?,
            _ => return None,
        };
        if self.overspent(one).is_some() {
            return None;
        }
        // A batch may take all of its time.
        let queue = resilience(&self.fleet.targets[one.at], self.lane).queue;
        let patience = if self.call.patient { LONGEST_WAIT } else { queue.max_wait };
        Some(Late { index: one.at, fallback, at: self.view.now + wait, patience })
    }

    /// Asked last: whoever is refused for money would serve otherwise.
    fn overspent(&self, one: &Member) -> Option<Reason> {
        one.moment.overspent(one.cost, self.view.unix)
    }

    /// The route's name; for a caller who named a deployment, what the caller wrote.
    fn route(&self) -> &str {
        self.lane.map_or(&self.call.model, |lane| lane.settings.route.id.as_str())
    }

    #[expect(clippy::too_many_arguments, reason = "what a plan is made of, once")]
    fn finish(
        self,
        ask: Ask,
        id: RequestId,
        named: &Named,
        mut listed: Vec<Candidate>,
        candidates: Vec<usize>,
        fallback: Vec<usize>,
    ) -> Plan {
        let mut rank = 0;
        for candidate in listed.iter_mut().filter(|c| c.refused.is_none()) {
            rank += 1;
            candidate.rank = Some(rank);
        }
        let first = candidates.first().or(fallback.first());
        let chosen = first.map(|at| self.fleet.targets[*at].deployment().id.clone());
        let refusal = self.refused(&listed, chosen.is_none());
        let base = first.map(|at| resilience(&self.fleet.targets[*at], self.lane)).unwrap_or_default();
        let base = self.lane.map_or(base, |lane| lane.settings.resilience.clone());
        let route = RouteId::from(self.route());
        let reason = self.sentence(named, &listed, refusal.as_ref());
        let units = Units { input: self.needs.tokens.tokens, output: self.output };
        let basis = self.basis(chosen.clone());
        let decision = Decision {
            id,
            route,
            requested: self.call.model.clone(),
            reason,
            chosen: chosen.filter(|_| refusal.is_none()),
            error: refusal.as_ref().map(|error| error.kind),
            signals: self.signals,
            rules: self.verdict.fired.clone(),
            redacted: None,
            candidates: listed,
            attempts: Vec::new(),
            overhead: Duration::ZERO,
            waited: Duration::ZERO,
            at: self.view.unix,
            basis,
            origin: self.fleet.origin.clone(),
        };
        Plan {
            clearance: self.verdict.clearance.clone(),
            lane: None,
            candidates,
            fallback,
            later: self.later,
            probe: None,
            tags: self.verdict.tags.clone(),
            ask,
            units,
            redaction: None,
            retry: base.retry,
            timeouts: base.timeouts,
            queue: base.queue,
            total: self.call.timeout.unwrap_or(base.timeouts.total),
            decision: decision.into(),
            refusal,
        }
    }

    /// Why nothing may be tried.
    fn refused(&self, listed: &[Candidate], nobody: bool) -> Option<Error> {
        if let Some((rule, message)) = &self.verdict.block {
            let mut error = Error::new(ErrorKind::Blocked, message.clone());
            error.context.name = Some(rule.clone());
            return Some(error);
        }
        nobody.then(|| no_candidates(listed))
    }

    /// Whether whoever comes first was less likely to than somebody else.
    fn explored(listed: &[Candidate]) -> bool {
        let chance = |candidate: &Candidate| candidate.propensity.unwrap_or(0.0);
        let mut likelier = listed.iter().filter(|candidate| candidate.refused.is_none());
        likelier.next().is_some_and(|first| likelier.any(|other| chance(other) > chance(first)))
    }

    fn sentence(&self, named: &Named, listed: &[Candidate], refusal: Option<&Error>) -> String {
        if let Some(error) = refusal {
            return error.message.clone();
        }
        if let Some(asked) = listed.iter().find(|candidate| candidate.probe.is_some()) {
            return format!("`{}` is asked although it rests: nobody else may serve", asked.deployment);
        }
        let accepted = listed.iter().filter(|c| c.refused.is_none()).count();
        let of = format!("of {accepted} that may serve ({} considered)", listed.len());
        match (named, self.lane) {
            (Named::Deployment(_), _) => "named by the caller".into(),
            (_, Some(lane)) => {
                let all_fallback = listed.iter().filter(|c| c.refused.is_none()).all(|c| c.fallback);
                let word = match lane.settings.strategy {
                    _ if all_fallback => "first fallback",
                    StrategyConfig::Priority => "first in order",
                    StrategyConfig::Weighted => "drawn by weight",
                    StrategyConfig::RoundRobin => "next in turn",
                    StrategyConfig::Cheapest => "cheapest",
                    StrategyConfig::Fastest => "fastest",
                    StrategyConfig::LeastBusy => "least busy",
                    StrategyConfig::Balanced { .. } => "best balance of cost, latency and load",
                    StrategyConfig::Bandit { .. } if Self::explored(listed) => "drawn to learn of it",
                    StrategyConfig::Bandit { .. } => "best by its scores",
                    StrategyConfig::Custom(_) => "chosen by the strategy",
                };
                format!("{word} {of}")
            }
            _ => of,
        }
    }
}
