//! Cores on threads of their own, which sleep, wake and race each other.

mod host;

use host::{Patience, Running, pin};
use levada_process::{
    Bounds, Closed, Context, CoreId, Failure, Full, Mailbox, Message, Refused, Reply, Sender,
    StreamReader, Window,
};
use levada_shared::{Options, SharedHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const MESSAGES: u64 = if cfg!(miri) { 50 } else { 300_000 };
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes numbers in order, from one sender, until they end.
async fn in_order(
    cx: Context,
    mut inbox: Mailbox<u64>,
    sum: Arc<AtomicU64>,
) -> Result<(), Failure> {
    let mut next = 0;
    loop {
        match inbox.recv().await {
            Ok(number) => {
                assert_eq!(number, next);
                next += 1;
                sum.fetch_add(1, Ordering::Relaxed);
                // Now and then it stops taking, so that both sides come to sleep at odd moments.
                if cx.random().is_multiple_of(50_000) {
                    cx.sleep_until(cx.now().after(Duration::from_micros(cx.random() % 300)))
                        .await?;
                }
            }
            Err(Closed::NoSenders) => return Ok(()),
            Err(why) => return Err(why.into()),
        }
    }
}

/// Sends numbers in order, and rests now and then.
async fn sends(cx: Context, to: Sender<u64>) -> Result<(), Failure> {
    for number in 0..MESSAGES {
        to.send(number).await?;
        if cx.random().is_multiple_of(20_000) {
            cx.sleep_until(cx.now().after(Duration::from_micros(cx.random() % 200))).await?;
        }
    }
    Ok(())
}

#[test]
fn no_wake_is_lost_between_two_cores_that_sleep_at_random() {
    let counts = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
    let senders: [std::sync::mpsc::SyncSender<Sender<u64>>; 2];
    let receivers: [std::sync::mpsc::Receiver<Sender<u64>>; 2];
    let (to_one, at_one) = std::sync::mpsc::sync_channel(1);
    let (to_zero, at_zero) = std::sync::mpsc::sync_channel(1);
    (senders, receivers) = ([to_one, to_zero], [at_zero, at_one]);
    let threads: Vec<_> = senders
        .into_iter()
        .zip(receivers)
        .enumerate()
        .map(|(index, (give, take))| {
            let count = Arc::clone(&counts[index]);
            std::thread::spawn(move || {
                pin(index);
                let running = Running::new();
                let child = running
                    .core
                    .spawn("takes", move |cx, inbox| in_order(cx, inbox, count))
                    .unwrap();
                give.send(child.sender).unwrap();
                let to = take.recv().unwrap();
                running.core.spawn("sends", move |cx, _: Mailbox<()>| sends(cx, to)).unwrap();
                running.run_until_empty();
                running.failures()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Vec::<String>::new());
    }
    assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [MESSAGES; 2]);
}

/// Asks for double a number.
#[derive(Message)]
struct Ask(u64, Reply<u64>);

#[test]
fn calls_between_two_cores_are_all_answered() {
    const CALLS: u64 = MESSAGES / 30;
    let (give, take) = std::sync::mpsc::sync_channel(1);
    let answering = std::thread::spawn(move || {
        pin(1);
        let running = Running::new();
        let child = running.core.spawn("answers", |_, mut inbox: Mailbox<Ask>| async move {
            loop {
                let Ask(number, reply) = inbox.recv().await?;
                reply.send(2 * number);
            }
        });
        give.send(child.unwrap().sender).unwrap();
        running.run_until_empty();
        running.failures()
    });
    pin(0);
    let running = Running::new();
    let to = take.recv().unwrap();
    for _ in 0..4 {
        let to = to.clone();
        let what = move |cx: Context, _: Mailbox<()>| async move {
            for number in 0..CALLS {
                assert_eq!(to.call(PATIENCE, |reply| Ask(number, reply)).await?, 2 * number);
                if cx.random().is_multiple_of(200) {
                    cx.sleep_until(cx.now().after(Duration::from_micros(cx.random() % 100)))
                        .await?;
                }
            }
            Ok(())
        };
        running.core.spawn("calls", what).unwrap();
    }
    drop(to);
    running.run_until_empty();
    assert_eq!(running.failures(), Vec::<String>::new());
    drop(running); // it holds leases, and gives them back: a core that is not driven any more answers no recall
    assert_eq!(answering.join().unwrap(), Vec::<String>::new());
}

#[test]
fn sixteen_threads_that_are_no_core_lose_nothing_and_never_pass_the_bound() {
    const THREADS: u64 = if cfg!(miri) { 3 } else { 16 };
    const EACH: u64 = if cfg!(miri) { 10 } else { 20_000 };
    let (give, take) = std::sync::mpsc::sync_channel(1);
    let sum = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sum);
    let receiving = std::thread::spawn(move || {
        let running = Running::new();
        let child = running.core.spawn("makes", move |cx: Context, _: Mailbox<()>| async move {
            let options = cx.options().mailbox(Bounds { messages: 5, bytes: 10_000 }, Full::Wait);
            let child = options.spawn(
                "takes",
                move |cx: Context, mut inbox: Mailbox<(u64, u64, String)>| async move {
                    let mut next = [0; 16];
                    loop {
                        let (thread, number, text) = match inbox.recv().await {
                            Ok(message) => message,
                            Err(Closed::NoSenders) => return Ok(()),
                            Err(why) => return Err(why.into()),
                        };
                        let next = &mut next[usize::try_from(thread)?];
                        assert_eq!(
                            (number, text),
                            (*next, format!("{thread}.{number}")),
                            "in each thread's order"
                        );
                        *next += 1;
                        counted.fetch_add(1, Ordering::Relaxed);
                        if cx.random().is_multiple_of(10_000) {
                            cx.sleep_until(cx.now().after(Duration::from_micros(200))).await?;
                        }
                    }
                },
            )?;
            give.send(child.sender).map_err(|_| Failure::new("the test is gone"))?;
            Ok(())
        });
        child.unwrap();
        running.run_until_empty();
        running.failures()
    });
    let to = take.recv().unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let to = to.clone();
            std::thread::spawn(move || {
                let mut patience = Patience::new();
                for number in 0..EACH {
                    let mut message = (thread, number, format!("{thread}.{number}"));
                    while let Err(refused) = to.try_send(message) {
                        assert!(matches!(refused, Refused::Full(_)), "{refused:?}");
                        message = refused.into_inner();
                        let _: Duration = patience.left(|| "a thread that is refused for ever");
                        std::thread::yield_now();
                    }
                    patience.renew();
                }
            })
        })
        .collect();
    drop(to);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(receiving.join().unwrap(), Vec::<String>::new());
    assert_eq!(sum.load(Ordering::Relaxed), THREADS * EACH);
}

#[test]
fn a_thread_that_is_no_core_waits_for_a_place_and_answers_calls() {
    const COUNT: u64 = if cfg!(miri) { 20 } else { 20_000 };
    let (give, take) = std::sync::mpsc::sync_channel(1);
    let (ask, asked) = std::sync::mpsc::sync_channel::<Reply<u64>>(4);
    let thread = std::thread::spawn(move || {
        // It answers some, and drops the others.
        for (number, reply) in (0..).zip(asked) {
            if number % 3 == 0 {
                drop(reply);
            } else {
                reply.send(number);
            }
        }
    });
    let sending = std::thread::spawn(move || {
        let to: Sender<u64> = take.recv().unwrap();
        let sending = async {
            for number in 0..COUNT {
                to.send(number).await.unwrap();
            }
        };
        host::block_on(sending);
    });
    let running = Running::new();
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&taken);
    let child = running.core.spawn("takes", move |cx, inbox| in_order(cx, inbox, counted)).unwrap();
    give.send(child.sender).unwrap();
    let child =
        running.core.spawn("passes on", move |_, mut inbox: Mailbox<Reply<u64>>| async move {
            loop {
                ask.send(inbox.recv().await?).map_err(|_| Failure::new("the thread is gone"))?;
            }
        });
    let to = child.unwrap().sender;
    running
        .core
        .spawn("calls", move |_, _: Mailbox<()>| async move {
            for number in 0..COUNT / 10 {
                match to.call(PATIENCE, |reply| reply).await {
                    Ok(answer) => assert_eq!(answer, number),
                    Err(levada_process::CallError::Dropped) => assert_eq!(number % 3, 0),
                    Err(why) => return Err(why.into()),
                }
            }
            Ok(())
        })
        .unwrap();
    running.run_until_empty();
    assert_eq!(running.failures(), Vec::<String>::new());
    assert_eq!(taken.load(Ordering::Relaxed), COUNT);
    sending.join().unwrap();
    thread.join().unwrap();
}

#[test]
fn wakers_work_from_any_thread() {
    const ROUNDS: u64 = if cfg!(miri) { 10 } else { 5_000 };
    let running = Running::new();
    running
        .core
        .spawn("waits for a thread", |cx: Context, _: Mailbox<()>| async move {
            let in_task = cx.task(waits_for_a_thread(ROUNDS));
            waits_for_a_thread(ROUNDS).await;
            in_task.await;
            Ok(())
        })
        .unwrap();
    running.run_until_empty();
    assert_eq!(running.failures(), Vec::<String>::new());
}

/// Has a thread call its waker, again and again.
async fn waits_for_a_thread(rounds: u64) {
    let (give, take) = std::sync::mpsc::channel::<(std::task::Waker, Arc<AtomicU64>)>();
    let thread = std::thread::spawn(move || {
        for (waker, done) in take {
            done.store(1, Ordering::Release);
            waker.wake();
        }
    });
    for _ in 0..rounds {
        let done = Arc::new(AtomicU64::new(0));
        let mut asked = false;
        std::future::poll_fn(|context| {
            if done.load(Ordering::Acquire) == 1 {
                return std::task::Poll::Ready(());
            }
            if !std::mem::replace(&mut asked, true) {
                give.send((context.waker().clone(), Arc::clone(&done)))
                    .expect("the thread listens");
            }
            std::task::Poll::Pending
        })
        .await;
    }
    drop(give);
    thread.join().expect("it only wakes");
}

#[test]
fn cores_come_and_go_while_others_send_to_them() {
    const ROUNDS: u64 = if cfg!(miri) { 2 } else { 200 };
    let running = Running::new();
    let accepted = Arc::new(AtomicU64::new(0));
    for _ in 0..ROUNDS {
        let (give, take) = std::sync::mpsc::sync_channel(1);
        let brief = std::thread::spawn(move || {
            let other = Running::new();
            let child = other.core.spawn("brief", |_, mut inbox: Mailbox<u64>| async move {
                for _ in 0..20 {
                    inbox.recv().await?;
                }
                Ok(())
            });
            let child = child.unwrap();
            give.send((child.sender, child.pid, other.core.id())).unwrap();
            other.run_until_empty();
            other.core.id()
        });
        let (to, pid, id): (Sender<u64>, _, CoreId) = take.recv().unwrap();
        let counted = Arc::clone(&accepted);
        running
            .core
            .spawn("sends", move |cx: Context, _: Mailbox<()>| async move {
                let watching = cx.monitor(pid);
                while to.send(1).await.is_ok() {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                watching.await;
                Ok(())
            })
            .unwrap();
        running.run_until_empty();
        assert_eq!(brief.join().unwrap(), id);
    }
    assert!(accepted.load(Ordering::Relaxed) >= 20 * ROUNDS);
    assert_eq!(running.failures(), Vec::<String>::new());
}

#[test]
fn a_stream_between_two_cores_that_sleep_at_random_loses_and_doubles_nothing() {
    const PIECES: u64 = MESSAGES / 3;
    let heap = SharedHeap::new(Options { bytes_max: 64 << 20, ..Options::default() }).unwrap();
    let account = heap.default_account();
    let all = account.copy_from(&(0..=250).cycle().take(4096).collect::<Vec<u8>>()).unwrap();
    let (give, take) = std::sync::mpsc::sync_channel::<StreamReader>(1);
    let reading = std::thread::spawn(move || {
        pin(1);
        let running = Running::new();
        let mut reader = take.recv().unwrap();
        let what = move |cx: Context, _: Mailbox<()>| async move {
            let mut length = 1;
            for _ in 0..PIECES {
                // Each piece says by its first byte how long it is.
                let first = reader.at_least(1).await?.data.read::<u8>(0);
                assert_eq!(first.map(u64::from), Some(length));
                let frame = reader.at_least(length).await?.data.slice(..length);
                assert_eq!(
                    frame.and_then(|frame| frame.read::<u8>(length - 1)).map(u64::from),
                    Some(2 * length - 1)
                );
                reader.advance(length, length);
                length = length % 100 + 1;
                if cx.random().is_multiple_of(20_000) {
                    cx.sleep_until(cx.now().after(Duration::from_micros(cx.random() % 300)))
                        .await?;
                }
            }
            assert!(reader.next().await?.is_none());
            Ok(())
        };
        running.core.spawn("reads", what).unwrap();
        running.run_until_empty();
        running.failures()
    });
    pin(0);
    let running = Running::new();
    let what = move |cx: Context, _: Mailbox<()>| async move {
        let (mut writer, reader) = cx.stream(Window { bytes: 1000, pieces: 16 });
        give.send(reader).map_err(|_| Failure::new("nobody reads"))?;
        let mut length = 1;
        for _ in 0..PIECES {
            writer.write(all.slice(length..2 * length).expect("it is long enough")).await?;
            length = length % 100 + 1;
            if cx.random().is_multiple_of(20_000) {
                cx.sleep_until(cx.now().after(Duration::from_micros(cx.random() % 300))).await?;
            }
        }
        writer.finish();
        Ok(())
    };
    running.core.spawn("writes", what).unwrap();
    running.run_until_empty();
    assert_eq!(running.failures(), Vec::<String>::new());
    assert_eq!(reading.join().unwrap(), Vec::<String>::new());
    assert_eq!(heap.gauges().used_blocks, 0);
}
