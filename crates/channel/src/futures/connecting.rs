//! A connection that is coming about, as a future: dropped, it is given up, and one that comes about anyway is closed.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use levada_pages::{FixedBytes, KeptBytes};
use levada_ring::{Address, Deadline, Errno, Family};

use crate::channel::Channel;
use crate::connections::connects::To;
use crate::error::{Error, Refused};
use crate::futures::connection::Connection;
use crate::kernel::Watcher;
use crate::table::Name;

/// What it came to, and the bytes that were given for the time.
type Ended<K> = (Result<Connection<K>, Error>, Option<KeptBytes>);

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
        let to = To::Address(Box::new(to));
        Self::begin_to(channel, to, by, passes_descriptors)
            .unwrap_or_else(|(error, _)| Self::failed(channel, error))
    }

    fn begin_to(
        channel: &Channel,
        to: To,
        by: Deadline,
        passes_descriptors: bool,
    ) -> Result<Self, (Error, To)> {
        let parts = &mut *channel.parts();
        let (kernel, watcher) = (&mut parts.kernel, Watcher::Future(None));
        let begun =
            parts.connects.begin(kernel, &parts.streams, to, by, watcher, passes_descriptors)?;
        Ok(Self { channel: channel.clone(), begun: Ok(begun), is_over: false, kind: PhantomData })
    }

    fn poll_ended(&mut self, cx: &Context<'_>) -> Poll<Ended<K>> {
        let name = match self.begun {
            Ok(name) => name,
            Err(error) => return Poll::Ready((Err(error), None)),
        };
        let polled = self.channel.parts().connects.poll(name, cx.waker());
        self.is_over = polled.is_ready();
        polled.map(|(connected, given)| {
            let connection = |name| Connection::from_parts(self.channel.clone(), name);
            (connected.map(connection), given)
        })
    }

    /// One that has failed already.
    pub(crate) fn failed(channel: &Channel, error: Error) -> Self {
        Self { channel: channel.clone(), begun: Err(error), is_over: false, kind: PhantomData }
    }
}

impl<K: Unpin> Future for Connecting<K> {
    type Output = Result<Connection<K>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_ended(cx).map(|(connected, _)| connected)
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

/// Connects to an address in bytes of the caller's, if it is of one of these families.
pub(crate) fn connect_fixed<K, B: FixedBytes>(
    channel: &Channel,
    to: B,
    by: Deadline,
    families: &[Family],
    passes_descriptors: bool,
) -> impl Future<Output = Result<(Connection<K>, B), Refused<Option<B>>>> + use<K, B> {
    let to = KeptBytes::of(to);
    let family = Family::of_address(to.as_bytes());
    let begun = if family.is_some_and(|family| families.contains(&family)) {
        Connecting::<K>::begin_to(channel, To::Given(to), by, passes_descriptors)
            .map_err(|(error, to)| (error, to.into_given()))
    } else {
        Err((Error::Kernel(Errno::AFNOSUPPORT), Some(to)))
    };
    async move {
        let owner = |given: Option<KeptBytes>| given.and_then(|given| given.into_owner().ok());
        let mut connecting =
            begun.map_err(|(error, given)| Refused { error, value: owner(given) })?;
        let (connected, given) = core::future::poll_fn(|cx| connecting.poll_ended(cx)).await;
        match (connected, owner(given)) {
            (Ok(connection), Some(given)) => Ok((connection, given)),
            (Ok(_), None) => unreachable!("what was put in comes back"),
            (Err(error), value) => Err(Refused { error, value }),
        }
    }
}

impl<K> fmt::Debug for Connecting<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connecting").field(&self.begun).finish()
    }
}
