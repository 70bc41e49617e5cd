//! Room is what entries may take: limits, what is drawn of them, and who gives way.

pub(crate) mod asking;
pub(crate) mod ledger;
pub(crate) mod sum;
pub(crate) mod watermarks;
