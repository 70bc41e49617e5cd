//! Threads that are no core send through a bounded queue of the core, where a message keeps its place until the mailbox has room.
#![expect(unsafe_code, reason = "a message that was just put into an envelope is taken out again")]

use crate::address::Address;
use crate::cause::Cause;
use crate::charge::set_aside;
use crate::closed::Closed;
use crate::mail::Note;
use crate::message::Message;
use crate::parcel::{Arrived, Envelope, Parcel};
use crate::pid::Pid;
use crate::port::Port;
use crate::refused::Refused;
use crate::submitted::Submitted;
use levada_shared::{Full, Reservation};
use std::mem::MaybeUninit;

/// Offers a message to a mailbox, from a thread that is no core.
/// # Errors
/// Why it was not accepted, and the message.
pub(crate) fn offer<M: Message>(
    port: &'static Port,
    to: Address<M>,
    weight_bytes: u32,
    mut message: M,
) -> Result<(), Refused<M>> {
    let seen = port.porch.word(to.pid().slot()).state();
    let running = port.running().is_some();
    if let Some(why) = seen.closed.or((!running).then_some(Closed::Ended)) {
        return Err(Refused::Closed(message, why));
    }
    if weight_bytes > seen.bound_bytes {
        return Err(Refused::TooLarge(message));
    }
    let room = match set_aside_for(port, to.pid(), &mut message) {
        Ok(room) => room.map(Box::new),
        Err(full) => return Err(Refused::AccountFull(message, full)),
    };
    let mut parcel = Parcel::new();
    // The core gives it a cause: what comes from outside begins something new.
    parcel.message(to, Note { cause: Cause::NONE, weight_bytes }, message);
    let submitted = Submitted { message: Envelope::of(&parcel), room };
    port.submit(submitted).map_err(|back| Refused::Full(back.message.open(take_out::<M>)))
}

/// Sets room aside in the receiver's account for what a message carries. It is moved there by the receiver's core: here the message
/// may yet come back.
fn set_aside_for<M: Message>(
    port: &Port,
    to: Pid,
    message: &mut M,
) -> Result<Option<Reservation>, Full<()>> {
    if !M::CHARGES {
        return Ok(None);
    }
    let account = port.payers.account_of(to);
    account.map_or(Ok(None), |account| set_aside(&account, |by| message.visit(by)))
}

/// Takes a message out of the envelope that it was put into above.
fn take_out<M: Message>(arrived: Arrived<'_>) -> M {
    let Arrived::Message { cargo, .. } = arrived else { unreachable!("a message was put in") };
    let mut message = MaybeUninit::<M>::uninit();
    // SAFETY: the envelope was made of an `M` by who calls this.
    unsafe { cargo.unload_to(message.as_mut_ptr().cast()) };
    // SAFETY: the line above.
    unsafe { message.assume_init() }
}
