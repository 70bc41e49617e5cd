//! Room for an operation on a file is waited for in a line: first come, first let in.
//!
//! Cost: an entry of the line for who waits, nothing for who need not.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::channel::Channel;
use crate::filing::line::Place;

/// Waits until an operation on a file would be taken.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct FileRoom {
    channel: Channel,
    place: Option<Place>,
}

impl Channel {
    /// Waits until an operation on a file would be taken, behind those who wait already. Begin it at once: the room is
    /// not kept.
    pub fn file_room(&self) -> FileRoom {
        FileRoom { channel: self.clone(), place: None }
    }
}

impl Future for FileRoom {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let parts = &mut *this.channel.parts();
        parts.files.poll_room(&mut parts.kernel, &mut this.place, cx.waker())
    }
}

impl Drop for FileRoom {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let parts = &mut *self.channel.parts();
            parts.files.leave_line(&mut parts.kernel, place);
        }
    }
}
