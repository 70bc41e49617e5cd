//! The classic commands, where the record does not go: over both kinds of sockets, with both drivers.

use crate::rig::{Plan, Rig};

#[test]
fn what_was_set_is_got_until_it_is_deleted() {
    let rig = Rig::start();
    for mut client in [rig.connect(), rig.connect_within()] {
        client.ask_lines(&[
            ("get a", "END"),
            ("set a 5 0 5\nhello", "STORED"),
            ("get a", "VALUE a 5 5\nhello\nEND"),
            ("get b a b a", "VALUE a 5 5\nhello\nVALUE a 5 5\nhello\nEND"),
            ("delete a", "DELETED"),
            ("delete a", "NOT_FOUND"),
            ("get a", "END"),
        ]);
    }
}

#[test]
fn what_one_core_stores_all_others_read() {
    let rig = Plan { cores: 2, ..Plan::new() }.start();
    let mut clients: Vec<_> = (0..16).map(|_| rig.connect()).collect();
    clients.extend((0..16).map(|_| rig.connect_within()));
    for (number, client) in clients.iter_mut().enumerate() {
        client.ask_lines(&[(&format!("set key{number} {number} 0 2\n{number:02}"), "STORED")]);
    }
    for client in &mut clients {
        for number in 0..32 {
            let value = format!("VALUE key{number} {number} 2\n{number:02}\nEND");
            client.ask_lines(&[(&format!("get key{number}"), &value)]);
        }
    }
}

#[test]
fn an_item_is_gone_when_its_life_is_over_and_what_is_touched_lives_on() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.ask_lines(&[
        ("set a 0 2 1\na", "STORED"),
        ("set b 0 2 1\nb", "STORED"),
        ("touch b 1000", "TOUCHED"),
        ("get a b", "VALUE a 0 1\na\nVALUE b 0 1\nb\nEND"),
    ]);
    // It ends by the clock: asked until it has.
    let mut asked = 0;
    loop {
        client.send("mg a\r\nmn\r\n");
        if client.line() == "EN" {
            break;
        }
        asked += 1;
        assert_eq!(client.line(), "MN");
        std::thread::park_timeout(core::time::Duration::from_millis(20));
        assert!(asked < 1000, "it lives for ever");
    }
    client.hears("MN\r\n");
    client.ask_lines(&[("get a b", "VALUE b 0 1\nb\nEND"), ("touch a 5", "NOT_FOUND")]);
}

#[test]
fn a_flush_that_is_put_off_happens_at_its_time_and_takes_what_came_before() {
    let rig = Rig::start();
    let mut client = rig.connect();
    client.ask_lines(&[
        ("set a 0 0 1\na", "STORED"),
        ("flush_all 1", "OK"),
        ("set b 0 0 1\nb", "STORED"),
    ]);
    let mut asked = 0;
    loop {
        client.send("get a b\r\n");
        match client.line().as_str() {
            "END" => break,
            _ => drop((client.line(), client.line(), client.line(), client.line())),
        }
        std::thread::park_timeout(core::time::Duration::from_millis(20));
        asked += 1;
        assert!(asked < 1000, "it does not happen");
    }
    client.ask_lines(&[("set a 0 0 1\nc", "STORED"), ("get a b", "VALUE a 0 1\nc\nEND")]);
    client.ask_lines(&[("flush_all", "OK"), ("get a", "END")]);
}

#[test]
fn a_flush_that_is_switched_off_is_refused() {
    let mut plan = Plan::new();
    plan.store.may_flush = false;
    let rig = plan.start();
    rig.connect().ask_lines(&[
        ("set a 0 0 1\na", "STORED"),
        ("flush_all", "CLIENT_ERROR flush_all not allowed"),
        ("flush_all noreply", ""),
        ("get a", "VALUE a 0 1\na\nEND"),
    ]);
}

#[test]
fn statistics_count_what_was_done_on_all_cores_until_they_are_reset() {
    let rig = Plan { cores: 2, ..Plan::new() }.start();
    let mut clients: Vec<_> = (0..8).map(|_| rig.connect()).collect();
    for client in &mut clients {
        client.ask_lines(&[
            ("set a 0 0 1\n1", "STORED"),
            ("get a", "VALUE a 0 1\n1\nEND"),
            ("get b", "END"),
            ("incr a 1", "2"),
        ]);
    }
    let client = &mut clients[0];
    let mut stats = |what: &str| {
        client.send(format!("{what}\r\n"));
        let mut lines = std::collections::BTreeMap::new();
        loop {
            let line = client.line();
            let Some((name, value)) =
                line.strip_prefix("STAT ").and_then(|row| row.split_once(' '))
            else {
                assert!(line == "END" || line == "RESET", "{line}");
                return lines;
            };
            lines.insert(name.to_owned(), value.to_owned());
        }
    };
    let general = stats("stats");
    for (name, value) in [
        ("cmd_set", "8"),
        ("cmd_get", "16"),
        ("get_hits", "8"),
        ("get_misses", "8"),
        ("incr_hits", "8"),
        ("curr_items", "1"),
        ("curr_connections", "8"),
        ("max_connections", "1024"),
        ("threads", "2"),
    ] {
        assert_eq!(general.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(general["version"].starts_with("1.6.18-levada-"));
    assert_eq!(stats("stats settings")["item_size_max"], "1048576");
    assert_eq!(stats("stats items")["items:1:number"], "1");
    assert_eq!(stats("stats slabs")["1:cmd_set"], "8");
    assert!(stats("stats conns").values().any(|state| state == "conn_listening"));
    assert!(stats("stats reset").is_empty());
    let general = stats("stats");
    assert_eq!((&*general["cmd_set"], &*general["curr_items"]), ("0", "1"));
}
