//! Turns bytes into requests and replies into bytes, without I/O and without a clock.
//!
//! ```
//! use levada_http::h1::{HeadLimits, parse_head};
//! use levada_http::{Field, Method};
//!
//! let received = b"GET /a.txt HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\nthe next request";
//! let head = parse_head(received, &HeadLimits::default()).unwrap().expect("the head is there");
//! assert_eq!(head.request.method, Method::Get);
//! assert_eq!(head.request.target.path(), Some(&b"/a.txt"[..]));
//! assert_eq!(head.request.fields.first(Field::Accept), Some(&b"*/*"[..]));
//! assert_eq!(&received[head.head_bytes..], b"the next request");
//! ```
//!
//! # Cost
//!
//! A head is read in one pass without a copy and without a heap call; `cargo bench -p levada-http
//! --bench request_head` prints what that takes, beside the mere search for lines of another
//! library. A path is copied only if something in it is encoded, into memory that the caller keeps.
//!
//! # Limits
//!
//! - A head: 8 KiB of target, 32 KiB and 100 fields in all unless [`h1::HeadLimits`] says
//!   otherwise.
//! - A body that is dropped: 64 KiB of payload and 64 KiB of chunk framing unless
//!   [`h1::BodyLimits`] says otherwise.
//! - Ranges: 16 in one request; none is sent twice.
//! - Everything that is composed knows its exact length before ([`Compose::text_bytes`]) and writes
//!   that or nothing.
//! - Strict where RFC 9112 offers a choice: each line ends in CRLF, nothing is folded, a length
//!   stands alone and once.
//! - Files only: bodies are not handed out, trailers are not kept, and there is no CONNECT and no
//!   Upgrade.
#![forbid(unsafe_code)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

// What requests and replies are, in no version's spelling.
mod boundary;
mod coding;
mod content_range;
mod content_type;
mod date;
mod entity_tag;
mod field;
mod field_value;
mod fields;
mod host;
mod location;
mod method;
mod multipart;
mod negotiation;
mod path;
mod precondition;
mod range;
mod request;
mod status;
mod target;
mod validators;

// How one version spells them.
pub mod h1;

// What the others are written with.
mod byte_class;
mod civil;
mod compose;
mod digits;
mod list;
mod word;

pub use boundary::Boundary;
pub use coding::{Coding, CodingSet};
pub use compose::{Compose, Full, Sink};
pub use content_range::ContentRange;
pub use content_type::ContentType;
pub use date::HttpDate;
pub use entity_tag::{EntityTag, FileVersion};
pub use field::Field;
pub use field_value::{FieldValue, FieldValueMalformed};
pub use fields::{Fields, Lines};
pub use host::{Host, HostMalformed};
pub use location::Location;
pub use method::Method;
pub use multipart::{Closing, Multipart, PartHead};
pub use negotiation::{PREFERENCE, choose_coding};
pub use path::{PathRefusal, PathRules, SitePath};
pub use precondition::{Verdict, judge};
pub use range::{ByteRange, ByteRanges, RANGE_COUNT_MAX, RangePlan, plan_ranges};
pub use request::Request;
pub use status::Status;
pub use target::Target;
pub use validators::Validators;
