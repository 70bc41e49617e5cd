//! Caches find what was once made by a key: the back end keeps it softly, the front end not at all.

pub(crate) mod cached;
pub(crate) mod clock;
pub(crate) mod shared_data_cache;
pub(crate) mod weak_cache;
