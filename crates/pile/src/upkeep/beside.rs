//! What a keeper uses beside its records: an index, say. It counts against the limit of the pile like the records themselves.

use crate::sync::Ordering;
use crate::upkeep::keep::Keep;

impl Keep {
    /// Counts memory that the keeper is about to use beside its records against the limit of the pile. False where it does not
    /// fit: then nothing is counted. What is counted goes back when the keep is dropped, at the latest.
    #[must_use]
    pub fn charge_beside(&self, bytes: u64) -> bool {
        let store = &self.pile.store;
        let fits = store.spans.supply.limit.take(bytes);
        if fits {
            store.keepers.beside_bytes.fetch_add(bytes, Ordering::Relaxed);
            self.kept.beside_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Says that so much of what was counted is not used any more.
    ///
    /// # Panics
    /// If that is more than was counted.
    pub fn uncharge_beside(&self, bytes: u64) {
        let counted = self.kept.beside_bytes.fetch_update(
            Ordering::Relaxed,
            Ordering::Relaxed,
            |beside_bytes| beside_bytes.checked_sub(bytes),
        );
        assert!(counted.is_ok(), "only what was counted is given back");
        self.give_back_beside(bytes);
    }

    /// Lets what was counted be others'.
    pub(crate) fn give_back_beside(&self, bytes: u64) {
        let store = &self.pile.store;
        store.keepers.beside_bytes.fetch_sub(bytes, Ordering::Relaxed);
        store.spans.supply.limit.give(bytes);
    }

    /// What is counted now.
    #[must_use]
    pub fn beside_bytes(&self) -> u64 {
        self.kept.beside_bytes.load(Ordering::Relaxed)
    }
}
