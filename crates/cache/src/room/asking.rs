//! Asking for room, a thread says of which level what it puts is: whatever the pile asks of a table meanwhile, on that same
//! thread, nobody is dropped who is dearer.

use core::cell::Cell;

use crate::options::LEVELS;

thread_local! {
    static LEVEL_MAX: Cell<usize> = const { Cell::new(LEVELS) };
}

/// Does something for a put of that level.
pub(crate) fn for_level<R>(level: u8, act: impl FnOnce() -> R) -> R {
    let _before = Before(LEVEL_MAX.replace(usize::from(level)));
    act()
}

/// Whether an entry of that level may be dropped: always by upkeep, which nobody's put asks for.
pub(crate) fn may_drop(level: u8) -> bool {
    usize::from(level) <= LEVEL_MAX.get()
}

/// What held before, and does so again, also after a panic.
struct Before(usize);

impl Drop for Before {
    fn drop(&mut self) {
        LEVEL_MAX.set(self.0);
    }
}
