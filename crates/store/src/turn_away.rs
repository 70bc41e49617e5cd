//! A connection that is one too many is told so in a line, and closed.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use levada_channel::{SocketKind, Ticket};
use levada_domain::{Io, Patience, PerCore};
use levada_process::Failure;

use crate::front::Front;

/// What it is told.
const TOO_MANY: &[u8] = b"ERROR Too many open connections\r\n";

/// How long its peer has to read that.
const LINGER: Duration = Duration::from_secs(2);

/// How many of a core are told at a time; beyond, they are closed without a word.
const TURNED_AWAY_MAX: u64 = 256;

/// Counts the connection as one that is being turned away, while that lasts.
pub(crate) struct TurnedAway(PerCore<Front>);

impl TurnedAway {
    /// A place among them, if there is one.
    pub(crate) fn count(front: &PerCore<Front>) -> Option<Self> {
        let is_told = front.with(|front| {
            let has_place = front.turned_away < TURNED_AWAY_MAX;
            front.turned_away += u64::from(has_place);
            has_place
        });
        is_told.then(|| Self(front.clone()))
    }
}

impl Drop for TurnedAway {
    fn drop(&mut self) {
        self.0.with(|front| front.turned_away -= 1);
    }
}

/// Sends the line, waits until the peer has sent something or ended, and closes.
pub(crate) async fn turn_away<K: SocketKind>(
    io: Io,
    front: PerCore<Front>,
    ticket: Ticket<K>,
    _turned_away: TurnedAway,
) -> Result<(), Failure> {
    let Ok(stream) = ticket.into_stream(&io.channel()) else { return Ok(()) };
    let Ok(line) = front.with(|front| front.account.copy_from(TOO_MANY)) else { return Ok(()) };
    if stream.send(line).is_ok() {
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
