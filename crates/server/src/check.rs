//! Checking is doing all that serving does before it begins, and showing what would hold.

use levada_web::WebConfig;

use crate::arguments::Said;
use crate::fault::Fault;
use crate::memcached::{items_cache, items_table, store_config};
use crate::processors::processors;
use crate::say::say;
use crate::serve::shares;
use crate::settings::Settings;
use crate::settings::read::read;
use crate::sites::web_config;
use crate::units::{ByteCount, EntryCount};

/// Looks at what was said, and shows it with all that follows from it, as a file that says the same.
///
/// # Errors
/// What is wrong, as `serve` would say it.
pub(crate) fn check(said: &Said) -> Result<(), Fault> {
    let mut settled = read(said)?;
    let shares = shares(&settled, processors(&settled)?.len())?;
    let config = web_config(&settled, shares)?;
    if settled.settings.memcached.is_on() {
        drop((items_cache(&settled, shares)?, items_table(&settled)?));
        let store = store_config(&settled, shares);
        let settings = &mut settled.settings.memcached;
        settings.memory = Some(ByteCount(shares.memory.items_bytes));
        settings.receiving_max = Some(ByteCount(store.limits.receiving_bytes_max));
    }
    let settings = &mut settled.settings;
    settings.memory = Some(ByteCount(shares.memory.all_bytes));
    settings.limits.connections = shares.connections;
    if let Some(config) = config {
        show_web(settings, &config);
    }
    let text = toml::to_string(settings)
        .map_err(|error| Fault::failed(format!("cannot show the configuration: {error}")))?;
    say(&text.trim_end());
    Ok(())
}

fn show_web(settings: &mut Settings, config: &WebConfig) {
    settings.cache.max_file = ByteCount(config.cache.file_bytes_max);
    settings.cache.back = Some(ByteCount(config.cache.back_bytes_max));
    settings.cache.hot = Some(ByteCount(config.cache.hot_bytes_max));
    settings.cache.entries = Some(config.cache.entries_max);
    settings.cache.front = Some(EntryCount(config.cache.front_entries_max));
}
