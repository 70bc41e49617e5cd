//! Threads that are no core send through a bounded queue of the core, where a message keeps its place until the mailbox has room.
#![expect(unsafe_code, reason = "a message that was just put into an envelope is taken out again")]

use crate::address::Address;
use crate::cause::Cause;
use crate::closed::Closed;
use crate::mail::Note;
use crate::message::Message;
use crate::parcel::{Arrived, Envelope, Parcel};
use crate::port::Port;
use crate::refused::Refusal;
use std::mem::MaybeUninit;

/// Offers a message to a mailbox, from a thread that is no core.
/// # Errors
/// Why it was not accepted, and the message.
pub(crate) fn offer<M: Message>(
    port: &'static Port,
    to: Address<M>,
    weight_bytes: u32,
    message: M,
) -> Result<(), (Refusal, M)> {
    let seen = port.porch.word(to.pid().slot()).state();
    let running = port.running().is_some();
    if let Some(why) = seen.closed.or((!running).then_some(Closed::Ended)) {
        return Err((Refusal::Closed(why), message));
    }
    if weight_bytes > seen.bound_bytes {
        return Err((Refusal::TooLarge, message));
    }
    let mut parcel = Parcel::new();
    // The core gives it a cause: what comes from outside begins something new.
    parcel.message(to, Note { cause: Cause::NONE, weight_bytes }, message);
    port.submit(Envelope::of(&parcel)).map_err(|back| (Refusal::Full, back.open(take_out::<M>)))
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
