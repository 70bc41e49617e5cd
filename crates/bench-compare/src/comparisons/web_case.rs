//! A web case is a folder, a load, and every server that can serve the one under the other.

use std::rc::Rc;

use crate::floor::serve_bare::BareIo;
use crate::frame::comparison::{Bar, Case, Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::http::fetch::{Connection, Fetch, Target};
use crate::http::proof::prove;
use crate::load::plan::{Lifetime, Plan, Window};
use crate::load::run::run;
use crate::load::tally::Tally;
use crate::machine::folder::ServedFolder;
use crate::machine::server::Server;
use crate::rivals::levada::LevadaIo;
use crate::rivals::{bare, levada, nginx, static_web_server};

/// What a piece of work is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Price {
    /// CPU microseconds for a request.
    UsPerRequest,
    /// CPU milliseconds for 10^9 bytes.
    MsPerGb,
}

/// Where the files are when the server is asked for them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Warmth {
    /// In the page cache, and wherever a server keeps what it has sent before.
    Warm,
    /// On the disk only: dropped from the page cache before each round.
    Cold,
}

/// The work of one case.
#[derive(Clone, Debug)]
pub(crate) struct WebCase {
    pub(crate) ground: Ground,
    pub(crate) folder: Rc<ServedFolder>,
    /// Files of one length; the floor answers with the first for each.
    pub(crate) targets: Vec<Target>,
    pub(crate) warmth: Warmth,
    pub(crate) connection_count: u32,
    pub(crate) lifetime: Lifetime,
    pub(crate) window: Window,
    pub(crate) price: Price,
}

impl WebCase {
    /// A case with everybody in it, that is judged.
    pub(crate) fn judged(&self, panel: &str, point: &str, bars: Vec<Bar>) -> Case {
        Case {
            panel: panel.to_owned(),
            point: point.to_owned(),
            entrants: self.entrants(),
            round_count: self.ground.pace.round_count,
            bars,
        }
    }

    /// Everybody, ours first.
    pub(crate) fn entrants(&self) -> Vec<Entrant> {
        let mut entrants = vec![
            self.entrant("levada", Side::Ours, |case| case.start_levada(LevadaIo::Auto)),
            self.entrant("levada, epoll", Side::OursToo, |case| case.start_levada(LevadaIo::Epoll)),
        ];
        // The floor has one fixed reply: it cannot answer with several files.
        if self.targets.len() == 1 {
            entrants.extend([
                self.entrant("bare ring", Side::Floor, |case| case.start_bare(BareIo::Ring)),
                self.entrant("bare epoll", Side::FloorToo, |case| case.start_bare(BareIo::Epoll)),
            ]);
            if self.price == Price::MsPerGb {
                entrants.push(self.entrant("bare epoll, sendfile", Side::FloorToo, |case| {
                    case.start_bare(BareIo::Sendfile)
                }));
            }
        }
        entrants.extend(self.nginx_both_ways());
        entrants.push(self.entrant(
            "static-web-server",
            Side::Rival("static-web-server"),
            |case| {
                let scratch = case.folder.scratch()?;
                static_web_server::start(&case.ground.places, case.folder.path(), &scratch)
            },
        ));
        entrants
    }

    /// Those who are drawn over a sweep: ours, the floor, and the rival whom the bars name.
    pub(crate) fn few_entrants(&self) -> Vec<Entrant> {
        let mut entrants = vec![
            self.entrant("levada", Side::Ours, |case| case.start_levada(LevadaIo::Auto)),
            self.entrant("bare ring", Side::Floor, |case| case.start_bare(BareIo::Ring)),
        ];
        entrants.extend(self.nginx_both_ways());
        entrants
    }

    fn nginx_both_ways(&self) -> [Entrant; 2] {
        [("nginx, sendfile on", true), ("nginx, sendfile off", false)].map(|(name, sendfile)| {
            self.entrant(name, Side::Rival("nginx"), move |case| case.start_nginx(sendfile))
        })
    }

    pub(crate) fn entrant(
        &self,
        name: &str,
        side: Side,
        start: impl FnOnce(&Self) -> Result<Server, Fault> + 'static,
    ) -> Entrant {
        let case = self.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            let server = start(&case)?;
            prove(server.address, &case.targets[0])?;
            Ok(Box::new(Served { case, server }))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    }

    fn start_levada(&self, io: LevadaIo) -> Result<Server, Fault> {
        levada::start(&self.ground.places, self.folder.path(), &self.folder.scratch()?, io)
    }

    fn start_bare(&self, io: BareIo) -> Result<Server, Fault> {
        let close = self.lifetime == Lifetime::OneRequest;
        let scratch = self.folder.scratch()?;
        bare::start(&self.ground.places, &scratch, io, &self.targets[0].content, close)
    }

    /// As this file is fetched by whoever wants to load nginx in another way.
    pub(crate) fn start_nginx(&self, sendfile: bool) -> Result<Server, Fault> {
        nginx::start(&self.ground.places, self.folder.path(), &self.folder.scratch()?, sendfile)
    }

    fn plan(&self, server: &Server) -> Plan {
        let answer_bytes = self.targets[0].content.length_bytes + 1024;
        // In whole pages, and not longer than what stays in the core's cache with all others.
        let block_bytes = answer_bytes.next_multiple_of(4 * 1024).min(64 * 1024);
        Plan {
            server: server.road(),
            address_count: 1,
            connection_count: self.connection_count,
            lifetime: self.lifetime,
            window: self.window,
            block_bytes: u32::try_from(block_bytes).expect("at most 64 KiB"),
        }
    }
}

/// A server that this case loads.
pub(crate) struct Served {
    case: WebCase,
    server: Server,
}

impl Contender for Served {
    fn measure(&mut self) -> Result<Sample, Fault> {
        if self.case.warmth == Warmth::Cold {
            self.case.targets.iter().try_for_each(|target| self.case.folder.chill(target))?;
        }
        self.server.note_members()?;
        let connection = match self.case.lifetime {
            Lifetime::Kept => Connection::Keep,
            Lifetime::OneRequest | Lifetime::Requests(_) => Connection::Close,
        };
        let mut fetch = Fetch::new(self.case.targets.clone(), connection);
        let plan = self.case.plan(&self.server);
        let tally = run(plan, &mut fetch, &mut || self.server.cpu_ns(), &self.case.ground.stop)?;
        self.server.settle()?;
        if tally.request_count == 0 || fetch.compared_bytes() == 0 {
            return Err(Fault::Wrong("no answer was whole within the window".to_owned()));
        }
        if tally.cpu_ns == 0 {
            return Err(Fault::Wrong("the server answered without using the CPU".to_owned()));
        }
        Ok(sample(self.case.price, tally))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.server.cpu_ns().map(Some)
    }
}

fn sample(price: Price, tally: Tally) -> Sample {
    let elapsed_ns = tally.elapsed_ns as f64;
    let cost = |cpu_ns: u64| match price {
        Price::UsPerRequest => cpu_ns as f64 / 1e3 / tally.request_count as f64,
        Price::MsPerGb => cpu_ns as f64 / 1e6 / (tally.heard_bytes as f64 / 1e9),
    };
    Sample {
        cost: cost(tally.cpu_ns),
        client_cost: Some(cost(tally.client_cpu_ns)),
        rate_per_s: Some(tally.request_count as f64 / (elapsed_ns / 1e9)),
        busy_share: Some(tally.cpu_ns as f64 / elapsed_ns),
        latency_ns: Some(tally.latency_ns),
        others: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_cpu_for_a_request_or_for_a_gigabyte() {
        let tally = Tally {
            request_count: 1000,
            heard_bytes: 2_000_000_000,
            elapsed_ns: 10_000_000,
            cpu_ns: 5_000_000,
            client_cpu_ns: 7_000_000,
            ..Tally::default()
        };
        let for_request = sample(Price::UsPerRequest, tally.clone());
        assert!((for_request.cost - 5.0).abs() < 1e-9);
        assert!((for_request.client_cost.unwrap() - 7.0).abs() < 1e-9);
        assert!((for_request.rate_per_s.unwrap() - 100_000.0).abs() < 1e-6);
        assert!((for_request.busy_share.unwrap() - 0.5).abs() < 1e-9);
        assert!((sample(Price::MsPerGb, tally).cost - 2.5).abs() < 1e-9);
    }
}
