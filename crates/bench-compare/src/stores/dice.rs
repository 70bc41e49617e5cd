//! Dice that fall the same way each time: orders and choices of a comparison, the same for all who take part.

/// Xorshift over 64 bits, multiplied at the end.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A seed of zero would stay zero, so none does.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    #[inline]
    pub(crate) fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, which is not zero.
    #[inline]
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.word()) * u128::from(end);
        u64::try_from(wide >> 64).expect("below a word")
    }

    /// A number from 0 to below 1.
    #[inline]
    pub(crate) fn share(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Brings a list in no order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            let other = usize::try_from(self.below(end as u64 + 1)).expect("an index");
            list.swap(end, other);
        }
    }

    /// Where each of `count` leads on one way that passes all of them, in no order.
    pub(crate) fn circle(&mut self, count: u32) -> Vec<u32> {
        let mut next: Vec<u32> = (0..count).collect();
        // Sattolo's way: never itself, so that one circle remains.
        for end in (1..next.len()).rev() {
            let other = usize::try_from(self.below(end as u64)).expect("an index");
            next.swap(end, other);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_passes_all_before_it_comes_again() {
        let next = Dice::from_seed(7).circle(1_000);
        let mut at = 0;
        let mut passed = vec![false; next.len()];
        for _ in 0..next.len() {
            assert!(!std::mem::replace(&mut passed[at], true));
            at = next[at] as usize;
        }
        assert_eq!(at, 0);
    }

    #[test]
    fn dice_of_one_seed_fall_alike_and_stay_below_their_end() {
        let (mut one, mut same) = (Dice::from_seed(3), Dice::from_seed(3));
        assert!((0..1_000).all(|_| one.below(10) == same.below(10)));
        assert!((0..1_000).all(|_| one.below(10) < 10 && one.share() < 1.0));
        let mut list: Vec<_> = (0..100).collect();
        one.shuffle(&mut list);
        assert!(!list.is_sorted());
        list.sort_unstable();
        assert_eq!(list, (0..100).collect::<Vec<_>>());
    }
}
