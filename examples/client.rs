//! CPU time a request of this process against `examples/upstream`: reqwest alone, and waypost's core without Python.
//!
//! `client BASE_URL REQUESTS AT_ONCE [reqwest|waypost]`; the base URL is that of the upstream, for example `http://127.0.0.1:4000/plain/v1`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program, not the library")]

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::json;
use waypost::{
    chat::{ChatRequest, Map, Message},
    config,
    router::{Ask, Call, Router},
    transport::client,
};

const ROUNDS: usize = 5;
const TEXT: &str = "Why is the sky blue? Answer in one sentence, and do not mention Rayleigh.";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, base, requests, at_once, only @ ..] = arguments.as_slice() else {
        return println!("client BASE_URL REQUESTS AT_ONCE [reqwest|waypost]");
    };
    let wanted = |name: &str| only.first().is_none_or(|only| only == name);
    let (requests, at_once): (usize, usize) = (requests.parse().unwrap(), at_once.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let document = json!({"deployments": {"d": {"model": "openai-compatible/m", "base_url": base, "api_key": "k"}}});
    let settings = config::from_value_with(document, Map::new(), &|_| None).unwrap();
    let router = Router::new(settings, client::shared()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = cpu();
        if wanted("reqwest") {
            let (http, base) = (http.clone(), base.clone());
            runtime.block_on(on_worker(requests, at_once, move || post(http.clone(), base.clone())));
        }
        reference.push((cpu() - before) / requests as f64);
        let before = cpu();
        if wanted("waypost") {
            let router = router.clone();
            runtime.block_on(on_worker(requests, at_once, move || chat(router.clone())));
        }
        ours.push((cpu() - before) / requests as f64);
    }
    let size = size_of_val(&router.chat(Call::new(Ask::Chat(Arc::default()))));
    println!("a call's future has {size} bytes");
    println!("reqwest {:.1} µs, waypost core {:.1} µs a request", median(reference), median(ours));
}

/// All of it on the worker, as under Python.
async fn on_worker<F, W>(requests: usize, at_once: usize, one: W)
where
    F: Future<Output = ()> + Send + 'static,
    W: Fn() -> F + Send + 'static,
{
    let work = stream::iter(0..requests).map(move |_| one()).buffer_unordered(at_once);
    tokio::spawn(work.collect::<Vec<()>>()).await.unwrap();
}

async fn post(http: reqwest::Client, base: String) {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": TEXT}]}).to_string();
    let request = http.post(format!("{base}/chat/completions")).header("content-type", "application/json").body(body);
    let bytes = request.send().await.unwrap().bytes().await.unwrap();
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert!(value["choices"][0]["message"]["content"].is_string());
}

async fn chat(router: Router) {
    let request = ChatRequest { messages: vec![Message::user(TEXT)], ..ChatRequest::default() };
    let reply = router.chat(Call::new(Ask::Chat(Arc::new(request)))).await.unwrap();
    assert!(reply.body.first().unwrap().text.is_some());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Microseconds of user and system time of this process.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library does not tell it")]
fn cpu() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `getrusage` fills the struct it is given; all zeros are a valid one too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

#[cfg(not(unix))]
fn cpu() -> f64 {
    0.0
}
