//! A timer that is due ends a wait, or has it looked at whether it is part of a circle, or sweeps the leases.

use crate::circle;
use crate::host::TimerKey;
use crate::remote;
use crate::state::{SWEEP, State, wait_of};
use crate::waiting::stopped;
use crate::waits::Alarm;

/// A timer that was set is due.
pub(crate) fn timer_fired(state: &State, key: TimerKey) {
    if key == SWEEP {
        return remote::sweep(state);
    }
    let Some(opened) = wait_of(&state.waits, key) else { return };
    if let Some(Alarm::Look(looks)) = state.waits.fired(opened) {
        return circle::look_again(state, opened, looks);
    }
    if let Some(left) = state.waits.expire(opened) {
        stopped(state, opened, left);
    }
}
