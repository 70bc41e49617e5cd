//! An address is what the index knows of a key: its shard, and 29 bits by which a mark finds the entry again.
//!
//! ```text
//! hash 64 = shard, from the top | ... | tag 12 | bin 17
//! ```
//! A key has two bins: that of its address, and that of the address changed by its tag. Bins are counted as linear hashing
//! does: with `n` of them, the low bits decide that number fewer than `n`.

/// How many bits an address has for its bin: no shard has more bins than these can tell.
pub(crate) const BIN_BITS: u32 = 17;

/// The most bins of a shard.
pub(crate) const BINS_MAX: u32 = 1 << BIN_BITS;

const TAG_BITS: u32 = 12;

/// Where a key belongs in its shard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Address(u32);

impl Address {
    /// Of no key.
    pub(crate) const NONE: Self = Self(0);

    /// Of a hash.
    #[inline]
    pub(crate) fn of(hash: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the low 29 bits are what is kept")]
        let low = hash as u32;
        Self(low & ((1 << (BIN_BITS + TAG_BITS)) - 1))
    }

    /// From 29 bits.
    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << (BIN_BITS + TAG_BITS)) - 1))
    }

    /// As 29 bits.
    #[inline]
    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn tag(self) -> u32 {
        self.0 >> BIN_BITS
    }

    /// The key's two bins among `bins`, which are two different ones if there are at least two.
    #[inline]
    pub(crate) fn bins(self, bins: u32) -> [u32; 2] {
        let first = self.0 & (BINS_MAX - 1);
        [bin_among(first, bins), bin_among(first ^ change_by(self.tag()), bins)]
    }
}

/// By what the bits of a key's two bins differ.
#[inline]
fn change_by(tag: u32) -> u32 {
    // Odd, so that the lowest bit differs and both are not one bin.
    (tag.wrapping_mul(0x9E37_79B1) >> (32 - BIN_BITS)) | 1
}

/// The other bin of an entry with this tag that stands in `bin`. Where the bins to know it by are not split yet, it is one of
/// two.
pub(crate) fn other_bin(bin: u32, tag: u32, bins: u32) -> [u32; 2] {
    let (below, change) = (1 << bins.ilog2(), change_by(tag));
    let split = bins - below;
    let low = (bin ^ change) & (below - 1);
    if low >= split {
        return [low; 2]; // it was not split: its low bits are all that counts
    }
    if bin < split || bin >= below {
        return [low | ((bin ^ change) & below); 2];
    }
    [low, low | below]
}

/// The bin of these bits where there are `bins`.
#[inline]
fn bin_among(bits: u32, bins: u32) -> u32 {
    let below = 1 << bins.ilog2();
    let wide = bits & (2 * below - 1);
    if wide < bins { wide } else { bits & (below - 1) }
}

/// The bin that is split when one more than `bins` is to be: its keys belong to it or to the new one.
#[inline]
pub(crate) fn split_by(bins: u32) -> u32 {
    bins - (1 << bins.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_bin_takes_keys_from_the_one_that_is_split_alone() {
        for bins in 2..300 {
            let split = split_by(bins);
            for hash in (0..4000u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) {
                let (before, after) =
                    (Address::of(hash).bins(bins), Address::of(hash).bins(bins + 1));
                for (before, after) in before.into_iter().zip(after) {
                    assert!(
                        before < bins && (after == before || (before == split && after == bins))
                    );
                }
                assert_ne!(before[0], before[1]);
            }
        }
    }

    #[test]
    fn the_other_bin_is_known_by_bin_and_tag_or_is_one_of_two() {
        let mut known = 0;
        for bins in 64..200 {
            for hash in (0..500u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) {
                let address = Address::of(hash);
                let [first, second] = address.bins(bins);
                for (bin, other) in [(first, second), (second, first)] {
                    let others = other_bin(bin, address.tag(), bins);
                    assert!(others.contains(&other));
                    known += u32::from(others[0] == others[1]);
                }
            }
        }
        assert!(known > 100_000, "{known}");
    }

    #[test]
    fn an_address_is_its_bits() {
        let address = Address::of(0xFEDC_BA98_7654_3210);
        assert_eq!(Address::from_bits(address.to_bits()), address);
        assert_eq!(address.to_bits(), 0x1654_3210);
    }
}
