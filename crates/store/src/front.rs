//! The front is what the connections of a core share: the configuration, a block for replies, counts.

use std::sync::Arc;

use levada_shared::{Account, ExclusiveBuf};

use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::hall::Hall;
use crate::reads::Run;

/// One core's.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) config: Arc<StoreConfig>,
    /// Which configuration it is, counted from the start.
    config_number: u32,
    pub(crate) hall: Arc<Hall>,
    /// For replies, and for values on their way.
    pub(crate) account: Account,
    pub(crate) values: Account,
    /// Where replies are written, range by range.
    pub(crate) block: Option<ExclusiveBuf>,
    /// Where new data is written that is made of old; it grows to the longest of late.
    pub(crate) scratch: Vec<u8>,
    pub(crate) counters: Counters,
    /// Where the keys of a pass are put together.
    pub(crate) run: Run<'static>,
    /// Connections that are being told that they are too many.
    pub(crate) turned_away: u64,
}

impl Front {
    pub(crate) fn new(config: Arc<StoreConfig>, hall: Arc<Hall>, account: &Account) -> Self {
        Self {
            config,
            config_number: 0,
            hall,
            account: account.with_tag("memcached replies"),
            values: account.with_tag("memcached values that arrive"),
            block: None,
            scratch: Vec::new(),
            counters: Counters::default(),
            run: Run::default(),
            turned_away: 0,
        }
    }

    /// Another configuration from now on, unless it is older than the one that is there.
    pub(crate) fn reload(&mut self, number: u32, config: Arc<StoreConfig>) {
        if number > self.config_number {
            (self.config_number, self.config) = (number, config);
        }
    }
}
