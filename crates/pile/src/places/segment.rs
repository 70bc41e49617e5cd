//! The memory of a pile: one range of addresses that is cut into segments and these into spans, and three tables beside it.
//!
//! ```text
//! slots    256 MiB a segment   4,096 spans of 64 KiB
//! classes  1 B a span          how it is cut: each dereference reads it
//! lines    64 B a span         who fills it, how much is free: never read by a dereference
//! pages    16 B a page         header 8 | expiry 4 | tag 4 of long records, whose payload begins on a page
//! ```
//! All is reserved at once and never unmapped while the pile lives. A span's class is zero until memory was committed for
//! it, so that an address that was made up reaches nothing; the tables read as zero where they were never written. In a pile
//! that is kept in a folder all four are files, which are placed segment by segment.
//!
//! Cost: a place becomes a slot by one load of its span's class and a multiplication.
#![expect(
    unsafe_code,
    reason = "reads and writes records in memory that it reserved; all of it is in `raw` below"
)]

use std::sync::Arc;

use levada_pages::ReserveError;

use crate::kept::folder::{Folder, Ground, ROWS_BYTES};
use crate::kept::folder_error::FolderError;
use crate::naming::header::Header;
use crate::naming::pointer::{Place, Pointer, SEGMENT_BYTES};
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};
use crate::places::span::SpanIndex;
use crate::sync::AtomicU32;
use crate::threads::epoch::Pinned;

pub(crate) use raw::{Memory, Slot};

/// Spans of a segment.
pub(crate) const SEGMENT_SPANS: u32 = 4096;

/// Spans that are committed together: those of a huge page.
pub(crate) const GROUP_SPANS: u32 = 32;

/// The most segments that pointers can name.
pub(crate) const SEGMENTS_MAX: u32 = 1 << 15;

const _: () = assert!(SEGMENT_BYTES == SEGMENT_SPANS as u64 * SPAN_BYTES as u64);

impl Memory {
    /// Reserves addresses for `segments`, or as many as the machine allows down to `segments_min`.
    pub(crate) fn reserve(
        segments: u32,
        segments_min: u32,
        folder: Option<&Arc<Folder>>,
    ) -> Result<Self, ReserveError> {
        let mut segments = segments;
        loop {
            match Self::of_segments(segments, folder.cloned()) {
                Ok(memory) => return Ok(memory),
                Err(error) if segments / 2 < segments_min.max(1) => return Err(error),
                Err(_) => segments /= 2,
            }
        }
    }

    /// The slot at this place and its class, if one begins there.
    #[inline]
    pub(crate) fn slot(&self, place: Place) -> Option<(Slot<'_>, Class)> {
        let (span, offset) = split(place);
        let class = self.class(span);
        class.shape().is_slot(offset).then(|| (self.slot_from(span, class, offset), class))
    }

    /// Slot `index` of a span that has this class.
    #[inline]
    pub(crate) fn slot_of(&self, span: SpanIndex, class: Class, index: u32) -> Slot<'_> {
        self.slot_from(span, class, index * class.shape().slot_bytes)
    }

    /// The place of a slot.
    #[inline]
    pub(crate) fn place(span: SpanIndex, class: Class, index: u32) -> Place {
        let offset = u64::from(index * class.shape().slot_bytes);
        Place::at(u64::from(span.0) * u64::from(SPAN_BYTES) + offset)
    }
}

/// The span of a place, and how far in it the place lies.
#[inline]
pub(crate) fn split(place: Place) -> (SpanIndex, u32) {
    let offset = place.offset();
    #[expect(clippy::cast_possible_truncation, reason = "27 bits, and 16")]
    let parts = (
        SpanIndex((offset / u64::from(SPAN_BYTES)) as u32),
        (offset % u64::from(SPAN_BYTES)) as u32,
    );
    parts
}

impl<'m> Slot<'m> {
    /// The payload of the record whose header was read from this slot under the guard.
    #[inline]
    pub(crate) fn bytes(self, header: Header, pinned: &'m Pinned) -> &'m [u8] {
        self.payload(header.ext_bytes(), 0, header.length(), pinned)
    }

    /// The payload of a keeper's record, read like that: its words, and its bytes behind them. `None` where it is too short to
    /// have so many words.
    #[inline]
    pub(crate) fn words_and_bytes(
        self,
        header: Header,
        words: u8,
        pinned: &'m Pinned,
    ) -> Option<(&'m [AtomicU32], &'m [u8])> {
        let (ext_bytes, words_bytes) = (header.ext_bytes(), u32::from(words) * 4);
        let length = header.length().checked_sub(words_bytes)?;
        Some((self.words(ext_bytes, words), self.payload(ext_bytes, words_bytes, length, pinned)))
    }
}

mod raw {
    use core::marker::PhantomData;
    use core::mem::MaybeUninit;
    use core::ptr::NonNull;

    use levada_pages::{HUGE_PAGE_BYTES, Reservation, ReserveError, round_up};
    use levada_plain::to_index;

    use super::{
        Arc, AtomicU32, Class, Folder, FolderError, GROUP_SPANS, Ground, Header, Pinned, Place,
        Pointer, ROWS_BYTES, SEGMENT_SPANS, SPAN_BYTES, SpanIndex,
    };
    use crate::places::class::PAGE_BYTES;
    use crate::places::span::SpanLine;
    use crate::sync::{AtomicU8, AtomicU64, Ordering};
    use crate::wish::Wish;

    /// Bytes of a page's row: header 8, expiry 4, tag 4.
    const ROW_BYTES: usize = 16;
    const SPAN_PAGES: usize = (SPAN_BYTES / PAGE_BYTES) as usize;

    const _: () = assert!(cfg!(loom) || ROWS_BYTES[1] == size_of::<SpanLine>() as u64);
    const _: () = assert!(cfg!(loom) || ROWS_BYTES[2] == (SPAN_PAGES * ROW_BYTES) as u64);

    /// The reservations of a pile.
    ///
    /// # Invariants
    /// 1. Each reservation lives as long as this value; the three tables are committed whole, and hold atomics only, for
    ///    which zeros are a value.
    /// 2. A span has a class other than zero only between `commit` of its group, or the placing of its segment, and the drop
    ///    of this value: its bytes are then readable and writable.
    /// 3. Payload is written by the one who has its slot busy, and read by those who saw the slot live and are pinned
    ///    since: between a record's death and the next writing of its slot, two epochs pass.
    #[derive(Debug)]
    pub(crate) struct Memory {
        slots: Reservation,
        classes: Reservation,
        lines: Reservation,
        pages: Reservation,
        span_count: u32,
        /// Where the files are that stand there, of a pile that is kept.
        folder: Option<Arc<Folder>>,
        lock: Wish,
    }

    /// A record's room: where its header stands, and where the bytes after it begin.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Slot<'m> {
        header: NonNull<AtomicU64>,
        /// The first byte behind the header, or the page of a long record.
        body: NonNull<u8>,
        room_bytes: u32,
        is_page: bool,
        memory: PhantomData<&'m Memory>,
    }

    impl Memory {
        pub(super) fn of_segments(
            segments: u32,
            folder: Option<Arc<Folder>>,
        ) -> Result<Self, ReserveError> {
            let span_count = segments * SEGMENT_SPANS;
            let spans = span_count as usize;
            let table = |row_bytes: usize| {
                let table = Reservation::new(round_up(spans * row_bytes, HUGE_PAGE_BYTES))?;
                table.commit_small(0, table.bytes())?;
                Ok(table)
            };
            Ok(Self {
                slots: Reservation::new(spans * SPAN_BYTES as usize)?,
                classes: table(1)?,
                lines: table(size_of::<SpanLine>())?,
                pages: table(SPAN_PAGES * ROW_BYTES)?,
                span_count,
                folder,
                lock: Wish::No,
            })
        }

        /// The same, with its memory fixed in RAM or not.
        pub(crate) fn with_lock(mut self, wish: Wish) -> Self {
            self.lock = wish;
            self
        }

        /// Whether its memory is fixed in RAM, as far as it goes.
        pub(crate) fn is_fixed(&self) -> bool {
            self.lock != Wish::No
        }

        /// The folder of a pile that is kept in one.
        pub(crate) fn folder(&self) -> Option<&Arc<Folder>> {
            self.folder.as_ref()
        }

        fn ground(&self) -> Ground<'_> {
            Ground { slots: &self.slots, tables: [&self.classes, &self.lines, &self.pages] }
        }

        /// Lets the tables of a segment that was opened in an earlier life be read.
        pub(crate) fn place_tables(&self, segment: u32) -> Result<(), FolderError> {
            match &self.folder {
                Some(folder) => folder.place_tables(self.ground(), segment),
                None => Ok(()),
            }
        }

        /// Lets the slots of such a segment be reached.
        pub(crate) fn place_segment(&self, segment: u32) -> Result<(), FolderError> {
            match &self.folder {
                Some(folder) => folder.place_segment(self.ground(), segment),
                None => Ok(()),
            }
        }

        /// How many spans there are addresses for.
        pub(crate) fn span_count(&self) -> u32 {
            self.span_count
        }

        #[inline]
        fn class_cell(&self, span: SpanIndex) -> Option<&AtomicU8> {
            if span.0 >= self.span_count {
                return None;
            }
            let cell = self.classes.start().as_ptr().wrapping_add(span.0 as usize);
            // SAFETY: invariant 1, and the index was compared.
            Some(unsafe { &*cell.cast::<AtomicU8>() })
        }

        /// How the span is cut now.
        #[inline]
        pub(crate) fn class(&self, span: SpanIndex) -> Class {
            // Acquire: with the class come the zeros and the bitmap of its span.
            self.class_cell(span).map_or(Class::NONE, |cell| Class(cell.load(Ordering::Acquire)))
        }

        /// Says how the span is cut from now on; its memory was committed before.
        pub(crate) fn set_class(&self, span: SpanIndex, class: Class) {
            let cell = self.class_cell(span).expect("a span that was supplied exists");
            cell.store(class.0, Ordering::Release);
        }

        /// What is known of a span.
        #[inline]
        pub(crate) fn line(&self, span: SpanIndex) -> &SpanLine {
            assert!(span.0 < self.span_count, "a span has a line");
            let line =
                self.lines.start().as_ptr().wrapping_add(span.0 as usize * size_of::<SpanLine>());
            #[expect(clippy::cast_ptr_alignment, reason = "lines of 64 from an aligned start")]
            let line = line.cast::<SpanLine>();
            // SAFETY: invariant 1, and the index was compared; a reservation is aligned to two megabytes.
            unsafe { &*line }
        }

        #[inline]
        fn at(&self, span: SpanIndex, offset: u32) -> NonNull<u8> {
            debug_assert!(span.0 < self.span_count && offset < SPAN_BYTES, "inside of the pile");
            let bytes = span.0 as usize * SPAN_BYTES as usize + offset as usize;
            // SAFETY: the span is one of the reservation's, and the offset lies in it.
            unsafe { self.slots.start().add(bytes) }
        }

        /// The slot at this offset of a span that has this class.
        #[inline]
        pub(super) fn slot_from(&self, span: SpanIndex, class: Class, offset: u32) -> Slot<'_> {
            let shape = class.shape();
            debug_assert!(shape.is_slot(offset), "a slot of its class");
            let first = self.at(span, offset);
            if class == Class::PAGES {
                return self.page(span, offset / PAGE_BYTES, first);
            }
            Slot {
                header: first.cast(),
                // SAFETY: a slot has 16 bytes at least.
                body: unsafe { first.add(8) },
                room_bytes: shape.slot_bytes - 8,
                is_page: false,
                memory: PhantomData,
            }
        }

        #[cold]
        fn page(&self, span: SpanIndex, index: u32, first: NonNull<u8>) -> Slot<'_> {
            let row = (span.0 as usize * SPAN_PAGES + index as usize) * ROW_BYTES;
            // SAFETY: each page of each span has a row (invariant 1).
            let header = unsafe { self.pages.start().add(row) };
            let room_bytes = super::room_of_pages_bytes(span, index);
            Slot {
                header: header.cast(),
                body: first,
                room_bytes,
                is_page: true,
                memory: PhantomData,
            }
        }

        /// The bytes of the pointer's record, if it is there, plain and no long one.
        ///
        /// Where the header is, follows from the pointer alone, so that the processor reads it while it still finds out whether
        /// a slot is there.
        #[inline]
        pub(crate) fn plain<'m>(&'m self, at: Pointer, _pinned: &'m Pinned) -> Option<&'m [u8]> {
            let place = at.place();
            let (span, offset) = super::split(place);
            let class = self.class(span);
            if !class.shape().is_slot(offset) || class == Class::PAGES {
                return None;
            }
            // SAFETY: the span is one of the reservation's, and a slot begins at this offset in it.
            let first = unsafe { self.slots.start().add(to_index(place.offset())) };
            // SAFETY: invariant 2; slots begin at multiples of eight, with an atomic.
            let word = unsafe { first.cast::<AtomicU64>().as_ref() };
            // Acquire: with the header comes the payload.
            let header = Header(word.load(Ordering::Acquire));
            if !header.is_plain(at) {
                return None;
            }
            // SAFETY: a slot has 16 bytes at least, and a plain record's payload follows its header.
            let payload = unsafe { first.add(8) };
            // SAFETY: invariant 3: the record was seen live while pinned.
            Some(unsafe { core::slice::from_raw_parts(payload.as_ptr(), header.length() as usize) })
        }

        /// Asks the processor for the lines of a record that is about to be read. Any place may be named.
        #[inline]
        pub(crate) fn prefetch(&self, place: Place) {
            prefetch(&self.slots, place.offset());
            // A short record may go over into the next line; asking for the same one twice costs nothing.
            prefetch(&self.slots, place.offset() + 32);
        }

        /// Asks the processor for what is needed to free a slot: its header, its bit, and its span's line.
        #[inline]
        pub(crate) fn prefetch_bookkeeping(&self, place: Place) {
            let (span, offset) = super::split(place);
            let shape = self.class(span).shape();
            let first = place.offset() - u64::from(offset);
            let bit = u64::from(offset / shape.slot_bytes / 64 * 8 + shape.bitmap_offset());
            prefetch(&self.slots, place.offset());
            prefetch(&self.slots, first + bit);
            prefetch(&self.lines, u64::from(span.0) * size_of::<SpanLine>() as u64);
        }

        /// Word `index` of the bitmap of a span that has this class, or is about to.
        #[inline]
        pub(crate) fn bitmap_word(&self, span: SpanIndex, class: Class, index: u32) -> &AtomicU64 {
            let shape = class.shape();
            debug_assert!(index < shape.bitmap_words(), "a word of the bitmap");
            let word = self.at(span, shape.bitmap_offset() + index * 8);
            // SAFETY: invariant 2; the bitmap lies behind the slots, aligned to eight.
            unsafe { word.cast().as_ref() }
        }

        /// Makes a group of spans usable; by huge pages where they are wanted.
        pub(crate) fn commit_group(
            &self,
            first: SpanIndex,
            is_huge: bool,
        ) -> Result<(), ReserveError> {
            let (offset, bytes) = (
                first.0 as usize * SPAN_BYTES as usize,
                GROUP_SPANS as usize * SPAN_BYTES as usize,
            );
            if let Some(folder) = &self.folder {
                let refused = |error: FolderError| ReserveError { bytes, errno: error.errno() };
                folder.place_segment(self.ground(), first.0 / SEGMENT_SPANS).map_err(refused)?;
                return folder.allocate_rows(first.0, GROUP_SPANS);
            }
            if is_huge {
                self.slots.commit(offset, bytes)
            } else {
                self.slots.commit_small(offset, bytes)
            }
        }

        /// Lets spans of one committed segment be written without a signal: in a folder, the disk must have room for them. Fixes
        /// them in RAM, where that is wanted.
        pub(crate) fn allocate(&self, first: SpanIndex, spans: u32) -> Result<(), ReserveError> {
            if let Some(folder) = &self.folder {
                return folder.allocate_spans(first.0, spans);
            }
            if self.lock == Wish::No {
                return Ok(());
            }
            let (offset, bytes) =
                (first.0 as usize * SPAN_BYTES as usize, spans as usize * SPAN_BYTES as usize);
            self.slots.lock(offset, bytes).or_else(|refused| match self.lock {
                Wish::Must => Err(refused),
                Wish::No | Wish::Try => Ok(()),
            })
        }

        /// Touches a group, so that the records that come find memory there.
        pub(crate) fn populate_group(&self, first: SpanIndex) {
            let (offset, bytes) = (
                first.0 as usize * SPAN_BYTES as usize,
                GROUP_SPANS as usize * SPAN_BYTES as usize,
            );
            // A kernel without the call gives the memory at the first touch.
            let _there: bool = self.slots.populate(offset, bytes).is_ok();
        }

        /// Gives back the memory of spans that have no class; they read as zero then.
        pub(crate) fn give_back(&self, first: SpanIndex, spans: u32) {
            debug_assert!(
                (first.0..first.0 + spans).all(|span| self.class(SpanIndex(span)) == Class::NONE)
            );
            let (offset, bytes) =
                (first.0 as usize * SPAN_BYTES as usize, spans as usize * SPAN_BYTES as usize);
            if self.folder.is_none() {
                if self.is_fixed() {
                    self.slots.unlock(offset, bytes);
                }
                self.slots.give_back(offset, bytes);
            } else if self.slots.punch(offset, bytes).is_err() {
                // It could be punched when it was mounted; the disk has an error, then, and keeps the blocks.
                (first.0..first.0 + spans).for_each(|span| self.zero(SpanIndex(span)));
            }
        }

        /// Gives back the memory of pages of a span, set in `pages`, in which no record is; they read as zero then.
        pub(crate) fn give_back_pages(&self, span: SpanIndex, pages: u16) {
            let first = span.0 as usize * SPAN_BYTES as usize;
            let page_bytes = PAGE_BYTES as usize;
            let mut left = pages;
            while left != 0 {
                let page = left.trailing_zeros();
                let count = (left >> page).trailing_ones();
                let offset = first + page as usize * page_bytes;
                self.slots.give_back_pages(offset, count as usize * page_bytes);
                left &= left.wrapping_add(1 << page);
            }
        }

        /// Zeroes a span without a class, which the caller took from the supply.
        pub(crate) fn zero(&self, span: SpanIndex) {
            assert!(self.class(span) == Class::NONE, "a span that can be reached is not zeroed");
            let first = self.at(span, 0);
            // SAFETY: committed, since it had a class before; nobody reaches it now (invariant 3), and the caller alone has it.
            unsafe { first.as_ptr().write_bytes(0, SPAN_BYTES as usize) };
        }

        /// Forgets the headers of a span's pages, before it gets the class of pages.
        pub(crate) fn zero_pages(&self, span: SpanIndex) {
            for index in 0..SPAN_BYTES / PAGE_BYTES {
                let page = self.page(span, index, self.at(span, index * PAGE_BYTES));
                page.header().store(0, Ordering::Relaxed);
            }
        }
    }

    /// Asks the processor for a line. Any offset may be named: a prefetch reads nothing that a program can see.
    #[inline]
    fn prefetch(of: &Reservation, offset: u64) {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let offset = to_index(offset);
            let line = of.start().as_ptr().wrapping_add(offset).cast();
            // SAFETY: a prefetch faults at no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _no_such_step = (of, offset);
    }

    impl<'m> Slot<'m> {
        /// The header's word.
        #[inline]
        pub(crate) fn header(self) -> &'m AtomicU64 {
            // SAFETY: `Memory` invariants 1 and 2; headers are aligned to eight and never anything else than atomics.
            unsafe { self.header.as_ref() }
        }

        /// Whether it is the first page of a long record.
        #[inline]
        pub(crate) fn is_page(self) -> bool {
            self.is_page
        }

        fn ext_word(self, index: usize) -> &'m AtomicU32 {
            // SAFETY: eight bytes follow each header: of the slot, which has 16 at least, or of the page's row.
            let word = unsafe { self.header.cast::<AtomicU32>().add(2 + index) };
            // SAFETY: as above; whoever has an ext reads and writes it by these atomics only.
            unsafe { word.as_ref() }
        }

        /// When the record's life ends, in seconds of the pile's clock; for a record that has one.
        #[inline]
        pub(crate) fn expiry(self) -> &'m AtomicU32 {
            self.ext_word(0)
        }

        /// The record's type; for a record that has one.
        #[inline]
        pub(crate) fn tag(self, has_expiry: bool, is_wide: bool) -> &'m AtomicU32 {
            self.ext_word(usize::from(has_expiry || is_wide))
        }

        /// How many bytes of payload fit behind an ext.
        #[inline]
        pub(crate) fn room_bytes(self, ext_bytes: u32) -> u32 {
            self.room_bytes - if self.is_page { 0 } else { ext_bytes }
        }

        #[inline]
        fn first(self, ext_bytes: u32) -> NonNull<u8> {
            let skipped = if self.is_page { 0 } else { ext_bytes as usize };
            // SAFETY: an ext of at most eight bytes lies in a slot of 16 at least.
            unsafe { self.body.add(skipped) }
        }

        /// The payload of a live record, from `offset` on.
        #[inline]
        pub(super) fn payload(
            self,
            ext_bytes: u32,
            offset: u32,
            length: u32,
            _pinned: &'m Pinned,
        ) -> &'m [u8] {
            debug_assert!(offset + length <= self.room_bytes(ext_bytes), "it lies in its slot");
            // SAFETY: a payload lies in its slot, and this is a part of it.
            let first = unsafe { self.first(ext_bytes).add(offset as usize) };
            // SAFETY: `Memory` invariant 3: the caller saw the record live while pinned, so it was written whole before,
            // and is not written again before he is unpinned.
            unsafe { core::slice::from_raw_parts(first.as_ptr(), length as usize) }
        }

        /// Part of a roomy record's room: the caller read under the guard which half is current.
        pub(crate) fn half(
            self,
            ext_bytes: u32,
            offset: u32,
            length: u32,
            _pinned: &'m Pinned,
        ) -> &'m [u8] {
            assert!(offset + length <= self.room_bytes(ext_bytes), "a half lies in its slot");
            // SAFETY: inside of the slot, by the line above.
            let first = unsafe { self.first(ext_bytes).add(offset as usize) };
            // SAFETY: `Memory` invariant 3, which a half keeps for itself: it is written again two epochs after it was left.
            unsafe { core::slice::from_raw_parts(first.as_ptr(), length as usize) }
        }

        /// The reference, or the turn and the room, of a record whose payload begins with words.
        #[inline]
        pub(crate) fn word(self, ext_bytes: u32, index: u32) -> &'m AtomicU64 {
            assert!(
                ext_bytes.is_multiple_of(8) && index * 8 < self.room_bytes(ext_bytes),
                "a word of its payload"
            );
            // SAFETY: inside of the slot, by the assertion.
            let word = unsafe { self.first(ext_bytes).cast::<AtomicU64>().add(index as usize) };
            // SAFETY: aligned, since slots and ext are multiples of eight; only cells and roomy records are asked, whose words
            // are always atomic.
            unsafe { word.as_ref() }
        }

        /// The words that the payload of a keeper's record begins with.
        #[inline]
        pub(crate) fn words(self, ext_bytes: u32, count: u8) -> &'m [AtomicU32] {
            assert!(u32::from(count) * 4 <= self.room_bytes(ext_bytes), "words lie in their slot");
            let first = self.first(ext_bytes).cast::<AtomicU32>();
            // SAFETY: inside of the slot, by the assertion, and aligned, since slots are multiples of eight and an ext of four. A
            // keep's records all have its form, and once they are there their words are read and written by these atomics
            // only.
            unsafe { core::slice::from_raw_parts(first.as_ptr(), usize::from(count)) }
        }

        /// Copies a payload in; for the one who has the slot busy.
        #[inline]
        pub(crate) fn write(self, ext_bytes: u32, offset: u32, bytes: &[u8]) {
            assert!(
                bytes.len() + offset as usize <= self.room_bytes(ext_bytes) as usize,
                "a payload lies in its slot"
            );
            let first = self.first(ext_bytes);
            // SAFETY: inside of the slot, by the assertion.
            let first = unsafe { first.add(offset as usize) };
            // SAFETY: inside of the slot; the caller has it busy, so nobody reads or writes it (`Memory` invariant 3).
            unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), first.as_ptr(), bytes.len()) };
        }

        /// The pointer to the record that leads to the value in this slot; behind its payload, in a pile that is kept.
        pub(crate) fn owner(self, ext_bytes: u32, length: u32) -> &'m AtomicU64 {
            let before = if self.is_page { 0 } else { ext_bytes };
            let offset = (before + length).next_multiple_of(8);
            assert!(offset + 8 <= self.room_bytes, "a slot has room for its owner");
            // SAFETY: inside of the slot, by the assertion; what stands behind a header or on a page is aligned to eight.
            let word = unsafe { self.body.cast::<AtomicU64>().byte_add(offset as usize) };
            // SAFETY: as above; nothing else ever is there in the slot of such a value.
            unsafe { word.as_ref() }
        }

        /// The first `room_bytes` behind an ext as memory that may hold anything; for the one who has the slot busy, or the
        /// pages of so long a record: behind them other records lie.
        pub(crate) fn room(self, ext_bytes: u32, room_bytes: u32) -> NonNull<[MaybeUninit<u8>]> {
            assert!(room_bytes <= self.room_bytes(ext_bytes), "a room lies in its slot");
            NonNull::slice_from_raw_parts(self.first(ext_bytes).cast(), room_bytes as usize)
        }
    }
}

/// The bytes from page `index` of a span to the end of its segment; which of them are the record's, its header says.
fn room_of_pages_bytes(span: SpanIndex, index: u32) -> u32 {
    let first = u64::from(span.0 % SEGMENT_SPANS) * u64::from(SPAN_BYTES);
    let bytes = SEGMENT_BYTES - first - u64::from(index * PAGE_BYTES);
    u32::try_from(bytes).expect("a segment is shorter than 4 GiB")
}
