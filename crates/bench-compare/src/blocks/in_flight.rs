//! Blocks in flight on one core: each turn takes a block, and looks at and drops the one that was taken 64 turns before.

use crate::blocks::maker::{Fill, LOOK, Maker, look};
use crate::loops::turns::Loop;

/// How many blocks are on their way at any moment.
pub(crate) const IN_FLIGHT: usize = 64;

pub(crate) struct InFlight<M: Maker> {
    maker: M,
    source: Vec<u8>,
    fill: Fill,
    places: [Option<M::Data>; IN_FLIGHT],
    turn: usize,
}

impl<M: Maker> InFlight<M> {
    pub(crate) fn new(maker: M, source: Vec<u8>, fill: Fill) -> Self {
        Self { maker, source, fill, places: [const { None }; IN_FLIGHT], turn: 0 }
    }
}

impl<M: Maker> Loop for InFlight<M> {
    fn run(&mut self, count: u64) {
        for _ in 0..count {
            let place = &mut self.places[self.turn % IN_FLIGHT];
            self.turn += 1;
            if let Some(data) = place.take() {
                assert_eq!(look::<M>(&data), LOOK, "a block holds what was put in");
            }
            *place = Some(self.maker.make(&self.source, self.fill));
        }
    }
}
