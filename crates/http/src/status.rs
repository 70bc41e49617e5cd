//! A status is the three digits of a reply, with the phrase that goes with them.

use crate::compose::{Compose, Sink};

/// A status code that this server sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub struct Status {
    code: u16,
    text: &'static str,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, text: concat!($code, " ", $text) };)*

            /// All that there are, by code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

statuses! {
    /// The whole representation follows.
    OK = 200 "OK";
    /// Done, and nothing follows.
    NO_CONTENT = 204 "No Content";
    /// The ranges asked for follow.
    PARTIAL_CONTENT = 206 "Partial Content";
    /// It lies elsewhere for good; the method may become GET.
    MOVED_PERMANENTLY = 301 "Moved Permanently";
    /// It lies elsewhere for now; the method may become GET.
    FOUND = 302 "Found";
    /// What the client holds is still right.
    NOT_MODIFIED = 304 "Not Modified";
    /// It lies elsewhere for now; the method stays.
    TEMPORARY_REDIRECT = 307 "Temporary Redirect";
    /// It lies elsewhere for good; the method stays.
    PERMANENT_REDIRECT = 308 "Permanent Redirect";
    /// The request is malformed.
    BAD_REQUEST = 400 "Bad Request";
    /// It is there, and not for this client.
    FORBIDDEN = 403 "Forbidden";
    /// It is not there, or nobody is to know that it is.
    NOT_FOUND = 404 "Not Found";
    /// It is there, and not for this method.
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed";
    /// There is no form of it that the client takes.
    NOT_ACCEPTABLE = 406 "Not Acceptable";
    /// The request took too long to arrive.
    REQUEST_TIMEOUT = 408 "Request Timeout";
    /// A condition of the request does not hold.
    PRECONDITION_FAILED = 412 "Precondition Failed";
    /// The request's body is longer than is taken.
    CONTENT_TOO_LARGE = 413 "Content Too Large";
    /// The request's target is longer than is taken.
    URI_TOO_LONG = 414 "URI Too Long";
    /// None of the ranges asked for lies inside.
    RANGE_NOT_SATISFIABLE = 416 "Range Not Satisfiable";
    /// The request expects what is not given here.
    EXPECTATION_FAILED = 417 "Expectation Failed";
    /// The request is for a host that is not served here.
    MISDIRECTED_REQUEST = 421 "Misdirected Request";
    /// The client asks more often than is answered.
    TOO_MANY_REQUESTS = 429 "Too Many Requests";
    /// The request's head is longer than is taken.
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431 "Request Header Fields Too Large";
    /// Something went wrong here.
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error";
    /// The method or the transfer coding is not known here.
    NOT_IMPLEMENTED = 501 "Not Implemented";
    /// Too much is going on; later it may go better.
    SERVICE_UNAVAILABLE = 503 "Service Unavailable";
    /// What is behind this took too long.
    GATEWAY_TIMEOUT = 504 "Gateway Timeout";
    /// The version is not spoken here.
    HTTP_VERSION_NOT_SUPPORTED = 505 "HTTP Version Not Supported";
    /// There is no room to do it.
    INSUFFICIENT_STORAGE = 507 "Insufficient Storage";
}

impl Status {
    /// The three digits as a number.
    pub const fn code(self) -> u16 {
        self.code
    }

    /// The code, a space, the phrase: `404 Not Found`.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// Says whether a reply with this status never has a body, whatever the method.
    pub const fn is_bodiless(self) -> bool {
        matches!(self.code, 204 | 304)
    }
}

impl Compose for Status {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(self.text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_begins_with_its_code_and_stands_in_order() {
        for status in Status::ALL {
            assert!(status.text().starts_with(&format!("{} ", status.code())));
        }
        assert!(Status::ALL.is_sorted_by_key(|status| status.code()));
    }

    #[test]
    fn two_replies_never_have_a_body() {
        let bodiless: Vec<_> = Status::ALL.iter().filter(|status| status.is_bodiless()).collect();
        assert_eq!(bodiless, [&Status::NO_CONTENT, &Status::NOT_MODIFIED]);
    }
}
