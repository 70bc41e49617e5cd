//! An arena is a thread's own supply of slots: it has a span of each class that it puts into, so that a put shares no line
//! with another thread.
//!
//! Its owner is who leased it, or whoever has its lock where all threads share one (under a small limit). All its fields are
//! atomics that are read and written plainly: that only the owner writes them is a rule, and breaking it would lose slots,
//! not memory safety. A thread that ends leaves its arena for the next; what an idle arena keeps, who tends the pile takes.
//!
//! Cost: a slot is one bit of a cached word; each 64 slots one exchange with the span's bitmap.

use std::sync::OnceLock;

use crate::class::{CLASS_COUNT, Class};
use crate::counts::Counts;
use crate::epoch::{Epoch, Pinned};
use crate::generation::Generation;
use crate::header::Header;
use crate::limbo::Limbo;
use crate::lock::Lock;
use crate::pointer::Place;
use crate::segment::{Memory, Slot, split};
use crate::span::SpanIndex;
use crate::spans::{Prefer, Spans};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// How many buckets of lives there are: for ever, mixed, and four for each doubling up to 388 days.
pub(crate) const BUCKETS: usize = 104;

/// What one thread puts from.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) number: u32,
    /// Whether a thread has it, for itself.
    is_leased: AtomicBool,
    /// Whether its spans are asked back: a purge, or nobody has used them for a while.
    recalled: AtomicBool,
    /// In which epoch they were.
    recalled_in: AtomicU64,
    /// How many records had been put when the arena was last looked at.
    puts_seen: AtomicU64,
    /// For who gives the spans back, its owner or another.
    handing: Lock<()>,
    /// In the one arena of a small pile, for who uses it.
    pub(crate) sharing: Option<Lock<()>>,
    lanes: [OnceLock<Box<[Current]>>; BUCKETS],
    pub(crate) limbo: Limbo,
    pub(crate) counts: Counts,
}

/// The span of one class that an arena puts into.
#[derive(Debug, Default)]
struct Current {
    /// The span's number plus one, or zero.
    span: AtomicU32,
    /// Which word of the bitmap is cached.
    index: AtomicU32,
    /// How many words were looked at since one had a free slot.
    looked: AtomicU32,
    /// The free slots of that word which this arena has taken out.
    word: AtomicU64,
}

/// A span that an arena puts into, as it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    pub(crate) span: SpanIndex,
    pub(crate) class: Class,
    pub(crate) index: u32,
    pub(crate) word: u64,
}

/// A slot for a record that is to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vacant<'m> {
    pub(crate) slot: Slot<'m>,
    pub(crate) place: Place,
    pub(crate) generation: Generation,
}

impl Arena {
    pub(crate) fn new(number: u32, is_shared: bool) -> Self {
        Self {
            number,
            is_leased: AtomicBool::new(false),
            recalled: AtomicBool::new(false),
            recalled_in: AtomicU64::new(0),
            puts_seen: AtomicU64::new(0),
            handing: Lock::default(),
            sharing: is_shared.then(Lock::default),
            lanes: [const { OnceLock::new() }; BUCKETS],
            limbo: Limbo::new(),
            counts: Counts::default(),
        }
    }

    /// Makes it a thread's, if it is nobody's.
    pub(crate) fn lease(&self) -> bool {
        // Acquire: with the arena come the words that its former owner left.
        !self.is_leased.load(Ordering::Relaxed)
            && self
                .is_leased
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Leaves it for another thread.
    pub(crate) fn leave(&self) {
        self.is_leased.store(false, Ordering::Release);
    }

    fn current(&self, class: Class, bucket: u8) -> &Current {
        let lane = self.lanes[usize::from(bucket)]
            .get_or_init(|| (0..=CLASS_COUNT).map(|_| Current::default()).collect());
        &lane[usize::from(class.0)]
    }

    /// A free slot of the class, for the owner, who is pinned. `None` at the limit.
    #[inline]
    pub(crate) fn take<'m>(
        &self,
        spans: &'m Spans,
        class: Class,
        bucket: u8,
        how: (Prefer, bool),
    ) -> Option<Vacant<'m>> {
        // Acquire: see `give_spans`.
        if self.recalled.load(Ordering::Acquire) {
            self.answer(spans);
        }
        let current = self.current(class, bucket);
        let mut word = current.word.load(Ordering::Relaxed);
        if word == 0 {
            word = self.refill(spans, current, class, bucket, how)?;
        }
        current.word.store(word & (word - 1), Ordering::Relaxed);
        let span = SpanIndex(current.span.load(Ordering::Relaxed) - 1);
        let index = current.index.load(Ordering::Relaxed) * 64 + word.trailing_zeros();
        let slot = spans.memory.slot_of(span, class, index);
        let former = Header(slot.header().load(Ordering::Relaxed)).generation();
        let line = spans.memory.line(span);
        let generation = former.max(line.low()).next().expect("a slot that is spent has no bit");
        line.raise_top(generation);
        Some(Vacant { slot, place: Memory::place(span, class, index), generation })
    }

    /// Caches the next word that has a free slot: of the present span, on one round through it, or of another.
    #[cold]
    fn refill(
        &self,
        spans: &Spans,
        current: &Current,
        class: Class,
        bucket: u8,
        how: (Prefer, bool),
    ) -> Option<u64> {
        let words = class.shape().bitmap_words();
        loop {
            if let Some(span) = current.span.load(Ordering::Relaxed).checked_sub(1).map(SpanIndex) {
                while current.looked.load(Ordering::Relaxed) < words {
                    current.looked.fetch_add(1, Ordering::Relaxed);
                    let index = (current.index.load(Ordering::Relaxed) + 1) % words;
                    current.index.store(index, Ordering::Relaxed);
                    let bits = spans.memory.bitmap_word(span, class, index);
                    if bits.load(Ordering::Relaxed) == 0 {
                        continue;
                    }
                    // Acquire: with a bit comes the freed header of its slot.
                    let word = bits.swap(0, Ordering::Acquire);
                    spans.memory.line(span).take_free(word.count_ones());
                    current.looked.store(0, Ordering::Relaxed);
                    current.word.store(word, Ordering::Relaxed);
                    return Some(word);
                }
                current.span.store(0, Ordering::Relaxed);
                spans.release(span, class, bucket, 0, 0);
            }
            let (prefer, may_commit) = how;
            let span = spans.acquire(class, bucket, prefer, may_commit)?;
            spans.memory.line(span).arena.store(self.number, Ordering::Relaxed);
            current.span.store(span.0 + 1, Ordering::Relaxed);
            // The next word is the first: a round begins there.
            current.index.store(words - 1, Ordering::Relaxed);
            current.looked.store(0, Ordering::Relaxed);
        }
    }

    /// Asks the arena's spans back. Two epochs later nobody puts into them who has not heard.
    pub(crate) fn recall(&self) {
        let _one = self.handing.lock();
        if !self.recalled.load(Ordering::Relaxed) {
            // The epoch after the flag: an owner who is pinned two epochs later has seen it.
            self.recalled_in.store(Epoch::NEVER.0, Ordering::Relaxed);
            self.recalled.store(true, Ordering::Release);
            self.recalled_in.store(Epoch::sealed().0, Ordering::Relaxed);
        }
    }

    /// Whether the owner has heard of a recall by now, or does not put.
    pub(crate) fn is_recalled_long_ago(&self) -> bool {
        self.recalled.load(Ordering::Acquire)
            && Epoch(self.recalled_in.load(Ordering::Relaxed)).is_over()
    }

    /// Whether nothing was put since this was asked last. For who tends the pile.
    pub(crate) fn is_idle(&self) -> bool {
        let puts = self.counts.puts.get();
        self.puts_seen.swap(puts, Ordering::Relaxed) == puts
    }

    /// Gives all spans back, for the owner, who heard of the recall.
    #[cold]
    fn answer(&self, spans: &Spans) {
        let _pinned = Pinned::new();
        let _one = self.handing.lock();
        if self.recalled.load(Ordering::Relaxed) {
            self.give_spans(spans);
        }
    }

    /// Gives all spans back for an owner who does not put, two epochs after the recall.
    pub(crate) fn hand_over(&self, spans: &Spans) {
        let _pinned = Pinned::new();
        let _one = self.handing.lock();
        // Under the lock: the recall that was long ago may have been answered, and another be under way.
        if self.is_recalled_long_ago() {
            self.give_spans(spans);
        }
    }

    fn give_spans(&self, spans: &Spans) {
        for (bucket, lane) in (0..).zip(&self.lanes) {
            let Some(lane) = lane.get() else { continue };
            for (number, current) in (0..).zip(lane) {
                let Some(span) = current.span.load(Ordering::Relaxed).checked_sub(1) else {
                    continue;
                };
                let word = current.word.load(Ordering::Relaxed);
                let index = current.index.load(Ordering::Relaxed);
                current.span.store(0, Ordering::Relaxed);
                current.word.store(0, Ordering::Relaxed);
                // A span that was purged has another class by now, and is let be.
                let is_ours =
                    spans.memory.line(SpanIndex(span)).arena.load(Ordering::Relaxed) == self.number;
                if is_ours && spans.memory.class(SpanIndex(span)) == Class(number) {
                    spans.release(SpanIndex(span), Class(number), bucket, index, word);
                }
            }
        }
        // Release: who finds the recall over sees that the arena has nothing.
        self.recalled.store(false, Ordering::Release);
    }

    /// The spans that it puts into: each with its class, and the slots of which bitmap word it has taken out.
    pub(crate) fn spans(&self) -> Vec<Lane> {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        let currents = lanes.flat_map(|lane| (0..).zip(lane));
        let kept = currents.filter_map(|(class, current)| {
            Some(Lane {
                span: SpanIndex(current.span.load(Ordering::Relaxed).checked_sub(1)?),
                class: Class(class),
                index: current.index.load(Ordering::Relaxed),
                word: current.word.load(Ordering::Relaxed),
            })
        });
        kept.collect()
    }

    /// Whether any span is kept.
    pub(crate) fn has_spans(&self) -> bool {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        lanes.flat_map(|lane| lane.iter()).any(|current| current.span.load(Ordering::Relaxed) != 0)
    }
}

/// Whether the place leads to no slot.
pub(crate) fn leads_nowhere(memory: &Memory, place: Place) -> bool {
    memory.class(split(place).0) == Class::NONE
}
