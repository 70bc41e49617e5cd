//! A trace parent says which trace a request belongs to (W3C Trace Context, level 1).
//!
//! `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: version, trace, parent, flags. What
//! is malformed is as if it were not there: the caller begins a trace of its own.

use crate::compose::{Compose, Sink};
use crate::digits::HexBytes;

/// Who asks, in a trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub struct TraceParent {
    /// The trace; never zero.
    pub trace_id: [u8; 16],
    /// The step of it that asks; never zero.
    pub parent_id: [u8; 8],
    /// Bit 0: the trace is recorded.
    pub flags: u8,
}

impl TraceParent {
    /// How long the text of each is.
    pub const TEXT_BYTES: usize = 55;

    /// Reads the field. A later version may have more behind the flags, which is passed over.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (text, more) = value.split_first_chunk::<{ Self::TEXT_BYTES }>()?;
        let ([version_high, version_low, b'-'], rest) = text.split_first_chunk::<3>()? else {
            return None;
        };
        let (trace_id, rest) = rest.split_first_chunk::<32>()?;
        let (parent_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
        let flags = rest.strip_prefix(b"-")?;
        match bytes::<1>(&[*version_high, *version_low])? {
            [0xff] => return None,
            [0] if !more.is_empty() => return None,
            _ if !more.is_empty() && !more.starts_with(b"-") => return None,
            _ => {}
        }
        let [flags] = bytes::<1>(flags)?;
        let (trace_id, parent_id) = (bytes::<16>(trace_id)?, bytes::<8>(parent_id)?);
        (trace_id != [0; 16] && parent_id != [0; 8]).then_some(Self { trace_id, parent_id, flags })
    }
}

impl Compose for TraceParent {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"00-");
        HexBytes(&self.trace_id).put_into(sink);
        sink.put(b"-");
        HexBytes(&self.parent_id).put_into(sink);
        sink.put(b"-");
        HexBytes(&[self.flags]).put_into(sink);
    }
}

/// The bytes that `digits` spell in lower-case hexadecimal: upper case is malformed here.
fn bytes<const BYTES: usize>(digits: &[u8]) -> Option<[u8; BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte & 0x0f),
        b'a'..=b'f' => Some((byte & 0x0f).wrapping_add(9)),
        _ => None,
    };
    let mut spelled = [0; BYTES];
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    if pairs.len() != BYTES {
        return None;
    }
    for (place, [high, low]) in spelled.iter_mut().zip(pairs) {
        *place = digit(*high)?.wrapping_shl(4) | digit(*low)?;
    }
    Some(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_parent_is_read_and_written_alike() {
        let parent = TraceParent::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(parent.trace_id[..4], [0x4b, 0xf9, 0x2f, 0x35]);
        assert_eq!(
            (parent.parent_id, parent.flags),
            ([0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7], 1)
        );
        let mut text = Vec::new();
        parent.put_into(&mut text);
        assert_eq!((text.as_slice(), text.len()), (TEXT.as_bytes(), TraceParent::TEXT_BYTES));
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = TEXT.replacen("00", "cc", 1);
        let plain = TraceParent::parse(TEXT.as_bytes());
        assert_eq!(TraceParent::parse(later.as_bytes()), plain);
        assert_eq!(TraceParent::parse(format!("{later}-more").as_bytes()), plain);
        assert_eq!(TraceParent::parse(format!("{later}more").as_bytes()), None);
    }

    #[test]
    fn what_is_malformed_is_no_parent() {
        let cases = [
            String::new(),
            TEXT[..54].to_owned(),
            format!("{TEXT}0"),
            format!("{TEXT}-0"),
            TEXT.to_uppercase(),
            TEXT.replace('-', "_"),
            TEXT.replacen("00", "ff", 1),
            TEXT.replacen("00", "0g", 1),
            TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            TEXT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            TEXT.replace("-01", "-0x"),
            TEXT.replace("a3ce", "a-ce"),
        ];
        for text in cases {
            assert_eq!(TraceParent::parse(text.as_bytes()), None, "{text}");
        }
    }
}
