//! Values by key, as clients ask a server for them: what is kept, what is said, and how the answers are held against it.

pub(crate) mod exchange;
pub(crate) mod fill;
pub(crate) mod script;
pub(crate) mod stock;
pub(crate) mod tongue;
