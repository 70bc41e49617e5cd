//! What a core's desk is asked.

use std::sync::Arc;

use levada_process::{Isolated, Message, Reply};

use crate::config::WebConfig;
use crate::counters::Counters;

/// A message to a desk.
#[derive(Debug, Message)]
pub(crate) enum ToDesk {
    /// What was counted?
    Report(Reply<Counters>),
    /// The configuration is another from now on: its number, and itself.
    Reload(u32, Isolated<Arc<WebConfig>>, Reply<()>),
    /// Take nothing new, and end connections behind their answers.
    WindDown(Reply<()>),
}
