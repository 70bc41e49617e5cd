//! A log line is what is told of one request, once its answer is on its way.
//!
//! It goes to `tracing` under the target `levada::access`, with the causality id of the request; what becomes of it, and
//! in which form, is the subscriber's part. Made only where the log is on.

use core::net::SocketAddr;
use core::time::Duration;

use levada_http::Field;
use levada_http::h1::RequestHead;
use levada_process::{Cause, Traceparent};

use crate::answer::cause_text;

/// The target under which requests are told.
pub const ACCESS_TARGET: &str = "levada::access";

/// How much is told of a request's first line that could not be read.
const LINE_BYTES_MAX: usize = 256;

/// What is told.
#[derive(Debug)]
pub(crate) struct LogLine {
    request: String,
    host: String,
    referer: String,
    agent: String,
    status: u16,
    body_bytes: u64,
}

impl LogLine {
    pub(crate) fn of(head: &RequestHead<'_>, status: u16, body_bytes: u64) -> Box<Self> {
        let field = |field| head.request.fields.first(field).map(text).unwrap_or_default();
        Box::new(Self {
            request: text(head.line),
            host: head.request.host.map(|host| text(host.name())).unwrap_or_default(),
            referer: field(Field::Referer),
            agent: field(Field::UserAgent),
            status,
            body_bytes,
        })
    }

    /// Of a request that could not be read: as much of its first line as came.
    pub(crate) fn unread(input: &[u8], status: u16, body_bytes: u64) -> Box<Self> {
        let empty = String::new;
        let line = input.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        Box::new(Self {
            request: text(&line[..line.len().min(LINE_BYTES_MAX)]),
            host: empty(),
            referer: empty(),
            agent: empty(),
            status,
            body_bytes,
        })
    }

    pub(crate) fn tell(
        &self,
        peer: Option<SocketAddr>,
        parent: Traceparent,
        cause: Cause,
        unix_s: u64,
        took: Duration,
    ) {
        let peer = peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
        tracing::info!(
            target: ACCESS_TARGET,
            unix_s,
            peer,
            request = self.request,
            host = self.host,
            status = self.status,
            bytes = self.body_bytes,
            referer = self.referer,
            agent = self.agent,
            cause = cause_text(cause),
            traceparent = %parent,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        );
    }
}

/// Bytes of a peer's as text: what is no text is shown as the sign for that.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
