//! The one error type of the core, and the one table of what an error means for the attempt loop.
//!
//! Adapters recognise an error's [`ErrorKind`] from the status and the provider's code; everything behind them looks only at
//! the kind. [`ErrorKind::disposition`] is *the* resilience table: no other place knows which errors deserve another attempt.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;

use crate::id::{DeploymentId, ProviderId};

/// What went wrong, in words that a caller can act on. Each kind is one exception class in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request itself is malformed or asks for something the endpoint does not take.
    InvalidRequest,
    /// The prompt (with the answer it asks for) does not fit the model's context window.
    ContextLength,
    /// The provider refused the content.
    ContentFilter,
    /// The credential is missing, wrong or expired.
    Authentication,
    /// The credential may not use this model or endpoint.
    PermissionDenied,
    /// The model or the endpoint does not exist.
    NotFound,
    /// Too many requests or tokens for now.
    RateLimit,
    /// The account has no money or no quota left: waiting does not help.
    Quota,
    /// The provider has no capacity for now.
    Overloaded,
    /// The provider failed.
    Server,
    /// No connection, or it broke.
    Connection,
    /// One of the attempt's own time limits ran out.
    Timeout,
    /// The provider's answer cannot be understood: not JSON, wrong types, empty.
    Protocol,
    /// A stream broke, stalled or ended without its terminal marker after content had been delivered.
    Stream,
    /// Nothing may serve this request.
    NoCandidates,
    /// The caller named a route or deployment that does not exist.
    UnknownModel,
    /// A rule refused the request.
    Blocked,
    /// A spend ceiling is reached.
    BudgetExceeded,
    /// The caller's total time ran out.
    DeadlineExceeded,
    /// The configuration is wrong.
    Config,
    /// The caller's own strategy failed, or named somebody who is no candidate.
    Strategy,
    /// The caller gave up; nobody is waiting for this error.
    Cancelled,
    /// The router was closed.
    Closed,
    /// A defect of waypost.
    Internal,
}

/// What the attempt loop does with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// No other deployment would do better: give the error to the caller.
    Stop,
    /// Try another deployment; the same one would fail again.
    Failover,
    /// Try another deployment, or this one again after a pause if there is no other.
    Retry,
}

impl ErrorKind {
    /// The resilience table.
    pub fn disposition(self) -> Disposition {
        match self {
            // The request would be refused everywhere, or must not be routed around.
            // A model that does not exist is a mistake to show, not an outage to hide.
            Self::InvalidRequest | Self::ContentFilter | Self::NotFound => Disposition::Stop,
            // Decided by waypost itself, before or instead of an attempt.
            Self::NoCandidates
            | Self::UnknownModel
            | Self::Blocked
            | Self::BudgetExceeded
            | Self::DeadlineExceeded
            | Self::Config
            | Self::Strategy
            | Self::Cancelled
            | Self::Closed
            | Self::Internal => Disposition::Stop,
            // After the first token nothing is resent silently.
            Self::Stream => Disposition::Stop,
            // This deployment, with this credential, will answer the same again; another may not.
            Self::ContextLength | Self::Authentication | Self::PermissionDenied | Self::Quota => Disposition::Failover,
            // A silent provider is not asked twice.
            Self::Timeout => Disposition::Failover,
            // Passing.
            Self::RateLimit | Self::Overloaded | Self::Server | Self::Connection | Self::Protocol => Disposition::Retry,
        }
    }

    /// Whether the error says that the deployment is unhealthy: these count towards its circuit breaker.
    ///
    /// A rate limit is not ill health (it has its own cooldown), and a bad request is the caller's.
    pub fn is_ill_health(self) -> bool {
        match self {
            Self::Overloaded | Self::Server | Self::Connection | Self::Timeout | Self::Protocol | Self::Stream => true,
            Self::InvalidRequest
            | Self::ContextLength
            | Self::ContentFilter
            | Self::Authentication
            | Self::PermissionDenied
            | Self::NotFound
            | Self::RateLimit
            | Self::Quota
            | Self::NoCandidates
            | Self::UnknownModel
            | Self::Blocked
            | Self::BudgetExceeded
            | Self::DeadlineExceeded
            | Self::Config
            | Self::Strategy
            | Self::Cancelled
            | Self::Closed
            | Self::Internal => false,
        }
    }

    /// The kind in snake case, as traces and metrics spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::Authentication => "authentication",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Stream => "stream",
            Self::NoCandidates => "no_candidates",
            Self::UnknownModel => "unknown_model",
            Self::Blocked => "blocked",
            Self::BudgetExceeded => "budget_exceeded",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Config => "config",
            Self::Strategy => "strategy",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }
}

/// Where an error happened and what the provider said of it. Boxed: errors are rare, results are everywhere.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The provider that answered, or did not.
    pub provider: Option<ProviderId>,
    /// The deployment that was tried.
    pub deployment: Option<DeploymentId>,
    /// The HTTP status; absent when there was no answer. For an error inside a 200 the status it stands for.
    pub status: Option<u16>,
    /// The provider's own code, for example `context_length_exceeded`.
    pub code: Option<String>,
    /// The provider's identity of the request, for its support desk.
    pub request_id: Option<String>,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// The provider's own advice (`x-should-retry`).
    pub should_retry: Option<bool>,
    /// The provider's own words. The router quotes them in the message after cutting out what also stands in the request;
    /// adapters only put them here.
    pub said: Option<String>,
    /// The provider's body, cut to [`Context::BODY_LIMIT`]. Handed out on demand only: it may quote the request.
    pub body: Option<String>,
    /// Whether the request had certainly not reached the provider.
    pub not_sent: bool,
    /// The key path of a configuration error, for example `routes.auto.candidates[1]`.
    pub path: Option<String>,
    /// The likely intent behind a mistake, for example ``did you mean `claude`?``.
    pub hint: Option<String>,
    /// The rule, budget or other named thing that refused.
    pub name: Option<String>,
    /// When the budget that refused starts anew, in seconds since 1970.
    pub resets_at: Option<f64>,
    /// What went wrong inside, where somebody else's code failed.
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Context {
    /// Bytes of a provider's error body that are kept.
    pub const BODY_LIMIT: usize = 64 * 1024;
}

/// What failed, with what, and what to do; see [`ErrorKind`].
#[derive(Clone)]
pub struct Error {
    /// The kind, which decides what happens next.
    pub kind: ErrorKind,
    /// One sentence without a trailing full stop; never a key, a header or prompt text.
    pub message: String,
    /// The particulars.
    pub context: Box<Context>,
}

/// The result of everything that can fail in the core.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), context: Box::default() }
    }

    /// A configuration error at `path`.
    pub fn config(path: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Config, message);
        error.context.path = Some(path.into());
        error
    }

    /// The same error with a hint at what was probably meant.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.context.hint = hint;
        self
    }

    /// The same error with the status it stands for.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.context.status = Some(status);
        self
    }

    /// The same error with the provider's code.
    #[must_use]
    pub fn with_code(mut self, code: Option<String>) -> Self {
        self.context.code = code;
        self
    }

    /// The same error with the wait the provider asks for.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.context.retry_after = wait;
        self
    }

    /// What the attempt loop does with it: as its kind says, unless the provider itself advises on a repetition.
    pub fn disposition(&self) -> Disposition {
        match (self.kind.disposition(), self.context.should_retry) {
            (Disposition::Retry, Some(false)) => Disposition::Failover,
            (Disposition::Stop, Some(true)) if self.kind == ErrorKind::InvalidRequest => Disposition::Retry,
            (disposition, _) => disposition,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.context.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.context.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// As [`Error`]'s Display, with the kind: a provider's body, which may quote the prompt, never shows in a debug print.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.kind.as_str())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.context.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
