//! Eventing: the same conversations by a loop of the program's own; the last event of each connection is `Closed`, once.

use std::collections::HashMap;

use levada_channel::{Event, Events, Socket, Wait};
use levada_sim::Step;

use crate::stage::{Scene, Stage};

/// What the loop knows of a connection.
#[derive(Debug, Default)]
struct Known {
    cookie: u64,
    queued_bytes: u64,
    sent_bytes: u64,
    has_ended: bool,
}

/// Echoes to `count` peers, and says of each connection whether it ended well.
fn echo_all(stage: &Stage, listener: Socket, count: u64, abort_at_bytes: u64) -> Vec<bool> {
    let mut events = Events::with_capacity(8);
    let mut known: HashMap<Socket, Known> = HashMap::new();
    let mut closed = Vec::new();
    let (mut cookie_next, mut ended) = (100, Vec::new());
    stage.channel.accept(listener, u32::try_from(count).expect("few")).expect("it listens");
    while (closed.len() as u64) < count {
        stage.channel.dispatch(&mut events, Wait::ANY).expect("the driver works");
        for event in events.drain() {
            match event {
                Event::Accepted { socket, .. } => {
                    let cookie = cookie_next;
                    cookie_next += 1;
                    stage.channel.register(socket, cookie, None).expect("it is open");
                    stage.channel.recv(socket, 10_000).expect("it is open");
                    assert!(known.insert(socket, Known { cookie, ..Known::default() }).is_none());
                }
                Event::Received { socket, cookie, bytes } => {
                    let it = known.get_mut(&socket).expect("it was accepted");
                    assert!(it.cookie == cookie && !it.has_ended && !bytes.is_empty());
                    it.queued_bytes += bytes.len() as u64;
                    // Where it has broken, `Closed` is on its way.
                    if let Err(refused) = stage.channel.send(socket, bytes.freeze()) {
                        it.queued_bytes -= refused.value.len();
                    }
                    if it.queued_bytes >= abort_at_bytes {
                        let _aborted_already = stage.channel.abort(socket);
                    }
                }
                Event::Sent { socket, bytes, .. } => {
                    let it = known.get_mut(&socket).expect("it was accepted");
                    it.sent_bytes += bytes;
                    assert!(it.sent_bytes <= it.queued_bytes);
                    let credit = u32::try_from(bytes).expect("a block");
                    let _ended_meanwhile = stage.channel.recv(socket, credit);
                    if it.has_ended && it.sent_bytes == it.queued_bytes {
                        let _closed_already = stage.channel.close(socket);
                    }
                }
                Event::End { socket, .. } => {
                    let it = known.get_mut(&socket).expect("it was accepted");
                    assert!(!core::mem::replace(&mut it.has_ended, true), "the end comes once");
                    if it.cookie.is_multiple_of(2) || it.sent_bytes == it.queued_bytes {
                        let _ended_meanwhile = stage.channel.close(socket);
                    }
                }
                Event::Closed { socket, cookie, error, unsent } => {
                    let it = known.remove(&socket).expect("`Closed` comes once, and last");
                    assert_eq!(it.cookie, cookie);
                    let unsent: u64 = unsent.iter().map(|data| data.len()).sum();
                    assert!(it.sent_bytes + unsent <= it.queued_bytes, "{it:?}, {unsent}");
                    if error.is_none() && abort_at_bytes == u64::MAX {
                        assert_eq!(it.sent_bytes, it.queued_bytes, "all that was queued");
                    }
                    closed.push(error.is_none());
                    ended.push(socket);
                }
                Event::Writable { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    stage.channel.close(listener).expect("it listens");
    let mut is_open = true;
    while is_open {
        stage.channel.dispatch(&mut events, Wait::ANY).expect("the driver works");
        is_open = !events.drain().any(|event| matches!(event, Event::Closed { .. }));
    }
    // Behind the last event, that is when none is left to be taken.
    stage.channel.dispatch(&mut events, Wait::No).expect("the driver works");
    assert!(events.is_empty());
    let is_stale = |socket: &Socket| stage.channel.recv(*socket, 1).is_err();
    assert!(ended.iter().all(is_stale), "the names of those that closed");
    closed
}

#[test]
fn an_echo_by_events_gives_each_peer_its_bytes_back() {
    Scene::default().play(|stage, dice| {
        let (listener, address) = stage.listen_for_events(dice.one_in(2));
        let count = dice.between(1, 4);
        for _ in 0..count {
            let mut script = Vec::new();
            for _ in 0..dice.between(1, 4) {
                // Within the credit: a peer that only writes would wait for ever.
                let bytes = dice.length(1, 9000);
                script.extend([Step::Write(dice.bytes(bytes)), Step::Read(bytes)]);
            }
            script.extend([Step::ShutdownWrite, Step::ReadToEnd]);
            stage.peer_at(address, script);
        }
        echo_all(stage, listener, count, u64::MAX)
    });
}

#[test]
fn resets_and_aborts_end_each_connection_in_one_last_event() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let (listener, address) = stage.listen_for_events(dice.one_in(2));
        let count = dice.between(1, 5);
        let aborts = dice.one_in(2);
        for _ in 0..count {
            let bytes = dice.length(1, 9000);
            let bytes = dice.bytes(bytes);
            let last = if aborts { Step::WaitForReset } else { Step::Reset };
            stage.peer_at(address, vec![Step::Write(bytes), last]);
        }
        echo_all(stage, listener, count, if aborts { 1 } else { u64::MAX });
    });
}
