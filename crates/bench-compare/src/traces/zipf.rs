//! Zipf's law: the key of rank r is asked for as often as one over r to the power of alpha says.
//!
//! By rejection from the integral above the sum (Hörmann and Derflinger, 1996): no table, so any number of keys costs the same.

use crate::stores::dice::Dice;

/// Ranks from 1 to some number.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    rank_count: f64,
    alpha: f64,
    /// The integral from below the first rank to behind the last.
    lowest: f64,
    highest: f64,
}

impl Zipf {
    /// # Panics
    /// If there is no rank, or `alpha` is not above zero: both are our own mistakes.
    pub(crate) fn new(rank_count: u64, alpha: f64) -> Self {
        assert!(rank_count > 0 && alpha > 0.0, "a law has ranks and falls");
        let mut law = Self { rank_count: rank_count as f64, alpha, lowest: 0.0, highest: 0.0 };
        law.lowest = law.integral(1.5) - 1.0; // the first rank's whole weight lies before 1.5
        law.highest = law.integral(law.rank_count + 0.5);
        law
    }

    /// A rank, the first most often.
    pub(crate) fn rank(&self, dice: &mut Dice) -> u64 {
        loop {
            let at = self.lowest + dice.share() * (self.highest - self.lowest);
            let place = self.inverse(at);
            let rank = place.round().clamp(1.0, self.rank_count);
            if at >= self.integral(rank + 0.5) - rank.powf(-self.alpha) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 1 to a number of keys"
                )]
                return rank as u64;
            }
        }
    }

    /// Of x to the power of minus alpha, up to a constant.
    fn integral(&self, x: f64) -> f64 {
        let power = 1.0 - self.alpha;
        if power.abs() < 1e-9 { x.ln() } else { (x.powf(power) - 1.0) / power }
    }

    fn inverse(&self, y: f64) -> f64 {
        let power = 1.0 - self.alpha;
        if power.abs() < 1e-9 { y.exp() } else { (1.0 + y * power).max(0.0).powf(1.0 / power) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rank_comes_as_often_as_the_law_says() {
        for alpha in [0.3, 0.7, 1.0, 1.41, 2.11] {
            let (law, mut dice) = (Zipf::new(1_000, alpha), Dice::from_seed(4));
            let mut counts = [0_u64; 1_001];
            let drawn = 400_000;
            for _ in 0..drawn {
                counts[usize::try_from(law.rank(&mut dice)).unwrap()] += 1;
            }
            let whole: f64 = (1..=1_000).map(|rank| f64::from(rank).powf(-alpha)).sum();
            let expected = |from: u32, to: u32| {
                let part: f64 = (from..=to).map(|rank| f64::from(rank).powf(-alpha)).sum();
                part / whole
            };
            for (from, to) in [(1, 1), (2, 10), (11, 100), (101, 1_000)] {
                let found: u64 = counts[from..=to].iter().sum();
                let found = found as f64 / f64::from(drawn);
                let (from, to) = (u32::try_from(from).unwrap(), u32::try_from(to).unwrap());
                let expected = expected(from, to);
                assert!((found - expected).abs() < 0.005, "{alpha}: {found} for {expected}");
            }
        }
    }
}
