//! A sender is the end of a mailbox that messages go in at: 16 B, to be cloned and sent wherever they come from.
//!
//! ```text
//! same core    into the mail, where it is read: no queue between
//! other core   under a lease on the mailbox's room, into the lane
//! no core      into the outside queue of the core
//! ```
//!
//! Cost: a clone is one atomic add: clone one for each process, not for each message.

use crate::address::Address;
use crate::charge::charge;
use crate::deliver;
use crate::gauges::count;
use crate::here;
use crate::message::{Message, Visit, hands_on, weight_bytes};
use crate::outside;
use crate::pid::Pid;
use crate::porch::Went;
use crate::port::Port;
use crate::refused::{Refusal, Refused, Sent, Uncharged};
use crate::remote;
use crate::shape::Shape;
use crate::state::State;
use crate::table::Held;
use std::fmt;
use std::ptr;

/// Sends messages to one process. Those of one sending process arrive in the order in which their sends began.
pub struct Sender<M> {
    port: &'static Port,
    to: Address<M>,
}

impl<M: Message> Sender<M> {
    /// The first sender of a new process, which its word counts already.
    pub(crate) fn first(port: &'static Port, to: Address<M>) -> Self {
        Self { port, to }
    }

    /// One more sender of a process.
    pub(crate) fn another(port: &'static Port, to: Address<M>) -> Self {
        port.porch.word(to.pid().slot()).add_sender();
        Self { port, to }
    }

    /// The process that it sends to.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.to.pid()
    }

    pub(crate) fn address(&self) -> Address<M> {
        self.to
    }

    pub(crate) fn port(&self) -> &'static Port {
        self.port
    }

    /// Sends a message now, or not at all.
    /// # Errors
    /// The message, and why it was not accepted. [`Refused::Full`] also where there is room in a mailbox of another core, if this
    /// core has no lease on it yet; [`ready`](Self::ready) gets one first.
    #[inline]
    pub fn try_send(&self, mut message: M) -> Result<Sent, Refused<M>> {
        let weight_bytes = weight_bytes(&mut message);
        here::with(|state| {
            let Some(state) = state else {
                return outside::offer(self.port, self.to, weight_bytes, message)
                    .map(|()| Sent::Accepted);
            };
            if hands_on(&mut message, None) {
                state.unbind();
            }
            match self.admit(state, weight_bytes) {
                Ok(room) => {
                    if let Err(why) = room.charge(state, &mut message) {
                        return Err(Refused::for_its_bytes(why, message));
                    }
                    room.put(state, message);
                    Ok(Sent::Accepted)
                }
                Err(why) => {
                    deliver::count_refusal(state, why);
                    Refused::of(why, message)
                }
            }
        })
    }

    /// Whether there is room for a message, seen from a core.
    #[inline]
    pub(crate) fn admit<'a>(
        &self,
        state: &'a State,
        weight_bytes: u32,
    ) -> Result<Room<'a, M>, Refusal> {
        let (to, way) = (
            self.to,
            if ptr::eq(state.port, self.port) {
                Way::Here(deliver::admit(state, self.to, weight_bytes)?)
            } else {
                remote::admit(state, self.port, self.to.pid(), Shape::of::<M>(), weight_bytes)?;
                Way::There(self.port)
            },
        );
        Ok(Room { to, weight_bytes, way })
    }
}

/// Room for one message in a mailbox: taken, and to be used at once.
#[derive(Debug)]
#[must_use = "room that was taken is used"]
pub(crate) struct Room<'a, M> {
    to: Address<M>,
    weight_bytes: u32,
    way: Way<'a, M>,
}

#[derive(Debug)]
enum Way<'a, M> {
    Here(Held<'a, M>),
    There(&'static Port),
}

impl<M: Message> Room<'_, M> {
    /// Makes what the message carries the receiver's.
    /// # Errors
    /// Why not: the message is as it was, and the room is given back.
    #[inline]
    pub(crate) fn charge(&self, state: &State, message: &mut M) -> Result<(), Uncharged> {
        if M::CHARGES { self.charge_now(state, message) } else { Ok(()) }
    }

    fn charge_now(&self, state: &State, message: &mut M) -> Result<(), Uncharged> {
        let visit = |by: &mut Visit<'_>| message.visit(by);
        let charged = match &self.way {
            Way::Here(held) => charge(state, held.block, visit).map_err(Uncharged::Full),
            Way::There(port) => {
                remote::charge(state, port, self.to.pid(), self.weight_bytes, visit)
            }
        };
        if charged.is_err() {
            count(&state.counts.account_refused);
        }
        charged
    }

    /// Puts the message in.
    #[inline]
    pub(crate) fn put(self, state: &State, message: M) {
        match self.way {
            Way::Here(held) => {
                deliver::put(state, &held, self.to.pid().slot(), self.weight_bytes, message)
            }
            Way::There(port) => remote::put(state, port, self.to, self.weight_bytes, message),
        }
    }
}

impl<M> Clone for Sender<M> {
    #[inline]
    fn clone(&self) -> Self {
        self.port.porch.word(self.to.pid().slot()).add_sender();
        Self { port: self.port, to: self.to }
    }
}

impl<M> Drop for Sender<M> {
    #[inline]
    fn drop(&mut self) {
        let slot = self.to.pid().slot();
        let is_done = here::with(|state| {
            let Some(state) = state.filter(|state| ptr::eq(state.port, self.port)) else {
                return false;
            };
            if self.port.porch.word(slot).drop_sender() == Went::Last {
                deliver::last_sender_gone(state, slot);
            }
            true
        });
        if !is_done {
            self.port.sender_gone(slot);
        }
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.to.pid()).finish()
    }
}

impl<M> PartialEq for Sender<M> {
    fn eq(&self, other: &Self) -> bool {
        self.to.pid() == other.to.pid()
    }
}

impl<M> Eq for Sender<M> {}

impl<M: Message> Message for Sender<M> {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, _visit: &mut Visit<'_>) {}
}
