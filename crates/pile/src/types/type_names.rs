//! The names of the types that were ever registered in a folder: a later program must not take another name of the same 24 bits.
//!
//! ```text
//! types = (name's 24 bits << 8: 4 | bytes of the name 2 | name)* | sum 8
//! ```
//! It is written anew with each name and put in the place of the former, so it is always whole.

use crate::kept::folder_error::FolderFault;
use crate::kept::super_block::sum;

/// The file of these names.
pub(crate) fn to_bytes(names: &[(u32, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (tag, name) in names {
        // A longer one is compared with the beginning only.
        let name = &name.as_bytes()[..name.len().min(usize::from(u16::MAX))];
        bytes.extend(tag.to_le_bytes());
        bytes.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend(name);
    }
    let sum = sum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// The names in such a file.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Vec<(u32, String)>, FolderFault> {
    let (mut rest, last) = bytes.split_last_chunk().ok_or(FolderFault::Damaged)?;
    if u64::from_le_bytes(*last) != sum(rest) {
        return Err(FolderFault::Damaged);
    }
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, left) = next(rest).ok_or(FolderFault::Damaged)?;
        names.push(name);
        rest = left;
    }
    Ok(names)
}

fn next(bytes: &[u8]) -> Option<((u32, String), &[u8])> {
    let (tag, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    Some(((u32::from_le_bytes(*tag), String::from_utf8_lossy(name).into_owned()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_were_written_and_damage_is_told() {
        let names = vec![(0x100, "demo.person".to_owned()), (0xFF_FF00, String::new())];
        let bytes = to_bytes(&names);
        assert_eq!(from_bytes(&bytes), Ok(names));
        for at in 0..bytes.len() {
            assert_eq!(from_bytes(&bytes[..at]), Err(FolderFault::Damaged));
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert_eq!(from_bytes(&flipped), Err(FolderFault::Damaged));
        }
    }
}
