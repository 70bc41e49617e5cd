//! An entity tag names one state of one form of a file.
//!
//! `"LENGTH-SECONDS-NANOSECONDS[-CODING]"`, the numbers in hexadecimal: the file's length, and when
//! it was last written. No inode is in it, so two machines with one copy say the same. `CODING` is
//! `gz`, `zst` or `br`: two forms never share a tag, even if their files were of one length and
//! moment.
//!
//! The tag is strong. That is a promise of the file system's clock: who writes a file twice within
//! its step (a few milliseconds) and leaves the length as it was makes two states with one tag.
//! Where that happens, take a hash.

use std::str;

use crate::byte_class::ENTITY_TAG;
use crate::coding::Coding;
use crate::compose::{Compose, Sink};
use crate::digits::{Hex, HexBytes};
use crate::list::trim;

/// What tells two states of a file apart, as the file system has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileVersion {
    /// How long it is.
    pub length_bytes: u64,
    /// When it was last written: whole seconds since 1970, which may be negative.
    pub modified_unix_s: i64,
    /// And nanoseconds.
    pub modified_ns: u32,
}

/// A strong tag with its quotes; 49 bytes, no heap.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct EntityTag {
    text: [u8; Self::TEXT_BYTES_MAX],
    text_bytes: u8,
}

impl EntityTag {
    /// Two quotes, three numbers, three hyphens, a coding.
    pub const TEXT_BYTES_MAX: usize = 2 + 16 + 16 + 8 + 3 + 3;

    /// The tag of a file in that state and form.
    pub fn from_file(version: FileVersion, coding: Coding) -> Self {
        let mut draft = Draft::open();
        Hex(version.length_bytes).put_into(&mut draft);
        draft.put(b"-");
        Hex(version.modified_unix_s.cast_unsigned()).put_into(&mut draft);
        draft.put(b"-");
        Hex(version.modified_ns.into()).put_into(&mut draft);
        draft.close(coding)
    }

    /// The tag of content with that hash, for who trusts no clock.
    pub fn from_hash(hash: u128, coding: Coding) -> Self {
        let mut draft = Draft::open();
        HexBytes(&hash.to_be_bytes()).put_into(&mut draft);
        draft.close(coding)
    }

    /// The tag with its quotes.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.text_bytes)).unwrap_or_default()
    }

    /// Says whether the list of tags in `value` has this one, as `If-Match` compares: a weak tag is
    /// equal to none.
    pub fn is_strongly_in(&self, value: &[u8]) -> bool {
        Tags(value).any(|tag| !tag.is_weak && tag.quoted == self.as_bytes())
    }

    /// Says whether the list of tags in `value` has this one, as `If-None-Match` compares: weak or
    /// not.
    pub fn is_weakly_in(&self, value: &[u8]) -> bool {
        Tags(value).any(|tag| tag.quoted == self.as_bytes())
    }
}

/// A tag that is still being written, which nobody else has.
struct Draft(EntityTag);

impl Draft {
    fn open() -> Self {
        let mut draft = Self(EntityTag { text: [0; EntityTag::TEXT_BYTES_MAX], text_bytes: 0 });
        draft.put(b"\"");
        draft
    }

    fn close(mut self, coding: Coding) -> EntityTag {
        self.put(match coding {
            Coding::Identity => b"\"",
            Coding::Gzip => b"-gz\"",
            Coding::Zstd => b"-zst\"",
            Coding::Brotli => b"-br\"",
        });
        self.0
    }
}

impl Sink for Draft {
    fn put(&mut self, bytes: &[u8]) {
        let tag = &mut self.0;
        for (place, byte) in tag.text.iter_mut().skip(tag.text_bytes.into()).zip(bytes) {
            *place = *byte;
            tag.text_bytes = tag.text_bytes.saturating_add(1);
        }
    }
}

impl Compose for EntityTag {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(self.as_bytes());
    }
}

impl std::fmt::Debug for EntityTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}

/// One member of a list of tags.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct TagRef<'a> {
    is_weak: bool,
    quoted: &'a [u8],
}

/// The members of a list of tags, up to the first that is malformed: behind a quote that does not
/// close nothing can be trusted. To end early is safe both ways, since a tag that is not found
/// makes the answer whole or refuses to change.
#[derive(Clone, Debug)]
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = TagRef<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = trim(self.0);
        while let [b',', behind @ ..] = rest {
            rest = trim(behind);
        }
        let (is_weak, quoted) = match rest {
            [b'W', b'/', quoted @ ..] => (true, quoted),
            quoted => (false, quoted),
        };
        let opaque_bytes = ENTITY_TAG.run_bytes(quoted.strip_prefix(b"\"")?);
        let (quoted, behind) = quoted.split_at_checked(opaque_bytes.saturating_add(2))?;
        let behind = trim(behind);
        let is_closed = quoted.ends_with(b"\"") && (behind.is_empty() || behind.starts_with(b","));
        self.0 = behind;
        is_closed.then_some(TagRef { is_weak, quoted })
    }
}

/// Says whether `value` is one strong tag and this one: what `If-Range` asks.
pub(crate) fn is_only(value: &[u8], tag: &EntityTag) -> bool {
    trim(value) == tag.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: FileVersion =
        FileVersion { length_bytes: 26, modified_unix_s: 784_111_777, modified_ns: 500 };

    fn tag() -> EntityTag {
        EntityTag::from_file(VERSION, Coding::Identity)
    }

    #[test]
    fn a_tag_says_length_moment_and_coding() {
        assert_eq!(tag().as_bytes(), b"\"1a-2ebc98a1-1f4\"");
        assert_eq!(
            EntityTag::from_file(VERSION, Coding::Brotli).as_bytes(),
            b"\"1a-2ebc98a1-1f4-br\""
        );
        let hash = 0x0123_4567_89ab_cdef_0000_0000_0000_00ff;
        assert_eq!(
            EntityTag::from_hash(hash, Coding::Gzip).as_bytes(),
            b"\"0123456789abcdef00000000000000ff-gz\""
        );
    }

    #[test]
    fn the_longest_tag_has_room() {
        let version =
            FileVersion { length_bytes: u64::MAX, modified_unix_s: -1, modified_ns: u32::MAX };
        let tag = EntityTag::from_file(version, Coding::Zstd);
        assert_eq!(tag.as_bytes(), b"\"ffffffffffffffff-ffffffffffffffff-ffffffff-zst\"");
        assert_eq!(tag.as_bytes().len(), EntityTag::TEXT_BYTES_MAX);
    }

    #[test]
    fn tags_of_different_states_and_forms_differ() {
        let versions = [
            VERSION,
            FileVersion { length_bytes: 27, ..VERSION },
            FileVersion { modified_unix_s: 784_111_778, ..VERSION },
            FileVersion { modified_ns: 501, ..VERSION },
        ];
        let mut tags = Vec::new();
        for version in versions {
            tags.extend(
                Coding::ALL.map(|coding| EntityTag::from_file(version, coding).as_bytes().to_vec()),
            );
        }
        let count = tags.len();
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), count);
    }

    #[test]
    fn a_tag_is_found_in_a_list_and_never_in_what_is_malformed() {
        let cases = [
            (r#""1a-2ebc98a1-1f4""#, true, true),
            (r#"W/"1a-2ebc98a1-1f4""#, false, true),
            (r#""x", "1a-2ebc98a1-1f4""#, true, true),
            (r#""x",W/"y" ,, "1a-2ebc98a1-1f4" , "z""#, true, true),
            (r#"W/"1a-2ebc98a1-1f4", "1a-2ebc98a1-1f4""#, true, true),
            (r#""a,b", "1a-2ebc98a1-1f4""#, true, true),
            (r#""""#, false, false),
            ("", false, false),
            ("1a-2ebc98a1-1f4", false, false),
            (r#""1a-2ebc98a1-1f4"#, false, false),
            (r#""1A-2EBC98A1-1F4""#, false, false),
            (r#"w/"1a-2ebc98a1-1f4""#, false, false),
            (r#"W/ "1a-2ebc98a1-1f4""#, false, false),
            (r#""1a-2ebc98a1-1f4"x"#, false, false),
            (r#"x "1a-2ebc98a1-1f4""#, false, false),
            (r#""x" "1a-2ebc98a1-1f4""#, false, false),
            (r#""a b", "1a-2ebc98a1-1f4""#, false, false),
        ];
        for (value, strongly, weakly) in cases {
            assert_eq!(tag().is_strongly_in(value.as_bytes()), strongly, "{value}");
            assert_eq!(tag().is_weakly_in(value.as_bytes()), weakly, "{value}");
        }
    }
}
