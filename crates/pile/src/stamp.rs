//! A stamp names the type of a record: a name that does not change, and the schema of its form.

use crate::header::Kind;

/// The name and schema of a record's type.
///
/// The name, hashed to 24 bits, and the schema are written before each record. Two names that hash alike are refused when
/// the second is registered, and never read as one another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    pub(crate) name: &'static str,
    pub(crate) schema: u8,
}

/// A record's form and the number of its type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) tag: u32,
}

impl Stamp {
    /// A type's name, such as `"shop.order"`, and the schema that is written today.
    #[must_use]
    pub const fn new(name: &'static str, schema: u8) -> Self {
        Self { name, schema }
    }

    /// Whether two tags are of one name.
    pub(crate) fn is_same_name(one: u32, other: u32) -> bool {
        one >> 8 == other >> 8
    }
}
