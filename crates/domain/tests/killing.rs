//! Processes that are killed with operations in flight: what the kernel still writes to or reads from stays until it is done with it.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use levada_channel::{Driver, ListenPart, OpenHow, TcpListener, TcpStream};
use levada_domain::{Config, Domain, Folder, Io, Outcome};
use levada_process::{Context, Exit, Failure, Mailbox};
use levada_shared::{Account, Options, SharedData, SharedHeap};
use levada_sim::{Mischief, PeerId, Sim, SimConfig, Step, World};

const SEEDS: u64 = 3;
const VICTIMS: u64 = 6;
const FILE_BYTES: u64 = 300_000;
const READ_BYTES: usize = 4 << 10;
const SENT: u8 = 0x5e;
const KEPT: u8 = 0xc5;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
    static BEGUN: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<u64> = const { Cell::new(0) };
    static PEERS: RefCell<Vec<PeerId>> = const { RefCell::new(Vec::new()) };
}

fn world() -> World {
    WORLD.with_borrow(|world| world.clone()).expect("made with the driver")
}

fn begun() {
    BEGUN.set(BEGUN.get() + 1);
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("no room")
}

fn filled(account: &Account, bytes: usize, with: u8) -> Result<SharedData, Failure> {
    let mut buf = account.buf(bytes).map_err(no_room)?;
    buf.write(&vec![with; bytes])?;
    Ok(buf.freeze())
}

/// Reads a file and a connection, and sends, in tasks of its own, all at once and without an end.
async fn works(cx: Context, io: Io, folder: Folder) -> Result<(), Failure> {
    let part = ListenPart::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 1)?.remove(0);
    let address = levada_ring::Address::of(part.address());
    let listener = TcpListener::open(&io.channel(), part, false)?;
    let pause = Step::Wait(Duration::from_micros(cx.random() % 3000));
    let talks =
        [Step::Write(vec![9; 100_000]), pause, Step::Write(vec![9; 50_000]), Step::ReadToEnd];
    let peer = world().connect_to(&address, &talks);
    PEERS.with_borrow_mut(|peers| peers.push(peer));
    let stream = Rc::new(listener.accept().await?.0);
    let file = Rc::new(folder.open_file(b"data", OpenHow::default()).await?);
    let mut tasks = Vec::new();
    for number in 0..3_u64 {
        let (of, file) = (cx.clone(), Rc::clone(&file));
        tasks.push(cx.task(async move {
            loop {
                let buffer = of.account().buf(READ_BYTES).map_err(no_room)?;
                begun();
                let offset = (of.random() + number) % FILE_BYTES;
                drop(file.read_at(buffer, offset).await.map_err(no_room)?);
            }
        }));
    }
    tasks.push(cx.task(sends(cx.clone(), Rc::clone(&stream))));
    let (of, from) = (cx.clone(), Rc::clone(&stream));
    tasks.push(cx.task(async move {
        loop {
            let buffer = of.account().buf(READ_BYTES).map_err(no_room)?;
            begun();
            let filled = from.recv_into(buffer, READ_BYTES).await.map_err(no_room)?;
            if filled.len() < READ_BYTES {
                return Ok::<(), Failure>(()); // all further ones are ready at once
            }
        }
    }));
    for task in tasks {
        // Who has read all that comes, or finds no room, rests; the others go on.
        drop::<Result<(), Failure>>(task.await);
    }
    std::future::pending().await
}

async fn sends(cx: Context, to: Rc<TcpStream>) -> Result<(), Failure> {
    loop {
        let bytes = 1 + usize::try_from(cx.random() % 4000)?;
        begun();
        let sending = to.send(filled(&cx.account(), bytes, SENT)?).map_err(no_room)?;
        sending.await?;
    }
}

/// Kills one after another, at any moment of its life, and looks at what is left of it.
async fn kills(cx: Context, io: Io) -> Result<(), Failure> {
    world().put_file("data", &vec![3; usize::try_from(FILE_BYTES)?], false);
    let folder = Folder::of(world().root());
    for _ in 0..VICTIMS {
        let account = io.heap().account("victim", u64::MAX)?;
        let (lent, right) = (io.clone(), folder.clone());
        let victim = cx
            .options()
            .own_account(&account)
            .spawn("works", move |cx, _: Mailbox<()>| works(cx, lent, right))
            .map_err(no_room)?;
        let down = cx.monitor(victim.pid);
        if cx.random().is_multiple_of(2) {
            for _ in 0..cx.random() % 40 {
                cx.yield_now().await;
            }
        } else {
            let live = Duration::from_nanos(1 << (10 + cx.random() % 12));
            cx.sleep_until(cx.now().after(live)).await?;
        }
        cx.kill(&victim.kill, "at any moment");
        let down = down.await;
        assert!(matches!(down.exit, Exit::Killed { .. }), "{down:?}");
        HELD.set(HELD.get() + u64::from(down.quarantined_bytes > 0));
        // What was freed too early is given out again here, and would be written over.
        let kept = (0..8)
            .map(|_| filled(&io.account(), READ_BYTES, KEPT))
            .collect::<Result<Vec<_>, _>>()?;
        let patience = cx.now().after(Duration::from_mins(10));
        while account.charged_bytes() > 0 {
            assert!(cx.now() < patience, "{:?} is never given back", io.heap().quarantine());
            cx.sleep_until(cx.now().after(Duration::from_millis(1))).await?;
        }
        assert!(io.heap().quarantine().is_empty());
        for data in kept {
            assert!(
                data.pieces().flatten().all(|byte| *byte == KEPT),
                "a freed buffer was written to"
            );
        }
        io.heap().validate();
    }
    Ok(())
}

#[test]
fn a_process_killed_with_reads_and_sends_in_flight_leaves_its_buffers_to_the_kernel_and_then_to_nobody()
 {
    for seed in 0..SEEDS {
        let heap =
            SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1, ..Options::default() });
        let mut config = Config::new(heap.expect("addresses"));
        config.cores = vec![None];
        config.processes_max = 64;
        config.driver_for = Some(Arc::new(move |_| -> Box<dyn Driver> {
            let sim = SimConfig { mischief: Mischief::hidden(), ..SimConfig::default() };
            let (sim, world) = Sim::seeded(seed, &sim);
            WORLD.set(Some(world));
            Box::new(sim)
        }));
        let replay = Domain::simulate(seed, &config, kills).expect("it begins");
        assert_eq!((replay.outcome, &replay.root), (Outcome::Ended, &Some(Ok(()))), "{replay}");
        let world = WORLD.take().expect("made with the driver");
        for peer in PEERS.take() {
            let read = world.peer(peer).read;
            assert!(read.iter().all(|byte| *byte == SENT), "seed {seed}: other bytes were sent");
        }
        world.validate_left();
        config.heap.validate();
    }
    let (begun, held) = (BEGUN.get(), HELD.get());
    assert!(begun > 200, "{begun} operations");
    assert!(held > SEEDS, "the kernel held something of {held} of {}", SEEDS * VICTIMS);
}
