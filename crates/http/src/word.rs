//! Eight bytes are looked at in one step, as one word, to find where a long run ends.
//!
//! A predicate maps a word to its *marks*: the high bit of each byte that ends the run. Marks above
//! the lowest one may be wrong (a borrow runs upwards), which is why only the lowest is ever read.
//! Cost: some fifteen instructions for eight bytes, where a table takes five for each.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes at the front of `bytes` a field value may hold without a look at them: neither
/// control bytes nor DEL. A tab ends the run too; the caller, who knows that tabs are rare, steps
/// over it.
#[inline]
pub(crate) fn value_run_bytes(bytes: &[u8]) -> usize {
    run_bytes(bytes, |word| below(word, 0x20) | equal(word, 0x7f))
}

/// How many bytes at the front of `bytes` are visible ASCII and not `#`: what a request target may
/// hold.
#[inline]
pub(crate) fn target_run_bytes(bytes: &[u8]) -> usize {
    run_bytes(bytes, |word| {
        below(word, 0x21) | equal(word, 0x7f) | equal(word, b'#') | (word & HIGHS)
    })
}

/// How many bytes at the front of `bytes` are no question mark: the path of a target.
#[inline]
pub(crate) fn path_run_bytes(bytes: &[u8]) -> usize {
    run_bytes(bytes, |word| equal(word, b'?'))
}

/// How many bytes at the front of `bytes` are no colon: where a field's name ends, if it is one.
#[inline]
pub(crate) fn name_run_bytes(bytes: &[u8]) -> usize {
    run_bytes(bytes, |word| equal(word, b':'))
}

/// How many bytes at the front of `bytes` are not a line feed.
#[inline]
pub(crate) fn line_run_bytes(bytes: &[u8]) -> usize {
    run_bytes(bytes, |word| equal(word, b'\n'))
}

#[inline]
fn run_bytes(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes;
    let mut run_bytes = 0_usize;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let marks = marks(u64::from_le_bytes(*eight));
        if marks != 0 {
            return run_bytes.saturating_add(first_marked(marks));
        }
        run_bytes = run_bytes.saturating_add(8);
        rest = after;
    }
    // The last seven and fewer, each spread over a word of its own: the predicate is then written
    // once.
    let last = rest.iter().position(|byte| marks(spread(*byte)) != 0).unwrap_or(rest.len());
    run_bytes.saturating_add(last)
}

/// How many bytes stand in front of the first marked one.
#[inline]
fn first_marked(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

#[inline]
fn spread(byte: u8) -> u64 {
    u64::from(byte).wrapping_mul(ONES)
}

/// Marks each byte that is less than `bound`, which is at most 0x80.
#[inline]
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(spread(bound)) & !word & HIGHS
}

#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ spread(byte), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte at every distance from the front, behind bytes that end no run.
    fn agree(by_word: fn(&[u8]) -> usize, ends: fn(u8) -> bool) {
        for byte in 0..=u8::MAX {
            for run_bytes in 0..20 {
                for tail_bytes in [0, 1, 7, 8, 9] {
                    let mut bytes = vec![b'~'; run_bytes];
                    bytes.push(byte);
                    bytes.resize(bytes.len().saturating_add(tail_bytes), byte ^ 1);
                    let expected = bytes.iter().position(|byte| ends(*byte)).unwrap_or(bytes.len());
                    assert_eq!(
                        by_word(&bytes),
                        expected,
                        "{byte:#x} after {run_bytes}, before {tail_bytes}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_value_ends_at_each_control_byte() {
        agree(value_run_bytes, |byte| byte.is_ascii_control());
    }

    #[test]
    fn a_target_ends_at_all_that_is_not_visible_ascii_or_is_a_fragment() {
        agree(target_run_bytes, |byte| !byte.is_ascii_graphic() || byte == b'#');
    }

    #[test]
    fn a_path_ends_at_its_question_mark_only() {
        agree(path_run_bytes, |byte| byte == b'?');
    }

    #[test]
    fn a_name_ends_at_its_colon_only() {
        agree(name_run_bytes, |byte| byte == b':');
    }

    #[test]
    fn a_line_ends_at_its_feed_only() {
        agree(line_run_bytes, |byte| byte == b'\n');
    }
}
