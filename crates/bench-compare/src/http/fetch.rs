//! Fetching is asking for files in turn and knowing of each answer that it is the file: its status, its length, its bytes.
//!
//! Every answer's status and length are looked at; every sixteenth on a connection, the first among them, is compared byte
//! for byte. The comparing is the client's work, on the client's core, the same for all servers.

use crate::http::content::Content;
use crate::http::reply_head::read_head;
use crate::load::dialogue::{Dialogue, Heard};
use crate::ring::messages::MessageIndex;

/// One answer in so many is compared.
const COMPARED_ONE_IN: u64 = 16;

/// No server's head is as long.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// A file that a server has.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As it stands in the request: `/name`.
    pub(crate) path: String,
    pub(crate) content: Content,
}

/// What the client asks of the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Connection {
    Keep,
    Close,
}

/// Fetches targets in turn.
#[derive(Debug)]
pub(crate) struct Fetch {
    targets: Vec<Target>,
    connection: Connection,
    next_index: usize,
    compared_bytes: u64,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Talk {
    target_index: usize,
    asked_count: u64,
    place: Place,
}

/// How far the answer has come.
#[derive(Debug)]
enum Place {
    /// What came of the head, if that was not all of it.
    Head(Vec<u8>),
    Body {
        offset: u64,
    },
}

impl Fetch {
    pub(crate) fn new(targets: Vec<Target>, connection: Connection) -> Self {
        assert!(!targets.is_empty(), "there is something to fetch");
        Self { targets, connection, next_index: 0, compared_bytes: 0 }
    }

    /// What a client sends to get `path`.
    pub(crate) fn request(path: &str, connection: Connection) -> Vec<u8> {
        let close = if connection == Connection::Close { "Connection: close\r\n" } else { "" };
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{close}\r\n").into_bytes()
    }

    /// How many bytes were compared with what they should be.
    pub(crate) fn compared_bytes(&self) -> u64 {
        self.compared_bytes
    }

    fn hear_body(&mut self, talk: &mut Talk, bytes: &[u8]) -> Result<Heard, String> {
        let Place::Body { offset } = &mut talk.place else { unreachable!("the head is read") };
        let target = &self.targets[talk.target_index];
        if talk.asked_count % COMPARED_ONE_IN == 1 {
            if !target.content.has(*offset, bytes) {
                return Err(format!(
                    "{}: the body is not the file's, from {offset} on",
                    target.path
                ));
            }
            self.compared_bytes += bytes.len() as u64;
        }
        *offset += bytes.len() as u64;
        match (*offset).cmp(&target.content.length_bytes) {
            std::cmp::Ordering::Less => Ok(Heard::Part),
            std::cmp::Ordering::Equal => Ok(Heard::Whole),
            std::cmp::Ordering::Greater => Err(format!("{}: more than the file", target.path)),
        }
    }
}

impl Dialogue for Fetch {
    type Talk = Talk;

    fn messages(&self) -> Vec<Vec<u8>> {
        self.targets.iter().map(|target| Self::request(&target.path, self.connection)).collect()
    }

    fn begin(&self) -> Talk {
        Talk { target_index: 0, asked_count: 0, place: Place::Head(Vec::new()) }
    }

    fn ask(&mut self, talk: &mut Talk) -> MessageIndex {
        talk.target_index = self.next_index;
        self.next_index = (self.next_index + 1) % self.targets.len();
        talk.asked_count += 1;
        talk.place = Place::Head(Vec::new());
        MessageIndex(talk.target_index)
    }

    fn hear(&mut self, talk: &mut Talk, bytes: &[u8]) -> Result<Heard, String> {
        let Place::Head(before) = &mut talk.place else { return self.hear_body(talk, bytes) };
        let joined;
        let bytes = if before.is_empty() {
            bytes
        } else {
            before.extend_from_slice(bytes);
            joined = std::mem::take(before);
            &joined
        };
        let Some(head) = read_head(bytes)? else {
            if bytes.len() > HEAD_BYTES_MAX {
                return Err("the reply's head does not end".to_owned());
            }
            talk.place = Place::Head(bytes.to_vec());
            return Ok(Heard::Part);
        };
        let target = &self.targets[talk.target_index];
        if head.body_bytes != target.content.length_bytes {
            let (said, has) = (head.body_bytes, target.content.length_bytes);
            return Err(format!("{}: {said} bytes announced, the file has {has}", target.path));
        }
        talk.place = Place::Body { offset: 0 };
        self.hear_body(talk, &bytes[head.head_bytes..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch() -> (Fetch, Talk, Vec<u8>) {
        let content = Content::new(3, 5_000);
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n".to_vec();
        content.write_to(&mut answer).unwrap();
        let mut fetch =
            Fetch::new(vec![Target { path: "/a".to_owned(), content }], Connection::Keep);
        let mut talk = fetch.begin();
        fetch.ask(&mut talk);
        (fetch, talk, answer)
    }

    #[test]
    fn an_answer_is_whole_however_it_is_cut() {
        for cut_bytes in [1, 7, 40, 1000, 6000] {
            let (mut fetch, mut talk, answer) = fetch();
            let heard: Vec<_> =
                answer.chunks(cut_bytes).map(|part| fetch.hear(&mut talk, part).unwrap()).collect();
            let (last, rest) = heard.split_last().unwrap();
            assert_eq!(*last, Heard::Whole, "cut to {cut_bytes}");
            assert!(rest.iter().all(|heard| *heard == Heard::Part));
            assert_eq!(fetch.compared_bytes(), 5_000);
        }
    }

    #[test]
    fn a_wrong_byte_a_byte_too_many_and_another_length_are_refused() {
        let (mut fetch1, mut talk, mut answer) = fetch();
        answer[2_000] ^= 1;
        assert!(fetch1.hear(&mut talk, &answer).is_err());
        let (mut fetch2, mut talk, mut answer) = fetch();
        answer.push(0);
        assert!(fetch2.hear(&mut talk, &answer).is_err());
        let (mut fetch3, mut talk, _) = fetch();
        let other = b"HTTP/1.1 200 OK\r\nContent-Length: 4999\r\n\r\n";
        assert!(fetch3.hear(&mut talk, other).is_err());
    }

    #[test]
    fn a_request_says_what_becomes_of_the_connection() {
        let close = Fetch::request("/a", Connection::Close);
        assert_eq!(close, b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        assert!(!Fetch::request("/a", Connection::Keep).windows(5).any(|part| part == b"close"));
    }
}
