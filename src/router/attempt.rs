//! One call to one deployment: permit, adapter, transport, outcome.
//!
//! Nothing is sent without a [`Cleared`]. With one it compiles:
//!
//! ```
//! use waypost::{policy::Cleared, router::{Ask, attempt::Attempt}, transport::WireRequest};
//! async fn try_it(attempt: &Attempt, cleared: Cleared, wire: WireRequest, ask: &Ask) {
//!     let _ = attempt.run(cleared, wire, ask).await;
//! }
//! ```
//!
//! Without one it does not, and the function that sends is nobody else's:
//!
//! ```compile_fail,E0061
//! use waypost::{router::{Ask, attempt::Attempt}, transport::WireRequest};
//! async fn try_it(attempt: &Attempt, wire: WireRequest, ask: &Ask) {
//!     let _ = attempt.run(wire, ask).await;
//! }
//! ```
//!
//! ```compile_fail,E0603
//! use waypost::router::attempt::send;
//! ```

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use futures_util::StreamExt;

use super::{
    call::Ask,
    feed::{Feed, MAX_BODY},
    fleet::Target,
    guard::Patience,
    redact::restore,
    send::send,
};
use crate::{
    adapter::{classify, limits},
    chat::{Accumulator, ChatChunk, ChatResponse, EmbedResponse},
    clock::{self, Instant},
    error::{Error, ErrorKind, Result},
    policy::Cleared,
    resilience::{deadline::Deadline, throughput::ThroughputConfig},
    signals::sensitive::Redaction,
    transport::{Transport, WireError, WireErrorKind, WireReply, WireRequest, WireResponse},
};

/// What an attempt brings home.
#[derive(Debug)]
pub enum Answer {
    /// A whole answer.
    Chat(Box<ChatResponse>),
    /// Vectors.
    Embed(Box<EmbedResponse>),
    /// A stream that has begun: its first chunks, up to the first with content, and the rest to come.
    Stream(Box<Opened>),
}

/// A stream that has begun.
#[derive(Debug)]
pub struct Opened {
    /// The chunks so far.
    pub first: Vec<ChatChunk>,
    /// The rest.
    pub feed: Feed,
    /// When its first content came.
    pub first_token: Instant,
}

/// The time limits of one attempt, each already stretched for this request. An absent one leaves it to the deadline.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To a standing connection.
    pub connect: Duration,
    /// To the headers of a stream.
    pub first_byte: Option<Duration>,
    /// To the first token of a stream.
    pub first_token: Option<Duration>,
    /// Between two pieces of content.
    pub stall: Duration,
    /// The least speed after the first token, while somebody else is ready.
    pub throughput: Option<ThroughputConfig>,
    /// To the end of an answer that is not streamed.
    pub response: Duration,
    /// The end of the call.
    pub deadline: Deadline,
}

/// One attempt, ready to go.
#[derive(Debug)]
pub struct Attempt {
    /// On whom.
    pub target: Arc<Target>,
    /// By which way.
    pub transport: Arc<dyn Transport>,
    /// With which limits.
    pub limits: Limits,
    /// Whether the caller wants a stream.
    pub stream: bool,
    /// What stands for what in the question: the answer gets it back.
    pub redaction: Option<Redaction>,
}

impl Attempt {
    /// The request for this deployment's wire.
    ///
    /// # Errors
    /// What its wire cannot say.
    pub fn encode(&self, ask: &Ask) -> Result<WireRequest> {
        let deployment = self.target.deployment();
        match ask {
            Ask::Chat(request) => self.target.adapter.encode(request, deployment, self.streams(ask)),
            Ask::Embed(request) => self.target.adapter.encode_embed(request, deployment),
        }
    }

    /// Whether the wire is asked for a stream.
    pub fn streams(&self, ask: &Ask) -> bool {
        matches!(ask, Ask::Chat(_)) && (self.stream || self.target.deployment().stream_upstream)
    }

    /// Sends the request and waits for the answer, or for a stream's first token.
    ///
    /// # Errors
    /// Whatever goes wrong, classified.
    pub async fn run(&self, cleared: Cleared, wire: WireRequest, ask: &Ask) -> Result<Answer> {
        let start = clock::now();
        if !self.streams(ask) {
            let whole = self.whole(cleared, wire, ask);
            return self.within(start, Some(self.limits.response), "answer", whole).await;
        }
        let sent = self.send(cleared, wire);
        let response = self.within(start, self.limits.first_byte, "headers", sent).await?;
        let feed = self.open(response, start).await?;
        if self.stream {
            return self.first_token(feed, start).await.map(|opened| Answer::Stream(Box::new(opened)));
        }
        self.collect(feed, start).await.map(|answer| Answer::Chat(Box::new(answer)))
    }

    async fn send(&self, cleared: Cleared, wire: WireRequest) -> Result<WireResponse> {
        let sent = send(cleared, &*self.transport, wire, self.limits.connect).await;
        sent.map_err(|error| unsent(&self.target, &error))
    }

    /// The whole of a stream whose caller wants no stream. Nothing is promised before its end: whatever ends it leads elsewhere.
    async fn collect(&self, mut feed: Feed, start: Instant) -> Result<ChatResponse> {
        let mut all = Accumulator::default();
        let mut patience: Option<Patience> = None;
        loop {
            let now = clock::now();
            let until = patience.as_ref().map_or_else(
                || self.at(start, self.limits.first_token),
                |patience| self.at(now, Some(patience.left())),
            );
            let next = feed.next(until).await;
            let next = next.map_err(|error| match &patience {
                Some(patience) => self.late(patience.explain(error, &self.target)),
                None => self.late(error),
            });
            let Some(chunk) = next? else { return Ok(all.response()) };
            all.push(&chunk);
            if chunk.has_content() && patience.is_none() {
                patience = Some(Patience::new(self.limits.stall, self.limits.throughput));
            } else if let Some(patience) = &mut patience {
                patience.waited(clock::now() - now);
            }
            if let Some(patience) = &mut patience {
                patience.got(&chunk);
            }
        }
    }

    async fn whole(&self, cleared: Cleared, wire: WireRequest, ask: &Ask) -> Result<Answer> {
        let response = self.send(cleared, wire).await?;
        self.learn(&response);
        let reply = read(&self.target, response).await?;
        let deployment = self.target.deployment();
        if !(200..300).contains(&reply.head.status) {
            return Err(self.refused(&reply));
        }
        match ask {
            Ask::Chat(_) => {
                let mut answer = self.target.adapter.decode(&reply, deployment)?;
                if answer.created == 0 {
                    // Not every format has a date.
                    answer.created = clock::unix_seconds(clock::wall()) as u64;
                }
                if let Some(redaction) = &self.redaction {
                    restore(redaction, &mut answer);
                }
                Ok(Answer::Chat(Box::new(answer)))
            }
            Ask::Embed(request) => {
                let answer = self.target.adapter.decode_embed(&reply, deployment)?;
                if answer.embeddings.len() != request.texts.len() {
                    return Err(classify::protocol(&reply, deployment, "another number of vectors than texts"));
                }
                Ok(Answer::Embed(Box::new(answer)))
            }
        }
    }

    /// Opens the stream of a success; reads the error of anything else.
    async fn open(&self, response: WireResponse, start: Instant) -> Result<Feed> {
        self.learn(&response);
        if (200..300).contains(&response.head.status) {
            return Ok(Feed::new(response, &self.target, self.redaction.as_ref()));
        }
        let reply = self.within(start, Some(self.limits.response), "error", read(&self.target, response)).await?;
        Err(self.refused(&reply))
    }

    /// Reads up to the first content: until then nothing is promised to the caller, and another deployment can take over.
    async fn first_token(&self, mut feed: Feed, start: Instant) -> Result<Opened> {
        let until = self.at(start, self.limits.first_token);
        let mut first = Vec::new();
        loop {
            match feed.next(until).await.map_err(|error| self.late(error))? {
                Some(chunk) => {
                    let content = chunk.has_content();
                    first.push(chunk);
                    if content {
                        // Nothing has been delivered yet: an error that came along is still another deployment's chance.
                        if let Some(error) = feed.failed() {
                            return Err(error);
                        }
                        return Ok(Opened { first, feed, first_token: clock::now() });
                    }
                }
                None => return Ok(Opened { first, feed, first_token: clock::now() }),
            }
        }
    }

    fn at(&self, from: Instant, limit: Option<Duration>) -> Instant {
        limit.map_or(self.limits.deadline.0, |limit| (from + limit).min(self.limits.deadline.0))
    }

    /// A timeout that is really the end of the call.
    fn late(&self, mut error: Error) -> Error {
        if error.kind == ErrorKind::Timeout && clock::now() >= self.limits.deadline.0 {
            error = deadline_exceeded(&self.target);
        }
        error
    }

    async fn within<T>(
        &self,
        start: Instant,
        limit: Option<Duration>,
        what: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let until = self.at(start, limit);
        match tokio::time::timeout_at(until, work).await {
            Ok(result) => result,
            Err(_) if until >= self.limits.deadline.0 => Err(deadline_exceeded(&self.target)),
            Err(_) => {
                let limit = limit.unwrap_or_default().as_secs_f64();
                let message = format!("`{}` sent no {what} within {limit} s", self.target.deployment().id);
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    fn refused(&self, reply: &WireReply) -> Error {
        self.target.adapter.error(reply, self.target.deployment())
    }

    /// Believes what the provider says is left of its limits.
    fn learn(&self, response: &WireResponse) {
        let learned = limits::learned(&response.head);
        self.target.live.limiter.learn(learned, clock::now());
    }
}

async fn read(target: &Target, mut response: WireResponse) -> Result<WireReply> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.body.next().await {
        let piece = piece.map_err(|error| broken(target, &error))?;
        if body.len() + piece.len() > MAX_BODY {
            let message = format!("`{}` sent more than an answer may hold", target.deployment().id);
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        body.extend_from_slice(&piece);
    }
    Ok(WireReply { head: response.head, body: body.freeze() })
}

fn unsent(target: &Target, error: &WireError) -> Error {
    let id = &target.deployment().id;
    let (kind, message, not_sent) = match error.kind {
        WireErrorKind::Connect => (ErrorKind::Connection, format!("`{id}` cannot be reached: {}", error.message), true),
        // Silence, like any other: it is not waited for twice.
        WireErrorKind::ConnectTimeout => (ErrorKind::Timeout, format!("`{id}` took too long to connect"), true),
        WireErrorKind::Untrusted => {
            (ErrorKind::Connection, format!("`{id}` cannot be trusted: {}", error.message), true)
        }
        WireErrorKind::Broken => {
            (ErrorKind::Connection, format!("the connection to `{id}` broke: {}", error.message), false)
        }
        WireErrorKind::TooLarge => (ErrorKind::Protocol, format!("`{id}` sent too much: {}", error.message), false),
        WireErrorKind::BadRequest => {
            (ErrorKind::InvalidRequest, format!("the request to `{id}` cannot be built: {}", error.message), true)
        }
    };
    let mut explained = Error::new(kind, message);
    explained.context.not_sent = not_sent;
    // A wrong certificate stays wrong.
    explained.context.should_retry = (error.kind == WireErrorKind::Untrusted).then_some(false);
    explained
}

fn broken(target: &Target, error: &WireError) -> Error {
    let message = format!("the answer of `{}` broke off: {}", target.deployment().id, error.message);
    Error::new(ErrorKind::Connection, message)
}

fn deadline_exceeded(target: &Target) -> Error {
    let message = format!("the time for the whole call ran out while waiting for `{}`", target.deployment().id);
    Error::new(ErrorKind::DeadlineExceeded, message)
}
