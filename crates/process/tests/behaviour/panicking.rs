//! A panic is the end of one process, under load and with the shared heap in its hands, and costs nobody else anything.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{
    CallError, Closed, Context, Exit, Failure, Mailbox, Message, Refused, Reply, Sender,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

const ROUNDS: u64 = 6;
const SECOND: Duration = Duration::from_secs(1);

fn filled(account: &Account, bytes: usize) -> SharedData {
    let mut buf = account.buf(bytes).expect("room");
    buf.write(&vec![7; bytes]).expect("it has that much room");
    buf.freeze()
}

fn heap() -> SharedHeap {
    let options = Options { bytes_max: 64 << 20, arenas: 1, ..Options::default() };
    SharedHeap::new(options).expect("addresses")
}

#[derive(Message)]
enum Work {
    Note(SharedData),
    Ask(SharedData, Reply<SharedData>),
}

/// How many messages each of those took that do not panic.
type Took = Rc<RefCell<HashMap<usize, u64>>>;

/// Answers with what it is asked, and panics over the last that it may take, with blocks of its own and others' in its hands.
async fn works(
    cx: Context,
    mut inbox: Mailbox<Work>,
    me: usize,
    last: Option<u64>,
    took: Took,
) -> Result<(), Failure> {
    let mut count = 0;
    let mut kept = Vec::new();
    loop {
        let work = inbox.recv().await?;
        kept.push(filled(&cx.account(), 64));
        count += 1;
        assert!(last != Some(count), "the last that it took");
        took.borrow_mut().insert(me, count);
        match work {
            Work::Note(data) => kept.push(data),
            Work::Ask(data, reply) => reply.send(data),
        }
    }
}

/// Sends a worker a note and a question, round after round; what came of it, each in a letter.
async fn asks(cx: Context, to: Sender<Work>) -> Result<String, Failure> {
    let mut came = String::new();
    for _ in 0..ROUNDS {
        came.push(match to.send(Work::Note(filled(&cx.account(), 64))).await {
            Ok(_) => '.',
            Err(Refused::Closed(Work::Note(back), Closed::Ended)) if back.len() == 64 => 'c',
            Err(other) => panic!("{other:?}"),
        });
        let data = filled(&cx.account(), 128);
        came.push(match to.call(SECOND, |reply| Work::Ask(data, reply)).await {
            Ok(back) if back.len() == 128 => '.',
            Err(CallError::Crashed) => 'X',
            // It was in the mailbox when the one before it was too much.
            Err(CallError::NotStarted(Work::Ask(back, _))) if back.len() == 128 => 'n',
            Err(CallError::Refused(Refused::Closed(Work::Ask(back, _), Closed::Ended)))
                if back.len() == 128 =>
            {
                'c'
            }
            other => panic!("{other:?}"),
        });
    }
    Ok(came)
}

#[test]
fn a_thousand_panics_under_load_cost_those_who_do_not_panic_nothing_and_leak_nothing() {
    const COUNT: usize = if cfg!(miri) { 20 } else { 1000 };
    for cores in [1, 2] {
        let heap = heap();
        let rig = Rig::over_many(&heap, cores, 8192);
        let (took, log) = (Took::default(), Log::new());
        for me in 0..2 * COUNT {
            // Half of them over a note, half over a question.
            let last = (me % 2 == 0).then_some(1 + (me as u64 / 2) % (2 * ROUNDS));
            let noted = Rc::clone(&took);
            let worker =
                rig.spawn(me % cores, "works", move |cx, inbox| works(cx, inbox, me, last, noted));
            let told = log.clone();
            rig.spawn((me / 2) % cores, "asks", move |cx: Context, _: Mailbox<()>| async move {
                let down = cx.monitor(worker.pid);
                let came = asks(cx, worker.sender).await?;
                told.add((me, last, came, down.await.exit));
                Ok(())
            });
        }
        rig.advance(3 * SECOND);
        let mut told = log.take();
        assert_eq!(told.len(), 2 * COUNT, "nobody waits for who is gone");
        for (me, last, came, exit) in told.drain(..) {
            let Some(last) = last else {
                assert_eq!((came.as_str(), exit), ("............", Exit::Normal));
                assert_eq!(took.borrow()[&me], 2 * ROUNDS, "no message of theirs is lost");
                continue;
            };
            assert!(
                matches!(&exit, Exit::Panicked { text, .. } if &**text == "the last that it took")
            );
            // A note that kills is accepted; the question behind it is on its way, or finds it gone.
            let until = usize::try_from(last).unwrap() - 1;
            let (before, after) = came.split_at(until);
            assert!(before.chars().all(|letter| letter == '.'), "{last}: {came}");
            let is_question = last % 2 == 0;
            let first = after.chars().next();
            assert_eq!(first, Some(if is_question { 'X' } else { '.' }), "{last}: {came}");
            let mut rest = after.chars().skip(1);
            assert!(is_question || matches!(rest.next(), Some('n' | 'c')), "{last}: {came}");
            assert!(rest.all(|letter| letter == 'c'), "{last}: {came}");
        }
        let gauges =
            (0..cores).map(|core| rig.core(core).gauges()).reduce(|a, b| a + b).expect("a core");
        assert_eq!((gauges.exits_panicked, gauges.processes_live), (COUNT as u64, 0));
        assert_eq!(gauges.waits_open, 0);
        assert!(heap.top_retainers(1).is_empty(), "nothing is left of what they held");
        heap.validate();
    }
}

#[test]
fn what_a_process_forgets_stays_readable_and_is_in_the_report_of_its_end() {
    let heap = heap();
    let rig = Rig::over(&heap, 1);
    let account = heap.account("forgets", u64::MAX).unwrap();
    let (log, leaked) = Log::<&'static SharedData>::pair();
    let (downs, told) = Log::pair();
    let own = account.clone();
    rig.spawn(0, "watches", move |cx: Context, _: Mailbox<()>| async move {
        let leaked = Sendable(leaked);
        let forgets = move |cx: Context, _: Mailbox<()>| async move {
            let account = cx.account();
            leaked.into_inner().add(Box::leak(Box::new(filled(&account, 256))));
            #[expect(clippy::mem_forget, reason = "what is forgotten is what this is about")]
            std::mem::forget(filled(&account, 512));
            let _dropped = filled(&account, 1024);
            panic!("with all that");
        };
        let child = cx.options().own_account(&own).spawn("forgets", forgets)?;
        told.add(cx.monitor(child.pid).await);
        Ok(())
    });
    rig.settle();
    let down = downs.take().remove(0);
    assert!(matches!(down.exit, Exit::Panicked { .. }));
    assert_eq!((down.quarantined_bytes, rig.lent(0).quarantined_bytes.get()), (768, 768));
    let quarantine = heap.quarantine();
    assert_eq!(quarantine.iter().map(|held| held.pinned_bytes).sum::<u64>(), 768);
    assert_eq!(quarantine[0].account, "forgets");
    let data = log.take().remove(0);
    assert_eq!(data.pieces().collect::<Vec<_>>().concat(), [7; 256]);
    heap.validate();
}
