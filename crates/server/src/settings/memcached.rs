//! What can be said of the memcached service: the table `[memcached]`.

use levada_cache::TableOptions;
use serde::{Deserialize, Serialize};

use crate::units::{ByteCount, Place, Span};

/// The service, and what a peer may take of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MemcachedSettings {
    pub(crate) listen: Vec<Place>,
    /// What all items may take; of `memory`, half beside folders, and all but what replies need without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<ByteCount>,
    pub(crate) item_max: ByteCount,
    pub(crate) connections: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle: Option<Span>,
    pub(crate) value_timeout: Span,
    pub(crate) line_max: ByteCount,
    /// What may be announced and not arrived; a sixteenth of the items' memory where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receiving_max: Option<ByteCount>,
    pub(crate) hold_from: ByteCount,
    pub(crate) receive_from: ByteCount,
    pub(crate) flush_all: bool,
    /// Said by those who come from another server; refused with why.
    #[serde(skip_serializing)]
    pub(crate) udp: Option<toml::Value>,
}

/// The tables `[cache.table.NAME]` of those that this program has.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TablesSettings {
    pub(crate) memcached: TableSettings,
}

/// A table's.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TableSettings {
    pub(crate) mode: ModeChoice,
    pub(crate) load_high: f64,
    pub(crate) load_low: f64,
}

/// Whether items give way.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModeChoice {
    /// To others that are put.
    #[default]
    Cache,
    /// Never: what does not fit is refused.
    Durable,
}

impl Default for TableSettings {
    fn default() -> Self {
        // The cache's own: beyond them keys are refused now and then while there is memory.
        let TableOptions { load_high, load_low, .. } = TableOptions::default();
        Self { mode: ModeChoice::Cache, load_high, load_low }
    }
}

impl Default for MemcachedSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            memory: None,
            item_max: ByteCount(1 << 20),
            connections: 1_024,
            idle: None,
            value_timeout: Span(core::time::Duration::from_secs(30)),
            line_max: ByteCount(64 << 10),
            receiving_max: None,
            hold_from: ByteCount(4 << 10),
            receive_from: ByteCount(16 << 10),
            flush_all: true,
            udp: None,
        }
    }
}

impl MemcachedSettings {
    /// Whether there is to be such a service.
    pub(crate) fn is_on(&self) -> bool {
        !self.listen.is_empty()
    }
}
