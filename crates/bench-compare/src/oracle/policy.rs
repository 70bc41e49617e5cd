//! A policy decides which key goes when there is no room for another.

/// A cache of keys alone.
pub(crate) trait Policy {
    /// Asks for a key, which is then there; tells whether it was before.
    fn ask(&mut self, key: u64) -> bool;

    fn len(&self) -> usize;
}
