//! The names in a folder, as the kernel lays them out and as the program reads them.
//!
//! `inode 8 | offset 8 | length 2 | kind 1 | name, ended by a zero byte | padding`, in the machine's own byte order.

use levada_ring::FileKind;

/// A name in a folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameIn {
    /// As it stands there: any bytes but zero and the slash.
    pub name: Vec<u8>,
    /// What the folder says it is; some file systems do not say.
    pub kind: Option<FileKind>,
}

const LENGTH_AT: usize = 16;
const KIND_AT: usize = 18;
const NAME_AT: usize = 19;

/// The names in what `getdents64` filled, without those of the folder itself and of its parent.
pub(crate) fn names_in(mut bytes: &[u8]) -> Vec<NameIn> {
    let mut names = Vec::new();
    while let Some(length) = levada_plain::read_at::<u16>(bytes, LENGTH_AT).map(usize::from) {
        // A length that leads nowhere ends the list: the kernel makes none.
        if length <= NAME_AT || length > bytes.len() {
            break;
        }
        let (entry, rest) = bytes.split_at(length);
        let name = entry[NAME_AT..].split(|byte| *byte == 0).next().unwrap_or_default();
        if !matches!(name, b"" | b"." | b"..") {
            names.push(NameIn { name: name.to_vec(), kind: kind_of(entry[KIND_AT]) });
        }
        bytes = rest;
    }
    names
}

fn kind_of(kind: u8) -> Option<FileKind> {
    match kind {
        libc::DT_UNKNOWN => None,
        libc::DT_REG => Some(FileKind::Regular),
        libc::DT_DIR => Some(FileKind::Directory),
        libc::DT_LNK => Some(FileKind::Link),
        _ => Some(FileKind::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], kind: u8) -> Vec<u8> {
        let length = (NAME_AT + name.len() + 1).next_multiple_of(8);
        let mut entry = vec![0; length];
        entry[LENGTH_AT] = u8::try_from(length).expect("short names");
        entry[KIND_AT] = kind;
        entry[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
        entry
    }

    #[test]
    fn names_are_read_and_the_folder_itself_is_none() {
        let bytes = [
            entry(b".", 4),
            entry(b"..", 4),
            entry(b"page.html", 8),
            entry(b"sub", 4),
            entry(b"x", 0),
        ]
        .concat();
        let names = names_in(&bytes);
        let read: Vec<_> = names.iter().map(|name| (&name.name[..], name.kind)).collect();
        let expected = [
            (&b"page.html"[..], Some(FileKind::Regular)),
            (b"sub", Some(FileKind::Directory)),
            (b"x", None),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_list_that_is_cut_or_senseless_ends_where_it_stops_to_make_sense() {
        let mut bytes = [entry(b"page", 8), entry(b"other", 8)].concat();
        bytes.truncate(bytes.len() - 4);
        assert_eq!(names_in(&bytes).len(), 1);
        bytes[LENGTH_AT] = 3;
        assert!(names_in(&bytes).is_empty());
    }
}
