//! A streamed answer, as the caller pulls it: failover until the first content, then delivery, then the books.
//!
//! The caller's pull is the only thing that reads from the provider: a slow reader slows the provider down instead of
//! filling the memory. Dropping the stream closes the provider's connection and books what was delivered.

use std::{collections::VecDeque, fmt, sync::Arc};

use super::{
    Router,
    attempt::Answer,
    book::{Ending, Held},
    call::Call,
    execute::{Run, Won, settle},
    failure::Failure,
    feed::Feed,
    fleet::resilience,
    guard::Patience,
    reply::Reply,
    resume,
};
use crate::{
    chat::{Accumulator, ChatChunk, ChatResponse},
    clock::{self, Instant},
    config::OnStreamFailure,
    error::{Error, ErrorKind},
    id::{DeploymentId, RequestId},
};

/// One delivered chunk.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// What is new.
    pub chunk: ChatChunk,
    /// Who sent it.
    pub deployment: DeploymentId,
    /// Whether the answer began anew with this chunk: what came before is void.
    pub restarted: bool,
}

/// A streamed answer.
pub struct ChatStream {
    /// What is planned at the first [`ChatStream::next`], because the user's own signals are asked for first.
    later: Option<Box<Later>>,
    run: Option<Box<Run>>,
    open: Option<Open>,
    reply: Option<Reply<ChatResponse>>,
    /// What is owed to the caller if no other attempt delivers anything.
    broke: Option<Broke>,
    ended: bool,
}

/// A call that is not planned yet.
#[derive(Debug)]
pub(super) struct Later {
    router: Router,
    call: Call,
    id: RequestId,
    start: Instant,
}

impl Later {
    pub(super) fn new(router: Router, call: Call) -> Self {
        Self { router, call, id: RequestId::fresh(), start: clock::now() }
    }

    async fn run(self) -> Result<Run, Error> {
        let mut run = self.router.ready(self.call, self.start).await?;
        run.plan.decision.id = self.id;
        Ok(run)
    }
}

/// Which call it is: what the call asks is nobody's log's business.
impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream").field("id", &self.id()).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A stream that broke after content had been delivered.
#[derive(Debug)]
struct Broke {
    index: usize,
    cause: Error,
    error: Error,
    partial: Reply<ChatResponse>,
}

#[derive(Debug)]
struct Open {
    feed: Feed,
    held: Option<Held>,
    index: usize,
    deployment: DeploymentId,
    ready: VecDeque<ChatChunk>,
    all: Accumulator,
    /// A slow reader's time is not the provider's.
    patience: Patience,
    /// Whether it continues what another began, so that nothing is void.
    continues: bool,
    /// Whether the white space between the two answers is already there.
    spaced: bool,
}

impl ChatStream {
    pub(super) fn new(run: Run) -> Self {
        Self { later: None, run: Some(Box::new(run)), open: None, reply: None, broke: None, ended: false }
    }

    pub(super) fn later(later: Later) -> Self {
        Self { later: Some(Box::new(later)), run: None, open: None, reply: None, broke: None, ended: false }
    }

    /// The identity of the call.
    pub fn id(&self) -> String {
        let planned = self.run.as_ref().map(|run| &run.plan.decision.id);
        planned.or(self.later.as_ref().map(|later| &later.id)).map(ToString::to_string).unwrap_or_default()
    }

    /// The end of the whole call, once it is planned.
    pub fn deadline(&self) -> Option<Instant> {
        self.run.as_ref().map(|run| run.deadline.0)
    }

    /// The whole answer, after the last chunk.
    pub fn reply(&self) -> Option<&Reply<ChatResponse>> {
        self.reply.as_ref()
    }

    /// The next chunk; `None` after the last one.
    ///
    /// # Errors
    /// Before the first content: as a call that is not streamed. After it: [`ErrorKind::Stream`], with the partial answer.
    pub async fn next(&mut self) -> Option<Result<Delivered, Failure>> {
        if self.ended {
            return None;
        }
        let result = self.step().await;
        if !matches!(result, Some(Ok(_))) {
            self.ended = true;
        }
        result
    }

    /// Ends the stream because its reader took all of the call's time: the provider is not kept waiting any longer.
    pub fn expire(&mut self) -> Option<Failure> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let broke = self.broken(Error::new(ErrorKind::DeadlineExceeded, "nobody read on"));
        Some(broke.map_or_else(Into::into, |broke| self.give_up(broke)))
    }

    async fn step(&mut self) -> Option<Result<Delivered, Failure>> {
        if let Some(later) = self.later.take() {
            match later.run().await {
                Ok(run) => self.run = Some(Box::new(run)),
                Err(error) => return Some(Err(error.into())),
            }
        }
        loop {
            if self.open.is_none() {
                let run = self.run.as_mut()?;
                match run.answer().await {
                    Ok(won) => self.open = begin(run, won),
                    Err(failure) => return Some(Err(self.nobody_else(failure))),
                }
            }
            let (run, open) = (self.run.as_mut()?, self.open.as_mut()?);
            match open.next(run).await {
                Ok(Some(chunk)) => return Some(Ok(open.deliver(chunk, self.broke.take().is_some()))),
                Ok(None) => {
                    self.finish();
                    return None;
                }
                Err(error) => match self.broken(error) {
                    Ok(broke) if self.restarts(&broke) => self.broke = Some(broke),
                    Ok(broke) => return Some(Err(self.give_up(broke))),
                    Err(error) => return Some(Err(error.into())),
                },
            }
        }
    }

    /// Whether another attempt may go on or answer anew; it is then the loop's turn, within the attempts that are left.
    fn restarts(&mut self, broke: &Broke) -> bool {
        let Some(run) = self.run.as_mut() else { return false };
        let answer = run.on_stream_failure();
        let raises = match answer {
            OnStreamFailure::Raise => true,
            OnStreamFailure::Elsewhere => !run.goes_on(broke.index),
            OnStreamFailure::Restart | OnStreamFailure::Continue => false,
        };
        let stops = broke.error.kind == ErrorKind::DeadlineExceeded || run.stops(broke.index, &broke.cause);
        if raises || stops {
            return false;
        }
        run.failed(broke.index, broke.cause.clone());
        if answer == OnStreamFailure::Elsewhere {
            run.walk.skipped(broke.index);
        }
        let continues = answer != OnStreamFailure::Restart;
        run.beginning = run.beginning(&broke.partial.body).filter(|_| continues);
        true
    }

    /// What broke the stream stays the error, whatever befell the attempts to answer anew.
    fn nobody_else(&mut self, failure: Failure) -> Failure {
        match self.broke.take() {
            Some(broke) => self.give_up(broke),
            None => failure,
        }
    }

    fn give_up(&mut self, broke: Broke) -> Failure {
        let Some(run) = self.run.as_mut() else { return broke.error.into() };
        let mut failure = run.fail(broke.error);
        failure.0.partial = Some(broke.partial);
        failure.0.cause = Some(broke.cause);
        failure
    }

    fn finish(&mut self) {
        let (Some(run), Some(mut open)) = (self.run.as_mut(), self.open.take()) else { return };
        let Some(held) = open.held.take() else { return };
        if let Some(attempt) = run.plan.decision.attempts.get_mut(held.record) {
            attempt.skipped_events = open.feed.skipped;
        }
        self.reply = Some(run.book_chat(open.all.response(), held, Ending::Whole));
    }

    /// Books a stream that broke after content had been delivered. The error itself comes back where nothing was open.
    fn broken(&mut self, cause: Error) -> Result<Broke, Error> {
        let (Some(run), Some(mut open)) = (self.run.as_mut(), self.open.take()) else { return Err(cause) };
        let Some(held) = open.held.take() else { return Err(cause) };
        let target = Arc::clone(&run.fleet.targets[held.index]);
        let late = clock::now() >= run.deadline.0;
        let mut cause = run.explain(cause, &target);
        if late {
            cause.kind = ErrorKind::DeadlineExceeded;
        }
        let error = interrupted(&cause);
        run.lost(held.record, held.began, &error);
        if let Some(attempt) = run.plan.decision.attempts.get_mut(held.record) {
            attempt.ttft = held.first_token.map(|at| at.saturating_duration_since(held.began).as_secs_f64());
            attempt.skipped_events = open.feed.skipped;
            attempt.possibly_billed = true;
        }
        // The end of the caller's time is nobody's ill health.
        settle(&target, &cause, held.pass, clock::now());
        let usage = open.all.usage();
        held.permit.settle(super::execute::used(usage.as_ref(), run.plan.units));
        let partial = run.partial(open.all.response(), &target, held.first_token);
        Ok(Broke { index: held.index, cause, error, partial })
    }
}

/// What the caller is told of `cause` when it came after the first content.
fn interrupted(cause: &Error) -> Error {
    let (kind, what) = match cause.kind {
        ErrorKind::DeadlineExceeded => {
            (ErrorKind::DeadlineExceeded, "the time for the whole call ran out in mid-answer")
        }
        _ => (ErrorKind::Stream, "the answer broke off in the middle"),
    };
    Error { kind, message: format!("{what}: {}", cause.message), context: cause.context.clone() }
}

impl Run {
    /// What becomes of a stream that breaks in mid-answer.
    fn on_stream_failure(&self) -> OnStreamFailure {
        self.plan.lane.as_ref().map_or(OnStreamFailure::Raise, |lane| lane.settings.on_stream_failure)
    }

    /// Whether an answer that `index` has begun could go on, or begin anew, with somebody else. Where it could not, a slow
    /// answer is better than a broken one.
    fn goes_on(&self, index: usize) -> bool {
        let may = match self.on_stream_failure() {
            OnStreamFailure::Raise => false,
            OnStreamFailure::Elsewhere => !self.call.joined,
            OnStreamFailure::Restart | OnStreamFailure::Continue => true,
        };
        may && self.walk.has_alternative(index)
    }
}

impl Open {
    /// The next chunk. Events without content, however many, do not put off the end of the patience with a silent provider.
    async fn next(&mut self, run: &Run) -> Result<Option<ChatChunk>, Error> {
        if let Some(chunk) = self.ready.pop_front() {
            return Ok(Some(chunk));
        }
        let began = clock::now();
        let until = run.deadline.capped(began, self.patience.left());
        let next = self.feed.next(until).await;
        let late = until >= run.deadline.0;
        let words = |error| if late { error } else { self.patience.explain(error, &run.fleet.targets[self.index]) };
        let chunk = next.map_err(words)?;
        self.patience.waited(clock::now() - began);
        Ok(chunk)
    }

    fn deliver(&mut self, mut chunk: ChatChunk, after_break: bool) -> Delivered {
        let restarted = after_break && !self.continues;
        if self.spaced && chunk.has_content() {
            resume::join(&mut chunk);
            self.spaced = !chunk.has_content();
        }
        self.patience.got(&chunk);
        self.all.push(&chunk);
        Delivered { chunk, deployment: self.deployment.clone(), restarted }
    }
}

fn begin(run: &Run, won: Won) -> Option<Open> {
    let Won { index, answer, permit, pass, began, record, continues } = won;
    let Answer::Stream(opened) = answer else { return None };
    let (first, feed, first_token) = opened.into_parts();
    let held = Held { index, permit, pass, began, record, first_token: Some(first_token) };
    let target = &run.fleet.targets[index];
    let limits = resilience(target, run.plan.lane.as_deref());
    let mut all = Accumulator::default();
    if let Some(text) = &continues {
        all.push(&resume::before(text));
    }
    Some(Open {
        feed,
        held: Some(held),
        index,
        deployment: target.deployment().id.clone(),
        ready: first.into(),
        all,
        patience: Patience::new(limits.timeouts.stall, run.goes_on(index).then_some(limits.throughput)),
        spaced: continues.as_ref().is_some_and(|text| text.ends_with(char::is_whitespace)),
        continues: continues.is_some(),
    })
}

/// The caller left: the connection closes with the feed; what was delivered is booked as an estimate.
impl Drop for ChatStream {
    fn drop(&mut self) {
        let (Some(run), Some(mut open)) = (self.run.as_mut(), self.open.take()) else { return };
        if let Some(held) = open.held.take() {
            run.book_chat(open.all.response(), held, Ending::Left);
        }
    }
}
