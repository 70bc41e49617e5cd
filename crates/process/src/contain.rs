//! Containing a panic keeps it from those who did not cause it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what is the user's own: a drop, a turn, a waker. What it panicked with, if it did.
///
/// The state that it leaves half-changed is its own: none of ours is borrowed or in mid-change while it runs.
#[inline]
pub(crate) fn contain<T>(theirs: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(theirs))
}

/// Drops a value of the user's; false if that panicked.
pub(crate) fn drop_contained<T>(value: T) -> bool {
    contain(|| drop(value)).map_err(|panic| contain(|| drop(panic)).is_ok()).is_ok()
}

/// What a panic said.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> Box<str> {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).into())
        .or_else(|| panic.downcast_ref::<String>().map(|text| text.as_str().into()))
        .unwrap_or_else(|| "a value that is no text".into())
}
