//! What many connections do at once is done one after another for each key.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::rig::{Plan, Rig};

const CLIENTS: usize = 64;

fn rig() -> Rig {
    Plan { cores: 2, ..Plan::new() }.start()
}

fn clients(rig: &Rig) -> Vec<Client> {
    (0..CLIENTS)
        .map(|number| if number % 2 == 0 { rig.connect() } else { rig.connect_within() })
        .collect()
}

#[test]
fn counting_from_64_connections_loses_no_step() {
    let rig = rig();
    let mut clients = clients(&rig);
    clients[0].ask("set n 0 0 1\r\n0\r\n", "STORED\r\n");
    for client in &mut clients {
        client.send("incr n 1 noreply\r\n".repeat(100) + "incr n 1\r\nmn\r\n");
    }
    let mut last = 0;
    for client in &mut clients {
        last = last.max(client.line().parse::<u64>().unwrap());
        client.hears("MN\r\n");
    }
    assert_eq!(last, 101 * CLIENTS as u64);
    clients[1].ask("decr n 6000\r\n", "464\r\n");
}

#[test]
fn of_64_who_compare_one_wins_each_round() {
    let rig = rig();
    let mut clients = clients(&rig);
    clients[0].ask("set n 0 0 1\r\n0\r\n", "STORED\r\n");
    for round in 1..=20 {
        clients[0].send("gets n\r\n");
        let line = clients[0].line();
        let number: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        drop((clients[0].line(), clients[0].line()));
        for client in &mut clients {
            client.send(format!("cas n 0 0 2 {number}\r\n{round:02}\r\n"));
        }
        let said: Vec<String> = clients.iter_mut().map(Client::line).collect();
        let count = |word| said.iter().filter(|line| *line == word).count();
        assert_eq!((count("STORED"), count("EXISTS")), (1, CLIENTS - 1), "round {round}");
    }
}

#[test]
fn what_is_put_behind_and_before_by_all_is_all_there() {
    let rig = rig();
    let mut clients = clients(&rig);
    clients[0].ask("set list 0 0 1\r\n,\r\n", "STORED\r\n");
    for (number, client) in clients.iter_mut().enumerate() {
        let how = if number % 2 == 0 { "append" } else { "prepend" };
        client.send(format!("{how} list 0 0 3\r\n{number:02},\r\n").repeat(20));
    }
    for client in &mut clients {
        client.hears("STORED\r\n".repeat(20));
    }
    clients[0].send("get list\r\n");
    assert_eq!(clients[0].line(), format!("VALUE list 0 {}", 1 + 3 * 20 * CLIENTS));
    let list = clients[0].line();
    let mut counts = BTreeMap::new();
    for number in list.split(',').filter(|word| !word.is_empty()) {
        *counts.entry(number.to_owned()).or_insert(0) += 1;
    }
    assert!(counts.len() == CLIENTS && counts.values().all(|count| *count == 20), "{counts:?}");
}

#[test]
fn of_all_who_miss_at_once_one_is_to_fill_the_item() {
    let rig = rig();
    let mut clients = clients(&rig);
    for round in 0..20 {
        for client in &mut clients {
            client.send(format!("mg fresh{round} s N60\r\n"));
        }
        let said: Vec<String> = clients.iter_mut().map(Client::line).collect();
        let won = said.iter().filter(|line| line.ends_with(" W")).count();
        let others = said.iter().filter(|line| line.ends_with(" Z")).count();
        assert_eq!((won, others), (1, CLIENTS - 1), "{said:?}");
    }
}

#[test]
fn of_all_who_find_an_item_old_or_stale_one_is_to_fill_it_anew() {
    let rig = rig();
    let mut clients = clients(&rig);
    for _ in 0..20 {
        clients[0]
            .ask("ms old 1 T30\r\n1\r\nms stale 1\r\n1\r\nmd stale I\r\n", "HD\r\nHD\r\nHD\r\n");
        for client in &mut clients {
            client.send("mg old v R60\r\nmg stale v\r\n");
        }
        let mut won = [0, 0];
        for client in &mut clients {
            for won in &mut won {
                let line = client.line();
                *won += i32::from(line.ends_with(" W"));
                assert!(line.ends_with(" W") || line.contains(" Z"), "{line}");
                client.hears("1\r\n");
            }
        }
        assert_eq!(won, [1, 1]);
    }
}
