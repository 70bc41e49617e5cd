//! A reply on HTTP/1 is a status line, fields, a tail, and a body that is sent from where it lies.
//!
//! ```text
//! HeadLines │ HTTP/1.1 200 OK CRLF, a line a field     made once for each representation
//! Tail      │ Date, Connection, empty line             made once a second
//! body      │ SharedData                               never copied
//! ```
//! The status line says HTTP/1.1 to clients of HTTP/1.0 too (RFC 9110, 2.5).

use super::tail::Tail;
use crate::compose::{Compose, Sink};
use crate::content_type::ContentType;
use crate::method::Method;
use crate::reply_head::{FieldSink, ReplyHead};
use crate::status_page::StatusPage;

/// Tells a client that waits for it to send its body. It is whole, and no final reply.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The status line and the fields; a [`Tail`] must follow.
#[derive(Clone, Copy, Debug)]
pub struct HeadLines<'a>(pub ReplyHead<'a>);

impl Compose for HeadLines<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"HTTP/1.1 ");
        self.0.status.put_into(sink);
        sink.put(b"\r\n");
        self.0.put_fields(&mut FieldLines(sink));
    }
}

struct FieldLines<'a, S>(&'a mut S);

impl<S: Sink> FieldSink for FieldLines<'_, S> {
    fn field(&mut self, name: &str, value: &(impl Compose + ?Sized)) {
        self.0.put(name.as_bytes());
        self.0.put(b": ");
        value.put_into(self.0);
        self.0.put(b"\r\n");
    }
}

/// A whole reply whose body is a page about its status: errors and redirects.
#[derive(Clone, Copy, Debug)]
pub struct ShortReply<'a> {
    /// What is said beside the page's type and length, which are added.
    pub head: ReplyHead<'a>,
    /// The causality id of the request, as the log spells it.
    pub cause: &'a str,
    /// When, and what becomes of the connection.
    pub tail: Tail,
    /// What was asked: HEAD gets the head alone. `None` if the request could not be read.
    pub method: Option<Method>,
}

impl ShortReply<'_> {
    /// How long its body is: nothing for HEAD, and for what has none by its status.
    pub fn body_bytes(&self) -> u64 {
        if self.head.status.is_bodiless() || self.method == Some(Method::Head) {
            return 0;
        }
        StatusPage { status: self.head.status, cause: self.cause }.text_bytes() as u64
    }
}

impl Compose for ShortReply<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        let page = StatusPage { status: self.head.status, cause: self.cause };
        if self.head.status.is_bodiless() {
            HeadLines(self.head).put_into(sink);
            return self.tail.put_into(sink);
        }
        let head = ReplyHead {
            content_type: Some(ContentType::HTML),
            content_length: Some(page.text_bytes() as u64),
            ..self.head
        };
        HeadLines(head).put_into(sink);
        self.tail.put_into(sink);
        if self.method != Some(Method::Head) {
            page.put_into(sink);
        }
    }
}
