//! The client writes bytes as it likes and reads replies as strictly as they can be read.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take.
const WITHIN: Duration = Duration::from_secs(20);

/// A connection, and what came on it and was not looked at yet.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    came: Vec<u8>,
}

/// How a connection goes on behind what was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Behind {
    /// Nothing came within the time.
    Open,
    /// The peer ended it in order.
    Closed,
    /// The peer broke it off.
    Reset,
}

/// A reply, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream.set_write_timeout(Some(WITHIN)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, came: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is taken");
    }

    /// Sends what the peer may refuse to take to its end.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more is sent.
    pub(crate) fn end(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Asks again on this connection.
    pub(crate) fn get(&mut self, target: &str) -> Reply {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: site.test\r\n\r\n"));
        self.reply()
    }

    /// The next reply, to anything but HEAD.
    pub(crate) fn reply(&mut self) -> Reply {
        self.reply_to("GET")
    }

    /// The next reply to a request of that method.
    pub(crate) fn reply_to(&mut self, method: &str) -> Reply {
        let mut reply = self.head();
        if method != "HEAD" && reply.has_body() {
            let length = reply.length();
            while self.came.len() < length {
                self.more().unwrap_or_else(|behind| panic!("{behind:?} in the body of {reply:?}"));
            }
            reply.body = self.came.drain(..length).collect();
        }
        reply
    }

    /// The head of the next reply; its body is left.
    pub(crate) fn head(&mut self) -> Reply {
        let head_bytes = loop {
            let end = self.came.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            let came = self.more();
            came.unwrap_or_else(|behind| {
                panic!("{behind:?} in a head: {}", self.came.escape_ascii())
            });
        };
        let head: Vec<u8> = self.came.drain(..head_bytes).collect();
        Reply::of_head(&String::from_utf8(head).expect("a head is text"))
    }

    /// Reads at least one byte more.
    fn more(&mut self) -> Result<(), Behind> {
        let mut block = [0; 16 << 10];
        let bytes = read(&mut self.stream, &mut block)?;
        self.came.extend_from_slice(&block[..bytes]);
        Ok(())
    }

    /// Reads at most so many bytes of what comes: the first of them, if any came already.
    pub(crate) fn read(&mut self, block: &mut [u8]) -> Result<usize, Behind> {
        if self.came.is_empty() {
            return read(&mut self.stream, block);
        }
        let bytes = self.came.len().min(block.len());
        block[..bytes].copy_from_slice(&self.came[..bytes]);
        self.came.drain(..bytes);
        Ok(bytes)
    }

    /// All that comes until the connection ends, and how it ended.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Behind) {
        let behind = loop {
            if let Err(behind) = self.more() {
                break behind;
            }
        };
        (core::mem::take(&mut self.came), behind)
    }

    /// How the connection goes on, where nothing more is expected.
    pub(crate) fn behind(&mut self, within_ms: u64) -> Behind {
        self.stream.set_read_timeout(Some(Duration::from_millis(within_ms))).unwrap();
        let (rest, behind) = self.rest();
        self.stream.set_read_timeout(Some(WITHIN)).unwrap();
        assert!(rest.is_empty(), "more came: {}", rest.escape_ascii());
        behind
    }
}

fn read(stream: &mut TcpStream, block: &mut [u8]) -> Result<usize, Behind> {
    loop {
        return match stream.read(block) {
            Ok(0) => Err(Behind::Closed),
            Ok(bytes) => Ok(bytes),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Behind::Open),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Err(Behind::Reset),
                kind => panic!("{kind}"),
            },
        };
    }
}

impl Reply {
    fn of_head(head: &str) -> Self {
        assert!(head.is_ascii() && !head.replace("\r\n", "").contains(['\r', '\n']), "{head:?}");
        let mut lines = head.strip_suffix("\r\n\r\n").expect("it was looked for").split("\r\n");
        let first = lines.next().expect("one line at least");
        let (digits, phrase) = first.strip_prefix("HTTP/1.1 ").expect(first).split_at(3);
        assert!(phrase.len() > 1 && phrase.starts_with(' '), "{first}");
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect(line);
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
                "{line}"
            );
            assert!(value.trim() == value && !value.is_empty(), "{line}");
            let is_there = fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            assert!(!is_there, "{name} twice in {head:?}");
            fields.push((name.to_owned(), value.to_owned()));
        }
        let reply = Self { status: digits.parse().unwrap(), fields, body: Vec::new() };
        let is_dated = reply.field("Date").is_some_and(|date| date.ends_with(" GMT"));
        assert!(is_dated || reply.status == 100, "{head:?}");
        reply
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The entity tag, which must be there.
    pub(crate) fn tag(&self) -> &str {
        self.field("ETag").expect("it has a tag")
    }

    pub(crate) fn says_close(&self) -> bool {
        self.field("Connection") == Some("close")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn length(&self) -> usize {
        let length = self.field("Content-Length").expect("a body has a length");
        assert!(length.bytes().all(|byte| byte.is_ascii_digit()), "{length}");
        length.parse().unwrap()
    }

    fn has_body(&self) -> bool {
        let is_bodiless = matches!(self.status, 100..200 | 204 | 304);
        let has_length = self.field("Content-Length").is_some();
        assert!(!(self.status == 204 && has_length), "204 with a length: {self:?}");
        !is_bodiless
    }
}
