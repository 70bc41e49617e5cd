//! Where objects are, and what is kept of them: the nursery, the stable part, who is remembered, roots, weak pointers.

pub(crate) mod nursery;
pub(crate) mod remember;
pub(crate) mod roots;
pub(crate) mod sieve;
pub(crate) mod space;
pub(crate) mod stable;
pub(crate) mod weak;
