//! `BytesMut`, frozen to `Bytes`, over whatever allocator this program has.
#![expect(unsafe_code, reason = "says what the kernel would have filled")]

use bytes::{BufMut, Bytes, BytesMut};

use crate::blocks::maker::{Fill, LINE_BYTES, Maker, written_by_kernel};

/// A buffer that is full when it is frozen needs no count before its first clone; one that is not makes it at once.
#[derive(Debug)]
pub(crate) struct BytesBlocks;

impl Maker for BytesBlocks {
    type Data = Bytes;

    #[inline]
    fn make(&mut self, source: &[u8], fill: Fill) -> Bytes {
        let mut buffer = BytesMut::with_capacity(source.len());
        match fill {
            Fill::ByKernel => {
                let memory = &mut buffer.spare_capacity_mut()[..source.len()];
                written_by_kernel(memory);
                memory[..LINE_BYTES].write_copy_of_slice(&source[..LINE_BYTES]);
                // SAFETY: initialised by the two lines above.
                unsafe { buffer.set_len(source.len()) };
            }
            Fill::Short => buffer.put_slice(&source[..LINE_BYTES]),
            Fill::Whole => buffer.put_slice(source),
        }
        buffer.freeze()
    }

    #[inline]
    fn bytes(data: &Bytes) -> &[u8] {
        data
    }
}
