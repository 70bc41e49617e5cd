//! Whatever pointer a pile is asked for, it gives bytes only where a live record has exactly that pointer; else it says so.
//!
//! An input is a row of requests: a byte that says how the next eight or sixteen make a pointer, alone or near one that is
//! good. The pile has records of every kind and class, some dead, some expired, and the spans of some were purged.
#![no_main]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use levada_pile::{Clock, Gone, Life, Pile, PilePointer, Pointer};
use levada_shared::{Account, Options, SharedHeap};
use libfuzzer_sys::fuzz_target;

struct Known {
    pile: Pile,
    account: Account,
    live: HashMap<Pointer, Vec<u8>>,
    all: Vec<Pointer>,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

fn prepare() -> Known {
    let clock = Arc::new(AtomicU64::new(0));
    let pile =
        Pile::builder("pointers").limit_bytes(64 << 20).clock(Clock::shared(Arc::clone(&clock)));
    let pile = pile.build().expect("addresses");
    let heap = SharedHeap::new(Options::default()).expect("addresses");
    let account = heap.account("holder", u64::MAX).expect("an account");
    // Every word of a payload looks like the header of a live record.
    let bytes = (1_u64 | 8 << 12 | 1 << 40).to_le_bytes().repeat(50_000);
    let mut all = Vec::new();
    let mut put = |live: &mut HashMap<Pointer, Vec<u8>>| {
        for length in
            (0..140).chain((140..14_000).step_by(61)).chain([20_000, 65_536, 70_000, 300_000])
        {
            let bytes = &bytes[..length];
            let some = [
                (pile.put(bytes, Life::FOREVER), true),
                (pile.put_cell(bytes, Life::FOREVER), true),
                (pile.put_roomy(bytes, length + 9, Life::FOREVER), true),
                (pile.put(bytes, Life::secs(1000)), true),
                (pile.put(bytes, Life::secs(1)), false),
                (pile.put(bytes, Life::FOREVER), false),
            ];
            let [.., (expired, _), (deleted, _)] = some;
            pile.delete(deleted.expect("room")).expect("it was there");
            assert!(expired.is_ok());
            for (number, (at, is_live)) in some.into_iter().enumerate() {
                let at = at.expect("room");
                all.push(at);
                if is_live {
                    let mut bytes = bytes.to_vec();
                    if length % 3 == 0 && number < 3 {
                        bytes.push(0);
                        pile.update(at, &bytes).expect("room");
                    }
                    live.insert(at, bytes);
                }
            }
        }
    };
    put(&mut HashMap::new());
    let _purged = pile.purge();
    pile.tend();
    let mut live = HashMap::new();
    put(&mut live);
    clock.store(10_000, Ordering::Relaxed);
    Known { pile, account, live, all }
}

fn ask(known: &Known, at: Pointer) {
    let pile = &known.pile;
    let guard = pile.pin();
    let public = PilePointer::from(at);
    match known.live.get(&at) {
        Some(bytes) => {
            assert!(guard.get(at) == Ok(bytes) && guard.seen(at).map(|seen| seen.0) == Ok(bytes));
            assert_eq!(pile.size_of(at).map(|size| size.payload_bytes), Ok(bytes.len() as u64));
            assert!(guard.hold(at, &known.account).expect("no limit") == bytes[..]);
            assert_eq!(Pointer::try_from(public), Ok(at));
        }
        None => {
            let gone = guard.get(at).expect_err("no live record has this pointer");
            assert!(matches!(gone, Gone::Stale | Gone::Expired | Gone::BadPointer), "{gone:?}");
            assert_eq!(guard.text(at), Err(gone));
            assert_eq!(guard.seen(at).err(), Some(gone));
            assert!(guard.hold(at, &known.account).is_err());
            guard.get_many(&[at; 20], &mut |_, got| assert_eq!(got, Err(gone)));
            assert_eq!(pile.size_of(at), Err(gone));
            assert_eq!(pile.rejuvenate(at, Life::secs(9)), Err(gone));
            assert!(pile.update(at, b"x").is_err());
            if gone != Gone::Expired {
                assert_eq!(pile.delete(at), Err(gone));
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let known = KNOWN.get_or_init(prepare);
    for request in input.chunks_exact(17) {
        let number = u64::from_le_bytes(request[1..9].try_into().expect("eight bytes"));
        let other = u64::from_le_bytes(request[9..].try_into().expect("eight bytes"));
        let near = known.all[(other % known.all.len() as u64) as usize].to_bits();
        let bits = match request[0] % 5 {
            0 => number,
            1 => near,
            2 => near ^ 1 << (number % 64),
            3 => near.wrapping_add(number % 8192).wrapping_sub(4096),
            _ => {
                let public = PilePointer {
                    node: number as u32 as i32,
                    segment: (number >> 32) as u32 as i32,
                    address: other as u32 as i32,
                    generation: (other >> 32) as u32,
                };
                let at = Pointer::try_from(public);
                assert!(at.is_ok_and(|at| PilePointer::from(at) == public) || at.is_err());
                at.map_or(0, Pointer::to_bits)
            }
        };
        if let Some(at) = Pointer::from_bits(bits) {
            ask(known, at);
        }
    }
});
