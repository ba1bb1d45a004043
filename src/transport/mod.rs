//! Wire: bytes out, bytes in. Transport sends and receives; it understands no provider and decides nothing.

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use http::HeaderMap;

pub mod client;
pub mod sse;

/// A request, ready to be sent.
#[derive(Clone)]
pub struct WireRequest {
    /// The whole URL. It never carries a key.
    pub url: String,
    /// Headers; values that hold a credential are marked sensitive, so that no debug print shows them.
    pub headers: HeaderMap,
    /// The body; shared, so that a retry costs no copy. Sent by POST.
    pub body: Bytes,
}

impl fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "POST {} ({} bytes)", self.url, self.body.len())
    }
}

/// Status and headers of an answer.
#[derive(Clone, Debug, Default)]
pub struct WireHead {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
}

impl WireHead {
    /// A header's value as text; absent if it is not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct WireReply {
    /// Status and headers.
    pub head: WireHead,
    /// The body.
    pub body: Bytes,
}

/// An answer whose body is still coming. Dropping it closes the connection.
pub struct WireResponse {
    /// Status and headers.
    pub head: WireHead,
    /// The body, in the pieces the network made.
    pub body: BoxStream<'static, Result<Bytes, WireError>>,
}

impl fmt::Debug for WireResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

/// One event of a streamed body, whatever framing carried it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireEvent {
    /// The event's name, empty if it has none.
    pub name: String,
    /// Its data; several lines are joined by a newline.
    pub data: String,
}

/// Why bytes could not be exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// What happened.
    pub kind: WireErrorKind,
    /// In words; without URL, headers or body.
    pub message: String,
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireErrorKind {
    /// No connection was made: the request has certainly not reached the other side.
    Connect,
    /// No connection was made within the time for it.
    ConnectTimeout,
    /// The other side did not prove who it is. Nothing was sent.
    Untrusted,
    /// The connection broke; the other side may have the request.
    Broken,
    /// The body is larger than allowed.
    TooLarge,
    /// The request could not be built (a bad URL).
    BadRequest,
}

/// Sends requests. One implementation speaks HTTP; tests have others that speak from a script under a virtual clock.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends `request`, giving up if no connection stands after `connect`, and answers once the head is there.
    fn send(&self, request: WireRequest, connect: Duration) -> BoxFuture<'static, Result<WireResponse, WireError>>;

    /// Closes what is idle: no new request will come for now. Requests under way are left alone.
    fn close(&self) {}
}
