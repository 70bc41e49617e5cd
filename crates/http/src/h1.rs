//! HTTP/1.1 and HTTP/1.0: how requests and replies are spelled on a connection (RFC 9112).

mod body;
mod chunk_extension;
mod field_line;
mod framing;
mod front;
mod head;
mod head_scan;
mod limits;
mod persistence;
mod refusal;
mod reply;
mod request_line;
mod request_target;
mod tail;
mod version;

pub use body::{BodyDiscard, Fed};
pub use framing::BodyLength;
pub use head::{RequestHead, parse_head};
pub use head_scan::HeadScan;
pub use limits::{BodyLimits, HeadLimits};
pub use persistence::Persistence;
pub use refusal::Refusal;
pub use reply::{CONTINUE, HeadLines, ShortReply};
pub use tail::Tail;
pub use version::Version;
