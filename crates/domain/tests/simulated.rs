//! What a simulated domain does is drawn from its seed, and from nothing else.

use std::cell::RefCell;
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use levada_channel::{Driver, ListenPart, TcpListener};
use levada_domain::{Config, Domain, Io, Outcome, Replay};
use levada_process::{Bounds, Context, Failure, Full, Mailbox, Message, Reply, Sender, WaitsFor};
use levada_shared::{Options, SharedHeap};
use levada_sim::{Mischief, Sim, SimConfig, Step, World};

fn config(cores: usize) -> Config {
    let heap =
        SharedHeap::new(Options { bytes_max: 64 << 20, arenas: cores, ..Options::default() });
    let mut config = Config::new(heap.expect("addresses"));
    config.cores = vec![None; cores];
    config.processes_max = 1 << 10;
    config
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("no room for a process")
}

#[derive(Message)]
enum ToSum {
    Add(u64),
    Total(Reply<u64>),
}

#[derive(Message)]
struct Work(u64, Reply<u64>);

/// Workers on every core, each asked by askers of others, who tell a sum over full mailboxes.
async fn crowd(cx: Context, io: Io, answer: Rc<RefCell<Option<u64>>>) -> Result<(), Failure> {
    let sum = |_: Context, mut inbox: Mailbox<ToSum>| async move {
        let mut total = 0;
        loop {
            match inbox.recv().await? {
                ToSum::Add(by) => total += by,
                ToSum::Total(reply) => reply.send(total),
            }
        }
    };
    let narrow = Bounds { messages: 2, ..Bounds::default() };
    let sum = cx.options().mailbox(narrow, Full::Wait).spawn("sum", sum).map_err(no_room)?.sender;
    let mut workers = Vec::new();
    for core in io.cores() {
        let work = |cx: Context, mut inbox: Mailbox<Work>| async move {
            loop {
                let Work(number, reply) = inbox.recv().await?;
                if cx.random().is_multiple_of(3) {
                    cx.sleep_until(cx.now().after(Duration::from_millis(cx.random() % 5)))
                        .await
                        .unwrap_or_default();
                }
                reply.send(number * number);
            }
        };
        workers.push(cx.options().on(*core).spawn("work", work).await.map_err(no_room)?.sender);
    }
    let mut done = Vec::new();
    for number in 1..=6 {
        let (worker, sum) = (workers[number % workers.len()].clone(), sum.clone());
        let number = number as u64;
        let asks = move |cx: Context, mut inbox: Mailbox<Reply<()>>| async move {
            let finished = inbox.recv().await?;
            for step in 0..3 {
                let squared =
                    worker.call(Duration::from_secs(9), |reply| Work(number, reply)).await?;
                sum.send(ToSum::Add(squared + step)).await?;
                cx.yield_now().await;
            }
            finished.send(());
            Ok(())
        };
        let core = io.cores()[usize::try_from(number)? % io.cores().len()];
        done.push(cx.options().on(core).spawn("asks", asks).await.map_err(no_room)?.sender);
    }
    let mut tasks = Vec::new();
    for done in done {
        tasks.push(
            cx.task(async move { done.call(Duration::from_mins(1), |reply| reply).await.is_ok() }),
        );
    }
    for task in tasks {
        assert!(task.await);
    }
    *answer.borrow_mut() = Some(sum.call(Duration::from_secs(9), ToSum::Total).await?);
    Ok(())
}

fn play(seed: u64, config: &Config) -> (Replay, Option<u64>) {
    let answer = Rc::new(RefCell::new(None));
    let noted = Rc::clone(&answer);
    let replay = Domain::simulate(seed, config, move |cx, io| crowd(cx, io, noted));
    let replay = replay.expect("it begins");
    let answer = answer.take();
    (replay, answer)
}

/// Whether two runs did the same; pids differ by what else ran in this program before.
fn is_same(one: &Replay, other: &Replay) -> bool {
    let names = |replay: &Replay| {
        let left = replay.left.iter().map(|process| (process.name, process.waits_for.len()));
        left.collect::<Vec<_>>()
    };
    (one.outcome, &one.root, one.took, one.turns)
        == (other.outcome, &other.root, other.took, other.turns)
        && names(one) == names(other)
        && one.trace == other.trace
}

fn is_replayed(cores: usize) {
    let config = config(cores);
    let mut traces = HashSet::new();
    for seed in 0..1000 {
        let (one, answer) = play(seed, &config);
        assert_eq!((one.outcome, &one.root), (Outcome::Ended, &Some(Ok(()))), "{one}");
        assert_eq!(answer, Some(3 * (1 + 4 + 9 + 16 + 25 + 36) + 6 * 3), "seed {seed}");
        let (again, _) = play(seed, &config);
        assert!(
            is_same(&one, &again),
            "seed {seed} is another run the second time: {one}; {again}"
        );
        traces.insert(one.trace);
    }
    assert!(traces.len() > 900, "another seed is another schedule: {} of 1,000", traces.len());
}

#[test]
fn a_seed_is_the_same_run_every_time_on_one_core() {
    is_replayed(1);
}

#[test]
fn a_seed_is_the_same_run_every_time_on_four_cores() {
    is_replayed(4);
}

#[test]
fn processes_that_wait_for_each_other_across_cores_find_that_out_long_before_their_time_is_over() {
    #[derive(Message)]
    enum To {
        Meet(Sender<Self>),
        Ask(Reply<u32>),
    }
    let ask = |_: Context, mut inbox: Mailbox<To>| async move {
        let To::Meet(other) = inbox.recv().await? else { return Ok(()) };
        other.call(Duration::from_hours(1), To::Ask).await.map_err(no_room)?;
        Ok(())
    };
    let config = config(2);
    for seed in 0..20 {
        let replay = Domain::simulate(seed, &config, move |cx, io| async move {
            let one = cx.options().on(io.cores()[1]).spawn("one", ask).await.map_err(no_room)?;
            let two = cx.spawn("two", ask).map_err(no_room)?;
            one.sender.send(To::Meet(two.sender.clone())).await?;
            two.sender.send(To::Meet(one.sender.clone())).await?;
            std::future::pending::<()>().await;
            Ok(())
        });
        let replay = replay.unwrap();
        // They had an hour for it. Both end, and the root is left with nothing to wait for.
        assert_eq!((replay.outcome, replay.root), (Outcome::Stuck, None));
        assert!(replay.took < Duration::from_secs(1));
        assert_eq!(replay.left.len(), 1);
        assert_eq!((replay.left[0].name, replay.left[0].waits_for.len()), ("root", 0));
    }
}

#[test]
fn a_process_that_waits_for_ever_is_named_with_what_it_waits_for() {
    let replay = Domain::simulate(3, &config(1), |cx, _| async move {
        let waits = cx.spawn("waits", |_, mut inbox: Mailbox<u16>| async move {
            inbox.recv().await?;
            Ok(())
        });
        let waits = waits.map_err(no_room)?;
        let down = cx.monitor(waits.pid);
        let full = cx.options().mailbox(Bounds { messages: 1, ..Bounds::default() }, Full::Wait);
        let full = full.spawn("full", |_, inbox: Mailbox<u32>| async move {
            std::future::pending::<()>().await;
            drop(inbox);
            Ok(())
        });
        let full = full.map_err(no_room)?.sender;
        let task = cx.task(async move {
            full.send(1).await.map_err(no_room)?;
            full.send(2).await.map_err(no_room)
        });
        down.await;
        drop((task, waits));
        Ok(())
    });
    let replay = replay.unwrap();
    let left: Vec<_> =
        replay.left.iter().map(|process| (process.name, process.waits_for.len())).collect();
    assert_eq!(left, [("root", 2), ("waits", 1), ("full", 0)], "{replay}");
    let of_root = &replay.left[0].waits_for;
    assert!(of_root.iter().any(|what| matches!(what, WaitsFor::Room { .. })), "{replay}");
}

thread_local! {
    static WORLDS: RefCell<Vec<World>> = const { RefCell::new(Vec::new()) };
}

/// A service that counts the bytes that each of its peers sends, over a simulated kernel.
fn serve(seed: u64) -> (Replay, u64) {
    let mut config = config(1);
    config.driver_for = Some(Arc::new(move |number| -> Box<dyn Driver> {
        let sim = SimConfig { mischief: Mischief::hidden(), ..SimConfig::default() };
        let (sim, world) = Sim::seeded(seed ^ number as u64, &sim);
        WORLDS.with_borrow_mut(|worlds| worlds.push(world));
        Box::new(sim)
    }));
    let replay = Domain::simulate(seed, &config, move |cx, io| async move {
        let part = ListenPart::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 1)?.remove(0);
        let address = levada_ring::Address::of(part.address());
        let listener = TcpListener::open(&io.channel(), part, false)?;
        let world = WORLDS.with_borrow(|worlds| worlds[0].clone());
        for bytes in [1_usize, 5_000, 70_000] {
            let _peer = world.connect_to(
                &address,
                &[Step::Write(vec![7; bytes]), Step::ShutdownWrite, Step::ReadToEnd],
            );
        }
        let mut read_bytes = 0;
        for _ in 0..3 {
            let stream = listener.accept().await?.0;
            while let Some(block) = stream.recv().await? {
                read_bytes += block.len();
            }
            drop(stream.close());
        }
        assert_eq!(read_bytes, 75_001);
        cx.sleep_until(cx.now().after(Duration::from_secs(1))).await.unwrap_or_default();
        Ok(())
    });
    let world = WORLDS.with_borrow_mut(|worlds| worlds.remove(0));
    (replay.expect("it begins"), world.fingerprint())
}

#[test]
fn a_service_over_a_simulated_kernel_is_replayed_too() {
    for seed in 0..20 {
        let (one, seen) = serve(seed);
        assert_eq!((one.outcome, &one.root), (Outcome::Ended, &Some(Ok(()))), "{one}");
        let (again, seen_again) = serve(seed);
        assert!(is_same(&one, &again) && seen == seen_again, "{one}; {again}");
    }
}

#[test]
fn a_failure_in_a_simulation_is_told_with_its_cause() {
    let (tell, told) = mpsc::channel();
    let mut config = config(2);
    config.on_failure = Arc::new(move |ended| {
        tell.send(ended.chain.to_string()).unwrap();
    });
    let replay = Domain::simulate(1, &config, |cx, io| async move {
        let fails = |_: Context, mut inbox: Mailbox<u8>| async move {
            inbox.recv().await?;
            Err(Failure::new("as asked"))
        };
        let fails = cx.options().on(io.cores()[1]).spawn("fails", fails).await.map_err(no_room)?;
        fails.sender.send(1).await?;
        Ok(())
    });
    assert_eq!(replay.unwrap().root, Some(Ok(())));
    let chain = told.recv().unwrap();
    assert!(chain.starts_with("fails<") && chain.contains("(u8) <- root<"), "{chain}");
}
