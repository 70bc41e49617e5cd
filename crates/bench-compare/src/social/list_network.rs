//! Adjacency by the standard library: a list of connections for each person, the connections in it or in boxes.

use std::io;

use crate::machine::resident::own_resident_bytes;
use crate::social::connection::Connection;
use crate::social::graph::Graph;
use crate::social::network::{Loading, Network};

/// Where a list has its connections.
pub(crate) trait Entry {
    fn keep(connection: Connection) -> Self;
    fn peer(&self) -> u32;
}

impl Entry for Connection {
    fn keep(connection: Connection) -> Self {
        connection
    }

    #[inline]
    fn peer(&self) -> u32 {
        self.peer
    }
}

impl Entry for Box<Connection> {
    fn keep(connection: Connection) -> Self {
        Self::new(connection)
    }

    #[inline]
    fn peer(&self) -> u32 {
        self.peer
    }
}

/// The person is a place in the outer list.
#[derive(Debug)]
pub(crate) struct ListNetwork<E> {
    lists: Vec<Vec<E>>,
    before_bytes: u64,
}

impl<E> Default for ListNetwork<E> {
    fn default() -> Self {
        Self { lists: Vec::new(), before_bytes: 0 }
    }
}

impl<E: Entry> Network for ListNetwork<E> {
    fn load(&mut self, graph: Graph, loading: &mut Loading) -> io::Result<()> {
        self.before_bytes = own_resident_bytes()?;
        self.lists.resize_with(graph.person_count() as usize, Vec::new);
        for (one, other) in graph {
            for (owner, peer) in [(one, other), (other, one)] {
                let connection = Connection::new(owner, peer, 0);
                self.lists[owner as usize].push(E::keep(connection));
            }
            loading.see((one, other));
        }
        Ok(())
    }

    fn peers(&mut self, persons: &[u32], see: &mut impl FnMut(u32)) -> io::Result<()> {
        for person in persons {
            self.lists[*person as usize].iter().for_each(|entry| see(entry.peer()));
        }
        Ok(())
    }

    fn resident_bytes(&self) -> io::Result<u64> {
        Ok(own_resident_bytes()?.saturating_sub(self.before_bytes))
    }
}
