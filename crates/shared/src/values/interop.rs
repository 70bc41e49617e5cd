//! Where shared data meets the `bytes` crate: as a `Buf` that is read from the front, and as `Bytes`, without a copy.

use bytes::{Buf, Bytes};
use levada_plain::to_index;
use std::io::IoSlice;

use crate::values::data::SharedData;

impl Buf for SharedData {
    #[inline]
    fn remaining(&self) -> usize {
        to_index(self.len())
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.longest_at(0)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(self.pieces());
        filled.map(|(slice, run)| *slice = IoSlice::new(run)).count()
    }

    /// # Panics
    /// If there are fewer than `bytes`, as the trait demands.
    fn advance(&mut self, bytes: usize) {
        let left = self.len();
        assert!(self.split_to(bytes as u64).is_some(), "cannot advance {bytes} bytes of {left}");
    }
}

/// One piece of shared data, as an owner that `Bytes` keeps alive.
struct OnePiece(SharedData);

impl AsRef<[u8]> for OnePiece {
    fn as_ref(&self) -> &[u8] {
        self.0.longest_at(0)
    }
}

impl TryFrom<SharedData> for Bytes {
    type Error = SharedData;

    /// The same bytes as a `Bytes`, without a copy. Data of several pieces comes back as it was: a silent join would
    /// be a hidden copy (see [`SharedData::copy_contiguous`]).
    fn try_from(data: SharedData) -> Result<Self, SharedData> {
        match data.piece_count() {
            0 => Ok(Self::new()),
            1 => Ok(Self::from_owner(OnePiece(data))),
            _ => Err(data),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::heap::SharedHeap;
    use crate::options::Options;

    #[test]
    fn one_piece_becomes_bytes_at_the_same_address_and_several_come_back() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("test", u64::MAX).unwrap();
        let mut data = account.copy_from(b"water").unwrap();
        let bytes = Bytes::try_from(data.clone()).unwrap();
        assert_eq!((bytes.as_ptr(), &bytes[..]), (data.longest_at(0).as_ptr(), &b"water"[..]));
        assert_eq!(Bytes::try_from(SharedData::new()).unwrap().len(), 0);
        data.append(account.copy_from(b"way").unwrap()).unwrap();
        assert_eq!(Bytes::try_from(data).unwrap_err().to_vec(), b"waterway");
        assert_eq!(account.charged_bytes(), 64);
        drop(bytes);
        assert_eq!(account.charged_bytes(), 0);
    }

    #[test]
    fn a_buf_is_read_across_pieces() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("test", u64::MAX).unwrap();
        let mut data = account.copy_from(&[1, 2, 3]).unwrap();
        data.append(account.copy_from(&[4, 5]).unwrap()).unwrap();
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(data.chunks_vectored(&mut slices), 2);
        assert_eq!(data.get_u32(), 0x0102_0304);
        assert_eq!((data.remaining(), data.chunk()), (1, &[5][..]));
    }
}
