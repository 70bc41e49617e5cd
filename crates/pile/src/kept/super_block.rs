//! The super block is the first thing that is read of a pile's folder: whether it is a pile, of which form, and how it was left.
//!
//! ```text
//! pile.super 4096 = magic 8 | version 4 | form 4 | id 16 | boot 16 | began 8 | age 8 | segments 4 | forward blocks 4
//!                   | is clean 1 | zeros | sum 8
//! ```
//! All numbers are little-endian. It is written whole, by one call. The sum is over all before it, so a block of which any
//! bit is another is refused.

use crate::kept::folder_error::FolderFault;
use crate::naming::generation::Generation;
use crate::places::class::{Class, PAGE_BYTES, SPAN_BYTES};

/// Bytes of the block.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// The form that is written, and the only one that is read.
pub(crate) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"levapile";
const SUM_AT: usize = BLOCK_BYTES - 8;

/// What the block says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SuperBlock {
    /// Tells this pile from every other, and from itself before it was emptied.
    pub(crate) id: u128,
    /// During which run of the machine it was opened last; zero if that was not known.
    pub(crate) boot: u128,
    /// When the pile began, in milliseconds of the wall's clock.
    pub(crate) began_ms: u64,
    /// How old the pile was when the block was written.
    pub(crate) age_ms: u64,
    /// No segment from this one on was ever opened.
    pub(crate) segments: u32,
    /// How many blocks of the forward table were opened.
    pub(crate) forward_blocks: u32,
    /// Whether all was on the disk before the block.
    pub(crate) is_clean: bool,
}

impl SuperBlock {
    /// The block's bytes.
    pub(crate) fn to_bytes(self) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        let mut at = 0;
        let mut append = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        append(&MAGIC);
        append(&VERSION.to_le_bytes());
        append(&form().to_le_bytes());
        append(&self.id.to_le_bytes());
        append(&self.boot.to_le_bytes());
        append(&self.began_ms.to_le_bytes());
        append(&self.age_ms.to_le_bytes());
        append(&self.segments.to_le_bytes());
        append(&self.forward_blocks.to_le_bytes());
        append(&[u8::from(self.is_clean)]);
        let sum = sum(&bytes[..SUM_AT]);
        bytes[SUM_AT..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What these bytes say, if they are a block of this form.
    pub(crate) fn from_bytes(bytes: &[u8; BLOCK_BYTES]) -> Result<Self, FolderFault> {
        let mut rest = Fields(bytes);
        if rest.next() != MAGIC {
            return Err(FolderFault::Damaged);
        }
        let found = u32::from_le_bytes(rest.next());
        if found != VERSION {
            return Err(FolderFault::Version { found, known: VERSION });
        }
        let form_found = u32::from_le_bytes(rest.next());
        let block = Self {
            id: u128::from_le_bytes(rest.next()),
            boot: u128::from_le_bytes(rest.next()),
            began_ms: u64::from_le_bytes(rest.next()),
            age_ms: u64::from_le_bytes(rest.next()),
            segments: u32::from_le_bytes(rest.next()),
            forward_blocks: u32::from_le_bytes(rest.next()),
            is_clean: rest.next() == [1],
        };
        if bytes[SUM_AT..] != sum(&bytes[..SUM_AT]).to_le_bytes() {
            return Err(FolderFault::Damaged);
        }
        if form_found != form() {
            return Err(FolderFault::Form);
        }
        Ok(block)
    }
}

/// What of a block was not read yet.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("a block is longer than its fields");
        self.0 = rest;
        *field
    }
}

/// FNV-1a in 64 bits: no flip of one bit leaves it as it was.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A number for how spans are cut and how far generations count: another program may do it otherwise.
fn form() -> u32 {
    let cut = Class::all().map(|class| class.shape().slot_bytes);
    let numbers = cut.chain([SPAN_BYTES, PAGE_BYTES, Generation::LAST.0]);
    let bytes: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of a sum is one too")]
    let form = sum(&bytes) as u32;
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: SuperBlock = SuperBlock {
        id: 1 << 100,
        boot: 77,
        began_ms: 1_700_000_000_000,
        age_ms: 12,
        segments: 3,
        forward_blocks: 5,
        is_clean: true,
    };

    #[test]
    fn a_block_reads_as_it_was_written() {
        assert_eq!(SuperBlock::from_bytes(&BLOCK.to_bytes()), Ok(BLOCK));
    }

    #[test]
    fn a_block_with_any_bit_flipped_is_refused() {
        let bytes = BLOCK.to_bytes();
        for bit in 0..8 * BLOCK_BYTES {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(SuperBlock::from_bytes(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_version_and_another_form_are_told_from_damage() {
        let change = |at: usize| {
            let mut bytes = BLOCK.to_bytes();
            bytes[at] += 1;
            let sum = sum(&bytes[..SUM_AT]);
            bytes[SUM_AT..].copy_from_slice(&sum.to_le_bytes());
            SuperBlock::from_bytes(&bytes).unwrap_err()
        };
        assert_eq!(change(8), FolderFault::Version { found: VERSION + 1, known: VERSION });
        assert_eq!(change(12), FolderFault::Form);
        assert_eq!(change(0), FolderFault::Damaged);
    }
}
