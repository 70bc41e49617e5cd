//! Threads that hold, share, refer to and let go of the same blocks, while another steals what it can.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use levada_shared::{
    Account, Limit, Options, SharedData, SharedHeap, SoftRef, WeakRef, set_home_arena,
};

/// What a thread has in hand, and the seed of the steps that it takes.
struct Hand {
    seed: u64,
    next_number: u64,
    accounts: [Account; 3],
    values: Vec<SharedData>,
    softs: Vec<SoftRef>,
    weaks: Vec<WeakRef>,
    to: Sender<Sent>,
    from: Receiver<Sent>,
}

enum Sent {
    Value(SharedData),
    Soft(SoftRef),
    Weak(WeakRef),
}

const KEPT_MAX: usize = 24;

/// Bytes that can be told to be right: a number, and the pattern that it stands for.
fn bytes_of(number: u64, length: usize) -> Vec<u8> {
    let pattern = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes();
    let rest = pattern.iter().copied().cycle().take(length);
    number.to_le_bytes().into_iter().chain(rest).collect()
}

fn is_right(data: &SharedData) {
    let number = data.read::<u64>(0).expect("a number and its pattern");
    let length = usize::try_from(data.len()).expect("short") - 8;
    assert!(data.to_vec() == bytes_of(number, length), "number {number} is damaged");
}

fn take<T>(all: &mut Vec<T>, choice: u64) -> Option<T> {
    let index = usize::try_from(choice).expect("64 bits").checked_rem(all.len())?;
    Some(all.swap_remove(index))
}

fn keep<T>(all: &mut Vec<T>, one: T) {
    if all.len() >= KEPT_MAX {
        all.swap_remove(0);
    }
    all.push(one);
}

impl Hand {
    fn draw(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn account(&mut self) -> Account {
        let index = usize::try_from(self.draw(3)).expect("one of three");
        self.accounts[index].clone()
    }

    fn step(&mut self) {
        let (act, choice) = (self.draw(16), self.draw(1 << 20));
        let account = self.account();
        match act {
            0..=2 => {
                let length = usize::try_from(self.draw(3000)).expect("short");
                self.next_number += 2;
                if let Ok(data) = account.copy_from(&bytes_of(self.next_number, length)) {
                    keep(&mut self.values, data);
                }
            }
            3..=4 => drop(take(&mut self.values, choice)),
            5 => drop(take(&mut self.softs, choice)),
            6 => drop(take(&mut self.weaks, choice)),
            7..=12 => {
                let Some(data) = take(&mut self.values, choice) else { return };
                match act {
                    7 => keep(&mut self.values, data.clone()),
                    8 => {
                        if let Ok(shared) = data.share_with(&account) {
                            keep(&mut self.values, shared);
                        }
                    }
                    9 => {
                        let moved = data.transfer_to(&account).unwrap_or_else(|full| full.value);
                        return keep(&mut self.values, moved);
                    }
                    10 => keep(&mut self.softs, data.soft()),
                    11 => keep(&mut self.weaks, data.weak()),
                    _ if choice.is_multiple_of(8) => data.retire(),
                    _ => is_right(&data),
                }
                keep(&mut self.values, data);
            }
            13 => self.upgrade(choice),
            14 => self.send(choice),
            _ => self.receive(),
        }
    }

    fn upgrade(&mut self, choice: u64) {
        let found = if choice.is_multiple_of(2) {
            take(&mut self.softs, choice).and_then(|soft| {
                let found = soft.upgrade();
                keep(&mut self.softs, soft);
                found
            })
        } else {
            take(&mut self.weaks, choice).and_then(|weak| {
                let found = weak.upgrade();
                keep(&mut self.weaks, weak);
                found
            })
        };
        if let Some(data) = found {
            is_right(&data);
            keep(&mut self.values, data);
        }
    }

    fn send(&mut self, choice: u64) {
        let sent = match choice % 3 {
            0 => take(&mut self.values, choice).map(Sent::Value),
            1 => take(&mut self.softs, choice).map(|soft| {
                keep(&mut self.softs, soft.clone());
                Sent::Soft(soft)
            }),
            _ => take(&mut self.weaks, choice).map(|weak| {
                keep(&mut self.weaks, weak.clone());
                Sent::Weak(weak)
            }),
        };
        if let Some(sent) = sent {
            self.to.send(sent).expect("the other is there");
        }
    }

    fn receive(&mut self) {
        while let Ok(sent) = self.from.try_recv() {
            match sent {
                Sent::Value(data) => keep(&mut self.values, data),
                Sent::Soft(soft) => keep(&mut self.softs, soft),
                Sent::Weak(weak) => keep(&mut self.weaks, weak),
            }
        }
    }
}

#[test]
fn at_each_quiet_moment_every_byte_is_charged_to_who_holds_it_and_is_what_it_was() {
    let (rounds, steps) = if cfg!(miri) { (2, 60) } else { (60, 1500) };
    let seed = std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let heap =
        SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() }).unwrap();
    let accounts = [("free", u64::MAX), ("large", 1 << 20), ("small", 4096)]
        .map(|(name, limit_bytes)| heap.account(name, limit_bytes).unwrap());
    let (there, back) = (channel(), channel());
    let ends = [(there.0, back.1), (back.0, there.1)];
    let mut hands: Vec<Hand> = (0..)
        .zip(ends)
        .map(|(index, (to, from))| Hand {
            seed: seed + index,
            next_number: index,
            accounts: accounts.clone(),
            values: Vec::new(),
            softs: Vec::new(),
            weaks: Vec::new(),
            to,
            from,
        })
        .collect();
    let mut stolen_blocks = 0;
    for _ in 0..rounds {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stealer = scope.spawn(|| {
                let mut stolen_blocks = 0;
                while !is_over.load(Ordering::Relaxed) {
                    stolen_blocks += heap.steal(8192).blocks;
                    std::thread::yield_now();
                }
                stolen_blocks
            });
            let workers: Vec<_> = (0..)
                .zip(&mut hands)
                .map(|(arena, hand)| {
                    scope.spawn(move || {
                        set_home_arena(arena);
                        (0..steps).for_each(|_| hand.step());
                    })
                })
                .collect();
            // The stealer ends also where a worker does not end well.
            let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(ends.iter().all(Result::is_ok), "with seed {seed}");
            stolen_blocks += stealer.join().expect("it only steals");
        });
        heap.validate();
        for hand in &mut hands {
            hand.receive();
            hand.values.iter().for_each(is_right);
        }
        heap.validate();
    }
    assert!(stolen_blocks > 0 || cfg!(miri), "something was stolen");
    drop(hands);
    heap.validate();
    let gauges = heap.gauges();
    assert_eq!((gauges.used_bytes, gauges.soft_blocks, gauges.lines_nameless), (0, 0, 0));
    assert_eq!(accounts.map(|account| account.charged_bytes()), [0; 3]);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of blocks take the interpreter hours")]
fn what_an_ended_thread_left_is_room_for_others_when_it_is_dropped() {
    let heap =
        SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() }).unwrap();
    let account = heap.default_account();
    set_home_arena(0);
    let (owner, heaped) = (account.clone(), 12 << 20);
    let left = std::thread::spawn(move || {
        set_home_arena(1);
        let values = (0..heaped / 4096).map(|number| {
            let mut buf = owner.buf(4096).expect("room");
            buf.write(&[u8::try_from(number % 256).expect("a byte"); 4096]).expect("room");
            buf.freeze()
        });
        values.collect::<Vec<_>>()
    });
    let left = left.join().unwrap();
    let fill = || -> Vec<_> { std::iter::from_fn(|| account.buf(4096).ok()).collect() };
    let filled = fill();
    assert_eq!(filled.len(), (4 << 20) / 4096);
    assert!(account.buf(64).is_err_and(|full| full.limit == Limit::Heap));
    drop(filled);
    drop(left);
    assert_eq!((heap.gauges().used_bytes, account.charged_bytes()), (0, 0));
    assert_eq!(fill().len(), (16 << 20) / 4096);
    heap.validate();
}
