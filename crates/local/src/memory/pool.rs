//! A pool is the memory of a core's heaps: it lends chunks for a turn, and pages for longer.
//!
//! ```text
//! 64 MiB of addresses at a time ─► pieces of 1 MiB ─► regions of typed pages | regions of raw pages | 16 chunks
//! ```
//!
//! Cost: a lock that its core takes alone, for each chunk or page, none for each object. Chunks that come back are lent again first,
//! while they are in the caches.
#![expect(clippy::disallowed_types, reason = "held for some twenty instructions, or a system call")]
#![expect(unsafe_code, reason = "hands out memory of its reservations")]

use core::fmt;
use core::ptr::NonNull;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada_pages::{HUGE_PAGE_BYTES, Reservation, round_up};

use crate::limits::{Pacing, Stress};
use crate::memory::class::UNIT_BYTES;
use crate::memory::region::{HEAD_UNITS, Page, REGION_BYTES, REGION_UNITS};

/// How long a chunk is.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// How many addresses are reserved at a time.
const RANGE_BYTES: usize = if cfg!(miri) { HUGE_PAGE_BYTES } else { 64 << 20 };

/// How many chunks stay without being lent before their memory goes back.
const CHUNKS_KEPT_MAX: usize = 64;

/// How many pieces do.
const PIECES_KEPT_MAX: usize = 2;

/// What a pool may take, and how its heaps are collected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolOptions {
    /// How much memory all of its heaps may have, in bytes.
    pub mapped_bytes_max: u64,
    /// When its heaps are collected.
    pub pacing: Pacing,
    /// What is checked at every turn's end.
    pub stress: Stress,
}

impl Default for PoolOptions {
    /// As much as the machine gives, the usual pacing, no stress.
    fn default() -> Self {
        Self { mapped_bytes_max: u64::MAX, pacing: Pacing::default(), stress: Stress::default() }
    }
}

/// A core's supply of regions and chunks. Handles share one.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

impl Default for Pool {
    fn default() -> Self {
        Self::new(PoolOptions::default())
    }
}

#[derive(Debug)]
struct Inner {
    options: PoolOptions,
    state: Mutex<State>,
}

/// What a pool has, and has lent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PoolGauges {
    /// Regions of objects.
    pub typed_regions: u64,
    /// Regions of raw buffers.
    pub raw_regions: u64,
    /// Units of 4 KiB in them that are lent.
    pub lent_units: u64,
    /// Units that are lent for raw buffers which outlived their heaps, longer runs than a region among them.
    pub orphaned_raw_units: u64,
    /// Chunks that are lent.
    pub lent_chunks: u64,
    /// Bytes that may be touched: lent ones, and those that are kept for the next.
    pub mapped_bytes: u64,
}

/// Whose pages a region has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Use {
    Typed,
    Raw,
}

impl Pool {
    /// Makes a pool; it takes memory when its heaps do. Pacing that is out of its range is brought into it.
    #[must_use]
    pub fn new(mut options: PoolOptions) -> Self {
        options.pacing = options.pacing.checked();
        Self(Arc::new(Inner { options, state: Mutex::default() }))
    }

    /// When its heaps are collected.
    #[inline]
    #[must_use]
    pub fn pacing(&self) -> &Pacing {
        &self.0.options.pacing
    }

    #[inline]
    pub(crate) fn stress(&self) -> Stress {
        self.0.options.stress
    }

    /// What it has, and has lent.
    #[must_use]
    pub fn gauges(&self) -> PoolGauges {
        let state = self.state();
        PoolGauges {
            typed_regions: state.typed.regions.len() as u64,
            raw_regions: state.raw.regions.len() as u64,
            lent_units: state.typed.lent_units + state.raw.lent_units,
            orphaned_raw_units: state.orphaned_raw_units,
            lent_chunks: state.lent_chunks,
            mapped_bytes: state.mapped_bytes,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while he held it stopped at a check, before he changed anything.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends a chunk of any content.
    pub(crate) fn take_chunk(&self) -> Option<NonNull<u8>> {
        self.state().take_chunk(self.0.options.mapped_bytes_max)
    }

    /// Lends so many chunks, or none.
    pub(crate) fn take_chunks(&self, count: usize) -> Option<Vec<NonNull<u8>>> {
        let mut state = self.state();
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            if let Some(chunk) = state.take_chunk(self.0.options.mapped_bytes_max) {
                taken.push(chunk);
            } else {
                state.give_chunks(taken);
                return None;
            }
        }
        Some(taken)
    }

    /// Takes chunks back.
    pub(crate) fn give_chunks(&self, chunks: impl IntoIterator<Item = NonNull<u8>>) {
        self.state().give_chunks(chunks);
    }

    /// Lends a run of units in one region: pages of any content, whose heads are anything too. A run that is longer than a region
    /// begins behind the heads of one of its own.
    pub(crate) fn take_units(&self, of: Use, units: usize) -> Option<NonNull<u8>> {
        let mapped_bytes_max = self.0.options.mapped_bytes_max;
        let mut state = self.state();
        u32::try_from(units).ok()?; // as a page's head says it
        if units > REGION_UNITS - HEAD_UNITS {
            return state.take_range(units, mapped_bytes_max);
        }
        if let Some(start) = state.supply(of).take(units) {
            return Some(start);
        }
        let piece = state.take_piece(mapped_bytes_max)?;
        // SAFETY: a piece is a region's memory, aligned to its length, and nobody's yet.
        unsafe { Page::clear_heads(piece) };
        let supply = state.supply(of);
        supply.add(piece);
        supply.take(units)
    }

    /// Takes a run back.
    ///
    /// # Panics
    /// If it was not lent so.
    pub(crate) fn give_units(&self, of: Use, start: NonNull<u8>, units: usize) {
        let mut state = self.state();
        if units > REGION_UNITS - HEAD_UNITS {
            state.give_range(start);
        } else if let Some(piece) = state.supply(of).give(start, units) {
            state.give_piece(piece);
        }
    }

    /// So many lent units have no heap any more, only raw buffers.
    pub(crate) fn orphan_units(&self, units: u64) {
        self.state().orphaned_raw_units += units;
    }

    /// The last of those raw buffers is gone.
    pub(crate) fn bury_units(&self, units: u64) {
        self.state().orphaned_raw_units -= units;
    }
}

#[derive(Debug, Default)]
struct State {
    ranges: Vec<Reservation>,
    /// How many pieces of the last range were cut off.
    cut_pieces: usize,
    /// Pieces that are nobody's: those whose memory is kept, and those whose memory went back.
    kept: Vec<NonNull<u8>>,
    bare: Vec<NonNull<u8>>,
    typed: Supply,
    raw: Supply,
    orphaned_raw_units: u64,
    /// Chunks that are not lent: the same.
    chunks: Vec<NonNull<u8>>,
    bare_chunks: Vec<NonNull<u8>>,
    lent_chunks: u64,
    /// What is longer than a region, by its first page.
    long: BTreeMap<NonNull<u8>, Reservation>,
    mapped_bytes: u64,
}

// SAFETY: the addresses are of memory that the state owns through its reservations, and hands on with the lock held.
unsafe impl Send for State {}

impl State {
    fn supply(&mut self, of: Use) -> &mut Supply {
        match of {
            Use::Typed => &mut self.typed,
            Use::Raw => &mut self.raw,
        }
    }

    fn may_map(&self, bytes: usize, mapped_bytes_max: u64) -> bool {
        self.mapped_bytes + bytes as u64 <= mapped_bytes_max
    }

    fn take_piece(&mut self, mapped_bytes_max: u64) -> Option<NonNull<u8>> {
        if let Some(piece) = self.kept.pop() {
            return Some(piece);
        }
        if !self.may_map(REGION_BYTES, mapped_bytes_max) {
            return None;
        }
        let piece = match self.bare.pop() {
            Some(piece) => piece,
            None => self.cut_piece()?,
        };
        self.mapped_bytes += REGION_BYTES as u64;
        Some(piece)
    }

    fn cut_piece(&mut self) -> Option<NonNull<u8>> {
        let left =
            self.ranges.last().is_some_and(|range| self.cut_pieces * REGION_BYTES < range.bytes());
        if !left {
            let range = Reservation::new(RANGE_BYTES).ok()?;
            self.ranges.push(range);
            self.cut_pieces = 0;
        }
        let range = self.ranges.last()?;
        let offset = self.cut_pieces * REGION_BYTES;
        if offset.is_multiple_of(HUGE_PAGE_BYTES) {
            range.commit_small(offset, HUGE_PAGE_BYTES).ok()?;
        }
        self.cut_pieces += 1;
        NonNull::new(range.start().as_ptr().wrapping_add(offset))
    }

    fn give_piece(&mut self, piece: NonNull<u8>) {
        if self.kept.len() < PIECES_KEPT_MAX {
            return self.kept.push(piece);
        }
        self.give_back(piece, REGION_BYTES);
        self.bare.push(piece);
    }

    /// Returns the memory behind a part of a range.
    fn give_back(&mut self, start: NonNull<u8>, bytes: usize) {
        let address = start.addr().get();
        let range = self.ranges.iter().find_map(|range| {
            let offset = address.checked_sub(range.start().addr().get())?;
            (offset < range.bytes()).then_some((range, offset))
        });
        let (range, offset) = range.expect("what comes back was lent");
        range.give_back(offset, bytes);
        self.mapped_bytes -= bytes as u64;
    }

    fn take_chunk(&mut self, mapped_bytes_max: u64) -> Option<NonNull<u8>> {
        if self.chunks.is_empty() {
            if let Some(chunk) = self
                .bare_chunks
                .pop_if(|_| self.mapped_bytes + CHUNK_BYTES as u64 <= mapped_bytes_max)
            {
                self.mapped_bytes += CHUNK_BYTES as u64;
                self.chunks.push(chunk);
            } else {
                let piece = self.take_piece(mapped_bytes_max)?;
                let chunks = (0..REGION_BYTES / CHUNK_BYTES).rev();
                self.chunks.extend(chunks.filter_map(|index| {
                    NonNull::new(piece.as_ptr().wrapping_add(index * CHUNK_BYTES))
                }));
            }
        }
        self.lent_chunks += 1;
        self.chunks.pop()
    }

    fn give_chunks(&mut self, chunks: impl IntoIterator<Item = NonNull<u8>>) {
        for chunk in chunks {
            self.lent_chunks -= 1;
            if self.chunks.len() < CHUNKS_KEPT_MAX {
                self.chunks.push(chunk);
            } else {
                self.give_back(chunk, CHUNK_BYTES);
                self.bare_chunks.push(chunk);
            }
        }
    }

    fn take_range(&mut self, units: usize, mapped_bytes_max: u64) -> Option<NonNull<u8>> {
        let bytes = round_up((HEAD_UNITS + units).checked_mul(UNIT_BYTES)?, HUGE_PAGE_BYTES);
        if !self.may_map(bytes, mapped_bytes_max) {
            return None;
        }
        let range = Reservation::new(bytes).ok()?;
        range.commit(0, range.bytes()).ok()?;
        let region = range.start();
        // SAFETY: the range was made here, and is longer than a region and aligned to more.
        unsafe { Page::clear_heads(region) };
        let start = NonNull::new(region.as_ptr().wrapping_add(HEAD_UNITS * UNIT_BYTES))?;
        self.mapped_bytes += range.bytes() as u64;
        self.long.insert(start, range);
        Some(start)
    }

    fn give_range(&mut self, start: NonNull<u8>) {
        let range = self.long.remove(&start).expect("what comes back was lent");
        self.mapped_bytes -= range.bytes() as u64;
    }
}

/// How many units the pages of cells have: most of what is asked for.
const HINTED_UNITS: [usize; 2] = [1, 4];

/// Regions of one use.
#[derive(Debug, Default)]
struct Supply {
    /// By their addresses.
    regions: BTreeMap<usize, Units>,
    /// No region before these addresses has so many free units in a row.
    hints: [usize; HINTED_UNITS.len()],
    lent_units: u64,
}

/// Which units of a region are lent.
struct Units {
    start: NonNull<u8>,
    lent: [u64; REGION_UNITS / 64],
    lent_count: usize,
}

impl fmt::Debug for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} units lent", self.start, self.lent_count)
    }
}

impl Supply {
    /// Units of the region at this address are free again.
    fn look_from(&mut self, address: usize) {
        self.hints = self.hints.map(|hint| hint.min(address));
    }

    fn add(&mut self, start: NonNull<u8>) {
        let mut units = Units { start, lent: [0; REGION_UNITS / 64], lent_count: HEAD_UNITS };
        units.lent[0] = (1 << HEAD_UNITS) - 1;
        let address = start.addr().get();
        self.look_from(address);
        self.regions.insert(address, units);
    }

    fn take(&mut self, count: usize) -> Option<NonNull<u8>> {
        let hint = HINTED_UNITS.iter().position(|units| *units == count);
        let from = self.hints[hint.unwrap_or(0)];
        for (address, units) in self.regions.range_mut(from..) {
            if let Some(unit) = units.take(count) {
                self.lent_units += count as u64;
                return NonNull::new(units.start.as_ptr().wrapping_add(unit * UNIT_BYTES));
            }
            if let Some(hint) = hint {
                self.hints[hint] = address + REGION_BYTES;
            }
        }
        None
    }

    /// The region, if nothing of it is lent any more.
    fn give(&mut self, start: NonNull<u8>, count: usize) -> Option<NonNull<u8>> {
        let address = start.addr().get() & !(REGION_BYTES - 1);
        self.look_from(address);
        let units = self.regions.get_mut(&address).expect("what comes back was lent");
        units.give((start.addr().get() - address) / UNIT_BYTES, count);
        self.lent_units -= count as u64;
        if units.lent_count > HEAD_UNITS {
            return None;
        }
        self.regions.remove(&address).map(|units| units.start)
    }
}

impl Units {
    fn is_lent(&self, unit: usize) -> bool {
        self.lent[unit / 64] & 1 << (unit % 64) != 0
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        if REGION_UNITS - self.lent_count < count {
            return None;
        }
        let mut first = HEAD_UNITS;
        while first + count <= REGION_UNITS {
            match (first..first + count).rev().find(|unit| self.is_lent(*unit)) {
                Some(lent) => first = lent + 1,
                None => {
                    (first..first + count)
                        .for_each(|unit| self.lent[unit / 64] |= 1 << (unit % 64));
                    self.lent_count += count;
                    return Some(first);
                }
            }
        }
        None
    }

    fn give(&mut self, first: usize, count: usize) {
        for unit in first..first + count {
            assert!(self.is_lent(unit), "a unit comes back once");
            self.lent[unit / 64] &= !(1 << (unit % 64));
        }
        self.lent_count -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_units_do_not_overlap_and_come_back_whole() {
        let pool = Pool::new(PoolOptions::default());
        let mut lent: Vec<(usize, NonNull<u8>, usize)> = Vec::new();
        let mut dice = 7_usize;
        for _ in 0..if cfg!(miri) { 100 } else { 5_000 } {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let units = 1 + (dice >> 33) % 20;
            if (dice >> 50).is_multiple_of(3) && !lent.is_empty() {
                let (_, start, units) = lent.swap_remove((dice >> 20) % lent.len());
                pool.give_units(Use::Typed, start, units);
            } else {
                let start = pool.take_units(Use::Typed, units).unwrap();
                let address = start.addr().get();
                for (other, _, other_units) in &lent {
                    let apart = address + units * UNIT_BYTES <= *other
                        || other + other_units * UNIT_BYTES <= address;
                    assert!(apart, "two runs overlap");
                }
                lent.push((address, start, units));
            }
            let units: usize = lent.iter().map(|(.., units)| units).sum();
            assert_eq!(pool.gauges().lent_units, units as u64);
        }
        for (_, start, units) in lent {
            pool.give_units(Use::Typed, start, units);
        }
        let gauges = pool.gauges();
        assert_eq!((gauges.typed_regions, gauges.lent_units), (0, 0));
        assert!(gauges.mapped_bytes <= (PIECES_KEPT_MAX * REGION_BYTES) as u64);
    }

    #[test]
    fn what_is_longer_than_a_region_has_a_range_of_its_own() {
        let pool = Pool::new(PoolOptions { mapped_bytes_max: 4 << 20, ..PoolOptions::default() });
        let start = pool.take_units(Use::Typed, 300).unwrap();
        assert_eq!(pool.gauges().mapped_bytes, 2 << 20);
        assert_eq!(pool.take_units(Use::Typed, 600), None);
        pool.give_units(Use::Typed, start, 300);
        assert_eq!(pool.gauges().mapped_bytes, 0);
    }

    #[test]
    fn a_pool_lends_no_more_than_it_may_have_and_gives_memory_back() {
        let pool = Pool::new(PoolOptions { mapped_bytes_max: 8 << 20, ..PoolOptions::default() });
        assert!(pool.take_chunks(129).is_none());
        let chunks = pool.take_chunks(128).unwrap();
        assert_eq!((pool.take_chunk(), pool.gauges().lent_chunks), (None, 128));
        pool.give_chunks(chunks);
        let gauges = pool.gauges();
        assert_eq!(gauges.lent_chunks, 0);
        assert_eq!(gauges.mapped_bytes, (CHUNKS_KEPT_MAX * CHUNK_BYTES) as u64);
        assert_eq!(pool.take_chunks(128).unwrap().len(), 128);
    }
}
