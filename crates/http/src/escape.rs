//! An escape is how a text stands inside another language without being taken for it.

use crate::compose::{Compose, Sink};
use crate::digits::HexBytes;

/// A text in HTML, between tags or in quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Html<'a>(pub(crate) &'a [u8]);

impl Compose for Html<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        put_escaped(self.0, sink, |byte, sink| {
            let escape: &[u8] = match byte {
                b'&' => b"&amp;",
                b'<' => b"&lt;",
                b'>' => b"&gt;",
                b'"' => b"&quot;",
                b'\'' => b"&#39;",
                _ => return false,
            };
            sink.put(escape);
            true
        });
    }
}

/// A text between the quotes of JSON. `<` is escaped too: then it is no HTML either, should
/// somebody guess so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(pub(crate) &'a [u8]);

impl Compose for Json<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        put_escaped(self.0, sink, |byte, sink| {
            match byte {
                b'"' => sink.put(b"\\\""),
                b'\\' => sink.put(b"\\\\"),
                0..0x20 | b'<' | 0x7f => {
                    sink.put(b"\\u00");
                    HexBytes(&[byte]).put_into(sink);
                }
                _ => return false,
            }
            true
        });
    }
}

/// Puts runs of bytes that stay as they are, and between them what `escape` puts; it says of which
/// byte it did.
fn put_escaped<S: Sink>(bytes: &[u8], sink: &mut S, escape: impl Fn(u8, &mut S) -> bool) {
    let mut run_start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if !needs_look(*byte) {
            continue;
        }
        let run = bytes.get(run_start..index).unwrap_or_default();
        sink.put(run);
        run_start = index;
        if escape(*byte, sink) {
            run_start = index.saturating_add(1);
        }
    }
    sink.put(bytes.get(run_start..).unwrap_or_default());
}

/// All that any of the languages escapes.
fn needs_look(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'&' | b'<' | b'>' | b'"' | b'\'' | b'\\' | 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(text: &impl Compose) -> String {
        let mut out = Vec::new();
        text.put_into(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_text_ends_its_quote_or_begins_a_tag_in_html() {
        let hostile = "\"><script>alert('&amp;')</script> \u{fc}\\";
        let escaped = "&quot;&gt;&lt;script&gt;alert(&#39;&amp;amp;&#39;)&lt;/script&gt; \u{fc}\\";
        assert_eq!(composed(&Html(hostile.as_bytes())), escaped);
        assert_eq!(composed(&Html(b"")), "");
        assert_eq!(composed(&Html(b"plain")), "plain");
    }

    #[test]
    fn no_text_ends_its_quote_in_json() {
        assert_eq!(
            composed(&Json(b"a\"b\\c\nd\0</e>'&\x7f")),
            r#"a\"b\\c\u000ad\u0000\u003c/e>'&\u007f"#
        );
        assert_eq!(composed(&Json("\u{fc}".as_bytes())), "\u{fc}");
    }
}
