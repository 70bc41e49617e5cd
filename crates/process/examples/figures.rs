//! Prints what processes and their messages cost: `cargo run --release -p levada-process --example figures`.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use levada_local::{Gc, Leaf, Limits};
use levada_process::{
    Context, Core, CoreOptions, Failure, Host, Mailbox, Message, Reply, StreamReader, StreamWriter,
    Tick, TimerId, TimerKey, Window,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// Lends the system's clock, and no timers: nothing here waits for one.
struct Bare {
    start: Instant,
}

impl Host for Bare {
    fn now(&self) -> Tick {
        Tick::from_nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn seed(&self) -> u64 {
        1
    }

    fn timer_set(&self, _at: Tick, _key: TimerKey) -> TimerId {
        TimerId(0)
    }

    fn timer_cancel(&self, _timer: TimerId) {}
}

/// Wakes a thread that is parked.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    // Not allowed, or one processor only: the figures then say so by themselves.
    sched_setaffinity(None, &set).unwrap_or_default();
}

fn core(start: Instant) -> Core {
    core_with(start, None)
}

fn core_with(start: Instant, account: Option<Account>) -> Core {
    let alarm = Waker::from(Arc::new(Unpark(std::thread::current())));
    let options = CoreOptions { account, ..CoreOptions::default() };
    Core::new(options, Bare { start }, alarm).expect("there is a number left")
}

/// Runs passes until `done`.
fn drive(core: &Core, mut done: impl FnMut() -> bool) {
    while !done() {
        core.receive();
        for _ in 0..32 {
            if !core.run_turn() {
                break;
            }
        }
        core.publish();
    }
}

/// The least and the middle of some runs.
fn print_runs(what: &str, runs: usize, mut run: impl FnMut() -> f64) {
    let mut figures: Vec<_> = (0..runs).map(|_| run()).collect();
    figures.sort_by(f64::total_cmp);
    println!("{what:<58} {:8.1} {:8.1}", figures[0], figures[runs / 2]);
}

fn nanos_each(start: Instant, count: u64) -> f64 {
    start.elapsed().as_nanos() as f64 / count as f64
}

/// The smallest process that does something.
async fn sink<M: Message>(mut inbox: Mailbox<M>) -> Result<(), Failure> {
    loop {
        black_box(inbox.recv().await?);
    }
}

fn spawn_figures() {
    const COUNT: u64 = 100_000;
    print_runs("spawn and first turn, same core, ns", 9, || {
        let core = core(Instant::now());
        let took = Rc::new(Cell::new(0.0));
        let noted = Rc::clone(&took);
        core.spawn("spawns", move |cx: Context, _: Mailbox<()>| async move {
            let mut children = Vec::with_capacity(usize::try_from(COUNT)?);
            let start = Instant::now();
            for _ in 0..COUNT {
                children.push(cx.spawn("child", |_, inbox: Mailbox<u64>| sink(inbox))?);
            }
            cx.yield_now().await;
            noted.set(nanos_each(start, COUNT));
            Ok(())
        })
        .expect("there is room");
        drive(&core, || took.get() > 0.0);
        took.get()
    });
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn idle_figures() {
    const COUNT: u64 = 1 << 20;
    let core = core(Instant::now());
    let children = Rc::new(Cell::new(Vec::new()));
    let kept = Rc::clone(&children);
    let before = resident_bytes();
    core.spawn("spawns", move |cx: Context, _: Mailbox<()>| async move {
        let mut children = Vec::with_capacity(usize::try_from(COUNT)?);
        while let Ok(child) = cx.spawn("child", |_, inbox: Mailbox<u64>| sink(inbox)) {
            children.push(child.sender);
        }
        cx.yield_now().await;
        kept.set(children);
        Ok(())
    })
    .expect("there is room");
    let mut ran = false;
    drive(&core, || !std::mem::replace(&mut ran, true) || core.is_ready());
    drive(&core, || !core.is_ready());
    let live = core.gauges().processes_live;
    let senders = live * 16;
    let bytes = (resident_bytes() - before).saturating_sub(senders) / live.max(1);
    let future = size_of_val(&sink::<u64>(unreached()));
    println!(
        "{:<58} {:8}",
        format!("idle process of {live}, future {future} B and closure, resident B"),
        bytes
    );
    drop(core);
}

/// Never called: it has the type of a mailbox.
fn unreached() -> Mailbox<u64> {
    let core = core(Instant::now());
    let taken = Rc::new(Cell::new(None));
    let given = Rc::clone(&taken);
    core.spawn("gives its mailbox away", move |_, inbox: Mailbox<u64>| async move {
        given.set(Some(inbox));
        Ok(())
    })
    .expect("there is room");
    core.run_turn();
    taken.take().expect("it ran")
}

fn message_figures(receivers: usize, messages: u64) {
    let rounds = messages / receivers as u64;
    print_runs(&format!("message, same core, {receivers} receivers, 24 B, ns"), 7, || {
        let core = core(Instant::now());
        let took = Rc::new(Cell::new(0.0));
        let noted = Rc::clone(&took);
        core.spawn("sends", move |cx: Context, _: Mailbox<()>| async move {
            let mut children = Vec::with_capacity(receivers);
            for _ in 0..receivers {
                children.push(cx.spawn("sink", |_, inbox: Mailbox<[u64; 3]>| sink(inbox))?.sender);
            }
            cx.yield_now().await;
            let mut start = Instant::now();
            for round in 0..rounds + rounds / 4 {
                if round == rounds / 4 {
                    start = Instant::now();
                }
                for child in &children {
                    child.send([round; 3]).await?;
                }
                if receivers > 1 {
                    cx.yield_now().await;
                }
            }
            noted.set(nanos_each(start, rounds * receivers as u64));
            Ok(())
        })
        .expect("there is room");
        drive(&core, || took.get() > 0.0);
        took.get()
    });
}

type Make = fn(&SharedData, &Account) -> Result<SharedData, levada_shared::Full<()>>;

fn cloned(data: &SharedData, _: &Account) -> Result<SharedData, levada_shared::Full<()>> {
    Ok(data.clone())
}

fn filled(_: &SharedData, account: &Account) -> Result<SharedData, levada_shared::Full<()>> {
    account.copy_from(&[1; 64])
}

/// Who is charged for what is sent.
#[derive(Clone, Copy)]
enum Charged {
    /// Nobody else than before: the core has no account.
    Nobody,
    /// The account that is charged already.
    Same,
    /// An account of the receiver's own.
    Own,
}

fn charged_figures(what: &str, charged: Charged, make: Make) {
    const COUNT: u64 = 1_000_000;
    let heap = SharedHeap::new(Options::default()).expect("there are addresses");
    print_runs(&format!("{what}, ns"), 9, || {
        let from = heap.account("from", u64::MAX).expect("there is one left");
        let account = matches!(charged, Charged::Same).then(|| from.clone());
        let core = core_with(Instant::now(), account);
        let took = Rc::new(Cell::new(0.0));
        let noted = Rc::clone(&took);
        core.spawn("sends", move |cx: Context, _: Mailbox<()>| async move {
            let own = from.heap().account("own", 1 << 30)?;
            let mut options = cx.options();
            if matches!(charged, Charged::Own) {
                options = options.own_account(&own);
            }
            let child = options.spawn("sink", |_, inbox: Mailbox<SharedData>| sink(inbox))?.sender;
            let data = from.copy_from(&[1; 64])?;
            let start = Instant::now();
            for _ in 0..COUNT {
                child.send(make(&data, &from)?).await?;
            }
            noted.set(nanos_each(start, COUNT));
            Ok(())
        })
        .expect("there is room");
        drive(&core, || took.get() > 0.0);
        took.get()
    });
}

fn all_charged_figures() {
    for (of, charged) in [
        ("nobody is charged", Charged::Nobody),
        ("of the receiver's account", Charged::Same),
        ("of another account", Charged::Own),
    ] {
        charged_figures(&format!("a clone sent, {of}"), charged, cloned);
        charged_figures(&format!("a block of 64 B filled and sent, {of}"), charged, filled);
    }
}

/// Asks for a number.
#[derive(Message)]
struct Ask(Reply<u64>);

fn call_figures() {
    const COUNT: u64 = 100_000;
    print_runs("call and reply, same core, ns", 9, || {
        let core = core(Instant::now());
        let took = Rc::new(Cell::new(0.0));
        let noted = Rc::clone(&took);
        core.spawn("asks", move |cx: Context, _: Mailbox<()>| async move {
            let answers = cx.spawn("answers", |_, mut inbox: Mailbox<Ask>| async move {
                loop {
                    let Ask(reply) = inbox.recv().await?;
                    reply.send(7);
                }
            })?;
            let start = Instant::now();
            for _ in 0..COUNT {
                answers.sender.call(Duration::from_secs(1), Ask).await?;
            }
            noted.set(nanos_each(start, COUNT));
            Ok(())
        })
        .expect("there is room");
        drive(&core, || took.get() > 0.0);
        took.get()
    });
}

/// What one process writes and another of the same core reads: `count` pieces.
fn stream_figure<Fut>(
    what: &str,
    count: u64,
    read: impl Fn(StreamReader) -> Fut + Copy + Send + 'static,
) where
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    let heap = SharedHeap::new(Options::default()).expect("there are addresses");
    print_runs(&format!("{what}, ns"), 9, || {
        let account = heap.account("core", u64::MAX).expect("there is one left");
        let core = core_with(Instant::now(), Some(account.clone()));
        let took = Rc::new(Cell::new(0.0));
        let noted = Rc::clone(&took);
        core.spawn("reads", move |cx: Context, _: Mailbox<()>| async move {
            let (mut writer, reader): (StreamWriter, _) = cx.stream(Window::default());
            cx.spawn("writes", move |cx: Context, _: Mailbox<()>| async move {
                let piece = cx.account().copy_from(&[1; 4096])?;
                for _ in 0..count {
                    writer.write(piece.clone()).await?;
                }
                writer.finish();
                Ok(())
            })?;
            let start = Instant::now();
            read(reader).await?;
            noted.set(nanos_each(start, count));
            Ok(())
        })
        .expect("there is room");
        drive(&core, || took.get() > 0.0);
        took.get()
    });
}

fn stream_figures() {
    const PIECES: u64 = 1_000_000;
    stream_figure(
        "a piece of 4 KiB through a stream, same core",
        PIECES,
        |mut reader| async move {
            while let Some(data) = reader.next().await? {
                black_box(data);
            }
            Ok(())
        },
    );
    let frames = |mut reader: StreamReader| async move {
        while reader.at_least(1024).await?.data.len() >= 1024 {
            reader.advance(1024, 1024);
        }
        Ok(())
    };
    stream_figure("the same, read as four frames of 1 KiB", PIECES / 4, frames);
}

/// A process that gives way after each of its turns; in each it makes some objects, if it has a heap.
async fn takes_turns(cx: Context, turns: u64, alloc_count: Option<u64>) -> Result<(), Failure> {
    let heap = alloc_count.map(|_| cx.own_heap::<Numbers>(Limits::default(), |_| None));
    let heap = heap.transpose()?;
    for _ in 0..turns {
        if let Some(heap) = &heap {
            heap.enter(|cx, last| {
                *last = None; // what is kept is of this turn
                (0..alloc_count.unwrap_or(0)).for_each(|_| *last = Some(cx.alloc(Leaf([7; 6]))));
            });
        }
        cx.yield_now().await;
    }
    Ok(())
}

type Numbers = Option<Gc<'static, Leaf<[u64; 6]>>>;

fn own_heap_figures() {
    const TURNS: u64 = 1 << 20;
    let print = |what: &str, processes: u64, alloc_count: Option<u64>| {
        print_runs(what, 7, || {
            let core = core(Instant::now());
            for _ in 0..processes {
                core.spawn("turns", move |cx, _: Mailbox<()>| {
                    takes_turns(cx, TURNS / processes, alloc_count)
                })
                .expect("there is room");
            }
            let start = Instant::now();
            drive(&core, || !core.is_ready());
            nanos_each(start, TURNS)
        });
    };
    print("turn of a process without a heap, ns", 8, None);
    print("turn that enters its own heap, ns", 8, Some(0));
    print("turn that makes five objects of 48 B, ns", 8, Some(5));
    print("the same, and another heap rests for it, ns", 1_000, Some(5));
    let (core, before) = (core(Instant::now()), resident_bytes());
    let mut children = Vec::new();
    for has_heap in [false, true] {
        for _ in 0..100_000 {
            let idle = move |cx: Context, mut inbox: Mailbox<()>| async move {
                takes_turns(cx, has_heap.into(), has_heap.then_some(5)).await?;
                Ok(inbox.recv().await?)
            };
            children.push(core.spawn("idle", idle).expect("there is room").sender);
        }
        drive(&core, || !core.is_ready());
        assert!(core.sleep(), "all of them wait");
        println!(
            "{:<58} {:8}",
            if has_heap {
                "and 100,000 with a heap of one object, resident KiB"
            } else {
                "100,000 idle, resident KiB"
            },
            (resident_bytes() - before) >> 10,
        );
    }
    println!("{:<58} {:8}", "chunks of theirs", core.gauges().own_heap_chunks_lent);
}

fn main() {
    pin(0);
    if let Some(only) = std::env::args().nth(1) {
        match &*only {
            "call" => call_figures(),
            "charged" => all_charged_figures(),
            "stream" => stream_figures(),
            "heaps" => own_heap_figures(),
            "one" => message_figures(1, 4_000_000),
            "many" => message_figures(10_000, 4_000_000),
            _ => spawn_figures(),
        }
        return;
    }
    println!("{:<58} {:>8} {:>8}", "best and middle of some runs", "best", "middle");
    spawn_figures();
    idle_figures();
    for receivers in [1, 100, 10_000, 200_000] {
        message_figures(receivers, 4_000_000);
    }
    call_figures();
    all_charged_figures();
    stream_figures();
    own_heap_figures();
}
