//! A word is a run of bytes between spaces; a line is a row of words, and nothing else divides it.
//!
//! Tabs and other control bytes belong to the word they stand in, as the reference has it.

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
        let word_bytes = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(word_bytes)?;
        self.0 = behind;
        (!word.is_empty()).then_some(word)
    }
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
    fn a_row_counts_one_word_more_than_it_holds() {
        assert_eq!(Row::of(Words(b"1 2 3 4 5 6 7")).count(), 7);
        assert_eq!(Row::of(Words(b"1 2 3 4 5 6 7 8 9 10")).count(), 8);
        assert_eq!(Row::of(Words(b"a b")).at(2), b"");
    }
}
