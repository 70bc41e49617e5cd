//! An upgrade turns a record of an older schema into a value of today's, whenever such a record is loaded.

use crate::types::codec::{Codec, Damaged};
use crate::types::found::Found;
use crate::types::registry::Registered;

/// A way up to `V` from some older form.
pub(crate) trait Upgrade<V>: Send + Sync {
    /// The value, if the record is of the form that this way begins at.
    fn load(&self, found: Found<'_>) -> Option<Result<V, Damaged>>;
}

/// The way up from what `Old` reads.
pub(crate) struct Way<Old: Codec, V> {
    pub(crate) old: Registered<Old>,
    pub(crate) up: fn(Old::Owned) -> V,
}

impl<Old: Codec, V> Upgrade<V> for Way<Old, V> {
    fn load(&self, found: Found<'_>) -> Option<Result<V, Damaged>> {
        let encoded = self.old.encoded(found)?;
        Some(Old::load(encoded).map(self.up))
    }
}
