//! Any pointer at all is asked for: bytes come only where a live record has exactly that one.

use std::collections::HashMap;

use levada_pile::{Gone, Life, Pile, PilePointer, Pointer};
use proptest::prelude::{ProptestConfig, any, prop_oneof};
use proptest::strategy::Strategy;
use proptest::{prop_assert, prop_assert_eq, proptest};

/// A pile with a record of every class, twice: the first is deleted.
fn pile() -> (Pile, HashMap<Pointer, usize>, Vec<Pointer>) {
    let pile = Pile::builder("pointers").limit_bytes(32 << 20).build().expect("addresses");
    let bytes = vec![7; 200_000];
    let (mut live, mut all) = (HashMap::new(), Vec::new());
    for length in (0..14_000).step_by(101).chain([20_000, 65_536, 200_000]) {
        let [dead, at] = [0; 2].map(|_| pile.put(&bytes[..length], Life::FOREVER).expect("room"));
        pile.delete(dead).expect("it is there");
        live.insert(at, length);
        all.extend([dead, at]);
    }
    (pile, live, all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_pointers_of_live_records_give_bytes(
        asked in proptest::collection::vec((any::<u64>(), any::<u16>(), 0_u8..4), 1..200),
        public in proptest::collection::vec((-2..2_i32, -1..3_i32, any::<i32>(), any::<u32>()), 1..50),
        near in proptest::collection::vec(
            prop_oneof![0..64_u32, 40..43_u32].prop_map(|bit| 1_u64 << bit), 1..50),
    ) {
        let (pile, live, all) = pile();
        let mut bits: Vec<u64> = asked.iter().map(|&(number, index, way)| {
            let good = all[usize::from(index) % all.len()].to_bits();
            match way {
                0 => number,
                1 => good,
                2 => good.wrapping_add(number % 16_384).wrapping_sub(8192),
                _ => good ^ near[usize::from(index) % near.len()],
            }
        }).collect();
        for (node, segment, address, generation) in public {
            let public = PilePointer { node, segment, address, generation };
            match Pointer::try_from(public) {
                Ok(at) => {
                    prop_assert_eq!(PilePointer::from(at), public);
                    bits.push(at.to_bits());
                }
                Err(gone) => prop_assert!(matches!(gone, Gone::ForeignNode(_) | Gone::BadPointer)),
            }
        }
        for at in bits.into_iter().filter_map(Pointer::from_bits) {
            let guard = pile.pin();
            match live.get(&at) {
                Some(&length) => prop_assert_eq!(guard.get(at).map(<[u8]>::len), Ok(length)),
                None => {
                    let gone = guard.get(at).expect_err("no record has it");
                    prop_assert!(matches!(gone, Gone::Stale | Gone::BadPointer));
                    prop_assert_eq!(pile.size_of(at), Err(gone));
                    prop_assert_eq!(pile.delete(at), Err(gone));
                    prop_assert!(pile.update(at, b"x").is_err());
                }
            }
        }
        pile.validate();
    }
}
