//! A listing for programs, in JSON.
//!
//! `{"path":"/a/","entries":[{"name":"b.txt","is_directory":false,"length_bytes":5,"modified":"1994-11-06T08:49:37Z"}]}`

use crate::civil::{Civil, two_digits};
use crate::compose::{Compose, Sink};
use crate::digits::Decimal;
use crate::escape::Json;
use crate::listing::{Listing, ListingEntry};

/// The listing in JSON. A folder's length is 0.
#[derive(Clone, Copy, Debug)]
pub struct JsonListing<'a, I>(pub Listing<'a, I>);

impl<'a, I: Iterator<Item = ListingEntry<'a>> + Clone> Compose for JsonListing<'a, I> {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"{\"path\":\"/");
        if !self.0.relative.is_empty() {
            Json(self.0.relative).put_into(sink);
            sink.put(b"/");
        }
        sink.put(b"\",\"entries\":[");
        for (index, entry) in self.0.shown().enumerate() {
            if index > 0 {
                sink.put(b",");
            }
            put_entry(&entry, sink);
        }
        sink.put(b"]}");
    }
}

fn put_entry(entry: &ListingEntry<'_>, sink: &mut impl Sink) {
    sink.put(b"{\"name\":\"");
    Json(entry.name).put_into(sink);
    sink.put(if entry.is_directory {
        b"\",\"is_directory\":true"
    } else {
        b"\",\"is_directory\":false"
    });
    sink.put(b",\"length_bytes\":");
    Decimal(if entry.is_directory { 0 } else { entry.length_bytes }).put_into(sink);
    sink.put(b",\"modified\":\"");
    let modified = Civil::from_unix_s(entry.modified_unix_s);
    Decimal(modified.year.into()).put_into(sink);
    for (mark, number) in [
        (b"-", modified.month),
        (b"-", modified.day),
        (b"T", modified.hour),
        (b":", modified.minute),
        (b":", modified.second),
    ] {
        sink.put(mark);
        sink.put(&two_digits(number));
    }
    sink.put(b"Z\"}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PathRules;

    fn json(relative: &[u8], names: &[&str]) -> String {
        let entries = names.iter().map(|name| ListingEntry {
            name: name.trim_end_matches('/').as_bytes(),
            is_directory: name.ends_with('/'),
            length_bytes: 5,
            modified_unix_s: 784_111_777,
        });
        let mut out = Vec::new();
        JsonListing(Listing { relative, entries, rules: PathRules::default() }).put_into(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_entry_says_name_kind_length_and_moment() {
        let file = r#"{"name":"b.txt","is_directory":false,"length_bytes":5,"modified":"1994-11-06T08:49:37Z"}"#;
        let folder = r#"{"name":"c","is_directory":true,"length_bytes":0,"modified":"1994-11-06T08:49:37Z"}"#;
        let expected = format!(r#"{{"path":"/a/","entries":[{file},{folder}]}}"#);
        assert_eq!(json(b"a", &["b.txt", "c/"]), expected);
        assert_eq!(json(b"", &[".hidden"]), r#"{"path":"/","entries":[]}"#);
    }

    #[test]
    fn a_hostile_name_stays_inside_its_quotes() {
        let listing = json(b"\"", &["\"},{\"name\":\"x", "</script>"]);
        assert!(listing.contains(r#""name":"\"},{\"name\":\"x""#));
        assert!(listing.contains(r#""path":"/\"/""#));
        assert!(!listing.contains('<'));
    }
}
