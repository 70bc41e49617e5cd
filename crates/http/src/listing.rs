//! A listing is what a folder holds, for who asked for the folder and may know.
//!
//! It shows what a request can reach and nothing else: a name that the path rules refuse would be a
//! link to an error, or tell of a file that is hidden.

use std::cmp::Ordering;

use crate::path::PathRules;

/// One file or folder.
#[derive(Clone, Copy, Debug)]
pub struct ListingEntry<'a> {
    /// As the file system has it.
    pub name: &'a [u8],
    /// It is a folder.
    pub is_directory: bool,
    /// How long a file is.
    pub length_bytes: u64,
    /// When it was last written.
    pub modified_unix_s: u64,
}

impl ListingEntry<'_> {
    /// The order in which people look: folders first, then by name.
    pub fn order(&self, other: &Self) -> Ordering {
        other.is_directory.cmp(&self.is_directory).then_with(|| self.name.cmp(other.name))
    }
}

/// A folder and its entries, which come in the order in which they are shown. The entries are gone
/// through twice, once to know how long the text is.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a, I> {
    /// The folder, as a request resolved to it.
    pub relative: &'a [u8],
    /// What it holds.
    pub entries: I,
    /// What of it can be reached.
    pub rules: PathRules,
}

impl<'a, I: Iterator<Item = ListingEntry<'a>> + Clone> Listing<'a, I> {
    /// The entries that are shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = ListingEntry<'a>> {
        let is_top = self.relative.is_empty();
        let rules = self.rules;
        self.entries.clone().filter(move |entry| rules.reaches(entry.name, is_top))
    }
}

/// Says whether a query asks for the listing as data: `format=json` is one of its members.
pub fn wants_json(query: Option<&[u8]>) -> bool {
    query.is_some_and(|query| {
        query.split(|byte| *byte == b'&').any(|member| member == b"format=json")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_names_in_order() {
        let entry = |name, is_directory| ListingEntry {
            name,
            is_directory,
            length_bytes: 0,
            modified_unix_s: 0,
        };
        let mut entries =
            [entry(b"b", false), entry(b"z", true), entry(b"a", false), entry(b"c", true)];
        entries.sort_by(ListingEntry::order);
        assert_eq!(entries.map(|entry| entry.name), [b"c", b"z", b"a", b"b"]);
    }

    #[test]
    fn data_is_asked_for_by_one_member_of_the_query() {
        let cases: [(&[u8], bool); 6] = [
            (b"format=json", true),
            (b"a=b&format=json&c", true),
            (b"format=html", false),
            (b"xformat=json", false),
            (b"format=jsonx", false),
            (b"", false),
        ];
        for (query, expected) in cases {
            assert_eq!(wants_json(Some(query)), expected, "{}", query.escape_ascii());
        }
        assert!(!wants_json(None));
    }
}
