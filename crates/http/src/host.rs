//! A host is the name, and perhaps the port, under which a client knows a site.
//!
//! Names are equal without regard to case and to one dot at their end; IPv6 addresses are equal as
//! numbers. IPvFuture and zone identifiers are refused: no site can have them as its name.

use std::error::Error;
use std::fmt;
use std::net::Ipv6Addr;
use std::str;

use crate::byte_class::HOST_NAME;
use crate::digits::{decimal, hex_digit};

/// A host that follows RFC 3986, 3.2.2, as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    name: &'a [u8],
    address: Option<Ipv6Addr>,
    port: Option<u16>,
}

/// A text that is no host: empty, with a user in front, with a byte that no name holds, with a port
/// that no machine has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostMalformed;

impl fmt::Display for HostMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host is a name or an address, with or without a port")
    }
}

impl Error for HostMalformed {}

impl<'a> Host<'a> {
    /// Reads `name`, `name:port`, `[address]` or `[address]:port`. A colon without digits means no
    /// port.
    /// # Errors
    /// [`HostMalformed`].
    pub fn parse(text: &'a [u8]) -> Result<Self, HostMalformed> {
        if let Some(bracketed) = text.strip_prefix(b"[") {
            let end = bracketed.iter().position(|byte| *byte == b']').ok_or(HostMalformed)?;
            let (inside, rest) = bracketed.split_at_checked(end).ok_or(HostMalformed)?;
            let address = str::from_utf8(inside).ok().and_then(|inside| inside.parse().ok());
            let address = address.ok_or(HostMalformed)?;
            let port = port(rest.get(1..).unwrap_or_default())?;
            return Ok(Self { name: inside, address: Some(address), port });
        }
        let name_bytes = name_run_bytes(text)?;
        let (name, rest) = text.split_at_checked(name_bytes).ok_or(HostMalformed)?;
        if name.is_empty() || name == b"." {
            return Err(HostMalformed);
        }
        Ok(Self { name, address: None, port: port(rest)? })
    }

    /// The name as it was written, all ASCII; of an address what stands between the brackets.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The port, if one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Says whether both have the same name, whatever their ports.
    pub fn has_name_of(&self, other: &Host<'_>) -> bool {
        match (self.address, other.address) {
            (None, None) => undotted(self.name).eq_ignore_ascii_case(undotted(other.name)),
            (ours, theirs) => ours == theirs,
        }
    }

    /// Writes the name into `key` in the one form that all its spellings share: lower case, no dot
    /// at the end, an address in brackets in its shortest form. Two hosts have the same key if and
    /// only if they have the same name. `key` is emptied first; it grows only beyond the longest
    /// name that it has held.
    pub fn copy_key_into(&self, key: &mut String) {
        key.clear();
        match self.address {
            Some(address) => {
                key.push('[');
                key.push_str(&address.to_string());
                key.push(']');
            }
            None => key.extend(
                undotted(self.name).iter().map(|byte| char::from(byte.to_ascii_lowercase())),
            ),
        }
    }
}

fn undotted(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

/// How long the name at the front of `text` is; a percent sign belongs to it only with its two
/// digits.
fn name_run_bytes(text: &[u8]) -> Result<usize, HostMalformed> {
    let mut run_bytes = HOST_NAME.run_bytes(text);
    while let Some([b'%', escape @ ..]) = text.get(run_bytes..) {
        let [high, low, rest @ ..] = escape else { return Err(HostMalformed) };
        if hex_digit(*high).is_none() || hex_digit(*low).is_none() {
            return Err(HostMalformed);
        }
        run_bytes = run_bytes.saturating_add(3).saturating_add(HOST_NAME.run_bytes(rest));
    }
    Ok(run_bytes)
}

/// The port in what stands behind a name.
fn port(rest: &[u8]) -> Result<Option<u16>, HostMalformed> {
    match rest {
        [] | [b':'] => Ok(None),
        [b':', digits @ ..] => {
            let port = decimal(digits).ok_or(HostMalformed)?;
            u16::try_from(port).map(Some).map_err(|_| HostMalformed)
        }
        _ => Err(HostMalformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        let mut key = String::from("what was there before");
        Host::parse(text.as_bytes()).unwrap().copy_key_into(&mut key);
        key
    }

    #[test]
    fn every_spelling_of_a_name_has_one_key() {
        let cases = [
            ("example.org", "example.org", None),
            ("EXAMPLE.Org.:8080", "example.org", Some(8080)),
            ("example.org:", "example.org", None),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("[::1]:443", "[::1]", Some(443)),
            ("[0:0:0:0:0:0:0:1]", "[::1]", None),
            ("[2001:DB8::A]", "[2001:db8::a]", None),
            ("a_b-c~d", "a_b-c~d", None),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
            ("b%C3%BCcher.example", "b%c3%bccher.example", None),
        ];
        for (text, expected, port) in cases {
            assert_eq!(key(text), expected);
            assert_eq!(Host::parse(text.as_bytes()).unwrap().port(), port, "{text}");
        }
    }

    #[test]
    fn hosts_have_the_same_name_just_when_they_have_the_same_key() {
        let texts =
            ["a", "A.", "a.b", "[::1]", "[0::1]:9", "[::2]", "::1", "b:80", "B:81", "1.2.3.4"];
        let hosts: Vec<_> =
            texts.iter().filter_map(|text| Host::parse(text.as_bytes()).ok()).collect();
        for one in &hosts {
            for other in &hosts {
                let (mut one_key, mut other_key) = (String::new(), String::new());
                one.copy_key_into(&mut one_key);
                other.copy_key_into(&mut other_key);
                assert_eq!(one.has_name_of(other), one_key == other_key, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let cases: [&[u8]; 26] = [
            b"",
            b".",
            b":80",
            b"a b",
            b"a/b",
            b"user@a",
            b"a:80:81",
            b"a:8o",
            b"a:-1",
            b"a:65536",
            b"a: 80",
            b"a\0",
            b"a\\b",
            b"a?b",
            b"a#b",
            b"a%",
            b"a%2",
            b"a%zz",
            b"a%2z",
            b"a%z2",
            b"b\xc3\xbccher",
            b"[::1",
            b"[::1]x",
            b"[fe80::1%25eth0]",
            b"[v1.a]",
            b"[]",
        ];
        for text in cases {
            assert_eq!(
                Host::parse(text).map(|host| host.port()),
                Err(HostMalformed),
                "{}",
                text.escape_ascii()
            );
        }
    }
}
