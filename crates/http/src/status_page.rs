//! A status page is the small body of a reply that has nothing else to show.
//!
//! It says the status and the cause under which the log knows the request. No name of a file, no
//! path, no version of any program is in it: what went wrong inside is the log's.

use crate::compose::{Compose, Sink};
use crate::escape::Html;
use crate::status::Status;

/// The page, in HTML.
#[derive(Clone, Copy, Debug)]
pub struct StatusPage<'a> {
    /// What happened.
    pub status: Status,
    /// The causality id of the request, as the log spells it.
    pub cause: &'a str,
}

impl Compose for StatusPage<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        let status = self.status.text().as_bytes();
        for text in [
            b"<!doctype html>\n<meta charset=\"utf-8\">\n<title>",
            status,
            b"</title>\n<h1>",
            status,
        ] {
            sink.put(text);
        }
        sink.put(b"</h1>\n<p>Cause <code>");
        Html(self.cause.as_bytes()).put_into(sink);
        sink.put(b"</code></p>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_status_and_cause_and_takes_neither_for_markup() {
        let mut page = Vec::new();
        StatusPage { status: Status::NOT_FOUND, cause: "4bf9-<1>" }.put_into(&mut page);
        let expected = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>404 Not Found</title>\n\
                        <h1>404 Not Found</h1>\n<p>Cause <code>4bf9-&lt;1&gt;</code></p>\n";
        assert_eq!(String::from_utf8(page).unwrap(), expected);
    }
}
