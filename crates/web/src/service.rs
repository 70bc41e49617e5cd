//! The service is what a program starts, asks and stops: storage, desks and acceptors on every core.

use core::time::Duration;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use levada_channel::ListenPart;
use levada_domain::{Io, PerCore};
use levada_process::{Context, Failure, Full, Isolated, Mailbox};
use levada_shared::Account;

use crate::accept::accept;
use crate::config::WebConfig;
use crate::counters::Counters;
use crate::desk::desk;
use crate::desk_message::ToDesk;
use crate::front::Front;
use crate::keepers::Keepers;
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
    keepers: Keepers,
    /// How many configurations there were.
    configs: Arc<AtomicU32>,
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
    /// [`Failure`] where a core has no room for the processes, and of a configuration without a site or with 65,536.
    pub async fn start(context: &Context, io: &Io, start: Start) -> Result<Self, Failure> {
        let Start { config, parts, files, replies } = start;
        check(&config)?;
        let known = Arc::new(OnceLock::new());
        let (of_config, of_known) = (Arc::clone(&config), Arc::clone(&known));
        let front = PerCore::new(move || {
            Front::new(Arc::clone(&of_config), replies.clone(), Arc::clone(&of_known))
        });
        let mut keepers = Keepers { storages: Vec::new(), desks: Vec::new() };
        for core in io.cores() {
            let (of_io, of_front) = (io.clone(), front.clone());
            let (of_config, of_files) = (Arc::clone(&config), files.clone());
            let storage = move |context: Context, inbox: Mailbox<ToStorage>| {
                Storage::run(context, inbox, of_io, of_front, of_config, of_files)
            };
            let options = context.options().mailbox(MAILBOX, Full::Wait).on(*core);
            let child = options.spawn("storage", storage).await.map_err(no_room)?;
            keepers.storages.push(child.sender);
            let (of_io, of_front) = (io.clone(), front.clone());
            let run = move |_: Context, inbox: Mailbox<ToDesk>| desk(inbox, of_io, of_front);
            let child = context.options().on(*core).spawn("desk", run).await.map_err(no_room)?;
            keepers.desks.push(child.sender);
        }
        let keepers = known.get_or_init(|| keepers).clone();
        for (core, parts) in io.cores().iter().zip(parts) {
            for part in parts {
                let (of_io, of_front) = (io.clone(), front.clone());
                let run =
                    move |context: Context, _: Mailbox<()>| accept(context, of_io, of_front, part);
                context.options().on(*core).spawn("acceptor", run).await.map_err(no_room)?;
            }
        }
        Ok(Self { keepers, configs: Arc::new(AtomicU32::new(0)) })
    }

    /// Replaces the configuration. When this returns, requests are answered by the new one; each request is answered by
    /// one of them, never by parts of both. Nothing that was kept is kept on.
    ///
    /// # Errors
    /// [`Failure`] where a core does not take it, because it ends.
    pub async fn reload(&self, config: Arc<WebConfig>) -> Result<(), Failure> {
        check(&config)?;
        let number = self.configs.fetch_add(1, Ordering::Relaxed) + 1;
        let share = || Isolated::new(Arc::clone(&config), size_of::<WebConfig>());
        for storage in &self.keepers.storages {
            storage.send(ToStorage::Reload(number, share())).await.map_err(ending)?;
        }
        for desk in &self.keepers.desks {
            let told = desk.call(ANSWER_WITHIN, |reply| ToDesk::Reload(number, share(), reply));
            told.await.map_err(ending)?;
        }
        Ok(())
    }

    /// What all cores count and keep. A core that does not answer in time is left out.
    pub async fn report(&self) -> WebReport {
        let mut counters = Counters::default();
        for desk in &self.keepers.desks {
            if let Ok(counted) = desk.call(ANSWER_WITHIN, ToDesk::Report).await {
                counters.add(&counted);
            }
        }
        let mut kept = Kept::default();
        for storage in &self.keepers.storages {
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
        for desk in &self.keepers.desks {
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
            if context.sleep_until(by.min(now.after(LOOK_EVERY))).await.is_err() {
                return false;
            }
        }
    }
}

/// A request's site is a number of two bytes, and there is a first for all hosts that no other has.
fn check(config: &WebConfig) -> Result<(), Failure> {
    if config.sites.is_empty() || config.sites.len() > usize::from(u16::MAX) {
        let count = config.sites.len();
        return Err(Failure::new(format!("{count} sites cannot be served: from 1 to 65,535 can")));
    }
    Ok(())
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("a core has no room for the processes of the web service")
}

fn ending<E>(_: E) -> Failure {
    Failure::new("the web service is ending")
}
