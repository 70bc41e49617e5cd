//! What becomes of slots and spans whose generations are used up, with generations of four bits.
#![cfg(feature = "narrow-generation")]

use std::collections::{HashMap, HashSet};

use levada_pile::{Budget, Gone, Life, Pile, PilePointer, Pointer};

const LIVES: u32 = 15;

fn generation(at: Pointer) -> u32 {
    PilePointer::from(at).generation
}

fn span(at: Pointer) -> i32 {
    PilePointer::from(at).address / (64 << 10)
}

/// Puts until the pile is full, once all that was deleted has come back: another test's guard may delay that.
fn fill(pile: &Pile, bytes: &[u8]) -> Vec<Pointer> {
    let mut idle = 0;
    while idle < 10 || pile.gauges().limbo_slots > 0 {
        idle = if pile.tend(Budget::unbounded()).freed == 0 { idle + 1 } else { 0 };
    }
    (0..).map_while(|_| pile.put(bytes, Life::FOREVER).ok()).collect()
}

/// One test after the other: a guard of one keeps what another deleted, and it counts on having that back.
#[expect(clippy::disallowed_types, reason = "held by a test while it runs")]
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn each_slot_has_fifteen_lives_and_then_none() {
    let _alone = alone();
    for bytes in [[7; 1000].as_slice(), &[7; 100]] {
        let pile = Pile::builder("narrow").limit_bytes(1 << 20).build().unwrap();
        let mut keepers: HashMap<i32, Pointer> = HashMap::new();
        let mut lives: HashMap<_, u32> = HashMap::new();
        let mut dead = Vec::new();
        let mut put = fill(&pile, bytes);
        let slots = put.len();
        for &at in &put {
            // One record in each span stays, so that no span begins anew.
            keepers.entry(span(at)).or_insert(at);
        }
        while !put.is_empty() {
            for at in put {
                let live = lives.entry(at.place()).or_default();
                *live += 1;
                assert!(*live <= LIVES && generation(at) == *live, "one life after the other");
                if keepers[&span(at)] != at {
                    pile.delete(at).unwrap();
                    dead.push(at);
                }
            }
            put = fill(&pile, bytes);
            pile.validate();
        }
        let used_up = lives.values().filter(|&&lives| lives == LIVES).count();
        // A span of which less than an eighth is free is not offered: what is left there waits until the span is empty.
        assert!(used_up >= (slots - keepers.len()) / 8 * 7, "{used_up} of {slots} slots are spent");
        assert_eq!(pile.gauges().spent_spans, 0);
        assert!(dead.iter().all(|&at| pile.pin().get(at) == Err(Gone::Stale)));
        let spans = u32::try_from(keepers.len()).unwrap();
        for at in keepers.into_values() {
            pile.delete(at).unwrap();
        }
        pile.tend(Budget::unbounded());
        pile.tend(Budget::unbounded());
        pile.validate();
        assert_eq!(pile.gauges().spent_spans, spans, "their spans are spent with them");
        assert_eq!(fill(&pile, bytes).len(), slots, "and others have their memory");
    }
}

#[test]
fn a_span_that_begins_anew_goes_on_where_it_was_until_it_is_spent() {
    let _alone = alone();
    let pile = Pile::builder("narrow").limit_bytes(1 << 20).build().unwrap();
    let mut issued = HashSet::new();
    let mut spans = HashSet::new();
    let mut slots = None;
    for round in 0..60_u32 {
        // Slots, and pages, in turn.
        let bytes = vec![7; if round % 2 == 0 { 100 } else { 20_000 }];
        let put = fill(&pile, &bytes);
        if round % 2 == 0 {
            assert_eq!(*slots.get_or_insert(put.len()), put.len(), "spent memory is not lost");
        }
        for at in put {
            assert!(issued.insert(at), "{at:?} is given twice");
            assert!((1..=LIVES).contains(&generation(at)));
            spans.insert(span(at));
            pile.delete(at).unwrap();
        }
        pile.tend(Budget::unbounded());
        pile.tend(Budget::unbounded());
        pile.validate();
    }
    // Each round takes one generation of all spans, and a span needs two to begin.
    let spent = pile.gauges().spent_spans as usize;
    assert!(spent > 0 && spans.len() >= spent, "{spent} of {}", spans.len());
    assert!(issued.iter().all(|&at| pile.pin().get(at) == Err(Gone::Stale)));
}

#[test]
fn an_update_that_forwards_and_a_cell_use_up_generations_as_a_put_does() {
    let _alone = alone();
    let pile = Pile::builder("narrow").limit_bytes(4 << 20).build().unwrap();
    let plain = pile.put(b"plain", Life::FOREVER).unwrap();
    let cell = pile.put_cell(b"cell", Life::FOREVER).unwrap();
    let roomy = pile.put_roomy(b"roomy", 8, Life::FOREVER).unwrap();
    for round in 0..20_000_u32 {
        let bytes = round.to_le_bytes().repeat(5);
        for at in [plain, cell, roomy] {
            pile.update(at, &bytes).unwrap();
            assert!(pile.pin().get(at) == Ok(&bytes));
        }
    }
    pile.tend(Budget::unbounded());
    pile.validate();
    assert!(pile.gauges().spent_spans > 0);
}
