//! A sample is what one round found out about one entrant.

use crate::frame::histogram::Histogram;

#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// In the comparison's unit: what a piece of work costs.
    pub(crate) cost: f64,
    /// In the same unit: what it costs the one who asks, where somebody does.
    pub(crate) client_cost: Option<f64>,
    /// Pieces of work in a second, where any are done over and over.
    pub(crate) rate_per_s: Option<f64>,
    /// What of its core the entrant used, where that is not the whole by nature.
    pub(crate) busy_share: Option<f64>,
    /// From asking to having, where somebody asks.
    pub(crate) latency_ns: Option<Histogram>,
    /// Further figures, in the units that the comparison names.
    pub(crate) others: Vec<f64>,
}
