//! Whoever of the service's own processes is killed, nobody who asks notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::client::Client;
use crate::rig::{Plan, WITHIN, pause};
use crate::soft::{bytes_of, fill};

#[test]
fn killing_every_process_of_the_service_under_load_loses_no_request() {
    const FILES: usize = 60;
    const ROUNDS: usize = 3;
    for cores in [1, 2] {
        let mut plan = Plan::new();
        plan.cores = cores;
        plan.web.cache.revalidate = Duration::from_millis(1); // so that most requests ask the storage
        fill(&plan, &[7_000; FILES]);
        let rig = plan.start();
        let asked = Arc::new(AtomicUsize::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let askers: Vec<_> = (0..4)
            .map(|asker| {
                let (address, asked, over) =
                    (rig.address, Arc::clone(&asked), Arc::clone(&is_over));
                std::thread::spawn(move || {
                    let mut kept = Client::connect(address);
                    for step in asker.. {
                        let number = step * 7 % FILES;
                        let target = format!("/{number}.bin");
                        // By turns on one connection and on a new one, which the acceptor has to bring in.
                        let reply = match step % 2 {
                            0 => kept.get(&target),
                            _ => Client::connect(address).get(&target),
                        };
                        assert_eq!(reply.status, 200, "file {number}");
                        assert!(reply.body == bytes_of(number, 7_000), "file {number}");
                        asked.fetch_add(1, Ordering::Relaxed);
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                })
            })
            .collect();
        for round in 1..=ROUNDS {
            let before = asked.load(Ordering::Relaxed);
            rig.drill();
            let after = || asked.load(Ordering::Relaxed) > before + 100;
            for _ in 0..WITHIN.as_millis() {
                if after() {
                    break;
                }
                pause(1);
            }
            assert!(after(), "requests are answered after drill {round}");
            // Who waits to be started anew cannot be killed: so that each drill finds all of them there.
            let restarts = u64::try_from(round * 3).unwrap();
            rig.look_until(|look| look.processes.restarts == restarts);
        }
        is_over.store(true, Ordering::Relaxed);
        askers.into_iter().for_each(|asker| asker.join().unwrap());
        let look = rig.look();
        // Of the first core, which is the one that is looked at: a storage, a desk and an acceptor, each round.
        let restarts = u64::try_from(ROUNDS * 3).unwrap();
        assert_eq!((look.processes.restarts, look.processes.exits_killed), (restarts, restarts));
    }
}
