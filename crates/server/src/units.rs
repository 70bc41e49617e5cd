//! Units are how sizes, times, cores and addresses are written by people: `64KiB`, `10s`, `0,2-3`, `127.0.0.1:8080`.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A count of bytes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ByteCount(pub(crate) u64);

/// A number of entries, where a size was meant once.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct EntryCount(pub(crate) usize);

/// A length of time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Span(pub(crate) Duration);

/// Where to listen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Address(pub(crate) SocketAddr);

/// Where to listen, over a network or within this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// An address with its port.
    Tcp(SocketAddr),
    /// A path, written `unix:PATH`.
    Unix(PathBuf),
}

/// Which processors to run on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Cores {
    /// All that are allowed.
    #[default]
    All,
    /// So many of them.
    Count(usize),
    /// These.
    List(Vec<usize>),
}

const BYTE_UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

const SPAN_UNITS: [(&str, u64); 4] = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

impl FromStr for ByteCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no size: write it like 512MiB, 64KiB or 4096");
        let (digits, shift) = BYTE_UNITS
            .iter()
            .find_map(|(unit, shift)| {
                let digits = text.strip_suffix(unit).or_else(|| text.strip_suffix(&unit[..1]))?;
                Some((digits, *shift))
            })
            .unwrap_or((text, 0));
        let count: u64 = digits.trim_end().parse().map_err(|_| wrong())?;
        count.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |shift: &u32| self.0 != 0 && self.0.is_multiple_of(1 << *shift);
        match BYTE_UNITS.iter().find(|(_, shift)| fits(shift)) {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time: write it like 10s, 500ms, 5m or 1h");
        let (digits, unit_ms) = SPAN_UNITS
            .iter()
            .find_map(|(unit, ms)| text.strip_suffix(unit).map(|digits| (digits, *ms)))
            .ok_or_else(wrong)?;
        let count: u64 = digits.trim_end().parse().map_err(|_| wrong())?;
        count.checked_mul(unit_ms).map(Duration::from_millis).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms.is_multiple_of(1000) { write!(f, "{}s", ms / 1000) } else { write!(f, "{ms}ms") }
    }
}

impl FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` names no cores: write how many, like 4, or which, like 0,2-3 or 2,")
        };
        if text == "all" {
            return Ok(Self::All);
        }
        if let Ok(count) = text.parse() {
            return if count == 0 { Err(wrong()) } else { Ok(Self::Count(count)) };
        }
        let mut list = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<usize>().ok().filter(|at| *at < 1024);
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                return Err(wrong());
            };
            list.extend(first..=last);
        }
        list.sort_unstable();
        list.dedup();
        if list.is_empty() { Err(wrong()) } else { Ok(Self::List(list)) }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Count(count) => write!(f, "{count}"),
            Self::List(list) => list.iter().try_for_each(|number| write!(f, "{number},")),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        named
            .as_deref()
            .unwrap_or(text)
            .parse()
            .map(Self)
            .map_err(|_| format!("`{text}` is no address: write it like 127.0.0.1:8080 or [::]:80"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => {
                Err("`unix:` names no path: write it like unix:/run/levada.socket".to_owned())
            }
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(|Address(address)| Self::Tcp(address)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for EntryCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!(
                "`{text}` is no number of entries: write it like 10000, or leave it out; the cores know files in front \
                 and keep no bytes of them any more"
            )
        })
    }
}

/// What is written as text, and where it is a mere number, as that too.
struct Written<T>(core::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a text in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        if number < 0 {
            return Err(E::invalid_value(Unexpected::Signed(number), &self));
        }
        number.to_string().parse().map_err(E::custom)
    }
}

macro_rules! written {
    ($($kind:ty),*) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Written(core::marker::PhantomData))
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
                into.collect_str(self)
            }
        }
    )*};
}

written!(ByteCount, Span, Cores, Address, Place);

impl<'de> Deserialize<'de> for EntryCount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written(core::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units_and_shown_in_the_largest_that_fits() {
        for (text, bytes, shown) in [
            ("4096", 4096, "4KiB"),
            ("512MiB", 512 << 20, "512MiB"),
            ("2G", 2 << 30, "2GiB"),
            ("1 KiB", 1024, "1KiB"),
            ("0", 0, "0"),
            ("1000", 1000, "1000"),
        ] {
            let count: ByteCount = text.parse().unwrap();
            assert_eq!((count.0, count.to_string().as_str()), (bytes, shown), "{text}");
        }
        for text in ["", "K", "-1", "1.5G", "1KB2", "99999999999TiB", "lots"] {
            let error = text.parse::<ByteCount>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")) && error.contains("512MiB"), "{error}");
        }
    }

    #[test]
    fn times_are_read_with_their_units_and_never_without() {
        for (text, ms) in [("10s", 10_000), ("500ms", 500), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(text.parse::<Span>().unwrap().0, Duration::from_millis(ms), "{text}");
        }
        for text in ["10", "s", "-1s", "1d", "99999999999999999999s", "9999999999999999h"] {
            assert!(text.parse::<Span>().unwrap_err().contains("10s"), "{text}");
        }
    }

    #[test]
    fn cores_are_a_number_or_a_list() {
        assert_eq!("4".parse(), Ok(Cores::Count(4)));
        assert_eq!("0,2-3".parse(), Ok(Cores::List(vec![0, 2, 3])));
        assert_eq!("2,".parse(), Ok(Cores::List(vec![2])));
        assert_eq!("all".parse(), Ok(Cores::All));
        for text in ["", "0", "a", "1-", "0-99999999", ","] {
            assert!(text.parse::<Cores>().is_err(), "{text}");
        }
        for cores in [Cores::All, Cores::Count(3), Cores::List(vec![1]), Cores::List(vec![0, 5])] {
            assert_eq!(cores.to_string().parse(), Ok(cores));
        }
    }

    #[test]
    fn addresses_are_numbers_with_a_port() {
        let address = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(address("localhost:80").unwrap(), "127.0.0.1:80");
        assert!(address("[::]:8080").is_ok());
        assert!(address("8080").unwrap_err().contains("127.0.0.1:8080"));
        let place = |text: &str| text.parse::<Place>().map(|place| place.to_string());
        for text in ["127.0.0.1:11211", "unix:/run/levada.socket"] {
            assert_eq!(place(text).unwrap(), text);
        }
        assert!(place("unix:").unwrap_err().contains("unix:/run/levada.socket"));
    }
}
