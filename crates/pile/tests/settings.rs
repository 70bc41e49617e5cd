//! Settings are checked by name, together, and before any of them is taken over.

use levada_pile::{Life, OpenError, Pile, Section, Wish};

fn section(text: &str) -> Section {
    toml::from_str(text).expect("a section")
}

fn key_of(error: OpenError) -> &'static str {
    match error {
        OpenError::Setting { key, .. } => key,
        other => panic!("{other}"),
    }
}

#[test]
fn a_setting_outside_of_its_bounds_is_refused_by_its_name() {
    for (text, key) in [
        ("limit_bytes = 1000", "limit"),
        ("segments_max = 0", "segments_max"),
        ("segments_max = 32768", "segments_max"),
        ("tend_slice_us = 19", "tend_slice"),
        ("guard_warn_ms = 9", "guard_warn"),
        ("limit_bytes = 67108864\ncommit_ahead_bytes = 8388609", "commit_ahead"),
        ("lock = 'try'\nfolder = '/nowhere'", "lock"),
    ] {
        let built = Pile::builder("refused").section(&section(text)).build();
        assert_eq!(key_of(built.map(|_| ()).unwrap_err()), key, "{text}");
    }
    assert!(toml::from_str::<Section>("limmit_bytes = 1").is_err());
    assert!(toml::from_str::<Section>("huge = 'maybe'").is_err());
}

#[test]
fn a_refused_change_changes_nothing_and_an_accepted_one_all() {
    let pile = Pile::builder("live").limit_bytes(4 << 20).build().unwrap();
    for text in ["limit_bytes = 8388608\ntend_slice_us = 1", "limit_bytes = 8388608\nhuge = 'no'"] {
        assert!(pile.apply(&section(text)).is_err(), "{text}");
        assert_eq!(pile.gauges().limit_bytes, 4 << 20);
    }
    pile.apply(&section("limit_bytes = 8388608\ntend_slice_us = 100\ngauges = false")).unwrap();
    assert_eq!(pile.gauges().limit_bytes, 8 << 20);
    for _ in 0..5000 {
        pile.put(b"not timed", Life::FOREVER).unwrap();
    }
    assert_eq!(pile.gauges().put_times.samples, 0);
}

#[test]
fn memory_that_is_fixed_comes_and_goes_and_more_than_may_be_fixed_is_done_without() {
    let pile = Pile::builder("fixed").limit_bytes(16 << 20).lock(Wish::Try).build().unwrap();
    for _ in 0..2 {
        let put: Vec<_> =
            (0..10_000).map(|_| pile.put(&[7; 1000], Life::FOREVER).unwrap()).collect();
        for at in put {
            pile.delete(at).unwrap();
        }
        let tended = (0..1000).any(|_| {
            pile.tend(levada_pile::Budget::unbounded());
            pile.gauges().backed_bytes < 4 << 20
        });
        assert!(tended, "fixed memory goes back");
    }
}
