//! A desk is where a core's part of the service is spoken to: for reports, for another configuration, for the end.

use std::sync::Arc;

use levada_domain::{Io, PerCore};
use levada_process::{Failure, Isolated, Mailbox, Message, Reply};

use crate::config::WebConfig;
use crate::counters::Counters;
use crate::front::Front;

/// A message to a desk.
#[derive(Debug, Message)]
pub(crate) enum ToDesk {
    /// What was counted?
    Report(Reply<Counters>),
    /// The configuration is another from now on.
    Reload(Isolated<Arc<WebConfig>>),
    /// Take nothing new, and end connections behind their answers.
    WindDown(Reply<()>),
}

/// Runs a core's desk until its mailbox closes.
pub(crate) async fn desk(
    mut inbox: Mailbox<ToDesk>,
    io: Io,
    front: PerCore<Front>,
) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            ToDesk::Report(reply) => reply.send(front.with(|front| front.report())),
            ToDesk::Reload(config) => {
                let config = config.into_inner();
                front.with(|front| front.reload(config));
            }
            ToDesk::WindDown(reply) => {
                front.with(|front| front.is_stopping = true);
                io.channel().wind_down();
                reply.send(());
            }
        }
    }
}
