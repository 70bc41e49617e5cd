//! A ghost is what is remembered of an entry that went: 16 bits, long enough to know it if it comes again soon.
//!
//! `bin 64 = fingerprint 2 x 31 | cursor 2`: each bin forgets the oldest of its own, so all of them together forget the oldest
//! but for chance.
//!
//! Cost: two bytes for each entry of the main queues, and one line to remember or to ask.

use crate::index::address::Address;

/// Fingerprints of a bin.
const BIN_GHOSTS: usize = 31;
const CURSOR: usize = 31;

/// Bytes of a bin.
const BIN_BYTES: u64 = 64;

/// Those who went, of one shard.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    bins: Vec<[u16; 32]>,
}

impl Ghosts {
    /// How many it can remember.
    pub(crate) fn room(&self) -> usize {
        self.bins.len() * BIN_GHOSTS
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bins.capacity() as u64 * BIN_BYTES
    }

    /// Bytes that room for so many would take.
    pub(crate) fn bytes_for(entries: usize) -> u64 {
        entries.div_ceil(BIN_GHOSTS) as u64 * BIN_BYTES
    }

    /// Makes room for so many; all are forgotten. It is called while a cache grows into its limit, when nobody goes, and when
    /// it comes to hold far more or fewer entries.
    pub(crate) fn make_room(&mut self, entries: usize) {
        self.bins = vec![[0; 32]; entries.div_ceil(BIN_GHOSTS)];
    }

    fn place(&self, address: Address) -> Option<(usize, u16)> {
        let mixed = u64::from(address.to_bits()).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        #[expect(clippy::cast_possible_truncation, reason = "bits of a hash")]
        let fingerprint = ((mixed >> 16) as u16).max(1);
        let bin = usize::try_from(((mixed >> 32) * self.bins.len() as u64) >> 32).ok()?;
        (bin < self.bins.len()).then_some((bin, fingerprint))
    }

    /// Remembers one that goes.
    pub(crate) fn remember(&mut self, address: Address) {
        let Some((bin, fingerprint)) = self.place(address) else { return };
        let bin = &mut self.bins[bin];
        let cursor = usize::from(bin[CURSOR]) % BIN_GHOSTS;
        bin[cursor] = fingerprint;
        bin[CURSOR] = u16::try_from(cursor + 1).expect("below 32");
    }

    /// Whether one went not long ago that had this address.
    pub(crate) fn knows(&self, address: Address) -> bool {
        self.find(address).is_some()
    }

    /// Forgets one that went, who is there again.
    pub(crate) fn forget(&mut self, address: Address) {
        if let Some((bin, found)) = self.find(address) {
            self.bins[bin][found] = 0;
        }
    }

    fn find(&self, address: Address) -> Option<(usize, usize)> {
        let (bin, fingerprint) = self.place(address)?;
        let ghosts = &self.bins[bin][..BIN_GHOSTS];
        ghosts.iter().position(|&ghost| ghost == fingerprint).map(|found| (bin, found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u64) -> Address {
        Address::of(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 13)
    }

    #[test]
    fn who_went_lately_is_known_until_it_is_forgotten_and_who_went_long_ago_is_not() {
        let mut ghosts = Ghosts::default();
        ghosts.remember(address(1));
        assert!(!ghosts.knows(address(1)), "there is no room");
        ghosts.make_room(31 * 100);
        for number in 0..10_000 {
            ghosts.remember(address(number));
        }
        let recalled = |ghosts: &mut Ghosts, from: u64| {
            let known = |ghosts: &mut Ghosts, number| {
                let is_known = ghosts.knows(address(number));
                assert_eq!(ghosts.knows(address(number)), is_known, "asking forgets nobody");
                ghosts.forget(address(number));
                is_known
            };
            (from..from + 1000).filter(|&number| known(ghosts, number)).count()
        };
        assert!(recalled(&mut ghosts, 9000) > 990);
        assert!(recalled(&mut ghosts, 9000) < 10);
        assert!(recalled(&mut ghosts, 0) < 10);
        assert!(recalled(&mut ghosts, 20_000) < 10);
        let lately = recalled(&mut ghosts, 6900) + recalled(&mut ghosts, 6000);
        assert!((600..1400).contains(&lately), "{lately}");
    }
}
