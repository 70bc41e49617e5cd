//! Dice give the numbers of a seed: the same seed, the same numbers, for ever.
//!
//! The generator is splitmix64: 64 bits of state, good enough to choose mischief by, short enough never to change.

/// The numbers of one seed.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The numbers of `seed`.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; zero where that is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// As [`Dice::below`], for indices and lengths.
    #[expect(clippy::cast_possible_truncation, reason = "less than a usize that was given")]
    pub fn index(&mut self, count: usize) -> usize {
        self.below(count as u64) as usize
    }

    /// A number from `low` to `high`, both among them.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// As [`Dice::between`], for lengths: small ones are as frequent as great ones.
    pub fn length(&mut self, low: usize, high: usize) -> usize {
        let width = high.saturating_sub(low);
        let bits = self.index((usize::BITS - width.leading_zeros()) as usize + 1);
        low + self.index(1 << bits.min(62)).min(width)
    }

    /// True once in `count` times; never where that is zero.
    pub fn one_in(&mut self, count: u64) -> bool {
        count > 0 && self.below(count) == 0
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend(self.draw().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_both_ends() {
        let mut dice = Dice::of(1);
        let drawn: Vec<u64> = (0..1000).map(|_| dice.between(3, 9)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&9)));
        let lengths: Vec<usize> = (0..1000).map(|_| dice.length(1, 5000)).collect();
        assert!(lengths.iter().all(|length| (1..=5000).contains(length)));
        assert!(lengths.contains(&1) && lengths.iter().any(|length| *length > 2500));
        assert_eq!((dice.below(0), dice.length(7, 7), dice.one_in(0)), (0, 7, false));
    }

    #[test]
    fn a_seed_gives_its_numbers_again() {
        assert_eq!(Dice::of(7).bytes(99), Dice::of(7).bytes(99));
        assert_ne!(Dice::of(7).draw(), Dice::of(8).draw());
    }
}
