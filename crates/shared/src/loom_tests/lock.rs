//! Our own lock.
#![expect(unsafe_code, reason = "the cell is what the lock guards; loom checks each access to it")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

#[test]
fn our_lock_lets_one_in_at_a_time_and_shows_each_what_the_last_did() {
    loom::model(|| {
        let lock = Arc::new(crate::lock::raw::Lock::new(UnsafeCell::new(0)));
        let try_to_add = |lock: &crate::lock::raw::Lock<UnsafeCell<u32>>| {
            let guard = lock.try_lock();
            // SAFETY: the lock is held; loom checks that nobody else is in there.
            u32::from(guard.is_some_and(|guard| {
                guard.with_mut(|value| unsafe { *value += 1 });
                true
            }))
        };
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || -> u32 { try_to_add(&other) + try_to_add(&other) });
        let added: u32 = try_to_add(&lock) + thread.join().unwrap();
        let guard = lock.try_lock().expect("nobody has it any more");
        // SAFETY: as above.
        assert_eq!(guard.with(|value| unsafe { *value }), added);
    });
}
