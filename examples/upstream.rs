//! A provider for measuring: speaks OpenAI's chat completions on loopback as fast as one thread can, with faults on demand.
//!
//! Prints `PORT` and serves until its standard input ends. The base URL says how it behaves:
//!
//! | base URL | answers |
//! |---|---|
//! | `…/plain/v1` | at once, 600 bytes; with `"stream": true` 200 chunks in 20 writes |
//! | `…/each/v1` | streams with one write a chunk |
//! | `…/slow/v1` | after 50 ms |
//! | `…/faulty/v1` | 1 % resets, 5 % 429, the rest after 5 ms |
//! | `…/dead/v1` | the connection is closed without an answer |

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program, not the library")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const CHUNKS: usize = 200;
/// Chunks in one write where the network is meant to be no matter.
const TOGETHER: usize = 10;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        let mut input = tokio::io::stdin();
        let mut end = [0; 16];
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((socket, _)) = accepted else { continue };
                    tokio::spawn(serve(socket));
                }
                read = input.read(&mut end) => if matches!(read, Ok(0) | Err(_)) { return },
            }
        }
    });
}

/// One connection, until the other side leaves.
async fn serve(mut socket: TcpStream) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    let mut buffer: Vec<u8> = Vec::with_capacity(4096);
    loop {
        let (head, length) = loop {
            if let Some(whole) = complete(&buffer) {
                break whole;
            }
            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let path = buffer[..head].split(|byte| *byte == b' ').nth(1).unwrap_or_default().to_vec();
        let stream = memchr::memmem::find(&buffer[head..length], b"\"stream\":true").is_some();
        buffer.drain(..length);
        answer(&mut socket, &path, stream).await?;
    }
}

/// Where the head of a whole request ends, and where the request does.
fn complete(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = memchr::memmem::find(buffer, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + length.unwrap_or(0);
    (buffer.len() >= end).then_some((head, end))
}

async fn answer(socket: &mut TcpStream, path: &[u8], stream: bool) -> Option<()> {
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let behaviour = path.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
    match behaviour {
        b"dead" => return None,
        b"slow" => tokio::time::sleep(Duration::from_millis(50)).await,
        b"faulty" => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            // Spread evenly, but in no step with anything: 37 is prime to 100.
            match number * 37 % 100 {
                0 => return None,
                1..=5 => return write(socket, b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after-ms: 20\r\ncontent-length: 60\r\n\r\n{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\"}}\n").await,
                _ => {}
            }
        }
        _ => {}
    }
    if stream { chunks(socket, if behaviour == b"each" { 1 } else { TOGETHER }).await } else { whole(socket).await }
}

async fn write(socket: &mut TcpStream, bytes: &[u8]) -> Option<()> {
    socket.write_all(bytes).await.ok()
}

async fn whole(socket: &mut TcpStream) -> Option<()> {
    let text = "The sky is blue because air scatters short waves of light more than long ones. ".repeat(4);
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":20,"completion_tokens":70,"total_tokens":90}}}}"#
    );
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    write(socket, reply.as_bytes()).await
}

async fn chunks(socket: &mut TcpStream, together: usize) -> Option<()> {
    write(socket, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    for from in (0..CHUNKS).step_by(together) {
        let events: String =
            (from..from + together).map(|n| event(&format!(r#"{{"content":" word{n}"}}"#), "null")).collect();
        write(socket, framed(&events).as_bytes()).await?;
        tokio::task::yield_now().await;
    }
    let end = event("{}", "\"stop\"") + "data: [DONE]\n\n";
    write(socket, (framed(&end) + "0\r\n\r\n").as_bytes()).await
}

fn event(delta: &str, reason: &str) -> String {
    format!(
        r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}]}}"#
    ) + "\n\n"
}

fn framed(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
