//! A guard lets its thread read records in place: what it sees stays as it is until the guard ends.
//!
//! Cost: a store to make, a store to end; a record that is in the cache is read in some six nanoseconds.

use core::cell::Cell;

use crate::error::Gone;
use crate::looks::latency::Started;
use crate::naming::header::Kind;
use crate::naming::pointer::Pointer;
use crate::naming::version::Version;
use crate::pile::Pile;
use crate::reading::present::present;
use crate::threads::epoch::Pinned;

/// A reader's promise to be brief: bytes that are read under it stay as they are, though their record be deleted, expired,
/// updated or purged meanwhile.
///
/// It belongs to its thread. While it lives, what others delete cannot be used again, so a guard that is kept for long lets
/// the pile grow full: see [`crate::Gauges::oldest_guard_ms`].
///
/// ```compile_fail,E0277
/// # let pile = levada_pile::Pile::builder("p").limit_bytes(1 << 20).build().unwrap();
/// let guard = pile.pin();
/// std::thread::scope(|s| { s.spawn(move || drop(guard)); }); // of its thread
/// ```
/// ```compile_fail,E0505
/// # let pile = levada_pile::Pile::builder("p").limit_bytes(1 << 20).build().unwrap();
/// # let at = pile.put(b"x", levada_pile::Life::FOREVER).unwrap();
/// let guard = pile.pin();
/// let bytes = guard.get(at).unwrap();
/// drop(guard);
/// assert_eq!(bytes, b"x"); // not after its end
/// ```
#[derive(Debug)]
pub struct Guard<'p> {
    pub(crate) pile: &'p Pile,
    pub(crate) pinned: Pinned,
    gets: Cell<u64>,
}

impl Pile {
    /// Pins this thread: records can be read in place until the guard ends.
    #[inline]
    #[must_use]
    pub fn pin(&self) -> Guard<'_> {
        Guard { pile: self, pinned: Pinned::new(), gets: Cell::new(0) }
    }
}

impl Guard<'_> {
    /// A record's bytes, in place.
    ///
    /// # Errors
    /// [`Gone`] with the reason, where there is no such record, and [`Gone::WrongType`] where it is a typed one.
    #[inline]
    pub fn get(&self, at: Pointer) -> Result<&[u8], Gone> {
        self.count();
        if self.pile.store.is_sampled(self.gets.get()) {
            return self.get_timed(at);
        }
        self.get_now(at)
    }

    #[cold]
    fn get_timed(&self, at: Pointer) -> Result<&[u8], Gone> {
        let started = Started::now();
        let got = self.get_now(at);
        self.pile.store.get_times.ended(&started);
        got
    }

    #[inline]
    fn get_now(&self, at: Pointer) -> Result<&[u8], Gone> {
        match self.pile.store.spans.memory.plain(at, &self.pinned) {
            Some(bytes) => Ok(bytes),
            None => self.get_special(at),
        }
    }

    /// As [`Guard::get`], without a reason.
    #[inline]
    #[must_use]
    pub fn try_get(&self, at: Pointer) -> Option<&[u8]> {
        self.get(at).ok()
    }

    #[cold]
    #[inline(never)]
    fn get_special(&self, at: Pointer) -> Result<&[u8], Gone> {
        let (slot, header) = self.pile.store.find(at, &self.pinned)?;
        if header.kind().has_tag() {
            return Err(self.pile.store.refused(Gone::WrongType));
        }
        Ok(present(&self.pile.store, slot, header, at, &self.pinned)?.bytes)
    }

    /// A record's text, in place.
    ///
    /// # Errors
    /// As [`Guard::get`]; [`Gone::WrongType`] where it was not put as text.
    pub fn text(&self, at: Pointer) -> Result<&str, Gone> {
        self.count();
        let (slot, header) = self.pile.store.find(at, &self.pinned)?;
        if header.kind() != Kind::Text {
            return Err(self.pile.store.refused(Gone::WrongType));
        }
        let bytes = present(&self.pile.store, slot, header, at, &self.pinned)?.bytes;
        core::str::from_utf8(bytes).map_err(|_| self.pile.store.refused(Gone::Invalid))
    }

    /// A record's bytes and their version, for [`Pile::compare_update`].
    ///
    /// # Errors
    /// As [`Guard::get`].
    pub fn seen(&self, at: Pointer) -> Result<(&[u8], Version), Gone> {
        self.count();
        // The turns of roomy records begin anew with each life of a pile.
        self.pile.store.look_through(at.place());
        let (slot, header) = self.pile.store.find(at, &self.pinned)?;
        if header.kind().has_tag() {
            return Err(self.pile.store.refused(Gone::WrongType));
        }
        let present = present(&self.pile.store, slot, header, at, &self.pinned)?;
        Ok((present.bytes, present.version))
    }

    /// Many records, each in its turn: their slots are asked for sixteen ahead, so that the processor waits for several at
    /// once. Each is current when it is read; together they are of no one instant.
    pub fn get_many<'g>(
        &'g self,
        at: &[Pointer],
        each: &mut dyn FnMut(usize, Result<&'g [u8], Gone>),
    ) {
        let memory = &self.pile.store.spans.memory;
        self.gets.set(self.gets.get() + at.len() as u64);
        for pointer in at.iter().take(AHEAD) {
            memory.prefetch(pointer.place());
        }
        for (index, &pointer) in at.iter().enumerate() {
            if let Some(coming) = at.get(index + AHEAD) {
                memory.prefetch(coming.place());
            }
            each(index, self.get_now(pointer));
        }
    }

    /// Ends every borrow and pins anew: for long loops, so that what was deleted meanwhile can be used again.
    pub fn repin(&mut self) {
        self.pinned.renew();
    }

    /// A number that no other thread has which has a guard at the same time; the numbers of few threads are small. Whoever
    /// keeps something for each thread finds it by that.
    #[inline]
    #[must_use]
    pub fn reader_index(&self) -> u32 {
        self.pinned.reader_index()
    }

    /// Counts a read.
    #[inline]
    pub(crate) fn count(&self) {
        self.gets.set(self.gets.get() + 1);
    }
}

/// How far ahead a batch asks for slots.
const AHEAD: usize = 16;

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        let gets = self.gets.get();
        if gets > 0 {
            self.pile.store.gets.add(self.pinned.reader_index(), gets);
        }
    }
}
