//! A representation is one form of one file, with all that replies about it say.

use crate::coding::Coding;
use crate::content_range::ContentRange;
use crate::content_type::ContentType;
use crate::extra_field::ExtraField;
use crate::multipart::Multipart;
use crate::range::ByteRange;
use crate::reply_head::ReplyHead;
use crate::status::Status;
use crate::validators::Validators;

/// What is known of a form of a file.
#[derive(Clone, Copy, Debug)]
pub struct Representation<'a> {
    /// What it is.
    pub content_type: ContentType<'a>,
    /// How long it is, as it is sent.
    pub length_bytes: u64,
    /// How it is compressed.
    pub coding: Coding,
    /// What conditions name.
    pub validators: Validators,
    /// There is another form of the same file.
    pub varies: bool,
    /// What the configuration adds.
    pub extra: &'a [ExtraField],
}

impl<'a> Representation<'a> {
    /// 200: all of it. The head of HEAD too.
    pub fn whole(&self) -> ReplyHead<'a> {
        ReplyHead {
            content_type: Some(self.content_type),
            content_length: Some(self.length_bytes),
            coding: self.coding,
            validators: Some(self.validators),
            accepts_ranges: true,
            varies: self.varies,
            extra: self.extra,
            ..ReplyHead::new(Status::OK)
        }
    }

    /// 206: one part of it.
    pub fn part(&self, range: ByteRange) -> ReplyHead<'a> {
        ReplyHead {
            status: Status::PARTIAL_CONTENT,
            content_length: Some(range.length_bytes()),
            content_range: Some(ContentRange::Part(range, self.length_bytes)),
            ..self.whole()
        }
    }

    /// 206: several parts of it. What they are, each part says.
    pub fn parts(&self, multipart: &Multipart<'_>) -> ReplyHead<'a> {
        ReplyHead {
            status: Status::PARTIAL_CONTENT,
            content_type: Some(ContentType::Multipart(multipart.boundary)),
            content_length: Some(multipart.body_bytes()),
            ..self.whole()
        }
    }

    /// 304: what the client holds is this. The validators and what caches go by, and nothing that
    /// the client has.
    pub fn not_modified(&self) -> ReplyHead<'a> {
        ReplyHead {
            validators: Some(self.validators),
            varies: self.varies,
            extra: self.extra,
            ..ReplyHead::new(Status::NOT_MODIFIED)
        }
    }

    /// 416: no part of it is what was asked for. The body is the caller's.
    pub fn unsatisfiable(&self) -> ReplyHead<'a> {
        ReplyHead {
            content_range: Some(ContentRange::Unsatisfied(self.length_bytes)),
            varies: self.varies,
            ..ReplyHead::new(Status::RANGE_NOT_SATISFIABLE)
        }
    }
}
