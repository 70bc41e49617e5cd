//! The service runs over a simulated kernel, and whatever that one does, what a client reads is right or visibly cut.
//!
//! Each seed draws a kernel, its mischief, and a few clients with what they ask. `LEVADA_SEEDS` says how many seeds there
//! are, `LEVADA_SEED` which is the first.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "in tests, and in what they are made of, it is an assertion"
)]

mod asking;
mod reading;
mod seeds;
mod stage;

use levada_sim::{Ended, Mischief, Trick};

use crate::asking::{Client, clients};
use crate::reading::{Read, read};
use crate::seeds::{Replay, hidden, seeds};
use crate::stage::{Files, Played, play};

/// Each client that was not broken off has all its replies, and each that was has a part of them, from the beginning.
fn check(files: &Files, clients: &[Client], played: &Played, may_break: bool) {
    for (number, (client, trace)) in clients.iter().zip(&played.traces).enumerate() {
        let is_broken = client.breaks_off || may_break && trace.ended != Ended::End;
        let came = read(files, &client.asked, &trace.read);
        match came {
            Ok(Read::Whole) => {}
            Ok(Read::Cut { replies_whole }) => assert!(
                is_broken,
                "client {number} ({:?}) read {replies_whole} of {} replies: {trace:?}",
                client.kind,
                client.asked.len(),
            ),
            Err(wrong) => panic!("client {number} ({:?}): {wrong}; {trace:?}", client.kind),
        }
        assert!(trace.is_connected && trace.is_over, "client {number}: {trace:?}");
        assert!(is_broken || trace.ended == Ended::End, "client {number}: {trace:?}");
    }
}

fn play_seeds(mischief: Mischief, may_break: bool) {
    let mut replies_asked = 0;
    for seed in seeds() {
        let replay = Replay { seed };
        let files = Files::of(seed);
        let clients = clients(seed, &files);
        replies_asked += clients.iter().map(|client| client.asked.len()).sum::<usize>();
        let played = play(seed, mischief, &files, &clients);
        check(&files, &clients, &played, may_break);
        drop(replay);
    }
    assert!(replies_asked > 0, "somebody asked something");
}

#[test]
fn every_reply_is_byte_exact_over_a_kernel_whose_mischief_is_hidden() {
    play_seeds(hidden(), false);
}

#[test]
fn a_reply_is_cut_only_where_its_connection_was_reset() {
    play_seeds(hidden().with(Trick::Reset), true);
}

#[test]
fn a_seed_is_played_twice_the_same() {
    for seed in seeds().take(6) {
        let replay = Replay { seed };
        let files = Files::of(seed);
        let clients = clients(seed, &files);
        let [one, two] = [(); 2].map(|()| play(seed, hidden(), &files, &clients));
        assert_eq!(one.fingerprint, two.fingerprint);
        drop(replay);
    }
}
