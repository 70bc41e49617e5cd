//! Runs Levada beside its rivals, in turns and in one run, and says how far apart they are.
//!
//! ```text
//! cargo run --release -p levada-bench-compare -- http-small --quick
//! ```
//!
//! Servers run on core 0 and are loaded from core 1, one at a time, round after round; the others rest meanwhile. A cost is
//! CPU time of the server's OS processes for a piece of work, by their CPU clocks; a ratio is the median over the rounds.
//! Every answer is checked, and one that is wrong costs its server all figures. What needs no server is a loop in a thread of
//! its own, here or in a worker, and its cost is the time of a turn.
//!
//! On loopback the two sides share work: a packet is received on the core that sends it, and what waits in a socket leaves
//! when the client's acknowledgement comes, on the client's core. So a server's cost is less than it would be behind a
//! network card, most of all for long bodies, and the client's cost stands beside it.
//!
//! A new comparison is a file in `comparisons`, written in the words of `frame/comparison.rs`, and a line in its catalogue.

mod arguments;
mod blocks;
mod bulk;
mod caches;
mod comparisons;
mod echo;
mod floor;
mod frame;
mod handles;
mod http;
mod load;
mod local;
mod loops;
mod machine;
mod memcache;
mod oracle;
mod processes;
mod queues;
mod ring;
mod rivals;
mod session;
mod social;
mod stores;
mod traces;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::blocks::block_work::{self, BlockSetting};
use crate::bulk::serve_bulk::{self, BulkSetting};
use crate::caches::cache_work::{self, CacheSetting};
use crate::echo::serve_echo::{self, EchoSetting};
use crate::floor::serve_bare::{self, BareSetting};
use crate::frame::fault::Fault;
use crate::local::local_work::{self, LocalSetting};
use crate::processes::process_work::{self, ProcessSetting};
use crate::session::End;
use crate::social::social_work::{self, SocialSetting};
use crate::stores::store_work::{self, StoreSetting};

/// As a shell tells of Ctrl-C.
const STOPPED: u8 = 130;

fn main() -> ExitCode {
    if let Some(served) = serve_if_asked() {
        return match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error.to_string()),
        };
    }
    match session::run(&Arguments::parse()) {
        Ok(End::Whole) => ExitCode::SUCCESS,
        Ok(End::WithoutOurs) => complain("ours was not measured: the table says why"),
        Err(Fault::Stopped) => ExitCode::from(STOPPED),
        Err(fault) => complain(&fault.to_string()),
    }
}

/// Whether this program was started by itself as a server, and how that ended.
fn serve_if_asked() -> Option<io::Result<()>> {
    let mut words = env::args_os().skip(1).peekable();
    match words.peek()?.to_str()? {
        serve_bare::WORD => Some(
            BareSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(serve_bare::serve),
        ),
        serve_echo::WORD => Some(
            EchoSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(serve_echo::serve),
        ),
        serve_bulk::WORD => Some(
            BulkSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(serve_bulk::serve),
        ),
        block_work::WORD => Some(
            BlockSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(block_work::work),
        ),
        process_work::WORD => Some(
            ProcessSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(process_work::work),
        ),
        local_work::WORD => Some(
            LocalSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(local_work::work),
        ),
        store_work::WORD => Some(
            StoreSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(store_work::work),
        ),
        cache_work::WORD => Some(
            CacheSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(cache_work::work),
        ),
        social_work::WORD => Some(
            SocialSetting::from_arguments(words)
                .map_err(io::Error::other)
                .and_then(social_work::work),
        ),
        _ => None,
    }
}

fn complain(what: &str) -> ExitCode {
    // When even that cannot be written, the code says enough.
    let _written = writeln!(io::stderr(), "levada-bench-compare: {what}");
    ExitCode::FAILURE
}
