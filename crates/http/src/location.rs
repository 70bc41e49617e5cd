//! A location is where a client is sent: a path of the same site, encoded again.
//!
//! It begins with one slash whatever the client wrote: a target of `//evil.example` sent back as it
//! came would name another host.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::compose::{Compose, Sink};
use crate::path::SitePath;

/// What a path holds as it is: `pchar` and the slash (RFC 3986, 3.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The text of a `Location` field.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a> {
    /// The path; its slash at the end is written where it says that a folder is meant.
    pub path: SitePath<'a>,
    /// The query of the request, which goes along.
    pub query: Option<&'a [u8]>,
}

impl Compose for Location<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"/");
        put_encoded(self.path.relative, PATH, sink);
        if self.path.is_directory && !self.path.relative.is_empty() {
            sink.put(b"/");
        }
        if let Some(query) = self.query {
            sink.put(b"?");
            // A query stays as it came. Only bytes that no target holds are encoded, should the
            // caller have any.
            put_encoded(query, percent_encoding::CONTROLS, sink);
        }
    }
}

pub(crate) fn put_encoded(bytes: &[u8], set: &'static AsciiSet, sink: &mut impl Sink) {
    for run in percent_encode(bytes, set) {
        sink.put(run.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PathRules;

    fn location(raw: &[u8], query: Option<&[u8]>) -> String {
        let mut scratch = Vec::new();
        let path = PathRules::default().resolve(raw, &mut scratch).unwrap();
        let location = Location { path: SitePath { is_directory: true, ..path }, query };
        let mut text = Vec::new();
        location.put_into(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_folder_is_sent_to_with_its_slash_and_its_query() {
        assert_eq!(location(b"/a/b", None), "/a/b/");
        assert_eq!(location(b"/a", Some(b"x=1&y=%20")), "/a/?x=1&y=%20");
        assert_eq!(location(b"/", None), "/");
    }

    #[test]
    fn a_location_never_names_another_host_nor_ends_its_line() {
        assert_eq!(location(b"//evil.example/a", None), "/evil.example/a/");
        assert_eq!(location(b"/%C3%BC%20%22%3F%23%25", None), "/%C3%BC%20%22%3F%23%25/");
        assert_eq!(location(b"/a", Some(b"\r\nSet-Cookie: x")), "/a/?%0D%0ASet-Cookie: x");
    }
}
