//! A connection that is one too many is told so in a short reply, and closed.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use levada_channel::Ticket;
use levada_domain::{Io, Patience, PerCore};
use levada_process::Failure;
use levada_shared::SharedData;

use crate::front::Front;

/// How long its peer has to read that.
const LINGER: Duration = Duration::from_secs(2);

/// Counts the connection as one that is being turned away, while that lasts.
pub(crate) struct TurnedAway(PerCore<Front>);

impl TurnedAway {
    pub(crate) fn count(front: &PerCore<Front>) -> Self {
        front.with(|front| front.turned_away += 1);
        Self(front.clone())
    }
}

impl Drop for TurnedAway {
    fn drop(&mut self) {
        self.0.with(|front| front.turned_away -= 1);
    }
}

/// Sends the reply, waits until its peer has sent something or ended, and closes.
pub(crate) async fn turn_away(
    io: Io,
    ticket: Ticket,
    reply: SharedData,
    _turned_away: TurnedAway,
) -> Result<(), Failure> {
    let Ok(stream) = ticket.into_stream(&io.channel()) else { return Ok(()) };
    if stream.send(reply).is_ok() {
        stream.shutdown();
        let patience = Patience::until(io.now().after(LINGER));
        let mut receiving = pin!(stream.recv());
        poll_fn(|context| match receiving.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => patience.poll_passed(context),
        })
        .await;
    }
    Ok(())
}
