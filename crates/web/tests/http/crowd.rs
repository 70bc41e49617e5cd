//! A crowd: thousands that ask nothing, or take their time, beside some that are served as if they were alone.

use std::time::Duration;

use crate::alone::{alone, raise_descriptors, tell};
use crate::client::Client;
use crate::folder::LETTERS;
use crate::rig::Plan;

#[test]
fn ten_thousand_idle_connections_stay_and_others_are_served_beside_them() {
    alone("crowd::ten_thousand_idle_connections_stay_and_others_are_served_beside_them", || {
        // A connection has two ends, both of them in this program; those of a ring take no descriptor.
        let count = 10_000.min(raise_descriptors().saturating_sub(300) / 2);
        let rig = Plan::new().start();
        let mut idle: Vec<Client> = Vec::new();
        for _ in 0..count {
            let mut client = rig.connect();
            assert_eq!(client.get("/a.txt").text(), LETTERS);
            idle.push(client);
        }
        let mut busy: Vec<Client> = (0..64).map(|_| rig.connect()).collect();
        for _ in 0..20 {
            assert!(busy.iter_mut().all(|client| client.get("/a.txt").text() == LETTERS));
        }
        let look = rig.look();
        assert_eq!(look.web.connections_open, count as u64 + 64, "none was closed");
        assert!(idle.iter_mut().step_by(10).all(|client| client.get("/a.txt").text() == LETTERS));
        let asked = if count < 10_000 { " (as many as descriptors allow)" } else { "" };
        tell(&format!("{count} idle connections{asked} and 64 busy ones: all served"));
        drop((idle, busy));
        rig.look_until(|look| look.channel.streams_open == 0);
    });
}

#[test]
fn a_thousand_that_never_end_their_head_hold_up_nobody_and_are_told() {
    alone("crowd::a_thousand_that_never_end_their_head_hold_up_nobody_and_are_told", || {
        raise_descriptors();
        let mut plan = Plan::new();
        plan.web.limits.header = Duration::from_secs(6);
        let rig = plan.start();
        let mut slow: Vec<Client> = (0..1000).map(|_| rig.connect()).collect();
        slow.iter_mut().for_each(|client| client.send("GET /a.txt HTTP/1.1\r\nHo"));
        let mut others: Vec<Client> = (0..32).map(|_| rig.connect()).collect();
        for round in 0..30 {
            let portion = slow.iter_mut().skip(round).step_by(30);
            portion.for_each(|client| client.send("s"));
            assert!(
                others.iter_mut().all(|client| client.get("/a.txt").text() == LETTERS),
                "{round}"
            );
        }
        assert_eq!(
            rig.look().web.timeouts,
            0,
            "all others were served before the first slow one was over"
        );
        for client in &mut slow {
            let reply = client.reply();
            assert!(reply.status == 408 && reply.says_close(), "{reply:?}");
        }
        assert_eq!(rig.look().web.timeouts, 1000);
        drop((slow, others));
        rig.look_until(|look| look.channel.streams_open == 0);
    });
}
