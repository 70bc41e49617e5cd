//! Ours: each connection by itself in a pile, and for each person a list of pointers; the program keeps one for each list.
//!
//! ```text
//! connection  32 B, its `before` the pointer of the owner's connection before it
//! list        pointer 8 | pointer 8 | …      of the person's connections, the last first
//! ```
//! Friendships come in no order, so lists are made when all are there: connections are found through `before`, 64 persons
//! side by side, since one alone would wait for memory at every step.

use std::io;

use levada_pile::{Life, Pile, Pointer};

use crate::machine::resident::own_resident_bytes;
use crate::social::connection::{Connection, before_in, peer_in};
use crate::social::graph::Graph;
use crate::social::network::{Loading, Network};
use crate::stores::dice::Dice;

/// How many persons' lists are made side by side.
const ABREAST: usize = 64;

/// So many pointers are asked for at once.
const AT_ONCE: usize = 1024;

/// How many pointers are known for [`Network::look`]: what they lead to is beyond all caches.
const KNOWN: usize = 8_000_000;

#[derive(Debug)]
pub(crate) struct PileNetwork {
    pile: Pile,
    /// The list of each person who has one.
    lists: Vec<Option<Pointer>>,
    wanted: Vec<Pointer>,
    known: Vec<Pointer>,
    known_at: usize,
    at: Option<Pointer>,
    before_bytes: u64,
}

impl PileNetwork {
    /// # Errors
    /// If the addresses cannot be had.
    pub(crate) fn with_limit(limit_bytes: u64) -> io::Result<Self> {
        let pile = Pile::builder("social").limit_bytes(limit_bytes).build();
        Ok(Self {
            pile: pile.map_err(io::Error::other)?,
            lists: Vec::new(),
            wanted: Vec::new(),
            known: Vec::new(),
            known_at: 0,
            at: None,
            before_bytes: 0,
        })
    }

    fn put_list(&self, connections: &[Pointer]) -> io::Result<Pointer> {
        let words = connections.iter().flat_map(|pointer| pointer.to_bits().to_le_bytes());
        let bytes: Vec<u8> = words.collect();
        self.pile.put(&bytes, Life::FOREVER).map_err(io::Error::other)
    }

    /// Makes the lists of these persons from their last connections.
    fn make_lists(&self, lasts: &mut [Option<Pointer>]) -> io::Result<()> {
        let mut found: Vec<Vec<Pointer>> = vec![Vec::new(); lasts.len()];
        let mut ends: Vec<(usize, Pointer)> =
            lasts.iter().enumerate().filter_map(|(index, last)| Some((index, (*last)?))).collect();
        let mut asked = Vec::with_capacity(lasts.len());
        let mut next = Vec::with_capacity(lasts.len());
        while !ends.is_empty() {
            asked.clear();
            for (index, end) in &ends {
                found[*index].push(*end);
                asked.push(*end);
            }
            next.clear();
            let guard = self.pile.pin();
            guard.get_many(&asked, &mut |at, connection| {
                let before = before_in(connection.expect("it was put and not deleted"));
                next.extend(Pointer::from_bits(before).map(|before| (ends[at].0, before)));
            });
            std::mem::swap(&mut ends, &mut next);
        }
        for (last, found) in lasts.iter_mut().zip(found).filter(|(_, found)| !found.is_empty()) {
            *last = Some(self.put_list(&found)?);
        }
        Ok(())
    }
}

/// The pointers in the bytes of a list.
fn pointers_in(list: &[u8]) -> impl Iterator<Item = Pointer> {
    let (words, _) = list.as_chunks::<8>();
    words.iter().filter_map(|word| Pointer::from_bits(u64::from_le_bytes(*word)))
}

impl Network for PileNetwork {
    fn load(&mut self, graph: Graph, loading: &mut Loading) -> io::Result<()> {
        self.before_bytes = own_resident_bytes()?;
        self.lists.resize(graph.person_count() as usize, None);
        for (one, other) in graph {
            for (owner, peer) in [(one, other), (other, one)] {
                let last = &mut self.lists[owner as usize];
                let connection = Connection::new(owner, peer, last.map_or(0, Pointer::to_bits));
                let put = self.pile.put(&connection.to_bytes(), Life::FOREVER);
                *last = Some(put.map_err(io::Error::other)?);
            }
            loading.see((one, other));
        }
        let mut lists = std::mem::take(&mut self.lists);
        lists.chunks_mut(ABREAST).try_for_each(|some| self.make_lists(some))?;
        self.lists = lists;
        Ok(())
    }

    fn peers(&mut self, persons: &[u32], see: &mut impl FnMut(u32)) -> io::Result<()> {
        let guard = self.pile.pin();
        for some in persons.chunks(AT_ONCE) {
            self.wanted.clear();
            self.wanted.extend(some.iter().filter_map(|person| self.lists[*person as usize]));
            let mut connections = Vec::with_capacity(AT_ONCE);
            let mut look = |connections: &mut Vec<Pointer>| {
                guard.get_many(connections, &mut |_, connection| {
                    see(peer_in(connection.expect("it was put and not deleted")));
                });
                connections.clear();
            };
            guard.get_many(&self.wanted, &mut |_, list| {
                for connection in pointers_in(list.expect("it was put and not deleted")) {
                    if connections.len() == AT_ONCE {
                        look(&mut connections);
                    }
                    connections.push(connection);
                }
            });
            look(&mut connections);
        }
        Ok(())
    }

    fn resident_bytes(&self) -> io::Result<u64> {
        Ok(own_resident_bytes()?.saturating_sub(self.before_bytes))
    }

    fn get_ready(&mut self) {
        let mut dice = Dice::from_seed(9);
        let guard = self.pile.pin();
        let with_list: Vec<_> = self.lists.iter().flatten().copied().collect();
        while self.known.len() < KNOWN && !with_list.is_empty() {
            let at = dice.below(with_list.len() as u64);
            let list = guard.get(with_list[usize::try_from(at).expect("an index")]);
            self.known.extend(pointers_in(list.expect("it was put and not deleted")));
        }
        dice.shuffle(&mut self.known);
        self.at = self.known.first().copied();
    }

    /// Where a person's first connection was made, the way goes on somewhere else: to go on to the one whom it is with would
    /// come to the same few persons again and again.
    fn hop(&mut self, hop_count: u64) -> Option<u64> {
        let guard = self.pile.pin();
        let mut at = self.at?;
        for _ in 0..hop_count {
            let connection = guard.get(at).ok()?;
            at = if let Some(before) = Pointer::from_bits(before_in(connection)) {
                before
            } else {
                self.known_at = (self.known_at + 1) % self.known.len();
                self.known[self.known_at]
            };
        }
        self.at = Some(at);
        Some(hop_count)
    }

    fn look(&mut self, look_count: u64) -> Option<u64> {
        let wanted = usize::try_from(look_count).ok()?.min(self.known.len());
        if self.known_at + wanted > self.known.len() {
            self.known_at = 0;
        }
        let some = &self.known[self.known_at..self.known_at + wanted];
        self.known_at += wanted;
        let guard = self.pile.pin();
        let mut sum = 0;
        guard.get_many(some, &mut |_, connection| {
            sum += u64::from(peer_in(connection.expect("it was put and not deleted")));
        });
        std::hint::black_box(sum);
        Some(wanted as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::social::list_network::ListNetwork;

    #[test]
    fn ours_knows_whom_lists_know() {
        let graph = Graph::of(200_000);
        let mut ours = PileNetwork::with_limit(64 << 20).unwrap();
        let mut lists = ListNetwork::<Connection>::default();
        ours.load(graph.clone(), &mut Loading::of(&graph)).unwrap();
        lists.load(graph.clone(), &mut Loading::of(&graph)).unwrap();
        for person in 0..graph.person_count() {
            let persons = [person, (person + 1) % graph.person_count()];
            let (mut one, mut other) = (Vec::new(), Vec::new());
            ours.peers(&persons, &mut |peer| one.push(peer)).unwrap();
            lists.peers(&persons, &mut |peer| other.push(peer)).unwrap();
            one.sort_unstable();
            other.sort_unstable();
            assert_eq!(one, other);
        }
    }

    #[test]
    fn hops_and_looks_are_as_many_as_are_said() {
        let graph = Graph::of(20_000);
        let mut ours = PileNetwork::with_limit(64 << 20).unwrap();
        assert_eq!(ours.hop(1), None);
        ours.load(graph.clone(), &mut Loading::of(&graph)).unwrap();
        ours.get_ready();
        assert_eq!(ours.hop(5_000), Some(5_000));
        assert_eq!(ours.look(1_000), Some(1_000));
    }
}
