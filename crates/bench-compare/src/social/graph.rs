//! A graph of friendships from a seed: a few know very many, most know some, and half of all meet within their community.
//!
//! Friendships come in an order that has none, as in life, each once, and none is remembered: the same seed gives the same
//! ones again. Who is of which rank (rank 0 knows most) has nothing to do with who is of which community.
//!
//! ```text
//! expected degree of rank r   ~ (r + CAP_RANKS × persons)^-0.6: exponent 2.7 of the degrees, with a cap
//! community of person p       p / COMMUNITY
//! ```

use crate::stores::dice::Dice;

/// How many persons a community has.
const COMMUNITY: u32 = 2_000;

/// The mean number of connections of a person.
pub(crate) const DEGREE_MEAN: u64 = 50;

/// Falls of the expected degree over the ranks.
const FALL: f64 = 0.6;

/// Ranks, as a share of all, before which the expected degree does not rise any more.
const CAP_RANKS: f64 = 1.0e-4;

/// The next prime's distance between persons of neighbouring ranks: no divisor of any number of persons up to that.
const STRIDE: u64 = 2_654_435_761;

/// A graph that is dealt out friendship by friendship.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    dice: Dice,
    person_count: u32,
    left_count: u64,
    low: f64,
    span: f64,
}

impl Graph {
    /// So many connections; a friendship is two, one for each friend.
    pub(crate) fn of(connection_count: u64) -> Self {
        let person_count = u32::try_from(connection_count / DEGREE_MEAN).expect("below 2^32");
        let person_count = person_count.max(2);
        let rank_power = |rank: f64| rank.powf(1.0 - FALL);
        let low = rank_power(CAP_RANKS);
        let span = rank_power(1.0 + CAP_RANKS) - low;
        let dice = Dice::from_seed(6);
        Self { dice, person_count, left_count: connection_count / 2, low, span }
    }

    pub(crate) fn person_count(&self) -> u32 {
        self.person_count
    }

    /// Somebody, the more probably the more he knows.
    #[inline]
    fn known(&mut self) -> u32 {
        let share = (self.low + self.span * self.dice.share()).powf(1.0 / (1.0 - FALL)) - CAP_RANKS;
        let count = u64::from(self.person_count);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let rank = ((share * count as f64) as u64).min(count - 1);
        u32::try_from(rank * STRIDE % count).expect("below the count of persons")
    }

    /// Somebody of the same community.
    #[inline]
    fn neighbour(&mut self, person: u32) -> u32 {
        let begin = person / COMMUNITY * COMMUNITY;
        let count = COMMUNITY.min(self.person_count - begin);
        begin + u32::try_from(self.dice.below(u64::from(count))).expect("a person")
    }
}

impl Iterator for Graph {
    type Item = (u32, u32);

    #[inline]
    fn next(&mut self) -> Option<(u32, u32)> {
        self.left_count = self.left_count.checked_sub(1)?;
        loop {
            let one = self.known();
            let other = if self.dice.word() & 1 == 0 { self.neighbour(one) } else { self.known() };
            if one != other {
                return Some((one, other));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left_count).expect("a count of what fits in memory");
        (left, Some(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn degrees(connection_count: u64) -> Vec<u32> {
        let graph = Graph::of(connection_count);
        let mut degrees = vec![0; graph.person_count() as usize];
        for (one, other) in graph {
            degrees[one as usize] += 1;
            degrees[other as usize] += 1;
        }
        degrees
    }

    #[test]
    fn the_same_graph_comes_again_and_nobody_knows_himself() {
        let graph = Graph::of(10_000);
        assert_eq!(graph.clone().count(), 5_000);
        assert!(graph.clone().eq(Graph::of(10_000)));
        assert!(graph.clone().all(|(one, other)| one != other));
        assert!(graph.clone().all(|(one, other)| one.max(other) < graph.person_count()));
    }

    #[test]
    fn a_few_know_very_many_and_hardly_anybody_knows_nobody() {
        let mut degrees = degrees(2_000_000);
        degrees.sort_unstable();
        let count = degrees.len();
        assert!(degrees[count - 1] > 20 * degrees[count / 2], "{:?}", degrees.last());
        assert!(degrees[count / 100] > 0);
        assert_eq!(degrees.iter().map(|degree| u64::from(*degree)).sum::<u64>(), 2_000_000);
    }

    #[test]
    fn half_of_all_meet_within_their_community() {
        let graph = Graph::of(2_000_000);
        let within = graph.filter(|(one, other)| one / COMMUNITY == other / COMMUNITY).count();
        assert!((480_000..600_000).contains(&within), "{within}");
    }
}
