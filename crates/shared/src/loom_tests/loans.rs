//! A loan ends once, after all that was read of it, and nobody finds it afterwards, whoever meets its last holder.
#![expect(
    unsafe_code,
    reason = "lends static bytes, and keeps a cell of which loom checks each access"
)]

use core::ptr::NonNull;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::counts::loan::Lender;
use crate::heap::SharedHeap;
use crate::memory::home::set_home_arena;
use crate::options::Options;
use crate::values::data::SharedData;

/// How often the loan ended: read by who holds the bytes as if it were one of them.
struct Ends(UnsafeCell<u32>);

// SAFETY: loom checks each access to the cell.
unsafe impl Sync for Ends {}
// SAFETY: as above.
unsafe impl Send for Ends {}

impl Lender for Ends {
    fn returned(&self, _: u64) {
        // SAFETY: nobody reads any more; loom checks that.
        self.0.with_mut(|ends| unsafe { *ends += 1 });
    }
}

impl Ends {
    fn count(&self) -> u32 {
        // SAFETY: the caller holds the bytes, or is alone; loom checks that.
        self.0.with(|ends| unsafe { *ends })
    }
}

/// What `there` and `here` do at the same time with two values made of the only handle on a loan, by `split`.
fn meeting<T: 'static + Send>(
    split: impl Fn(SharedData) -> (SharedData, T) + Send + Sync + 'static,
    there: impl Fn(T) -> Option<SharedData> + Send + Sync + Copy + 'static,
) {
    loom::model(move || {
        set_home_arena(0);
        let options = Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() };
        let heap = SharedHeap::new(options).expect("a few addresses");
        let ends = Arc::new(Ends(UnsafeCell::new(0)));
        let bytes = NonNull::from(&b"lent"[..]);
        // SAFETY: what is static stays as it is.
        let data = unsafe { heap.default_account().lend_data(ends.clone(), 0, bytes) };
        let (here, other) = split(data.expect("no limit"));
        let also = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            if let Some(found) = there(other) {
                assert_eq!((found.len(), also.count()), (4, 0), "it is there while it is held");
            }
        });
        assert_eq!((here.len(), ends.count()), (4, 0), "it is there while it is held");
        drop(here);
        thread.join().unwrap();
        assert_eq!(ends.count(), 1, "it ended once");
        heap.validate();
        let gauges = heap.gauges();
        assert_eq!((gauges.lent_blocks, gauges.lines_nameless, gauges.soft_blocks), (0, 0, 0));
    });
}

#[test]
fn the_last_of_two_handles_ends_a_loan_once() {
    meeting(|data| (data.clone(), data), Some);
}

#[test]
fn of_the_last_holder_of_a_loan_and_a_weak_upgrade_the_later_ends_it() {
    meeting(|data| (data.clone(), data.weak()), |weak| weak.upgrade());
}

#[test]
fn of_the_last_holder_of_a_loan_and_a_soft_upgrade_the_later_ends_it() {
    meeting(|data| (data.clone(), data.soft()), |soft| soft.upgrade());
}
