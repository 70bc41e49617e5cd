//! Who takes part in `processes`: this program as a world of ours or of a crate's, and Erlang.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::worker::Worker;
use crate::processes::process_work::{ProcessSetting, Work};

const SCRIPT: &str = include_str!("../processes/processes.erl");

/// Starts this program as a world.
/// # Errors
/// If it cannot be started.
pub(crate) fn start(places: &Places, setting: ProcessSetting) -> Result<Worker, Fault> {
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments());
    Worker::start(command)
}

/// Starts Erlang: with one scheduler on core 0, or with one for each core where the work is on both.
/// # Errors
/// If it is not installed, or cannot be started.
pub(crate) fn start_erlang(places: &Places, setting: ProcessSetting) -> Result<Worker, Fault> {
    let ProcessSetting { work, number, at_random, .. } = setting;
    let erl = places.rival("erl", "apt install erlang-base")?;
    let folder = compiled(places)?;
    let (name, cores, schedulers) = match work {
        Work::Spawn => ("spawn", "0", "1"),
        Work::Message => ("message", "0", "1"),
        Work::Call => ("call", "0", "1"),
        Work::Restart => ("restart", "0", "1"),
        Work::Idle => ("idle", "0", "1"),
        Work::Stream => ("stream", "0,1", "2"),
        Work::Lone => ("lone", "0,1", "2"),
    };
    let said = format!(
        "processes:main([\"{name}\", \"{number}\"{}])",
        match work {
            Work::Message => format!(", \"{}\"", u8::from(at_random)),
            _ => String::new(),
        }
    );
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(erl).args(["+S", schedulers, "+SDio", "1", "+A", "1"]);
    command.args(["+P", "4000000", "+sbt", "db", "-noshell", "-pa"]).arg(folder);
    command.args(["-eval", &said]);
    Worker::start(command)
}

/// The folder that the script is compiled in.
fn compiled(places: &Places) -> Result<PathBuf, Fault> {
    let fault = |error: io::Error| Fault::machine("cannot compile the script for Erlang", error);
    let erlc = places.rival("erlc", "apt install erlang-base")?;
    let folder = places.compare.join("erlang");
    fs::create_dir_all(&folder).map_err(fault)?;
    let script = folder.join("processes.erl");
    if fs::read_to_string(&script).is_ok_and(|there| there == SCRIPT)
        && folder.join("processes.beam").exists()
    {
        return Ok(folder);
    }
    fs::write(&script, SCRIPT).map_err(fault)?;
    let said = Command::new(erlc).arg("-o").arg(&folder).arg(&script).output().map_err(fault)?;
    if said.status.success() {
        return Ok(folder);
    }
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    Err(Fault::Wrong(format!("erlc refused the script: {said}")))
}
