//! Stage 5, the only place where the stages meet: plan, try, book, tell.

pub mod attempt;
pub mod book;
pub mod budget;
pub mod call;
pub mod execute;
pub mod failure;
#[cfg(test)]
mod fake;
pub mod feed;
pub mod findings;
pub mod fleet;
mod flight;
pub mod guard;
pub mod learned;
pub mod live;
pub mod load;
pub mod logged;
pub mod meaning;
pub mod metrics;
pub mod own;
pub mod plan;
pub mod prove;
pub mod quote;
pub mod read;
pub mod record;
pub mod redact;
pub mod replay;
pub mod reply;
mod resume;
pub mod room;
pub mod session;
pub mod status;
pub mod stream;
mod told;
pub mod walk;
pub mod warnings;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use fastrand::Rng;
use parking_lot::Mutex;

use self::{
    attempt::Answer,
    book::{Ending, Held},
    budget::Budgets,
    execute::{Run, Won},
    fleet::Fleet,
    learned::Awaited,
    load::Load,
    metrics::Counters,
    plan::{Plan, View, plan},
    session::Sessions,
};
pub use self::{
    call::{Ask, Call},
    failure::Failure,
    reply::Reply,
    stream::{ChatStream, Delivered},
};
use crate::{
    chat::{ChatResponse, EmbedResponse},
    clock::{self, Instant},
    config::Settings,
    error::{Error, ErrorKind, Result},
    id::RequestId,
    resilience::line::Place,
    trace::{Decision, log, otlp},
    transport::Transport,
};

/// The router. Cloning it is cheap; all clones share everything.
#[derive(Clone, Debug)]
pub struct Router {
    shared: Arc<Shared>,
}

/// What all calls share.
#[derive(Debug)]
pub struct Shared {
    fleet: ArcSwap<Fleet>,
    /// How bytes are sent.
    pub transport: Arc<dyn Transport>,
    /// Who answered which session.
    pub sessions: Mutex<Sessions>,
    /// What was spent.
    pub budgets: Arc<Budgets>,
    /// Counters behind the metrics.
    pub counters: Counters,
    /// What is under way.
    pub load: Arc<Load>,
    /// Calls that may still be scored, where a route learns.
    pub awaited: Mutex<Awaited>,
    /// Where calls are written down, if anywhere.
    log: ArcSwapOption<log::Log>,
    /// Where spans of calls are sent, if anywhere.
    otlp: ArcSwapOption<otlp::Exporter>,
    seed: AtomicU64,
    calls: AtomicU64,
    closed: AtomicBool,
}

impl Shared {
    /// Counts a call that has ended.
    pub fn count_call(&self, decision: &Decision, ok: bool) {
        self.counters.call(decision, ok);
    }

    /// Plans a call at `now`: by its number, and where it stands in line.
    fn plan(&self, fleet: &Fleet, call: &Call, now: Instant, standing: (u64, &[(usize, Place)])) -> Result<Plan> {
        let (number, places) = standing;
        let sticky = call.session.as_ref().and_then(|session| self.sessions.lock().get(session).cloned());
        let unix = clock::unix_seconds(clock::wall());
        let draw = self.draw(number);
        let view = View { now, unix, sticky: sticky.as_ref(), budgets: &self.budgets, draw, places, again: None };
        plan(fleet, call, RequestId::fresh(), view)
    }

    /// The seed of every draw of the call with this number.
    fn draw(&self, call: u64) -> u64 {
        // SplitMix's constant spreads neighbouring calls over the whole space of seeds.
        self.seed.load(Ordering::Relaxed) ^ call.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Chance, seeded for that call.
    fn rng(&self, call: u64) -> Rng {
        Rng::with_seed(self.draw(call))
    }
}

impl Router {
    /// A router over checked settings. Touches no network and starts no thread.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what only shows when everything is put together.
    pub fn new(settings: Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        let seed = settings.seed.unwrap_or_else(|| u64::from_le_bytes(random_bytes()));
        let budgets = Arc::new(Budgets::new(&settings.budgets));
        let log = logged::renewed(None, settings.log.clone());
        let otlp = told::renewed(None, settings.otlp.clone());
        let fleet = Fleet::new(settings, None, clock::now())?;
        let shared = Shared {
            fleet: ArcSwap::from_pointee(fleet),
            transport,
            sessions: Mutex::default(),
            budgets,
            counters: Counters::default(),
            load: Arc::default(),
            awaited: Mutex::default(),
            log: ArcSwapOption::new(log),
            otlp: ArcSwapOption::new(otlp),
            seed: AtomicU64::new(seed),
            calls: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Replaces the configuration as a whole. Calls under way finish on the old one; nothing changes if it is refused.
    ///
    /// # Errors
    /// As [`Router::new`].
    pub fn reload(&self, settings: Settings) -> Result<()> {
        let before = self.shared.fleet.load_full();
        if let Some(seed) = settings.seed {
            self.shared.seed.store(seed, Ordering::Relaxed);
        }
        let budgets = settings.budgets.clone();
        let log = logged::renewed(self.shared.log.load_full(), settings.log.clone());
        let otlp = told::renewed(self.shared.otlp.load_full(), settings.otlp.clone());
        let fleet = Fleet::new(settings, Some(&before), clock::now())?;
        self.shared.budgets.reload(&budgets);
        self.shared.fleet.store(Arc::new(fleet));
        // Another log's thread writes what waits, and ends; so does another exporter's.
        self.shared.log.store(log);
        self.shared.otlp.store(otlp);
        Ok(())
    }

    /// The decision alone: the same code as a call, with no network and no side effect.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownModel`], or [`ErrorKind::Closed`]. A request that nobody may serve is a decision with an error.
    pub fn route(&self, call: &Call) -> Result<Decision> {
        let start = clock::now();
        let fleet = self.open()?;
        let number = self.shared.calls.load(Ordering::Relaxed);
        let mut plan = self.shared.plan(&fleet, call, start, (number, &[]))?;
        plan.decision.overhead = clock::now() - start;
        Ok(plan.decision.into_inner())
    }

    /// Everything that rules can see of this request.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`].
    pub fn signals(&self, call: &Call) -> Result<crate::chat::Map> {
        let fleet = self.open()?;
        Ok(read::all_signals(&fleet, &self.shared.budgets, call, clock::unix_seconds(clock::wall())))
    }

    /// A whole answer.
    ///
    /// # Errors
    /// A [`Failure`] with the most telling error and the decision.
    pub async fn chat(&self, call: Call) -> std::result::Result<Reply<ChatResponse>, Failure> {
        let mut run = self.prepare(call, clock::now())?;
        let (held, answer) = hold(run.answer().await?);
        let Answer::Chat(body) = answer else { return Err(wrong_answer().into()) };
        Ok(run.book_chat(*body, held, Ending::Whole))
    }

    /// Vectors.
    ///
    /// # Errors
    /// As [`Router::chat`].
    pub async fn embed(&self, call: Call) -> std::result::Result<Reply<EmbedResponse>, Failure> {
        let mut run = self.prepare(call, clock::now())?;
        let (held, answer) = hold(run.answer().await?);
        let Answer::Embed(body) = answer else { return Err(wrong_answer().into()) };
        Ok(run.book_embed(*body, held))
    }

    /// A streamed answer. Nothing is sent before the first [`ChatStream::next`].
    ///
    /// # Errors
    /// [`ErrorKind::UnknownModel`] or [`ErrorKind::Closed`]; all else comes from the stream.
    pub fn stream(&self, mut call: Call) -> Result<ChatStream> {
        call.stream = true;
        self.prepare(call, clock::now()).map(ChatStream::new)
    }

    fn prepare(&self, call: Call, start: Instant) -> Result<Run> {
        let fleet = self.open()?;
        let number = self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let plan = self.shared.plan(&fleet, &call, start, (number, &[]))?;
        if let Some(lane) = &plan.lane {
            lane.turn.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.counters.decided(clock::now() - start);
        let under_way = Call { number, ..call };
        Ok(Run::new(Arc::clone(&self.shared), fleet, Arc::new(under_way), plan, start))
    }

    /// The fleet, unless the router was closed.
    fn open(&self) -> Result<Arc<Fleet>> {
        if self.shared.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "this router was closed; make a new one"));
        }
        Ok(self.shared.fleet.load_full())
    }

    /// Refuses new calls; those under way finish. Connections that are idle are closed, and what waits for the decision
    /// log or the collector is written and sent: that is waited for, within [`log::PATIENCE`] each.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.transport.close();
        self.flush(log::PATIENCE);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed)
    }

    /// Switches a deployment off (no new attempts) or on again.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownModel`] with the nearest names.
    pub fn disable(&self, name: &str, off: bool) -> Result<()> {
        let fleet = self.open()?;
        let at = fleet.place(name)?;
        fleet.targets[at].live.disable(off);
        Ok(())
    }
}

fn hold(won: Won) -> (Held, Answer) {
    let Won { index, answer, permit, pass, began, record, .. } = won;
    (Held { index, permit, pass, began, record, first_token: None }, answer)
}

fn wrong_answer() -> Error {
    Error::new(ErrorKind::Internal, "an attempt brought another kind of answer than was asked for")
}

fn random_bytes() -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[8..]);
    bytes
}
