//! HTTP over reqwest: pools, TLS, HTTP/2, decompression. No retry, no redirect, no proxy: what must be decided is decided elsewhere.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture};
use parking_lot::Mutex;

use super::{Transport, WireError, WireErrorKind, WireHead, WireRequest, WireResponse};

/// Idle connections are dropped before the 60 s at which common load balancers drop them in silence.
const IDLE: Duration = Duration::from_secs(55);

/// The pool of connections of a router. Clients are built at first use, not at construction.
#[derive(Default)]
pub struct Http {
    pools: Mutex<Pools>,
}

/// One client for each connect timeout in use, of this process: a child after `fork` must not share its parent's sockets.
#[derive(Default)]
struct Pools {
    process: u32,
    clients: HashMap<Duration, reqwest::Client>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    fn client(&self, connect: Duration) -> Result<reqwest::Client, WireError> {
        let mut pools = self.pools.lock();
        let process = std::process::id();
        if pools.process != process {
            // The parent's connections belong to the parent's runtime: dropping them here would touch it.
            std::mem::forget(std::mem::take(&mut pools.clients));
            pools.process = process;
        }
        if let Some(client) = pools.clients.get(&connect) {
            return Ok(client.clone());
        }
        let client = build(connect)?;
        pools.clients.insert(connect, client.clone());
        Ok(client)
    }
}

fn builder(connect: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("waypost/", env!("CARGO_PKG_VERSION")))
}

/// A container without CA files makes the platform's verifier fail: then the bundled Mozilla roots are used.
fn build(connect: Duration) -> Result<reqwest::Client, WireError> {
    builder(connect).build().or_else(|_| {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .filter_map(|der| reqwest::Certificate::from_der(der.as_ref()).ok());
        builder(connect)
            .tls_certs_only(roots)
            .build()
            .map_err(|error| WireError { kind: WireErrorKind::BadRequest, message: format!("no HTTP client: {error}") })
    })
}

/// What a reqwest error means, in words without the URL.
fn classify(error: reqwest::Error) -> WireError {
    let error = error.without_url();
    let kind = if error.is_builder() {
        WireErrorKind::BadRequest
    } else if error.is_connect() && error.is_timeout() {
        WireErrorKind::ConnectTimeout
    } else if error.is_connect() || never_left(&error) {
        WireErrorKind::Connect
    } else {
        WireErrorKind::Broken
    };
    // The innermost cause says what happened ("Connection refused"); the outer ones only say where.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let message = cause.to_string();
    // The words are rustls' own; it has no other mark that reaches through reqwest.
    let untrusted = kind == WireErrorKind::Connect && message.starts_with("invalid peer certificate");
    WireError { kind: if untrusted { WireErrorKind::Untrusted } else { kind }, message }
}

/// Whether the connection was gone before the first byte of the request was written to it.
fn never_left(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        cause = inner.source();
    }
    false
}

impl Transport for Http {
    fn send(&self, request: WireRequest, connect: Duration) -> BoxFuture<'static, Result<WireResponse, WireError>> {
        let client = self.client(connect);
        Box::pin(async move {
            let sent = client?.post(&request.url).headers(request.headers).body(request.body).send();
            let mut response = sent.await.map_err(classify)?;
            let head = WireHead { status: response.status().as_u16(), headers: std::mem::take(response.headers_mut()) };
            let body = response.bytes_stream().map(|piece| piece.map_err(classify)).boxed();
            Ok(WireResponse { head, body })
        })
    }

    fn close(&self) {
        let mut pools = self.pools.lock();
        if pools.process == std::process::id() {
            pools.clients.clear();
        }
    }
}

/// A transport that many routers may share.
pub fn shared() -> Arc<dyn Transport> {
    Arc::new(Http::default())
}
