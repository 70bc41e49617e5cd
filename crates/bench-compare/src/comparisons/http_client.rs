//! `http-client`: the same nginx under our load and under wrk's, to see that our client measures what others measure.

use std::rc::Rc;

use crate::comparisons::web_case::{Price, Warmth, WebCase};
use crate::frame::comparison::{Case, Comparison, Contender, Entrant, Ground, Side, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::http::content::Content;
use crate::http::fetch::Target;
use crate::load::plan::{Lifetime, Window};
use crate::machine::clock::now_ns;
use crate::machine::folder::ServedFolder;
use crate::machine::server::Server;
use crate::rivals::wrk;

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "http-client",
    manner: Manner::Servers,
    title: "http-client: what our client and wrk find out about one nginx",
    unit: "µs/request",
    rate_unit: "requests/s",
    other_units: &[],
    yardsticks: &[Yardstick::Rival("wrk")],
    notes: &[
        "Both clients have one thread on the same core and send the same request; only the core's use may differ.",
        "wrk's own start and end count as well: its runs are whole seconds.",
    ],
    cases,
};

const CONNECTIONS: u32 = 64;

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let mut cases = Vec::new();
    for (length_bytes, name) in [(1024, "1 KiB"), (16 * 1024, "16 KiB")] {
        let content = Content::new(length_bytes, length_bytes);
        let target = folder.add(&format!("{length_bytes}.bin"), content)?;
        let case = WebCase {
            ground: ground.clone(),
            folder: Rc::clone(&folder),
            targets: vec![target.clone()],
            warmth: Warmth::Warm,
            connection_count: CONNECTIONS,
            lifetime: Lifetime::Kept,
            window: Window::Timed { warm_up: ground.pace.warm_up, length: ground.pace.window },
            price: Price::UsPerRequest,
        };
        let by_us =
            case.entrant("nginx by our client", Side::OursToo, |case| case.start_nginx(true));
        let (panel, point) = (format!("{name} files"), format!("{CONNECTIONS} connections"));
        cases.push(Case {
            panel,
            point,
            entrants: vec![by_us, by_wrk(case, target)],
            round_count: ground.pace.round_count,
            bars: Vec::new(),
        });
    }
    Ok(cases)
}

fn by_wrk(case: WebCase, target: Target) -> Entrant {
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        let server = case.start_nginx(true)?;
        Ok(Box::new(ByWrk { ground: case.ground, server, target }))
    };
    let name = "nginx by wrk".to_owned();
    Entrant { name, side: Side::Rival("wrk"), get_ready: Box::new(get_ready) }
}

/// A server that wrk loads.
struct ByWrk {
    ground: Ground,
    server: Server,
    target: Target,
}

impl Contender for ByWrk {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        self.server.note_members()?;
        let seconds = self.ground.pace.window.as_secs() + 1;
        let (before_ns, begun_ns) = (self.server.cpu_ns()?, now_ns());
        let places = &self.ground.places;
        let path = &self.target.path;
        let count = wrk::load(places, self.server.address, path, CONNECTIONS, seconds)?;
        let elapsed_ns = (now_ns() - begun_ns) as f64;
        let cpu_ns = (self.server.cpu_ns()? - before_ns) as f64;
        Ok(Sample {
            cost: cpu_ns / 1e3 / count.request_count as f64,
            client_cost: None,
            rate_per_s: Some(count.request_count as f64 / (elapsed_ns / 1e9)),
            busy_share: Some(cpu_ns / elapsed_ns),
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.server.cpu_ns().map(Some)
    }
}
