//! What a watchdog tells of turns that run too long.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use levada_domain::{Config, Domain, Overrun};
use levada_process::Mailbox;
use levada_shared::{Options, SharedHeap};

fn config(cores: usize) -> Config {
    let heap =
        SharedHeap::new(Options { bytes_max: 64 << 20, arenas: cores, ..Options::default() });
    let mut config = Config::new(heap.expect("addresses"));
    config.cores = vec![None; cores];
    config
}

#[test]
fn a_turn_that_does_not_return_is_told_with_its_cause_and_again_each_time_it_has_doubled() {
    let (sender, reports) = mpsc::channel::<Overrun>();
    let mut config = config(2);
    config.turn_max = Some(Duration::from_millis(5));
    config.on_overrun = Arc::new(move |overrun| {
        let _nobody_listens: bool = sender.send(*overrun).is_err();
    });
    let (tell, told) = mpsc::channel();
    let domain = Domain::start(&config, move |cx, io| async move {
        let there = io.cores()[1];
        let stuck = move |cx: levada_process::Context, mut inbox: Mailbox<u32>| async move {
            inbox.recv().await?;
            let cause = cx.begin_cause(Some(0xfeed), false);
            let two = [reports.recv()?, reports.recv()?]; // in the middle of a turn: the core stands still
            tell.send((cx.pid(), cause, two, io.process_gauges().turns_over_limit))?;
            Ok(())
        };
        let stuck = cx.options().on(there).spawn("stuck", stuck).await;
        let stuck = stuck.map_err(|_| levada_process::Failure::new("no room"))?.sender;
        stuck.send(7).await?;
        Ok(())
    })
    .unwrap();
    let (pid, cause, [first, second], over_limit) = told.recv().unwrap();
    assert_eq!((first.turn.pid, first.turn.name, first.turn.message), (pid, "stuck", "u32"));
    assert_eq!((first.turn.cause, second.turn), (cause, first.turn));
    assert!(first.ran >= Duration::from_millis(5) && second.ran >= Duration::from_millis(10));
    assert_eq!(over_limit, 1, "it is one turn");
    assert_eq!(domain.wait(), Ok(()));
}

#[test]
fn whoever_is_watched_by_nobody_runs_as_long_as_he_likes() {
    let mut config = config(1);
    config.turn_max = None;
    config.on_overrun = Arc::new(|_| panic!("nobody watches"));
    let domain = Domain::start(&config, |_, _| async move { Ok(()) }).unwrap();
    assert_eq!(domain.wait(), Ok(()));
}
