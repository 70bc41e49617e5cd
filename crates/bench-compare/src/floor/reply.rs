//! The floor's one reply: a head as long as nginx's, and a body that is in memory or in a file.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use crate::http::content::Content;

/// The most that one `sendfile` moves, as nginx has it: one connection must not hold the loop.
const SENDFILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// What every request is answered with.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The head, and behind it the body if that is in memory.
    bytes: Vec<u8>,
    /// The body, if it is sent from the page cache.
    file: Option<(File, u64)>,
}

impl Reply {
    pub(crate) fn in_memory(content: &Content, closes: bool) -> Self {
        Self { bytes: reply_bytes(content, closes), file: None }
    }

    /// The content alone, where no protocol needs a head.
    pub(crate) fn bare(content: &Content) -> Self {
        Self { bytes: content_bytes(content), file: None }
    }

    /// The body stays where it is, in a file without a name.
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn in_file(content: &Content, closes: bool) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        content.write_to(&mut file)?;
        Ok(Self {
            bytes: head(content.length_bytes, closes),
            file: Some((file, content.length_bytes)),
        })
    }

    pub(crate) fn length_bytes(&self) -> u64 {
        self.bytes.len() as u64 + self.file.as_ref().map_or(0, |(_, length_bytes)| *length_bytes)
    }

    /// Sends what stands at `from`, as much as the socket takes.
    pub(crate) fn send_from(&self, socket: &OwnedFd, from: u64) -> Result<u64, Errno> {
        let in_memory_bytes = self.bytes.len() as u64;
        if from < in_memory_bytes {
            let part = &self.bytes[usize::try_from(from).expect("below a length")..];
            // The head waits for the first of the file, and leaves with it.
            let more = if self.file.is_some() { SendFlags::MORE } else { SendFlags::empty() };
            return send(socket, part, SendFlags::NOSIGNAL | more).map(|sent| sent as u64);
        }
        let (file, length_bytes) = self.file.as_ref().expect("more is owed than is in memory");
        let mut offset = from - in_memory_bytes;
        let part_bytes = (length_bytes - offset).min(SENDFILE_BYTES_MAX);
        let part_bytes = usize::try_from(part_bytes).expect("two million");
        sendfile(socket, file, Some(&mut offset), part_bytes).map(|sent| sent as u64)
    }
}

/// The content in one piece.
pub(crate) fn content_bytes(content: &Content) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.write_to(&mut bytes).expect("memory takes all");
    bytes
}

/// Head and body in one piece.
pub(crate) fn reply_bytes(content: &Content, closes: bool) -> Vec<u8> {
    let mut bytes = head(content.length_bytes, closes);
    content.write_to(&mut bytes).expect("memory takes all");
    bytes
}

fn head(body_bytes: u64, closes: bool) -> Vec<u8> {
    let connection = if closes { "close" } else { "keep-alive" };
    format!(
        "HTTP/1.1 200 OK\r\nServer: bare/0.0.0\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {body_bytes}\r\n\
         Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: {connection}\r\n\
         ETag: \"00000000-400\"\r\nAccept-Ranges: bytes\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::http::reply_head::read_head;

    fn heard(reply: &Reply) -> Vec<u8> {
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = OwnedFd::from(near);
        let mut sent_bytes = 0;
        while sent_bytes < reply.length_bytes() {
            sent_bytes += reply.send_from(&near, sent_bytes).unwrap();
        }
        drop(near);
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).unwrap();
        heard
    }

    #[test]
    fn both_kinds_say_the_same() {
        let content = Content::new(5, 10_000);
        let from_memory = heard(&Reply::in_memory(&content, true));
        assert_eq!(from_memory, heard(&Reply::in_file(&content, true).unwrap()));
        let head = read_head(&from_memory).unwrap().unwrap();
        assert_eq!(head.body_bytes, 10_000);
        assert!(content.has(0, &from_memory[head.head_bytes..]));
        assert!(content.has(0, &heard(&Reply::bare(&content))), "and no head if none is needed");
    }
}
