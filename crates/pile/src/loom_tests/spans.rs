//! A slot that is freed is taken once, and a span whose last slot is freed has one who sees to it.

use loom::sync::Arc;
use loom::thread;

use crate::lock::Lock;
use crate::places::class::Class;
use crate::places::span::{SpanLine, SpanStanding};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

struct Span {
    class: Class,
    line: SpanLine,
    bits: AtomicU64,
    list: Lock<()>,
    retired: AtomicU32,
}

impl Span {
    /// A span of the longest slots, all taken by its owner.
    fn taken() -> Arc<Self> {
        let class = Class::holding(crate::places::class::SLOT_BYTES_MAX).expect("the longest slot");
        let line = SpanLine::default();
        line.begin(class, 0, SpanStanding::Owned);
        line.take_free(class.shape().slots);
        let (bits, retired) = (AtomicU64::new(0), AtomicU32::new(0));
        Arc::new(Self { class, line, bits, list: Lock::default(), retired })
    }

    /// As `Spans::add_free` does for slots that are free.
    fn free(&self, bits: u64) {
        self.bits.fetch_or(bits, Ordering::Release);
        let (before, now) = self.line.add_free(bits.count_ones());
        assert_eq!((before.spent, now.spent), (0, 0), "a slot that is taken early spends none");
        if !now.is_empty(self.class) {
            return;
        }
        fence(Ordering::SeqCst);
        if self.line.standing() != SpanStanding::Owned {
            let _list = self.list.lock();
            self.settle();
        }
    }

    /// As `Spans::settle`, for an empty span.
    fn settle(&self) {
        if self.line.standing() == SpanStanding::Full && self.line.vacancy().is_empty(self.class) {
            self.line.set_standing(SpanStanding::Retiring);
            self.retired.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As `Spans::release`.
    fn release(&self) {
        let _list = self.list.lock();
        self.line.set_standing(SpanStanding::Full);
        fence(Ordering::SeqCst);
        self.settle();
    }
}

#[test]
fn a_span_that_is_emptied_while_its_arena_gives_it_up_retires_once() {
    loom::model(|| {
        let span = Span::taken();
        let all = span.class.shape().bits_of_word(0);
        let freeing = [all & 1, all & !1].map(|bits| {
            let span = Arc::clone(&span);
            thread::spawn(move || span.free(bits))
        });
        span.release();
        for thread in freeing {
            thread.join().unwrap();
        }
        assert_eq!(span.retired.load(Ordering::Relaxed), 1, "somebody saw to it, once");
    });
}

#[test]
fn each_bit_that_is_freed_is_taken_once_and_counted() {
    loom::model(|| {
        let span = Span::taken();
        let freeing = [1, 2].map(|bits| {
            let span = Arc::clone(&span);
            thread::spawn(move || span.free(bits))
        });
        let mut taken = 0;
        for _ in 0..2 {
            let word = span.bits.swap(0, Ordering::Acquire);
            span.line.take_free(word.count_ones());
            assert_eq!(taken & word, 0, "no slot is taken twice");
            taken |= word;
        }
        for thread in freeing {
            thread.join().unwrap();
        }
        let left = span.bits.load(Ordering::Relaxed);
        assert_eq!((taken | left, taken & left), (3, 0), "no slot is lost");
        assert_eq!(span.line.vacancy().free, left.count_ones());
    });
}
