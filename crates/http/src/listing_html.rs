//! A listing for people: one table, in HTML, without a script.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::civil::{Civil, two_digits};
use crate::compose::{Compose, Sink};
use crate::digits::Decimal;
use crate::escape::Html;
use crate::listing::{Listing, ListingEntry};
use crate::location::put_encoded;

/// What a link holds as it is. A colon is not among it: `a:b` would name a scheme.
const LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The listing in HTML.
#[derive(Clone, Copy, Debug)]
pub struct HtmlListing<'a, I>(pub Listing<'a, I>);

impl<'a, I: Iterator<Item = ListingEntry<'a>> + Clone> Compose for HtmlListing<'a, I> {
    fn put_into(&self, sink: &mut impl Sink) {
        let relative = self.0.relative;
        sink.put(b"<!doctype html>\n<meta charset=\"utf-8\">\n");
        sink.put(b"<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
        put_path(relative, sink);
        sink.put(b"</title>\n<style>\nbody { font-family: sans-serif; margin: 2em }\n");
        sink.put(b"td, th { padding: .2em 1em .2em 0; text-align: left }\n");
        sink.put(b"td:nth-child(2) { text-align: right }\n</style>\n<h1>");
        put_path(relative, sink);
        sink.put(b"</h1>\n<table>\n<tr><th>Name</th><th>Bytes</th><th>Modified (UTC)</th></tr>\n");
        if !relative.is_empty() {
            sink.put(b"<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
        }
        for entry in self.0.shown() {
            put_row(&entry, sink);
        }
        sink.put(b"</table>\n");
    }
}

fn put_path(relative: &[u8], sink: &mut impl Sink) {
    sink.put(b"/");
    Html(relative).put_into(sink);
    if !relative.is_empty() {
        sink.put(b"/");
    }
}

fn put_row(entry: &ListingEntry<'_>, sink: &mut impl Sink) {
    let slash: &[u8] = if entry.is_directory { b"/" } else { b"" };
    sink.put(b"<tr><td><a href=\"");
    put_encoded(entry.name, LINK, sink);
    sink.put(slash);
    sink.put(b"\">");
    Html(entry.name).put_into(sink);
    sink.put(slash);
    sink.put(b"</a></td><td>");
    if !entry.is_directory {
        Decimal(entry.length_bytes).put_into(sink);
    }
    sink.put(b"</td><td>");
    let modified = Civil::from_unix_s(entry.modified_unix_s);
    Decimal(modified.year.into()).put_into(sink);
    for (mark, number) in [
        (b"-", modified.month),
        (b"-", modified.day),
        (b" ", modified.hour),
        (b":", modified.minute),
    ] {
        sink.put(mark);
        sink.put(&two_digits(number));
    }
    sink.put(b"</td></tr>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PathRules;

    fn html(relative: &[u8], names: &[&str]) -> String {
        let entries = names.iter().map(|name| ListingEntry {
            name: name.trim_end_matches('/').as_bytes(),
            is_directory: name.ends_with('/'),
            length_bytes: 1_234,
            modified_unix_s: 784_111_777,
        });
        let mut out = Vec::new();
        HtmlListing(Listing { relative, entries, rules: PathRules::default() }).put_into(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_links_its_name_and_says_length_and_moment() {
        let page = html(b"a", &["b.txt", "c/"]);
        assert!(page.contains("<title>/a/</title>"));
        assert!(
            page.contains("<a href=\"b.txt\">b.txt</a></td><td>1234</td><td>1994-11-06 08:49</td>")
        );
        assert!(page.contains("<a href=\"c/\">c/</a></td><td></td>"));
        assert!(page.contains("href=\"../\""));
        assert!(!html(b"", &[]).contains("../"));
    }

    #[test]
    fn a_hostile_name_is_text_and_its_link_leads_to_it() {
        let page = html(
            b"\"><script>",
            &["<img src=x onerror=alert(1)>", "a\"'&b", "javascript:alert(1)", "a%2fb?#"],
        );
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.contains("<title>/&quot;&gt;&lt;script&gt;/</title>"));
        assert!(page.contains("href=\"a%22%27%26b\">a&quot;&#39;&amp;b<"));
        assert!(page.contains("href=\"javascript%3Aalert%281%29\""));
        assert!(page.contains("href=\"a%252fb%3F%23\""));
    }

    #[test]
    fn what_cannot_be_reached_is_not_shown() {
        let page = html(b"", &["seen", ".git/", "back\\slash", "line\nfeed", ".well-known/"]);
        assert_eq!(page.matches("<a ").count(), 2);
        assert!(page.contains(".well-known/"));
    }
}
