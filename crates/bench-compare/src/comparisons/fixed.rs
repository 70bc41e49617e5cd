//! An entrant that needs no measuring: what a bar allows, to stand in the table beside what was measured.

use crate::frame::comparison::{Contender, Entrant, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;

/// An entrant with always this cost.
pub(crate) fn fixed(name: &'static str, cost: f64) -> Entrant {
    said(name, Side::Rival(name), cost)
}

/// The same on any side: what the compiler says needs no measuring either.
pub(crate) fn said(name: &str, side: Side, cost: f64) -> Entrant {
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> { Ok(Box::new(Fixed { cost })) };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Fixed {
    cost: f64,
}

impl Contender for Fixed {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let (client_cost, rate_per_s, busy_share) = (None, None, None);
        let (latency_ns, others) = (None, Vec::new());
        Ok(Sample { cost: self.cost, client_cost, rate_per_s, busy_share, latency_ns, others })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}
