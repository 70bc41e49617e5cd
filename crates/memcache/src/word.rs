//! A word is a run of bytes between spaces; a line is a row of words, and nothing else divides it.
//!
//! Tabs and other control bytes belong to the word they stand in, as the reference has it.
//! Cost: eight bytes are looked at in one step, as one number.

/// The words of a line, from the first to the last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Words<'b>(pub(crate) &'b [u8]);

impl<'b> Iterator for Words<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<&'b [u8]> {
        let mut rest = self.0;
        while let Some((b' ', behind)) = rest.split_first() {
            rest = behind;
        }
        let (word, behind) = rest.split_at_checked(run_bytes(rest))?;
        self.0 = behind;
        (!word.is_empty()).then_some(word)
    }
}

impl Words<'_> {
    /// Says whether a word is longer than that.
    ///
    /// Where a word ends is looked for from behind, within what it may have: of most words nothing
    /// is looked at.
    #[inline]
    pub(crate) fn any_longer_than(self, bytes_max: usize) -> bool {
        let mut rest = self.0;
        while let Some(window) = rest.get(..=bytes_max) {
            let Some(space) = memchr::memrchr(b' ', window) else { return true };
            rest = rest.get(space.saturating_add(1)..).unwrap_or_default();
        }
        false
    }
}

/// How many bytes stand before the first space.
#[inline]
fn run_bytes(bytes: &[u8]) -> usize {
    const SPACES: u64 = 0x2020_2020_2020_2020;
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (mut rest, mut run_bytes) = (bytes, 0_usize);
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let spaces = u64::from_le_bytes(*eight) ^ SPACES; // nought where there was one
        // Above the lowest mark a borrow may leave a wrong one, so only the lowest is read.
        let marks = spaces.wrapping_sub(ONES) & !spaces & HIGHS;
        if marks != 0 {
            return run_bytes.saturating_add((marks.trailing_zeros() / 8) as usize);
        }
        run_bytes = run_bytes.saturating_add(8);
        rest = behind;
    }
    let last = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    run_bytes.saturating_add(last)
}

/// As many words as the longest classic command has.
const ROW_WORDS_MAX: usize = 7;

/// The words of a short line, each at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'b> {
    words: [&'b [u8]; ROW_WORDS_MAX],
    count: usize,
}

impl<'b> Row<'b> {
    /// Of a longer line the first words, and a count that no command has.
    pub(crate) fn of(words: Words<'b>) -> Self {
        let mut row = Self { words: [&[]; ROW_WORDS_MAX], count: 0 };
        for word in words {
            let place = row.words.get_mut(row.count);
            row.count = row.count.saturating_add(1);
            let Some(place) = place else { break };
            *place = word;
        }
        row
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The word at that place, empty if there is none: no number and no key is.
    pub(crate) fn at(&self, index: usize) -> &'b [u8] {
        self.words.get(index).copied().unwrap_or_default()
    }

    /// Says whether the last word asks for silence. The reference looks at the last word wherever it
    /// stands, be it in the place of a number.
    pub(crate) fn is_noreply(&self) -> bool {
        self.count.checked_sub(1).is_some_and(|last| self.at(last) == b"noreply")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_divide_a_line() {
        let words: Vec<&[u8]> = Words(b"  get  a\tb  \x01 ").collect();
        assert_eq!(words, [b"get".as_slice(), b"a\tb", b"\x01"]);
        assert_eq!(Words(b"   ").next(), None);
        assert_eq!(Words(b"").next(), None);
    }

    #[test]
    fn a_word_ends_at_its_space_wherever_that_stands() {
        for byte in 0..=u8::MAX {
            for run_bytes in 0..20 {
                for behind_bytes in [0, 1, 7, 8, 9] {
                    let mut line = vec![b'!'; run_bytes];
                    line.push(byte);
                    line.resize(line.len().saturating_add(behind_bytes), b'!');
                    let ends = if byte == b' ' { run_bytes } else { line.len() };
                    assert_eq!(super::run_bytes(&line), ends, "{byte} after {run_bytes}");
                }
            }
        }
    }

    #[test]
    fn a_word_that_is_too_long_is_found_among_others() {
        for word_bytes in 0..12 {
            let word = "k".repeat(word_bytes);
            for line in [
                word.clone(),
                format!("a {word} b"),
                format!("  {word}  "),
                format!("a b c {word}"),
            ] {
                let is_longer = Words(line.as_bytes()).any_longer_than(5);
                assert_eq!(is_longer, word_bytes > 5, "{line}");
            }
        }
    }

    #[test]
    fn a_row_counts_one_word_more_than_it_holds() {
        assert_eq!(Row::of(Words(b"1 2 3 4 5 6 7")).count(), 7);
        assert_eq!(Row::of(Words(b"1 2 3 4 5 6 7 8 9 10")).count(), 8);
        assert_eq!(Row::of(Words(b"a b")).at(2), b"");
    }
}
