//! A timespec is a length of time as the kernel reads it: seconds and nanoseconds, eight bytes each, in the machine's own order.
#![expect(clippy::host_endian_bytes, reason = "the kernel of this machine reads it")]

use core::time::Duration;

/// How long a timespec is.
pub const TIMESPEC_BYTES: usize = 16;

/// A length of time for the kernel; what is longer than it can say is as long as it can say.
#[must_use]
pub fn timespec_bytes(after: Duration) -> [u8; TIMESPEC_BYTES] {
    let seconds = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
    let mut bytes = [0; TIMESPEC_BYTES];
    bytes[..8].copy_from_slice(&seconds.to_ne_bytes());
    bytes[8..].copy_from_slice(&i64::from(after.subsec_nanos()).to_ne_bytes());
    bytes
}

/// The length of time that the kernel would read; `None` where that is negative, or has a second or more of nanoseconds.
#[must_use]
pub fn timespec_duration(bytes: &[u8; TIMESPEC_BYTES]) -> Option<Duration> {
    let (seconds, nanoseconds) = bytes.split_first_chunk()?;
    let seconds = u64::try_from(i64::from_ne_bytes(*seconds)).ok()?;
    let nanoseconds = u32::try_from(i64::from_ne_bytes(nanoseconds.try_into().ok()?)).ok()?;
    (nanoseconds < 1_000_000_000).then(|| Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_comes_back_as_it_was_put_in() {
        for after in [Duration::ZERO, Duration::new(3, 999_999_999), Duration::from_secs(1 << 40)] {
            assert_eq!(timespec_duration(&timespec_bytes(after)), Some(after));
        }
        let longest = timespec_duration(&timespec_bytes(Duration::MAX)).unwrap();
        assert_eq!(longest.as_secs(), i64::MAX.cast_unsigned());
    }

    #[test]
    fn what_is_no_length_of_time_is_none() {
        for wrong in
            [[u8::MAX; 16], [[0; 8], 1_000_000_000_i64.to_ne_bytes()].concat().try_into().unwrap()]
        {
            assert_eq!(timespec_duration(&wrong), None);
        }
    }
}
