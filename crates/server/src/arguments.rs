//! Arguments are what the command line and the variables of the environment say; both beat the file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::{IoChoice, LogForm};
use crate::units::{Address, ByteCount, Cores, Place};

/// Serves folders over HTTP without copying a byte of them, and memcached commands from memory.
#[derive(Debug, Parser)]
#[command(
    name = "levada",
    version,
    about = "Serves folders over HTTP without copying a byte of them, and memcached commands from memory"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Serve a folder, or the sites of a configuration file, or memcached commands
    Serve(Said),
    /// Look at the configuration, show what would hold, and say what is wrong with it
    Check(Said),
}

/// What was said about the settings.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Said {
    /// The folder to serve [default: the current one, where no file names sites and nothing but --memcache is said]
    pub(crate) dir: Option<PathBuf>,
    /// The configuration file (TOML)
    #[arg(long, env = "LEVADA_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen, several times for several; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "LEVADA_LISTEN", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) listen: Vec<Address>,
    /// Where to answer memcached commands, several times for several: an address, or unix:PATH [without a value:
    /// 127.0.0.1:11211] [default: nowhere]
    #[arg(
        long,
        env = "LEVADA_MEMCACHE",
        value_name = "ADDR",
        value_delimiter = ',',
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:11211"
    )]
    pub(crate) memcache: Vec<Place>,
    /// Where to answer /metrics, /healthz and /status [default: nowhere]
    #[arg(long, env = "LEVADA_ADMIN", value_name = "ADDR")]
    pub(crate) admin: Option<Address>,
    /// The most memory for data, like 512MiB: files that are kept, what comes and is sent, and the tables of all that
    /// [default: three quarters of what there is]
    #[arg(long, env = "LEVADA_MEMORY", value_name = "SIZE")]
    pub(crate) memory: Option<ByteCount>,
    /// How many cores, or which: 4, or 0,2-3 [default: all that are allowed]
    #[arg(long, env = "LEVADA_CORES", value_name = "N|LIST")]
    pub(crate) cores: Option<Cores>,
    /// How to talk to the kernel [default: auto]
    #[arg(long, env = "LEVADA_IO", value_name = "DRIVER")]
    pub(crate) io: Option<IoChoice>,
    /// The form of the access log, on standard output [default: off]
    #[arg(long, env = "LEVADA_LOG", value_name = "FORM")]
    pub(crate) log: Option<LogForm>,
}
