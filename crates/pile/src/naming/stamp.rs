//! A stamp names the type of a record: a name that does not change, and the schema of its form.
//!
//! ```text
//! tag 4      schema 8 | name 24      the name by FNV-1a, its upper byte folded into the lower three
//! ```
//! The function never changes: tags stand before records that outlive the program.

use crate::naming::header::Kind;

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

    /// What is written before each record: the name's hash in the upper 24 bits, the schema in the lower eight.
    #[must_use]
    pub const fn tag(&self) -> u32 {
        let bytes = self.name.as_bytes();
        let mut hash: u32 = 0x811C_9DC5;
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
            at += 1;
        }
        let folded = (hash >> 24) ^ (hash & 0x00FF_FFFF);
        folded << 8 | self.schema as u32
    }

    /// Whether two tags are of one name.
    pub(crate) fn is_same_name(one: u32, other: u32) -> bool {
        one >> 8 == other >> 8
    }

    /// The schema that a tag tells.
    pub(crate) fn schema_of(tag: u32) -> u8 {
        tag.to_le_bytes()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They stand in files.
    #[test]
    fn tags_are_what_they_always_were() {
        // FNV-1a of "" is 811c9dc5, of "a" e40c292c, of "foobar" bf9cf968.
        assert_eq!(Stamp::new("", 0).tag(), (0x1C_9DC5 ^ 0x81) << 8);
        assert_eq!(Stamp::new("a", 7).tag(), (0x0C_292C ^ 0xE4) << 8 | 7);
        assert_eq!(Stamp::new("foobar", 255).tag(), (0x9C_F968 ^ 0xBF) << 8 | 255);
    }

    #[test]
    fn a_tag_tells_its_schema_and_whose_name_it_is() {
        let (one, two) = (Stamp::new("demo.person", 1).tag(), Stamp::new("demo.person", 2).tag());
        assert!(Stamp::is_same_name(one, two));
        assert!(!Stamp::is_same_name(one, Stamp::new("demo.order", 1).tag()));
        assert_eq!((Stamp::schema_of(one), Stamp::schema_of(two)), (1, 2));
    }
}
