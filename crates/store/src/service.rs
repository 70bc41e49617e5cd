//! The service is what a program starts, asks and stops: desks and acceptors on every core, and the items between them.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use levada_cache::{Cache, TableOptions};
use levada_domain::{Io, PerCore};
use levada_process::{CallError, Context, Failure, Isolated, Mailbox, Sender};
use levada_shared::Account;

use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::desk_message::ToDesk;
use crate::front::Front;
use crate::hall::Hall;
use crate::house::{Plan, ToHouse, keep};
use crate::items::Items;
use crate::part::Part;
use crate::report::StoreReport;

/// What the table of the items is called.
const TABLE: &str = "memcached";

/// How long a core has to answer a question about itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long a core has to make its processes.
const START_WITHIN: Duration = Duration::from_secs(10);

/// How often a service that stops looks whether its connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running memcached service. Clones speak to the same.
#[derive(Clone, Debug)]
pub struct Store {
    desks: Arc<[Sender<ToDesk>]>,
    hall: Arc<Hall>,
    /// How many configurations there were.
    configs: Arc<AtomicU32>,
}

/// What a memcached service is started with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Start {
    /// What it is told.
    pub config: Arc<StoreConfig>,
    /// Where the items are kept, in a table that is named `memcached`.
    pub cache: Cache,
    /// What the table is made with; its notes and what lives its entries can have are the service's own affair.
    pub table: TableOptions,
    /// For each core of the domain, in order, what it accepts from.
    pub parts: Vec<Vec<Part>>,
    /// Who is charged for replies, and for values on their way.
    pub account: Account,
}

impl Start {
    /// All that is needed.
    #[must_use]
    pub fn new(
        config: Arc<StoreConfig>,
        cache: Cache,
        parts: Vec<Vec<Part>>,
        account: Account,
    ) -> Self {
        Self { config, cache, table: TableOptions::default(), parts, account }
    }
}

impl Store {
    /// Starts the service on all cores of the domain. When this returns, connections are accepted.
    ///
    /// The processes that it consists of are supervised: one that fails is started anew, and nobody else notices. Where they fail too
    /// often, the process that started the service ends with them.
    ///
    /// # Errors
    /// [`Failure`] where a core has no room for the processes, and of a cache that has another table of that name.
    pub async fn start(context: &Context, io: &Io, start: Start) -> Result<Self, Failure> {
        let Start { config, cache, table, parts, account } = start;
        let items =
            Items::new(cache, TABLE, table).map_err(|error| Failure::new(error.to_string()))?;
        let places = parts.first().map_or(&[][..], Vec::as_slice).iter().map(Part::place);
        let hall = Arc::new(Hall::new(items, io.now(), places.collect()));
        let of_hall = Arc::clone(&hall);
        let front =
            PerCore::new(move || Front::new(Arc::clone(&config), Arc::clone(&of_hall), &account));
        let mut houses = Vec::new();
        for (number, (core, parts)) in io.cores().iter().zip(parts).enumerate() {
            let upkeep = (number == 0).then(|| Arc::clone(&hall));
            let plan = Plan { io: io.clone(), front: front.clone(), parts, upkeep };
            let house = move |context: Context, inbox: Mailbox<ToHouse>| keep(context, inbox, plan);
            let child =
                context.options().on(*core).spawn("memcached", house).await.map_err(no_room)?;
            context.link(child.pid).map_err(no_room)?;
            houses.push(child.sender);
        }
        let mut desks = Vec::new();
        for house in &houses {
            desks.push(house.call(START_WITHIN, ToHouse::Desk).await.map_err(no_room)?);
        }
        let desks = hall.desks.get_or_init(|| desks).clone();
        for house in &houses {
            house.call(START_WITHIN, ToHouse::Open).await.map_err(no_room)?;
        }
        Ok(Self { desks: desks.into(), hall, configs: Arc::default() })
    }

    /// Replaces the configuration. When this returns, commands are executed under the new one.
    ///
    /// # Errors
    /// [`Failure`] where a core does not take it, because it ends.
    pub async fn reload(&self, config: Arc<StoreConfig>) -> Result<(), Failure> {
        let number = self.configs.fetch_add(1, Ordering::Relaxed) + 1;
        let share = || Isolated::new(Arc::clone(&config), size_of::<StoreConfig>());
        for desk in self.desks.iter() {
            // A desk that failed over this is asked again: to be told twice is to be told once.
            while let Err(error) =
                desk.call(ANSWER_WITHIN, |reply| ToDesk::Reload(number, share(), reply)).await
            {
                if !matches!(error, CallError::Crashed | CallError::Dropped) {
                    return Err(Failure::new("the memcached service is ending"));
                }
            }
        }
        Ok(())
    }

    /// What all cores count. A core that does not answer in time is left out.
    pub async fn report(&self) -> StoreReport {
        let mut counters = Counters::default();
        for desk in self.desks.iter() {
            if let Ok(counted) = desk.call(ANSWER_WITHIN, ToDesk::Report).await {
                counters.add(&counted);
            }
        }
        let items = self.hall.items.gauges();
        StoreReport {
            counters,
            connections_open: self.hall.connections_open(),
            receiving_bytes: self.hall.receiving_bytes(),
            items: items.count,
            item_bytes: items.charged_bytes,
            limit_bytes: items.limit_bytes,
            evictions: items.evictions,
            refused: items.refused,
        }
    }

    /// Accepts nothing more, ends connections behind what they have in hand, and waits for that until `grace` is over. True
    /// if all have ended.
    pub async fn stop(&self, context: &Context, grace: Duration) -> bool {
        let by = context.now().after(grace);
        for desk in self.desks.iter() {
            // A core that has gone has no connections.
            let _ended: bool = desk.call(ANSWER_WITHIN, ToDesk::WindDown).await.is_err();
        }
        while self.hall.connections_open() > 0 {
            let now = context.now();
            if now >= by || context.sleep_until(by.min(now.after(LOOK_EVERY))).await.is_err() {
                return false;
            }
        }
        true
    }
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("a core has no room for the processes of the memcached service")
}
