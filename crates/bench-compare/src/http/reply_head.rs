//! The head of a reply: where it ends, and how long a body it announces.

/// What a head says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ReplyHead {
    pub(crate) head_bytes: usize,
    pub(crate) body_bytes: u64,
}

/// Reads a head from the front of `bytes`; nothing if it is not whole yet.
/// # Errors
/// A sentence, if it is no head, or not of a reply with a file of a stated length.
pub(crate) fn read_head(bytes: &[u8]) -> Result<Option<ReplyHead>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut reply = httparse::Response::new(&mut headers);
    let head_bytes = match reply.parse(bytes) {
        Ok(httparse::Status::Complete(head_bytes)) => head_bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the reply's head cannot be read: {error}")),
    };
    let status = reply.code.unwrap_or_default();
    if status != 200 {
        return Err(format!("status {status} where 200 was expected"));
    }
    let length =
        reply.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = length.ok_or("the reply has no Content-Length")?;
    let body_bytes =
        std::str::from_utf8(length.value).ok().and_then(|text| text.trim().parse().ok());
    let body_bytes = body_bytes.ok_or("the reply's Content-Length is no number")?;
    Ok(Some(ReplyHead { head_bytes, body_bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_it_ends_and_what_follows() {
        let reply = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 12\r\n\r\nHello, world";
        assert_eq!(read_head(reply), Ok(Some(ReplyHead { head_bytes: 50, body_bytes: 12 })));
    }

    #[test]
    fn a_part_of_a_head_is_not_yet_one() {
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\nContent-Le"), Ok(None));
    }

    #[test]
    fn what_is_not_the_file_is_refused() {
        for reply in [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert!(read_head(reply.as_bytes()).is_err(), "{reply}");
        }
    }
}
