//! Lending: a value of 4 KiB as data that may be sent and kept: ours is held where it lies, the other way is a copy.

use std::hint::black_box;

use bytes::Bytes;
use levada_pile::{Life, Pile};
use levada_shared::{Account, Options, SharedHeap};

use crate::loops::looping::Prepared;
use crate::loops::turns::each;

/// How many values take turns.
const COUNT: usize = 1_000;

/// The longest value.
pub(crate) const VALUE_BYTES: usize = 4096;

const LIMIT_BYTES: u64 = 256 << 20;

/// The account goes before its heap.
struct Place {
    account: Account,
    _heap: SharedHeap,
}

impl Place {
    fn make() -> Self {
        let options = Options { bytes_max: LIMIT_BYTES, arenas: 2, ..Options::default() };
        let heap = SharedHeap::new(options).expect("a small heap can be had");
        let account = heap.account("reader", LIMIT_BYTES).expect("a heap has accounts");
        Self { account, _heap: heap }
    }
}

/// A value is held and the hold is dropped.
pub(crate) fn hold_and_drop() -> Prepared {
    let pile = Pile::builder("held").limit_bytes(LIMIT_BYTES).build();
    let pile = pile.expect("the addresses can be had");
    let put = |_| pile.put(&[7; VALUE_BYTES], Life::FOREVER).expect("there is room");
    let pointers: Vec<_> = (0..COUNT).map(put).collect();
    let kept = (Place::make(), pile);
    let mut turn = 0;
    Prepared::of(vec![each(move || {
        let (place, pile) = black_box(&kept);
        turn = (turn + 1) % COUNT;
        let data = pile.pin().hold(pointers[turn], &place.account);
        let data = data.expect("it was put and not deleted");
        black_box(&data);
    })])
}

/// A value is copied to an account's own memory, and that is dropped.
pub(crate) fn copy_to_account_and_drop() -> Prepared {
    let values = vec![[7_u8; VALUE_BYTES]; COUNT];
    let place = Place::make();
    let mut turn = 0;
    Prepared::of(vec![each(move || {
        turn = (turn + 1) % COUNT;
        let data = black_box(&place).account.copy_from(&values[turn]).expect("there is room");
        black_box(&data);
    })])
}

/// A value is copied to a new `Bytes`, and that is dropped.
pub(crate) fn copy_to_bytes_and_drop() -> Prepared {
    let values = vec![[7_u8; VALUE_BYTES]; COUNT];
    let mut turn = 0;
    Prepared::of(vec![each(move || {
        turn = (turn + 1) % COUNT;
        let data = Bytes::copy_from_slice(black_box(&values[turn]));
        black_box(&data);
    })])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_takes_turns_over_all_values() {
        for mut prepared in [hold_and_drop(), copy_to_account_and_drop(), copy_to_bytes_and_drop()]
        {
            prepared.loops[0].run(3 * COUNT as u64);
        }
    }
}
