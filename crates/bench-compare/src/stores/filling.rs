//! Filling: many values at once from nothing, to see how long that takes and what memory each takes with its handle.

use std::io;
use std::thread;

use levada_shared::set_home_arena;

use crate::machine::clock::now_ns;
use crate::machine::cores::move_to;
use crate::machine::resident::own_resident_bytes;
use crate::stores::store::Store;

/// What a value took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    /// With its handle or key.
    pub(crate) value_bytes: f64,
    /// In all, of the bytes put.
    pub(crate) share: f64,
    /// From the first to the last, all threads together.
    pub(crate) value_ns: f64,
}

/// Puts them all, each of `stores` by a thread of its own; what they fill together is one store where they are twins.
/// `handle_bytes` is what a program must keep to find a value again, where the store does not keep it itself.
/// # Errors
/// If the kernel does not tell what is resident, or a value cannot be read again.
pub(crate) fn fill<S: Store>(
    stores: &mut [S],
    handle_bytes: usize,
    (value_bytes, count): (usize, u64),
) -> io::Result<Filled> {
    let value = vec![7; value_bytes];
    own_resident_bytes()?; // what looking itself takes, it takes now
    let before_bytes = own_resident_bytes()?;
    let begun_ns = now_ns();
    let each_count = count / stores.len().max(1) as u64;
    let is_right = thread::scope(|scope| {
        let threads = stores.iter_mut().enumerate().map(|(core, store)| {
            let value = &value;
            scope.spawn(move || {
                let moved = move_to(core);
                set_home_arena(core);
                let mut last = None;
                for _ in 0..each_count {
                    last = Some(store.put(value));
                }
                let mut is_there = false;
                store.get_each(last.as_slice(), &mut |bytes| is_there = bytes == value);
                is_there && moved.is_ok()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().all(|thread| thread.join().is_ok_and(|is_right| is_right))
    });
    let took_ns = (now_ns() - begun_ns) as f64;
    if !is_right {
        return Err(io::Error::other("a value is not what was put in"));
    }
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes) as f64;
    let each_bytes = grown_bytes / count as f64 + handle_bytes as f64;
    let share = each_bytes / value_bytes as f64;
    Ok(Filled { value_bytes: each_bytes, share, value_ns: took_ns / count as f64 })
}
