//! The steward is the process that does what signals ask of the running service: reload, stop.

use core::time::Duration;
use std::sync::Arc;

use levada_domain::Io;
use levada_process::{
    Context, Failure, Isolated, Mailbox, Message, Restart, Sender, Strategy, Supervisor,
};
use levada_store::{Start as StoreStart, Store, StoreConfig};
use levada_web::{Start, Web, WebConfig};

use crate::admin::{self, Admin};
use crate::say::complain;
use crate::services::Services;

/// What the steward is told.
#[derive(Debug, Message)]
pub(crate) enum Order {
    /// The configuration is another from now on.
    Reload(Isolated<Told>),
    /// Take nothing new, finish what is being answered, end.
    Stop,
}

/// What each service that runs is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) web: Option<Arc<WebConfig>>,
    pub(crate) store: Option<Arc<StoreConfig>>,
}

/// What the services are started with.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) web: Option<Start>,
    pub(crate) store: Option<StoreStart>,
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
    let Plan { web, store, admin, grace } = plan;
    let web = match web {
        Some(start) => Some(Web::start(&context, &io, start).await?),
        None => None,
    };
    let store = match store {
        Some(start) => Some(Store::start(&context, &io, start).await?),
        None => None,
    };
    let services = Services { web, store };
    let mut house = Supervisor::new(&context, Strategy::OneForOne);
    if let Some(admin) = admin {
        admin::start(&context, &io, admin, services.clone(), &mut house).await?;
    }
    let steward = move |context: Context, inbox: Mailbox<Order>| {
        keep_house(context, inbox, services.clone(), grace)
    };
    let child = house.child(context.options(), "steward", Restart::Transient, steward)?;
    started(child.sender);
    house.run(&context).await
}

async fn keep_house(
    context: Context,
    mut inbox: Mailbox<Order>,
    services: Services,
    grace: Duration,
) -> Result<(), Failure> {
    loop {
        match inbox.recv().await? {
            Order::Reload(told) => {
                let Told { web, store } = told.into_inner();
                if let (Some(service), Some(config)) = (&services.web, web) {
                    service.reload(config).await?;
                }
                if let (Some(service), Some(config)) = (&services.store, store) {
                    service.reload(config).await?;
                }
            }
            Order::Stop => {
                let open = services.stop(&context, grace).await;
                if open > 0 {
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
