//! What a server does with one request, played at the pace of the clock.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    clock,
    transport::{WireError, WireErrorKind, WireHead, WireResponse},
};

/// What a server does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// No connection, at once.
    Refuse,
    /// No connection, in silence: the caller's time for it runs out.
    Blackhole,
    /// The request is taken, and nothing ever comes.
    Hang,
    /// The connection breaks so long after the request was sent.
    Reset(Duration),
    /// An answer.
    Answer {
        /// The time to its head.
        after: Duration,
        /// Its status.
        status: u16,
        /// Its headers.
        headers: Vec<(&'static str, String)>,
        /// Its body: silence before each piece, and the piece.
        pieces: Vec<(Duration, Bytes)>,
        /// What comes after the last piece.
        end: End,
    },
}

/// What comes after the last piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end of the body.
    Closed,
    /// Silence.
    Open,
    /// The connection breaks.
    Broken,
}

/// Plays `act` for a caller who waits for a connection no longer than `connect`. `held` is dropped when the answer is
/// over, or nobody wants it any more.
pub fn play<H: Send + 'static>(
    act: Act,
    connect: Duration,
    held: H,
) -> BoxFuture<'static, Result<WireResponse, WireError>> {
    Box::pin(async move {
        match act {
            Act::Refuse => Err(error(WireErrorKind::Connect, "connection refused")),
            Act::Blackhole => {
                pause(connect).await;
                Err(error(WireErrorKind::ConnectTimeout, "no connection"))
            }
            Act::Hang => std::future::pending().await,
            Act::Reset(after) => {
                pause(after).await;
                Err(error(WireErrorKind::Broken, "connection reset"))
            }
            Act::Answer { after, status, headers, pieces, end } => {
                pause(after).await;
                Ok(response(status, &headers, pieces, end, held))
            }
        }
    })
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        clock::sleep_until(clock::now() + time).await;
    }
}

fn error(kind: WireErrorKind, message: &str) -> WireError {
    WireError { kind, message: message.into() }
}

fn response<H: Send + 'static>(
    status: u16,
    headers: &[(&'static str, String)],
    pieces: Vec<(Duration, Bytes)>,
    end: End,
    held: H,
) -> WireResponse {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            map.insert(HeaderName::from_static(name), value);
        }
    }
    let start = (pieces.into_iter(), Some(end), held);
    let body = stream::unfold(start, |(mut pieces, end, held)| async move {
        if let Some((silence, piece)) = pieces.next() {
            pause(silence).await;
            return Some((Ok(piece), (pieces, end, held)));
        }
        match end? {
            End::Closed => None,
            End::Open => std::future::pending().await,
            End::Broken => Some((Err(error(WireErrorKind::Broken, "connection reset")), (pieces, None, held))),
        }
    });
    WireResponse { head: WireHead { status, headers: map }, body: body.boxed() }
}
