//! Fairness: who wakes whom cannot keep a third from running.

use crate::rig::{Log, Rig, Sendable};
use levada_process::{Class, Context, Failure, Mailbox, Message, Sender};
use std::cell::Cell;
use std::rc::Rc;

/// How many messages a slice has.
const SLICE: u64 = 64;

#[derive(Message)]
enum Ball {
    /// Who plays with whom.
    Meet(Sender<Self>),
    Ball,
}

/// Throws every ball back, until there were so many.
async fn plays(mut inbox: Mailbox<Ball>, balls: Rc<Cell<u64>>, last: u64) -> Result<(), Failure> {
    let Ball::Meet(other) = inbox.recv().await? else { return Ok(()) };
    while balls.get() < last {
        inbox.recv().await?;
        balls.set(balls.get() + 1);
        other.send(Ball::Ball).await?;
    }
    Ok(())
}

/// Two that wake each other again and again; how many balls were thrown.
fn playing(rig: &Rig, last: u64) -> Rc<Cell<u64>> {
    let balls = Rc::new(Cell::new(0));
    let [first, second] = [0, 1].map(|_| {
        let balls = Rc::clone(&balls);
        rig.spawn(0, "plays", move |_, inbox| plays(inbox, balls, last)).sender
    });
    rig.core(0).enter(|| {
        first.try_send(Ball::Meet(second.clone())).expect("there is room");
        second.try_send(Ball::Meet(first.clone())).expect("there is room");
        first.try_send(Ball::Ball).expect("there is room");
        drop((first, second));
    });
    balls
}

#[test]
fn two_that_wake_each_other_delay_a_third_by_at_most_one_slice_and_a_turn() {
    for class in [Class::Interactive, Class::Background] {
        for head_start in 0..70 {
            let rig = Rig::new(1);
            let balls = playing(&rig, 5000);
            rig.pass(0, 6 + head_start);
            let (log, noted) = Log::pair();
            let seen = Sendable((noted, Rc::clone(&balls)));
            let makes = rig.spawn(0, "makes", move |cx: Context, _: Mailbox<()>| async move {
                // Each of its turns is told by how many balls were thrown until then.
                let options = cx.options().class(class);
                let _third =
                    options.spawn("third", move |cx: Context, _: Mailbox<()>| async move {
                        let (noted, balls) = seen.into_inner();
                        for _ in 0..20 {
                            noted.add(balls.get());
                            cx.yield_now().await;
                        }
                        Ok(())
                    })?;
                Ok(())
            });
            drop(makes);
            rig.settle();
            let turns = log.take();
            // Background has one turn in sixteen, which two that take a turn a ball leave it after fifteen of theirs.
            let most = if class == Class::Interactive { SLICE + 1 } else { 16 };
            let waited = turns.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(waited.is_some_and(|waited| waited <= most), "{class:?}: {waited:?}");
            assert_eq!((turns.len(), balls.get() >= 5000), (20, true));
        }
    }
}
