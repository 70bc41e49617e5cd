//! Walks through a network: a person's friends-of-friends with the friends in common, and the shortest way to another.

use std::io;

use crate::social::network::Network;
use crate::social::tally::Tally;

/// What a walk needs, used again by the next.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    first: Vec<u32>,
    other_first: Vec<u32>,
    near: Tally,
    far: Tally,
}

/// What there is two steps away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Circle {
    /// How many persons, friends among them.
    pub(crate) person_count: usize,
    /// How many connections lead there.
    pub(crate) connection_count: u64,
    /// Who has most friends in common.
    pub(crate) nearest: Option<u32>,
}

impl Walker {
    /// Counts for each friend of a friend how many friends lead there.
    /// # Errors
    /// Those of the network.
    pub(crate) fn circle<N: Network>(
        &mut self,
        network: &mut N,
        person: u32,
        expected_count: u64,
    ) -> io::Result<Circle> {
        self.first.clear();
        network.peers(&[person], &mut |peer| self.first.push(peer))?;
        self.far.begin(usize::try_from(expected_count).expect("fits in memory"));
        let mut connection_count = 0;
        network.peers(&self.first, &mut |peer| {
            connection_count += 1;
            if peer != person {
                self.far.count(peer);
            }
        })?;
        let (person_count, nearest) = self.far.most();
        Ok(Circle { person_count, connection_count, nearest })
    }

    /// How many steps lead from one to the other, if no more than four do: both sides go two.
    /// # Errors
    /// Those of the network.
    pub(crate) fn steps<N: Network>(
        &mut self,
        network: &mut N,
        from: u32,
        to: u32,
    ) -> io::Result<Option<u32>> {
        if from == to {
            return Ok(Some(0));
        }
        self.first.clear();
        self.near.begin(64);
        network.peers(&[from], &mut |peer| {
            if self.near.count(peer) == 1 {
                self.first.push(peer);
            }
        })?;
        if self.near.has(to) {
            return Ok(Some(1));
        }
        self.other_first.clear();
        let mut is_two = false;
        network.peers(&[to], &mut |peer| {
            is_two |= self.near.has(peer);
            self.other_first.push(peer);
        })?;
        if is_two {
            return Ok(Some(2));
        }
        self.far.begin(self.first.len() * 64);
        network.peers(&self.first, &mut |peer| {
            self.far.count(peer);
        })?;
        if self.other_first.iter().any(|peer| self.far.has(*peer)) {
            return Ok(Some(3));
        }
        let mut is_four = false;
        network.peers(&self.other_first, &mut |peer| is_four |= self.far.has(peer))?;
        Ok(is_four.then_some(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::social::connection::Connection;
    use crate::social::graph::Graph;
    use crate::social::list_network::ListNetwork;
    use crate::social::network::Loading;

    /// By going through all, one step at a time.
    fn steps_by_layers(friends: &[Vec<u32>], from: u32, to: u32) -> Option<u32> {
        let mut reached = vec![from];
        for step in 0..=4 {
            if reached.contains(&to) {
                return Some(step);
            }
            let next = reached.iter().flat_map(|person| friends[*person as usize].clone());
            reached = next.chain(reached.clone()).collect();
            reached.sort_unstable();
            reached.dedup();
        }
        None
    }

    #[test]
    fn walks_agree_with_going_through_all() {
        let graph = Graph::of(4_000);
        let count = graph.person_count();
        // Few of them: many ways are then longer than four, or there is none.
        let few = graph.clone().take(150);
        let mut friends = vec![Vec::new(); count as usize];
        for (one, other) in few {
            friends[one as usize].push(other);
            friends[other as usize].push(one);
        }
        let mut network = Shown { friends: friends.clone() };
        let mut walker = Walker::default();
        let mut lengths = [0; 6];
        for from in 0..count {
            for to in 0..count {
                let steps = walker.steps(&mut network, from, to).unwrap();
                assert_eq!(steps, steps_by_layers(&friends, from, to), "{from} to {to}");
                lengths[steps.unwrap_or(5) as usize] += 1;
            }
        }
        assert!(lengths.iter().all(|length| *length > 0), "{lengths:?}");
    }

    #[test]
    fn a_circle_has_all_friends_of_friends_and_not_oneself() {
        let graph = Graph::of(50_000);
        let mut network = ListNetwork::<Connection>::default();
        let mut loading = Loading::of(&graph);
        network.load(graph.clone(), &mut loading).unwrap();
        let mut friends = vec![Vec::new(); graph.person_count() as usize];
        for (one, other) in graph {
            friends[one as usize].push(other);
            friends[other as usize].push(one);
        }
        let mut walker = Walker::default();
        for person in 0..100 {
            let circle = walker.circle(&mut network, person, 8).unwrap();
            let second: Vec<_> = friends[person as usize]
                .iter()
                .flat_map(|friend| friends[*friend as usize].clone())
                .collect();
            assert_eq!(circle.connection_count, second.len() as u64);
            let mut others: Vec<_> = second.into_iter().filter(|other| *other != person).collect();
            others.sort_unstable();
            others.dedup();
            assert_eq!(circle.person_count, others.len());
        }
    }

    struct Shown {
        friends: Vec<Vec<u32>>,
    }

    impl Network for Shown {
        fn load(&mut self, _graph: Graph, _loading: &mut Loading) -> io::Result<()> {
            Ok(())
        }

        fn peers(&mut self, persons: &[u32], see: &mut impl FnMut(u32)) -> io::Result<()> {
            let all = persons.iter().flat_map(|person| &self.friends[*person as usize]);
            all.for_each(|peer| see(*peer));
            Ok(())
        }

        fn resident_bytes(&self) -> io::Result<u64> {
            Ok(0)
        }
    }
}
