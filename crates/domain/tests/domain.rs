//! What holds of a running domain, on real threads and sockets.

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use levada_channel::{ChannelConfig, Choice, ListenPart, TcpListener, now};
use levada_domain::{Config, Domain, Folder, Patience, PerCore};
use levada_local::{GcText, Limits};
use levada_pages::{Pressure, PressureSource};
use levada_process::{Closed, Context, Exit, Failure, Mailbox, Message, Refused, Reply};
use levada_shared::{Limit, Options, SharedData, SharedHeap};
use levada_sim::{Sim, SimConfig};
use rustix::thread::{Pid, gettid};

fn config(cores: usize) -> Config {
    let heap =
        SharedHeap::new(Options { bytes_max: 256 << 20, arenas: cores, ..Options::default() })
            .expect("addresses");
    let driver = match std::env::var("LEVADA_IO").as_deref() {
        Ok("epoll") => Choice::Epoll,
        Ok("uring") => Choice::Uring,
        _ => Choice::Auto,
    };
    let mut config = Config::new(heap);
    config.cores = vec![None; cores];
    config.channel = ChannelConfig { driver, ..ChannelConfig::default() };
    config
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("no room for a process")
}

#[derive(Message)]
enum Sum {
    Add(u64),
    Total(Reply<u64>),
}

async fn sum(_: Context, mut inbox: Mailbox<Sum>) -> Result<(), Failure> {
    let mut total = 0;
    loop {
        match inbox.recv().await? {
            Sum::Add(by) => total += by,
            Sum::Total(reply) => reply.send(total),
        }
    }
}

#[test]
fn processes_on_two_cores_talk_and_their_domain_stops_clean() {
    let (sender, receiver) = mpsc::channel();
    let domain = Domain::start(&config(2), move |cx, io| async move {
        let there = cx.options().on(io.cores()[1]).spawn("sum", sum).await.map_err(no_room)?.sender;
        for by in 1..=1000 {
            there.send(Sum::Add(by)).await.map_err(no_room)?;
        }
        let total = there.call(Duration::from_secs(5), Sum::Total).await.map_err(no_room)?;
        sender.send(total)?;
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert_eq!(receiver.recv().unwrap(), 500_500);
    let report = domain.stop(Duration::from_secs(2));
    assert!(report.is_clean && report.quarantined == 0, "{report:?}");
}

#[test]
fn a_timer_fires_in_time_and_never_early() {
    let domain = Domain::start(&config(1), |cx, _| async move {
        for ms in [1_u64, 3, 20, 90] {
            let begin = now();
            let at = cx.now().after(Duration::from_millis(ms));
            cx.sleep_until(at).await?;
            let slept = now() - begin;
            // `cx.now()` may be a turn old, so a sleep may seem to begin before it was asked for.
            assert!(
                slept + Duration::from_micros(300) >= Duration::from_millis(ms),
                "{slept:?} for {ms} ms"
            );
            assert!(slept < Duration::from_millis(ms + 500), "{slept:?} for {ms} ms");
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
}

#[test]
fn a_deadline_that_is_pushed_back_passes_when_nobody_pushes_any_more() {
    let domain = Domain::start(&config(1), |cx, io| async move {
        let begin = cx.now();
        let deadline = Patience::until(begin.after(Duration::from_millis(40)));
        for _ in 0..10 {
            let pause = Patience::until(io.now().after(Duration::from_millis(20)));
            let passed = std::future::poll_fn(|context| {
                assert!(deadline.poll_passed(context).is_pending());
                pause.poll_passed(context)
            });
            passed.await;
            deadline.move_to(io.now().after(Duration::from_millis(40)));
        }
        deadline.passed().await;
        let took = io.now().since(begin);
        assert!(took >= Duration::from_millis(240), "{took:?}");
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
}

#[test]
fn a_service_of_processes_echoes_on_every_core() {
    let parts = ListenPart::bind(([127, 0, 0, 1], 0).into(), 2).unwrap();
    let address = parts[0].address();
    let served = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&served);
    let domain = Domain::start(&config(2), move |cx, io| async move {
        for (part, core) in parts.into_iter().zip(io.cores()) {
            let (io, served) = (io.clone(), Arc::clone(&counted));
            let listen = move |cx: Context, _: Mailbox<()>| async move {
                let listener = TcpListener::open(&io.channel(), part, false)?;
                loop {
                    let ticket = listener.accept().await?.0.into_ticket();
                    let (io, served) = (io.clone(), Arc::clone(&served));
                    let echo = move |_: Context, _: Mailbox<()>| async move {
                        let stream = ticket.into_stream(&io.channel()).map_err(no_room)?;
                        while let Some(block) = stream.recv().await? {
                            stream.send(block.freeze()).map_err(no_room)?.await?;
                        }
                        served.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    };
                    cx.spawn("echo", echo).map_err(no_room)?;
                }
            };
            cx.options().on(*core).spawn("listen", listen).await.map_err(no_room)?;
        }
        Ok(())
    })
    .unwrap();
    let clients: Vec<_> = (0..8_u8)
        .map(|client| {
            std::thread::spawn(move || {
                for round in 0..20 {
                    let mut peer = Peer::connect(address).expect("somebody listens");
                    let text = [client, round, 1, 2, 3];
                    peer.write_all(&text).expect("it is read");
                    let mut echo = [0; 5];
                    peer.read_exact(&mut echo).expect("it is answered");
                    assert_eq!(echo, text);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    let report = domain.stop(Duration::from_millis(100));
    assert_eq!(report.quarantined, 0);
    assert!(served.load(Ordering::Relaxed) >= 152, "{served:?}"); // the last of each client may still be ending
}

#[test]
fn a_panic_ends_its_process_and_is_told_and_the_core_goes_on() {
    let told = Arc::new(AtomicUsize::new(0));
    let mut config = config(1);
    let heard = Arc::clone(&told);
    config.on_failure = Arc::new(move |ended| {
        assert_eq!(ended.name, "wrong");
        heard.fetch_add(1, Ordering::Relaxed);
    });
    let domain = Domain::start(&config, |cx, _| async move {
        let wrong = |_: Context, mut inbox: Mailbox<Reply<u8>>| async move {
            let _reply = inbox.recv().await?;
            panic!("as planned");
        };
        let child = cx.spawn("wrong", wrong).map_err(no_room)?;
        let crashed = child.sender.call(Duration::from_secs(5), |reply| reply).await;
        assert!(crashed.is_err());
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert!(domain.stop(Duration::from_secs(1)).is_clean);
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[test]
fn who_does_not_end_within_the_grace_is_killed_and_the_report_says_so() {
    let domain = Domain::start(&config(1), |cx, _| async move {
        cx.sleep_until(cx.now().after(Duration::from_secs(3600))).await?;
        Ok(())
    })
    .unwrap();
    let begin = now();
    let report = domain.stop(Duration::from_millis(50));
    assert!(!report.is_clean && report.cores_failed == 0);
    assert!(now() - begin < Duration::from_secs(2));
}

#[test]
fn stopping_tells_a_process_by_its_mailbox_and_lets_it_finish() {
    let finished = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&finished);
    let domain = Domain::start(&config(1), |cx, _| async move {
        let last_words = move |cx: Context, mut inbox: Mailbox<()>| async move {
            assert_eq!(inbox.recv().await, Err(Closed::Stopping));
            cx.sleep_until(cx.now().after(Duration::from_millis(60))).await?;
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let child = cx.spawn("last words", last_words).map_err(no_room)?;
        // Who keeps a sender keeps the mailbox open, until the domain stops.
        cx.monitor(child.pid).await;
        Ok(())
    })
    .unwrap();
    let report = domain.stop(Duration::from_secs(5));
    assert!(report.is_clean);
    assert_eq!(finished.load(Ordering::Relaxed), 1);
}

#[test]
fn stopping_ends_the_receives_of_streams_and_what_is_queued_is_sent() {
    let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).unwrap().remove(0);
    let address = part.address();
    let mut config = config(1);
    let account = config.heap.account("answer", u64::MAX).unwrap();
    config.channel_end = Duration::from_secs(5);
    let (sender, accepted) = mpsc::channel();
    let domain = Domain::start(&config, move |_, io| async move {
        let listener = TcpListener::open(&io.channel(), part, false)?;
        let (stream, _) = listener.accept().await?;
        sender.send(())?;
        assert!(stream.recv().await?.is_none());
        assert!(listener.accept().await.is_err());
        drop(stream.send(account.copy_from(b"good bye")?).map_err(no_room)?);
        Ok(())
    })
    .unwrap();
    let mut peer = Peer::connect(address).unwrap();
    accepted.recv().unwrap();
    let report = domain.stop(Duration::from_secs(5));
    assert!(report.is_clean && report.quarantined == 0, "{report:?}");
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "good bye");
}

#[test]
fn each_core_has_its_own_value_and_a_panic_makes_a_fresh_one() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let value = PerCore::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        0_u32
    });
    let domain = Domain::start(&config(2), move |cx, io| async move {
        assert_eq!(value.with(|value| std::mem::replace(value, 7)), 0);
        assert_eq!(value.with(|value| *value), 7);
        let there = value.clone();
        let (sender, receiver) = mpsc::channel();
        let see = move |_: Context, _: Mailbox<()>| async move {
            sender.send(there.with(|value| *value))?;
            Ok(())
        };
        let child = cx.options().on(io.cores()[1]).spawn("see", see).await.map_err(no_room)?;
        cx.monitor(child.pid).await;
        assert_eq!(receiver.try_recv()?, 0);
        let broken = value.clone();
        let child = cx.spawn("break", move |_, _: Mailbox<()>| async move {
            broken.with(|_| panic!("as planned"));
            Ok(())
        });
        cx.monitor(child.map_err(no_room)?.pid).await;
        assert_eq!(value.with(|value| *value), 0);
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[test]
fn a_folder_opens_what_lies_below_it_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page"), b"text").unwrap();
    assert!(Folder::open(&folder.path().join("page")).is_err());
    let root = Folder::open(folder.path()).unwrap();
    let heap = config(1);
    let account = heap.heap.account("test", u64::MAX).unwrap();
    let domain = Domain::start(&heap, move |_, _| async move {
        let file = root.open_file(b"page", Default::default()).await?;
        let filled = file.read_at(account.buf(64)?, 0).await.map_err(no_room)?;
        assert_eq!(&filled.buffer[..], b"text");
        assert!(root.open_file(b"../anything", Default::default()).await.is_err());
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
}

/// Counts how often it is looked at.
#[derive(Debug)]
struct Counting(Arc<AtomicU64>);

impl PressureSource for Counting {
    fn look(&mut self, _: Duration) -> Pressure {
        self.0.fetch_add(1, Ordering::Relaxed);
        Pressure::Unchanged
    }
}

/// A configuration, and how often its domain looked at the memory of the machine.
fn counting(cores: usize) -> (Config, Arc<AtomicU64>) {
    let looks = Arc::new(AtomicU64::new(0));
    let source = Box::new(Counting(Arc::clone(&looks)));
    let options = Options { bytes_max: 64 << 20, arenas: cores, ..Options::default() };
    let heap = SharedHeap::with_pressure(options, source).expect("addresses");
    let mut config = config(cores);
    config.heap = heap;
    (config, looks)
}

/// How often a thread of this program gave its processor up by itself.
fn switches(thread: Pid) -> u64 {
    let status = format!("/proc/self/task/{}/status", thread.as_raw_nonzero());
    let status = std::fs::read_to_string(status).expect("the thread is there");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|line| line.trim().parse().ok()).expect("it is counted")
}

#[test]
fn of_an_idle_domain_one_core_wakes_and_about_twice_a_second_to_look_at_memory() {
    let (config, looks) = counting(2);
    let (sender, threads) = mpsc::channel();
    let domain = Domain::start(&config, |cx, io| async move {
        for core in io.cores() {
            let sender = sender.clone();
            let tell = move |_: Context, _: Mailbox<()>| async move {
                sender.send(gettid())?;
                Ok(())
            };
            let child = cx.options().on(*core).spawn("tell", tell).await.map_err(no_room)?;
            cx.monitor(child.pid).await;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    std::thread::park_timeout(Duration::from_millis(300)); // what they asked of each other goes home
    let threads = [threads.recv().unwrap(), threads.recv().unwrap()];
    let (before, looks_before) = (threads.map(switches), looks.load(Ordering::Relaxed));
    std::thread::park_timeout(Duration::from_secs(2));
    let looked = looks.load(Ordering::Relaxed) - looks_before;
    assert!((1..=5).contains(&looked), "{looked} looks in two seconds");
    let woken = [0, 1].map(|core| switches(threads[core]) - before[core]);
    assert!(woken[0] <= 2 * looked + 2 && woken[1] == 0, "{woken:?} wakes for {looked} looks");
}

#[test]
fn a_domain_that_is_awake_looks_at_memory_about_ten_times_a_second_whatever_its_cores() {
    let (config, looks) = counting(2);
    let domain = Domain::start(&config, |cx, io| async move {
        let begin = cx.now();
        for core in io.cores() {
            let busy = move |cx: Context, _: Mailbox<()>| async move {
                while cx.now().since(begin) < Duration::from_secs(1) {
                    cx.yield_now().await;
                }
                Ok(())
            };
            let busy = cx.options().on(*core).spawn("busy", busy).await.map_err(no_room)?;
            drop(busy);
        }
        cx.sleep_until(begin.after(Duration::from_secs(1))).await?;
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    let looked = looks.load(Ordering::Relaxed);
    assert!((3..=12).contains(&looked), "{looked} looks in a second");
}

#[test]
fn a_domain_over_a_driver_of_the_callers_own_does_not_look_at_this_machine() {
    let (mut config, looks) = counting(1);
    config.driver_for = Some(Arc::new(|_| Box::new(Sim::seeded(1, &SimConfig::default()).0)));
    let domain = Domain::start(&config, |cx, _| async move {
        cx.sleep_until(cx.now().after(Duration::from_hours(1))).await?;
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert_eq!(looks.load(Ordering::Relaxed), 0);
}

#[derive(Message)]
enum Keep {
    Data(SharedData),
    Bytes(Reply<u64>),
}

/// Keeps what it is sent; says how many bytes its account is charged with.
async fn keep(cx: Context, mut inbox: Mailbox<Keep>) -> Result<(), Failure> {
    let (account, mut kept) = (cx.account(), Vec::new());
    loop {
        match inbox.recv().await? {
            Keep::Data(data) => kept.push(data),
            Keep::Bytes(reply) => reply.send(account.charged_bytes()),
        }
    }
}

#[test]
fn what_is_sent_is_charged_to_the_receivers_core_or_to_his_own_account_and_all_goes_with_them() {
    let mut config = config(2);
    let heap = config.heap.clone();
    let quarantined = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&quarantined);
    config.on_failure = Arc::new(move |ended| {
        told.fetch_add(ended.quarantined_bytes, Ordering::Relaxed);
    });
    let domain = Domain::start(&config, |cx, io| async move {
        let there = io.cores()[1];
        let tenant = io.heap().account("tenant", 8192).map_err(no_room)?;
        let of_core = cx.options().on(there).spawn("keep", keep).await.map_err(no_room)?;
        let of_tenant = cx
            .options()
            .own_account(&tenant)
            .on(there)
            .spawn("keep", keep)
            .await
            .map_err(no_room)?;
        assert_eq!((cx.account().name(), io.account().name()), ("core 0".into(), "core 0".into()));
        let here_bytes = cx.account().charged_bytes();
        for (sender, limit) in [(of_core.sender, u64::MAX), (of_tenant.sender, 8192)] {
            let ask = || sender.call(Duration::from_secs(5), Keep::Bytes);
            let before = ask().await.map_err(no_room)?;
            for _ in 0..2 {
                let sent = sender.send(Keep::Data(cx.account().copy_from(&[1; 4096])?)).await;
                sent.map_err(no_room)?;
            }
            assert_eq!(ask().await.map_err(no_room)?, before + 8192);
            assert_eq!(cx.account().charged_bytes(), here_bytes, "what was sent is paid elsewhere");
            let third = sender.try_send(Keep::Data(cx.account().copy_from(&[1; 4096])?));
            assert_eq!(matches!(third, Err(Refused::AccountFull(..))), limit == 8192);
        }
        assert_eq!(tenant.buf(1).unwrap_err().limit, Limit::Account);
        cx.kill(&of_tenant.kill, "enough");
        cx.monitor(of_tenant.pid).await;
        assert_eq!((tenant.charged_bytes(), tenant.buf(1).unwrap_err().limit), (0, Limit::Closed));
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert!(domain.stop(Duration::from_secs(2)).is_clean);
    assert_eq!(quarantined.load(Ordering::Relaxed), 0);
    assert!(heap.accounts().iter().all(|account| account.charged_bytes == 0), "{heap:?}");
    heap.validate();
}

#[test]
fn a_processor_that_is_not_there_is_named() {
    let mut config = config(1);
    config.cores = vec![Some(1023)];
    let error = Domain::start(&config, |_, _| async { Ok(()) }).unwrap_err();
    assert!(error.to_string().contains("processor 1023"), "{error}");
    let heap = std::fs::File::open("/proc/self/status").unwrap();
    assert!(heap.as_raw_fd() > 0);
}

#[test]
fn a_core_tells_which_processes_it_has() {
    let (sender, receiver) = mpsc::channel();
    let domain = Domain::start(&config(1), move |cx, io| async move {
        let held = cx.spawn("sum", sum).map_err(no_room)?;
        let names: Vec<&str> = io.processes().iter().map(|process| process.name).collect();
        sender.send((names, io.process_gauges().processes_live))?;
        drop(held);
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert_eq!(receiver.recv().unwrap(), (vec!["root", "sum"], 2));
}

#[test]
fn an_own_heap_is_charged_to_its_process_and_keeps_no_chunk_while_its_core_sleeps() {
    let (sender, receiver) = mpsc::channel();
    let config = config(1);
    let tenant = config.heap.account("tenant", 1 << 20).unwrap();
    let charged = tenant.clone();
    let domain = Domain::start(&config, move |cx, io| async move {
        let keeps = move |cx: Context, mut inbox: Mailbox<()>| async move {
            let heap = cx.own_heap::<Option<GcText<'static>>>(Limits::default(), |_| None)?;
            heap.enter(|cx, kept| *kept = Some(cx.text("kept")));
            sender.send(cx.account().charged_bytes())?;
            inbox.recv().await?;
            assert_eq!(heap.enter(|_, kept| kept.unwrap().len()), 4);
            Ok(())
        };
        let child = cx.options().own_account(&charged).spawn("keeps", keeps).map_err(no_room)?;
        cx.sleep_until(cx.now().after(Duration::from_millis(5))).await?;
        assert_eq!(io.process_gauges().own_heap_chunks_lent, 0);
        assert_eq!(charged.charged_bytes(), 64);
        child.sender.send(()).await.map_err(no_room)?;
        assert_eq!(cx.monitor(child.pid).await.exit, Exit::Normal);
        Ok(())
    })
    .unwrap();
    assert_eq!(domain.wait(), Ok(()));
    assert!(domain.stop(Duration::from_secs(2)).is_clean);
    assert_eq!(receiver.recv(), Ok(64 << 10));
    assert_eq!(tenant.charged_bytes(), 0);
}
