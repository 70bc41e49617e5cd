//! What a guard keeps. A guard that lasts keeps every pile of the OS process from using again what was deleted, so these tests
//! are a program of their own.

use levada_pile::{Budget, Gone, Life, Pile};

#[test]
fn a_guard_keeps_bytes_through_update_and_delete() {
    let pile = Pile::builder("guarded").limit_bytes(16 << 20).build().unwrap();
    let at = pile.put(&[1; 40], Life::FOREVER).unwrap();
    let roomy = pile.put_roomy(&[1; 40], 40, Life::FOREVER).unwrap();
    let guard = pile.pin();
    let (bytes, half) = (guard.get(at).unwrap(), guard.get(roomy).unwrap());
    for round in 2..100_u8 {
        pile.update(at, &[round; 40]).unwrap();
        pile.update(roomy, &[round; 40]).unwrap();
        for _ in 0..100 {
            let other = pile.put(&[round; 40], Life::FOREVER).unwrap();
            pile.delete(other).unwrap();
        }
    }
    pile.delete(at).unwrap();
    pile.purge().unwrap();
    pile.tend(Budget::unbounded());
    for _ in 0..10_000 {
        pile.put(&[255; 40], Life::FOREVER).unwrap();
    }
    assert_eq!((bytes, half), (&[1; 40][..], &[1; 40][..]));
}

#[test]
fn a_guard_keeps_bytes_though_the_pile_is_closed() {
    let pile = Pile::builder("closed").limit_bytes(4 << 20).build().unwrap();
    let at = pile.put(&[1; 40], Life::FOREVER).unwrap();
    let guard = pile.pin();
    let bytes = guard.get(at).unwrap();
    pile.close();
    assert_eq!(guard.get(at), Err(Gone::Closed));
    pile.tend(Budget::unbounded());
    assert_eq!(bytes, [1; 40]);
}
