//! The service is what a program starts, asks and stops: storage, desks and acceptors on every core.

use core::time::Duration;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use levada_channel::ListenPart;
use levada_domain::{Io, PerCore};
use levada_process::{CallError, Context, Failure, Isolated, Kill, Mailbox};
use levada_shared::Account;

use crate::config::WebConfig;
use crate::counters::Counters;
use crate::desk_message::ToDesk;
use crate::front::Front;
use crate::house::{Plan, ToHouse, keep};
use crate::keepers::Keepers;
use crate::report::WebReport;
use crate::storage_message::{Kept, ToStorage};

/// How long a core has to answer a question about itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long a core has to make its processes.
const START_WITHIN: Duration = Duration::from_secs(10);

/// How often a service that stops looks whether its connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running web service. Clones speak to the same.
#[derive(Clone, Debug)]
pub struct Web {
    keepers: Keepers,
    kills: Arc<[(&'static str, Kill)]>,
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
    /// The processes that it consists of are supervised: one that fails is started anew, and nobody else notices. Where they fail too
    /// often, the process that started the service ends with them.
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
        let mut houses = Vec::new();
        for (core, parts) in io.cores().iter().zip(parts) {
            let plan = Plan { io: io.clone(), front: front.clone(), files: files.clone(), parts };
            let house = move |context: Context, inbox: Mailbox<ToHouse>| keep(context, inbox, plan);
            let child = context.options().on(*core).spawn("web", house).await.map_err(no_room)?;
            context.link(child.pid).map_err(no_room)?;
            houses.push(child.sender);
        }
        let mut keepers = Keepers { storages: Vec::new(), desks: Vec::new() };
        let mut kills = Vec::new();
        for house in &houses {
            let keys = house.call(START_WITHIN, ToHouse::Keys).await.map_err(no_room)?;
            keepers.storages.push(keys.storage);
            keepers.desks.push(keys.desk);
            kills.extend(keys.kills);
        }
        let keepers = known.get_or_init(|| keepers).clone();
        for house in &houses {
            house.call(START_WITHIN, ToHouse::Open).await.map_err(no_room)?;
        }
        Ok(Self { keepers, kills: kills.into(), configs: Arc::new(AtomicU32::new(0)) })
    }

    /// The processes that the service consists of, connections left out, with the right to end each of them: for drills. Nothing is
    /// lost by that but what it was working on.
    #[must_use]
    pub fn processes(&self) -> &[(&'static str, Kill)] {
        &self.kills
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
            // A desk that failed over this is asked again: to be told twice is to be told once.
            while let Err(error) =
                desk.call(ANSWER_WITHIN, |reply| ToDesk::Reload(number, share(), reply)).await
            {
                if !matches!(error, CallError::Crashed | CallError::Dropped) {
                    return Err(ending(error));
                }
            }
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
