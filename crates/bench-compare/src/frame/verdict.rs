//! A verdict says whether ours passes a bar: the median of its ratios is at most the bar.

use serde::Serialize;

use crate::frame::comparison::Bar;
use crate::frame::ratio::Spread;

/// One bar, and where ours stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) of: &'static str,
    pub(crate) ratio: Spread,
    pub(crate) first: Option<Passed>,
    pub(crate) goal: Option<Passed>,
}

/// What is asked, and whether that is so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Passed {
    pub(crate) at_most: f64,
    pub(crate) is_met: bool,
}

impl Verdict {
    pub(crate) fn on(ratio: Spread, bar: &Bar) -> Self {
        let passed = |at_most: f64| Passed { at_most, is_met: ratio.median <= at_most };
        Self {
            of: bar.against.name(),
            ratio,
            first: bar.first.map(passed),
            goal: bar.goal.map(passed),
        }
    }

    /// In words: `0.85 (0.70–1.30) of nginx: bar 0.92 met, goal 0.80 not met`.
    pub(crate) fn in_words(&self) -> String {
        let part = |name: &str, passed: Option<Passed>| {
            passed.map(|passed| {
                let met = if passed.is_met { "met" } else { "not met" };
                format!("{name} {:.2} {met}", passed.at_most)
            })
        };
        let parts: Vec<_> =
            [part("bar", self.first), part("goal", self.goal)].into_iter().flatten().collect();
        format!("{} of {}: {}", self.ratio.in_words(), self.of, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::comparison::Yardstick;

    #[test]
    fn a_bar_is_met_by_the_median_and_both_are_told() {
        let bar = Bar { against: Yardstick::Rival("nginx"), first: Some(0.92), goal: Some(0.80) };
        let ratio = Spread { median: 0.85, lowest: 0.7, highest: 1.3 };
        let verdict = Verdict::on(ratio, &bar);
        assert_eq!(
            verdict.in_words(),
            "0.85 (0.70–1.30) of nginx: bar 0.92 met, goal 0.80 not met"
        );
    }

    #[test]
    fn a_goal_without_a_first_bar_stands_alone() {
        let bar = Bar { against: Yardstick::Floor, first: None, goal: Some(1.10) };
        let ratio = Spread { median: 1.1, lowest: 1.0, highest: 1.2 };
        assert_eq!(
            Verdict::on(ratio, &bar).in_words(),
            "1.10 (1.00–1.20) of the floor: goal 1.10 met"
        );
    }
}
