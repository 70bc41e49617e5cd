//! The service is what a program starts, asks and stops: storage, desks and acceptors on every core.

use core::time::Duration;
use std::sync::Arc;

use levada_channel::ListenPart;
use levada_domain::{Io, PerCore};
use levada_process::{Context, Failure, Full, Isolated, Mailbox, Sender};
use levada_shared::Account;

use crate::accept::accept;
use crate::config::WebConfig;
use crate::counters::Counters;
use crate::desk::{ToDesk, desk};
use crate::front::Front;
use crate::report::WebReport;
use crate::storage::{MAILBOX, Storage};
use crate::storage_message::{Kept, ToStorage};

/// How long a core has to answer a question about itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often a service that stops looks whether its connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running web service. Clones speak to the same.
#[derive(Clone, Debug)]
pub struct Web {
    storages: Vec<Sender<ToStorage>>,
    desks: Vec<Sender<ToDesk>>,
}

/// What a web service is started with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Start {
    /// What it is told.
    pub config: Arc<WebConfig>,
    /// For each core of the domain, in order, what it accepts from.
    pub parts: Vec<Vec<ListenPart>>,
    /// Who is charged for the files that are kept.
    pub files: Account,
    /// Who is charged for heads, and for what is streamed.
    pub replies: Account,
}

impl Start {
    /// All that is needed.
    #[must_use]
    pub fn new(
        config: Arc<WebConfig>,
        parts: Vec<Vec<ListenPart>>,
        files: Account,
        replies: Account,
    ) -> Self {
        Self { config, parts, files, replies }
    }
}

impl Web {
    /// Starts the service on all cores of the domain. When this returns, connections are accepted.
    ///
    /// # Errors
    /// [`Failure`] where a core has no room for the processes.
    pub async fn start(context: &Context, io: &Io, start: Start) -> Result<Self, Failure> {
        let Start { config, parts, files, replies } = start;
        let mut storages = Vec::new();
        for core in io.cores() {
            let (of_io, of_config, of_files) = (io.clone(), Arc::clone(&config), files.clone());
            let storage = move |context: Context, inbox: Mailbox<ToStorage>| {
                Storage::run(context, inbox, of_io, of_config, of_files)
            };
            let options = context.options().mailbox(MAILBOX, Full::Wait).on(*core);
            storages.push(options.spawn("storage", storage).await.map_err(no_room)?.sender);
        }
        let shards = storages.clone();
        let of_config = Arc::clone(&config);
        let front = PerCore::new(move || {
            Front::new(Arc::clone(&of_config), replies.clone(), shards.clone())
        });
        let mut desks = Vec::new();
        for (core, parts) in io.cores().iter().zip(parts) {
            let (of_io, of_front) = (io.clone(), front.clone());
            let run = move |_: Context, inbox: Mailbox<ToDesk>| desk(inbox, of_io, of_front);
            desks.push(
                context.options().on(*core).spawn("desk", run).await.map_err(no_room)?.sender,
            );
            for part in parts {
                let (of_io, of_front) = (io.clone(), front.clone());
                let run =
                    move |context: Context, _: Mailbox<()>| accept(context, of_io, of_front, part);
                context.options().on(*core).spawn("acceptor", run).await.map_err(no_room)?;
            }
        }
        Ok(Self { storages, desks })
    }

    /// Replaces the configuration: requests from now on are answered by the new one, and nothing that was kept is.
    ///
    /// # Errors
    /// [`Failure`] where a core does not take it, because it ends.
    pub async fn reload(&self, config: Arc<WebConfig>) -> Result<(), Failure> {
        for storage in &self.storages {
            let config = Isolated::new(Arc::clone(&config), size_of::<WebConfig>());
            storage.send(ToStorage::Reload(config)).await.map_err(ending)?;
        }
        for desk in &self.desks {
            let config = Isolated::new(Arc::clone(&config), size_of::<WebConfig>());
            desk.send(ToDesk::Reload(config)).await.map_err(ending)?;
        }
        Ok(())
    }

    /// What all cores count and keep. A core that does not answer in time is left out.
    pub async fn report(&self) -> WebReport {
        let mut counters = Counters::default();
        for desk in &self.desks {
            if let Ok(counted) = desk.call(ANSWER_WITHIN, ToDesk::Report).await {
                counters.add(&counted);
            }
        }
        let mut kept = Kept::default();
        for storage in &self.storages {
            if let Ok(of_shard) = storage.call(ANSWER_WITHIN, ToStorage::Report).await {
                kept.add(&of_shard);
            }
        }
        WebReport::of(&counters, &kept)
    }

    /// Accepts nothing more, ends connections behind the answers in hand, and waits for that until `grace` is over. True
    /// if all have ended.
    pub async fn stop(&self, context: &Context, grace: Duration) -> bool {
        let by = context.now().after(grace);
        for desk in &self.desks {
            // A core that has gone has no connections.
            let _ended: bool = desk.call(ANSWER_WITHIN, ToDesk::WindDown).await.is_err();
        }
        loop {
            if self.report().await.connections_open == 0 {
                return true;
            }
            let now = context.now();
            if now >= by {
                return false;
            }
            context.sleep_until(by.min(now.after(LOOK_EVERY))).await;
        }
    }
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("a core has no room for the processes of the web service")
}

fn ending<E>(_: E) -> Failure {
    Failure::new("the web service is ending")
}
