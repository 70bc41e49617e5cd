//! Random programs of processes with accounts: after each step every byte is charged to who holds it, and no limit is passed.

use crate::chance::Chance;
use crate::charging::{As, Mail, heap};
use crate::rig::Rig;
use crate::within::within;
use levada_process::{Bounds, CallError, Context, Failure, Mailbox, Refused, Sender, Sent};
use levada_shared::SharedData;
use proptest::prelude::{ProptestConfig, proptest};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

type Peers = Rc<RefCell<Vec<Sender<Mail>>>>;

/// Sends, asks, keeps and answers by chance, until it is killed.
async fn wild(
    cx: Context,
    mut inbox: Mailbox<Mail>,
    peers: Peers,
    seed: u64,
) -> Result<(), Failure> {
    let (account, mut chance, mut kept) = (cx.account(), Chance(seed), Vec::new());
    loop {
        let pick = chance.below(peers.borrow().len() as u64);
        let peer = peers.borrow()[usize::try_from(pick)?].clone();
        let data = match chance.below(3) {
            0 => kept.pop().unwrap_or_default(),
            1 => kept.last().cloned().unwrap_or_default(),
            _ => match account.copy_from(&[5; 200][..usize::try_from(chance.below(200))?]) {
                Ok(data) => data,
                Err(_) => kept.pop().unwrap_or_default(),
            },
        };
        let patience = cx.sleep_until(cx.now().after(Duration::from_micros(chance.below(200))));
        match chance.below(8) {
            0 => drop(peer.try_send(Mail::Data(data))),
            1 => kept.extend(within(peer.send(Mail::Data(data)), patience).await.and_then(back_of)),
            2 => {
                let asked = peer.call(Duration::from_micros(300), |reply| Mail::Ask(data, reply));
                match asked.await {
                    Ok(data) | Err(CallError::NotStarted(Mail::Ask(data, _))) => kept.push(data),
                    Err(_) => {}
                }
            }
            3 => kept.truncate(3),
            4 => patience.await?,
            _ => match within(inbox.recv(), patience).await {
                Some(Ok(Mail::Data(data))) => kept.push(data),
                Some(Ok(Mail::Ask(data, reply))) => {
                    kept.push(data.clone());
                    reply.send(data);
                }
                Some(Ok(_)) | None => {}
                Some(Err(closed)) => Err(closed)?,
            },
        }
        cx.yield_now().await;
    }
}

fn back_of(sent: Result<Sent, Refused<Mail>>) -> Option<SharedData> {
    match sent.err()?.into_inner() {
        Mail::Data(data) => Some(data),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 48 }, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn after_every_step_of_random_programs_each_byte_is_charged_to_who_holds_it(seed in 0_u64.., cores in 1_usize..4) {
        let heap = heap();
        let rig = Rig::over(&heap, cores);
        let mut chance = Chance(seed);
        let peers: Peers = Peers::default();
        let bounds = Bounds { messages: 3, bytes: 4096 };
        let mut children = Vec::new();
        let mut tenants = Vec::new();
        for number in 0..6 {
            let (core, program) = (number % cores, chance.below(u64::MAX));
            let shared = Rc::clone(&peers);
            let what = move |cx, inbox| wild(cx, inbox, shared, program);
            let child = if number < 3 {
                rig.spawn(core, "wild", what)
            } else {
                let account = heap.account("tenant", 600 + 300 * chance.below(4)).unwrap();
                let child = As { bounds, ..As::own(core, &account) }.spawn(&rig, what);
                tenants.push(account);
                child
            };
            peers.borrow_mut().push(child.sender.clone());
            children.push(child);
        }
        for step in 0..40 {
            for _ in 0..3 {
                rig.settle_turns(5);
            }
            heap.validate();
            assert!(tenants.iter().all(|tenant| tenant.charged_bytes() <= 1500), "a limit is exact");
            rig.set_now(rig.now().after(Duration::from_micros(chance.below(300))));
            if step % 8 == 7 && !children.is_empty() {
                let which = usize::try_from(chance.below(children.len() as u64)).unwrap();
                let child = children.swap_remove(which);
                let core = usize::try_from(chance.below(cores as u64)).unwrap();
                rig.spawn(core, "kills", move |cx: Context, _: Mailbox<()>| async move {
                    cx.kill(&child.kill, "by chance");
                    Ok(())
                });
            }
        }
        drop(rig);
        heap.validate();
        let left: u64 = heap.accounts().iter().map(|account| account.charged_bytes).sum();
        assert_eq!((left, heap.gauges().used_bytes), (0, 0));
    }
}
