//! A process has a collected heap of its own: over turns and awaits, within its account, and to its end.

use crate::rig::{Log, Rig, Sendable};
use levada_local::{Depth, Gc, Leaf, Limits, Lock, Pacing, PoolOptions, Root, Trace};
use levada_process::{
    Context, CoreOptions, Exit, Failure, GcData, HoldData, Mailbox, OtherRoot, OwnHeap, Refused,
    Sender,
};
use levada_shared::{Options, SharedData, SharedHeap};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::time::Duration;

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    fill: [u64; 4],
    before: Option<Gc<'gc, Self>>,
}

type Chain = Option<Gc<'static, Node<'static>>>;

fn push<'gc>(cx: &levada_local::Cx<'gc>, last: &mut Option<Gc<'gc, Node<'gc>>>, number: u64) {
    *last = Some(cx.alloc(Node { number, fill: [number; 4], before: *last }));
}

fn numbers(heap: &OwnHeap<Chain>) -> Vec<u64> {
    heap.enter(|_, last| {
        std::iter::successors(*last, |node| node.before).map(|node| node.number).collect()
    })
}

fn shared_heap() -> SharedHeap {
    SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
        .expect("there is memory")
}

/// Sends to one mailbox from outside.
fn feed<M: levada_process::Message>(rig: &Rig, to: &Sender<M>, message: M) {
    let sent = rig.core(0).enter(|| to.try_send(message).map_err(Refused::into_inner).is_ok());
    assert!(sent, "the mailbox has room");
    rig.settle_all();
}

#[test]
fn a_heap_lives_over_turns_and_awaits() {
    let rig = Rig::new(1);
    let (seen, log) = Log::pair();
    let child = rig.spawn(0, "keeps", move |cx, mut inbox: Mailbox<u64>| async move {
        let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
        let mut first: Option<Root<Node<'static>>> = None;
        loop {
            let number = inbox.recv().await?;
            heap.enter(|cx, last| {
                push(cx, last, number);
                (0..3_000).for_each(|_| {
                    cx.alloc([number; 16]);
                });
                let root = first.get_or_insert_with(|| cx.root((*last).expect("pushed")));
                assert_eq!(cx.get(root).fill, [0; 4]);
            });
            heap.validate();
            log.add(numbers(&heap));
        }
    });
    (0..5).for_each(|number| feed(&rig, &child.sender, number));
    assert_eq!(seen.take().pop(), Some(vec![4, 3, 2, 1, 0]));
    let gauges = rig.core(0).gauges();
    assert!(gauges.own_heap_minors >= 4, "{gauges:?}");
    assert_eq!((gauges.own_heaps_live, gauges.own_heap_chunks_lent), (1, 0));
    assert_eq!(rig.core(0).processes()[0].own_heap_bytes, Some(320));
}

#[test]
fn a_process_has_one_heap_and_is_told_what_its_root_is() {
    let rig = Rig::new(1);
    let (seen, log) = Log::pair();
    rig.spawn(0, "asks", move |cx, _: Mailbox<()>| async move {
        let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
        heap.enter(|cx, last| push(cx, last, 7));
        let again = cx.own_heap::<Chain>(Limits::default(), |_| unreachable!())?;
        assert_eq!(numbers(&again), [7]);
        let other = cx.own_heap::<u64>(Limits::default(), |_| 0).expect_err("it has a heap");
        let OtherRoot { asked_for, .. } = other;
        log.add((asked_for, other.to_string().contains("Node")));
        Ok(())
    });
    rig.settle();
    assert_eq!(seen.take(), [("u64", true)]);
}

#[test]
fn entering_a_heap_again_within_is_refused_and_ends_only_that_process() {
    let rig = Rig::new(1);
    rig.spawn(0, "nests", |cx, _: Mailbox<()>| async move {
        let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
        heap.enter(|_, _| heap.enter(|_, _| ()));
        Ok(())
    });
    rig.spawn(0, "asks in asking", |cx, _: Mailbox<()>| async move {
        let again = cx.clone();
        drop(cx.own_heap::<u64>(Limits::default(), |_| {
            drop(again.own_heap::<u64>(Limits::default(), |_| 0));
            0
        }));
        Ok(())
    });
    rig.settle();
    let ended = rig.lent(0).ended.take();
    assert!(
        matches!(&ended[0].2, Exit::Panicked { text, .. } if text.contains("not entered again"))
    );
    assert!(matches!(&ended[1].2, Exit::Panicked { text, .. } if text.contains("not asked for")));
    assert_eq!(rig.core(0).gauges().own_heaps_live, 0);
}

#[test]
fn a_heap_is_used_by_no_other_process_and_not_after_its_own_has_ended() {
    let rig = Rig::new(1);
    let place = Sendable(Rc::new(RefCell::new(None)));
    let (put, take) = (place.clone(), place.clone());
    let owner = rig.spawn(0, "owns", move |cx, mut inbox: Mailbox<()>| async move {
        let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
        *put.into_inner().borrow_mut() = Some(heap);
        inbox.recv().await?;
        Ok(())
    });
    rig.settle();
    rig.spawn(0, "takes", move |_, _: Mailbox<()>| async move {
        let heap = take.into_inner().borrow().clone().expect("it was put there");
        heap.enter(|_, _| ());
        Ok(())
    });
    rig.settle();
    let ended = rig.lent(0).ended.take();
    assert!(matches!(&ended[0].2, Exit::Panicked { text, .. } if text.contains("of its own")));
    assert_eq!(rig.core(0).gauges().own_heaps_live, 1);
    feed(&rig, &owner.sender, ());
    assert_eq!(rig.core(0).gauges().own_heaps_live, 0);
    let heap = place.into_inner().take().expect("it is there");
    assert!(catch_unwind(AssertUnwindSafe(|| heap.enter(|_, _| ()))).is_err());
}

#[test]
fn at_the_limit_of_its_account_a_process_is_given_back_what_it_would_keep_and_goes_on() {
    let shared = shared_heap();
    let (rig, account) = (Rig::over(&shared, 1), shared.account("own", 192 << 10).expect("room"));
    let (seen, log) = Log::pair();
    let (own, log) = (account.clone(), Sendable(log));
    rig.spawn(0, "spawns", move |cx, _: Mailbox<()>| async move {
        let tries = cx.options().own_account(&own);
        tries.spawn("tries", move |cx, _: Mailbox<()>| keeps_all(cx, log.into_inner()))?;
        Ok(())
    });
    rig.settle();
    let kept = seen.take();
    assert!(kept.len() == 3 && kept.iter().all(|each| *each == kept[0]), "{kept:?}");
    assert!((2_300..3_600).contains(&kept[0]), "{kept:?} of 56 B in 192 KiB");
    let ended = rig.lent(0).ended.take();
    assert!(ended.is_empty(), "{ended:?}");
    assert_eq!((account.charged_bytes(), rig.lent(0).quarantined_bytes.get()), (0, 0));
    shared.validate();
}

/// Fills its heap to the limit, lets go of it, and fills it again.
async fn keeps_all(cx: Context, log: Log<u64>) -> Result<(), Failure> {
    let account = cx.account();
    let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
    for _ in 0..3 {
        let kept = heap.enter(|cx, last| {
            for number in 0.. {
                let node = Node { number, fill: [0; 4], before: *last };
                match cx.try_alloc(node) {
                    Ok(node) => *last = Some(node),
                    Err(full) => return full.0.number,
                }
            }
            unreachable!("it has a limit")
        });
        assert!(account.charged_bytes() > 128 << 10);
        heap.enter(|_, last| *last = None);
        heap.collect(Depth::Major);
        log.add(kept);
    }
    Ok(())
}

#[test]
fn a_process_that_allocates_beyond_its_limit_ends_and_no_other() {
    let rig = Rig::new(1);
    for limit_bytes in [1 << 20, 2 << 20] {
        rig.spawn(0, "takes", move |cx, _: Mailbox<()>| async move {
            let heap = cx.own_heap::<Chain>(Limits::up_to(limit_bytes), |_| None)?;
            heap.enter(|cx, last| (0..30_000).for_each(|number| push(cx, last, number)));
            Ok(())
        });
    }
    rig.settle();
    let gauges = rig.core(0).gauges();
    assert_eq!((gauges.exits_panicked, gauges.exits_normal), (1, 1));
    assert_eq!((gauges.own_heaps_live, gauges.own_heap_chunks_lent), (0, 0));
    assert!(matches!(
        &rig.lent(0).ended.take()[0].2,
        Exit::Panicked { text, .. } if text.contains("at its limit")
    ));
}

#[test]
fn idle_processes_hold_no_chunk_however_many_they_are() {
    let count = 2_000_u64;
    let rig = Rig::new(1);
    let mut children = Vec::new();
    for _ in 0..count {
        children.push(rig.spawn(0, "idles", |cx, mut inbox: Mailbox<()>| async move {
            let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
            heap.enter(|cx, last| (0..5).for_each(|number| push(cx, last, number)));
            inbox.recv().await?;
            Ok(())
        }));
    }
    while rig.core(0).run_turn() {
        let chunks = rig.core(0).gauges().own_heap_chunks_lent;
        assert!(chunks <= 8, "{chunks} chunks between turns");
    }
    rig.settle_all();
    let gauges = rig.core(0).gauges();
    assert_eq!((gauges.own_heaps_live, gauges.own_heap_chunks_lent), (count, 0));
    assert_eq!(gauges.own_heap_rests, count);
    let used_bytes: u64 =
        rig.core(0).processes().iter().filter_map(|process| process.own_heap_bytes).sum();
    assert_eq!(used_bytes, count * 320, "five of 56 B each");
}

#[test]
fn a_process_that_is_killed_leaves_its_account_at_zero_and_all_is_undone_once() {
    let shared = shared_heap();
    let (rig, account) = (Rig::over(&shared, 1), shared.account("own", 1 << 20).expect("room"));
    let (undone, log) = (Log::new(), Log::new());
    let (own, data) = (account.clone(), account.copy_from(b"held").expect("room"));
    let (counts, kill) = (Sendable(undone.clone()), Sendable(log.clone()));
    rig.spawn(0, "spawns", move |cx, _: Mailbox<()>| async move {
        let child = cx.options().own_account(&own).spawn(
            "keeps",
            move |cx, mut inbox: Mailbox<()>| async move {
                let heap = cx.own_heap::<Vec<GcNoted>>(Limits::default(), |_| Vec::new())?;
                heap.enter(|cx, kept| {
                    let held = cx.hold_data(data);
                    for _ in 0..100 {
                        let noted = Leaf(Noted(Sendable(counts.clone().into_inner())));
                        kept.push((cx.alloc(noted), held));
                    }
                });
                inbox.recv().await?;
                Ok(())
            },
        )?;
        kill.into_inner().add(child);
        Ok(())
    });
    rig.settle();
    let child = log.take().pop().expect("it was spawned");
    assert!(account.charged_bytes() > 64);
    rig.core(0).kill_all("the test is over");
    rig.settle_all();
    drop(child);
    assert_eq!(undone.take().len(), 100);
    assert_eq!((account.charged_bytes(), rig.lent(0).quarantined_bytes.get()), (0, 0));
    shared.validate();
}

type GcNoted = (Gc<'static, Leaf<Noted>>, GcData<'static>);

/// Says that it was dropped.
struct Noted(Sendable<Log<()>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.0.add(());
    }
}

#[test]
fn data_is_charged_until_what_holds_it_in_a_heap_is_collected() {
    let shared = shared_heap();
    let (rig, account) = (Rig::over(&shared, 1), shared.account("own", 1 << 20).expect("room"));
    let child = rig.spawn(0, "holds", |cx, mut inbox: Mailbox<Option<SharedData>>| async move {
        let heap =
            cx.own_heap::<Option<Gc<'static, Page<'static>>>>(Limits::default(), |_| None)?;
        loop {
            let data = inbox.recv().await?;
            let collects = data.is_none();
            heap.enter(|cx, last| {
                *last = data.map(|data| {
                    let (body, next) = (cx.hold_data(data), Lock::new(None));
                    cx.alloc(Page { body, next })
                });
                let Some(page) = last else { return };
                page.write(cx).field(|page| &page.next).set(Some(*page)); // a circle
                assert_eq!(page.next.get().map_or(0, |page| page.body.len()), 300 << 10);
            });
            if collects {
                heap.collect(Depth::Minor);
            }
        }
    });
    let charged = rig.core(0).gauges();
    assert_eq!(charged.own_heaps_live, 0);
    for _ in 0..5 {
        let data = account.copy_from(&[1; 300 << 10]).expect("room");
        feed(&rig, &child.sender, Some(data));
        assert_eq!(account.charged_bytes(), 0, "it is its receiver's");
        // What is held elsewhere brings on a collection as if it had been born here.
        assert_eq!(shared.gauges().used_blocks, 1);
    }
    feed(&rig, &child.sender, None);
    assert_eq!(shared.gauges().used_blocks, 0);
    let core = shared.accounts().into_iter().find(|account| account.name == "core 0");
    let kept_bytes = rig.core(0).processes()[0].own_heap_bytes;
    assert_eq!(core.map(|core| core.charged_bytes), kept_bytes);
    shared.validate();
}

#[derive(Trace)]
struct Page<'gc> {
    body: GcData<'gc>,
    next: Lock<Option<Gc<'gc, Self>>>,
}

/// Takes a millisecond when it is dropped.
struct Slow(Sendable<Weak<Rig>>);

impl Drop for Slow {
    fn drop(&mut self) {
        let rig = self.0.0.upgrade().expect("the rig runs");
        rig.set_now(rig.now().after(Duration::from_millis(1)));
    }
}

#[test]
fn the_time_that_a_collection_takes_is_taken_off_the_slice() {
    let rig = Rc::new(Rig::new(1));
    let (seen, log) = Log::pair();
    let said = log.clone();
    let woken = rig.spawn(0, "woken", move |_, mut inbox: Mailbox<()>| async move {
        inbox.recv().await?;
        said.add("woken by who collects");
        Ok(())
    });
    rig.settle();
    rig.spawn(0, "yields", move |cx, _: Mailbox<()>| async move {
        for _ in 0..3 {
            log.add("yields");
            cx.yield_now().await;
        }
        Ok(())
    });
    let slow = Sendable(Rc::downgrade(&rig));
    rig.spawn(0, "collects", move |cx, _: Mailbox<()>| async move {
        let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
        heap.enter(|cx, _| {
            cx.alloc(Leaf(Slow(slow)));
            (0..1024).for_each(|_| {
                cx.alloc([0_u64; 128]);
            });
        });
        woken.sender.try_send(()).map_err(|_| Failure::new("it has room"))?;
        Ok(())
    });
    rig.settle();
    assert_eq!(seen.take(), ["yields", "yields", "woken by who collects", "yields"]);
}

/// Panics when it is dropped.
struct Bursts;

impl Drop for Bursts {
    fn drop(&mut self) {
        panic!("a destructor burst");
    }
}

#[test]
fn a_destructor_that_panics_at_the_end_of_a_turn_or_at_rest_ends_its_own_process() {
    let rig = Rig::new(1);
    let bursts = [1 << 20, 0].map(|garbage_bytes| {
        rig.spawn(0, "bursts", move |cx, mut inbox: Mailbox<()>| async move {
            let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
            heap.enter(|cx, _| {
                cx.alloc(Leaf(Bursts));
                (0..garbage_bytes / 1024).for_each(|_| {
                    cx.alloc([0_u64; 128]);
                });
            });
            inbox.recv().await?;
            Ok(())
        })
    });
    rig.core(0).run_turn();
    assert_eq!(rig.core(0).gauges().exits_panicked, 1);
    rig.core(0).run_turn();
    assert_eq!(rig.core(0).gauges().exits_panicked, 1);
    rig.settle_all();
    assert_eq!(rig.core(0).gauges().exits_panicked, 2);
    let ended = rig.lent(0).ended.take();
    assert!(ended.iter().all(|(.., exit)| {
        matches!(exit, Exit::Panicked { at, text } if text.contains("burst") && at.contains("own_heaps.rs"))
    }));
    assert_eq!(rig.core(0).gauges().own_heaps_live, 0);
    drop(bursts);
}

#[test]
fn a_large_heap_is_collected_in_slices_each_at_the_end_of_a_turn() {
    let pacing = Pacing {
        nursery_bytes: 64 << 10,
        survivals: 1,
        rest_bytes: 0,
        young_bytes_min: 64 << 10,
        stable_survivals: 1,
        old_bytes_min: 1 << 20,
        slice_bytes: 16 << 10,
        ..Pacing::default()
    };
    let own_heaps = PoolOptions { pacing, ..PoolOptions::default() };
    let rig = Rig::with(1, CoreOptions { own_heaps, ..CoreOptions::default() });
    let (seen, log) = Log::pair();
    rig.spawn(0, "grows", move |cx, _: Mailbox<()>| async move {
        let heap = cx.own_heap::<Chain>(Limits::default(), |_| None)?;
        for turn in 0..1_500 {
            heap.enter(|cx, last| (0..50).for_each(|number| push(cx, last, turn * 50 + number)));
            cx.yield_now().await;
        }
        heap.validate();
        log.add(heap.gauges());
        Ok(())
    });
    rig.settle();
    let of_heap = seen.take().pop().expect("it was built");
    let gauges = rig.core(0).gauges();
    assert!(of_heap.majors >= 1 && gauges.own_heap_major_slices >= 30, "{of_heap:?}");
    assert!(of_heap.pause_marked_objects_max < 5_000, "of 75,000 at most: {of_heap:?}");
}
