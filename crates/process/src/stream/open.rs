//! Opening a stream makes its two ends.

use crate::context::Context;
use crate::gauges::count;
use crate::stream::between::Between;
use crate::stream::payer::payer_of;
use crate::stream::reader::StreamReader;
use crate::stream::window::Window;
use crate::stream::writer::StreamWriter;
use std::sync::Arc;

impl Context {
    /// Opens a stream of bytes: both ends are messages, and may go to any process of any core.
    ///
    /// What is written is charged to who has the reader, which is this process until it sends the reader on.
    ///
    /// ```
    /// # use levada_process::{Core, CoreOptions, Host, Mailbox, Tick, TimerId, TimerKey, Window};
    /// # use levada_shared::SharedHeap;
    /// # use std::task::Waker;
    /// # struct Still;
    /// # impl Host for Still {
    /// #     fn now(&self) -> Tick { Tick::START }
    /// #     fn seed(&self) -> u64 { 1 }
    /// #     fn timer_set(&self, _: Tick, _: TimerKey) -> TimerId { TimerId(0) }
    /// #     fn timer_cancel(&self, _: TimerId) {}
    /// # }
    /// # let heap = SharedHeap::new(Default::default())?;
    /// # let account = Some(heap.account("core", 1 << 20)?);
    /// # let core = Core::new(CoreOptions { account, ..CoreOptions::default() }, Still, Waker::noop().clone())?;
    /// core.spawn("opens", |cx, _: Mailbox<()>| async move {
    ///     let (mut writer, mut reader) = cx.stream(Window { bytes: 16, pieces: 4 });
    ///     cx.spawn("writes", |cx, _: Mailbox<()>| async move {
    ///         for frame in [b"\x05water", b"\x05light"] {
    ///             writer.write(cx.account().copy_from(frame)?).await?; // waits while the window is full
    ///         }
    ///         writer.finish();
    ///         Ok(())
    ///     })?;
    ///     let mut frames = vec![];
    ///     while let Some(length) = reader.at_least(1).await?.data.read::<u8>(0) {
    ///         let frame_bytes = 1 + u64::from(length);
    ///         let frame = reader.at_least(frame_bytes).await?.data.slice(1..frame_bytes); // no copy
    ///         frames.extend(frame.unwrap_or_default().to_vec());
    ///         reader.advance(frame_bytes, frame_bytes); //                            room for more
    ///     }
    ///     assert_eq!(frames, b"waterlight");
    ///     Ok(())
    /// })?;
    /// while core.run_turn() {}
    /// assert_eq!(core.gauges().exits_normal, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the window has no bytes, or not 1 to 512 pieces.
    #[must_use]
    pub fn stream(&self, window: Window) -> (StreamWriter, StreamReader) {
        window.check();
        let payer = self.with(|state| {
            count(&state.counts.streams_opened);
            payer_of(state, self.pid())
        });
        let between = Arc::new(Between::new(window));
        let writer = StreamWriter::new(Arc::clone(&between), payer.clone());
        (writer, StreamReader::new(between, payer, self.pid()))
    }
}
