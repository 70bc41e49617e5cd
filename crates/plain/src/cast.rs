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

/// Sees as many `T`s as fit in `bytes` from `offset` on, without copying them; `None` if `offset` lies outside, or not
/// aligned. What is left at the end is less than one.
#[inline]
#[must_use]
pub fn views_at<T: Plain>(bytes: &[u8], offset: usize) -> Option<&[T]> {
    let bytes = bytes.get(offset..)?;
    let whole = bytes.len() - bytes.len() % size_of::<T>().max(1);
    <[T]>::ref_from_bytes(&bytes[..whole]).ok()
}

/// Writes `value` into `bytes` at `offset`, at any alignment; false, and nothing is written, if it does not fit.
#[inline]
#[must_use]
pub fn write_at<T: Plain>(bytes: &mut [u8], offset: usize, value: &T) -> bool {
    bytes.get_mut(offset..).is_some_and(|place| value.write_to_prefix(place).is_ok())
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
    fn a_value_is_written_whole_or_not_at_all() {
        let mut bytes = [0; 6];
        assert!(write_at(&mut bytes, 1, &U32::new(0x0403_0201)));
        assert_eq!(bytes, [0, 1, 2, 3, 4, 0]);
        assert!(!write_at(&mut bytes, 3, &U32::new(9)) && !write_at(&mut bytes, 7, &0_u8));
        assert_eq!(bytes, [0, 1, 2, 3, 4, 0]);
    }

    #[test]
    fn many_are_seen_as_far_as_they_are_whole() {
        let bytes = [1, 2, 3, 4, 5, 6, 7];
        let pairs = views_at::<zerocopy::big_endian::U16>(&bytes, 2).unwrap();
        assert_eq!(pairs.iter().map(|pair| pair.get()).collect::<Vec<_>>(), [0x0304, 0x0506]);
        assert!(views_at::<U32>(&bytes, 8).is_none());
        assert_eq!(views_at::<U32>(&bytes, 5).map(<[U32]>::len), Some(0));
        let words = [1_u32, 2, 3];
        assert_eq!(views_at::<u32>(words.as_bytes(), 4), Some(&words[1..]));
        assert_eq!(views_at::<u32>(words.as_bytes(), 2), None);
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
