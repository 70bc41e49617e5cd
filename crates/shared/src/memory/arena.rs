//! An arena is one core's supply of free blocks: its core takes the lock uncontended, others hand blocks back beside it.
//!
//! ```text
//! slab 2 MiB ──cut──► chunks of one class (1, 8 or 32 units of 64 KiB) ──cut lazily──► blocks
//! a chunk's free blocks are a list through their lines; a class's chunks with free blocks are a list through the chunks
//! ```
//! A free block keeps its lines, so taking and giving it touches line 0 and nothing else of the side table. Blocks of
//! brief and of long life never share a slab: what lives briefly would otherwise keep slabs from ever being empty. Long
//! blocks of long life lie in the file area; such a block is cleared when it is given, one system call under the lock.

use core::ptr::NonNull;

use crate::counts::lines::{Block, Cut, LineTable, Pair, PairIndex, Place};
use crate::memory::class::{
    CLASS_COUNT, Class, FILED_BYTES_MIN, SLAB_BYTES, UNIT_BYTES, UNITS_PER_SLAB,
};
use crate::memory::slab::{Area, Slabs};

/// How long a block is expected to live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Life {
    /// To be filled, sent and forgotten.
    Brief,
    /// To be kept in a cache or a table.
    Kept,
    /// To be kept as well, and so long that it shall be sent by its place in a file.
    Filed,
}

const LIFE_COUNT: usize = 3;

/// How many lines an arena fetches from the side table at once.
const PAIRS_PER_FETCH: usize = if cfg!(loom) { 2 } else { 64 };

/// Stands for "no chunk" in the lists of chunks.
const NO_CHUNK: u32 = u32::MAX;

/// The number of a slab that went back to the heap; its place in the arena's list is used again.
const GONE: u32 = u32::MAX;

/// Where an arena gets slabs and lines from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supply<'a> {
    pub(crate) slabs: &'a Slabs,
    pub(crate) pairs: &'a LineTable<Pair>,
    /// The heap, opaque, as written into each block's line.
    pub(crate) owner: *mut (),
}

impl Life {
    /// The life of a block of this length: a long one that is kept lies in the file, if there is one.
    #[inline]
    pub(crate) fn of(self, capacity_bytes: u32, slabs: &Slabs) -> Self {
        if self == Self::Kept && capacity_bytes >= FILED_BYTES_MIN && slabs.has_file() {
            return Self::Filed;
        }
        self
    }

    fn area(self) -> Area {
        match self {
            Self::Brief | Self::Kept => Area::Private,
            Self::Filed => Area::File,
        }
    }
}

/// What an arena's lock guards.
#[derive(Debug)]
pub(crate) struct Stock {
    arena: u8,
    slabs: Vec<Slab>,
    chunks: Vec<Chunk>,
    free_chunk_numbers: Vec<u32>,
    /// The first chunk with free blocks, for each life and class.
    partial: [[u32; CLASS_COUNT]; LIFE_COUNT],
    spare_pairs: Vec<u32>,
    live_blocks: u64,
    live_bytes: u64,
    /// Blocks that are out whose bytes are lent: none of the heap's.
    lent_blocks: u64,
    lent_bytes: u64,
    /// Lines whose bytes went, and that references still name.
    nameless_lines: u64,
    /// Blocks that were taken here since the beginning, and those of other arenas that were given back from here.
    taken_blocks: u64,
    given_elsewhere: u64,
    /// Blocks that nobody holds and nobody may ever get, since the kernel refused to clear them.
    lost_blocks: u64,
    lost_bytes: u64,
}

#[derive(Debug)]
struct Slab {
    number: u32,
    life: Life,
    /// One bit for each unit that no chunk has.
    free_units: u32,
}

#[derive(Debug)]
struct Chunk {
    class: Class,
    slab: u32,
    life: Life,
    first_unit: u32,
    cut_blocks: u32,
    live_blocks: u32,
    free: PairIndex,
    previous: u32,
    next: u32,
}

impl Stock {
    pub(crate) fn new(arena: u8) -> Self {
        Self {
            arena,
            slabs: Vec::new(),
            chunks: Vec::new(),
            free_chunk_numbers: Vec::new(),
            partial: [[NO_CHUNK; CLASS_COUNT]; LIFE_COUNT],
            spare_pairs: Vec::new(),
            live_blocks: 0,
            live_bytes: 0,
            lent_blocks: 0,
            lent_bytes: 0,
            nameless_lines: 0,
            taken_blocks: 0,
            given_elsewhere: 0,
            lost_blocks: 0,
            lost_bytes: 0,
        }
    }

    /// Blocks that are out, and their bytes; blocks on their way back through the remote list count as out.
    pub(crate) fn live(&self) -> (u64, u64) {
        (self.live_blocks, self.live_bytes)
    }

    /// Blocks that are out whose bytes are lent, and those bytes; on their way back they count as out.
    pub(crate) fn lent(&self) -> (u64, u64) {
        (self.lent_blocks, self.lent_bytes)
    }

    /// Whether there are lines that no block has.
    #[inline]
    pub(crate) fn has_spare_pair(&self) -> bool {
        !self.spare_pairs.is_empty()
    }

    /// Lines for a block whose bytes are lent.
    #[inline]
    pub(crate) fn take_lent(
        &mut self,
        supply: Supply<'_>,
        base: NonNull<u8>,
        capacity_bytes: u32,
    ) -> Option<PairIndex> {
        let pair = self.spare_pair(supply)?;
        let (arena, cut) = (self.arena, Cut::Lent);
        supply.pairs.line(pair.0).place(Place { base, capacity_bytes, arena, cut });
        self.lent_blocks += 1;
        self.lent_bytes += u64::from(capacity_bytes);
        Some(pair)
    }

    /// Takes the lines of a lent block back; its bytes are its lender's.
    fn give_lent(&mut self, supply: Supply<'_>, block: &Block) {
        self.lent_blocks -= 1;
        self.lent_bytes -= u64::from(block.capacity_bytes());
        if block.is_forgotten() {
            self.spare_pairs.push(block.index().0);
            return;
        }
        block.displace();
        self.nameless_lines += 1;
        self.forget(supply, block);
    }

    /// Lines that wait for the last reference to what they once named.
    pub(crate) fn nameless_lines(&self) -> u64 {
        self.nameless_lines
    }

    /// The bytes of blocks that nobody may ever get again.
    pub(crate) fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// A free block of `class`, if the arena has one without asking for memory.
    #[inline]
    pub(crate) fn take_free(
        &mut self,
        supply: Supply<'_>,
        class: Class,
        life: Life,
    ) -> Option<PairIndex> {
        let number = self.partial[life as usize][class.index()];
        if number == NO_CHUNK {
            return None;
        }
        self.take_from(supply, number)
    }

    /// A block of `class` from a fresh chunk, which may need a fresh slab.
    pub(crate) fn take_fresh(
        &mut self,
        supply: Supply<'_>,
        class: Class,
        life: Life,
    ) -> Option<PairIndex> {
        let number = self.open_chunk(supply, class, life)?;
        self.list(number);
        self.take_from(supply, number)
    }

    /// A block longer than any class.
    pub(crate) fn take_run(
        &mut self,
        supply: Supply<'_>,
        capacity_bytes: u32,
        life: Life,
    ) -> Option<PairIndex> {
        let slab_count = run_slabs(capacity_bytes);
        let pair = self.spare_pair(supply)?;
        let Some(first_slab) = supply.slabs.take(slab_count, life.area()) else {
            self.spare_pairs.push(pair.0);
            return None;
        };
        let base = supply.slabs.base(first_slab);
        let cut = Cut::Run { first_slab };
        supply.pairs.line(pair.0).place(Place { base, capacity_bytes, arena: self.arena, cut });
        self.count_out(capacity_bytes);
        Some(pair)
    }

    /// Takes a block's bytes back; its lines stay with them, unless their chunk or run goes too, or references still name
    /// them: then the bytes get others.
    pub(crate) fn give(&mut self, supply: Supply<'_>, block: &Block) {
        if block.is_lent() {
            self.give_lent(supply, block);
            return;
        }
        if block.is_forgotten() {
            self.give_bytes(supply, block);
            return;
        }
        // Where there is no memory for other lines, the bytes wait for the last reference.
        if let Some(fresh) = self.spare_pair(supply) {
            let fresh = supply.pairs.line(fresh.0);
            fresh.place(block.place());
            block.displace();
            self.give_bytes(supply, &fresh.block);
        }
        self.nameless_lines += 1;
        if block.drop_weak() {
            self.take_lines_back(supply, block);
        }
    }

    /// One that knew the lines does no more. Whoever is not the last need not come here.
    pub(crate) fn forget(&mut self, supply: Supply<'_>, block: &Block) {
        if block.drop_weak() {
            self.take_lines_back(supply, block);
        }
    }

    fn take_lines_back(&mut self, supply: Supply<'_>, block: &Block) {
        self.nameless_lines -= 1;
        if block.base().is_null() {
            self.spare_pairs.push(block.index().0);
        } else {
            self.give_bytes(supply, block);
        }
    }

    fn give_bytes(&mut self, supply: Supply<'_>, block: &Block) {
        self.live_blocks -= 1;
        self.live_bytes -= u64::from(block.capacity_bytes());
        if block.capacity_bytes() >= FILED_BYTES_MIN
            && supply.slabs.clear(block.base(), block.capacity_bytes()).is_err()
        {
            // A socket may still refer to its pages: its place stays taken, in no list, for ever.
            self.lost_blocks += 1;
            self.lost_bytes += u64::from(block.capacity_bytes());
            return;
        }
        match block.cut() {
            Cut::Run { first_slab } => {
                supply.slabs.give(first_slab, run_slabs(block.capacity_bytes()));
                self.spare_pairs.push(block.index().0);
            }
            Cut::Chunk { chunk: number, .. } => self.give_to(supply, number, block),
            Cut::Lent => unreachable!("lent bytes are no arena's"),
        }
    }

    fn give_to(&mut self, supply: Supply<'_>, number: u32, block: &Block) {
        let chunk = &mut self.chunks[number as usize];
        let was_full = chunk.live_blocks == chunk.class.chunk_blocks();
        block.set_next(chunk.free);
        chunk.free = block.index();
        chunk.live_blocks -= 1;
        let (is_empty, is_alone) =
            (chunk.live_blocks == 0, chunk.next == NO_CHUNK && chunk.previous == NO_CHUNK);
        if was_full {
            self.list(number);
        } else if is_empty && !is_alone {
            // One empty chunk of a class stays, so that a block taken and given in turn opens no chunk each time.
            self.close_chunk(supply, number);
        }
    }

    fn take_from(&mut self, supply: Supply<'_>, number: u32) -> Option<PairIndex> {
        let chunk = &mut self.chunks[number as usize];
        let class = chunk.class;
        let pair = if let Some(pair) = chunk.free.some() {
            chunk.free = supply.pairs.line(pair.0).block.next();
            pair
        } else {
            self.cut_block(supply, number)?
        };
        let chunk = &mut self.chunks[number as usize];
        chunk.live_blocks += 1;
        if chunk.live_blocks == class.chunk_blocks() {
            self.unlist(number);
        }
        self.count_out(class.block_bytes());
        Some(pair)
    }

    /// Counts a block of another arena that is given back from here.
    pub(crate) fn count_remote(&mut self) {
        self.given_elsewhere += 1;
    }

    /// How many blocks were taken here, and how many of other arenas given back from here.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.taken_blocks, self.given_elsewhere)
    }

    fn count_out(&mut self, capacity_bytes: u32) {
        self.taken_blocks += 1;
        self.live_blocks += 1;
        self.live_bytes += u64::from(capacity_bytes);
    }

    /// The next block of a chunk that was never out before: it gets its lines now.
    fn cut_block(&mut self, supply: Supply<'_>, number: u32) -> Option<PairIndex> {
        let pair = self.spare_pair(supply)?;
        let chunk = &mut self.chunks[number as usize];
        let class = chunk.class;
        assert!(
            chunk.cut_blocks < class.chunk_blocks(),
            "a listed chunk has a free or an uncut block"
        );
        let offset = chunk.first_unit as usize * UNIT_BYTES
            + chunk.cut_blocks as usize * class.block_bytes() as usize;
        let slab = supply.slabs.base(self.slabs[chunk.slab as usize].number);
        let base =
            NonNull::new(slab.as_ptr().wrapping_add(offset)).expect("a slab does not touch zero");
        chunk.cut_blocks += 1;
        let cut = Cut::Chunk { class, chunk: number };
        supply.pairs.line(pair.0).place(Place {
            base,
            capacity_bytes: class.block_bytes(),
            arena: self.arena,
            cut,
        });
        Some(pair)
    }

    fn spare_pair(&mut self, supply: Supply<'_>) -> Option<PairIndex> {
        if self.spare_pairs.is_empty() {
            let owner = supply.owner;
            supply.pairs.take(PAIRS_PER_FETCH, &mut self.spare_pairs, |index| {
                Pair::unplaced(PairIndex(index), owner)
            });
        }
        self.spare_pairs.pop().map(PairIndex)
    }

    fn open_chunk(&mut self, supply: Supply<'_>, class: Class, life: Life) -> Option<u32> {
        let units = class.chunk_units();
        let slab = match self
            .slabs
            .iter()
            .position(|slab| slab.life == life && slab.first_fit(units).is_some())
        {
            Some(slab) => slab,
            None => self.adopt_slab(supply, life)?,
        };
        let first_unit = self.slabs[slab].first_fit(units).expect("found with room, or fresh");
        self.slabs[slab].free_units &= !mask(first_unit, units);
        let chunk = Chunk {
            class,
            slab: u32::try_from(slab).expect("a heap has fewer than 2^32 slabs"),
            life,
            first_unit,
            cut_blocks: 0,
            live_blocks: 0,
            free: PairIndex::NONE,
            previous: NO_CHUNK,
            next: NO_CHUNK,
        };
        if let Some(number) = self.free_chunk_numbers.pop() {
            self.chunks[number as usize] = chunk;
            return Some(number);
        }
        self.chunks.push(chunk);
        Some(u32::try_from(self.chunks.len() - 1).expect("a heap has fewer than 2^32 chunks"))
    }

    fn adopt_slab(&mut self, supply: Supply<'_>, life: Life) -> Option<usize> {
        // An empty slab that the arena kept serves every life of its area.
        if let Some(kept) = self.slabs.iter().position(|slab| slab.is_empty_of(life.area())) {
            self.slabs[kept].life = life;
            return Some(kept);
        }
        let number = supply.slabs.take(1, life.area())?;
        let fresh = Slab { number, life, free_units: u32::MAX };
        // Chunks name slabs by place, so places stay.
        if let Some(place) = self.slabs.iter().position(|slab| slab.number == GONE) {
            self.slabs[place] = fresh;
            return Some(place);
        }
        self.slabs.push(fresh);
        Some(self.slabs.len() - 1)
    }

    fn close_chunk(&mut self, supply: Supply<'_>, number: u32) {
        self.unlist(number);
        let chunk = &mut self.chunks[number as usize];
        let mut free = core::mem::replace(&mut chunk.free, PairIndex::NONE);
        let (slab, freed_units) =
            (chunk.slab as usize, mask(chunk.first_unit, chunk.class.chunk_units()));
        while let Some(pair) = free.some() {
            free = supply.pairs.line(pair.0).block.next();
            self.spare_pairs.push(pair.0);
        }
        self.free_chunk_numbers.push(number);
        let area = self.slabs[slab].life.area();
        let keeps_another = self.slabs.iter().any(|slab| slab.is_empty_of(area));
        let slab = &mut self.slabs[slab];
        slab.free_units |= freed_units;
        if slab.is_empty() && keeps_another {
            supply.slabs.give(slab.number, 1);
            slab.leave();
        }
    }

    fn list(&mut self, number: u32) {
        let chunk = &self.chunks[number as usize];
        let head = &mut self.partial[chunk.life as usize][chunk.class.index()];
        let next = core::mem::replace(head, number);
        self.chunks[number as usize].next = next;
        self.chunks[number as usize].previous = NO_CHUNK;
        if next != NO_CHUNK {
            self.chunks[next as usize].previous = number;
        }
    }

    fn unlist(&mut self, number: u32) {
        let chunk = &mut self.chunks[number as usize];
        let previous = core::mem::replace(&mut chunk.previous, NO_CHUNK);
        let next = core::mem::replace(&mut chunk.next, NO_CHUNK);
        let (life, class) = (chunk.life, chunk.class);
        match previous {
            NO_CHUNK => self.partial[life as usize][class.index()] = next,
            previous => self.chunks[previous as usize].next = next,
        }
        if next != NO_CHUNK {
            self.chunks[next as usize].previous = previous;
        }
    }

    /// Gives every slab without a live block back, chunks that were kept empty included.
    pub(crate) fn give_empty_slabs(&mut self, supply: Supply<'_>) {
        for number in 0..self.chunks.len() {
            let chunk = &self.chunks[number];
            let number = u32::try_from(number).expect("a heap has fewer than 2^32 chunks");
            if chunk.live_blocks == 0 && !self.free_chunk_numbers.contains(&number) {
                self.close_chunk(supply, number);
            }
        }
        for slab in &mut self.slabs {
            if slab.is_empty() {
                supply.slabs.give(slab.number, 1);
                slab.leave();
            }
        }
    }

    /// The live bytes of each slab that is cut into chunks, by the slab's number.
    pub(crate) fn live_by_slab(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut live_bytes = vec![0; self.slabs.len()];
        // A chunk that is closed has no live block.
        for chunk in &self.chunks {
            live_bytes[chunk.slab as usize] +=
                u64::from(chunk.live_blocks) * u64::from(chunk.class.block_bytes());
        }
        let of_slab = |(slab, bytes): (&Slab, u64)| (slab.number, bytes);
        let by_slab: Vec<(u32, u64)> = self.slabs.iter().zip(live_bytes).map(of_slab).collect();
        by_slab.into_iter().filter(|(number, _)| *number != GONE)
    }

    /// Walks all chunks and says whether their lists, counts and units agree.
    ///
    /// # Panics
    /// Where they do not: the sentence says which.
    pub(crate) fn validate(&self, supply: Supply<'_>) {
        let mut live_blocks = 0;
        let mut units_of_chunks = vec![0_u32; self.slabs.len()];
        for (number, chunk) in self.chunks.iter().enumerate() {
            let number = u32::try_from(number).expect("a heap has fewer than 2^32 chunks");
            if self.free_chunk_numbers.contains(&number) {
                continue;
            }
            let mut free_blocks = 0;
            let mut free = chunk.free;
            while let Some(pair) = free.some() {
                let block = &supply.pairs.line(pair.0).block;
                assert_eq!(
                    block.cut(),
                    Cut::Chunk { class: chunk.class, chunk: number },
                    "a free block is of its chunk"
                );
                assert_eq!(block.state.strong_grants(), 0, "nobody holds a free block");
                assert_eq!(
                    supply.slabs.in_file(block.base()).is_some(),
                    chunk.life == Life::Filed,
                    "a block lies in the file if its life says so"
                );
                free = block.next();
                free_blocks += 1;
            }
            assert_eq!(
                free_blocks + chunk.live_blocks,
                chunk.cut_blocks,
                "a cut block is live or free"
            );
            let is_listed = self.listed(chunk.life, chunk.class).any(|listed| listed == number);
            assert_eq!(
                is_listed,
                chunk.live_blocks < chunk.class.chunk_blocks(),
                "who has free blocks is listed"
            );
            let units = mask(chunk.first_unit, chunk.class.chunk_units());
            assert_eq!(
                units_of_chunks[chunk.slab as usize] & units,
                0,
                "no two chunks share a unit"
            );
            units_of_chunks[chunk.slab as usize] |= units;
            live_blocks += u64::from(chunk.live_blocks);
        }
        for (slab, units) in self.slabs.iter().zip(units_of_chunks) {
            let expected = if slab.number == GONE { 0 } else { !units };
            assert_eq!(slab.free_units, expected, "a unit is a chunk's or free");
        }
        assert!(
            live_blocks <= self.live_blocks + self.lost_blocks,
            "live and lost blocks are those of chunks, and runs"
        );
    }

    fn listed(&self, life: Life, class: Class) -> impl Iterator<Item = u32> {
        let head = self.partial[life as usize][class.index()];
        let some = |number: u32| (number != NO_CHUNK).then_some(number);
        core::iter::successors(some(head), move |number| some(self.chunks[*number as usize].next))
    }
}

impl Slab {
    /// Marks the place as free: a slab that has gone has no unit for anyone.
    fn leave(&mut self) {
        self.number = GONE;
        self.free_units = 0;
    }

    fn is_empty(&self) -> bool {
        self.free_units == u32::MAX
    }

    fn is_empty_of(&self, area: Area) -> bool {
        self.is_empty() && self.life.area() == area
    }

    /// The first aligned run of `units` free units.
    fn first_fit(&self, units: u32) -> Option<u32> {
        (0..UNITS_PER_SLAB).step_by(units as usize).find(|first| {
            let wanted = mask(*first, units);
            self.free_units & wanted == wanted
        })
    }
}

fn mask(first_unit: u32, units: u32) -> u32 {
    let low = if units == UNITS_PER_SLAB { u32::MAX } else { (1 << units) - 1 };
    low << first_unit
}

pub(crate) fn run_slabs(capacity_bytes: u32) -> u32 {
    u32::try_from((capacity_bytes as usize).div_ceil(SLAB_BYTES))
        .expect("a block is shorter than 4 GiB")
}
