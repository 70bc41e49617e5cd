//! A store keeps values and gives a handle for each; a handle fits in a word, so that one value can name another.

/// Somebody who keeps values.
pub(crate) trait Store: Send + Sync {
    type Handle: Copy + Send + Sync + 'static;

    /// Keeps a copy.
    fn put(&mut self, bytes: &[u8]) -> Self::Handle;

    /// Shows each value where it lies, one after the other.
    fn get_each(&self, handles: &[Self::Handle], see: &mut impl FnMut(&[u8]));

    /// As [`Self::get_each`], by whatever the store has for many at once.
    fn get_batch(&self, handles: &[Self::Handle], see: &mut impl FnMut(&[u8])) {
        self.get_each(handles, see);
    }

    /// Follows `hop_count` handles, each read in the value before it.
    fn hop(&self, from: Self::Handle, hop_count: u64) -> Self::Handle;

    /// Puts other bytes, of the length that was there, behind the same handle; a store that cannot gives another.
    fn replace(&mut self, handle: Self::Handle, bytes: &[u8]) -> Self::Handle;

    /// Gives a value up.
    fn delete(&mut self, handle: Self::Handle);

    /// Gives all of them up; `handles` are all that are left.
    fn clear(&mut self, handles: &[Self::Handle]) {
        for handle in handles {
            self.delete(*handle);
        }
    }

    /// The same store for another thread, where several may have it.
    fn twin(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// What is done between two strokes, as a service does when it is idle.
    fn tend(&mut self) {}

    /// A handle as a value holds it.
    fn word_of(handle: Self::Handle) -> u64;
}

/// The first word of a value, which is all that a reader here looks at.
#[inline]
pub(crate) fn first_word(bytes: &[u8]) -> u64 {
    let word = bytes.first_chunk().expect("a value has a word");
    u64::from_le_bytes(*word)
}
