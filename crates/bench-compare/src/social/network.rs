//! A network keeps all connections, and shows whom a person knows.

use std::io;

use crate::frame::progress::Progress;
use crate::social::graph::Graph;

/// So many steps has the bar while a graph is loaded.
pub(crate) const STEPS: u64 = 100;

/// Somebody who keeps connections.
pub(crate) trait Network {
    /// Keeps the two connections of each friendship, as they come; `loading` tells how far it is.
    /// # Errors
    /// What the one who keeps them says.
    fn load(&mut self, graph: Graph, loading: &mut Loading) -> io::Result<()>;

    /// Shows the peer of each connection of each of these persons.
    /// # Errors
    /// As [`Self::load`].
    fn peers(&mut self, persons: &[u32], see: &mut impl FnMut(u32)) -> io::Result<()>;

    /// What of its memory is resident.
    /// # Errors
    /// If the kernel does not tell.
    fn resident_bytes(&self) -> io::Result<u64>;

    /// Looks at connections somewhere, each found in the one before; and says at how many.
    fn hop(&mut self, _hop_count: u64) -> Option<u64> {
        None
    }

    /// Looks at connections somewhere, whose handles are known; and says at how many.
    fn look(&mut self, _look_count: u64) -> Option<u64> {
        None
    }

    /// What is done once when all is loaded, for [`Self::hop`] and [`Self::look`].
    fn get_ready(&mut self) {}
}

/// How far loading has come: on a terminal a bar, and nowhere else.
#[derive(Debug)]
pub(crate) struct Loading {
    progress: Progress,
    step_count: u64,
    seen_count: u64,
    /// How many each person has: what decides whose walks are measured.
    pub(crate) degrees: Vec<u32>,
}

impl Loading {
    pub(crate) fn of(graph: &Graph) -> Self {
        let progress = Progress::new(usize::try_from(STEPS).expect("small"));
        progress.begin_case("loading friendships");
        let step_count = (graph.size_hint().0 as u64 / STEPS).max(1);
        let degrees = vec![0; graph.person_count() as usize];
        Self { progress, step_count, seen_count: 0, degrees }
    }

    /// Counts a friendship.
    #[inline]
    pub(crate) fn see(&mut self, (one, other): (u32, u32)) {
        self.degrees[one as usize] += 1;
        self.degrees[other as usize] += 1;
        self.seen_count += 1;
        if self.seen_count.is_multiple_of(self.step_count) {
            self.progress.step();
        }
    }
}
