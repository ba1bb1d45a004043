//! Books an answer: tokens, money, speed, health, the mean length of answers, the session, the decision's last words.

use std::time::Duration;

use super::{
    call::Ask,
    execute::{Run, used},
    reply::Reply,
};
use crate::{
    accounting::{self, Cost},
    catalog::{Money, Price},
    chat::{ChatResponse, EmbedResponse, Usage},
    clock::{self, Instant},
    resilience::{breaker::Pass, limit::Permit},
    trace::Outcome,
};

/// What an attempt held, to be given back with its outcome.
#[derive(Debug)]
pub struct Held {
    /// Who answered.
    pub index: usize,
    /// The place under the limits.
    pub permit: Permit,
    /// The breaker's pass.
    pub pass: Pass,
    /// When the attempt began.
    pub began: Instant,
    /// Its record.
    pub record: usize,
    /// When its first content came, of a stream.
    pub first_token: Option<Instant>,
}

/// How an answer ended, as far as accounting cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is whole.
    Whole,
    /// The caller left in the middle.
    Left,
}

impl Run {
    /// Books a chat answer and wraps it.
    pub fn book_chat(&mut self, mut body: ChatResponse, held: Held, ending: Ending) -> Reply<ChatResponse> {
        let exact = body.usage.is_some() && ending == Ending::Whole;
        let usage = if exact { body.usage.unwrap_or_default() } else { self.so_far(&body) };
        body.usage = Some(usage);
        if body.model.is_empty() {
            body.model.clone_from(&self.fleet.targets[held.index].deployment().model);
        }
        if body.id.is_empty() {
            body.id = self.plan.decision.id.to_string();
        }
        if let (Some(lane), Ending::Whole) = (&self.plan.lane, ending) {
            lane.answered(usage.completion_tokens());
        }
        self.answered(&body);
        self.book(body, usage, exact, held, ending)
    }

    /// Books vectors and wraps them.
    pub fn book_embed(&mut self, body: EmbedResponse, held: Held) -> Reply<EmbedResponse> {
        let exact = body.usage.is_some();
        let usage = body.usage.unwrap_or(Usage { input: self.plan.units.input, ..Usage::default() });
        self.answered(&body);
        self.book(body, usage, exact, held, Ending::Whole)
    }

    #[expect(clippy::too_many_arguments, reason = "what is booked, from two callers, for one answer")]
    fn book<T>(&mut self, body: T, usage: Usage, exact: bool, held: Held, ending: Ending) -> Reply<T> {
        let now = clock::now();
        let fleet = std::sync::Arc::clone(&self.fleet);
        let target = &fleet.targets[held.index];
        let deployment = target.deployment();
        let took = now - held.began;
        let ttft = held.first_token.map(|at| at.saturating_duration_since(held.began));
        if ending == Ending::Whole {
            held.pass.success(now);
            target.live.succeeded(took, ttft, now);
        } else {
            drop(held.pass);
        }
        held.permit.settle(used(Some(&usage), self.plan.units));
        target.live.count_tokens(usage.prompt_tokens(), usage.completion_tokens());
        let cost = accounting::cost(deployment.price.as_ref(), &usage, exact, self.dearest(&usage));
        if let Some(amount) = cost.amount {
            target.live.spend(amount);
        }
        self.spend(cost.amount);
        self.bill.add(&usage, &cost, held.first_token);
        if let Some(session) = &self.call.session {
            self.shared.sessions.lock().set(session, &deployment.id);
        }
        self.last_words(&held_record(held.record, took, ttft, ending), &deployment.id);
        Reply {
            body,
            cost,
            provider: deployment.provider.id.into(),
            deployment: deployment.id.clone(),
            route: self.plan.decision.route.clone(),
            latency: now - self.start,
            ttft: held.first_token.map(|at| at.saturating_duration_since(self.start)),
            decision: self.decision(),
        }
    }

    fn last_words(&mut self, record: &Record, id: &crate::id::DeploymentId) {
        let decision = &mut self.plan.decision;
        if let Some(attempt) = decision.attempts.get_mut(record.at) {
            attempt.outcome = if record.ending == Ending::Whole { Outcome::Ok } else { Outcome::Cancelled };
            attempt.duration = record.took.as_secs_f64();
            attempt.ttft = record.ttft.map(|ttft| ttft.as_secs_f64());
        }
        self.served(id, record.at);
        self.ended(true);
    }

    /// The same usage at the most expensive deployment that could have served.
    fn dearest(&self, usage: &Usage) -> Option<Money> {
        let could = self.plan.candidates.iter().chain(&self.plan.fallback);
        let prices = could.filter_map(|at| self.fleet.targets[*at].deployment().price.as_ref());
        prices.map(|price: &Price| price.cost(usage)).max()
    }

    /// Tokens of an answer that is not whole: what the provider has counted, at least what we have seen. Some count the
    /// prompt at the beginning and the answer at the end.
    fn so_far(&self, body: &ChatResponse) -> Usage {
        let estimate = self.estimate(body);
        let Some(counted) = body.usage else { return estimate };
        Usage {
            output: counted.output.max(estimate.output),
            reasoning: counted.reasoning.max(estimate.reasoning),
            ..counted
        }
    }

    /// Tokens of an answer that the provider did not count: the prompt as estimated, the answer by its characters.
    fn estimate(&self, body: &ChatResponse) -> Usage {
        /// Characters a token, of mixed prose and code.
        const CHARACTERS: usize = 4;
        let count =
            |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count().div_ceil(CHARACTERS)) as u64;
        let output = body.choices.iter().map(|choice| {
            let calls: usize = choice.tool_calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
            count(&choice.text) + (calls / CHARACTERS) as u64
        });
        let input = if matches!(self.plan.ask, Ask::Chat(_)) { self.plan.units.input } else { 0 };
        Usage {
            input,
            output: output.sum(),
            reasoning: body.choices.iter().map(|choice| count(&choice.reasoning)).sum(),
            ..Usage::default()
        }
    }
}

struct Record {
    at: usize,
    took: Duration,
    ttft: Option<Duration>,
    ending: Ending,
}

fn held_record(at: usize, took: Duration, ttft: Option<Duration>, ending: Ending) -> Record {
    Record { at, took, ttft, ending }
}

/// A cost that is not known.
pub fn unpriced() -> Cost {
    Cost { amount: None, status: accounting::CostStatus::Unpriced, saved: None }
}

impl Run {
    /// The answer so far of a stream that broke: what it would cost if the provider bills what it sent.
    pub fn partial(
        &mut self,
        mut body: ChatResponse,
        target: &super::fleet::Target,
        first_token: Option<Instant>,
    ) -> Reply<ChatResponse> {
        let usage = self.so_far(&body);
        body.usage = Some(usage);
        self.answered(&body);
        let deployment = target.deployment();
        let cost = accounting::cost(deployment.price.as_ref(), &usage, false, None);
        if let Some(amount) = cost.amount {
            target.live.spend(amount);
        }
        self.spend(cost.amount);
        self.bill.add(&usage, &cost, first_token);
        Reply {
            body,
            cost,
            provider: deployment.provider.id.into(),
            deployment: deployment.id.clone(),
            route: self.plan.decision.route.clone(),
            latency: clock::now() - self.start,
            ttft: first_token.map(|at| at.saturating_duration_since(self.start)),
            decision: self.decision(),
        }
    }
}
