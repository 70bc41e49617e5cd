//! A content range says where a part lies in the whole.

use crate::compose::{Compose, Sink};
use crate::digits::Decimal;
use crate::range::ByteRange;

/// Where a part lies in the whole, or how long the whole is that has no such part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContentRange {
    /// `bytes FIRST-LAST/WHOLE`.
    Part(ByteRange, u64),
    /// `bytes */WHOLE`.
    Unsatisfied(u64),
}

impl Compose for ContentRange {
    fn put_into(&self, sink: &mut impl Sink) {
        let whole_bytes = match self {
            Self::Part(range, whole_bytes) => {
                sink.put(b"bytes ");
                Decimal(range.first()).put_into(sink);
                sink.put(b"-");
                Decimal(range.last()).put_into(sink);
                sink.put(b"/");
                whole_bytes
            }
            Self::Unsatisfied(whole_bytes) => {
                sink.put(b"bytes */");
                whole_bytes
            }
        };
        Decimal(*whole_bytes).put_into(sink);
    }
}
