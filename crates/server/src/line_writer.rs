//! A line writer writes lines from a thread of its own: whoever has one to write never waits.
//!
//! The lines wait in a bounded queue. When it is full, because what they go to is full or slow, further ones are dropped
//! and counted.

use core::time::Duration;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Where lines go; clones write to the same.
#[derive(Clone, Debug)]
pub(crate) struct LineWriter {
    jobs: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Job {
    Write(String),
    /// Say when all before this is written.
    Tell(SyncSender<()>),
}

impl LineWriter {
    /// Starts the thread, of this name. Up to `lines_max` wait.
    ///
    /// # Errors
    /// That the OS has no thread for us.
    pub(crate) fn start(
        name: &str,
        out: impl Write + Send + 'static,
        lines_max: usize,
    ) -> io::Result<Self> {
        let (jobs, received) = sync_channel(lines_max);
        let run = move || write_all(out, &received);
        std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)?;
        Ok(Self { jobs, dropped: Arc::default() })
    }

    /// Writes a line, soon. It ends with its own line end.
    pub(crate) fn write(&self, line: String) {
        if self.jobs.try_send(Job::Write(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines found no room.
    pub(crate) fn dropped_count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written, for so long at most.
    pub(crate) fn flush(&self, within: Duration) {
        const STEPS: u32 = 20;
        let (sender, told) = sync_channel(1);
        let mut job = Job::Tell(sender);
        for _ in 0..STEPS {
            match self.jobs.try_send(job) {
                Ok(()) => {
                    let _is_written: bool = told.recv_timeout(within).is_ok();
                    return;
                }
                Err(TrySendError::Full(back)) => job = back,
                Err(TrySendError::Disconnected(_)) => return,
            }
            // Nobody tells anything yet: this only waits.
            let _waited: bool = told.recv_timeout(within / STEPS).is_err();
        }
    }
}

/// Writes what comes. What cannot be written is lost: nobody listens any more.
fn write_all(mut out: impl Write, jobs: &Receiver<Job>) {
    while let Ok(mut job) = jobs.recv() {
        // All that waits leaves in few calls.
        let mut text = String::new();
        let told = loop {
            match job {
                Job::Write(line) => text.push_str(&line),
                Job::Tell(told) => break Some(told),
            }
            match jobs.try_recv() {
                Ok(next) if text.len() < 64 << 10 => job = next,
                Ok(Job::Write(line)) => {
                    text.push_str(&line);
                    break None;
                }
                Ok(Job::Tell(told)) => break Some(told),
                Err(_) => break None,
            }
        };
        let _is_heard: bool = out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok();
        if let Some(told) = told {
            // Who asked may have given up.
            let _is_heard: bool = told.try_send(()).is_ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, pipe};

    #[test]
    fn lines_are_written_in_order_and_a_flush_waits_for_them() {
        let (mut reading, writing) = pipe().unwrap();
        let writer = LineWriter::start("test", writing, 1000).unwrap();
        let expected: String = (0..500).map(|number| format!("line {number}\n")).collect();
        expected.split_inclusive('\n').for_each(|line| writer.write(line.to_owned()));
        writer.flush(Duration::from_secs(10));
        assert_eq!(writer.dropped_count(), 0);
        let mut come = vec![0; expected.len()];
        reading.read_exact(&mut come).unwrap();
        assert_eq!(come, expected.as_bytes());
    }

    #[test]
    fn who_writes_to_what_nobody_reads_does_not_wait_and_what_is_lost_is_counted() {
        let (reading, writing) = pipe().unwrap();
        let writer = LineWriter::start("test", writing, 100).unwrap();
        for _ in 0..1000 {
            writer.write("x".repeat(1000));
        }
        writer.flush(Duration::from_millis(100));
        let dropped = writer.dropped_count();
        assert!((700..=900).contains(&dropped), "{dropped} of 1000; a pipe holds 64 KiB");
        drop(reading);
        writer.flush(Duration::from_secs(10));
    }
}
