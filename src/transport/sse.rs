//! Server-sent events, incrementally: the same events for every way the network may cut the bytes.
//!
//! Follows the WHATWG rules (byte order mark, CR, LF and CRLF, comments, `data:` on several lines, no space after the
//! colon) with one bound of our own: an event larger than [`MAX_EVENT`] ends the stream instead of filling the memory.

use super::WireEvent;

/// Bytes of one event at most. Whole answers with an image inside are a few MB; nothing honest is larger than this.
pub const MAX_EVENT: usize = 16 * 1024 * 1024;

/// An event larger than [`MAX_EVENT`].
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Splits bytes into events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    name: Vec<u8>,
    after_cr: bool,
    started: bool,
}

impl Parser {
    /// Takes the next bytes and appends the events that they complete.
    ///
    /// # Errors
    /// [`TooLarge`] if a line or an event grows beyond [`MAX_EVENT`].
    pub fn push(&mut self, mut bytes: &[u8], into: &mut Vec<WireEvent>) -> Result<(), TooLarge> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
                self.extend(bytes)?;
                return Ok(());
            };
            self.extend(&bytes[..end])?;
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(into)?;
        }
        Ok(())
    }

    /// The event that the end of the body leaves unfinished, if it has data: some servers end without the blank line.
    pub fn finish(&mut self, into: &mut Vec<WireEvent>) -> Result<(), TooLarge> {
        if !self.line.is_empty() {
            self.end_line(into)?;
        }
        self.dispatch(into);
        Ok(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + self.data.len() + bytes.len() > MAX_EVENT {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, into: &mut Vec<WireEvent>) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.started, true) {
            text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        }
        if text.is_empty() {
            self.dispatch(into);
        } else {
            self.field(text)?;
        }
        // Keep the buffer: the next line needs one of about the same size.
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), TooLarge> {
        let (field, value) = match memchr::memchr(b':', line) {
            Some(at) => (&line[..at], line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..])),
            None => (line, &b""[..]),
        };
        match field {
            b"data" => {
                if self.data.len() + value.len() > MAX_EVENT {
                    return Err(TooLarge);
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
            b"event" => self.name = value.to_vec(),
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, into: &mut Vec<WireEvent>) {
        let name = std::mem::take(&mut self.name);
        if std::mem::take(&mut self.has_data) {
            let data = std::mem::take(&mut self.data);
            into.push(WireEvent { name: text(name), data: text(data) });
        }
    }
}

/// Bytes as text; what is not UTF-8 is replaced, so that one bad event is one bad event.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Vec<WireEvent> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser.push(piece, &mut events).unwrap();
        }
        parser.finish(&mut events).unwrap();
        events
    }

    const STREAM: &str =
        "\u{feff}: hello\r\n\r\nevent: a\rdata:x\rdata: y\n\ndata\n\nid: 7\ndata: {\"ü\":\"😀\"}\r\n\r\ndata: last";

    #[test]
    fn the_rules_of_the_standard_hold() {
        let events = parse(&[STREAM.as_bytes()]);
        let seen: Vec<(&str, &str)> = events.iter().map(|e| (e.name.as_str(), e.data.as_str())).collect();
        assert_eq!(seen, [("a", "x\ny"), ("", ""), ("", "{\"ü\":\"😀\"}"), ("", "last")]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        let block = vec![b'a'; 1024 * 1024];
        let result = (0..32).try_for_each(|_| parser.push(&block, &mut events));
        assert_eq!(result, Err(TooLarge));
    }

    proptest! {
        #[test]
        fn every_cut_of_the_bytes_gives_the_same_events(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
            let bytes = STREAM.as_bytes();
            let mut cuts = cuts;
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(parse(&pieces), parse(&[bytes]));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            parse(&[&bytes]);
        }
    }
}
