//! A boundary is the line between the parts of a multipart body.

use crate::compose::{Compose, Sink};
use crate::digits::HexBytes;

/// 32 hexadecimal digits. They must not occur in the ranges, so the caller draws them by chance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Boundary(u128);

impl Boundary {
    /// The boundary that spells `drawn`.
    pub fn new(drawn: u128) -> Self {
        Self(drawn)
    }
}

impl Compose for Boundary {
    fn put_into(&self, sink: &mut impl Sink) {
        HexBytes(&self.0.to_be_bytes()).put_into(sink);
    }
}
