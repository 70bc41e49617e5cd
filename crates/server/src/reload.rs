//! Reloading reads the configuration again; what a running program cannot change is said, and waits for the next start.

use std::sync::Arc;

use levada_process::Isolated;

use crate::arguments::Said;
use crate::fault::Fault;
use crate::memcached::store_config;
use crate::say::complain;
use crate::settings::Settings;
use crate::settings::read::{Settled, read};
use crate::sites::{Shares, web_config};
use crate::steward::{Order, Told};

/// The order to use what the configuration says now.
///
/// # Errors
/// What is wrong with it; then nothing changes.
pub(crate) fn reload(said: &Said, settled: &Settled, shares: Shares) -> Result<Order, Fault> {
    let read = read(said)?;
    let web = web_config(&read, shares)?.map(Arc::new);
    let is_store = read.settings.memcached.is_on();
    let store = is_store.then(|| Arc::new(store_config(&read, shares)));
    for key in fixed(&settled.settings, &read.settings) {
        complain(&format!("`{key}` has changed: that takes another start"));
    }
    Ok(Order::Reload(Isolated::new(Told { web, store }, size_of::<Told>())))
}

/// The keys that differ and cannot be changed while running.
fn fixed(now: &Settings, then: &Settings) -> Vec<&'static str> {
    let same = [
        ("listen", now.listen == then.listen),
        ("admin", now.admin == then.admin),
        ("memory", now.memory == then.memory),
        ("cores", now.cores == then.cores),
        ("io", now.io == then.io),
        ("log", now.log == then.log),
        ("grace", now.grace == then.grace),
        ("limits.write_stall", now.limits.write_stall == then.limits.write_stall),
        ("cache.entries", now.cache.entries == then.cache.entries),
        ("cache.front", now.cache.front == then.cache.front),
        ("memcached.listen", now.memcached.listen == then.memcached.listen),
        ("cache.table.memcached", now.cache.table.memcached == then.cache.table.memcached),
        ("cache.limit", now.cache.limit == then.cache.limit),
        ("memcached.memory", now.memcached.memory == then.memcached.memory),
        ("limits.connections", now.limits.connections == then.limits.connections),
    ];
    same.into_iter().filter(|(_, is_same)| !is_same).map(|(key, _)| key).collect()
}
