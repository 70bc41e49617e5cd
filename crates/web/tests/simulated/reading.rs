//! Reading is comparing what a client got with what it asked: status, lengths, and each byte of each body.

use crate::asking::Asked;
use crate::stage::{Files, NOT_FOUND};

/// How far what was read goes; all of it was right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Read {
    /// All replies, and nothing behind them.
    Whole,
    /// So many, and perhaps a part of the next.
    Cut { replies_whole: usize },
}

/// What the reply to a request has to be.
struct Due<'a> {
    status: &'static str,
    body: &'a [u8],
    content_range: Option<String>,
}

fn due<'a>(files: &'a Files, asked: &Asked) -> Due<'a> {
    let Some(bytes) = files.bytes_of(&asked.name) else {
        let page = files.bytes_of(NOT_FOUND).unwrap();
        return Due { status: "404", body: page, content_range: None };
    };
    match &asked.range {
        // A range is of a GET's (RFC 9110, 14.2).
        Some(range) if !asked.is_head => {
            let last = range.end - 1;
            let content_range = format!("bytes {}-{last}/{}", range.start, bytes.len());
            Due { status: "206", body: &bytes[range.clone()], content_range: Some(content_range) }
        }
        _ => Due { status: "200", body: bytes, content_range: None },
    }
}

/// Goes through the replies to `asked` that are in `bytes`.
pub(crate) fn read(files: &Files, asked: &[Asked], mut bytes: &[u8]) -> Result<Read, String> {
    for (replies_whole, asked) in asked.iter().enumerate() {
        let Some(head_bytes) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            let begin = b"HTTP/1.1 ";
            let common = begin.len().min(bytes.len());
            return if bytes[..common] == begin[..common] {
                Ok(Read::Cut { replies_whole })
            } else {
                Err(format!("no head: {}", String::from_utf8_lossy(bytes)))
            };
        };
        let head = String::from_utf8_lossy(&bytes[..head_bytes]).into_owned();
        let due = due(files, asked);
        let wrong = |what: &str| Err(format!("{what} of the reply to {asked:?}:\n{head}"));
        if !head.starts_with(&format!("HTTP/1.1 {} ", due.status)) {
            return wrong("the status");
        }
        let length = due.body.len().to_string();
        if field(&head, "content-length") != Some(&length) {
            return wrong("the length");
        }
        if field(&head, "content-range") != due.content_range.as_deref() {
            return wrong("the range");
        }
        bytes = &bytes[head_bytes + 4..];
        let body = if asked.is_head { &[] } else { due.body };
        let there = bytes.len().min(body.len());
        if bytes[..there] != body[..there] {
            let at = (0..there).find(|at| bytes[*at] != body[*at]);
            return wrong(&format!("byte {}", at.unwrap()));
        }
        if there < body.len() {
            return Ok(Read::Cut { replies_whole });
        }
        bytes = &bytes[there..];
    }
    if bytes.is_empty() { Ok(Read::Whole) } else { Err(format!("{} bytes too many", bytes.len())) }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_whole_or_cut_or_wrong() {
        let files = Files(vec![("a".to_owned(), b"abc".to_vec())]);
        let asked = [Asked { is_head: false, name: "a".to_owned(), range: None }];
        let right = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(read(&files, &asked, right), Ok(Read::Whole));
        for end in 0..right.len() {
            let cut = Ok(Read::Cut { replies_whole: 0 });
            assert_eq!(read(&files, &asked, &right[..end]), cut, "{end}");
        }
        for at in [9, 33, 38, 40] {
            let mut wrong = right.to_vec();
            wrong[at] ^= 1;
            assert!(read(&files, &asked, &wrong).is_err(), "{at}");
        }
        assert!(read(&files, &asked, &[right, &b"x"[..]].concat()).is_err());
    }
}
