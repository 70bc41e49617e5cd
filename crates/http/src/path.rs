//! A path is decoded once, into the one form under which a file can be asked for, or it is refused.
//!
//! What comes out is relative, without an empty component, without `.` and `..`, valid UTF-8,
//! without a control byte: joined to a folder it stays inside, as far as names can tell (links are
//! the opener's to watch).
//!
//! | in the target | answer |
//! | --- | --- |
//! | `%` without two digits behind it | 400 |
//! | `%2F`: one name that looks like two | 400 |
//! | `\` or `%5C`: a separator elsewhere | 400 |
//! | `.` or `..` as a component, in any spelling: clients remove them before they ask (RFC 3986, 5.2.4) | 400 |
//! | NUL and other control bytes, encoded | 400 |
//! | bytes that are not UTF-8 once decoded, overlong forms with them | 400 |
//! | a component that begins with a dot, unless served; `.well-known` in front always is (RFC 8615) | 404 |
//! | `//`: templates write it all the time | taken for `/` |
//!
//! Cost: one look at each byte; a path with nothing encoded and nothing doubled is not copied.

use std::str;

use crate::digits::hex_digit;
use crate::status::Status;

/// A path below a site's folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SitePath<'a> {
    /// UTF-8, no `/` at either end. Empty is the folder itself.
    pub relative: &'a [u8],
    /// It ended in `/`: a folder is meant.
    pub is_directory: bool,
}

/// What a site lets be asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PathRules {
    /// Names that begin with a dot are served like others.
    pub serves_dotfiles: bool,
}

/// Why a path is not looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum PathRefusal {
    /// It does not begin with `/`, or a percent sign has no two digits behind it.
    Malformed,
    /// A slash is encoded.
    EncodedSlash,
    /// There is a backslash.
    Backslash,
    /// A component is `.` or `..`.
    DotComponent,
    /// A control byte is encoded.
    ControlByte,
    /// It is not UTF-8.
    NotUtf8,
    /// A name begins with a dot.
    Hidden,
}

impl PathRefusal {
    /// The status to answer with. What is hidden is answered as if it were not there.
    pub const fn status(self) -> Status {
        match self {
            Self::Hidden => Status::NOT_FOUND,
            _ => Status::BAD_REQUEST,
        }
    }
}

impl PathRules {
    /// Decodes the path of a target. `scratch` holds the result where it differs from `raw`; it is
    /// emptied first and grows to no more than the length of `raw`, so who keeps it allocates once.
    /// # Errors
    /// A [`PathRefusal`].
    pub fn resolve<'a>(
        &self,
        raw: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<SitePath<'a>, PathRefusal> {
        let inside = raw.strip_prefix(b"/").ok_or(PathRefusal::Malformed)?;
        if is_plain(inside) {
            let relative = inside.strip_suffix(b"/").unwrap_or(inside);
            let is_directory = relative.is_empty() || relative.len() < inside.len();
            return Ok(SitePath { relative, is_directory });
        }
        scratch.clear();
        self.decode(inside, scratch)?;
        let whole = scratch.as_slice();
        str::from_utf8(whole).map_err(|_| PathRefusal::NotUtf8)?;
        let relative = whole.strip_suffix(b"/").unwrap_or(whole);
        let is_directory = relative.is_empty() || relative.len() < whole.len();
        Ok(SitePath { relative, is_directory })
    }

    /// Says whether a file of that name can be asked for at all; `is_top` if it lies in the site's
    /// folder itself.
    pub fn reaches(&self, name: &[u8], is_top: bool) -> bool {
        let is_named = !name.is_empty() && str::from_utf8(name).is_ok();
        let is_spelled =
            !name.iter().any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control());
        is_named && is_spelled && self.check(name, is_top).is_ok()
    }

    /// Leaves in `out` the components with one slash behind each that had one.
    fn decode(&self, inside: &[u8], out: &mut Vec<u8>) -> Result<(), PathRefusal> {
        out.reserve(inside.len());
        let mut component_start = 0;
        let mut rest = inside;
        while let [byte, behind @ ..] = rest {
            rest = behind;
            match byte {
                b'/' if out.len() > component_start => {
                    self.check(
                        out.get(component_start..).unwrap_or_default(),
                        component_start == 0,
                    )?;
                    out.push(b'/');
                    component_start = out.len();
                }
                b'/' => {}
                b'\\' => return Err(PathRefusal::Backslash),
                b'%' => {
                    let [high, low, behind @ ..] = rest else { return Err(PathRefusal::Malformed) };
                    let (high, low) = (hex_digit(*high), hex_digit(*low));
                    let (Some(high), Some(low)) = (high, low) else {
                        return Err(PathRefusal::Malformed);
                    };
                    out.push(encoded(high.wrapping_shl(4) | low)?);
                    rest = behind;
                }
                byte => out.push(*byte),
            }
        }
        self.check(out.get(component_start..).unwrap_or_default(), component_start == 0)
    }

    fn check(&self, component: &[u8], is_top: bool) -> Result<(), PathRefusal> {
        match component {
            b"." | b".." => Err(PathRefusal::DotComponent),
            b".well-known" if is_top => Ok(()),
            [b'.', ..] if !self.serves_dotfiles => Err(PathRefusal::Hidden),
            _ => Ok(()),
        }
    }
}

/// A byte that was encoded and may have been.
fn encoded(byte: u8) -> Result<u8, PathRefusal> {
    match byte {
        b'/' => Err(PathRefusal::EncodedSlash),
        b'\\' => Err(PathRefusal::Backslash),
        byte if byte.is_ascii_control() => Err(PathRefusal::ControlByte),
        byte => Ok(byte),
    }
}

/// Says whether `inside` is its own result: nothing encoded, no component that is empty or begins
/// with a dot.
fn is_plain(inside: &[u8]) -> bool {
    let mut starts_component = true;
    for byte in inside {
        match byte {
            b'%' | b'\\' => return false,
            b'/' | b'.' if starts_component => return false,
            byte => starts_component = *byte == b'/',
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(raw: &str) -> Result<(String, bool), PathRefusal> {
        let mut scratch = b"what was there before".to_vec();
        let path = PathRules::default().resolve(raw.as_bytes(), &mut scratch)?;
        Ok((String::from_utf8(path.relative.to_vec()).unwrap(), path.is_directory))
    }

    #[test]
    fn a_path_is_decoded_once_and_relative() {
        let cases = [
            ("/", "", true),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("/a/b.html", "a/b.html", false),
            ("/a%20b/%C3%BC", "a b/ü", false),
            ("/%41", "A", false),
            ("/100%25", "100%", false),
            ("/%252e%252e/x", "%2e%2e/x", false),
            ("/a%3Fb%23c", "a?b#c", false),
            ("/a..b/c...", "a..b/c...", false),
            ("/.well-known/x", ".well-known/x", false),
            ("/.well-known", ".well-known", false),
            ("/%2ewell-known/", ".well-known", true),
        ];
        for (raw, relative, is_directory) in cases {
            assert_eq!(resolved(raw), Ok((relative.to_owned(), is_directory)), "{raw}");
        }
    }

    #[test]
    fn empty_components_are_taken_for_none() {
        let cases = [
            ("//", "", true),
            ("///", "", true),
            ("//evil.example", "evil.example", false),
            ("/a//b", "a/b", false),
            ("/a///b//", "a/b", true),
        ];
        for (raw, relative, is_directory) in cases {
            assert_eq!(resolved(raw), Ok((relative.to_owned(), is_directory)), "{raw}");
        }
    }

    #[test]
    fn every_spelling_of_a_way_out_is_refused() {
        let cases = [
            ("/..", PathRefusal::DotComponent),
            ("/../", PathRefusal::DotComponent),
            ("/.", PathRefusal::DotComponent),
            ("/./", PathRefusal::DotComponent),
            ("/a/..", PathRefusal::DotComponent),
            ("/a/./b", PathRefusal::DotComponent),
            ("/a/../../b", PathRefusal::DotComponent),
            ("//../a", PathRefusal::DotComponent),
            ("/%2e%2e/a", PathRefusal::DotComponent),
            ("/%2E./a", PathRefusal::DotComponent),
            ("/.%2e", PathRefusal::DotComponent),
            ("/%2e", PathRefusal::DotComponent),
            ("/..%2fa", PathRefusal::EncodedSlash),
            ("/a%2Fb", PathRefusal::EncodedSlash),
            ("/..%5ca", PathRefusal::Backslash),
            ("/..\\a", PathRefusal::Backslash),
            ("/a\\..\\b", PathRefusal::Backslash),
            ("/a%00.html", PathRefusal::ControlByte),
            ("/%0d%0aSet-Cookie:x", PathRefusal::ControlByte),
            ("/%7f", PathRefusal::ControlByte),
            ("/%c0%ae%c0%ae/a", PathRefusal::NotUtf8),
            ("/%c0%af", PathRefusal::NotUtf8),
            ("/%ff", PathRefusal::NotUtf8),
            ("/%ed%a0%80", PathRefusal::NotUtf8),
            ("/%", PathRefusal::Malformed),
            ("/%4", PathRefusal::Malformed),
            ("/%4/", PathRefusal::Malformed),
            ("/%zz", PathRefusal::Malformed),
            ("/%u002e", PathRefusal::Malformed),
            ("/%%35%63", PathRefusal::Malformed),
            ("", PathRefusal::Malformed),
            ("a", PathRefusal::Malformed),
        ];
        for (raw, refusal) in cases {
            assert_eq!(resolved(raw), Err(refusal), "{raw}");
            assert_eq!(refusal.status(), Status::BAD_REQUEST);
        }
    }

    #[test]
    fn what_begins_with_a_dot_is_as_if_it_were_not_there() {
        let hidden = [
            "/.git/config",
            "/a/.env",
            "/%2eenv",
            "/...",
            "/.well-known2",
            "/a/.well-known/x",
            "/a/.well-known",
            "/.Well-Known",
        ];
        for raw in hidden {
            assert_eq!(resolved(raw), Err(PathRefusal::Hidden), "{raw}");
            let rules = PathRules { serves_dotfiles: true };
            assert!(rules.resolve(raw.as_bytes(), &mut Vec::new()).is_ok(), "{raw}");
        }
        assert_eq!(PathRefusal::Hidden.status(), Status::NOT_FOUND);
    }

    #[test]
    fn a_plain_path_is_not_copied() {
        let mut scratch = Vec::new();
        let path = PathRules::default().resolve(b"/assets/app.min.js", &mut scratch).unwrap();
        assert_eq!(path.relative, b"assets/app.min.js");
        assert_eq!(scratch.capacity(), 0);
    }

    #[test]
    fn a_name_is_reached_just_when_its_path_resolves() {
        let names: [&[u8]; 9] =
            [b"a", b"a b", b".env", b"..", b"", b"a/b", b"a\\b", b"a\nb", b"\xff"];
        let reached = names.map(|name| PathRules::default().reaches(name, true));
        assert_eq!(reached, [true, true, false, false, false, false, false, false, false]);
        assert!(PathRules::default().reaches(b".well-known", true));
        assert!(!PathRules::default().reaches(b".well-known", false));
    }
}
