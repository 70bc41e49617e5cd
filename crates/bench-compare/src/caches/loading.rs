//! Loading: many threads ask for one key that is not there, at once, and one of them makes the value.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::caches::keyed_cache::{KeyedCache, Room};
use crate::frame::ratio::Spread;
use crate::machine::clock::now_ns;
use crate::stores::store::first_word;

/// How many ask.
pub(crate) const CALLERS: usize = 64;

/// So long it takes to make a value; by then most of the others wait.
const LOAD_NS: u64 = 50_000;

const VALUE_BYTES: usize = 64;

/// Lets them ask again and again for a window, each time for another key; gives the time from the word to the last who has the
/// value, in the middle of all times, without the time that making it takes.
/// # Errors
/// If a value was made twice.
pub(crate) fn load_together<C: KeyedCache>(window: Duration) -> Result<f64, String> {
    let room = Room { entry_count: 100_000, value_bytes: VALUE_BYTES, thread_count: CALLERS };
    let cache = Arc::new(C::with_room(room));
    let loads = Arc::new(AtomicU64::new(0));
    // One more than ask: who counts the time.
    let (go, done) = (Arc::new(Barrier::new(CALLERS + 1)), Arc::new(Barrier::new(CALLERS + 1)));
    let is_over = Arc::new(AtomicU64::new(0));
    let mut times_ns = Vec::new();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let load = || {
                    loads.fetch_add(1, Ordering::Relaxed);
                    let begun_ns = now_ns();
                    while now_ns() - begun_ns < LOAD_NS {
                        std::hint::spin_loop();
                    }
                    vec![7; VALUE_BYTES].into_boxed_slice()
                };
                for key in 0.. {
                    go.wait();
                    if is_over.load(Ordering::Relaxed) == 1 {
                        return;
                    }
                    let mut sum = 0;
                    cache.get_or_put(key, &load, &mut |value| sum = first_word(value));
                    assert_eq!(black_box(sum), u64::from_le_bytes([7; 8]), "the value");
                    done.wait();
                }
            });
        }
        let begun_ns = now_ns();
        loop {
            let before_ns = now_ns();
            go.wait();
            done.wait();
            times_ns.push((now_ns() - before_ns) as f64 - LOAD_NS as f64);
            if u128::from(now_ns() - begun_ns) >= window.as_nanos() {
                is_over.store(1, Ordering::Relaxed);
                go.wait();
                return;
            }
        }
    });
    let (load_count, key_count) = (loads.load(Ordering::Relaxed), times_ns.len() as u64);
    if load_count != key_count {
        return Err(format!("{key_count} values were made {load_count} times"));
    }
    Ok(Spread::of(&times_ns).expect("they asked once").median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::levada_cache::{LevadaCache, Number};
    use crate::caches::moka_cache::MokaCache;
    use crate::caches::quick_cache::QuickCache;

    #[test]
    fn one_of_many_makes_the_value() {
        load_together::<LevadaCache<Number>>(Duration::ZERO).unwrap();
        load_together::<MokaCache>(Duration::ZERO).unwrap();
        load_together::<QuickCache>(Duration::ZERO).unwrap();
    }
}
