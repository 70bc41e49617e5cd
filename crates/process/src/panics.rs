//! A panic in a turn is told to the host as the end of that process; any other goes where panics went before.

use crate::here;
use std::panic;
use std::sync::Once;

/// Has panics note where they happened. Once in an OS process, however many cores.
pub(crate) fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_noted = here::with(|state| {
                let Some(state) = state.filter(|state| state.course.pid.get().is_some()) else {
                    return false;
                };
                let at =
                    info.location().map_or_else(|| "unknown".into(), |at| at.to_string().into());
                state.course.panicked_at.replace(Some(at));
                true
            });
            if !is_noted {
                before(info);
            }
        }));
    });
}
