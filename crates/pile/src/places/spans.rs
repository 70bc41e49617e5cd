//! The spans of a pile: those in use, by class, and the way of each from the supply into use and back.
//!
//! A span that an arena gives up with room in it goes on the list of its class, and so does one in which enough was freed
//! since. A span without a record leaves: its class becomes none, and two epochs later it is anybody's. Who freed the last
//! slot sees that and does it; each such step looks at the span anew under the lock of its class's list, so that it does not
//! matter who comes late.

use std::sync::OnceLock;

use crate::lock::Lock;
use crate::naming::header::Header;
use crate::naming::life::{FOREVER, MIXED};
use crate::naming::pointer::Place;
use crate::places::class::{CLASS_COUNT, Class};
use crate::places::page_spans::PageSpans;
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::{SpanIndex, SpanLine, SpanStanding, Vacancy};
use crate::places::supply::Supply;
use crate::sync::{AtomicU32, Ordering, fence};
use crate::upkeep::due::{Due, latest_s};

/// Lists of a class: for records without a life, and for all that have one.
const LISTED_BUCKETS: usize = 2;

/// The keeper of records that no keeper keeps.
pub(crate) const NOBODY: u16 = 0;

/// How many keepers there can be, and nobody.
pub(crate) const KEEPERS: usize = 256;

/// How many spans of a list are looked at for one of the same bucket.
const LOOKS: u32 = 16;

/// Whether a span that is partly free is preferred to one that is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "section", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Prefer {
    /// Partly free spans first: the fewest bytes.
    Space,
    /// Empty spans first: the fewest lines touched.
    Speed,
}

/// How far is gone for a span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Only to those that are partly free.
    Listed,
    /// To empty ones too, if nothing is asked of the kernel.
    Ready,
    /// To the limit.
    Limit,
}

/// What records a span is wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) class: Class,
    /// Where it is kept: for ever, mixed, or a bucket of its own.
    pub(crate) lane: u8,
    /// The bucket of the life that is put; none is `NO_LIFE`.
    pub(crate) life: u8,
    /// The second in which it is put, if it has a life.
    pub(crate) now_s: u32,
    pub(crate) prefer: Prefer,
    pub(crate) reach: Reach,
}

impl Want {
    /// Of a record that has no life.
    pub(crate) const NO_LIFE: u8 = u8::MAX;
}

/// The spans of a pile.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) memory: Memory,
    pub(crate) supply: Supply,
    /// By keeper; the first is nobody.
    lists: Box<[OfKeeper]>,
    /// The pages of long records.
    pub(crate) pages: Lock<PageSpans>,
    /// How many spans an earlier life left that nobody has looked through; changed under the locks of their lists.
    pub(crate) inherited: AtomicU32,
    pub(crate) due: Due,
}

/// The lists of one keeper, which are made when they are first used.
type OfKeeper = OnceLock<Box<[Lock<Lists>]>>;

/// The spans of one class and one keeper that are partly free.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    whole: List,
    /// Those without memory behind some of their pages.
    thin: List,
}

/// Spans of one class, linked by their lines.
#[derive(Debug, Default)]
struct List {
    first: Option<SpanIndex>,
}

/// The end of a list in a line's link.
const END: u32 = u32::MAX;

impl List {
    fn unlink(&mut self, memory: &Memory, span: SpanIndex) {
        let line = memory.line(span);
        let (next, previous) =
            (line.next.load(Ordering::Relaxed), line.previous.load(Ordering::Relaxed));
        if previous == END {
            self.first = (next != END).then_some(SpanIndex(next));
        } else {
            memory.line(SpanIndex(previous)).next.store(next, Ordering::Relaxed);
        }
        if next != END {
            memory.line(SpanIndex(next)).previous.store(previous, Ordering::Relaxed);
        }
    }

    fn push(&mut self, memory: &Memory, span: SpanIndex) {
        let line = memory.line(span);
        let next = self.first.map_or(END, |first| first.0);
        line.next.store(next, Ordering::Relaxed);
        line.previous.store(END, Ordering::Relaxed);
        if let Some(first) = self.first {
            memory.line(first).previous.store(span.0, Ordering::Relaxed);
        }
        self.first = Some(span);
    }

    /// One of the first few spans that `suits`.
    fn find(&self, memory: &Memory, suits: impl Fn(&SpanLine) -> bool) -> Option<SpanIndex> {
        let mut next = self.first;
        for _ in 0..LOOKS {
            let line = memory.line(next?);
            if suits(line) {
                return next;
            }
            let following = line.next.load(Ordering::Relaxed);
            next = (following != END).then_some(SpanIndex(following));
        }
        None
    }
}

impl Spans {
    pub(crate) fn new(memory: Memory, supply: Supply) -> Self {
        let spans = Self {
            memory,
            supply,
            lists: (0..KEEPERS).map(|_| OnceLock::new()).collect(),
            pages: Lock::default(),
            inherited: AtomicU32::new(0),
            due: Due::default(),
        };
        // Those of nobody are there from the first on: a purge has all of them.
        spans.lists(Class::NONE, FOREVER, NOBODY);
        spans
    }

    fn lists(&self, class: Class, bucket: u8, keeper: u16) -> &Lock<Lists> {
        let of_keeper = self.lists[usize::from(keeper)].get_or_init(|| {
            (0..(CLASS_COUNT + 1) * LISTED_BUCKETS).map(|_| Lock::default()).collect()
        });
        let bucket = usize::from(bucket).min(LISTED_BUCKETS - 1);
        &of_keeper[usize::from(class.0) * LISTED_BUCKETS + bucket]
    }

    /// Does `act` under the lock of the lists that the span belongs to, if it still has this class.
    fn with_lists<R>(
        &self,
        span: SpanIndex,
        class: Class,
        act: impl FnOnce(&mut Lists, &SpanLine) -> R,
    ) -> Option<R> {
        let line = self.memory.line(span);
        loop {
            let of = (line.bucket().min(MIXED), line.keeper.load(Ordering::Relaxed));
            let mut lists = self.lists(class, of.0, of.1).lock();
            // It may be another's by now, under another class: then this is none of our lists.
            if self.memory.class(span) != class {
                return None;
            }
            if of == (line.bucket().min(MIXED), line.keeper.load(Ordering::Relaxed)) {
                return Some(act(&mut lists, line));
            }
        }
    }

    /// A span for an arena of this keeper to put into. `None` at the limit, or at the end of what is in reach.
    pub(crate) fn acquire(&self, want: Want, keeper: u16) -> Option<SpanIndex> {
        let is_empty_first = want.prefer == Prefer::Speed && want.reach != Reach::Listed;
        if is_empty_first && let Some(span) = self.supply.try_take(&self.memory) {
            return Some(self.open(span, want, keeper));
        }
        let lane = want.lane.min(MIXED);
        let suits = |line: &SpanLine| want.lane <= MIXED || line.bucket() == want.lane;
        if let Some(span) = self.take_listed(want, keeper, lane, suits) {
            return Some(span);
        }
        let span = match want.reach {
            Reach::Listed => None,
            Reach::Ready => self.supply.try_take(&self.memory),
            Reach::Limit => {
                if let Some(span) = self.take_thin(want, keeper) {
                    return Some(span);
                }
                self.supply.take(&self.memory)
            }
        };
        if let Some(span) = span {
            return Some(self.open(span, want, keeper));
        }
        // Rather with records of other lives than not at all.
        self.take_listed(want, keeper, MIXED, |_| true)
            .or_else(|| self.take_listed(want, keeper, FOREVER, |_| true))
    }

    /// Cuts a zeroed span into free slots.
    fn open(&self, span: SpanIndex, want: Want, keeper: u16) -> SpanIndex {
        // A purge has all lists: no span is opened while it goes through them, so what it leaves was opened after it.
        let _lists = self.lists(want.class, want.lane, keeper).lock();
        let shape = want.class.shape();
        for index in 0..shape.bitmap_words() {
            self.memory
                .bitmap_word(span, want.class, index)
                .store(shape.bits_of_word(index), Ordering::Relaxed);
        }
        let line = self.memory.line(span);
        line.begin(want.class, want.lane, SpanStanding::Owned);
        line.keeper.store(keeper, Ordering::Relaxed);
        self.memory.set_class(span, want.class);
        span
    }

    fn take_listed(
        &self,
        want: Want,
        keeper: u16,
        bucket: u8,
        suits: impl Fn(&SpanLine) -> bool,
    ) -> Option<SpanIndex> {
        let mut lists = self.lists(want.class, bucket, keeper).lock();
        let span = lists.whole.find(&self.memory, suits)?;
        lists.whole.unlink(&self.memory, span);
        self.own(span, want);
        Some(span)
    }

    /// A span whose absent pages come back first, as far as the limit allows.
    fn take_thin(&self, want: Want, keeper: u16) -> Option<SpanIndex> {
        let mut lists = self.lists(want.class, want.lane, keeper).lock();
        let span = lists.thin.first?;
        let line = self.memory.line(span);
        if !self.supply.limit.take(line.absent_bytes()) {
            return None;
        }
        line.absent.store(0, Ordering::Relaxed);
        lists.thin.unlink(&self.memory, span);
        self.own(span, want);
        Some(span)
    }

    /// A listed span becomes an arena's. Under the lock of its list.
    fn own(&self, span: SpanIndex, want: Want) {
        let line = self.memory.line(span);
        line.set_standing(SpanStanding::Owned);
        if want.life != Want::NO_LIFE {
            if line.bucket() != want.lane {
                line.set_bucket(MIXED);
            }
            if line.has_lives() {
                // It may have been due later, or never: nothing was put there.
                self.due.agree(span, line, latest_s(line, want.now_s));
            }
        }
    }

    /// A life shorter than any before it is put into a span. For who has it.
    #[cold]
    pub(crate) fn shorten(&self, span: SpanIndex, want: Want) {
        let line = self.memory.line(span);
        line.set_shortest(want.life);
        self.due.agree(span, line, latest_s(line, want.now_s));
    }

    /// An arena puts no more into the span; `word` are the slots of bitmap word `index` that it had taken and not used.
    pub(crate) fn release(&self, span: SpanIndex, class: Class, index: u32, word: u64) {
        if word != 0 {
            // Release: the bits are there before the count says so.
            self.memory.bitmap_word(span, class, index).fetch_or(word, Ordering::Release);
            self.memory.line(span).add_free(word.count_ones());
        }
        self.put_in(span, class, SpanStanding::Full);
    }

    /// Takes a span that is nobody's out of its list, if it suits: nothing is put there until `put_in`.
    pub(crate) fn take_out(
        &self,
        span: SpanIndex,
        class: Class,
        suits: impl FnOnce(&SpanLine) -> bool,
    ) -> bool {
        let taken = self.with_lists(span, class, |lists, line| {
            if !suits(line) {
                return false;
            }
            match line.standing() {
                SpanStanding::Listed => lists.whole.unlink(&self.memory, span),
                SpanStanding::Thin => lists.thin.unlink(&self.memory, span),
                _ => return false,
            }
            // No arena has this number.
            line.arena.store(0, Ordering::Relaxed);
            line.set_standing(SpanStanding::Owned);
            true
        });
        taken == Some(true)
    }

    /// A span that somebody had for himself is nobody's, and stands so.
    pub(crate) fn put_in(&self, span: SpanIndex, class: Class, standing: SpanStanding) {
        self.with_lists(span, class, |lists, line| {
            if line.standing() == SpanStanding::Owned {
                line.set_standing(standing);
                // SeqCst, with that of `after_free`: either this sees what was freed last, or he who freed it sees the standing.
                fence(Ordering::SeqCst);
                self.settle(lists, span, class);
            }
        });
    }

    /// Does for a span that nobody owns what its vacancy asks for. Under the lock of its list.
    fn settle(&self, lists: &mut Lists, span: SpanIndex, class: Class) {
        let line = self.memory.line(span);
        let vacancy = line.vacancy();
        match line.standing() {
            SpanStanding::Full | SpanStanding::Drained if vacancy.is_empty(class) => {
                self.retire(span);
            }
            SpanStanding::Full if line.absent.load(Ordering::Relaxed) != 0 => {
                line.set_standing(SpanStanding::Thin);
                lists.thin.push(&self.memory, span);
            }
            SpanStanding::Full if vacancy.is_roomy(class) => {
                line.set_standing(SpanStanding::Listed);
                lists.whole.push(&self.memory, span);
            }
            SpanStanding::Listed if vacancy.is_empty(class) => {
                lists.whole.unlink(&self.memory, span);
                self.retire(span);
            }
            SpanStanding::Thin if vacancy.is_empty(class) => {
                lists.thin.unlink(&self.memory, span);
                self.retire(span);
            }
            _ => {}
        }
    }

    /// The span's records are gone, and no way leads in; nor into the further spans of a long record.
    pub(crate) fn retire(&self, span: SpanIndex) {
        for part in self.memory.line(span).parts(span) {
            self.memory.set_class(part, Class::NONE);
            self.memory.line(part).set_standing(SpanStanding::Retiring);
        }
        self.supply.retire(&self.memory, span);
    }

    /// A slot is free, whose record no reader sees any more.
    pub(crate) fn free_slot(&self, span: SpanIndex, class: Class, index: u32) {
        if self.empty_slot(span, class, index) {
            self.add_free(span, class, index / 64, 1 << (index % 64));
        } else {
            let word = self.memory.slot_of(span, class, index).header();
            word.store(Header(word.load(Ordering::Relaxed)).freed().0, Ordering::Release);
            let (before, now) = self.memory.line(span).add_spent();
            self.after_free(span, class, before, now);
        }
    }

    /// Marks a slot free, unless it has had its last generation.
    pub(crate) fn empty_slot(&self, span: SpanIndex, class: Class, index: u32) -> bool {
        let word = self.memory.slot_of(span, class, index).header();
        let freed = Header(word.load(Ordering::Relaxed)).freed();
        let has_next = freed.generation().next().is_some();
        if has_next {
            word.store(freed.0, Ordering::Release);
        }
        has_next
    }

    /// Slots that were marked free are anybody's: those of word `index` of the bitmap that `bits` name.
    pub(crate) fn add_free(&self, span: SpanIndex, class: Class, index: u32, bits: u64) {
        // Release: the arena that takes a bit sees the header free; the bits come before the count.
        self.memory.bitmap_word(span, class, index).fetch_or(bits, Ordering::Release);
        let (before, now) = self.memory.line(span).add_free(bits.count_ones());
        self.after_free(span, class, before, now);
    }

    fn after_free(&self, span: SpanIndex, class: Class, before: Vacancy, now: Vacancy) {
        let line = self.memory.line(span);
        let asks = now.is_empty(class) || (now.is_roomy(class) && !before.is_roomy(class));
        if !asks {
            return;
        }
        fence(Ordering::SeqCst); // see `put_in`
        if line.standing() != SpanStanding::Owned {
            self.with_lists(span, class, |lists, _| self.settle(lists, span, class));
        }
    }

    /// Lets `look` see an inherited span of slots, once: it sets the bitmap, and says what is vacant.
    pub(crate) fn take_in(
        &self,
        span: SpanIndex,
        class: Class,
        now_s: u32,
        look: impl FnOnce() -> Vacancy,
    ) {
        // Another may have been faster, or it was purged.
        self.with_lists(span, class, |lists, line| {
            if line.standing() == SpanStanding::Inherited {
                line.set_vacancy(look());
                self.take_over(span, line, SpanStanding::Full, now_s);
                self.settle(lists, span, class);
            }
        });
    }

    /// An inherited span was looked through. Lives that are over in it are swept from now on.
    pub(crate) fn take_over(
        &self,
        span: SpanIndex,
        line: &SpanLine,
        standing: SpanStanding,
        now_s: u32,
    ) {
        line.set_standing(standing);
        self.inherited.fetch_sub(1, Ordering::Relaxed);
        if line.has_lives() {
            self.due.agree(span, line, now_s);
        }
    }

    /// Keeps the span of a place from being used again, though it be purged.
    pub(crate) fn hold(&self, place: Place) {
        self.memory.line(split(place).0).held.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether anything keeps the span.
    pub(crate) fn is_held(&self, span: SpanIndex) -> bool {
        self.memory.line(span).held.load(Ordering::Relaxed) > 0
    }

    /// Ends what `hold` began.
    pub(crate) fn let_go(&self, place: Place) {
        // Release: who uses the span again sees all that was done before.
        self.memory.line(split(place).0).held.fetch_sub(1, Ordering::Release);
    }

    /// Whether the span is in use.
    pub(crate) fn leads_somewhere(&self, span: SpanIndex) -> bool {
        self.memory.class(span) != Class::NONE
    }

    /// Nobody, and the keepers that there ever were, whose spans may outlast them.
    pub(crate) fn owners(&self) -> impl Iterator<Item = u16> {
        let numbered = (0..).zip(&self.lists);
        numbered.filter(|(_, lists)| lists.get().is_some()).map(|(number, _)| number)
    }

    /// The spans on the list of a class, or on that of those without memory behind some of their pages, in order.
    pub(crate) fn listed(
        &self,
        class: Class,
        bucket: u8,
        keeper: u16,
        are_thin: bool,
    ) -> Vec<SpanIndex> {
        let lists = self.lists(class, bucket, keeper).lock();
        let list = if are_thin { &lists.thin } else { &lists.whole };
        let (mut spans, mut previous, mut next) = (Vec::new(), END, list.first);
        while let Some(span) = next {
            let line = self.memory.line(span);
            assert_eq!(line.previous.load(Ordering::Relaxed), previous, "a list is whole");
            spans.push(span);
            let link = line.next.load(Ordering::Relaxed);
            (previous, next) = (span.0, (link != END).then_some(SpanIndex(link)));
        }
        spans
    }

    /// Whose the record in a slot is: a span of slots is one keeper's, a page has the number in the place of a type.
    #[inline]
    pub(crate) fn keeper_of(&self, span: SpanIndex, slot: Slot<'_>) -> u16 {
        if slot.is_page() {
            u16::try_from(slot.tag(true, true).load(Ordering::Relaxed)).unwrap_or(NOBODY)
        } else {
            self.memory.line(span).keeper.load(Ordering::Relaxed)
        }
    }

    /// Ends every span: no place leads anywhere, and each span comes back when nobody sees it.
    pub(crate) fn purge(&self) -> u32 {
        let lists = self.lists.iter().filter_map(OnceLock::get).flatten();
        let mut lists: Vec<_> = lists.map(Lock::lock).collect();
        for lists in &mut lists {
            **lists = Lists::default();
        }
        let mut pages = self.pages.lock();
        *pages = PageSpans::default();
        self.inherited.store(0, Ordering::Relaxed);
        let mut purged = 0;
        for span in (0..self.supply.spans_opened()).map(SpanIndex) {
            if self.memory.class(span) != Class::NONE {
                self.retire(span);
                purged += self.memory.line(span).spans_of_run.load(Ordering::Relaxed);
            }
        }
        purged
    }
}
