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
