//! What is frozen stays where it is and as it is, whatever is filled behind it, by us or by the kernel.
#![expect(unsafe_code, reason = "says what the kernel has filled")]

use std::io::{PipeReader, Write, pipe};

use levada_shared::{ExclusiveBuf, Options, SharedData, SharedHeap};
use rustix::io::read;

fn heap() -> SharedHeap {
    SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 1, ..Options::default() })
        .expect("16 MiB of addresses")
}

/// Lets the kernel fill what there is to read, up to so many bytes.
fn fill(buf: &mut ExclusiveBuf, from: &PipeReader, bytes: usize) {
    let spare = &mut buf.spare_mut()[..bytes];
    let (filled, _) = read(from, spare).expect("there is something to read");
    let filled_bytes = filled.len();
    assert_eq!(filled_bytes, bytes);
    // SAFETY: the kernel wrote so many, and that call has ended.
    unsafe { buf.add_filled(filled_bytes) };
}

#[test]
#[cfg_attr(miri, ignore = "10^4 calls of the kernel take the interpreter minutes")]
fn ranges_are_frozen_one_by_one_while_the_kernel_fills_the_rest_and_none_changes() {
    let heap = heap();
    let account = heap.default_account();
    for is_kept in [false, true] {
        const RANGES: usize = 10_000;
        let bytes_of = |number: usize| number.wrapping_mul(0x9E37_79B9).to_le_bytes();
        let room = RANGES * 8;
        let mut buf =
            if is_kept { account.kept_buf(room).unwrap() } else { account.buf(room).unwrap() };
        let address = buf.as_ptr();
        let (from, mut to) = pipe().unwrap();
        let mut frozen: Vec<SharedData> = Vec::new();
        for number in 0..RANGES {
            to.write_all(&bytes_of(number)).unwrap();
            // In two reads, so that a range is also extended before it is frozen.
            fill(&mut buf, &from, number % 8);
            if number % 8 != 0 {
                assert_eq!(buf.len(), number % 8);
            }
            fill(&mut buf, &from, 8 - number % 8);
            frozen.push(buf.freeze_filled());
            if number % 500 == 0 {
                for (number, data) in frozen.iter().enumerate() {
                    assert_eq!(data.longest_at(0), bytes_of(number), "range {number}");
                    assert!(!data.is_whole());
                }
            }
        }
        let capacity_bytes = (buf.capacity() + room) as u64;
        assert_eq!(account.charged_bytes(), capacity_bytes);
        drop(buf);
        let mut whole = SharedData::new();
        for (number, data) in frozen.into_iter().enumerate() {
            assert_eq!(data.longest_at(0), bytes_of(number), "range {number}");
            whole.append(data).unwrap();
        }
        // Neighbours of one block are one piece again, where they were.
        assert_eq!((whole.piece_count(), whole.len()), (1, room as u64));
        assert_eq!(whole.longest_at(0).as_ptr(), address);
        assert_eq!(
            (account.charged_bytes(), whole.pinned_bytes()),
            (capacity_bytes, capacity_bytes)
        );
        drop(whole);
        assert_eq!(account.charged_bytes(), 0);
        heap.validate();
    }
}

#[test]
fn freezing_slicing_sharing_and_upgrading_keep_the_address() {
    let heap = heap();
    let (account, other) = (heap.default_account(), heap.account("other", u64::MAX).unwrap());
    let mut buf = account.buf(5000).unwrap();
    buf.write(&[9; 3000]).unwrap();
    let address = buf.as_ptr();
    let data = buf.freeze();
    let soft = data.soft();
    let shared = data.share_with(&other).unwrap();
    let moved = data.clone().transfer_to(&other).unwrap();
    let back = other.copy_from(b"x").unwrap().transfer_to(&account).unwrap();
    drop((data, back));
    let upgraded = soft.upgrade().unwrap();
    for same in [&shared, &moved, &upgraded] {
        assert_eq!(same.longest_at(0).as_ptr(), address);
        assert_eq!(same.slice(100..).unwrap().longest_at(0).as_ptr(), address.wrapping_add(100));
    }
}
