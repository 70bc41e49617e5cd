//! The pattern is what is sent over and over in bulk: a write of known bytes, so that a receiver can look what it got.

/// One write, the same for both sides.
pub(crate) fn pattern(write_bytes: usize) -> Vec<u8> {
    // A prime, so that a part that is lost or doubled shows almost everywhere.
    (0..write_bytes).map(|place| u8::try_from(place % 251).expect("below 251")).collect()
}

/// Whether what came at `offset` of a stream of writes may be right: its first and its last byte are looked at, since
/// comparing all would be more work than receiving.
pub(crate) fn may_be_right(pattern: &[u8], offset: u64, received: &[u8]) -> bool {
    let expected = |place: u64| {
        let place = (offset + place) % pattern.len() as u64;
        pattern[usize::try_from(place).expect("below a length")]
    };
    let last_place = (received.len() as u64).saturating_sub(1);
    received.first().is_none_or(|byte| *byte == expected(0))
        && received.last().is_none_or(|byte| *byte == expected(last_place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_right_at_its_own_place_only() {
        let pattern = pattern(1_000);
        assert!(may_be_right(&pattern, 2_990, &[&pattern[990..], &pattern[..5]].concat()));
        assert!(!may_be_right(&pattern, 2_991, &pattern[990..]));
        assert!(may_be_right(&pattern, 7, &[]));
    }
}
