//! Filling: many values at once, to see what memory each takes with its handle.

use std::io;

use crate::machine::resident::own_resident_bytes;
use crate::stores::store::Store;

/// What a value took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    /// With its handle or key.
    pub(crate) value_bytes: f64,
    /// In all, of the bytes put.
    pub(crate) share: f64,
}

/// Puts them all. `handle_bytes` is what a program must keep to find a value again, where the store does not keep it itself.
/// # Errors
/// If the kernel does not tell what is resident.
pub(crate) fn fill<S: Store>(
    store: &mut S,
    handle_bytes: usize,
    (value_bytes, count): (usize, u64),
) -> io::Result<Filled> {
    let value = vec![7; value_bytes];
    own_resident_bytes()?; // what looking itself takes, it takes now
    let before_bytes = own_resident_bytes()?;
    let mut last = None;
    for _ in 0..count {
        last = Some(store.put(&value));
    }
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes) as f64;
    let mut is_there = false;
    store.get_each(last.as_slice(), &mut |bytes| is_there = bytes == value);
    if !is_there {
        return Err(io::Error::other("a value is not what was put in"));
    }
    let each_bytes = grown_bytes / count as f64 + handle_bytes as f64;
    Ok(Filled { value_bytes: each_bytes, share: each_bytes / value_bytes as f64 })
}
