//! A refusal is why bytes are no request that can be answered; behind it the connection closes.
//!
//! It closes because where the next request would begin is exactly what is no longer known.

use crate::status::Status;

/// What is wrong with a request. It knows no bytes of it, so it can be logged and sent as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Refusal {
    /// The first line is not a method, a space, a target, a space, a version.
    RequestLine,
    /// The method is longer than any that is known anywhere.
    MethodTooLong,
    /// CONNECT: this is no proxy, and what follows may be another protocol.
    Connect,
    /// The target holds a byte that belongs there in encoded form only, or a fragment.
    TargetByte,
    /// The target is no path, no `http` or `https` address, and `*` only for OPTIONS.
    TargetForm,
    /// The target is longer than the limit.
    TargetTooLong,
    /// The line ends without a version: HTTP/0.9.
    VersionMissing,
    /// There is no version in the version's place.
    VersionMalformed,
    /// A version that is not HTTP/1.
    VersionUnknown,
    /// The head is longer than the limit.
    HeadTooLong,
    /// There are more fields than the limit.
    TooManyFields,
    /// A field's name is empty or holds a byte that no name has.
    FieldName,
    /// Space stands between a field's name and its colon.
    SpaceBeforeColon,
    /// A field's value holds a control byte.
    FieldValue,
    /// A line begins with space: a field folded over lines, or space in front of the first.
    FoldedLine,
    /// A carriage return without a line feed.
    BareCarriageReturn,
    /// A line feed without a carriage return.
    BareLineFeed,
    /// HTTP/1.1 without `Host`.
    HostMissing,
    /// `Host` more than once.
    HostRepeated,
    /// `Host`, or the host in the target, is none.
    HostMalformed,
    /// `Content-Length` is not one number.
    LengthMalformed,
    /// `Content-Length` more than once, be it with one value.
    LengthRepeated,
    /// Both `Content-Length` and `Transfer-Encoding`.
    LengthAndCoding,
    /// `Transfer-Encoding` in HTTP/1.0.
    CodingTooOld,
    /// `Transfer-Encoding` that does not end in one plain `chunked`, so that the body has no end.
    CodingMalformed,
    /// A transfer coding in front of `chunked`; none is known here.
    CodingUnknown,
    /// An expectation other than `100-continue`.
    ExpectationUnknown,
    /// The body is longer than the limit, or its chunks cost more than the limit beside their
    /// payload.
    BodyTooLong,
    /// A chunk's length or its extension is malformed, or a chunk does not end where it said.
    ChunkMalformed,
    /// A field behind the last chunk is malformed.
    TrailerMalformed,
}

impl Refusal {
    /// The status to answer with.
    pub const fn status(self) -> Status {
        match self {
            Self::Connect => Status::METHOD_NOT_ALLOWED,
            Self::BodyTooLong => Status::CONTENT_TOO_LARGE,
            Self::TargetTooLong => Status::URI_TOO_LONG,
            Self::ExpectationUnknown => Status::EXPECTATION_FAILED,
            Self::HeadTooLong | Self::TooManyFields => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::MethodTooLong | Self::CodingUnknown => Status::NOT_IMPLEMENTED,
            Self::VersionUnknown => Status::HTTP_VERSION_NOT_SUPPORTED,
            _ => Status::BAD_REQUEST,
        }
    }
}
