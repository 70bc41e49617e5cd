//! The steward is the process that does what signals ask of the running service: reload, stop.

use core::time::Duration;
use std::sync::Arc;

use levada_domain::Io;
use levada_process::{
    Context, Failure, Isolated, Mailbox, Message, Restart, Sender, Strategy, Supervisor,
};
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

/// Starts the service, tells `started` how to order it about, and looks after who does that until it was stopped.
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
    let mut house = Supervisor::new(&context, Strategy::OneForOne);
    if let Some(admin) = admin {
        admin::start(&context, &io, admin, web.clone(), &mut house).await?;
    }
    let steward = move |context: Context, inbox: Mailbox<Order>| {
        keep_house(context, inbox, web.clone(), grace)
    };
    let child = house.child(context.options(), "steward", Restart::Transient, steward)?;
    started(child.sender);
    house.run(&context).await
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
