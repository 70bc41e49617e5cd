//! A ticket names a stream between two owners: it may travel to another task or process, and closes the stream if lost.
//!
//! It is turned back into the stream on the channel that it came from. Dropped elsewhere, on whatever thread, it tells
//! that channel, which closes the stream at its next pass.

use core::fmt;
use core::marker::PhantomData;
use std::sync::Arc;

use crate::channel::Channel;
use crate::connections::lost::LostStreams;
use crate::futures::connection::Connection;
use crate::futures::tcp::Tcp;
use crate::table::Name;

/// The name of a stream that nobody holds at the moment.
pub struct Ticket<K = Tcp> {
    name: Name,
    home: Arc<LostStreams>,
    is_used: bool,
    /// What it becomes; nothing of it is here.
    kind: PhantomData<fn() -> K>,
}

impl<K> Connection<K> {
    /// Gives the stream up for a ticket.
    #[must_use]
    pub fn into_ticket(self) -> Ticket<K> {
        let (channel, name) = self.into_parts();
        let home = Arc::clone(&channel.parts().lost);
        Ticket { name, home, is_used: false, kind: PhantomData }
    }
}

impl<K> Ticket<K> {
    /// The stream, on the channel that it came from; elsewhere the ticket itself.
    ///
    /// # Errors
    /// The ticket, where `channel` is another.
    pub fn into_stream(mut self, channel: &Channel) -> Result<Connection<K>, Self> {
        if !Arc::ptr_eq(&channel.parts().lost, &self.home) {
            return Err(self);
        }
        self.is_used = true;
        Ok(Connection::from_parts(channel.clone(), self.name))
    }
}

impl<K> Drop for Ticket<K> {
    fn drop(&mut self) {
        if !self.is_used {
            self.home.tell(self.name);
        }
    }
}

impl<K> fmt::Debug for Ticket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.name.index).finish()
    }
}
