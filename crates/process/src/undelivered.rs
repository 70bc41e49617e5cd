//! A message that nobody will take goes back to who called, if it is the request of a call; any other is dropped, and counted.
#![expect(
    unsafe_code,
    reason = "a request lands where its call waits; both types are those of one mailbox"
)]

use crate::address::WaitId;
use crate::charge::charge_landing;
use crate::gauges::count;
use crate::message::caller_of;
use crate::parcel::{Cargo, Envelope, Parcel};
use crate::pid::Pid;
use crate::port::Port;
use crate::state::State;
use crate::waits::{Opened, Outcome};

/// Deals with a message that came to the mailbox of `to` and will not be taken.
pub(crate) fn undelivered(state: &State, to: Pid, mut message: Cargo<'_>) {
    count(&state.counts.undelivered);
    let mut caller = None;
    state.contained(|| caller = caller_of(to, |visit| message.visit(visit)));
    match caller {
        Some(caller) => give_back(state, caller, message),
        None => state.contained(|| drop(message)),
    }
}

/// Gives a request back to who called. `caller` was found in a reply that was made for a call to the mailbox that `request` came
/// to: a call is made with the type of its mailbox, so what lands is of the type that its landing takes.
pub(crate) fn give_back(state: &State, caller: WaitId, mut request: Cargo<'_>) {
    if caller.core == state.core {
        let wait = Opened { index: caller.index, generation: caller.generation };
        // It is the caller's again, also where his account has no room: then it stays charged where it was.
        charge_landing(state, wait, &mut request).unwrap_or_default();
        // SAFETY: the types are the same, as said above.
        match unsafe { state.waits.land_cargo(wait, Outcome::Returned, request) } {
            Ok(wakee) => state.wake(wakee),
            Err(late) => state.contained(|| drop(late)),
        }
        return;
    }
    let Some(port) = Port::of(caller.core) else { return state.contained(|| drop(request)) };
    let mut parcel = Parcel::new();
    // SAFETY: the types are the same, as said above.
    unsafe { parcel.returned(caller, request) };
    if state.stage(port, &parcel).is_err() {
        state.contained(|| drop(Envelope::of(&parcel)));
    }
}
