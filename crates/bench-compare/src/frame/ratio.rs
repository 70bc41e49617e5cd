//! A ratio of two measured things is the median of what they were to each other round by round, with the lowest and highest.
//!
//! The machine may be twice as slow in one round as in another; within a round the two stand next to each other.

use serde::Serialize;

/// The middle of some figures, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// Nothing if there are no figures.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, lowest, highest })
    }

    /// As a ratio is told: `0.85 (0.70–1.30)`.
    pub(crate) fn in_words(self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median, self.lowest, self.highest)
    }
}

/// What `costs` is of `yardstick`, where both have a figure of the same round.
pub(crate) fn pairwise(costs: &[Option<f64>], yardstick: &[Option<f64>]) -> Option<Spread> {
    let pairs = costs.iter().zip(yardstick);
    let ratios: Vec<f64> =
        pairs.filter_map(|(cost, of)| Some((*cost)? / (*of).filter(|of| *of > 0.0)?)).collect();
    Spread::of(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_the_ends_are_told() {
        let spread = Spread::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, lowest: 1.0, highest: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_round_in_which_all_is_slow_does_not_move_the_ratio() {
        let ours = [Some(2.0), Some(20.0), Some(2.2)];
        let theirs = [Some(4.0), Some(40.0), Some(4.4)];
        assert_eq!(pairwise(&ours, &theirs).unwrap(), Spread::of(&[0.5]).unwrap());
    }

    #[test]
    fn a_round_that_one_of_them_lacks_is_left_out() {
        let ratio = pairwise(&[Some(1.0), None, Some(3.0)], &[Some(1.0), Some(9.0), None]);
        assert_eq!(ratio.unwrap().median, 1.0);
        assert_eq!(pairwise(&[None], &[Some(1.0)]), None);
        assert_eq!(pairwise(&[Some(1.0)], &[Some(0.0)]), None);
    }
}
