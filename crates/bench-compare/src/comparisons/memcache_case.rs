//! A memcache case is a stock, a way of asking for it, and every server that keeps it.

use std::rc::Rc;

use crate::comparisons::store_case::memory_sample;
use crate::floor::serve_bare::BareIo;
use crate::frame::comparison::{Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::load::plan::{Lifetime, Plan, Window};
use crate::load::run::run;
use crate::load::tally::Tally;
use crate::machine::folder::ServedFolder;
use crate::machine::server::{Room, Server};
use crate::memcache::exchange::Exchange;
use crate::memcache::fill::Filler;
use crate::memcache::script::{Asks, Script};
use crate::memcache::stock::{KEY_BYTES, Stock};
use crate::rivals::cache_servers::{CacheBy, CacheSetting, Over, start};
use crate::rivals::levada::LevadaIo;

/// What a cost is counted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Price {
    /// CPU microseconds for a value that is put or got.
    UsPerOperation,
    /// CPU milliseconds for 10^9 bytes of values.
    MsPerGb,
}

/// The work of one case.
#[derive(Clone, Debug)]
pub(crate) struct MemcacheCase {
    pub(crate) ground: Ground,
    pub(crate) folder: Rc<ServedFolder>,
    pub(crate) stock: Stock,
    pub(crate) asks: Asks,
    pub(crate) over: Over,
    pub(crate) room: Room,
    pub(crate) connection_count: u32,
    pub(crate) price: Price,
}

/// One who takes part: his name, side and kind.
pub(crate) type Keeping = (&'static str, Side, CacheBy);

pub(crate) const OURS: Keeping = ("levada", Side::Ours, CacheBy::Levada(LevadaIo::Auto));
pub(crate) const MEMCACHED: Keeping = ("memcached", Side::Rival("memcached"), CacheBy::Memcached);
pub(crate) const REDIS: Keeping = ("Redis", Side::Rival("Redis"), CacheBy::Redis);
const OURS_BY_EPOLL: Keeping = ("levada, epoll", Side::OursToo, CacheBy::Levada(LevadaIo::Epoll));
const BARE: Keeping = ("bare ring", Side::Floor, CacheBy::Bare(BareIo::Ring));
const BARE_BY_EPOLL: Keeping = ("bare epoll", Side::FloorToo, CacheBy::Bare(BareIo::Epoll));

impl MemcacheCase {
    /// Everybody, ours first.
    pub(crate) fn entrants(&self) -> Vec<Entrant> {
        let all = [OURS, OURS_BY_EPOLL, BARE, BARE_BY_EPOLL, MEMCACHED, REDIS];
        all.into_iter().map(|one| self.entrant(one)).collect()
    }

    /// Those who are drawn over a sweep.
    pub(crate) fn few_entrants(&self) -> Vec<Entrant> {
        [OURS, BARE, MEMCACHED].into_iter().map(|one| self.entrant(one)).collect()
    }

    pub(crate) fn entrant(&self, (name, side, by): Keeping) -> Entrant {
        let case = self.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            case.ground.stop.check()?;
            let is_floor = matches!(by, CacheBy::Bare(_));
            let mut script = Script::new(by.tongue(), &case.stock, case.asks);
            if is_floor {
                script = script.flattened();
            }
            let setting = CacheSetting { by, over: case.over, room: case.room };
            let scratch = case.folder.scratch()?;
            let server = start(&case.ground.places, &scratch, setting, &script)?;
            if !is_floor {
                let mut filler = Filler::connect(&server.road(), by.tongue(), &case.stock)?;
                filler.fill()?;
                filler.look_at_all()?;
            }
            Ok(Box::new(Asked { case, by, script, server, round_count: 0 }))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    }

    fn plan(&self, server: &Server, script: &Script) -> Plan {
        let answer_bytes = script.answers.iter().map(Vec::len).max().unwrap_or_default();
        // In whole pages, and not longer than what stays in the core's cache with all others.
        let block_bytes = answer_bytes.next_multiple_of(4 * 1024).min(64 * 1024);
        let pace = self.ground.pace;
        Plan {
            server: server.road(),
            address_count: 1,
            connection_count: self.connection_count,
            lifetime: Lifetime::Kept,
            window: Window::Timed { warm_up: pace.warm_up, length: pace.window },
            block_bytes: u32::try_from(block_bytes).expect("at most 64 KiB"),
        }
    }
}

/// A server that this case loads.
struct Asked {
    case: MemcacheCase,
    by: CacheBy,
    script: Script,
    server: Server,
    round_count: u64,
}

impl Contender for Asked {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.server.note_members()?;
        self.round_count += 1;
        let mut exchange = Exchange::new(&self.script, self.round_count);
        let plan = self.case.plan(&self.server, &self.script);
        let stop = &self.case.ground.stop;
        let tally = run(plan, &mut exchange, &mut || self.server.cpu_ns(), stop)?;
        if self.case.asks == Asks::Set && !matches!(self.by, CacheBy::Bare(_)) {
            let road = self.server.road();
            Filler::connect(&road, self.by.tongue(), &self.case.stock)?.look_at_all()?;
        }
        self.server.settle()?;
        if tally.request_count == 0 || tally.cpu_ns == 0 {
            return Err(Fault::Wrong("no answer was whole within the window".to_owned()));
        }
        let operation_count = tally.request_count * self.script.operation_count;
        Ok(sample(self.case.price, operation_count, self.case.stock.value_bytes, tally))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.server.cpu_ns().map(Some)
    }
}

fn sample(price: Price, operation_count: u64, value_bytes: usize, tally: Tally) -> Sample {
    let (elapsed_ns, operations) = (tally.elapsed_ns as f64, operation_count as f64);
    let cost = |cpu_ns: u64| match price {
        Price::UsPerOperation => cpu_ns as f64 / 1e3 / operations,
        Price::MsPerGb => cpu_ns as f64 / 1e6 / (operations * value_bytes as f64 / 1e9),
    };
    Sample {
        cost: cost(tally.cpu_ns),
        client_cost: Some(cost(tally.client_cpu_ns)),
        rate_per_s: Some(operations / (elapsed_ns / 1e9)),
        busy_share: Some(tally.cpu_ns as f64 / elapsed_ns),
        latency_ns: Some(tally.latency_ns),
        others: Vec::new(),
    }
}

/// An entrant that fills a fresh server each time; its cost is what that grew by for an item.
pub(crate) fn filled(
    ground: &Ground,
    folder: &Rc<ServedFolder>,
    stock: &Stock,
    (name, side, by): Keeping,
) -> Entrant {
    let (ground, folder, stock) = (ground.clone(), Rc::clone(folder), stock.clone());
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Filled { ground, folder, stock, by }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Filled {
    ground: Ground,
    folder: Rc<ServedFolder>,
    stock: Stock,
    by: CacheBy,
}

impl Contender for Filled {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let setting = CacheSetting { by: self.by, over: Over::Unix, room: Room::ServerCore };
        let scratch = self.folder.scratch()?;
        let server = start(&self.ground.places, &scratch, setting, &Script::default())?;
        let mut filler = Filler::connect(&server.road(), self.by.tongue(), &self.stock)?;
        let before_bytes = server.resident_bytes()?;
        filler.fill()?;
        let grown_bytes = server.resident_bytes()?.saturating_sub(before_bytes) as f64;
        // After it was counted: what an answer needs is no item's.
        filler.look_at_all()?;
        let each_bytes = grown_bytes / self.stock.count as f64;
        let data_bytes = (KEY_BYTES + self.stock.value_bytes) as f64;
        Ok(memory_sample(each_bytes, each_bytes / data_bytes))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_cpu_for_a_value_or_for_a_gigabyte_of_them() {
        let tally = Tally {
            request_count: 1_000,
            elapsed_ns: 10_000_000,
            cpu_ns: 5_000_000,
            client_cpu_ns: 7_000_000,
            ..Tally::default()
        };
        let for_operation = sample(Price::UsPerOperation, 50_000, 100, tally.clone());
        assert!((for_operation.cost - 0.1).abs() < 1e-9);
        assert!((for_operation.rate_per_s.unwrap() - 5e6).abs() < 1e-3);
        let for_bytes = sample(Price::MsPerGb, 1_000, 1_000_000, tally);
        assert!((for_bytes.cost - 5.0).abs() < 1e-9);
        assert!((for_bytes.client_cost.unwrap() - 7.0).abs() < 1e-9);
    }
}
