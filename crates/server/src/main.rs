//! Serves folders, and memcached commands, as the program `levada`: flags, configuration, signals, logs and numbers.
#![forbid(unsafe_code)]

#[cfg(panic = "abort")]
compile_error!(
    "levada is built with panic = \"unwind\": a panic ends one process, not all of them"
);

mod access_log;
mod admin;
mod arguments;
mod check;
mod descriptors;
mod fault;
mod line_writer;
mod listeners;
mod memcached;
mod memory;
mod opening;
mod processors;
mod reload;
mod retention;
mod say;
mod serve;
mod services;
mod settings;
mod signals;
mod sites;
mod steward;
mod units;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Task};
use crate::say::{LAST_WORDS, complain, flush_complaints};

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Serve(arguments) => serve::serve(&arguments),
        Task::Check(arguments) => check::check(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&fault);
            flush_complaints(LAST_WORDS);
            fault.exit_code()
        }
    }
}
