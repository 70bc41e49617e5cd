//! The memory of heaps: lengths of cells, regions and their heads, what a pool lends, and what a heap may take.

pub(crate) mod class;
pub(crate) mod pool;
pub(crate) mod region;
pub(crate) mod room;
