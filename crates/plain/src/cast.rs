//! A primitive struct is a value whose bytes say all about it, so bytes may be read as one wherever they lie.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A type that any bytes of its length are a value of, and that hides no byte: made by `zerocopy`'s derives.
///
/// ```compile_fail
/// let _ = levada_plain::read_at::<bool>(&[2], 0); // two is no bool
/// ```
/// ```compile_fail
/// # use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
/// #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
/// #[repr(C)]
/// struct Padded(u8, u32); // three bytes that say nothing
/// ```
/// ```compile_fail
/// let _ = levada_plain::read_at::<&u8>(&[0; 8], 0); // an address is no plain value
/// ```
pub trait Plain: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + 'static> Plain for T {}

/// Reads a `T` from `bytes` at `offset`, at any alignment; `None` if it does not lie wholly inside.
#[inline]
#[must_use]
pub fn read_at<T: Plain>(bytes: &[u8], offset: usize) -> Option<T> {
    T::read_from_prefix(bytes.get(offset..)?).ok().map(|(value, _)| value)
}

/// Sees a `T` in `bytes` at `offset` without copying it; `None` if it does not lie wholly inside, or not aligned.
#[inline]
#[must_use]
pub fn view_at<T: Plain>(bytes: &[u8], offset: usize) -> Option<&T> {
    T::ref_from_prefix(bytes.get(offset..)?).ok().map(|(value, _)| value)
}

/// The bytes that `value` is.
#[inline]
#[must_use]
pub fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    value.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    use zerocopy::little_endian::U32;

    #[test]
    fn a_value_that_would_pass_the_end_is_none() {
        let bytes = [1, 2, 3, 4];
        assert_eq!(read_at::<U32>(&bytes, 0), Some(U32::new(0x0403_0201)));
        for offset in [1, 4, 5, usize::MAX] {
            assert_eq!(read_at::<U32>(&bytes, offset), None);
            assert_eq!(view_at::<U32>(&bytes, offset), None);
        }
    }

    #[test]
    fn a_view_needs_alignment_and_a_read_does_not() {
        let words = [0x0403_0201_u32, 0x0807_0605];
        let bytes = words.as_bytes();
        assert_eq!(view_at::<u32>(bytes, 4), Some(&words[1]));
        assert_eq!(view_at::<u32>(bytes, 1), None);
        assert_eq!(
            read_at::<U32>(bytes, 1).map(|word| word.to_bytes()),
            bytes[1..5].try_into().ok()
        );
    }
}
