//! The providers of a simulation: they stand where HTTP stands, each with its speed, its places and its bad days.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use futures_util::future::BoxFuture;
use http::{HeaderMap, header};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{
    act::{Act, End, play},
    chance::{self, draw},
    mix, speech,
};
use crate::{
    catalog::{Deployment, Dialect, Secret},
    clock::{self, Instant},
    config::scenario::{Fault, Outage, Patch, Scenario, Spread, WhenFull, aimed},
    error::Result,
    transport::{Transport, WireError, WireErrorKind, WireRequest, WireResponse},
};

/// The header by which the world knows whom a request is for: several deployments share an address, and even a key.
pub(super) const MARK: &str = "x-waypost-simulated";
/// Time to the first token unless a scenario says otherwise: about what hosted models of middle size show.
const FIRST_TOKEN: Spread = Spread { p50: 0.5, p95: 1.5 };
/// Tokens a second after it, of the same.
const TOKENS_PER_SECOND: f64 = 60.0;
/// The head of an answer comes after this share of the time to the first token.
const HEAD: f64 = 0.3;
/// Of a stream: pieces a second, so that no pause between two looks like a stall, and pieces at least.
const PIECES_PER_SECOND: f64 = 1.0;
const FEWEST_PIECES: u64 = 4;
/// The time to a refusal, and to a break of the connection.
const REFUSAL: Duration = Duration::from_millis(40);
/// Answer tokens for a request that no simulated caller has sent (a probe of health, for example).
const UNASKED: u64 = 20;

tokio::task_local! {
    /// Whose request is being sent.
    pub(super) static TICKET: Arc<Ticket>;
}

/// One simulated call, as its requests are known by.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Which call it is.
    pub(super) number: u64,
    /// Tokens of its answer, whoever gives it.
    pub(super) tokens: u64,
    /// Tokens of its prompt.
    pub(super) prompt: u64,
    /// Requests so far.
    pub(super) requests: AtomicU32,
    /// Requests under way.
    pub(super) under_way: AtomicU32,
    /// Requests that went out beside another one.
    pub(super) hedges: AtomicU32,
}

impl Ticket {
    /// A request goes out; whether it does so beside another one of the same call.
    fn enter(&self) -> bool {
        let beside = self.under_way.fetch_add(1, Ordering::Relaxed) > 0;
        self.hedges.fetch_add(u32::from(beside), Ordering::Relaxed);
        beside
    }
}

/// One request that arrived at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When, from the start.
    pub at: Duration,
    /// For which deployment, by its place in the configuration.
    pub deployment: usize,
    /// Of which call; absent for requests that no caller has sent.
    pub call: Option<u64>,
    /// What went wrong with it by the provider's doing; absent if it was answered.
    pub fault: Option<Fault>,
    /// Requests that the provider was working on, this one included.
    pub at_once: u32,
    /// Whether it went out beside another request of the same call: a second copy.
    pub beside: bool,
}

/// All providers.
#[derive(Debug)]
pub struct World {
    sites: Vec<Arc<Site>>,
    seed: u64,
    unasked: AtomicU64,
    /// Every request, if somebody wants to know.
    sent: Option<Mutex<Vec<Sent>>>,
}

/// One deployment's server.
#[derive(Debug)]
struct Site {
    name: String,
    model: String,
    dialect: Dialect,
    start: Instant,
    step: Duration,
    behaviour: Behaviour,
    outages: Vec<Outage>,
    places: Option<Arc<Semaphore>>,
    books: Mutex<Books>,
}

/// How a server behaves.
#[derive(Clone, Debug)]
struct Behaviour {
    first_token: Spread,
    tokens_per_second: f64,
    capacity: Option<u32>,
    when_full: WhenFull,
    rpm: Option<u32>,
    faults: Vec<(Fault, f64)>,
    retry_after: Option<Duration>,
}

/// What a server knows of the requests so far.
#[derive(Debug, Default)]
struct Books {
    /// When the requests of the last minute were taken, where they are limited.
    taken: VecDeque<Instant>,
    at_once: u32,
    most: u32,
    columns: Vec<u32>,
    faulty: u64,
}

/// A place at a server, given back when it is dropped.
struct Place(Arc<Site>, Option<Arc<Ticket>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.books.lock().at_once -= 1;
        if let Some(ticket) = &self.1 {
            ticket.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What befalls one request.
#[derive(Clone, Copy)]
struct Fate {
    fault: Option<Fault>,
    retry_after: Option<Duration>,
    factor: f64,
}

impl World {
    /// Servers for `deployments` as `scenario` says, from now on. `watched` keeps every request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where the scenario speaks of what is not there.
    pub fn new(deployments: &[&Deployment], scenario: &Scenario, seed: u64, watched: bool) -> Result<Self> {
        let mut patches: Vec<Vec<&Patch>> = vec![Vec::new(); deployments.len()];
        for placed in &scenario.behaviour {
            for at in aimed(&placed.on, &placed.path, deployments)? {
                patches[at].push(&placed.patch);
            }
        }
        let site = |(at, patches): (usize, Vec<&Patch>)| {
            let (deployment, behaviour) = (deployments[at], behaviour(&patches));
            Ok(Arc::new(Site {
                name: deployment.id.to_string(),
                model: deployment.model.clone(),
                dialect: speech::dialect(deployment),
                start: clock::now(),
                step: scenario.step,
                outages: chance::outages(scenario, deployments, at, seed)?,
                places: behaviour.capacity.map(|places| Arc::new(Semaphore::new(places as usize))),
                behaviour,
                books: Mutex::default(),
            }))
        };
        let sites = patches.into_iter().enumerate().map(site).collect::<Result<_>>()?;
        Ok(Self { sites, seed, unasked: AtomicU64::new(0), sent: watched.then(Mutex::default) })
    }

    /// Marks the requests of the deployment at `place`, so that the world knows them.
    pub fn mark(place: usize, deployment: &mut Deployment) {
        deployment.headers.retain(|(name, _)| name != MARK);
        deployment.headers.push((MARK.into(), Secret::new(place.to_string())));
    }

    /// Every request so far, if the world is watched.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.as_ref().map(|sent| sent.lock().clone()).unwrap_or_default()
    }

    /// What goes wrong at the deployment at `place`, when.
    pub fn outages(&self, place: usize) -> &[Outage] {
        &self.sites[place].outages
    }

    /// Requests that arrived at it in each column, those with a fault, and the most at once.
    pub(super) fn books(&self, place: usize) -> (Vec<u32>, u64, u32) {
        let books = self.sites[place].books.lock();
        (books.columns.clone(), books.faulty, books.most)
    }

    /// Requests that it is working on.
    pub fn at_once(&self, place: usize) -> u32 {
        self.sites[place].books.lock().at_once
    }
}

fn behaviour(patches: &[&Patch]) -> Behaviour {
    let mut all = Behaviour {
        first_token: FIRST_TOKEN,
        tokens_per_second: TOKENS_PER_SECOND,
        capacity: None,
        when_full: WhenFull::Queue,
        rpm: None,
        faults: Vec::new(),
        retry_after: None,
    };
    for patch in patches {
        all.first_token = patch.first_token.unwrap_or(all.first_token);
        all.tokens_per_second = patch.tokens_per_second.unwrap_or(all.tokens_per_second);
        all.capacity = patch.capacity.or(all.capacity);
        all.when_full = patch.when_full.unwrap_or(all.when_full);
        all.rpm = patch.rpm.or(all.rpm);
        all.faults = patch.faults.clone().unwrap_or(all.faults);
        all.retry_after = patch.retry_after.or(all.retry_after);
    }
    all
}

impl Transport for World {
    fn send(
        &self,
        request: WireRequest,
        connect: Duration,
    ) -> BoxFuture<'static, std::result::Result<WireResponse, WireError>> {
        let mark = request.headers.get(MARK).and_then(|mark| mark.to_str().ok()?.parse::<usize>().ok());
        let Some((at, site)) = mark.and_then(|at| Some((at, self.sites.get(at)?))) else {
            let message = "a request for nobody in this simulation".into();
            return Box::pin(std::future::ready(Err(WireError { kind: WireErrorKind::BadRequest, message })));
        };
        let ticket = TICKET.try_with(Arc::clone).ok();
        let mut rng = Rng::with_seed(self.lot(at, ticket.as_deref()));
        let fate = site.fate(&mut rng);
        let at_once = site.count(fate.fault);
        let beside = ticket.as_ref().is_some_and(|ticket| ticket.enter());
        if let Some(sent) = &self.sent {
            let (call, since) = (ticket.as_ref().map(|ticket| ticket.number), clock::now() - site.start);
            sent.lock().push(Sent { at: since, deployment: at, call, fault: fate.fault, at_once, beside });
        }
        let asked = Asked {
            stream: streams(&request.headers),
            from: said(&request.body),
            tokens: ticket.as_ref().map_or(UNASKED, |ticket| ticket.tokens),
            prompt: ticket.as_ref().map_or(UNASKED, |ticket| ticket.prompt),
        };
        serve(Place(Arc::clone(site), ticket), fate, asked, connect, rng)
    }
}

impl World {
    /// The seed of all that is drawn for one request: of a call, of its deployment, and of how often the call has asked.
    fn lot(&self, at: usize, ticket: Option<&Ticket>) -> u64 {
        let (call, nth) = match ticket {
            Some(ticket) => (ticket.number, u64::from(ticket.requests.fetch_add(1, Ordering::Relaxed))),
            None => (u64::MAX, self.unasked.fetch_add(1, Ordering::Relaxed)),
        };
        mix(mix(mix(self.seed, call), at as u64), nth)
    }
}

/// Works on one request: takes a place, waits for one or refuses, then plays what comes of it.
fn serve(
    place: Place,
    fate: Fate,
    asked: Asked,
    connect: Duration,
    mut rng: Rng,
) -> BoxFuture<'static, std::result::Result<WireResponse, WireError>> {
    let site = Arc::clone(&place.0);
    if let Some(act @ (Act::Refuse | Act::Blackhole)) = site.refusal(fate) {
        return play(act, connect, place);
    }
    Box::pin(async move {
        let seat = match &site.places {
            None => None,
            Some(places) => match Arc::clone(places).try_acquire_owned() {
                Ok(seat) => Some(seat),
                Err(_) => match site.behaviour.when_full {
                    WhenFull::Queue => Arc::clone(places).acquire_owned().await.ok(),
                    WhenFull::Refuse(status) => {
                        let act = site.error(status, site.behaviour.retry_after);
                        return play(act, connect, place).await;
                    }
                },
            },
        };
        let act = site.refusal(fate).unwrap_or_else(|| site.answer(fate, &asked, &mut rng));
        play(act, connect, (place, seat)).await
    })
}

/// What a request asks for.
struct Asked {
    stream: bool,
    from: u64,
    tokens: u64,
    prompt: u64,
}

/// Whether a stream is asked for: every adapter says so in the same header.
fn streams(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/event-stream")
}

/// The words of an answer that the request asks to be continued: it ends in what the model has said so far.
fn said(body: &[u8]) -> u64 {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return 0 };
    let turns = body["messages"].as_array().or_else(|| body["contents"].as_array());
    let Some(last) = turns.and_then(|turns| turns.last()) else { return 0 };
    if !matches!(last["role"].as_str(), Some("assistant" | "model")) {
        return 0;
    }
    let parts = |parts: &Value| parts[0]["text"].as_str().map(str::to_owned);
    let text = last["content"].as_str().map(str::to_owned);
    let text = text.or_else(|| parts(&last["content"])).or_else(|| parts(&last["parts"]));
    text.and_then(|text| speech::count(&text)).unwrap_or(0)
}

impl Site {
    fn since(&self) -> Duration {
        clock::now() - self.start
    }

    /// What befalls a request that arrives now.
    fn fate(&self, rng: &mut Rng) -> Fate {
        let now = self.since();
        let mut fate = Fate { fault: None, retry_after: self.behaviour.retry_after, factor: 1.0 };
        for outage in self.outages.iter().take_while(|outage| outage.at <= now) {
            let hit = rng.f64() < outage.share;
            if !hit || now >= outage.at + outage.lasts {
                continue;
            }
            if outage.fault == Fault::Slow {
                fate.factor *= outage.factor;
            } else if fate.fault.is_none() {
                (fate.fault, fate.retry_after) = (Some(outage.fault), outage.retry_after.or(fate.retry_after));
            }
        }
        let mut chance = rng.f64();
        for (fault, share) in &self.behaviour.faults {
            if chance < *share && fate.fault.is_none() {
                fate.fault = Some(*fault);
            }
            chance -= share;
        }
        if fate.fault.is_none()
            && let Some(wait) = self.over_rate()
        {
            (fate.fault, fate.retry_after) = (Some(Fault::Status(429)), Some(wait));
        }
        fate
    }

    /// How long until there is room under the provider's own limit; a request that has room is counted.
    fn over_rate(&self) -> Option<Duration> {
        /// The window of the limit.
        const MINUTE: Duration = Duration::from_secs(60);
        let (now, most) = (clock::now(), self.behaviour.rpm? as usize);
        let taken = &mut self.books.lock().taken;
        while taken.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
            taken.pop_front();
        }
        if taken.len() < most {
            taken.push_back(now);
            return None;
        }
        taken.front().map(|oldest| (*oldest + MINUTE).saturating_duration_since(now))
    }

    /// Counts a request, and takes its place.
    fn count(&self, fault: Option<Fault>) -> u32 {
        let column = (self.since().as_nanos() / self.step.as_nanos().max(1)) as usize;
        let mut books = self.books.lock();
        if books.columns.len() <= column {
            books.columns.resize(column + 1, 0);
        }
        books.columns[column] += 1;
        books.faulty += u64::from(fault.is_some());
        books.at_once += 1;
        books.most = books.most.max(books.at_once);
        books.at_once
    }

    /// What stands in the place of an answer.
    fn refusal(&self, fate: Fate) -> Option<Act> {
        match fate.fault? {
            Fault::Status(status) => Some(self.error(status, fate.retry_after)),
            Fault::Down => Some(Act::Refuse),
            Fault::Blackhole => Some(Act::Blackhole),
            Fault::Reset => Some(Act::Reset(REFUSAL)),
            Fault::Hang => Some(Act::Hang),
            Fault::Garbage => Some(Act::Answer {
                after: REFUSAL,
                status: 200,
                headers: vec![("content-type", "text/html".into())],
                pieces: vec![(Duration::ZERO, Bytes::from_static(b"<html>Welcome</html>"))],
                end: End::Closed,
            }),
            Fault::Cut | Fault::Stall | Fault::Slow => None,
        }
    }

    fn error(&self, status: u16, retry_after: Option<Duration>) -> Act {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(wait) = retry_after.filter(|_| matches!(status, 429 | 503 | 529)) {
            headers.push(("retry-after", format!("{}", wait.as_secs_f64())));
        }
        let pieces = vec![(Duration::ZERO, speech::fault(self.dialect, status))];
        Act::Answer { after: REFUSAL, status, headers, pieces, end: End::Closed }
    }

    /// An answer, perhaps cut or falling silent in the middle.
    fn answer(&self, fate: Fate, asked: &Asked, rng: &mut Rng) -> Act {
        let tokens = asked.tokens.max(asked.from);
        let spoken = speech::Answer { model: &self.model, from: asked.from, tokens, prompt: asked.prompt };
        let first = draw(self.behaviour.first_token, rng) * fate.factor;
        let writing = (tokens - asked.from) as f64 / self.behaviour.tokens_per_second * fate.factor;
        // Where it breaks off, as a share of the answer.
        let breaks = match fate.fault {
            Some(Fault::Cut) => Some((rng.f64(), End::Broken)),
            Some(Fault::Stall) => Some((rng.f64(), End::Open)),
            _ => None,
        };
        let mut act = if asked.stream {
            self.stream(&spoken, first, writing, breaks)
        } else {
            self.whole(&spoken, first + writing, breaks)
        };
        if let Some(crash) = self.next_crash() {
            cut_at(&mut act, crash);
        }
        act
    }

    fn whole(&self, answer: &speech::Answer<'_>, seconds: f64, breaks: Option<(f64, End)>) -> Act {
        let (mut body, mut end) = (answer.whole(self.dialect), End::Closed);
        if let Some((share, broken)) = breaks {
            body.truncate((body.len() as f64 * share) as usize);
            end = broken;
        }
        let headers = vec![("content-type", "application/json".to_owned())];
        let pieces = vec![(Duration::ZERO, body)];
        Act::Answer { after: Duration::from_secs_f64(seconds), status: 200, headers, pieces, end }
    }

    fn stream(&self, answer: &speech::Answer<'_>, first: f64, writing: f64, breaks: Option<(f64, End)>) -> Act {
        let (from, tokens) = (answer.from, answer.tokens - answer.from);
        // An answer that was cut behind its last word is continued by an end alone.
        let most = ((writing * PIECES_PER_SECOND) as u64).max(FEWEST_PIECES).min(tokens).max(1);
        let (gap, word) = (Duration::from_secs_f64(writing / most as f64), |piece: u64| from + piece * tokens / most);
        // The first piece is there in any case: what breaks before it is a reset.
        let last = breaks.map_or(most, |(share, _)| ((most as f64 * share) as u64).max(1));
        let mut pieces = Vec::with_capacity(last as usize + 1);
        for piece in 0..last {
            let text = answer.delta(self.dialect, word(piece), word(piece + 1));
            if piece == 0 {
                let silence = Duration::from_secs_f64(first * (1.0 - HEAD));
                pieces.push((silence, Bytes::from(answer.opening(self.dialect) + &text)));
            } else {
                pieces.push((gap, Bytes::from(text)));
            }
        }
        if breaks.is_none() {
            pieces.push((gap, Bytes::from(answer.closing(self.dialect))));
        }
        let headers = vec![("content-type", speech::media(self.dialect).to_owned())];
        let end = breaks.map_or(End::Closed, |(_, end)| end);
        Act::Answer { after: Duration::from_secs_f64(first * HEAD), status: 200, headers, pieces, end }
    }

    /// The time until this server goes down next.
    fn next_crash(&self) -> Option<Duration> {
        let now = self.since();
        let crashes = self.outages.iter().filter(|outage| outage.fault == Fault::Down && outage.at > now);
        crashes.map(|outage| outage.at.saturating_sub(now)).min()
    }
}

/// Breaks the connection after `time`, if the answer is not over by then.
fn cut_at(act: &mut Act, time: Duration) {
    let Act::Answer { after, pieces, end, .. } = act else { return };
    if *after >= time {
        *act = Act::Reset(time);
        return;
    }
    let mut at = *after;
    for place in 0..pieces.len() {
        if at + pieces[place].0 >= time {
            pieces.truncate(place);
            pieces.push((time.saturating_sub(at), Bytes::new()));
            *end = End::Broken;
            return;
        }
        at += pieces[place].0;
    }
}

impl World {
    /// The name of the deployment at `place`.
    pub fn name(&self, place: usize) -> &str {
        &self.sites[place].name
    }

    /// How many deployments there are.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }
}
