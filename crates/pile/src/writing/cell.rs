//! A cell is a record that is a reference of 8 bytes to its value: an update puts the new value and swings the reference.

use crate::error::Full;
use crate::naming::birth::Birth;
use crate::naming::header::Kind;
use crate::naming::life::Life;
use crate::naming::pointer::Pointer;
use crate::naming::version::Version;
use crate::pile::Pile;
use crate::threads::epoch::Pinned;

impl Pile {
    /// Puts a record that is a reference of 8 bytes to its value: for what is updated often, by any length.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    pub fn put_cell(&self, bytes: &[u8], life: Life) -> Result<Pointer, Full> {
        let purges = self.store.purges();
        // First the cell's place: the value says whose it is.
        let reserved = self.reserve_as(8, Birth::of(Kind::Cell, life))?;
        let value = self.store.put(Birth::inner(Kind::Bytes, 0, reserved.pointer()), bytes)?;
        let pinned = Pinned::new();
        match reserved.begin_cell(value) {
            Ok(cell) if self.store.purges() == purges => Ok(cell),
            Ok(cell) => {
                // A purge came by, and may have ended one of the two; the cell is as good as purged then.
                if let Ok((slot, _)) = self.store.find(cell, &pinned) {
                    let version = Version(value.to_bits());
                    self.store.is_whole_past_purge(cell, slot, version, &pinned);
                } else {
                    self.store.end_inner(value.to_bits(), &pinned);
                }
                Ok(cell)
            }
            // Purged in between, and perhaps the value with it: then this put comes after.
            Err(_) => {
                self.store.end_inner(value.to_bits(), &pinned);
                drop(pinned);
                self.put_cell(bytes, life)
            }
        }
    }
}
