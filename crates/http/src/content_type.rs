//! A content type says what a body is, mostly by the ending of a file's name.
//!
//! `; charset=utf-8` is added to text for which the sender decides what its bytes mean: HTML, CSS,
//! JavaScript, plain text and the rest of `text/`. It is not added to JSON, which has no such
//! parameter (RFC 8259, 11), nor to XML and SVG, which say it in their first line and would be
//! overruled (RFC 7303, 3.2).

use crate::boundary::Boundary;
use crate::compose::{Compose, Sink};
use crate::field_value::FieldValue;

/// What a body is.
#[derive(Clone, Copy, Debug)]
pub enum ContentType<'a> {
    /// A known type.
    Known {
        /// `type/subtype`.
        essence: &'static str,
        /// It is text in UTF-8, and says so.
        is_utf8: bool,
    },
    /// What the configuration says, to the letter.
    Configured(&'a FieldValue),
    /// Several ranges of something else.
    Multipart(Boundary),
}

/// Endings that the register of types knows better than the library: it is older than some of them,
/// or speaks for another use of the same letters.
const BETTER: [(&str, &str); 10] = [
    ("cjs", "text/javascript"), // RFC 9239
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("map", "application/json"),  // source maps
    ("md", "text/markdown"),      // RFC 7763
    ("mjs", "text/javascript"),   // RFC 9239
    ("otf", "font/otf"),          // RFC 8081
    ("ts", "video/mp2t"),         // RFC 3555; what players of .m3u8 ask for
    ("woff", "font/woff"),        // RFC 8081
    ("yaml", "application/yaml"), // RFC 9512
    ("zst", "application/zstd"),  // RFC 8878
];

impl ContentType<'static> {
    /// HTML of our own.
    pub const HTML: Self = Self::Known { essence: "text/html", is_utf8: true };
    /// JSON of our own.
    pub const JSON: Self = Self::Known { essence: "application/json", is_utf8: false };
    /// Bytes of which nothing is known.
    pub const BYTES: Self = Self::Known { essence: "application/octet-stream", is_utf8: false };

    /// What a file of that name holds. Of a compressed neighbour, ask with the name of the plain
    /// file.
    pub fn of_name(name: &str) -> Self {
        let file_name = name.rsplit('/').next().unwrap_or(name);
        // What begins with its only dot has no ending: `.bashrc` is a whole name.
        let ending = match file_name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => ending,
            _ => return Self::BYTES,
        };
        let better = BETTER.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
        let essence = match better {
            Some((_, essence)) => Some(*essence),
            None => mime_guess::from_ext(ending).first_raw(),
        };
        essence.map_or(Self::BYTES, |essence| Self::Known { essence, is_utf8: is_text(essence) })
    }
}

fn is_text(essence: &str) -> bool {
    match essence {
        "text/xml" => false,
        "application/javascript" => true,
        essence => essence.starts_with("text/"),
    }
}

impl Compose for ContentType<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        match self {
            Self::Known { essence, is_utf8 } => {
                sink.put(essence.as_bytes());
                if *is_utf8 {
                    sink.put(b"; charset=utf-8");
                }
            }
            Self::Configured(value) => sink.put(value.as_bytes()),
            Self::Multipart(boundary) => {
                sink.put(b"multipart/byteranges; boundary=");
                boundary.put_into(sink);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        let mut text = Vec::new();
        ContentType::of_name(name).put_into(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_ending_decides_and_text_says_its_charset() {
        let cases = [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b/INDEX.HTM", "text/html; charset=utf-8"),
            ("style.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("readme.md", "text/markdown; charset=utf-8"),
            ("table.csv", "text/csv; charset=utf-8"),
            ("subtitles.vtt", "text/vtt; charset=utf-8"),
            ("data.json", "application/json"),
            ("app.js.map", "application/json"),
            ("site.webmanifest", "application/manifest+json"),
            ("feed.xml", "text/xml"),
            ("logo.svg", "image/svg+xml"),
            ("code.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("font.woff", "font/woff"),
            ("photo.jpeg", "image/jpeg"),
            ("photo.avif", "image/avif"),
            ("film.mp4", "video/mp4"),
            ("part.ts", "video/mp2t"),
            ("paper.pdf", "application/pdf"),
            ("archive.tar.gz", "application/gzip"),
        ];
        for (name, expected) in cases {
            assert_eq!(text(name), expected, "{name}");
        }
    }

    #[test]
    fn what_has_no_known_ending_is_bytes() {
        for name in
            ["", "LICENSE", ".html", "a.html/b", "file.", "file.nobody-knows", ".well-known/x"]
        {
            assert_eq!(text(name), "application/octet-stream", "{name}");
        }
    }
}
