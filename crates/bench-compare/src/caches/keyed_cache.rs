//! A keyed cache holds values under keys, and lets some go when there are more than it has room for.

use std::sync::Arc;

/// What a cache is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// It holds no more.
    pub(crate) entry_count: usize,
    /// All values are of this length.
    pub(crate) value_bytes: usize,
    /// So many threads use it at once; one alone gets a cache in one part, which has a policy's full figure.
    pub(crate) thread_count: usize,
}

/// So long may an entry live, where a cache knows of that: longer than any measurement takes.
pub(crate) const LIFE_S: u32 = 3_600;

/// Somebody who holds entries.
pub(crate) trait KeyedCache: Send + Sync + Sized + 'static {
    fn with_room(room: Room) -> Self;

    /// Shows the value, if it is there.
    fn get(&self, key: u64, see: &mut impl FnMut(&[u8])) -> bool;

    /// Puts a value of which the cache has a copy then, in the place of any other.
    fn put(&self, key: u64, value: &[u8]);

    /// Gets all these, which are there.
    fn get_each(&self, keys: &[u64], see: &mut impl FnMut(&[u8])) {
        for key in keys {
            let is_there = self.get(*key, see);
            assert!(is_there, "what was put is there");
        }
    }

    /// Shows the value; if it is not there, exactly one of those who ask at once makes it.
    fn get_or_put(&self, key: u64, load: &dyn Fn() -> Box<[u8]>, see: &mut impl FnMut(&[u8]));

    /// Does what was put off of a put.
    fn settle(&self) {}

    /// What a service does when it is idle.
    fn tend(&self) {}

    fn entry_count(&self) -> usize;
}

/// A value as the rivals hold it.
pub(crate) type Shared = Arc<[u8]>;
