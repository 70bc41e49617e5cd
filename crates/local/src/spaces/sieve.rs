//! A sieve holds back addresses that lie in none of some chunks, so that nobody looks at what stands there to find that out.
//!
//! An old object mostly points to old ones, spread over all memory: reading their headers would cost a cache miss each.
//! Cost: a shift and a branch. It has a bit for each 64 KiB, modulo 4 MiB, so some addresses pass that are in no chunk.

use core::ptr::NonNull;

use crate::memory::pool::CHUNK_BYTES;
use crate::spaces::nursery::Chunk;

/// Which addresses may lie in a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sieve(u64);

impl Sieve {
    /// One that all of these pass.
    pub(crate) fn of(chunks: &[Chunk]) -> Self {
        let mut bits = 0;
        for chunk in chunks {
            let (first, last) =
                (chunk.start().addr() / CHUNK_BYTES, (chunk.end_address() - 1) / CHUNK_BYTES);
            for run in first..=last.min(first + 63) {
                bits |= 1 << (run % 64);
            }
        }
        Self(bits)
    }

    /// Whether it passes; if not, it is in none of the chunks.
    #[inline]
    pub(crate) fn passes(self, address: NonNull<u8>) -> bool {
        self.0 >> (address.addr().get() / CHUNK_BYTES % 64) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::pool::Pool;

    #[test]
    fn every_byte_of_a_chunk_passes_and_what_is_far_does_not() {
        let pool = Pool::default();
        let long = Chunk::fitting(3 * CHUNK_BYTES).expect("there is memory");
        let lent = Chunk::lent(pool.take_chunk().expect("there is memory"));
        let chunks = [long, lent];
        let sieve = Sieve::of(&chunks);
        for chunk in &chunks {
            for offset in (0..chunk.bytes()).step_by(CHUNK_BYTES / 2).chain([chunk.bytes() - 1]) {
                let address = NonNull::new(chunk.start().wrapping_add(offset)).expect("not null");
                assert!(sieve.passes(address), "{offset}");
            }
        }
        let count = (0..64)
            .filter_map(|run| {
                NonNull::new(core::ptr::without_provenance_mut(run * CHUNK_BYTES + 8))
            })
            .filter(|address| sieve.passes(*address))
            .count();
        assert!((2..=7).contains(&count), "{count}");
        assert!(!Sieve::of(&[]).passes(NonNull::dangling()));
        Chunk::give(&pool, chunks.into(), false);
    }
}
