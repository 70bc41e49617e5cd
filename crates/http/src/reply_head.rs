//! A reply's head is its status and its fields, in no version's spelling.
//!
//! What changes with each reply, `Date` and what becomes of the connection, is not in it: so a head
//! can be spelled once and be sent as often as its representation is asked for.

use crate::coding::Coding;
use crate::compose::Compose;
use crate::content_range::ContentRange;
use crate::content_type::ContentType;
use crate::date::HttpDate;
use crate::digits::Decimal;
use crate::extra_field::ExtraField;
use crate::location::Location;
use crate::method::Method;
use crate::status::Status;
use crate::validators::Validators;

/// A head as facts. Begin with [`new`](Self::new) and set what there is to say.
#[derive(Clone, Copy, Debug)]
pub struct ReplyHead<'a> {
    /// How it went.
    pub status: Status,
    /// What the body is.
    pub content_type: Option<ContentType<'a>>,
    /// How long it is. What has no body by its status (204, 304) has no length either.
    pub content_length: Option<u64>,
    /// Where it lies in the whole.
    pub content_range: Option<ContentRange>,
    /// How it is compressed.
    pub coding: Coding,
    /// What a later condition can name.
    pub validators: Option<Validators>,
    /// Parts of it can be asked for.
    pub accepts_ranges: bool,
    /// `Accept-Encoding` would have made a difference.
    pub varies: bool,
    /// Which methods there are. 405 must say it.
    pub allows: bool,
    /// Where else to look.
    pub location: Option<Location<'a>>,
    /// When to come again.
    pub retry_after_s: Option<u32>,
    /// What the configuration adds.
    pub extra: &'a [ExtraField],
}

impl ReplyHead<'_> {
    /// A head that says nothing but its status, and `Allow` where it must.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            content_type: None,
            content_length: None,
            content_range: None,
            coding: Coding::Identity,
            validators: None,
            accepts_ranges: false,
            varies: false,
            allows: status == Status::METHOD_NOT_ALLOWED,
            location: None,
            retry_after_s: None,
            extra: &[],
        }
    }

    /// Puts each field into `sink`, in a fixed order.
    pub fn put_fields(&self, sink: &mut impl FieldSink) {
        if let Some(content_type) = &self.content_type {
            sink.field("Content-Type", content_type);
        }
        if let Some(length_bytes) = self.content_length {
            sink.field("Content-Length", &Decimal(length_bytes));
        }
        if let Some(content_range) = &self.content_range {
            sink.field("Content-Range", content_range);
        }
        if self.coding != Coding::Identity {
            sink.field("Content-Encoding", self.coding.name());
        }
        if let Some(validators) = &self.validators {
            sink.field("ETag", &validators.entity_tag);
            if let Some(unix_s) = validators.modified_unix_s {
                sink.field("Last-Modified", &HttpDate::from_unix_s(unix_s));
            }
        }
        if self.accepts_ranges {
            sink.field("Accept-Ranges", "bytes");
        }
        if self.varies {
            sink.field("Vary", "Accept-Encoding");
        }
        if self.allows {
            sink.field("Allow", Method::ALLOWED);
        }
        if let Some(location) = &self.location {
            sink.field("Location", location);
        }
        if let Some(retry_after_s) = self.retry_after_s {
            sink.field("Retry-After", &Decimal(retry_after_s.into()));
        }
        for field in self.extra {
            sink.field(field.name(), field.value());
        }
    }
}

/// What takes the fields of a head: each version of HTTP spells them in its way.
pub trait FieldSink {
    /// Takes one field. Names come in the case in which people write them.
    fn field(&mut self, name: &str, value: &(impl Compose + ?Sized));
}
