//! A minor collection copies what lives out of the nursery's chunks, and gives those back.
//!
//! What survives is copied to other chunks, one collection older; what has survived often enough, once survivors take more than a little, to
//! cells of the stable space, where it stays. Copies are scanned in the order in which they were made, so the list of those to scan
//! is the chunk itself (Cheney, "A Nonrecursive List Compacting Algorithm", 1970).
//!
//! Cost: each survivor is copied once and traced once; what is dead costs nothing, unless it has a destructor.
#![expect(
    unsafe_code,
    reason = "copies objects to memory that it has taken, and undoes those that are dead"
)]

use core::ptr::NonNull;
use std::process::abort;

use crate::collecting::undoing::Undoing;
use crate::limits::Pacing;
use crate::memory::pool::CHUNK_BYTES;
use crate::memory::region::{Kind, Page};
use crate::objects::object::{AGE_MAX, Object, TO_NURSERY, TO_YOUNG, Word};
use crate::objects::shape::Shape;
use crate::objects::visitor::{Reach, Visitor};
use crate::spaces::nursery::{Chunk, align_bytes, place};
use crate::spaces::remember::{Remembered, Seeing, Younger, look_at};
use crate::spaces::sieve::Sieve;
use crate::spaces::space::{Phase, Space};
use crate::spaces::stable::Stable;

/// Traces the root value of a heap.
pub(crate) type RootTrace<'a> = &'a mut dyn FnMut(&mut Visitor<'_>);

/// Where survivors go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fit {
    /// To chunks of the pool, which the next turn goes on filling.
    Chunks,
    /// To a chunk of just this length, no older than they were: an idle heap keeps it.
    Exactly(usize),
}

/// What a minor came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Copied {
    pub(crate) copied_bytes: u64,
    pub(crate) promoted_bytes: u64,
    pub(crate) freed_bytes: u64,
}

/// Collects the nursery; `None` if there was no memory for the copies. `forced` becomes stable whatever its age.
pub(crate) fn minor(
    space: &mut Space,
    root: RootTrace<'_>,
    fit: Fit,
    forced: Option<Object>,
    undoing: &mut Undoing,
) -> Option<Copied> {
    let born_bytes = space.born_bytes();
    let cursor = space.cursor();
    let nursery = space.nursery.get_mut();
    nursery.fill_to(cursor);
    let from_bytes = nursery.filled_bytes();
    let pacing = *space.pool.pacing();
    let spare = match fit {
        Fit::Exactly(_) => Vec::new(),
        Fit::Chunks => {
            // So many that all of it fits, whatever each chunk loses at its end: from here on nothing can fail.
            let lost_bytes = pacing.nursery_object_bytes_max + 128;
            space.pool.take_chunks(from_bytes.div_ceil(CHUNK_BYTES - lost_bytes)).or_else(|| {
                let mut more = space.more.borrow_mut();
                more.get_or_insert_default().counts.skipped_minors += 1;
                None
            })?
        }
    };
    let from = core::mem::take(&mut space.nursery.get_mut().chunks);
    let stable = space.stable.get_mut().take();
    let mut copier = Copier {
        space,
        pacing: &pacing,
        from: Sieve::of(&from),
        stable,
        fit,
        forced,
        spare,
        to: Vec::with_capacity(1), // an idle heap has no more, and many may be idle
        cursor: core::ptr::null_mut(),
        end_address: 0,
        scanned: (0, core::ptr::null_mut()),
        promoted: Vec::new(),
        has_seen: false,
        copied: Copied::default(),
    };
    root(&mut Visitor::new(&mut copier));
    if let Some(roots) = space.more.borrow_mut().as_mut().and_then(|more| more.roots.as_mut()) {
        roots.trace(&mut Visitor::new(&mut copier));
    }
    copier.look_at_remembered();
    copier.drain();
    let Copier { stable, spare, mut to, cursor, end_address, copied, .. } = copier;
    if let Some(last) = to.last_mut() {
        last.fill_to(cursor);
    }
    if !spare.is_empty() {
        space.pool.give_chunks(spare);
    }
    *space.stable.get_mut() = stable;
    undo_dead(space, undoing);
    let (mut gone_bytes, mut kept_bytes) = (0, 0);
    from.iter().for_each(|chunk| gone_bytes += chunk.bytes() as u64);
    to.iter().for_each(|chunk| kept_bytes += chunk.bytes() as u64);
    space.room.leave(gone_bytes);
    space.room.owe(kept_bytes);
    let poisons = cfg!(debug_assertions) || space.pool.stress().poisons;
    Chunk::give(&space.pool, from, poisons);
    space.nursery.get_mut().chunks = to;
    space.go_on(cursor, end_address);
    count(space, born_bytes, copied, from_bytes)
}

fn count(space: &mut Space, born_bytes: u64, copied: Copied, from_bytes: usize) -> Option<Copied> {
    let more = space.more.get_mut().get_or_insert_default();
    more.external.at_minor_bytes = more.external.bytes();
    let counts = &mut more.counts;
    counts.minors += 1;
    counts.born_bytes += born_bytes;
    counts.copied_bytes += copied.copied_bytes;
    counts.promoted_bytes += copied.promoted_bytes;
    let pause_bytes = copied.copied_bytes + copied.promoted_bytes;
    counts.pause_copied_bytes_max = counts.pause_copied_bytes_max.max(pause_bytes);
    Some(Copied { freed_bytes: from_bytes as u64 - pause_bytes.min(from_bytes as u64), ..copied })
}

/// Follows those that were moved, and undoes those that were not.
fn undo_dead(space: &mut Space, undoing: &mut Undoing) {
    if let Some(more) = space.more.get_mut() {
        more.weaks.follow();
    }
    let mut drops = core::mem::take(&mut space.nursery.get_mut().drops);
    drops.retain_mut(|object| match object.moved() {
        Some(new) => {
            *object = new;
            !new.is_stable() // its page knows of it
        }
        None => {
            // SAFETY: it was not reached, and who is undone is listed no more.
            unsafe { undoing.undo(*object) };
            false
        }
    });
    space.nursery.get_mut().drops = drops;
}

struct Copier<'a> {
    space: &'a Space,
    pacing: &'a Pacing,
    /// What it holds back is stable.
    from: Sieve,
    stable: Option<Box<Stable>>,
    fit: Fit,
    forced: Option<Object>,
    /// Chunks that are not filled yet.
    spare: Vec<NonNull<u8>>,
    to: Vec<Chunk>,
    cursor: *mut u8,
    end_address: usize,
    /// Copies before this chunk and address are scanned; at null none is.
    scanned: (usize, *mut u8),
    /// Stable ones that are not.
    promoted: Vec<(Object, Page)>,
    /// Something in the nursery was seen.
    has_seen: bool,
    copied: Copied,
}

impl Reach for Copier<'_> {
    #[inline]
    fn reach(&mut self, header: NonNull<u8>) -> NonNull<u8> {
        if !self.from.passes(header) {
            return header;
        }
        let object = Object::at(header);
        let word = object.header_word();
        if let Some(new) = word.moved() {
            self.has_seen |= !new.is_stable();
            return new.header();
        }
        if word.is_stable() {
            return header;
        }
        self.copy(object, word).header()
    }
}

impl Seeing for Copier<'_> {
    fn look_anew(&mut self) {
        self.has_seen = false;
    }

    fn has_seen(&self) -> bool {
        self.has_seen
    }

    fn visitor(&mut self) -> Visitor<'_> {
        Visitor::new(self)
    }
}

impl Copier<'_> {
    fn copy(&mut self, object: Object, word: Word) -> Object {
        let shape = word.shape();
        let (bytes, age) = (object.bytes_of(shape), word.age());
        let mut now = word;
        if matches!(self.fit, Fit::Chunks) {
            let is_due = age + 1 >= self.pacing.survivals;
            let survivors_bytes = self.copied.copied_bytes + bytes as u64;
            let has_company = survivors_bytes > self.pacing.rest_bytes;
            if (is_due && has_company) || self.forced == Some(object) {
                // Where the stable space takes nothing more, the chunks have room for it.
                if let Some(new) = self.promote(object, word, bytes) {
                    return new;
                }
            }
            now = word.aged((age + 1).min(AGE_MAX));
        }
        let header = self.take(bytes, shape);
        self.copied.copied_bytes += bytes as u64;
        self.has_seen = true;
        // SAFETY: the bytes were just taken.
        unsafe { object.copy_to(header, bytes, now) }
    }

    #[inline]
    fn take(&mut self, bytes: usize, shape: &Shape) -> NonNull<u8> {
        let align = shape.align();
        loop {
            // Cursors are whole words, and alignments powers of two: no division, in what is done for each survivor.
            let value = self.cursor.addr() + shape.value_offset();
            let lead_bytes = if align == 8 { 0 } else { value.wrapping_neg() & (align - 1) };
            let taken_bytes = align_bytes(align) + bytes;
            if let Some(start) = NonNull::new(self.cursor)
                && self.end_address - self.cursor.addr() >= taken_bytes
            {
                self.cursor = self.cursor.wrapping_add(taken_bytes);
                // SAFETY: so much room was left.
                return unsafe { place(start, lead_bytes, bytes, align) };
            }
            self.add_chunk();
        }
    }

    #[cold]
    fn add_chunk(&mut self) {
        let chunk = match self.fit {
            Fit::Chunks => {
                Chunk::lent(self.spare.pop().expect("chunks for all that may survive are reserved"))
            }
            // One holds all: nothing takes more than it did.
            Fit::Exactly(fit) => Chunk::fitting(fit).unwrap_or_else(|| abort()),
        };
        if let Some(last) = self.to.last_mut() {
            last.fill_to(self.cursor);
        }
        self.cursor = chunk.start();
        self.end_address = chunk.end_address();
        self.to.push(chunk);
    }

    #[inline(never)]
    fn promote(&mut self, object: Object, word: Word, bytes: usize) -> Option<Object> {
        let (shape, count) = (word.shape(), object.count());
        let stable = self.stable.get_or_insert_default();
        let cell = stable.take(&self.space.pool, &self.space.room, shape, count)?;
        // SAFETY: the cell was just taken for it.
        let new = unsafe { object.copy_to(cell.header, bytes, word.stable()) };
        self.copied.promoted_bytes += bytes as u64;
        if shape.has_pointers {
            self.promoted.push((new, cell.page));
        }
        if self.space.phase.get() == Phase::Marking {
            cell.page.mark(new.header());
            if shape.has_pointers {
                stable.gray.push(new);
            }
        }
        Some(new)
    }

    /// Scans all copies until there are no more.
    fn drain(&mut self) {
        loop {
            if let Some((object, page)) = self.promoted.pop() {
                self.has_seen = false;
                object.trace(&mut Visitor::new(self));
                self.note_promoted(object, page);
            } else if let Some(object) = self.next_copy() {
                if object.shape().has_pointers {
                    object.trace(&mut Visitor::new(self));
                }
            } else {
                return;
            }
        }
    }

    fn note_promoted(&mut self, object: Object, page: Page) {
        let Some(stable) = &mut self.stable else { return };
        let is_long_slice = page.kind() == Kind::Large && object.shape().is_slice;
        if self.has_seen || is_long_slice {
            stable.remembered.note(object, page.is_old());
        } else if page.is_old() {
            stable.remembered.note_young(object);
        }
        if is_long_slice {
            stable.remembered.add_cards(object, object.count());
        }
    }

    #[inline]
    fn next_copy(&mut self) -> Option<Object> {
        loop {
            let (index, place) = self.scanned;
            let is_last = index + 1 >= self.to.len();
            // The end of one that is closed is asked once for each object there: few are.
            let end_address =
                if is_last { self.cursor.addr() } else { self.to[index].filled_address() };
            if let Some(place) = NonNull::new(place)
                && place.addr().get() < end_address
            {
                let object = Object::at(place);
                if object.is_blank() {
                    self.scanned.1 = place.as_ptr().wrapping_add(8);
                } else {
                    self.scanned.1 = place.as_ptr().wrapping_add(object.bytes());
                    return Some(object);
                }
            } else if place.is_null() && !self.to.is_empty() {
                self.scanned.1 = self.to[index].start();
            } else if is_last {
                return None;
            } else {
                self.scanned = (index + 1, self.to[index + 1].start());
            }
        }
    }

    /// Begins at what may point into the nursery; who still does stays listed.
    fn look_at_remembered(&mut self) {
        let Some(stable) = &mut self.stable else { return };
        let listed = core::mem::take(&mut stable.remembered.to_nursery);
        let mut stays = Vec::new();
        for object in listed {
            let mut cards =
                self.with_remembered(|remembered| remembered.take_cards(object)).flatten();
            let sees = look_at(object, cards.as_deref_mut(), Younger::Nursery, self);
            self.with_remembered(|remembered| remembered.put_cards(object, cards));
            if sees {
                stays.push(object);
            } else {
                let is_old = Page::of(object.header()).is_old();
                // On a young object the other tag only says that it was listed.
                object.clear(TO_NURSERY | if is_old { 0 } else { TO_YOUNG });
            }
        }
        self.with_remembered(|remembered| remembered.to_nursery.append(&mut stays));
    }

    fn with_remembered<T>(&mut self, with: impl FnOnce(&mut Remembered) -> T) -> Option<T> {
        self.stable.as_mut().map(|stable| with(&mut stable.remembered))
    }
}
