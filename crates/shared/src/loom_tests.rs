//! Loom explores every order of the counts' steps, within its bounds, on the very code that the heap runs.
//!
//! Handles read a cell that whoever frees the block writes: loom fails where the counts do not order the two.
#![expect(
    unsafe_code,
    reason = "the cell stands for the bytes of a block; loom checks each access to it"
)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::holding::{self, Held, Lines};
use crate::counts::ledger::{AccountLine, GrantIndex};
use crate::counts::lines::{Block, Cut, Pair, PairIndex, Place};
use crate::memory::remote::Remote;

const CAPACITY_BYTES: u32 = 64;

/// A block, two accounts, and a table of further grants with two lines.
struct Scene {
    pair: Pair,
    accounts: [AccountLine; 2],
    further: [Grant<Block>; 2],
    taken: AtomicU32,
    given: AtomicU32,
    freed: AtomicU32,
    bytes: UnsafeCell<u32>,
}

// SAFETY: the counts are atomics; loom itself checks the cell.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Lines for Scene {
    fn make(&self) -> Option<GrantIndex> {
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        assert!(index < 2, "two lines are enough for these scenes");
        Some(GrantIndex(index))
    }

    fn line(&self, index: GrantIndex) -> &Grant<Block> {
        &self.further[index.0 as usize]
    }

    fn give(&self, index: GrantIndex) {
        assert!(
            self.further[index.0 as usize].is_empty(),
            "a line that is given back has no handle"
        );
        self.given.fetch_add(1, Ordering::Relaxed);
    }
}

impl Scene {
    /// A block that account 0 has just made: one handle.
    fn new() -> Arc<Self> {
        let scene = Arc::new(Self {
            pair: Pair::unplaced(PairIndex(1), core::ptr::null_mut()),
            accounts: ["first", "second"].map(|name| AccountLine::new(name, u64::MAX)),
            further: [Grant::unbound(1), Grant::unbound(2)],
            taken: AtomicU32::new(0),
            given: AtomicU32::new(0),
            freed: AtomicU32::new(0),
            bytes: UnsafeCell::new(0),
        });
        let cut = Cut::Run { first_slab: 0 };
        let base = core::ptr::NonNull::dangling();
        scene.pair.place(Place { base, capacity_bytes: CAPACITY_BYTES, arena: 0, cut });
        scene.accounts[0].charge(u64::from(CAPACITY_BYTES)).expect("no limit");
        scene.pair.block.state.begin();
        scene.pair.home.begin(AccountNumber(0));
        scene
    }

    fn grant(&self, held: Held) -> &Grant<Block> {
        match held {
            Held::Home => &self.pair.home,
            Held::Further(index) => self.line(index),
        }
    }

    fn hold(&self, account: u32) -> Held {
        let line = &self.accounts[account as usize];
        holding::hold(line, AccountNumber(account), &self.pair, self).expect("no limit")
    }

    /// As `Handle::drop` and `Heap::leave` do it, after a last read.
    fn drop_handle(&self, held: Held) {
        // SAFETY: the caller has a handle, so nobody frees; loom checks that.
        self.bytes.with(|bytes| unsafe { bytes.read() });
        if let Some(account) = self.grant(held).drop_handle() {
            let line = &self.accounts[account.0 as usize];
            if held != Held::Home {
                holding::remove_empty(line, &self.pair.block, self);
            }
            if holding::leave(line, &self.pair.block) {
                self.freed.fetch_add(1, Ordering::Relaxed);
                // SAFETY: nobody has a handle any more; loom checks that.
                self.bytes.with_mut(|bytes| unsafe { bytes.write(1) });
            }
        }
    }

    fn is_freed_once_and_uncharged(&self) {
        assert_eq!(self.freed.load(Ordering::Relaxed), 1, "freed exactly once");
        assert_eq!(self.accounts[0].charged_bytes(), 0, "nothing stays charged");
        assert_eq!(self.accounts[1].charged_bytes(), 0, "nothing stays charged");
        assert_eq!(
            self.taken.load(Ordering::Relaxed),
            self.given.load(Ordering::Relaxed),
            "no line is lost"
        );
        for account in &self.accounts {
            assert!(account.further.lock().is_empty(), "no line stays in a table");
        }
    }
}

#[test]
fn the_last_of_two_handles_frees_once() {
    loom::model(|| {
        let scene = Scene::new();
        scene.pair.home.clone_handle();
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_handle(Held::Home));
        scene.drop_handle(Held::Home);
        thread.join().unwrap();
        scene.is_freed_once_and_uncharged();
    });
}

#[test]
fn sharing_with_a_second_account_races_the_first_ones_last_drop() {
    loom::model(|| {
        let scene = Scene::new();
        scene.pair.home.clone_handle(); // the thread's own, from which it shares
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || {
            let second = other.hold(1);
            other.drop_handle(Held::Home);
            other.drop_handle(second);
        });
        scene.drop_handle(Held::Home);
        thread.join().unwrap();
        scene.is_freed_once_and_uncharged();
    });
}

#[test]
fn an_account_that_comes_back_revives_its_line_or_gets_a_new_one() {
    loom::model(|| {
        let scene = Scene::new();
        let second = scene.hold(1);
        let other = Arc::clone(&scene);
        // The last handle of account 1 goes while account 0, which still holds the block, shares with it anew.
        let thread = thread::spawn(move || other.drop_handle(second));
        let again = scene.hold(1);
        thread.join().unwrap();
        let more = scene.hold(1);
        assert_eq!(
            (more, scene.accounts[1].charged_bytes()),
            (again, u64::from(CAPACITY_BYTES)),
            "one grant"
        );
        scene.drop_handle(more);
        scene.drop_handle(again);
        scene.drop_handle(Held::Home);
        scene.is_freed_once_and_uncharged();
    });
}

#[test]
fn two_accounts_claim_one_empty_home() {
    loom::model(|| {
        let scene = Scene::new();
        // Account 1 holds the block through a further grant; then the home falls empty.
        let keep = scene.hold(1);
        scene.drop_handle(Held::Home);
        scene.grant(keep).clone_handle();
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || {
            let first = other.hold(0);
            other.drop_handle(keep);
            other.drop_handle(first);
        });
        let first = scene.hold(0);
        scene.drop_handle(keep);
        scene.drop_handle(first);
        thread.join().unwrap();
        scene.is_freed_once_and_uncharged();
    });
}

#[test]
fn every_block_that_is_given_back_from_afar_is_drained_once() {
    loom::model(|| {
        let blocks = [1, 2].map(|index| Pair::unplaced(PairIndex(index), core::ptr::null_mut()));
        let scene = Arc::new((Remote::new(), blocks));
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.0.push(&other.1[0].block));
        scene.0.push(&scene.1[1].block);
        let mut drained = [0; 3];
        let mut drain = |mut next: PairIndex| {
            while let Some(index) = next.some() {
                drained[index.0 as usize] += 1;
                next = scene.1[index.0 as usize - 1].block.next();
            }
        };
        drain(scene.0.take_all());
        thread.join().unwrap();
        drain(scene.0.take_all());
        assert_eq!(drained, [0, 1, 1]);
    });
}

#[test]
fn who_sees_a_block_retired_sees_what_its_retirer_did_before() {
    loom::model(|| {
        let scene = Scene::new();
        let other = Arc::clone(&scene);
        let retirer = thread::spawn(move || {
            // SAFETY: nobody reads before the block is retired; loom checks that.
            other.bytes.with_mut(|bytes| unsafe { bytes.write(7) });
            other.pair.block.state.retire();
        });
        let other = Arc::clone(&scene);
        let reader = thread::spawn(move || {
            if other.pair.block.state.is_retired() {
                // SAFETY: written before it was retired; loom checks that.
                assert_eq!(other.bytes.with(|bytes| unsafe { bytes.read() }), 7);
            }
        });
        reader.join().unwrap();
        retirer.join().unwrap();
        assert!(scene.pair.block.state.is_retired());
    });
}
