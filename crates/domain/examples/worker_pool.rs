//! A pool of supervised workers: jobs wait for room, a worker that crashes is started anew, and the job it crashed on is asked again.
//!
//! `cargo run -p levada-domain --example worker_pool`.

use std::cell::Cell;
use std::error::Error;
use std::io::{Write, stdout};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use levada_domain::{Config, Domain};
use levada_process::{
    Bounds, CallError, Context, Failure, Full, Mailbox, Message, Reply, Restart, Sender, Strategy,
    Supervisor,
};
use levada_shared::{Options, SharedHeap};

const WORKERS: usize = 4;
const TRIES_MAX: u32 = 3;

/// A number to be squared, and for the how manieth time that is asked.
#[derive(Message)]
struct Job(u64, u32, Reply<u64>);

/// Works as long as there is somebody who could ask. It has a defect, which shows for some numbers, the first time.
async fn work(mut inbox: Mailbox<Job>) -> Result<(), Failure> {
    loop {
        let Job(number, tries, reply) = inbox.recv().await?;
        assert!(tries > 1 || number % 21 != 7, "the defect shows for {number}");
        reply.send(number * number);
    }
}

/// Workers under a supervisor. Each has room for two jobs that wait; who has a third waits himself.
fn hire(cx: &Context) -> Result<(Supervisor, Vec<Sender<Job>>), Failure> {
    let mut pool = Supervisor::new(cx, Strategy::OneForOne).limit(10, Duration::from_secs(5));
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let room = Bounds { messages: 2, ..Bounds::default() };
        let options = cx.options().mailbox(room, Full::Wait);
        let worker = pool.child(options, "work", Restart::Transient, |_, inbox| work(inbox))?;
        workers.push(worker.sender);
    }
    Ok((pool, workers))
}

/// Asks until there is an answer: what a worker crashed on is asked again. What waited behind it is not: the next incarnation takes it.
async fn ask(worker: Sender<Job>, number: u64) -> Result<u64, CallError<Job>> {
    let mut tries = 1;
    loop {
        let answer = worker.call(Duration::from_secs(5), |reply| Job(number, tries, reply)).await;
        match answer {
            Err(CallError::Crashed) if tries < TRIES_MAX => tries += 1,
            answer => return answer,
        }
    }
}

/// Adds up the squares of the first hundred numbers, of which sixteen are asked for at once.
async fn add_up(cx: Context) -> Result<u64, Failure> {
    let (pool, workers) = hire(&cx)?;
    let keeper = cx.clone();
    let keeping = cx.task(async move { pool.run(&keeper).await });
    let sum = Rc::new(Cell::new(0));
    let into = Rc::clone(&sum);
    let squares = cx.for_each_concurrent((1..=100_u64).zip(workers.iter().cycle()), 16, {
        move |(number, worker)| {
            let (worker, sum) = (worker.clone(), Rc::clone(&into));
            async move {
                let square = ask(worker, number).await?;
                sum.set(sum.get() + square); // not in one line with the wait: other tasks add meanwhile
                Ok::<(), Failure>(())
            }
        }
    });
    squares.await?;
    drop(workers); // nobody can ask any more: the workers end, and with the last of them the pool
    keeping.await?;
    Ok(sum.get())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (tell, told) = mpsc::channel();
    let config = Config::new(SharedHeap::new(Options::default())?);
    let domain = Domain::start(&config, |cx, io| async move {
        tell.send((add_up(cx).await?, io.process_gauges()))?;
        Ok(())
    })?;
    domain.wait()?;
    let (sum, gauges) = told.recv()?;
    assert_eq!(sum, 338_350);
    assert_eq!((gauges.exits_panicked, gauges.restarts, gauges.undelivered), (5, 5, 0));
    assert!(gauges.mailbox_waits > 0);
    writeln!(stdout(), "{sum}, after {} restarts", gauges.restarts)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_job_is_answered_although_workers_crash() {
        super::main().unwrap();
    }
}
