//! Dropping: every wait is dropped after each of its polls, at once and later, and leaves nothing behind.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    Bounds, Context, Failure, Full, Kill, Mailbox, Message, Received, Reply, Sender,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const CAPACITY: u16 = 2;
/// More polls than any of these waits has.
const POLLS_MAX: u32 = 40;

#[derive(Message)]
enum Mail {
    Data(SharedData),
    Ask(SharedData, Reply<SharedData>),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wait {
    Call,
    /// A call that has to stand in line first.
    CallInLine,
    Send,
    Ready,
    Flush,
    Monitor,
    Spawn,
    Sleep,
    During,
    Receive,
    ReceiveMany,
    Cancelled,
}

const WAITS: [Wait; 12] = [
    Wait::Call,
    Wait::CallInLine,
    Wait::Send,
    Wait::Ready,
    Wait::Flush,
    Wait::Monitor,
    Wait::Spawn,
    Wait::Sleep,
    Wait::During,
    Wait::Receive,
    Wait::ReceiveMany,
    Wait::Cancelled,
];

/// What came of one run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Seen {
    /// The wait was over before it was to be dropped.
    over: bool,
    /// Requests that the other took, that it answered, and that it heard nobody waits for.
    taken: u32,
    answered: u32,
    cancelled: u32,
    /// Messages that it took.
    messages: u32,
    /// Messages that who waits took, in the wait and after.
    received: u32,
}

type Book = Rc<Cell<Seen>>;

fn note(book: &Book, how: impl FnOnce(&mut Seen)) {
    let mut seen = book.get();
    how(&mut seen);
    book.set(seen);
}

/// Drops `wait` after so many polls, at once, or when a second has passed since; whether it was over before.
async fn dropped_after(
    cx: &Context,
    wait: impl Future<Output = ()>,
    polls: u32,
    late: bool,
) -> bool {
    let mut wait = pin!(wait);
    let mut left = polls;
    let over = std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match wait.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    if !over && late {
        cx.sleep_until(cx.now().after(3 * SECOND)).await.unwrap_or_default();
    }
    over
}

/// Takes a message a second, and answers a request after a second more, unless nobody waits any more.
async fn slow(cx: Context, mut inbox: Mailbox<Mail>, book: Book) -> Result<(), Failure> {
    loop {
        cx.sleep_until(cx.now().after(SECOND)).await.unwrap_or_default();
        let Ok(mail) = inbox.recv().await else { return Ok(()) };
        match mail {
            Mail::Data(_) => note(&book, |seen| seen.messages += 1),
            Mail::Ask(data, reply) => {
                note(&book, |seen| seen.taken += 1);
                let until = cx.sleep_until(cx.now().after(SECOND));
                let mut until = pin!(until);
                let is_cancelled = {
                    let mut cancelled = pin!(reply.cancelled());
                    std::future::poll_fn(|context| {
                        if cancelled.as_mut().poll(context).is_ready() {
                            return Poll::Ready(true);
                        }
                        until.as_mut().poll(context).map(|_| false)
                    })
                    .await
                };
                if is_cancelled {
                    note(&book, |seen| seen.cancelled += 1);
                } else {
                    note(&book, |seen| seen.answered += 1);
                    reply.send(data);
                }
            }
        }
    }
}

fn data(account: &Account) -> SharedData {
    account.copy_from(&[7; 300]).expect("room")
}

/// Waits for one thing, and drops the wait after so many polls.
async fn waits(
    cx: Context,
    mut inbox: Mailbox<Mail>,
    (to, other): (Sender<Mail>, Kill),
    wait: Wait,
    (polls, late): (u32, bool),
    book: Book,
) -> Result<(), Failure> {
    let account = cx.account();
    let fills = match wait {
        Wait::CallInLine | Wait::Send | Wait::Ready | Wait::Flush => CAPACITY,
        _ => 0,
    };
    for _ in 0..fills {
        to.send(Mail::Data(data(&account))).await?;
    }
    let call = |data| to.call(30 * SECOND, |reply| Mail::Ask(data, reply));
    let taken = |mail: Mail| {
        drop(mail);
        note(&book, |seen| seen.received += 1);
    };
    let over = match wait {
        Wait::Call | Wait::CallInLine => {
            let call = async { drop(call(data(&account)).await) };
            dropped_after(&cx, call, polls, late).await
        }
        Wait::Send => {
            let send = async { drop(to.send(Mail::Data(data(&account))).await) };
            dropped_after(&cx, send, polls, late).await
        }
        Wait::Ready => {
            let ready = async { assert_eq!(to.ready().await, Ok(())) };
            dropped_after(&cx, ready, polls, late).await
        }
        Wait::Flush => {
            let flush = async { assert_eq!(to.flush().await, Ok(())) };
            dropped_after(&cx, flush, polls, late).await
        }
        Wait::Monitor => {
            let monitor = async { drop(cx.monitor(other.pid()).await) };
            cx.kill(&other, "watched");
            dropped_after(&cx, monitor, polls, late).await
        }
        Wait::Spawn => {
            let carried = data(&account);
            let spawn = cx.options().on(other.pid().core()).spawn(
                "carries",
                move |_, mut inbox: Mailbox<()>| async move {
                    let ended = inbox.recv().await;
                    drop(carried);
                    Ok(ended?)
                },
            );
            dropped_after(&cx, async { drop(spawn.await) }, polls, late).await
        }
        Wait::Sleep => {
            let sleep = cx.sleep_until(cx.now().after(2 * SECOND));
            dropped_after(&cx, async { sleep.await.unwrap_or_default() }, polls, late).await
        }
        Wait::During => {
            let during = async { drop(inbox.during(call(data(&account)), taken).await) };
            dropped_after(&cx, during, polls, late).await
        }
        Wait::Receive => {
            let receive = async {
                while let Ok(mail) = inbox.recv().await {
                    taken(mail);
                }
            };
            dropped_after(&cx, receive, polls, late).await
        }
        Wait::ReceiveMany => {
            let receive = async {
                let mut many = Vec::new();
                while inbox.recv_many(&mut many, 3).await.is_ok() {
                    many.drain(..).map(Received::enter).for_each(taken);
                }
            };
            dropped_after(&cx, receive, polls, late).await
        }
        Wait::Cancelled => {
            // Listens for the end of a call that somebody on the other core made.
            let asked = inbox.recv().await?;
            note(&book, |seen| seen.received += 1);
            let Mail::Ask(_, reply) = asked else { return Err(Failure::new("no request")) };
            dropped_after(&cx, reply.cancelled(), polls, late).await
        }
    };
    note(&book, |seen| seen.over = over);
    drop(to);
    while let Ok(mail) = inbox.recv().await {
        taken(mail);
    }
    Ok(())
}

/// Sends who waits something to receive now and then.
async fn feeds(cx: Context, to: Sender<Mail>, asks: bool) -> Result<(), Failure> {
    let account = cx.account();
    for _ in 0..4 {
        if asks {
            let call = to.call(SECOND, |reply| Mail::Ask(data(&account), reply));
            drop(call.await);
        } else {
            to.send(Mail::Data(data(&account))).await?;
        }
        cx.sleep_until(cx.now().after(SECOND / 2)).await.unwrap_or_default();
    }
    Ok(())
}

fn run(cores: usize, wait: Wait, polls: u32, late: bool) -> Seen {
    let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
        .expect("addresses");
    let rig = Rig::over(&heap, cores);
    let book = Book::default();
    let (log, bounds) = (Log::new(), Bounds { messages: CAPACITY, bytes: 4096 });
    for (core, is_slow) in [(cores - 1, true), (0, false)] {
        let (made, inside) = (Sendable(log.clone()), Sendable(Rc::clone(&book)));
        let other = Sendable(Log::clone(&log));
        rig.spawn(core, "makes", move |cx: Context, _: Mailbox<()>| async move {
            let options = cx.options().mailbox(bounds, Full::Wait);
            let (made, other) = (made.into_inner(), other.into_inner());
            if is_slow {
                let child = options.spawn("bounded", move |cx, inbox| {
                    let book = inside.into_inner();
                    slow(cx, inbox, book)
                })?;
                made.add((child.sender, child.kill));
                return Ok(());
            }
            let to = Sendable(other.take().remove(0));
            let child = options.spawn("bounded", move |cx, inbox| {
                let (to, book) = (to.into_inner(), inside.into_inner());
                waits(cx, inbox, to, wait, (polls, late), book)
            })?;
            made.add((child.sender, child.kill));
            Ok(())
        });
        if is_slow {
            rig.settle();
        }
    }
    rig.pass(0, 1);
    let (to, _) = log.take().remove(0);
    let asks = wait == Wait::Cancelled;
    rig.spawn(cores - 1, "feeds", move |cx, _: Mailbox<()>| feeds(cx, to, asks));
    for _ in 0..50 {
        rig.advance(SECOND / 2);
        heap.validate();
        for core in 0..cores {
            for process in rig.core(core).processes() {
                if process.name == "bounded" {
                    assert!(process.queued_messages + process.leased_messages <= CAPACITY);
                    assert!(process.held_bytes <= 4096);
                }
            }
        }
    }
    let told = format!("{cores} {wait:?} {polls} {late}");
    for core in 0..cores {
        let gauges = rig.core(core).gauges();
        assert_eq!((gauges.processes_live, gauges.waits_open), (0, 0), "{told} core {core}");
        assert_eq!((gauges.exits_panicked, gauges.exits_failed), (0, 0), "core {core}");
        assert_eq!(rig.timers(core), 0, "core {core}");
    }
    let left: u64 = heap.accounts().iter().map(|account| account.charged_bytes).sum();
    assert_eq!(left, 0, "all that was charged is given back");
    drop(rig);
    heap.validate();
    assert_eq!(heap.gauges().used_bytes, 0);
    book.get()
}

#[test]
fn a_wait_that_is_dropped_after_any_poll_leaves_nothing_and_the_other_is_told() {
    for cores in [1, 2] {
        for (wait, late) in WAITS.into_iter().flat_map(|wait| [(wait, false), (wait, true)]) {
            let mut overs = 0;
            for polls in 0..POLLS_MAX {
                let seen = run(cores, wait, polls, late);
                let told = format!("{cores} {wait:?} {polls} {late}: {seen:?}");
                assert_eq!(seen.taken, seen.answered + seen.cancelled, "{told}");
                let calls = matches!(wait, Wait::Call | Wait::CallInLine | Wait::During);
                if calls && !late {
                    // Who is over has its answer; a request that was given up is not taken, or its end is heard of.
                    assert_eq!(seen.answered, u32::from(seen.over), "{told}");
                }
                if matches!(wait, Wait::Send | Wait::CallInLine | Wait::Ready | Wait::Flush) {
                    let own = u32::from(wait == Wait::Send && (seen.over || late && polls > 0));
                    assert_eq!(seen.messages, u32::from(CAPACITY) + own, "{told}");
                }
                if wait != Wait::Cancelled {
                    assert_eq!(seen.received, 4, "{told}: nothing that was sent is lost");
                }
                overs += u32::from(seen.over);
                if seen.over {
                    break;
                }
            }
            assert_eq!(overs, 1, "{cores} {wait:?} {late}: it was dropped after every poll it has");
        }
    }
}
