//! What a thread that is no core submits: a message, and the room that its receiver's account set aside for what it carries.
//!
//! That thread may yet find the outside queue full, and has its message back as it was. So what the message carries becomes the
//! receiver's only when its core takes it in.

use crate::message::Visit;
use crate::parcel::Envelope;
use levada_shared::Reservation;

/// A message on its way in from outside.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) message: Envelope,
    pub(crate) room: Option<Box<Reservation>>,
}

impl Submitted {
    /// Takes it in: what it carries is moved into its room by `rehome`.
    pub(crate) fn take_in(
        self,
        rehome: impl FnOnce(&mut Reservation, &mut dyn FnMut(&mut Visit<'_>)),
    ) -> Envelope {
        let Self { mut message, room } = self;
        if let Some(mut room) = room {
            rehome(&mut room, &mut |by| message.visit(by));
        }
        message
    }
}
