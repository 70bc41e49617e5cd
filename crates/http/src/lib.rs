//! Turns bytes into requests and replies into bytes, without I/O and without a clock.
//!
//! ```
//! use levada_http::h1::{HeadLimits, HeadLines, Tail, parse_head};
//! use levada_http::{Compose, HttpDate, PathRules, ReplyHead, Status};
//!
//! let received = b"GET /a%20b.txt HTTP/1.1\r\nHost: example.org\r\n\r\nthe next request";
//! let head = parse_head(received, &HeadLimits::default()).unwrap().expect("the head is there");
//! let mut scratch = Vec::new();
//! let raw_path = head.request.target.path().expect("it is a resource");
//! assert_eq!(PathRules::default().resolve(raw_path, &mut scratch).unwrap().relative, b"a b.txt");
//! let mut reply = Vec::new();
//! let lines = HeadLines(ReplyHead { content_length: Some(0), ..ReplyHead::new(Status::OK) });
//! lines.compose(&mut reply).unwrap();
//! Tail { date: HttpDate::from_unix_s(0), persistence: head.persistence }.compose(&mut reply).unwrap();
//! assert!(reply.starts_with(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: Thu, 01 Jan 1970"));
//! assert_eq!(&received[head.head_bytes..], b"the next request");
//! ```
//!
//! One request goes through it in this order: [`h1::parse_head`] reads it in place;
//! [`h1::BodyDiscard`] steps over its body; [`Host`] finds the site and [`PathRules::resolve`] the
//! file; [`choose_coding`] picks the form, [`judge`] looks at the conditions, [`plan_ranges`] at
//! the parts; [`Representation`] says what the head says, [`h1::HeadLines`] and [`h1::Tail`] spell
//! it, and [`h1::ShortReply`] is the answer to what cannot be answered.
//!
//! # Cost
//!
//! A head is read in one pass without a copy and without a heap call; `cargo bench -p levada-http
//! --bench request_head` prints what that takes, beside the mere search for lines of another
//! library. A path is copied only if something in it is encoded, into memory that the caller keeps.
//! Conditions, ranges and negotiation allocate nothing. What can be composed once is: a hit sends
//! lines made with its representation, a tail made once a second, and a body.
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
mod extra_field;
mod field;
mod field_value;
mod fields;
mod host;
mod listing;
mod listing_html;
mod listing_json;
mod location;
mod method;
mod multipart;
mod negotiation;
mod path;
mod precondition;
mod range;
mod reply_head;
mod representation;
mod request;
mod status;
mod status_page;
mod target;
mod trace_parent;
mod validators;

// How one version spells them.
pub mod h1;

// What the others are written with.
mod byte_class;
mod civil;
mod compose;
mod digits;
mod escape;
mod list;
mod word;

pub use boundary::Boundary;
pub use coding::{Coding, CodingSet};
pub use compose::{Compose, Full, Sink};
pub use content_range::ContentRange;
pub use content_type::ContentType;
pub use date::HttpDate;
pub use entity_tag::{EntityTag, FileVersion};
pub use extra_field::{ExtraField, ExtraFieldRefusal};
pub use field::Field;
pub use field_value::{FieldValue, FieldValueMalformed};
pub use fields::{Fields, Lines};
pub use host::{Host, HostMalformed};
pub use listing::{Listing, ListingEntry, wants_json};
pub use listing_html::HtmlListing;
pub use listing_json::JsonListing;
pub use location::Location;
pub use method::Method;
pub use multipart::{Closing, Multipart, PartHead};
pub use negotiation::{PREFERENCE, choose_coding};
pub use path::{PathRefusal, PathRules, SitePath};
pub use precondition::{Verdict, judge};
pub use range::{ByteRange, ByteRanges, RANGE_COUNT_MAX, RangePlan, plan_ranges};
pub use reply_head::{FieldSink, ReplyHead};
pub use representation::Representation;
pub use request::Request;
pub use status::Status;
pub use status_page::StatusPage;
pub use target::Target;
pub use trace_parent::TraceParent;
pub use validators::Validators;
