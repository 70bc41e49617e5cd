//! A codec that cannot read what it wrote keeps nobody from loading: what it left is removed, and no call goes on for ever.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use levada_cache::{
    Cache, CacheOptions, Claim, Edit, Edited, How, Pile, Table, TableOptions, Values,
};
use levada_pile::{Codec, Damaged, Encoded, Kind, Sink, Unencodable};

/// Numbers that are written and never read again, neither in place nor as one's own.
#[derive(Debug)]
struct Lost;

impl Codec for Lost {
    type Value = u32;
    type Owned = u32;
    type View<'g> = u32;
    const KIND: Kind = Kind::Compact;

    fn encode(value: &u32, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        into.write(&value.to_le_bytes());
        Ok(())
    }

    fn view(_: Encoded<'_, Self>) -> Result<u32, Damaged> {
        Err(Damaged)
    }

    fn load(_: Encoded<'_, Self>) -> Result<u32, Damaged> {
        Err(Damaged)
    }
}

/// Even numbers are read in place, and none as one's own.
#[derive(Debug)]
struct Seen;

impl Codec for Seen {
    type Value = u32;
    type Owned = u32;
    type View<'g> = u32;
    const KIND: Kind = Kind::Compact;

    fn encode(value: &u32, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        into.write(&value.to_le_bytes());
        Ok(())
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<u32, Damaged> {
        let number = u32::from_le_bytes(encoded.bytes().try_into().map_err(|_| Damaged)?);
        if number.is_multiple_of(2) { Ok(number) } else { Err(Damaged) }
    }

    fn load(_: Encoded<'_, Self>) -> Result<u32, Damaged> {
        Err(Damaged)
    }
}

fn table<V: Values>() -> (Cache, Table<u64, V>) {
    let pile = Pile::builder("unreadable").limit_bytes(8 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(8 << 20)).expect("a cache");
    let table = cache.table("t", TableOptions::default()).expect("a table");
    (cache, table)
}

#[test]
fn what_cannot_be_read_is_loaded_anew_by_each_who_asks() {
    let (cache, table) = table::<Lost>();
    table.put(&7, &1, How::default()).unwrap();
    for number in 2..5 {
        let loaded = table.get_or_put(&7, 4, || Ok::<_, ()>((number, How::default()))).unwrap();
        assert_eq!((loaded.value, loaded.is_loaded, loaded.not_filled), (number, true, None));
    }
    let gauges = table.gauges();
    assert_eq!((gauges.loads_filled, gauges.removes_hit, gauges.count), (3, 3, 1));
    cache.validate();
}

#[test]
fn a_claim_of_what_cannot_be_read_is_a_ticket() {
    let (cache, table) = table::<Lost>();
    table.put(&7, &1, How::default()).unwrap();
    for number in 2..5 {
        match table.claim(&cache.pin(), &7, 4).unwrap() {
            Claim::Yours(ticket) => ticket.fill(&number, How::default()).unwrap(),
            other => panic!("nobody can read it: {other:?}"),
        };
    }
    assert_eq!(table.gauges().loads_filled, 3);
    cache.validate();
}

#[test]
fn what_can_be_read_in_place_is_removed_only_for_who_would_have_it_as_his_own() {
    let (cache, table) = table::<Seen>();
    table.put(&7, &2, How::default()).unwrap();
    assert!(matches!(table.claim(&cache.pin(), &7, 4), Ok(Claim::Hit(_))));
    let loaded = table.get_or_put(&7, 4, || Ok::<_, ()>((4, How::default()))).unwrap();
    assert!(loaded.is_loaded);
    assert_eq!(table.get(&cache.pin(), &7).map(|hit| *hit), Some(4));
    table.put(&7, &3, How::default()).unwrap();
    assert!(matches!(table.claim(&cache.pin(), &7, 4), Ok(Claim::Yours(_))));
    cache.validate();
}

#[test]
fn an_edit_of_what_cannot_be_read_sees_none() {
    let (cache, table) = table::<Lost>();
    table.put(&7, &1, How::default()).unwrap();
    let mut edits = 0;
    let edited = table.edit(&7, &mut |hit| {
        assert!(hit.is_none());
        edits += 1;
        Edit::Put(2, How::default())
    });
    assert!(matches!(edited, Ok(Edited::Put(_))), "{edited:?}");
    assert_eq!((edits, table.gauges().count), (1, 1));
    cache.validate();
}

#[test]
fn each_of_those_who_wait_for_what_cannot_be_read_loads_it_once() {
    const CALLERS: u32 = 16;
    let (cache, table) = table::<Lost>();
    let loads = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let load = || Ok::<_, ()>((loads.fetch_add(1, Ordering::SeqCst), How::default()));
                assert!(table.get_or_put(&7, 4, load).unwrap().is_loaded);
            });
        }
    });
    assert_eq!(loads.into_inner(), CALLERS);
    assert_eq!(table.gauges().loads_pending, 0);
    cache.validate();
}
