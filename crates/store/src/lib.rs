//! Executes memcached commands on one shared table, through light processes on every core.

#![forbid(unsafe_code)]

mod accept;
mod arriving;
mod changing;
mod config;
mod connection;
mod counters;
mod desk;
mod desk_message;
mod front;
mod hall;
mod house;
mod input;
mod item;
mod items;
mod meta_get;
mod open;
mod outgoing;
mod part;
mod pass;
mod reads;
mod report;
mod service;
mod stats;
mod storing;
mod turn_away;
mod upkeep;
mod work;

pub use config::{StoreConfig, StoreLimits};
pub use counters::Counters;
pub use part::Part;
pub use report::StoreReport;
pub use service::{Start, Store};
