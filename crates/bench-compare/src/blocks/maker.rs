//! A maker takes a block, fills it and freezes it; whoever drops what it made gives the block back.
#![expect(unsafe_code, reason = "stands for a write of the kernel that the compiler does not see")]

use clap::ValueEnum;

/// What of a block is filled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Fill {
    /// All of it, of which this program writes the first line only: the rest is written by the kernel, for all alike.
    ByKernel,
    /// The first line only; the rest of the block stays empty.
    Short,
    /// All of it, by this program.
    Whole,
}

/// How much of a block is looked at, and written where not all is.
pub(crate) const LINE_BYTES: usize = 64;

/// What the first line of every block holds.
pub(crate) const LINE: [u8; LINE_BYTES] = [7; LINE_BYTES];

/// Somebody who makes frozen blocks.
pub(crate) trait Maker: Send {
    type Data: Send;

    /// Takes a block of `source.len()`, and fills it from `source` as `fill` says.
    fn make(&mut self, source: &[u8], fill: Fill) -> Self::Data;

    /// The bytes of a block.
    fn bytes(data: &Self::Data) -> &[u8];
}

/// Looks at the first line, as a reader does.
#[inline]
pub(crate) fn look<M: Maker>(data: &M::Data) -> u64 {
    let bytes = M::bytes(data);
    u64::from(bytes[0]) + u64::from(bytes[LINE_BYTES - 1])
}

/// What [`look`] finds in every block that was filled rightly.
pub(crate) const LOOK: u64 = 14;

/// Says to the compiler that the kernel may have written the whole of `memory`.
///
/// The bytes are then initialised, to what they happen to be.
#[inline]
pub(crate) fn written_by_kernel(memory: &mut [std::mem::MaybeUninit<u8>]) {
    // SAFETY: no instruction at all; for the compiler it may write what the pointer leads to, which is ours alone.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) memory.as_mut_ptr(), options(nostack, preserves_flags));
    }
}
