//! Which spans of pages have how much free, by the longest stretch.

use crate::naming::generation::Generation;
use crate::places::class::{PAGE_BYTES, SPAN_BYTES};
use crate::places::span::{SpanIndex, SpanLine};

/// Pages of a span.
pub(crate) const PAGES: u32 = SPAN_BYTES / PAGE_BYTES;

/// The spans of pages that have some free.
#[derive(Debug, Default)]
pub(crate) struct PageSpans {
    /// By the longest stretch of free pages.
    open: [Vec<SpanIndex>; PAGES as usize],
}

impl PageSpans {
    /// A span with so many free pages one behind the other, with the fewest that do.
    pub(crate) fn with_stretch(&self, pages: u32) -> Option<SpanIndex> {
        (pages..PAGES).find_map(|stretch| self.open[stretch as usize].last().copied())
    }

    /// Whether the span is offered, for what it has free, and once.
    pub(crate) fn is_filed_rightly(&self, span: SpanIndex, used: u16, line: &SpanLine) -> bool {
        let stretch = Self::stretch(used);
        let is_offered = stretch > 0 && stretch < PAGES && line.top() < Generation::LAST;
        (0..).zip(&self.open).all(|(free, open)| {
            let times = open.iter().filter(|&&other| other == span).count();
            times == usize::from(is_offered && free == stretch)
        })
    }

    fn stretch(used: u16) -> u32 {
        let mut free = !used;
        let mut pages = 0;
        while free != 0 {
            free &= free << 1;
            pages += 1;
        }
        pages
    }

    /// Offers what is free in a span. One that has given its last generation is let run empty and then leaves.
    pub(crate) fn file(&mut self, span: SpanIndex, used: u16, line: &SpanLine) {
        let stretch = Self::stretch(used);
        if stretch > 0 && stretch < PAGES && line.top() < Generation::LAST {
            self.open[stretch as usize].push(span);
        }
    }

    pub(crate) fn unfile(&mut self, span: SpanIndex, used: u16) {
        let stretch = Self::stretch(used);
        if stretch > 0 && stretch < PAGES {
            self.open[stretch as usize].retain(|&other| other != span);
        }
    }
}
