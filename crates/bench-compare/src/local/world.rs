//! A world is somebody's nodes, in which turns are taken: what lives and what dies is the same for all.

/// How many nodes a turn makes.
pub(crate) const TURN_NODES: usize = 2_000;

/// Of how many new nodes one survives its turn, where some do.
pub(crate) const SURVIVING: usize = 10;

/// What becomes of the nodes of a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// All die with the turn.
    Die,
    /// Every tenth is kept in a list of its turn, for so many turns.
    List { turns: usize },
    /// Every tenth takes the place of an old one, anywhere among them.
    Replace,
}

/// How many nodes there are that live long, beside those of the turns, and in what they hang.
pub(crate) const OLD_COUNT: usize = 1_000_000;
pub(crate) const BUCKET_NODES: usize = 15;
pub(crate) const BUCKETS: usize = OLD_COUNT / (BUCKET_NODES + 1);

/// What a collector did, so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Depths {
    pub(crate) minors: u64,
    pub(crate) stables: u64,
    pub(crate) majors: u64,
}

/// Nodes in which turns are taken.
pub(crate) trait World: Send {
    /// Makes a turn's nodes.
    fn turn(&mut self);

    /// Ends the turn: who collects does it here. Whether there was a pause of the kind that is asked for.
    fn end(&mut self) -> bool;

    /// What a collector did.
    fn depths(&self) -> Option<Depths>;
}

/// Which old node is next: the same for all who ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Default for Draw {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Draw {
    /// A bucket, and a place in it.
    #[inline]
    pub(crate) fn next(&mut self) -> (usize, usize) {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let below = |bits: u64, count: usize| ((bits & 0xFFFF_FFFF) as usize * count) >> 32;
        (below(self.0, BUCKETS), below(self.0 >> 32, BUCKET_NODES))
    }
}
