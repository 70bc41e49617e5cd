//! The steward is the process that does what signals ask of the running service: reload, stop.

use core::time::Duration;
use std::sync::Arc;

use levada_domain::Io;
use levada_process::{Context, Failure, Isolated, Mailbox, Message, Sender};
use levada_web::{Start, Web, WebConfig};

use crate::admin::{self, Admin};
use crate::say::complain;

/// What the steward is told.
#[derive(Debug, Message)]
pub(crate) enum Order {
    /// The configuration is another from now on.
    Reload(Isolated<Arc<WebConfig>>),
    /// Take nothing new, finish what is being answered, end.
    Stop,
}

/// What a service is started with.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) start: Start,
    pub(crate) admin: Option<Admin>,
    pub(crate) grace: Duration,
}

/// Starts the service, tells `started` how to order it about, and runs until it was stopped.
///
/// # Errors
/// [`Failure`] where there is no room for the service, or it ends by itself.
pub(crate) async fn run(
    context: Context,
    io: Io,
    plan: Plan,
    started: impl FnOnce(Sender<Order>),
) -> Result<(), Failure> {
    let Plan { start, admin, grace } = plan;
    let web = Web::start(&context, &io, start).await?;
    if let Some(admin) = admin {
        admin::start(&context, &io, admin, web.clone()).await?;
    }
    let steward =
        move |context: Context, inbox: Mailbox<Order>| keep_house(context, inbox, web, grace);
    let child = context
        .spawn("steward", steward)
        .map_err(|_| Failure::new("there is no room for a process"))?;
    started(child.sender);
    let down = context.monitor(child.pid).await;
    if down.exit.is_normal() { Ok(()) } else { Err(Failure::new(down.exit.to_string())) }
}

async fn keep_house(
    context: Context,
    mut inbox: Mailbox<Order>,
    web: Web,
    grace: Duration,
) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            Order::Reload(config) => web.reload(config.into_inner()).await?,
            Order::Stop => {
                if !web.stop(&context, grace).await {
                    let open = web.report().await.connections_open;
                    let grace_s = grace.as_secs_f32();
                    let were = if open == 1 { "connection was" } else { "connections were" };
                    complain(&format!(
                        "{open} {were} cut: there was more to send after {grace_s} s"
                    ));
                }
                return Ok(());
            }
        }
    }
}
