//! The client's end: what it writes is what it meant, and what a server writes is read back.

use levada_memcache::{
    Arith, Command, Counted, Delete, Deleted, ExpTime, FlushAll, Get, ItemFacts, Key, Keys, Limits,
    MetaCode, Mode, Parser, Refusal, Reply, ReplyLine, ReplyStep, Stat, StatValue, Step, Store,
    Stored, Touch, ValueHead, read_reply, write_command, write_reply,
};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

fn line_of(command: &Command<'_>) -> String {
    let mut line = Vec::new();
    write_command(command, &mut line).expect("a vector grows");
    String::from_utf8(line).expect("lines are ASCII here")
}

fn text_of(reply: &Reply<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    write_reply(reply, &mut text).expect("a vector grows");
    text
}

/// The line that a reply is read as, which is given when all of it is there and not before.
fn read(text: &[u8]) -> ReplyLine<'_> {
    for length in 0..text.len() {
        let step = read_reply(&text[..length]);
        if text[..length].contains(&b'\n') {
            break;
        }
        assert!(matches!(step, ReplyStep::Need(bytes) if bytes > length), "{step:?}");
    }
    match read_reply(text) {
        ReplyStep::Line(line, _) => line,
        step => panic!("{} gives {step:?}", text.escape_ascii()),
    }
}

#[test]
fn commands_are_written_as_their_shortest_lines() {
    let key = Key::new(b"k").unwrap();
    let keys = Keys::new(b"  a bb ").unwrap();
    let get = Get { keys, with_cas: false, touch: None };
    let mut set = Store::new(Mode::Set, key, 5);
    (set.client_flags, set.exp) = (7, ExpTime(-1));
    let mut cas = Store::new(Mode::Cas, key, 5);
    cas.compare = Some(9);
    let lines = [
        (Command::Get(get), "get a bb\r\n"),
        (Command::Get(Get { with_cas: true, ..get }), "gets a bb\r\n"),
        (Command::Get(Get { touch: Some(ExpTime(60)), ..get }), "gat 60 a bb\r\n"),
        (Command::Store(set), "set k 7 -1 5\r\n"),
        (Command::Store(set.without_reply()), "set k 7 -1 5 noreply\r\n"),
        (Command::Store(cas), "cas k 0 0 5 9\r\n"),
        (Command::Arith(Arith::new(key, true, 3)), "incr k 3\r\n"),
        (Command::Arith(Arith::new(key, false, 3).without_reply()), "decr k 3 noreply\r\n"),
        (Command::Delete(Delete::new(key).without_reply()), "delete k noreply\r\n"),
        (Command::Touch(Touch::new(key, ExpTime(i32::MIN))), "touch k -2147483648\r\n"),
        (Command::FlushAll(FlushAll::new(ExpTime::NEVER)), "flush_all\r\n"),
        (Command::FlushAll(FlushAll::new(ExpTime(5))), "flush_all 5\r\n"),
        (Command::of_line(b"ms  Zm9v 12 b  T30").unwrap(), "ms Zm9v 12 b T30\r\n"),
        (Command::of_line(b"me Zm9v b x").unwrap(), "me Zm9v b\r\n"),
        (Command::Noop, "mn\r\n"),
    ];
    for (command, line) in lines {
        assert_eq!(line_of(&command), line);
    }
}

#[test]
fn nothing_that_would_end_a_line_gets_into_one() {
    let long = [b'k'; 251];
    let keys: [&[u8]; 6] = [b"", b"a b", b"a\r\nflush_all", b"a\0", b"a\x7f", &long];
    for key in keys {
        assert!(Key::new(key).is_none(), "{}", key.escape_ascii());
    }
    assert!(Keys::new(b"a b\nflush_all").is_none());
    assert_eq!(Command::of_line(b"mg a\r\nflush_all").unwrap_err(), Refusal::BadLine);
    assert_eq!(Command::of_line(b"mg a E").unwrap_err(), Refusal::UnknownFlag);
    assert_eq!(Command::of_line(b"GET / HTTP/1.1").unwrap_err(), Refusal::BadLine);
}

#[test]
fn a_command_that_does_not_fit_is_not_begun() {
    let command = Command::of_line(b"mg key v").unwrap();
    let mut room = [0_u8; 9];
    let full = write_command(&command, &mut room.as_mut_slice()).unwrap_err();
    assert_eq!((full.text_bytes, full.room_bytes, room), (10, 9, [0; 9]));
    let mut room = [0_u8; 10];
    write_command(&command, &mut room.as_mut_slice()).unwrap();
    assert_eq!(&room, b"mg key v\r\n");
}

#[test]
fn a_reply_that_does_not_fit_is_not_begun() {
    let head = ValueHead { key: b"key", client_flags: 1, value_bytes: 2, cas: None };
    let longest = ValueHead {
        key: &[b'k'; 250],
        client_flags: u32::MAX,
        value_bytes: u64::MAX,
        cas: Some(u64::MAX),
    };
    let facts = ItemFacts {
        client_flags: u32::MAX,
        cas: u64::MAX,
        value_bytes: u64::MAX,
        left_s: Some(u32::MAX),
        left_before_s: Some(u32::MAX),
        idle_s: u32::MAX,
        is_key_base64: true,
        is_won: true,
        is_stale: true,
        is_claimed: true,
        ..ItemFacts::default()
    };
    let name = "k".repeat(250);
    let get = format!("mg {name} v s t c f l h k O{}", "o".repeat(32));
    let Ok(Command::MetaGet(get)) = Command::of_line(get.as_bytes()) else { panic!() };
    let dump = format!("me {name}");
    let Ok(Command::Dump(dump)) = Command::of_line(dump.as_bytes()) else { panic!() };
    let arith = format!("ma {name} v t c k O{}", "o".repeat(32));
    let Ok(Command::Arith(arith)) = Command::of_line(arith.as_bytes()) else { panic!() };
    let Step::End(frame) = Parser::new(Limits::default()).step(&[0x80; 24]) else { panic!() };
    let replies = [
        Reply::Stored,
        Reply::Value(head),
        Reply::Value(longest),
        get.hit(facts),
        dump.hit(facts, u32::MAX, u64::MAX),
        arith.reply(Counted::Number(u64::MAX, facts)),
        frame,
        Reply::Number(u64::MAX),
        Reply::Version("1"),
        Reply::Stat(Stat::of("pid", StatValue::Number(1))),
        Reply::Refusal(Refusal::DeleteUsage),
    ];
    for reply in replies {
        let text = text_of(&reply);
        let mut room = vec![0; text.len() - 1];
        let full = write_reply(&reply, &mut room.as_mut_slice()).unwrap_err();
        assert_eq!((full.text_bytes, full.room_bytes), (text.len(), room.len()));
        assert!(room.iter().all(|byte| *byte == 0), "{reply:?}");
        let mut room = vec![0; text.len()];
        write_reply(&reply, &mut room.as_mut_slice()).unwrap();
        assert_eq!(room, text);
    }
}

#[test]
fn statistics_are_named_by_group_and_class() {
    let stat = |group, class, name, value| {
        String::from_utf8(text_of(&Reply::Stat(Stat { group, class, name, value }))).unwrap()
    };
    assert_eq!(stat("", None, "pid", StatValue::Number(7)), "STAT pid 7\r\n");
    assert_eq!(
        stat("items:", Some(3), "number", StatValue::Number(1)),
        "STAT items:3:number 1\r\n"
    );
    assert_eq!(stat("", Some(12), "addr", StatValue::Text("tcp:::1")), "STAT 12:addr tcp:::1\r\n");
    let seconds = |us| stat("", None, "rusage_user", StatValue::Seconds { us });
    assert_eq!(seconds(1_000_020), "STAT rusage_user 1.000020\r\n");
    assert_eq!(seconds(0), "STAT rusage_user 0.000000\r\n");
    assert_eq!(seconds(12_999_999), "STAT rusage_user 12.999999\r\n");
}

#[test]
fn each_plain_reply_is_read_back() {
    macro_rules! reads_as {
        ($($reply:expr => $line:pat),* $(,)?) => {
            $(let text = text_of(&$reply);
            let line = read(&text);
            assert!(matches!(line, $line), "{line:?}");)*
        };
    }
    reads_as! {
        Reply::Stored => ReplyLine::Stored,
        Reply::NotStored => ReplyLine::NotStored,
        Reply::Exists => ReplyLine::Exists,
        Reply::NotFound => ReplyLine::NotFound,
        Reply::Deleted => ReplyLine::Deleted,
        Reply::Touched => ReplyLine::Touched,
        Reply::Ok => ReplyLine::Ok,
        Reply::Reset => ReplyLine::Reset,
        Reply::End => ReplyLine::End,
        Reply::Noop => ReplyLine::Noop,
        Reply::Number(u64::MAX) => ReplyLine::Number(u64::MAX),
        Reply::Version("1.6.18 x") => ReplyLine::Version(b"1.6.18 x"),
        Reply::Stat(Stat::of("a", StatValue::Text("b c")))
            => ReplyLine::Stat { name: b"a", value: b"b c" },
        Reply::Refusal(Refusal::UnknownCommand) => ReplyLine::Error(b""),
        Reply::Refusal(Refusal::TooManyConnections)
            => ReplyLine::Error(b"Too many open connections"),
        Reply::Refusal(Refusal::BadDataChunk) => ReplyLine::ClientError(b"bad data chunk"),
        Reply::Refusal(Refusal::OutOfMemory)
            => ReplyLine::ServerError(b"out of memory storing object"),
    }
}

#[test]
fn a_value_is_read_back_with_what_follows_it() {
    let head = ValueHead { key: b"key", client_flags: 9, value_bytes: 3, cas: Some(77) };
    let text = text_of(&Reply::Value(head));
    let line = read(&text);
    assert_eq!(line.block_bytes(), Some(5));
    let ReplyLine::Value(read_head) = line else { panic!() };
    assert_eq!(read_head, head);
    assert_eq!(read(b"END\r\n").block_bytes(), None);
}

#[test]
fn each_meta_reply_is_read_back_with_its_flags() {
    let answer = |line: &'static str, reply: fn(&Command<'static>) -> Reply<'static>| {
        let command = Command::of_line(line.as_bytes()).unwrap();
        text_of(&reply(&command))
    };
    fn meta(text: &[u8]) -> (MetaCode, String) {
        let ReplyLine::Meta(line) = read(text) else { panic!("{}", text.escape_ascii()) };
        let mut flags = String::new();
        for (letter, token) in line.flags() {
            flags += &format!("{}={};", char::from(letter), token.escape_ascii());
        }
        (line.code, flags)
    }
    let hit = answer("mg k v f k O1 t", |command| match command {
        Command::MetaGet(get) => get.hit(ItemFacts { value_bytes: 3, ..ItemFacts::default() }),
        _ => Reply::Nothing,
    });
    let flags = "f=0;k=k;O=1;t=-1;".to_owned();
    assert_eq!(meta(&hit), (MetaCode::Value { value_bytes: 3 }, flags));
    assert_eq!(read(&hit).block_bytes(), Some(5));
    let miss = answer("mg k v O1", |command| match command {
        Command::MetaGet(get) => get.miss(),
        _ => Reply::Nothing,
    });
    assert_eq!(meta(&miss), (MetaCode::Absent, "O=1;".to_owned()));
    let exists = answer("ms k 1 c", |command| match command {
        Command::Store(store) => store.reply(Stored::Exists),
        _ => Reply::Nothing,
    });
    assert_eq!(meta(&exists), (MetaCode::Exists, "c=0;".to_owned()));
    let absent = answer("md k", |command| match command {
        Command::Delete(delete) => delete.reply(Deleted::NotFound),
        _ => Reply::Nothing,
    });
    assert_eq!(meta(&absent), (MetaCode::NotFound, String::new()));
    let number = answer("ma k v", |command| match command {
        Command::Arith(arith) => arith.reply(Counted::Number(120, ItemFacts::default())),
        _ => Reply::Nothing,
    });
    assert_eq!(meta(&number), (MetaCode::Value { value_bytes: 3 }, String::new()));
    assert!(number.ends_with(b"\r\n120\r\n"));
    let dump = answer("me k", |command| match command {
        Command::Dump(dump) => dump.hit(ItemFacts::default(), 1, 60),
        _ => Reply::Nothing,
    });
    let ReplyLine::Dump { key, facts } = read(&dump) else { panic!() };
    assert_eq!(
        (key, facts),
        (b"k".as_slice(), b"exp=-1 la=0 cas=0 fetch=no cls=1 size=60".as_slice())
    );
}

#[test]
fn what_no_server_says_is_strange() {
    let lines: [&[u8]; 7] = [
        b"stored\r\n",
        b"\r\n",
        b"OK\n",
        b"VALUE k 0\r\n",
        b"VALUE k 0 x\r\n",
        b"VA\r\n",
        b"1x\r\n",
    ];
    for line in lines {
        let step = read_reply(line);
        assert!(matches!(step, ReplyStep::Strange), "{} gives {step:?}", line.escape_ascii());
    }
    assert!(matches!(read_reply(&[b'1'; 2_048]), ReplyStep::Need(2_049)));
    assert!(matches!(read_reply(&[b'1'; 2_049]), ReplyStep::Strange));
}

fn any_line() -> impl Strategy<Value = String> {
    let classic = prop_oneof![
        "(get|gets|bget) ([a-e]{1,3} ){1,5}",
        "(gat|gats) -?[0-9]{1,3}( [a-e]){0,5}",
        "(set|add|replace|append|prepend) k [0-9]{1,3} -?[0-9]{1,9} [0-9]{1,3}( noreply| x)?",
        "cas  k [0-9]{1,3} [0-9]{1,9} [0-9]{1,3} [0-9]{1,18}( noreply)?",
        "(incr|decr) k [0-9]{1,18}( noreply)?",
        "(delete k( 0)?( noreply)?|touch k -?[0-9]{1,9}( noreply)?)",
        "(flush_all( [0-9]{1,9})?( noreply)?|verbosity [0-9]( noreply)?|version|quit|mn)",
        "stats( (settings|items|slabs|sizes|conns|reset))?",
    ];
    let flags = "( b| c| f| h| k| l| O[a-z]{0,9}| q| s| t| u| v| N[0-9]| R[0-9]| T[0-9]| C[0-9]| F[0-9]| I| J[0-9]| D[0-9])";
    let meta = (
        "(mg Zm9v|ms Zm9v [0-9]{1,3}|md Zm9v|ma Zm9v|me Zm9v)",
        prop::collection::vec(flags, 0..8),
    )
        .prop_map(|(name, flags)| name + &flags.concat());
    prop_oneof![classic, meta]
}

proptest! {
    #[test]
    fn a_command_that_is_written_is_read_as_the_same(line in any_line()) {
        if let Ok(command) = Command::of_line(line.as_bytes()) {
            let written = line_of(&command);
            let Step::Command(again, used_bytes) =
                Parser::new(Limits::default()).step(written.as_bytes()) else { panic!("{written}") };
            prop_assert_eq!(used_bytes, written.len());
            prop_assert_eq!(&line_of(&again), &written);
            let third = Command::of_line(written.trim_end().as_bytes()).unwrap();
            prop_assert_eq!(format!("{again:?}"), format!("{third:?}"));
            prop_assert_eq!(words(&command), words(&again));
        }
    }

    #[test]
    fn whatever_a_server_sends_is_read_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        name in "(VALUE|VA|HD|EN|STAT|ME|ERROR|7|END) ",
    ) {
        let text = [name.as_bytes(), &bytes, b"\r\n"].concat();
        if let ReplyStep::Line(_, used_bytes) = read_reply(&text) {
            prop_assert!(used_bytes <= text.len());
        }
    }
}

/// All that a command says, without regard to how many spaces stood between its words.
fn words(command: &Command<'_>) -> Vec<String> {
    format!("{command:?}").split_whitespace().map(str::to_owned).collect()
}
