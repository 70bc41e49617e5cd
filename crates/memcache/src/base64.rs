//! Base64 is how a key of any bytes stands on a line: four signs for three bytes.
//!
//! As the reference does it, signs of no meaning are stepped over, the rest must come in fours, and
//! the first four with a `=` end the key.

const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Six bits of a sign; `=` counts as nought and is told apart by the caller.
fn bits(sign: u8) -> Option<u32> {
    match sign {
        b'A'..=b'Z' => Some(u32::from(sign.wrapping_sub(b'A'))),
        b'a'..=b'z' => Some(u32::from(sign.wrapping_sub(b'a').wrapping_add(26))),
        b'0'..=b'9' => Some(u32::from(sign.wrapping_sub(b'0').wrapping_add(52))),
        b'+' => Some(62),
        b'/' => Some(63),
        b'=' => Some(0),
        _ => None,
    }
}

/// Says whether a text is the base64 of anything.
pub(crate) fn is_decodable(text: &[u8]) -> bool {
    let count = text.iter().filter(|sign| bits(**sign).is_some()).count();
    count > 0 && count.is_multiple_of(4) && !Decoded::of(text).any(|three| three.is_err())
}

/// The bytes of a text, three at a time.
#[derive(Clone, Debug)]
pub(crate) struct Decoded<'b> {
    text: &'b [u8],
    is_done: bool,
}

/// More than two `=` in one four.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMuchPadding;

impl<'b> Decoded<'b> {
    pub(crate) fn of(text: &'b [u8]) -> Self {
        Self { text, is_done: false }
    }
}

impl Iterator for Decoded<'_> {
    type Item = Result<Three, TooMuchPadding>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let (mut all, mut count, mut padding) = (0_u32, 0_u32, 0_usize);
        while count < 4 {
            let (sign, behind) = self.text.split_first()?;
            self.text = behind;
            if let Some(six) = bits(*sign) {
                all = (all << 6) | six;
                count = count.saturating_add(1);
                padding = padding.saturating_add(usize::from(*sign == b'='));
            }
        }
        self.is_done = padding > 0;
        let [_, bytes @ ..] = all.to_be_bytes();
        // Bits that the padding leaves over belong to no byte, and are not written again.
        Some(match padding {
            0..=2 => {
                Three::first_of(bytes.get(..3_usize.saturating_sub(padding)).unwrap_or_default())
                    .ok_or(TooMuchPadding)
            }
            _ => Err(TooMuchPadding),
        })
    }
}

/// One to three bytes, the others nought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Three {
    bytes: [u8; 3],
    count: usize,
}

impl Three {
    /// Of `bytes` the first three, if there are any.
    pub(crate) fn first_of(bytes: &[u8]) -> Option<Self> {
        let mut three = Self { bytes: [0; 3], count: 0 };
        for (place, byte) in three.bytes.iter_mut().zip(bytes) {
            *place = *byte;
            three.count = three.count.saturating_add(1);
        }
        (three.count > 0).then_some(three)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or_default()
    }

    /// The four signs of them.
    pub(crate) fn encoded(self) -> [u8; 4] {
        let [a, b, c] = self.bytes.map(u32::from);
        let all = (a << 16) | (b << 8) | c;
        let sign = |shift: u32| {
            let six = usize::try_from((all >> shift) & 0x3f).unwrap_or_default();
            SIGNS.get(six).copied().unwrap_or(b'=')
        };
        let [first, second, third, fourth] = [18, 12, 6, 0].map(sign);
        match self.count {
            1 => [first, second, b'=', b'='],
            2 => [first, second, third, b'='],
            _ => [first, second, third, fourth],
        }
    }
}

/// How many signs so many bytes take.
pub(crate) fn encoded_bytes(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        is_decodable(text)
            .then(|| Decoded::of(text).flat_map(|three| three.unwrap().bytes().to_vec()).collect())
    }

    #[test]
    fn texts_are_decoded_as_the_reference_does_it() {
        let cases: [(&[u8], Option<&[u8]>); 12] = [
            (b"bm9rZXk=", Some(b"nokey")),
            (b"bm9r*ZXk=", Some(b"nokey")),
            (b"AA==", Some(b"\0")),
            (b"/+8=", Some(b"\xff\xef")),
            (b"AA==AAAA", Some(b"\0")),
            (b"=AAA", Some(b"\0\0")),
            (b"A===", None),
            (b"====", None),
            (b"AAA", None),
            (b"AAAAA", None),
            (b"", None),
            (b"****", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(decoded(text).as_deref(), bytes, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        for length in 1..=all.len() {
            let bytes = all.get(..length).unwrap();
            let text: Vec<u8> = bytes
                .chunks(3)
                .flat_map(|three| Three::first_of(three).unwrap().encoded())
                .collect();
            assert_eq!(text.len(), encoded_bytes(length));
            assert_eq!(decoded(&text).unwrap(), bytes);
        }
    }
}
