//! A streamed body, decoded: bytes → events → chunks, with bounds on all of them.

use std::{collections::VecDeque, time::Duration};

use bytes::BytesMut;
use futures_util::{StreamExt, stream::BoxStream};

use super::{fleet::Target, redact::Restoring};
use crate::{
    adapter::StreamDecoder,
    chat::ChatChunk,
    clock::{self, Instant},
    error::{Error, ErrorKind, Result},
    signals::sensitive::Redaction,
    transport::{WireError, WireErrorKind, WireEvent, WireResponse, sse},
};

/// Bytes of an answer at most, decompressed: a book with images fits, a decompression bomb does not.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// Bytes of a stream on the wire at most. Its frames are read and forgotten, and a frame is a hundred times its token.
const MAX_STREAM: usize = 256 * 1024 * 1024;
/// Events that cannot be read in one stream; more of them mean that it is not a stream of ours at all.
const MAX_SKIPPED: u32 = 100;
/// After the answer is complete, how long to wait for the rest (usage, the connection's end): it is only of use to accounting.
const LINGER: Duration = Duration::from_millis(500);

/// How events are cut out of the bytes.
#[derive(Debug)]
enum Framing {
    Sse(sse::Parser),
    Lines(BytesMut),
    Whole(BytesMut),
}

/// One streamed answer.
pub struct Feed {
    body: BoxStream<'static, std::result::Result<bytes::Bytes, WireError>>,
    framing: Framing,
    decoder: Box<dyn StreamDecoder>,
    restoring: Option<Restoring>,
    ready: VecDeque<ChatChunk>,
    name: String,
    /// Seconds since 1970 when the answer began: the date of answers that bring none.
    began: u64,
    bytes: usize,
    content: usize,
    /// Events that could not be read.
    pub skipped: u32,
    read: u32,
    ended: bool,
    /// An error behind chunks that are not delivered yet: what came before it counts, however the network cut it.
    failed: Option<Error>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Feed({} bytes)", self.bytes)
    }
}

impl Feed {
    /// Of a response whose head is there. The media type says how it is framed; what is unknown is taken for events.
    pub fn new(response: WireResponse, target: &Target, redaction: Option<&Redaction>) -> Self {
        let framing = match response.head.media_type().as_str() {
            "application/x-ndjson" | "application/jsonl" | "application/json-lines" => Framing::Lines(BytesMut::new()),
            // A page of a proxy is no stream either.
            "application/json" | "text/html" | "application/xml" | "text/xml" => Framing::Whole(BytesMut::new()),
            _ => Framing::Sse(sse::Parser::default()),
        };
        Self {
            body: response.body,
            framing,
            decoder: target.adapter.stream(target.deployment()),
            restoring: redaction.cloned().map(Restoring::new),
            ready: VecDeque::new(),
            name: target.deployment().id.to_string(),
            began: clock::unix_seconds(clock::wall()) as u64,
            bytes: 0,
            content: 0,
            skipped: 0,
            read: 0,
            ended: false,
            failed: None,
        }
    }

    /// Whether the answer is complete.
    pub fn is_finished(&self) -> bool {
        self.decoder.is_finished()
    }

    /// The error that is known to follow the chunks that are already there.
    pub fn failed(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// The next chunk; `None` at the end of a complete answer. Heartbeats and other events without content count as
    /// nothing: `until` is when the wait for *content* is over.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] at `until`; [`ErrorKind::Connection`] if the stream is cut; whatever the provider reports.
    pub async fn next(&mut self, until: Instant) -> Result<Option<ChatChunk>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.ended || self.decoder.is_closed() {
                self.drain().await;
                self.end()?;
                return Ok(self.restoring.take().and_then(|mut restoring| restoring.rest()));
            }
            let finished = self.decoder.is_finished();
            let until = if finished { until.min(clock::now() + LINGER) } else { until };
            match tokio::time::timeout_at(until, self.body.next()).await {
                Err(_) if finished => self.ended = true,
                Err(_) => return Err(Error::new(ErrorKind::Timeout, format!("`{}` fell silent", self.name))),
                Ok(None) => self.failed = self.finish().err(),
                // The answer was complete before the connection broke.
                Ok(Some(Err(_))) if finished => self.ended = true,
                Ok(Some(Err(error))) => return Err(self.cut(&error)),
                Ok(Some(Ok(bytes))) => self.failed = self.take(&bytes).err(),
            }
        }
    }

    /// Reads what little follows the last event, so that the connection can be used again.
    async fn drain(&mut self) {
        if !self.ended {
            let rest = async { while let Some(Ok(_)) = self.body.next().await {} };
            let _ = tokio::time::timeout_at(clock::now() + Duration::from_millis(20), rest).await;
            self.ended = true;
        }
    }

    fn end(&self) -> Result<()> {
        if self.decoder.is_finished() {
            return Ok(());
        }
        // Without one readable event it was no stream that broke, but something else.
        if self.read == 0 {
            let message = format!("`{}` answered with something that is no stream", self.name);
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        let skipped = if self.skipped > 0 { format!(" ({} unreadable events)", self.skipped) } else { String::new() };
        let message = format!("`{}` ended its stream before the answer was complete{skipped}", self.name);
        Err(Error::new(ErrorKind::Connection, message))
    }

    fn cut(&self, error: &WireError) -> Error {
        let kind = if error.kind == WireErrorKind::TooLarge { ErrorKind::Protocol } else { ErrorKind::Connection };
        Error::new(kind, format!("the stream of `{}` broke: {}", self.name, error.message))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len();
        let held = match &self.framing {
            Framing::Sse(_) => 0,
            Framing::Lines(rest) | Framing::Whole(rest) => rest.len() + bytes.len(),
        };
        if self.bytes > MAX_STREAM || held > MAX_BODY {
            return Err(self.too_large());
        }
        let mut events = Vec::new();
        match &mut self.framing {
            Framing::Sse(parser) => {
                if parser.push(bytes, &mut events).is_err() {
                    return Err(self.too_large());
                }
            }
            Framing::Lines(rest) => {
                rest.extend_from_slice(bytes);
                while let Some(end) = memchr::memchr(b'\n', rest) {
                    let line = rest.split_to(end + 1);
                    events.extend(line_event(&line));
                }
            }
            Framing::Whole(rest) => rest.extend_from_slice(bytes),
        }
        self.decode(&events)
    }

    fn finish(&mut self) -> Result<()> {
        self.ended = true;
        let mut events = Vec::new();
        match &mut self.framing {
            Framing::Sse(parser) => {
                if parser.finish(&mut events).is_err() {
                    return Err(self.too_large());
                }
            }
            Framing::Lines(rest) => events.extend(line_event(rest)),
            Framing::Whole(rest) => {
                let body = std::mem::take(rest).freeze();
                let chunks = self.decoder.whole(&body)?;
                self.give(chunks);
            }
        }
        self.decode(&events)
    }

    fn decode(&mut self, events: &[WireEvent]) -> Result<()> {
        for event in events {
            match self.decoder.event(event) {
                Ok(chunks) => {
                    self.read += 1;
                    self.content += chunks.iter().map(ChatChunk::size).sum::<usize>();
                    if self.content > MAX_BODY {
                        return Err(self.too_large());
                    }
                    self.give(chunks);
                }
                Err(error) if error.kind == ErrorKind::Protocol && self.skipped < MAX_SKIPPED => self.skipped += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Chunks become ready, with the originals in place of placeholders. One of which everything is held back is none.
    fn give(&mut self, mut chunks: Vec<ChatChunk>) {
        if let Some(restoring) = &mut self.restoring {
            chunks.retain_mut(|chunk| {
                let had = chunk.has_content();
                restoring.chunk(chunk);
                !had || chunk.has_content()
                    || chunk.usage.is_some()
                    || chunk.choices.iter().any(|delta| delta.finish_reason.is_some())
            });
        }
        for chunk in &mut chunks {
            self.began = chunk.created.filter(|created| *created > 0).unwrap_or(self.began);
            chunk.created = Some(self.began);
        }
        self.ready.extend(chunks);
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::Protocol, format!("`{}` sent more than an answer may hold", self.name))
    }
}

fn line_event(line: &[u8]) -> Option<WireEvent> {
    let data = String::from_utf8_lossy(line).trim().to_owned();
    (!data.is_empty()).then(|| WireEvent { name: String::new(), data })
}
