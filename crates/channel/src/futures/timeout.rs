//! A timeout is a wait of the kernel's own, whose length stands in bytes that it reads where they are.
//!
//! Who only waits for a moment takes a [`crate::Timer`], which is no operation. This is for arguments that are made once and used
//! again, and it holds what it was given as any operation does.

use core::future::Future;

use levada_pages::{FixedBytes, KeptBytes};
use levada_ring::{Errno, timespec_duration};

use crate::channel::Channel;
use crate::error::{Error, Refused};
use crate::filing::file_op::Ask;
use crate::futures::file::given_back;

impl Channel {
    /// Waits for as long as `after` says: [`crate::TIMESPEC_BYTES`] bytes, filled as by [`crate::timespec_bytes`]. They are the
    /// operation's until that time is over, and come back then; a future that is dropped cancels it and frees them when the kernel has
    /// answered.
    ///
    /// ```
    /// # use levada_channel::{Channel, ChannelConfig, local, timespec_bytes};
    /// # use levada_local::{LocalHeap, Pool};
    /// # use levada_shared::{Options, SharedHeap};
    /// # let account = SharedHeap::new(Options::default())?.account("wait", u64::MAX)?;
    /// # let channel = Channel::open(&ChannelConfig::default(), &account)?;
    /// let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
    /// let mut after = heap.enter(|cx, ()| cx.raw(16))?; //                       16 zeros that never move
    /// after.copy_from_slice(&timespec_bytes(std::time::Duration::from_millis(1)));
    /// let after = local::run(&channel, channel.wait_fixed(after))?.unwrap(); //   the same buffer again
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// With the bytes: `INVAL` where they are more or fewer, or say no length of time; [`Error::Full`] while 4,096 timeouts run; [`Error::Closed`] where the channel has ended.
    pub fn wait_fixed<B: FixedBytes>(
        &self,
        after: B,
    ) -> impl Future<Output = Result<B, Refused<Option<B>>>> + use<B> {
        let after = KeptBytes::of(after);
        let is_valid =
            after.as_bytes().try_into().is_ok_and(|bytes| timespec_duration(bytes).is_some());
        let asked = if is_valid {
            self.ask(Ask::Timeout { after }).map_err(|ask| (Error::Full, ask.into_given()))
        } else {
            Err((Error::Kernel(Errno::INVAL), Some(after)))
        };
        async move { given_back(asked).await.map(|(_, after)| after) }
    }
}
