//! Values of types are put by a codec and read in place, wherever upkeep moves them.

use levada_cache::{
    Archived, Budget, Bytes, Cache, CacheOptions, Compact, Edit, Edited, How, Life, OptionError,
    Pile, Stored, TableError, TableOptions, Text,
};

#[derive(Debug, PartialEq, rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
struct User {
    name: String,
    tags: Vec<u64>,
}

fn user(number: u64) -> User {
    User { name: format!("user {number}"), tags: (0..3 + number % 2).collect() }
}

fn cache() -> Cache {
    let pile = Pile::builder("values").limit_bytes(32 << 20).build().expect("a pile");
    Cache::over(&pile, CacheOptions::limit(32 << 20)).expect("a cache")
}

#[test]
fn archived_values_are_read_in_place_after_they_were_moved() {
    let cache = cache();
    let users = cache.table::<u64, Archived<User>>("users", TableOptions::default()).unwrap();
    for number in 0..5000 {
        users.put(&number, &user(number), How::default()).unwrap();
    }
    for number in (0..5000).filter(|number| number % 4 > 0) {
        users.remove(&number);
    }
    // What nobody ever asked for is dropped rather than moved.
    let asked_for = cache.pin();
    assert!((0..5000).step_by(4).all(|number| users.get(&asked_for, &number).is_some()));
    drop(asked_for);
    while cache.tend(Budget::unbounded()).can_more {}
    while cache.pile().compact(Budget::unbounded()).can_more {}
    let guard = cache.pin();
    for number in (0..5000).step_by(4) {
        let hit = users.get(&guard, &number).expect("it was moved, not dropped");
        assert_eq!(hit.name, user(number).name);
        assert_eq!(hit.load(), Some(user(number)));
    }
    drop(guard);
    assert!(users.gauges().cleaned_moved > 0);
    assert!(users.touch(&8, Life::secs(5)));
    cache.validate();
}

#[test]
fn each_form_of_values_keeps_what_was_put() {
    let cache = cache();
    let texts = cache.table::<str, Text>("texts", TableOptions::default()).unwrap();
    texts.put("a", "ä", How::default()).unwrap();
    let pairs = cache.table::<[u8; 4], Compact<(u32, String)>>("pairs", TableOptions::default());
    let pairs = pairs.unwrap();
    pairs.put(b"key1", &(7, "seven".to_owned()), How::default()).unwrap();
    let guard = cache.pin();
    assert_eq!(texts.get(&guard, "a").map(|hit| *hit.value()), Some("ä"));
    assert_eq!(
        pairs.get(&guard, b"key1").and_then(|hit| hit.load()),
        Some((7, "seven".to_owned()))
    );
    drop(guard);
    let loaded =
        pairs.get_or_put(b"key2", 50, || Ok::<_, ()>(((8, String::new()), How::default())));
    assert!(loaded.unwrap().is_loaded);
    assert!(pairs.contains(b"key2"));
}

#[test]
fn a_table_is_refused_to_who_asks_for_other_types_or_another_mode() {
    let cache = cache();
    cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
    let what = |error: Result<_, TableError>| match error {
        Err(TableError::Mismatch { what, .. }) => what,
        _ => "nothing",
    };
    let types = cache.table::<u64, Text>("t", TableOptions::default()).map(drop);
    let keys = cache.table::<u32, Bytes>("t", TableOptions::default()).map(drop);
    let mode = cache.table::<u64, Bytes>("t", TableOptions::default().durable()).map(drop);
    let notes = cache.table::<u64, Bytes>("t", TableOptions::default().notes(1)).map(drop);
    assert_eq!([what(types), what(keys), what(mode)], ["types", "types", "mode"]);
    assert_eq!(what(notes), "ages, ends or notes");
    let level = cache.table::<u64, Bytes>("u", TableOptions::default().level(8)).map(drop);
    assert_eq!(level, Err(TableError::Options(OptionError::Level(8))));
    let reserve = TableOptions::default().reserve_bytes(31 << 20);
    assert!(matches!(
        cache.table::<u64, Bytes>("u", reserve).map(drop),
        Err(TableError::Options(OptionError::Reserves { .. }))
    ));
}

#[test]
fn an_edit_sees_the_value_before_and_is_asked_again_when_somebody_came_between() {
    let cache = cache();
    let table = cache.table::<str, Bytes>("counters", TableOptions::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let edited = table.edit("n", &mut |hit| {
                        let before = hit.map_or(0, |hit| hit.bytes()[0]);
                        let many = hit.map_or(0, |hit| hit.bytes()[1]);
                        let carry = u8::from(before == u8::MAX);
                        Edit::Put(vec![before.wrapping_add(1), many + carry], How::default())
                    });
                    assert!(matches!(edited, Ok(Edited::Put(_))));
                }
            });
        }
    });
    let guard = cache.pin();
    assert_eq!(table.get(&guard, "n").map(|hit| hit.bytes()), Some(&[32, 3][..])); // 800
    drop(guard);
    let removed = table.edit("n", &mut |_| Edit::<Vec<u8>>::Remove);
    assert_eq!((removed, table.contains("n")), (Ok(Edited::Removed), false));
    let kept = table.edit("n", &mut |_| Edit::<Vec<u8>>::Keep);
    assert_eq!(kept, Ok(Edited::Kept));
}

#[test]
fn a_value_that_is_held_outlives_its_entry_and_its_move() {
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let account = heap.account("reader", 1 << 20).unwrap();
    let cache = cache();
    let table = cache.table::<str, Bytes>("t", TableOptions::default()).unwrap();
    table.put("key", b"held bytes", How::default()).unwrap();
    let data = table.get(&cache.pin(), "key").unwrap().hold(&account).unwrap();
    table.put("key", b"others", How::default()).unwrap();
    table.remove("key");
    while cache.tend(Budget::unbounded()).can_more {}
    assert_eq!(data, b"held bytes"[..]);
}

#[test]
fn a_reserved_entry_is_seen_when_it_is_committed_and_charged_from_the_beginning() {
    let cache = cache();
    let table = cache.table::<str, Bytes>("t", TableOptions::default()).unwrap();
    let before = table.gauges().charged_bytes;
    let mut entry = table.reserve("page", 1000, How::default()).unwrap();
    assert!(table.gauges().reserved_bytes >= 1000);
    entry.write(b"written ").unwrap();
    entry.write(b"in place").unwrap();
    assert!(entry.write(&[0; 2000]).is_err());
    assert_eq!((entry.written(), table.contains("page")), (&b"written in place"[..], false));
    entry.commit().unwrap();
    let gauges = table.gauges();
    assert!(gauges.reserved_bytes == 0 && gauges.charged_bytes > before);
    drop(table.reserve("other", 100_000, How::default()).unwrap());
    assert_eq!(table.gauges().charged_bytes, gauges.charged_bytes);
    let added = table.add("page", b"x", How::default());
    assert_eq!(added, Ok(Stored::Exists));
    cache.validate();
}
