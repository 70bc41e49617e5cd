//! What `pile` measures: values that are kept outside of whoever asks for them, ours and the rivals', each kind in a file.

pub(crate) mod bare_store;
pub(crate) mod box_list;
pub(crate) mod checkerboard;
pub(crate) mod churning;
pub(crate) mod deleting;
pub(crate) mod dice;
pub(crate) mod filling;
pub(crate) mod getting;
pub(crate) mod hopping;
pub(crate) mod lending;
pub(crate) mod levada_store;
pub(crate) mod map_store;
pub(crate) mod persons;
pub(crate) mod putting;
pub(crate) mod replacing;
pub(crate) mod slab_store;
pub(crate) mod slot_map_store;
pub(crate) mod store;
pub(crate) mod store_work;
