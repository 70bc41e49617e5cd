//! The classic commands: what their lines mean, and what is said to lines that mean nothing.

use levada_memcache::{
    Command, Counted, Deleted, ExpTime, ItemFacts, Limits, Mode, Parser, Refusal, Reply, Stats,
    Step, Store, Stored, write_reply,
};

const BAD_LINE: &str = "CLIENT_ERROR bad command line format\r\n";

fn written(reply: &Reply<'_>) -> String {
    let mut text = Vec::new();
    write_reply(reply, &mut text).expect("a vector grows");
    assert_eq!(text.len(), reply.text_bytes());
    String::from_utf8(text).expect("replies are ASCII here")
}

/// The command of a line, which is used whole.
fn command(line: &str) -> Command<'_> {
    match Parser::new(Limits::default()).step(line.as_bytes()) {
        Step::Command(command, used_bytes) => {
            assert_eq!(used_bytes, line.len());
            command
        }
        other => panic!("{line:?} gives {other:?}"),
    }
}

/// What is said to a line that is no command, after which the next one is read.
fn refusal(line: &str) -> String {
    let mut parser = Parser::new(Limits::default());
    match parser.step(line.as_bytes()) {
        Step::Refuse(reply, used_bytes) => {
            assert_eq!(used_bytes, line.len());
            assert!(matches!(parser.step(b"mn\n"), Step::Command(Command::Noop, 3)));
            written(&reply)
        }
        other => panic!("{line:?} gives {other:?}"),
    }
}

fn store(line: &str) -> Store<'_> {
    match command(line) {
        Command::Store(store) => store,
        other => panic!("{line:?} gives {other:?}"),
    }
}

#[test]
fn a_get_names_any_number_of_keys() {
    let Command::Get(get) = command("  get  a bb   c\td \r\n") else { panic!() };
    assert!(get.keys.eq([b"a".as_slice(), b"bb", b"c\td"]));
    assert!(!get.with_cas && get.touch.is_none());
    let many = format!("get {}\n", ["key"; 1_000].join(" "));
    let Command::Get(get) = command(&many) else { panic!() };
    assert_eq!(get.keys.count(), 1_000);
    assert!(matches!(command("bget a\r\n"), Command::Get(_)));
    assert_eq!(refusal("get\r\n"), "ERROR\r\n");
    assert_eq!(refusal("getx a\r\n"), "ERROR\r\n");
}

#[test]
fn gets_says_the_number_of_each_entry() {
    let Command::Get(get) = command("gets a\r\n") else { panic!() };
    assert_eq!(written(&get.hit(b"a", 5, 3, 77)), "VALUE a 5 3 77\r\n");
    let Command::Get(get) = command("get a\r\n") else { panic!() };
    assert_eq!(written(&get.hit(b"a", u32::MAX, 0, 77)), "VALUE a 4294967295 0\r\n");
}

#[test]
fn gat_gives_each_entry_a_life_and_may_name_no_key() {
    let Command::Get(get) = command("gat -1 a b\r\n") else { panic!() };
    assert_eq!((get.keys.count(), get.touch, get.with_cas), (2, Some(ExpTime(-1)), false));
    let Command::Get(get) = command("gats 60\r\n") else { panic!() };
    assert_eq!((get.keys.count(), get.touch, get.with_cas), (0, Some(ExpTime(60)), true));
    assert_eq!(refusal("gat soon a\r\n"), "CLIENT_ERROR invalid exptime argument\r\n");
    assert_eq!(refusal("gat\r\n"), "ERROR\r\n");
}

#[test]
fn one_key_that_is_too_long_spoils_the_whole_get() {
    let long = "k".repeat(251);
    assert_eq!(refusal(&format!("get a {long} b\r\n")), BAD_LINE);
    assert_eq!(refusal(&format!("gats 0 a {long}\r\n")), BAD_LINE);
    let longest = format!("get {}\r\n", &long[1..]);
    let Command::Get(get) = command(&longest) else { panic!() };
    assert_eq!(get.keys.count(), 1);
}

#[test]
fn each_storage_command_is_given_before_its_value() {
    let modes = [
        ("set", Mode::Set),
        ("add", Mode::Add),
        ("replace", Mode::Replace),
        ("append", Mode::Append),
        ("prepend", Mode::Prepend),
    ];
    for (name, mode) in modes {
        let line = format!("{name} k 9 100 5\r\n");
        let store = store(&line);
        assert_eq!((store.mode, store.key.text(), store.client_flags), (mode, b"k".as_slice(), 9));
        assert_eq!((store.exp, store.value_bytes, store.block_bytes()), (ExpTime(100), 5, 7));
        assert!(store.compare.is_none() && !store.is_too_large && !store.is_meta());
    }
    let cas = store("cas k 0 0 1 18446744073709551615\r\n");
    assert_eq!((cas.mode, cas.compare), (Mode::Cas, Some(u64::MAX)));
}

#[test]
fn a_storage_command_is_answered_in_a_word() {
    let stored = store("set k 0 0 1\r\n");
    let words = [
        (Stored::Stored { cas: 1 }, "STORED\r\n"),
        (Stored::NotStored, "NOT_STORED\r\n"),
        (Stored::Exists, "EXISTS\r\n"),
        (Stored::NotFound, "NOT_FOUND\r\n"),
    ];
    for (outcome, word) in words {
        assert_eq!(written(&stored.reply(outcome)), word);
    }
    assert_eq!(written(&stored.refuse(Refusal::BadDataChunk)), "CLIENT_ERROR bad data chunk\r\n");
    assert!(Store::is_end_right(*b"\r\n") && !Store::is_end_right(*b"\n\r"));
}

#[test]
fn noreply_hides_every_answer_of_its_command_errors_too() {
    let set = store("set k 0 0 1 noreply\r\n");
    assert_eq!(written(&set.reply(Stored::Stored { cas: 1 })), "");
    assert_eq!(written(&set.refuse(Refusal::OutOfMemory)), "");
    let hidden = [
        "set k 0 0 noreply\r\n",
        "set k x 0 0 noreply\r\n",
        "incr k noreply\r\n",
        "incr k x noreply\r\n",
        "touch k x noreply\r\n",
        "delete k 5 noreply\r\n",
        "flush_all x noreply\r\n",
        "verbosity noreply\r\n",
    ];
    for line in hidden {
        assert_eq!(refusal(line), "", "{line}");
    }
    let Command::Arith(incr) = command("incr k 1 noreply\r\n") else { panic!() };
    assert_eq!(written(&incr.reply(Counted::NotFound)), "");
    assert_eq!(written(&incr.refuse(Refusal::NotANumber)), "");
    let Command::Delete(delete) = command("delete k noreply\r\n") else { panic!() };
    assert_eq!(written(&delete.reply(Deleted::Done)), "");
    let Command::Touch(touch) = command("touch k 0 noreply\r\n") else { panic!() };
    assert_eq!(written(&touch.reply(true)), "");
    let Command::FlushAll(flush) = command("flush_all noreply\r\n") else { panic!() };
    assert_eq!(written(&flush.reply()) + &written(&flush.refuse(Refusal::NoFlushAll)), "");
    let Command::Verbosity(verbosity) = command("verbosity 1 noreply\r\n") else { panic!() };
    assert_eq!(written(&verbosity.reply()), "");
}

#[test]
fn a_last_word_that_is_not_noreply_is_let_pass() {
    assert_eq!(written(&store("set k 0 0 1 foo\r\n").reply(Stored::NotStored)), "NOT_STORED\r\n");
    assert!(matches!(command("incr k 1 foo\r\n"), Command::Arith(_)));
    assert!(matches!(command("touch k 1 foo\r\n"), Command::Touch(_)));
    assert!(matches!(command("verbosity 1 foo\r\n"), Command::Verbosity(_)));
}

#[test]
fn a_storage_line_with_a_word_too_few_or_too_many_is_no_command() {
    for line in ["set k 0 0\r\n", "set k 0 0 1 a b\r\n", "cas k 0 0 1\r\n", "set\r\n"] {
        assert_eq!(refusal(line), "ERROR\r\n", "{line}");
    }
}

#[test]
fn a_storage_line_with_a_bad_number_or_key_is_refused_and_its_value_is_read_as_a_line() {
    let long = format!("set {} 0 0 1\r\n", "k".repeat(251));
    let lines = [
        "set k -1 0 1\r\n",
        "set k 0 x 1\r\n",
        "set k 0 0 -1\r\n",
        "set k 0 0 2147483646\r\n",
        "cas k 0 0 1 x\r\n",
        long.as_str(),
    ];
    for line in lines {
        assert_eq!(refusal(line), BAD_LINE, "{line}");
    }
}

#[test]
fn numbers_beyond_32_bits_are_cut_as_the_reference_cuts_them() {
    let store = store("set k 4294967298 4294967296 4294967297\r\n");
    assert_eq!((store.client_flags, store.exp, store.value_bytes), (2, ExpTime(0), 1));
}

#[test]
fn an_entry_over_the_limit_is_given_and_marked() {
    // The reference counts 48 + 8 of header, the key and its NUL, the value and CR LF.
    assert!(!store("set k 0 0 1048516\r\n").is_too_large);
    assert!(store("set k 0 0 1048517\r\n").is_too_large);
    assert!(store("set k 1 0 1048513\r\n").is_too_large, "flags take four bytes");
    assert!(!store("set k 1 0 1048512\r\n").is_too_large);
    let mut parser = Parser::new(Limits::default());
    parser.set_limits(Limits { item_bytes_max: 100, ..Limits::default() });
    let Step::Command(Command::Store(store), _) = parser.step(b"set k 0 0 41\r\n") else {
        panic!()
    };
    assert!(store.is_too_large);
    let refused = written(&store.refuse(Refusal::TooLarge));
    assert_eq!(refused, "SERVER_ERROR object too large for cache\r\n");
}

#[test]
fn incr_wraps_and_decr_stops_at_nought() {
    let Command::Arith(incr) = command("incr k 5\r\n") else { panic!() };
    assert_eq!((incr.apply(1), incr.apply(u64::MAX)), (6, 4));
    let Command::Arith(decr) = command("decr k 5\r\n") else { panic!() };
    assert_eq!((decr.apply(7), decr.apply(3)), (2, 0));
    assert!(decr.create.is_none() && decr.compare.is_none() && decr.touch.is_none());
    assert_eq!(written(&decr.reply(Counted::Number(12, ItemFacts::default()))), "12\r\n");
    assert_eq!(written(&decr.reply(Counted::NotFound)), "NOT_FOUND\r\n");
    let delta = "CLIENT_ERROR invalid numeric delta argument\r\n";
    for line in ["incr k -1\r\n", "incr k x\r\n", "incr k 18446744073709551616\r\n"] {
        assert_eq!(refusal(line), delta, "{line}");
    }
    assert_eq!(refusal("incr k\r\n") + &refusal("decr k 1 2 3\r\n"), "ERROR\r\nERROR\r\n");
    assert_eq!(
        written(&incr.refuse(Refusal::NotANumber)),
        "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
    );
}

#[test]
fn delete_takes_a_time_of_nought_only() {
    for line in ["delete k\r\n", "delete k 0\r\n", "delete k 0 noreply\r\n"] {
        assert!(matches!(command(line), Command::Delete(_)), "{line}");
    }
    let Command::Delete(delete) = command("delete noreply\r\n") else { panic!() };
    assert_eq!(delete.key.text(), b"noreply");
    assert_eq!(written(&delete.reply(Deleted::Done)), "DELETED\r\n");
    assert_eq!(written(&delete.reply(Deleted::NotFound)), "NOT_FOUND\r\n");
    let usage = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";
    assert_eq!(refusal("delete k 5\r\n") + &refusal("delete k 0 x\r\n"), usage.repeat(2));
    assert_eq!(refusal("delete\r\n") + &refusal("delete a b c d\r\n"), "ERROR\r\nERROR\r\n");
    assert_eq!(refusal(&format!("delete {}\r\n", "k".repeat(251))), BAD_LINE);
}

#[test]
fn touch_says_whether_there_was_an_entry() {
    let Command::Touch(touch) = command("touch k 30\r\n") else { panic!() };
    assert_eq!((touch.key.text(), touch.exp), (b"k".as_slice(), ExpTime(30)));
    assert_eq!(written(&touch.reply(true)), "TOUCHED\r\n");
    assert_eq!(written(&touch.reply(false)), "NOT_FOUND\r\n");
    assert_eq!(refusal("touch k x\r\n"), "CLIENT_ERROR invalid exptime argument\r\n");
    assert_eq!(refusal("touch k\r\n"), "ERROR\r\n");
}

#[test]
fn flush_all_is_now_or_later() {
    let now_unix_s = 1_800_000_000;
    let cases = [
        ("flush_all\r\n", 0),
        ("flush_all 0\r\n", 0),
        ("flush_all -5\r\n", 0),
        ("flush_all 10 noreply\r\n", 10),
        ("flush_all 10 0\r\n", 10),
        ("flush_all 1800000007\r\n", 7),
    ];
    for (line, delay_s) in cases {
        let Command::FlushAll(flush) = command(line) else { panic!() };
        assert_eq!(flush.at.delay_s(now_unix_s), delay_s, "{line}");
    }
    let Command::FlushAll(flush) = command("flush_all\r\n") else { panic!() };
    assert_eq!(written(&flush.reply()), "OK\r\n");
    let refused = written(&flush.refuse(Refusal::NoFlushAll));
    assert_eq!(refused, "CLIENT_ERROR flush_all not allowed\r\n");
    assert_eq!(refusal("flush_all x\r\n"), "CLIENT_ERROR invalid exptime argument\r\n");
    assert_eq!(refusal("flush_all 0 0 0\r\n"), "ERROR\r\n");
}

#[test]
fn version_verbosity_and_quit_are_what_they_say() {
    assert!(matches!(command("version and more\r\n"), Command::Version));
    let version = written(&Reply::Version("1.6.18-levada-0.1.0"));
    assert_eq!(version, "VERSION 1.6.18-levada-0.1.0\r\n");
    let Command::Verbosity(verbosity) = command("verbosity 3\r\n") else { panic!() };
    assert_eq!((verbosity.level, written(&verbosity.reply())), (3, "OK\r\n".to_owned()));
    assert_eq!(refusal("verbosity\r\n") + &refusal("verbosity 1 2 3\r\n"), "ERROR\r\nERROR\r\n");
    assert_eq!(refusal("verbosity x\r\n"), BAD_LINE);
    let mut parser = Parser::new(Limits::default());
    assert!(matches!(parser.step(b"quit\r\nget a\r\n"), Step::Command(Command::Quit, 6)));
    assert!(matches!(parser.step(b"get a\r\n"), Step::End(Reply::Nothing)));
}

#[test]
fn stats_has_its_sub_words_and_refuses_the_others() {
    let kinds = [
        ("stats\r\n", Stats::General),
        ("stats settings\r\n", Stats::Settings),
        ("stats items\r\n", Stats::Items),
        ("stats slabs\r\n", Stats::Slabs),
        ("stats sizes\r\n", Stats::Sizes),
        ("stats conns\r\n", Stats::Conns),
        ("stats reset\r\n", Stats::Reset),
    ];
    for (line, kind) in kinds {
        assert!(matches!(command(line), Command::Stats(stats) if stats == kind), "{line}");
    }
    let cachedump = "CLIENT_ERROR stats cachedump not allowed\r\n";
    assert_eq!(refusal("stats cachedump 1 1\r\n"), cachedump);
    let usage = "CLIENT_ERROR usage: stats detail on|off|dump\r\n";
    assert_eq!(refusal("stats detail on\r\n") + &refusal("stats detail\r\n"), usage.repeat(2));
    assert_eq!(refusal("stats noreply\r\n"), "ERROR\r\n");
}

#[test]
fn what_nobody_knows_is_an_error() {
    let lines = [
        "\r\n",
        "\n",
        "  \r\n",
        "m\r\n",
        "x\r\n",
        "GET a\r\n",
        "slabs\r\n",
        "lru tune\r\n",
        "lru_crawler enable\r\n",
        "watch\r\n",
        "shutdown\r\n",
        "cache_memlimit 64\r\n",
        "extstore a b\r\n",
        "set\ta 0 0 1\r\n",
        "mx k\r\n",
        "mgx k\r\n",
        "get\0 a\r\n",
    ];
    for line in lines {
        assert_eq!(refusal(line), "ERROR\r\n", "{line:?}");
    }
}

#[test]
fn a_line_ends_at_its_first_nul() {
    let Command::Get(get) = command("get a\0b c\r\n") else { panic!() };
    assert!(get.keys.eq([b"a".as_slice()]));
}

#[test]
fn a_request_of_http_ends_the_connection_without_a_word() {
    for line in ["GET / HTTP/1.1\r\n", "POST /x HTTP/1.0\r\n", "HTTP/1.1\r\n"] {
        let step = Parser::new(Limits::default()).step(line.as_bytes());
        assert!(matches!(step, Step::End(Reply::Nothing)), "{line:?} gives {step:?}");
    }
    assert!(matches!(command("get / HTTP/1.1\r\n"), Command::Get(_)));
    assert_eq!(refusal("set / HTTP/1.1\r\n"), "ERROR\r\n");
}
