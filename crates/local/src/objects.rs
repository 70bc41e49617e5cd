//! What stands in a heap: shapes of types, headers, and how values show their pointers.

pub(crate) mod held;
pub(crate) mod object;
pub(crate) mod shape;
pub(crate) mod trace;
pub(crate) mod traced;
pub(crate) mod visitor;
