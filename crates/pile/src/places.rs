//! Places are where records lie: segments of spans, spans of slots or pages, and the supply of those under a limit.

pub(crate) mod class;
pub(crate) mod limit;
pub(crate) mod page_spans;
pub(crate) mod pages;
pub(crate) mod segment;
pub(crate) mod span;
pub(crate) mod spans;
pub(crate) mod spare;
pub(crate) mod spare_map;
pub(crate) mod supply;
