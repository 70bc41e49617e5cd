//! The meta commands: each flag, each answer, each fault.

use levada_memcache::{
    Command, Counted, Create, Deleted, ExpTime, ItemFacts, KeyRoom, Limits, MetaGet, Mode, Parser,
    Refusal, Reply, Step, Store, Stored, write_reply,
};

fn written(reply: &Reply<'_>) -> String {
    let mut text = Vec::new();
    write_reply(reply, &mut text).expect("a vector grows");
    assert_eq!(text.len(), reply.text_bytes());
    String::from_utf8(text).expect("replies are ASCII here")
}

fn command(line: &str) -> Command<'_> {
    match Parser::new(Limits::default()).step(line.as_bytes()) {
        Step::Command(command, used_bytes) => {
            assert_eq!(used_bytes, line.len());
            command
        }
        other => panic!("{line:?} gives {other:?}"),
    }
}

/// What is said to a line, and how many bytes behind it are dropped.
fn refusal(line: &str) -> (String, u64) {
    let mut parser = Parser::new(Limits::default());
    let Step::Refuse(reply, used_bytes) = parser.step(line.as_bytes()) else {
        panic!("{line:?} is taken")
    };
    assert_eq!(used_bytes, line.len());
    let swallow_bytes = match parser.step(b"mn\r\n") {
        Step::Swallow(bytes) => {
            assert!(matches!(parser.step(b"mn\r\n"), Step::Command(Command::Noop, 4)));
            bytes
        }
        step => {
            assert!(matches!(step, Step::Command(Command::Noop, 4)));
            0
        }
    };
    (written(&reply), swallow_bytes)
}

fn get(line: &str) -> MetaGet<'_> {
    match command(line) {
        Command::MetaGet(get) => get,
        other => panic!("{line:?} gives {other:?}"),
    }
}

fn store(line: &str) -> Store<'_> {
    match command(line) {
        Command::Store(store) => store,
        other => panic!("{line:?} gives {other:?}"),
    }
}

const FACTS: ItemFacts = ItemFacts {
    client_flags: 5,
    cas: 77,
    value_bytes: 3,
    left_s: Some(30),
    left_before_s: Some(10),
    idle_s: 9,
    is_fetched: true,
    is_created: false,
    is_key_base64: false,
    is_won: false,
    is_stale: false,
    is_claimed: false,
};

#[test]
fn mg_names_what_was_asked_for_in_the_order_asked() {
    let hit = |line| written(&get(line).hit(FACTS));
    assert_eq!(hit("mg a\r\n"), "HD\r\n");
    assert_eq!(hit("mg a v\r\n"), "VA 3\r\n");
    assert_eq!(hit("mg a s v t c f h l k O1\r\n"), "VA 3 s3 t10 c77 f5 h1 l9 ka O1\r\n");
    assert_eq!(hit("mg a Oxyz k  l h f c t v s\r\n"), "VA 3 Oxyz ka l9 h1 f5 c77 t10 s3\r\n");
    assert_eq!(hit("mg a tzz q u P L\r\n"), "HD t10\r\n", "a letter is enough");
}

#[test]
fn the_time_left_is_the_new_one_only_behind_the_flag_that_sets_it() {
    assert_eq!(written(&get("mg a t T30\r\n").hit(FACTS)), "HD t10\r\n");
    assert_eq!(written(&get("mg a T30 t\r\n").hit(FACTS)), "HD t30\r\n");
    assert_eq!(written(&get("mg a N30 t\r\n").hit(FACTS)), "HD t10\r\n", "it was there");
    let created = ItemFacts { is_created: true, left_before_s: None, is_won: true, ..FACTS };
    assert_eq!(written(&get("mg a N30 t\r\n").hit(created)), "HD t30 W\r\n");
    assert_eq!(written(&get("mg a t N30\r\n").hit(created)), "HD t-1 W\r\n");
    let forever = ItemFacts { left_s: None, ..FACTS };
    assert_eq!(written(&get("mg a T0 t\r\n").hit(forever)), "HD t-1\r\n");
}

#[test]
fn a_stale_entry_says_so_and_who_may_fill_it() {
    let hit = |is_won, is_stale, is_claimed| {
        written(&get("mg a s\r\n").hit(ItemFacts { is_won, is_stale, is_claimed, ..FACTS }))
    };
    assert_eq!(hit(true, true, false), "HD s3 X W\r\n");
    assert_eq!(hit(false, true, true), "HD s3 Z X\r\n");
    assert_eq!(hit(true, false, false), "HD s3 W\r\n");
}

#[test]
fn an_absent_key_of_mg_is_en_or_nothing_if_quiet() {
    assert_eq!(written(&get("mg a v s t\r\n").miss()), "EN\r\n");
    assert_eq!(written(&get("mg a k O7 v\r\n").miss()), "EN ka O7\r\n");
    assert_eq!(written(&get("mg a k O7 q\r\n").miss()), "");
    assert_eq!(written(&get("mg a s q\r\n").hit(FACTS)), "HD s3\r\n", "a hit is no secret");
}

#[test]
fn the_flags_of_mg_that_change_an_entry_carry_times() {
    let get1 = get("mg a N60 T-1 R30 u v\r\n");
    assert_eq!((get1.touch, get1.recache), (Some(ExpTime(-1)), Some(ExpTime(30))));
    assert_eq!(get1.create, Some(ExpTime(-1)), "the later flag has the last word");
    assert!(get1.leaves_no_trace && get1.wants_value && get1.is_recache_after_touch);
    let get2 = get("mg a T5 N60\r\n");
    assert_eq!((get2.create, get2.touch), (Some(ExpTime(60)), Some(ExpTime(5))));
    assert!(!get("mg a R30 T5\r\n").is_recache_after_touch);
}

#[test]
fn a_key_in_base64_is_decoded_when_asked_for_and_named_as_its_entry_is() {
    let get = get("mg bm9rZXk= b k\r\n");
    let mut room: KeyRoom = [0; _];
    assert_eq!(get.key.bytes(&mut room), b"nokey");
    assert_eq!(written(&get.miss()), "EN kbm9rZXk= b\r\n");
    assert_eq!(written(&get.hit(FACTS)), "HD knokey\r\n", "stored under its plain name");
    let coded = ItemFacts { is_key_base64: true, ..FACTS };
    assert_eq!(written(&get.hit(coded)), "HD kbm9rZXk= b\r\n");
    let bad = ("CLIENT_ERROR error decoding key\r\n".to_owned(), 0);
    assert_eq!(refusal("mg abc b\r\n"), bad);
    assert_eq!(refusal("mg a=== b\r\n"), bad);
}

#[test]
fn no_key_ends_the_line_that_names_it() {
    for coded in ["YSBi", "CkVORAo=", "AGFi"] {
        let get = format!("mg {coded} b k\r\n");
        let Command::MetaGet(get) = command(&get) else { panic!() };
        assert_eq!(written(&get.hit(FACTS)), format!("HD k{coded} b\r\n"));
        let dump = format!("me {coded} b\r\n");
        let Command::Dump(dump) = command(&dump) else { panic!() };
        assert!(written(&dump.hit(FACTS, 1, 1)).starts_with(&format!("ME {coded} exp=")));
    }
}

#[test]
fn ms_stores_by_its_mode() {
    let modes = [
        ("", Mode::Set),
        (" MS", Mode::Set),
        (" ME", Mode::Add),
        (" MR", Mode::Replace),
        (" MA", Mode::Append),
        (" MP", Mode::Prepend),
        (" C9", Mode::Cas),
        (" C0 MR", Mode::Cas),
    ];
    for (flags, mode) in modes {
        let line = format!("ms k 5{flags}\r\n");
        let store = store(&line);
        assert_eq!((store.mode, store.value_bytes, store.is_meta()), (mode, 5, true), "{line}");
    }
    assert_eq!(store("ms k 1 MA C9\r\n").compare, Some(9));
    assert_eq!(store("ms k 1 MA C0\r\n").compare, None, "nought compares with nothing");
    assert_eq!(store("ms k 1 ME C9\r\n").compare, None);
    assert_eq!(store("ms k 1 C0\r\n").compare, Some(0), "and here it is nobody's number");
    let all = store("ms k 1 F7 T30 I C5\r\n");
    assert_eq!((all.client_flags, all.exp, all.stores_stale), (7, ExpTime(30), true));
    assert!(!store("ms k 1 I\r\n").stores_stale);
}

#[test]
fn ms_answers_with_a_code_and_what_was_asked_for() {
    let store1 = store("ms k 1 c k O1 f t\r\n");
    let codes = [
        (Stored::Stored { cas: 8 }, "HD c8 kk O1\r\n"),
        (Stored::NotStored, "NS c0 kk O1\r\n"),
        (Stored::Exists, "EX c0 kk O1\r\n"),
        (Stored::NotFound, "NF c0 kk O1\r\n"),
    ];
    for (outcome, line) in codes {
        assert_eq!(written(&store1.reply(outcome)), line);
    }
    let quiet = store("ms Zm9v 1 b k q\r\n");
    assert_eq!(written(&quiet.reply(Stored::Stored { cas: 8 })), "");
    assert_eq!(written(&quiet.reply(Stored::Exists)), "EX kZm9v b\r\n");
    assert_eq!(written(&quiet.refuse(Refusal::BadDataChunk)), "CLIENT_ERROR bad data chunk\r\n");
}

#[test]
fn md_removes_or_marks_as_stale() {
    let Command::Delete(delete) = command("md k\r\n") else { panic!() };
    assert!(!delete.invalidates && delete.compare.is_none() && delete.touch.is_none());
    let Command::Delete(delete) = command("md k I T30 C0 k O1 c v\r\n") else { panic!() };
    assert!(delete.invalidates);
    assert_eq!((delete.compare, delete.touch), (Some(0), Some(ExpTime(30))));
    assert_eq!(written(&delete.reply(Deleted::Done)), "HD kk O1\r\n");
    assert_eq!(written(&delete.reply(Deleted::NotFound)), "NF kk O1\r\n");
    assert_eq!(written(&delete.reply(Deleted::Exists)), "EX kk O1\r\n");
    let Command::Delete(quiet) = command("md k q\r\n") else { panic!() };
    assert_eq!(written(&quiet.reply(Deleted::Done)), "");
    assert_eq!(written(&quiet.reply(Deleted::NotFound)), "NF\r\n");
}

#[test]
fn ma_counts_and_may_begin() {
    let Command::Arith(plain) = command("ma k\r\n") else { panic!() };
    assert!(plain.is_increment && plain.create.is_none());
    assert_eq!((plain.apply(4), plain.compare), (5, None));
    let Command::Arith(all) = command("ma k N60 J13 D5 MD C9 T30\r\n") else { panic!() };
    assert_eq!(all.create, Some(Create { exp: ExpTime(30), initial: 13 }));
    assert_eq!((all.apply(7), all.compare, all.touch), (2, Some(9), Some(ExpTime(30))));
    for (mode, is_increment) in [("MI", true), ("M+", true), ("MD", false), ("M-", false)] {
        let line = format!("ma k {mode}\r\n");
        let Command::Arith(arith) = command(&line) else { panic!() };
        assert_eq!(arith.is_increment, is_increment, "{line}");
    }
    let Command::Arith(nought) = command("ma k C0\r\n") else { panic!() };
    assert_eq!(nought.compare, None);
}

#[test]
fn ma_answers_with_the_number_if_it_was_asked_for() {
    let Command::Arith(arith) = command("ma k v t c k O1\r\n") else { panic!() };
    assert_eq!(written(&arith.reply(Counted::Number(14, FACTS))), "VA 2 t10 c77 kk O1\r\n14\r\n");
    assert_eq!(written(&arith.reply(Counted::NotFound)), "NF kk O1\r\n");
    assert_eq!(written(&arith.reply(Counted::Exists)), "EX kk O1\r\n");
    assert_eq!(written(&arith.reply(Counted::NotStored)), "NS kk O1\r\n");
    let Command::Arith(quiet) = command("ma k q N0\r\n") else { panic!() };
    assert_eq!(written(&quiet.reply(Counted::Number(14, FACTS))), "");
    assert_eq!(written(&quiet.reply(Counted::NotFound)), "NF\r\n");
    let created = ItemFacts { is_created: true, ..FACTS };
    assert_eq!(written(&quiet.reply(Counted::Number(14, created))), "HD\r\n");
}

#[test]
fn me_describes_an_entry_and_mn_answers_always() {
    let Command::Dump(dump) = command("me k\r\n") else { panic!() };
    assert_eq!(
        written(&dump.hit(FACTS, 3, 96)),
        "ME k exp=-30 la=9 cas=77 fetch=yes cls=3 size=96\r\n"
    );
    let Command::Dump(coded) = command("me Zm9v b\r\n") else { panic!() };
    let facts = ItemFacts { is_key_base64: true, left_s: None, is_fetched: false, ..FACTS };
    assert_eq!(
        written(&coded.hit(facts, 0, 1)),
        "ME Zm9v exp=-1 la=9 cas=77 fetch=no cls=0 size=1\r\n"
    );
    assert_eq!(written(&Reply::Absent), "EN\r\n");
    let bad = ("CLIENT_ERROR bad command line format\r\n".to_owned(), 0);
    assert_eq!(refusal("me\r\n"), bad);
    assert_eq!(refusal("me abc b\r\n"), bad);
    assert!(matches!(command("mn and more\r\n"), Command::Noop));
    assert_eq!(written(&Reply::Noop), "MN\r\n");
}

#[test]
fn a_meta_command_without_its_words_is_refused() {
    for line in ["mg\r\n", "ms\r\n", "md\r\n", "ma\r\n"] {
        assert_eq!(refusal(line), ("ERROR\r\n".to_owned(), 0), "{line}");
    }
    let bad = ("CLIENT_ERROR bad command line format\r\n".to_owned(), 0);
    for line in ["ms k\r\n", "ms k x\r\n", "ms k -1\r\n", "ms k 2147483646\r\n"] {
        assert_eq!(refusal(line), bad, "{line}");
    }
    let long = "k".repeat(251);
    for name in ["mg", "ms", "md", "ma", "me"] {
        assert_eq!(refusal(&format!("{name} {long} 1\r\n")), bad, "{name}");
    }
}

#[test]
fn a_fault_in_the_flags_has_its_own_line_and_ms_drops_its_value() {
    let cases = [
        ("v v", "CLIENT_ERROR duplicate flag"),
        ("vv v", "CLIENT_ERROR duplicate flag"),
        ("\u{7f}", "CLIENT_ERROR duplicate flag"),
        ("E1", "CLIENT_ERROR invalid flag"),
        ("x", "CLIENT_ERROR invalid flag"),
        ("S1", "CLIENT_ERROR invalid flag"),
        ("Tx", "CLIENT_ERROR bad token in command line format"),
        ("N", "CLIENT_ERROR bad token in command line format"),
        ("R1x", "CLIENT_ERROR bad token in command line format"),
        ("C-1", "CLIENT_ERROR bad token in command line format"),
        ("Fx", "CLIENT_ERROR bad command line format"),
        ("Tx Fx", "CLIENT_ERROR bad token in command line format"),
        ("Tx Mxx", "CLIENT_ERROR incorrect length for M token"),
        ("M", "CLIENT_ERROR incorrect length for M token"),
        ("Jx", "CLIENT_ERROR invalid numeric initial value"),
        ("Dx", "CLIENT_ERROR invalid numeric delta value"),
        ("Tx v v", "CLIENT_ERROR duplicate flag"),
    ];
    for (flags, line) in cases {
        let line = format!("{line}\r\n");
        assert_eq!(refusal(&format!("mg k {flags}\r\n")), (line.clone(), 0), "{flags}");
        assert_eq!(refusal(&format!("ms k 5 {flags}\r\n")), (line, 7), "{flags}");
        let other = ("CLIENT_ERROR invalid or duplicate flag\r\n".to_owned(), 0);
        assert_eq!(refusal(&format!("md k {flags}\r\n")), other, "{flags}");
        assert_eq!(refusal(&format!("ma k {flags}\r\n")), other, "{flags}");
    }
}

#[test]
fn modes_and_opaques_are_looked_at_behind_the_flags() {
    let opaque = "O".to_owned() + &"x".repeat(32);
    assert_eq!(written(&get(&format!("mg k {opaque}\r\n")).miss()), format!("EN {opaque}\r\n"));
    let too_long = "CLIENT_ERROR opaque token too long\r\n";
    for (line, swallow_bytes) in [("mg k", 0), ("ms k 1", 3), ("md k", 0), ("ma k", 0)] {
        let line = format!("{line} {opaque}x\r\n");
        assert_eq!(refusal(&line), (too_long.to_owned(), swallow_bytes), "{line}");
    }
    let of_set = "CLIENT_ERROR invalid mode for ms M token\r\n";
    assert_eq!(refusal(&format!("ms k 1 Mx {opaque}x\r\n")), (of_set.to_owned(), 3));
    assert_eq!(refusal("ms k 1 Me\r\n"), (of_set.to_owned(), 3), "modes have case");
    let of_arith = "CLIENT_ERROR invalid mode for ma M token\r\n";
    assert_eq!(refusal(&format!("ma k ME {opaque}x\r\n")), (of_arith.to_owned(), 0));
    assert!(matches!(command("mg k Mx\r\n"), Command::MetaGet(_)), "mg has no modes");
}

#[test]
fn seventeen_flags_are_enough() {
    let flags = "c f h k l q s t u v O1 P L I F1 T1 N1 R1";
    let seventeen = flags.rsplit_once(' ').unwrap().0;
    assert!(matches!(command(&format!("mg k {seventeen}\r\n")), Command::MetaGet(_)));
    let of_get = ("CLIENT_ERROR options flags are too long\r\n".to_owned(), 0);
    assert_eq!(refusal(&format!("mg k {flags}\r\n")), of_get);
    let others = ("CLIENT_ERROR options flags too long\r\n".to_owned(), 0);
    assert_eq!(refusal(&format!("md k {flags}\r\n")), others);
    assert_eq!(refusal(&format!("ma k {flags}\r\n")), others);
    assert_eq!(refusal(&format!("ms k 1 {seventeen}\r\n")), others, "the length counts too");
}
