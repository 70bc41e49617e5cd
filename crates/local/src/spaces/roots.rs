//! A root keeps an object from outside of its heap: it may be kept over turns, sent to threads, and dropped anywhere.
//!
//! ```text
//! Root ─► table of entries ─► entry [ object 8 | roots of it 4 ]      tables as long as all before together; none ever moves
//! ```
//!
//! Only the heap's own thread reads where the object is; others only count. An entry whose count fell to zero is taken over by the
//! next collection, or by the next root that finds no other.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::sync::Arc;

use crate::objects::object::Object;
use crate::objects::trace::Rootable;
use crate::objects::visitor::Visitor;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// How many entries the first table has; each further one has as many as there are, up to the last number.
const FIRST_ENTRIES: usize = 4;
const TABLE_ENTRIES_MAX: usize = 64 << 10;

/// How many handles an object may have.
const HANDLES_MAX: u32 = u32::MAX / 2;

/// One object that is kept.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Null while it keeps nothing.
    object: AtomicPtr<u8>,
    /// How many handles there are.
    count: AtomicU32,
}

impl Entry {
    pub(crate) fn vacant() -> Self {
        Self { object: AtomicPtr::new(core::ptr::null_mut()), count: AtomicU32::new(0) }
    }

    /// Keeps an object for one handle.
    pub(crate) fn keep(&self, object: NonNull<u8>) {
        self.object.store(object.as_ptr(), Ordering::Relaxed);
        self.count.store(1, Ordering::Relaxed);
    }

    /// One handle more, made of another.
    pub(crate) fn share(&self) {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        if before >= HANDLES_MAX {
            // Taken off again: who catches this panic often enough would otherwise count around to zero.
            self.leave();
            panic!("an object has fewer than 2^31 handles; more is a leak");
        }
    }

    /// One handle less.
    pub(crate) fn leave(&self) {
        // Release: what was done with the object before comes before its entry is taken over.
        self.count.fetch_sub(1, Ordering::Release);
    }

    /// The object, if there is a handle; otherwise the entry is vacant from here on.
    pub(crate) fn kept(&self) -> Option<NonNull<u8>> {
        let object = NonNull::new(self.object.load(Ordering::Relaxed))?;
        // Acquire: pairs with `leave`.
        if self.count.load(Ordering::Acquire) > 0 {
            return Some(object);
        }
        self.object.store(core::ptr::null_mut(), Ordering::Relaxed);
        None
    }

    fn move_to(&self, object: NonNull<u8>) {
        self.object.store(object.as_ptr(), Ordering::Relaxed);
    }
}

/// Some entries, which never move.
#[derive(Debug)]
pub(crate) struct Table {
    /// The number of the heap, which no other has.
    heap: u64,
    entries: Box<[Entry]>,
}

/// All entries of a heap.
#[derive(Debug)]
pub(crate) struct Roots {
    heap: u64,
    tables: Vec<Arc<Table>>,
    /// Vacant entries: which table, which entry.
    vacant: Vec<(u32, u32)>,
}

impl Roots {
    pub(crate) fn new(heap: u64) -> Self {
        Self { heap, tables: Vec::new(), vacant: Vec::new() }
    }

    /// The number of the heap.
    pub(crate) fn heap(&self) -> u64 {
        self.heap
    }

    /// Keeps an object.
    pub(crate) fn keep(&mut self, object: Object) -> Handle {
        if self.vacant.is_empty() {
            self.reclaim();
            // Looking through all entries pays only if a part of them is found: otherwise each new root would do it.
            let entry_count = self.entry_count();
            if self.vacant.len() * 4 <= entry_count {
                self.add_table(entry_count);
            }
        }
        let (table, index) = self.vacant.pop().expect("a table was added, or entries were found");
        let table = Arc::clone(&self.tables[table as usize]);
        table.entries[index as usize].keep(object.header());
        Handle { table, index }
    }

    fn entry_count(&self) -> usize {
        self.tables.iter().map(|table| table.entries.len()).sum()
    }

    /// Makes a table, all of it vacant, where there are so many entries.
    fn add_table(&mut self, entry_count: usize) {
        let count = entry_count.clamp(FIRST_ENTRIES, TABLE_ENTRIES_MAX);
        let entries = (0..count).map(|_| Entry::vacant()).collect();
        let number = u32::try_from(self.tables.len()).expect("a heap has fewer than 2^32 tables");
        self.tables.push(Arc::new(Table { heap: self.heap, entries }));
        self.vacant_of(number);
    }

    fn vacant_of(&mut self, table: u32) {
        let entries = &self.tables[table as usize].entries;
        let vacant = (0_u32..).zip(entries).filter(|(_, entry)| entry.kept().is_none());
        self.vacant.extend(vacant.map(|(index, _)| (table, index)));
    }

    /// Finds the entries that keep nothing any more.
    fn reclaim(&mut self) {
        self.vacant.clear();
        for table in 0..u32::try_from(self.tables.len()).expect("as many as were made") {
            self.vacant_of(table);
        }
    }

    /// Shows every object that is kept; each may be put elsewhere.
    pub(crate) fn trace(&mut self, visitor: &mut Visitor<'_>) {
        for entry in self.tables.iter().flat_map(|table| &table.entries) {
            if let Some(object) = entry.kept() {
                entry.move_to(visitor.reach(object));
            }
        }
    }

    /// How many objects are kept.
    pub(crate) fn count(&self) -> usize {
        let entries = self.tables.iter().flat_map(|table| &table.entries);
        entries.filter(|entry| entry.kept().is_some()).count()
    }

    /// The objects that are kept.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Object> {
        let entries = self.tables.iter().flat_map(|table| &table.entries);
        entries.filter_map(Entry::kept).map(Object::at)
    }
}

/// A root without its type.
pub(crate) struct Handle {
    table: Arc<Table>,
    index: u32,
}

impl Handle {
    fn entry(&self) -> &Entry {
        &self.table.entries[self.index as usize]
    }

    /// Where the object is, for the heap with that number.
    ///
    /// # Panics
    /// If the root is of another heap.
    #[inline]
    pub(crate) fn object(&self, heap: Option<u64>) -> Object {
        assert!(heap == Some(self.table.heap), "a root is read by the heap that it was made in");
        let object =
            self.entry().kept().expect("an entry keeps its object while a handle is there");
        Object::at(object)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        self.entry().share();
        Self { table: Arc::clone(&self.table), index: self.index }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.entry().leave();
    }
}

/// Keeps an object of a heap, over turns and wherever it is moved to. [`Cx::get`](crate::Cx::get) reads it.
///
/// It may be dropped on any thread; the object is let go of at the heap's next collection. A heap that is dropped takes its
/// objects with it: its roots keep nothing then. One that is kept in an object of its own heap keeps that, and itself, for ever.
pub struct Root<R: Rootable> {
    pub(crate) handle: Handle,
    kind: PhantomData<fn() -> R>,
}

impl<R: Rootable> Root<R> {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle, kind: PhantomData }
    }
}

impl<R: Rootable> Clone for Root<R> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone())
    }
}

impl<R: Rootable> fmt::Debug for Root<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Root").field(&self.handle.index).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_handle_too_many_is_refused_and_not_counted() {
        let entry = Entry::vacant();
        entry.keep(NonNull::dangling());
        entry.count.store(HANDLES_MAX, Ordering::Relaxed);
        for _ in 0..3 {
            let share = std::panic::AssertUnwindSafe(|| entry.share());
            assert!(std::panic::catch_unwind(share).is_err());
        }
        assert_eq!(entry.count.load(Ordering::Relaxed), HANDLES_MAX);
    }

    #[test]
    fn roots_that_come_and_go_are_not_looked_through_each_time() {
        let mut roots = Roots::new(1);
        let object = Object::at(NonNull::dangling());
        let mut kept: Vec<Handle> = (0..1_000).map(|_| roots.keep(object)).collect();
        let mut looked_through = 0;
        for round in 0..10_000 {
            kept.swap_remove(round % 1_000);
            looked_through += usize::from(roots.vacant.is_empty());
            kept.push(roots.keep(object));
        }
        assert!(looked_through < 100, "{looked_through} times for 10,000 roots");
        assert!(roots.entry_count() <= 4_096, "{} entries", roots.entry_count());
        drop(kept);
        assert_eq!(roots.count(), 0);
    }
}
