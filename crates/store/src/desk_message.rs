//! What a core's desk is asked.

use std::sync::Arc;

use levada_process::{Isolated, Message, Reply};

use crate::config::StoreConfig;
use crate::counters::Counters;

/// A message to a desk.
#[derive(Debug, Message)]
pub(crate) enum ToDesk {
    /// What was counted?
    Report(Reply<Counters>),
    /// Count from nothing again.
    Reset(Reply<()>),
    /// The configuration is another from now on: its number, and itself.
    Reload(u32, Isolated<Arc<StoreConfig>>, Reply<()>),
    /// Take nothing new, and end connections behind what they have in hand.
    WindDown(Reply<()>),
}
