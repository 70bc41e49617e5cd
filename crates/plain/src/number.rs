//! A length on the wire or on disk is 64 bits wide; an index in memory is `usize`; this is where one becomes the other.

const _: () = assert!(usize::BITS == 64, "Levada runs on 64-bit machines");

/// The index that `length` is, on the 64-bit machines that Levada runs on.
///
/// ```
/// assert_eq!(levada_plain::to_index(7_u64), 7_usize);
/// ```
#[inline]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "asserted above: both are 64 bits wide")]
pub const fn to_index(length: u64) -> usize {
    length as usize
}
