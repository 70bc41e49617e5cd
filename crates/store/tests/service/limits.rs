//! What a peer may take of the service, and that others are served whatever one does.

use core::time::Duration;

use crate::client::Client;
use crate::rig::{Plan, Rig};

fn is_served(client: &mut Client) {
    client.ask(
        "set served 0 0 2\r\nok\r\nget served\r\n",
        "STORED\r\nVALUE served 0 2\r\nok\r\nEND\r\n",
    );
}

#[test]
fn one_connection_too_many_is_told_so_and_closed() {
    let mut plan = Plan { cores: 2, ..Plan::new() };
    plan.store.limits.connections_max = 3;
    let rig = plan.start();
    let mut clients = [rig.connect(), rig.connect_within(), rig.connect()];
    clients.iter_mut().for_each(is_served);
    for mut more in [rig.connect(), rig.connect_within()] {
        more.hears("ERROR Too many open connections\r\n");
        more.hears_the_end();
    }
    clients.iter_mut().for_each(is_served);
    drop(clients);
    rig.look_until(|look| look.connections_open == 0);
    is_served(&mut rig.connect());
    assert_eq!(rig.look().counters.rejected_connections, 2);
}

#[test]
fn who_is_silent_too_long_is_closed_and_who_speaks_is_not() {
    let mut plan = Plan::new();
    plan.store.limits.idle = Some(Duration::from_millis(500));
    let rig = plan.start();
    let (mut idle, mut half) = (rig.connect(), rig.connect());
    is_served(&mut idle);
    half.send("get hal");
    idle.hears_the_end();
    half.hears_the_end();
    assert_eq!(rig.look().counters.idle_kicks, 2);
    is_served(&mut rig.connect());
}

#[test]
fn a_value_that_does_not_come_is_given_up_and_its_room_with_it() {
    let mut plan = Plan::new();
    plan.store.limits.value_within = Duration::from_millis(300);
    let rig = plan.start();
    let mut kept = rig.connect();
    kept.ask("set a 0 0 1\r\na\r\n", "STORED\r\n");
    let mut clients: Vec<Client> = (0..20).map(|_| rig.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let bytes = [10, 5_000, 100_000, 1_000_000][number % 4];
        client.send(format!("set a 0 0 {bytes}\r\nbegin"));
    }
    clients.iter_mut().for_each(Client::hears_the_end);
    let look = rig.look_until(|look| look.connections_open == 1);
    assert_eq!((look.receiving_bytes, look.counters.value_timeouts), (0, 20));
    kept.ask("get a\r\n", "VALUE a 0 1\r\na\r\nEND\r\n");
}

#[test]
fn no_more_is_received_at_a_time_than_may_be_and_all_of_it_comes_in_the_end() {
    let mut plan = Plan { cores: 2, ..Plan::new() };
    plan.store.limits.receiving_bytes_max = 300_000;
    let rig = plan.start();
    let value = vec![b'v'; 100_000];
    let mut clients: Vec<Client> = (0..20).map(|_| rig.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("set k{number} 0 0 100000\r\n"));
    }
    rig.look_until(|look| look.receiving_bytes == 200_004);
    let mut other = rig.connect();
    is_served(&mut other);
    for client in &mut clients {
        client.send(&value);
        client.send("\r\n");
        assert!(rig.look().receiving_bytes <= 300_000);
    }
    for client in &mut clients {
        client.hears("STORED\r\n");
    }
    assert_eq!(rig.look().receiving_bytes, 0);
}

#[test]
fn a_thousand_who_announce_and_stop_take_no_more_than_may_be_and_others_are_served() {
    let mut plan = Plan { cores: 2, items_bytes_max: 32 << 20, ..Plan::new() };
    plan.store.limits.receiving_bytes_max = 4 << 20;
    plan.store.limits.connections_max = 1100;
    plan.store.limits.value_within = Duration::from_secs(3);
    let rig = plan.start();
    let mut clients: Vec<Client> = (0..1000).map(|_| rig.connect_within()).collect();
    for client in &mut clients {
        client.send("set big 0 0 1000000\r\nand no more");
    }
    is_served(&mut rig.connect());
    let look = rig.look_until(|look| look.receiving_bytes > 0);
    assert!(look.receiving_bytes <= 4 << 20, "{look:?}");
    is_served(&mut rig.connect());
    clients.iter_mut().for_each(Client::hears_the_end);
    assert_eq!(rig.look_until(|look| look.connections_open == 0).receiving_bytes, 0);
}

#[test]
fn garbage_giants_and_halves_end_their_own_connection_and_no_other() {
    let rig = Rig::start();
    let mut served = rig.connect();
    let long = vec![b'x'; 3000];
    let keys = [b"get".to_vec(), b" key".repeat(20_000)].concat();
    let binary = [&b"\x80\x0b"[..], &[0; 22]].concat();
    for bytes in [&long[..], &keys, &binary, b"\x00\x01\x02\xff\xfe\n\n\n"] {
        let mut client = rig.connect();
        let _is_taken: bool = client.try_send(bytes);
        client.end();
        while client.some().is_some() {}
        is_served(&mut served);
    }
    for half in ["set a 0 0 10\r\nabc", "get a", "ms a 5000000\r\n", "mg"] {
        let mut client = rig.connect();
        client.send(half);
        drop(client);
        is_served(&mut served);
    }
    rig.look_until(|look| look.connections_open == 1);
}

#[test]
fn a_peer_that_does_not_read_holds_up_nobody_else() {
    let rig = Rig::start();
    let mut greedy = rig.connect_within();
    greedy.ask(
        [&b"set long 0 0 1000000\r\n"[..], &vec![b'l'; 1_000_000], b"\r\n"].concat(),
        "STORED\r\n",
    );
    greedy.send("get long\r\n".repeat(1000));
    let mut served = rig.connect();
    for _ in 0..100 {
        is_served(&mut served);
    }
    drop(greedy);
    rig.look_until(|look| look.connections_open == 1);
}

#[test]
fn limits_change_while_it_runs() {
    let rig = Rig::start();
    let mut client = rig.connect();
    let set = [&b"set a 0 0 10000\r\n"[..], &[b'a'; 10_000], b"\r\n"].concat();
    client.ask(&set, "STORED\r\n");
    let mut config = levada_store::StoreConfig::default();
    config.limits.item_bytes_max = 5000;
    rig.reload(config);
    client.ask(&set, "SERVER_ERROR object too large for cache\r\n");
    client.ask("get a\r\n", "END\r\n");
}

#[test]
fn a_service_that_stops_ends_its_connections() {
    let rig = Rig::start();
    let mut clients = [rig.connect(), rig.connect_within()];
    clients.iter_mut().for_each(is_served);
    assert_eq!(rig.wind_down().connections_open, 0);
    clients.iter_mut().for_each(Client::hears_the_end);
}
