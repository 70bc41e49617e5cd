//! A worker is this program again, as an OS process that does a piece of work each time it gets a line, and answers in a line.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::Pid;

use crate::frame::fault::Fault;
use crate::machine::cores::on_both_cores;
use crate::machine::cpu_clock::cpu_ns;

/// A running worker. It ends when nobody can ask it any more.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Child,
    /// Nothing only while it is being ended.
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts `command`; it may use both cores, and pins its threads itself.
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(mut command: Command) -> Result<Self, Fault> {
        let fault = |error: io::Error| Fault::machine("cannot start a worker", error);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.process_group(0); // its own: Ctrl-C is for us
        let mut child = on_both_cores(|| command.spawn().map_err(fault))?;
        let asks = child.stdin.take();
        let answers = child.stdout.take().expect("it was asked for");
        Ok(Self { child, asks, answers: BufReader::new(answers) })
    }

    /// Asks for a piece of work and waits for the answer.
    /// # Errors
    /// [`Fault::Wrong`] if it has ended.
    pub(crate) fn ask(&mut self, what: &str) -> Result<String, Fault> {
        let asked = self.asks.as_mut().map(|asks| writeln!(asks, "{what}"));
        let mut answer = String::new();
        let heard = self.answers.read_line(&mut answer);
        if asked.is_some_and(|asked| asked.is_ok()) && heard.is_ok() && answer.ends_with('\n') {
            return Ok(answer.trim_end().to_owned());
        }
        Err(Fault::Wrong("the worker ended before it answered".to_owned()))
    }

    /// What it has used so far.
    /// # Errors
    /// If it has ended.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Fault> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let sum = cpu_ns(process.expect("a child has a number"));
        sum.map_err(|error| Fault::Wrong(format!("a worker's CPU time cannot be read: {error}")))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.asks = None; // it reads the end, and ends
        // Whatever it says of itself, it is gone then.
        let _status = self.child.wait();
    }
}

/// Answers every line that comes on the standard input, until its end.
/// # Errors
/// If nobody hears the answers, or `act` fails.
pub(crate) fn answer(mut act: impl FnMut(&str) -> io::Result<String>) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let answer = act(&line?)?;
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_answers_each_line_and_ends_when_nobody_asks() {
        let Ok(mut worker) = Worker::start(Command::new("cat")) else { return };
        assert_eq!(worker.ask("one").unwrap(), "one");
        assert_eq!(worker.ask("two").unwrap(), "two");
        assert!(worker.cpu_ns().is_ok());
    }

    #[test]
    fn one_that_has_ended_is_a_fault() {
        let Ok(mut worker) = Worker::start(Command::new("true")) else { return };
        let answers = [worker.ask("one"), worker.ask("two")];
        assert!(answers.iter().all(|answer| matches!(answer, Err(Fault::Wrong(_)))));
    }
}
