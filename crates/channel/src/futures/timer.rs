//! A timer in the async form.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use levada_ring::Deadline;

use crate::channel::Channel;
use crate::error::Error;
use crate::kernel::Watcher;
use crate::table::Name;

/// A moment that is waited for. Dropped before, it is taken back.
#[must_use = "a future does nothing until it is awaited"]
pub struct Timer {
    channel: Channel,
    name: Name,
}

impl Timer {
    /// Waits until `at`: never less, and no longer than until the pass after that moment.
    ///
    /// # Errors
    /// [`Error::Full`] where the channel has 65,536 timers.
    pub fn at(channel: &Channel, at: Deadline) -> Result<Self, Error> {
        let name = channel.parts().timers.set(at, Watcher::Future(None));
        Ok(Self { channel: channel.clone(), name: name.ok_or(Error::Full)? })
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.parts().timers.poll(self.name, cx.waker())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.channel.parts().timers.cancel(self.name);
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timer").field(&self.name.index).finish()
    }
}
