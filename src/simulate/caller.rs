//! The callers of a simulation: what each asks, when, how long it waits, and what became of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;

use super::{
    chance::{arrivals, draw, wait},
    mix, speech,
    world::{TICKET, Ticket},
};
use crate::{
    accounting::Cost,
    catalog::Money,
    chat::{ChatRequest, Message},
    clock,
    config::scenario::{Scenario, Traffic},
    error::ErrorKind,
    router::{Ask, Call, Failure, Router},
    trace::{Decision, Outcome},
};

/// A neutral text of which prompts are made, and its tokens, about.
const TEXT: &str = "The river runs past the old mill and on to the sea. ";
const TEXT_TOKENS: u64 = 13;
/// The seed of callers is another one than that of providers.
const CALLERS: u64 = 1;
/// A caller who leaves does so after about this long.
const LEAVES: f64 = 3.0;

/// One call, before it is made.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// When, from the start.
    pub(super) at: Duration,
    number: u64,
    kind: usize,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Answered,
    /// With an error.
    Failed(ErrorKind),
    /// Its caller left.
    Left,
}

/// What became of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Which call it is.
    pub number: u64,
    /// When it was made, from the start.
    pub at: Duration,
    /// How it ended.
    pub ending: Ending,
    /// Seconds to the first token, of an answered stream.
    pub first_token: Option<f64>,
    /// Seconds to its end.
    pub latency: f64,
    /// What it cost, as far as that is known.
    pub cost: Option<Money>,
    /// Requests that were sent for it.
    pub requests: u32,
    /// Those among them that went out beside another one: second copies of a slow request.
    pub hedges: u32,
    /// Whether a second copy answered it.
    pub hedge_won: bool,
    /// Who answered.
    pub deployment: Option<String>,
    /// Whether the answer is whole: every word once, in order.
    pub whole: bool,
}

/// Everybody who calls, in the order of their coming.
pub(super) fn callers(scenario: &Scenario, seed: u64) -> Vec<Caller> {
    let seed = mix(seed, CALLERS);
    let mut all: Vec<Caller> = Vec::new();
    for (kind, traffic) in scenario.traffic.iter().enumerate() {
        let moments = arrivals(traffic, scenario.duration, &mut Rng::with_seed(mix(seed, kind as u64)));
        all.extend(moments.into_iter().map(|at| Caller { at, number: 0, kind }));
    }
    all.sort_by_key(|caller| (caller.at, caller.kind));
    (0..).zip(&mut all).for_each(|(number, caller)| caller.number = number);
    all
}

impl Caller {
    /// Makes the call and tells what became of it.
    pub(super) async fn call(self, router: Router, scenario: Arc<Scenario>, seed: u64) -> Told {
        let mut rng = Rng::with_seed(mix(mix(seed, CALLERS), !self.number));
        let traffic = &scenario.traffic[self.kind];
        let (call, prompt) = self.question(traffic, &mut rng);
        let tokens = draw(traffic.answer_tokens, &mut rng).round().max(1.0) as u64;
        let leaves = (rng.f64() < traffic.leave).then(|| Duration::from_secs_f64(wait(LEAVES, &mut rng)));
        let (requests, under_way, hedges) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let ticket = Arc::new(Ticket { number: self.number, tokens, prompt, requests, under_way, hedges });
        let began = clock::now();
        let answering = TICKET.scope(Arc::clone(&ticket), answered(router, call));
        let outcome = match leaves {
            Some(leaves) => tokio::time::timeout(leaves, answering).await.ok(),
            None => Some(answering.await),
        };
        let mut told = Told {
            number: self.number,
            at: self.at,
            ending: Ending::Left,
            first_token: None,
            latency: (clock::now() - began).as_secs_f64(),
            cost: None,
            requests: ticket.requests.load(Ordering::Relaxed),
            hedges: ticket.hedges.load(Ordering::Relaxed),
            hedge_won: false,
            deployment: None,
            whole: false,
        };
        match outcome {
            None => {}
            Some(Ok(answer)) => {
                told.ending = Ending::Answered;
                told.first_token = answer.first_token;
                told.cost = answer.cost.amount;
                told.hedge_won = answer.hedge_won;
                told.whole = speech::count(&answer.text) == Some(tokens);
                told.deployment = Some(answer.deployment);
            }
            Some(Err(failure)) => {
                told.ending = Ending::Failed(failure.0.error.kind);
                told.cost = failure.0.partial.as_ref().map_or(Some(Money::ZERO), |partial| partial.cost.amount);
            }
        }
        told
    }

    fn question(&self, traffic: &Traffic, rng: &mut Rng) -> (Call, u64) {
        let (text, tokens) = if traffic.prompts.is_empty() {
            let tokens = draw(traffic.prompt_tokens, rng).round().max(1.0) as u64;
            (TEXT.repeat(tokens.div_ceil(TEXT_TOKENS) as usize), tokens)
        } else {
            let text = &traffic.prompts[self.number as usize % traffic.prompts.len()];
            (text.clone(), (text.len() as u64).div_ceil(4))
        };
        let request =
            ChatRequest { messages: vec![Message::user(text)], user: traffic.user.clone(), ..ChatRequest::default() };
        let mut call = Call::new(Ask::Chat(Arc::new(request)));
        call.model.clone_from(&traffic.model);
        call.tags.clone_from(&traffic.tags);
        call.metadata.clone_from(&traffic.metadata);
        call.timeout = traffic.timeout;
        call.session = (traffic.sessions > 0).then(|| format!("session {}", rng.u32(..traffic.sessions)));
        call.stream = rng.f64() < traffic.stream;
        (call, tokens)
    }
}

struct Answer {
    text: String,
    first_token: Option<f64>,
    cost: Cost,
    deployment: String,
    hedge_won: bool,
}

/// The answer as its caller puts it together: of a stream, piece by piece, begun anew where it says so.
async fn answered(router: Router, call: Call) -> Result<Answer, Failure> {
    if !call.stream {
        let reply = router.chat(call).await?;
        let text = reply.body.first().and_then(|choice| choice.text.clone()).unwrap_or_default();
        let (deployment, hedge_won) = (reply.deployment.to_string(), by_a_copy(&reply.decision));
        return Ok(Answer { text, first_token: None, cost: reply.cost, deployment, hedge_won });
    }
    let mut stream = router.stream(call)?;
    let (began, mut first_token, mut text) = (clock::now(), None, String::new());
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        if piece.restarted {
            text.clear();
            first_token = None;
        }
        if piece.chunk.has_content() {
            first_token.get_or_insert_with(|| (clock::now() - began).as_secs_f64());
        }
        piece.chunk.choices.iter().filter_map(|choice| choice.text.as_deref()).for_each(|more| text.push_str(more));
    }
    let Some(reply) = stream.reply() else {
        return Err(crate::error::Error::new(ErrorKind::Internal, "a stream ended without an answer").into());
    };
    let (deployment, hedge_won) = (reply.deployment.to_string(), by_a_copy(&reply.decision));
    Ok(Answer { text, first_token, cost: reply.cost, deployment, hedge_won })
}

/// Whether a second copy gave the answer.
fn by_a_copy(decision: &Decision) -> bool {
    decision.attempts.iter().any(|attempt| attempt.hedge && attempt.outcome == Outcome::Ok)
}
