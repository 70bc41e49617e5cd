//! Ours: blocks of a shared heap, charged to an account.
#![expect(unsafe_code, reason = "says what the kernel would have filled")]

use bytes::BufMut;
use levada_shared::{Account, Options, SharedData, SharedHeap};

use crate::blocks::maker::{Fill, LINE_BYTES, Maker, written_by_kernel};

/// Addresses, not memory.
const HEAP_BYTES_MAX: u64 = 4 << 30;

/// A heap with an account that has a limit; the limit is looked at and never reached.
#[derive(Debug)]
pub(crate) struct LevadaBlocks {
    account: Account,
}

impl LevadaBlocks {
    pub(crate) fn on(core_count: usize) -> Self {
        let options =
            Options { bytes_max: HEAP_BYTES_MAX, arenas: core_count, ..Options::default() };
        let heap = SharedHeap::new(options).expect("the addresses can be had");
        let account = heap.account("blocks", HEAP_BYTES_MAX).expect("a heap has accounts");
        Self { account }
    }
}

impl Maker for LevadaBlocks {
    type Data = SharedData;

    #[inline]
    fn make(&mut self, source: &[u8], fill: Fill) -> SharedData {
        let mut buffer = self.account.buf(source.len()).expect("there is room");
        match fill {
            Fill::ByKernel => {
                let memory = &mut buffer.spare_mut()[..source.len()];
                written_by_kernel(memory);
                memory[..LINE_BYTES].write_copy_of_slice(&source[..LINE_BYTES]);
                // SAFETY: initialised by the two lines above.
                unsafe { buffer.add_filled(source.len()) };
            }
            // By the trait that both have: our own `write` counts what it copies.
            Fill::Short => buffer.put_slice(&source[..LINE_BYTES]),
            Fill::Whole => buffer.put_slice(source),
        }
        buffer.freeze()
    }

    #[inline]
    fn bytes(data: &SharedData) -> &[u8] {
        data.longest_at(0)
    }
}
