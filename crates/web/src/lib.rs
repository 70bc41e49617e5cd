//! Serves folders over HTTP from the shared heap, through light processes.
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod config;
mod connection;
mod counters;
mod desk;
mod entry;
mod from_disk;
mod front;
mod input;
mod key;
mod list;
mod load;
mod log_line;
mod outgoing;
mod report;
mod second_chance;
mod service;
mod site;
mod storage;
mod storage_message;
mod tails;

pub use config::{CacheLimits, Limits, WebConfig};
pub use log_line::ACCESS_TARGET;
pub use report::WebReport;
pub use service::{Start, Web};
pub use site::{FieldRule, GlobMalformed, HostName, Site};
