//! A desk is where a core's part of the service is spoken to: for reports, for another configuration, for the end.

use levada_domain::{Io, PerCore};
use levada_process::{Failure, Mailbox};

use crate::counters::Counters;
use crate::desk_message::ToDesk;
use crate::front::Front;

/// Runs a core's desk until its mailbox closes.
pub(crate) async fn desk(
    mut inbox: Mailbox<ToDesk>,
    io: Io,
    front: PerCore<Front>,
) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            ToDesk::Report(reply) => reply.send(front.with(|front| front.counters)),
            ToDesk::Reset(reply) => {
                front.with(|front| front.counters = Counters::default());
                reply.send(());
            }
            ToDesk::Reload(number, config, reply) => {
                let config = config.into_inner();
                front.with(|front| front.reload(number, config));
                reply.send(());
            }
            ToDesk::WindDown(reply) => {
                io.channel().wind_down();
                reply.send(());
            }
        }
    }
}
