//! A version is which of the two forms of HTTP/1 a client speaks.

/// The version of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Version {
    /// HTTP/1.0.
    V10,
    /// HTTP/1.1, and every later HTTP/1, which must be answered like it (RFC 9110, 2.5).
    V11,
}
