//! A connection that is coming about, as a future: dropped, it is given up, and one that comes about anyway is closed.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use levada_ring::{Address, Deadline};

use crate::channel::Channel;
use crate::error::Error;
use crate::futures::connection::Connection;
use crate::kernel::Watcher;
use crate::table::Name;

/// A connection that is coming about.
#[must_use = "await it for the connection; dropped, it is given up"]
pub struct Connecting<K> {
    channel: Channel,
    begun: Result<Name, Error>,
    is_over: bool,
    kind: PhantomData<K>,
}

impl<K> Connecting<K> {
    pub(crate) fn begin(
        channel: &Channel,
        to: Address,
        by: Deadline,
        passes_descriptors: bool,
    ) -> Self {
        let begun = {
            let parts = &mut *channel.parts();
            let (kernel, watcher) = (&mut parts.kernel, Watcher::Future(None));
            parts.connects.begin(kernel, &parts.streams, to, by, watcher, passes_descriptors)
        };
        Self { channel: channel.clone(), begun, is_over: false, kind: PhantomData }
    }

    /// One that has failed already.
    pub(crate) fn failed(channel: &Channel, error: Error) -> Self {
        Self { channel: channel.clone(), begun: Err(error), is_over: false, kind: PhantomData }
    }
}

impl<K: Unpin> Future for Connecting<K> {
    type Output = Result<Connection<K>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let name = self.begun?;
        let polled = self.channel.parts().connects.poll(name, cx.waker());
        self.is_over = polled.is_ready();
        polled.map_ok(|name| Connection::from_parts(self.channel.clone(), name))
    }
}

impl<K> Drop for Connecting<K> {
    fn drop(&mut self) {
        if let Ok(name) = self.begun
            && !self.is_over
        {
            let parts = &mut *self.channel.parts();
            parts.connects.forget(&mut parts.kernel, &mut parts.streams, name);
        }
    }
}

impl<K> fmt::Debug for Connecting<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connecting").field(&self.begun).finish()
    }
}
