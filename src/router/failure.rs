//! What a caller gets when nothing worked: the most telling error, and the whole record of why.

use std::sync::Arc;

use super::{budget, reply::Reply};
use crate::{
    chat::ChatResponse,
    error::{Error, ErrorKind},
    trace::{Candidate, Decision, Reason},
};

/// An error with its decision. Boxed inside, because it travels in every result.
#[derive(Clone, Debug)]
pub struct Failure(pub Box<Inner>);

/// The particulars of a [`Failure`].
#[derive(Clone, Debug)]
pub struct Inner {
    /// What to tell the caller.
    pub error: Error,
    /// Every candidate and every attempt; absent if the call never got as far as a decision.
    pub decision: Option<Arc<Decision>>,
    /// Of a broken stream: the answer so far.
    pub partial: Option<Reply<ChatResponse>>,
    /// Of a broken stream: what broke it.
    pub cause: Option<Error>,
}

impl Failure {
    /// With its decision.
    pub fn new(error: Error, decision: Option<Arc<Decision>>) -> Self {
        Self(Box::new(Inner { error, decision, partial: None, cause: None }))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error, None)
    }
}

/// How much an error tells about why the call failed; higher is more. A refusal that the caller can act on (a wrong key,
/// no money) tells more than an outage, an answer more than silence.
pub fn weight(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Connection => 1,
        ErrorKind::Timeout => 2,
        ErrorKind::Protocol | ErrorKind::Stream => 3,
        ErrorKind::Server => 4,
        ErrorKind::Overloaded => 5,
        ErrorKind::RateLimit => 6,
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::Authentication => 7,
        ErrorKind::Quota => 8,
        ErrorKind::ContextLength | ErrorKind::ContentFilter | ErrorKind::InvalidRequest => 9,
        ErrorKind::NoCandidates
        | ErrorKind::UnknownModel
        | ErrorKind::Blocked
        | ErrorKind::BudgetExceeded
        | ErrorKind::DeadlineExceeded
        | ErrorKind::Config
        | ErrorKind::Strategy
        | ErrorKind::Cancelled
        | ErrorKind::Closed
        | ErrorKind::Internal => 10,
    }
}

/// The error when every candidate was refused: counts by reason, and the shortest wait that may change it.
pub fn no_candidates(listed: &[Candidate]) -> Error {
    if let Some(error) = budget::exceeded(listed) {
        return error;
    }
    let mut counts: Vec<(String, usize)> = Vec::new();
    for reason in listed.iter().filter_map(|candidate| candidate.refused.as_ref()) {
        let text = reason.in_short();
        match counts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => counts.push((text, 1)),
        }
    }
    let list: Vec<String> = counts.into_iter().map(|(text, count)| format!("{count} {text}")).collect();
    let message = if list.is_empty() {
        "no deployment may serve this request: the route has none".to_owned()
    } else {
        format!("no deployment may serve this request: {}", list.join(", "))
    };
    let wait = listed.iter().filter_map(|c| c.refused.as_ref().and_then(Reason::wait)).min();
    Error::new(ErrorKind::NoCandidates, message).with_retry_after(wait)
}
