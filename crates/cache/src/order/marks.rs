//! Marks in the order in which they came, in pages that come and go one by one.
//!
//! Cost: four bytes a mark; a push and a pop touch one line. No page is ever moved.

use std::collections::VecDeque;

use crate::order::mark::Mark;

/// Marks of a page.
const PAGE_MARKS: usize = 1024;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = (PAGE_MARKS * size_of::<Mark>()) as u64;

/// A queue of marks.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pages: VecDeque<Page>,
    /// How many of the first page are gone.
    gone: usize,
    marks: u32,
    /// How many of them stand for nothing any more, as far as was told.
    stale: u32,
    /// The page that is looked through next for those.
    sifted: usize,
}

type Page = Vec<Mark>;

impl Marks {
    pub(crate) fn len(&self) -> u32 {
        self.marks
    }

    pub(crate) fn stale(&self) -> u32 {
        self.stale
    }

    pub(crate) fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Whether the next push needs a page.
    pub(crate) fn is_full(&self) -> bool {
        self.pages.back().is_none_or(|page| page.len() == PAGE_MARKS)
    }

    pub(crate) fn push(&mut self, mark: Mark) {
        if self.is_full() {
            self.pages.push_back(Vec::with_capacity(PAGE_MARKS));
        }
        let page = self.pages.back_mut().expect("it was made");
        page.push(mark);
        self.marks += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<Mark> {
        loop {
            let first = self.pages.front()?;
            if let Some(&mark) = first.get(self.gone) {
                self.gone += 1;
                self.marks -= 1;
                if self.gone == self.pages.front().map_or(0, Vec::len) && self.pages.len() > 1 {
                    self.drop_first();
                }
                return Some(mark);
            }
            if self.pages.len() == 1 && first.len() < PAGE_MARKS {
                return None; // all of it is gone, and there is room behind
            }
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        self.pages.pop_front();
        self.gone = 0;
        self.sifted = self.sifted.saturating_sub(1);
    }

    /// One of the marks stands for nothing from now on.
    pub(crate) fn one_is_stale(&mut self) {
        self.stale += 1;
    }

    /// One that was popped stood for nothing.
    pub(crate) fn stale_is_gone(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }

    /// Whether more than a tenth stand for nothing.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale > self.marks / 10 + 64
    }

    /// Looks through a page for marks that stand for nothing, and lets those go; the others stay in their order.
    pub(crate) fn sift(&mut self, mut is_of_something: impl FnMut(Mark) -> bool) {
        if self.sifted >= self.pages.len() {
            self.sifted = 0;
        }
        let gone = if self.sifted == 0 { self.gone } else { 0 };
        let pages = self.pages.len();
        let Some(page) = self.pages.get_mut(self.sifted) else { return };
        let before = page.len() - gone;
        page.drain(..gone);
        page.retain(|&mark| is_of_something(mark));
        let sifted_out = u32::try_from(before - page.len()).expect("a page has few");
        if self.sifted == 0 {
            self.gone = 0;
        }
        self.marks -= sifted_out;
        self.stale = self.stale.saturating_sub(sifted_out);
        let is_last = self.sifted + 1 == pages;
        if page.is_empty() && !is_last {
            self.pages.remove(self.sifted);
        } else {
            self.join_neighbours();
            self.sifted += 1;
        }
    }

    /// Lets the page that was sifted go on in the one before it, if both fit into one.
    fn join_neighbours(&mut self) {
        let Some(before) = self.sifted.checked_sub(1) else { return };
        let (first, second) = (self.pages[before].len(), self.pages[self.sifted].len());
        if first + second > PAGE_MARKS {
            return;
        }
        let second = self.pages.remove(self.sifted).expect("it is there");
        self.pages[before].extend(second);
        self.sifted = before;
    }

    /// Every mark, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Mark> {
        self.pages.iter().flatten().copied().skip(self.gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_out_as_they_went_in() {
        let mut marks = Marks::default();
        let mut expected = VecDeque::new();
        for round in 0..20_000u32 {
            marks.push(Mark(round));
            expected.push_back(round);
            if round % 3 > 0 && round > 4000 {
                assert_eq!(marks.pop().map(|mark| mark.0), expected.pop_front());
            }
            assert_eq!(marks.len() as usize, expected.len());
        }
        assert!(marks.iter().map(|mark| mark.0).eq(expected.iter().copied()));
        while let Some(next) = expected.pop_front() {
            assert_eq!(marks.pop(), Some(Mark(next)));
        }
        assert_eq!((marks.pop(), marks.len()), (None, 0));
        assert_eq!(marks.pages(), 1);
    }

    #[test]
    fn sifting_keeps_the_order_and_frees_pages() {
        let mut marks = Marks::default();
        for number in 0..10 * 1024 {
            marks.push(Mark(number));
        }
        for _ in 0..500 {
            marks.pop();
        }
        for number in 500..10 * 1024 {
            if number % 4 != 0 {
                marks.one_is_stale();
            }
        }
        assert!(marks.is_stale());
        for _ in 0..20 {
            marks.sift(|mark| mark.0 % 4 == 0);
        }
        assert_eq!(marks.stale(), 0);
        assert!(marks.pages() <= 4, "{}", marks.pages());
        marks.push(Mark(4));
        let left: Vec<u32> = marks.iter().map(|mark| mark.0).collect();
        let expected: Vec<u32> = (500..10 * 1024).filter(|n| n % 4 == 0).chain([4]).collect();
        assert_eq!(left, expected);
        assert_eq!(marks.len() as usize, left.len());
        for next in left {
            assert_eq!(marks.pop(), Some(Mark(next)));
        }
    }
}
