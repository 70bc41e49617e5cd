//! Loom explores every order of the counts' steps, within its bounds, on the very code that the heap runs.
//!
//! Handles read a cell that whoever frees the block writes: loom fails where the counts do not order the two. And as soon
//! as nothing of a scene is out any more, its heap is ended as an owner would drop it: loom fails where somebody still
//! touches a line of it then, or did before in a way that the counts do not order.
#![expect(
    unsafe_code,
    reason = "the cell stands for the bytes of a block, and the things for a heap; loom checks each access to them"
)]

use core::cell;
use core::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::counts::around::{Around, Shelved};
use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::holding::{self, By, Held, Refusal};
use crate::counts::leaving;
use crate::counts::ledger::{AccountLine, GrantIndex};
use crate::counts::lines::{Block, Cut, Pair, PairIndex, Place};
use crate::counts::shelf::Blocks;
use crate::counts::state::Dead;
use crate::heap::SharedHeap;
use crate::lock::Lock;
use crate::memory::home::set_home_arena;
use crate::memory::remote::Remote;
use crate::options::Options;
use crate::values::data::SharedData;

const CAPACITY_BYTES: u32 = 64;
const CHARGE: u64 = CAPACITY_BYTES as u64;
const FIRST: u32 = 0;
const SECOND: u32 = 1;

/// A block, two accounts without handles, and a table of further grants with three lines.
///
/// The numbers beside are of the standard library, not loom's: they are no part of what is explored.
struct Scene {
    things: cell::UnsafeCell<Things>,
    taken: AtomicU32,
    given: AtomicU32,
    freed: AtomicU32,
    bytes: UnsafeCell<u32>,
}

/// What goes with the heap.
struct Things {
    pair: Pair,
    accounts: [AccountLine; 2],
    further: [Grant<Block>; 3],
    shelf: Shelved,
    stock: Lock<Stock>,
}

/// What an arena knows of the lines.
#[derive(Default)]
struct Stock {
    nameless_lines: u32,
    free_lines: u32,
}

// SAFETY: the things are atomics and locks; loom itself checks the cell, and the end of the things.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Blocks for Scene {
    fn block(&self, index: PairIndex) -> &Block {
        assert_eq!(index, self.block().index(), "there is one block");
        self.block()
    }
}

impl Around for Scene {
    fn account(&self, number: AccountNumber) -> &AccountLine {
        &self.things().accounts[number.0 as usize]
    }

    fn make_line(&self) -> Option<GrantIndex> {
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        assert!(index < 3, "three lines are enough for these scenes");
        Some(GrantIndex(index))
    }

    fn line(&self, index: GrantIndex) -> &Grant<Block> {
        &self.things().further[index.0 as usize]
    }

    fn give_line(&self, index: GrantIndex) {
        assert!(self.line(index).is_empty(), "a line that is given back has no handle");
        self.given.fetch_add(1, Ordering::Relaxed);
    }

    fn shelf(&self, _: &Block) -> &Shelved {
        &self.things().shelf
    }

    fn free(&self, block: &Block) {
        self.freed.fetch_add(1, Ordering::Relaxed);
        // SAFETY: nobody has a handle any more; loom checks that.
        self.bytes.with_mut(|bytes| unsafe { bytes.write(1) });
        // As `Stock::give` does it.
        let mut stock = self.things().stock.lock();
        if block.is_forgotten() {
            stock.free_lines += 1;
            self.end();
            return;
        }
        block.displace();
        stock.nameless_lines += 1;
        if block.drop_weak() {
            self.take_lines_back(&mut stock);
        }
    }

    fn forget(&self, block: &Block) {
        if !block.drop_weak_but_last() {
            let mut stock = self.things().stock.lock();
            if block.drop_weak() {
                self.take_lines_back(&mut stock);
            }
        }
    }
}

impl Scene {
    /// A block that the first account has just made: one handle.
    fn new() -> Arc<Self> {
        let things = Things {
            pair: Pair::unplaced(PairIndex(1), core::ptr::null_mut()),
            accounts: ["first", "second"].map(|name| AccountLine::new(name, u64::MAX)),
            further: [(); 3].map(|()| Grant::unbound()),
            shelf: Shelved::new(),
            stock: Lock::new(Stock::default()),
        };
        let scene = Arc::new(Self {
            things: cell::UnsafeCell::new(things),
            taken: AtomicU32::new(0),
            given: AtomicU32::new(0),
            freed: AtomicU32::new(0),
            bytes: UnsafeCell::new(0),
        });
        let cut = Cut::Run { first_slab: 0 };
        let base = NonNull::dangling();
        let pair = &scene.things().pair;
        pair.place(Place { base, capacity_bytes: CAPACITY_BYTES, arena: 0, cut });
        scene.things().accounts[0].charge(CHARGE).expect("no limit");
        pair.block.begin(0, 0);
        pair.home.begin(AccountNumber(FIRST));
        scene
    }

    fn things(&self) -> &Things {
        // SAFETY: changed in `end` only, and there by steps that loom checks against all others.
        unsafe { &*self.things.get() }
    }

    fn block(&self) -> &Block {
        &self.things().pair.block
    }

    fn take_lines_back(&self, stock: &mut Stock) {
        stock.nameless_lines -= 1;
        stock.free_lines += 1;
        self.end();
    }

    /// Nothing is out any more, so the heap may be dropped: by another thread, which takes the stock's lock first.
    fn end(&self) {
        // SAFETY: loom checks that nobody else uses what is ended here, and the lock is the caller's.
        let things = unsafe { &mut *self.things.get() };
        things.pair.block.end();
        things.pair.home.end();
        things.accounts.iter_mut().for_each(AccountLine::end);
        things.further.iter_mut().for_each(Grant::end);
        things.shelf.end();
    }

    fn read(&self) {
        // SAFETY: the caller has a handle, so nobody frees; loom checks that.
        self.bytes.with(|bytes| assert_eq!(unsafe { bytes.read() }, 0, "freed under a handle"));
    }

    fn grant(&self, held: Held) -> &Grant<Block> {
        match held {
            Held::Home => &self.things().pair.home,
            Held::Further(index) => self.line(index),
        }
    }

    fn try_hold(&self, number: u32, by: By) -> Result<Held, Refusal> {
        let number = AccountNumber(number);
        holding::hold(self, number, &self.things().pair, &mut self.account(number), by)
    }

    /// As `Handle::share_with`.
    fn share(&self, account: u32) -> Held {
        self.try_hold(account, By::Holder).expect("no limit")
    }

    /// What stands in a further line is read while there is a handle, as `GrantPointer::place` does.
    fn place(&self, held: Held) -> Option<NonNull<Block>> {
        (held != HOME).then(|| self.grant(held).block())
    }

    /// As `Handle::drop`, after a last read.
    fn drop_handle(&self, held: Held) {
        self.read();
        let (line, place) = (self.grant(held), self.place(held));
        if held == HOME && leaving::leave_private(self, line, self.block()) {
            return;
        }
        if let Some(ended) = line.drop_handle() {
            let block = place.unwrap_or_else(|| line.block());
            // SAFETY: the one block of the scene.
            leaving::leave(self, ended, held == HOME, unsafe { block.as_ref() });
        }
    }

    /// As `SoftPiece::of`, for who has a handle of the grant.
    fn soft(&self, held: Held) {
        leaving::add_soft(self, self.grant(held), self.block());
    }

    /// As `SoftPiece::upgrade`, for who has a soft handle of the grant.
    fn upgrade(&self, held: Held) -> Result<(), Refusal> {
        holding::upgrade(self, self.grant(held), self.block())?;
        self.read();
        Ok(())
    }

    /// As `SoftPiece::drop`.
    fn drop_soft(&self, held: Held) {
        let (line, place) = (self.grant(held), self.place(held));
        if let Some(ended) = line.drop_soft() {
            let block = place.unwrap_or_else(|| line.block());
            // SAFETY: the one block of the scene.
            leaving::leave_soft(self, ended, held == HOME, unsafe { block.as_ref() });
        }
    }

    /// As `WeakPiece::of`, for who knows the lines.
    fn weak(&self, account: u32) {
        self.block().add_weak();
        self.account(AccountNumber(account)).begin_reference();
    }

    /// As `WeakPiece::upgrade`, for who has a weak reference of the account.
    fn upgrade_weak(&self, account: u32) -> Result<Held, Refusal> {
        let held = self.try_hold(account, By::Reference)?;
        self.read();
        Ok(held)
    }

    /// As `WeakPiece::drop`.
    fn drop_weak(&self, account: u32) {
        self.account(AccountNumber(account)).end_reference();
        self.forget(self.block());
    }

    /// As `SoftPiece::retire`, for who has a reference.
    fn retire(&self) {
        leaving::retire(self, self.block());
    }

    /// As the heap's hand.
    fn steal(&self) -> bool {
        let shelved = self.shelf(self.block());
        let stolen = leaving::steal(self, shelved, |shelf, scene| shelf.steal(scene));
        if let Some(block) = stolen {
            self.free(block);
        }
        stolen.is_some()
    }

    fn charges(&self) -> [u64; 2] {
        [0, 1].map(|account| self.things().accounts[account].charged_bytes())
    }

    /// At a quiet moment while something of the block is out: all that counts agrees.
    fn validate(&self) {
        let state = &self.block().state;
        let is_stolen = state.is_stolen();
        assert_eq!(
            self.freed.load(Ordering::Relaxed),
            u32::from(is_stolen),
            "freed if nothing keeps it, and once"
        );
        let lines = || [&self.things().pair.home].into_iter().chain(&self.things().further);
        let strong = lines().filter(|line| line.strong().is_some()).count() as u64;
        assert_eq!(state.strong_grants(), strong, "a strong grant is a line with strong handles");
        assert_eq!(
            self.charges().iter().sum::<u64>(),
            strong * CHARGE,
            "every byte is charged to exactly the accounts that hold it"
        );
        let shelf = self.things().shelf.lock();
        shelf.validate(self);
        let is_shelved = state.soft_grants() > 0 && !is_stolen;
        assert_eq!(shelf.count(), usize::from(is_shelved), "it is on the shelf while it is soft");
        drop(shelf);
        let soft_bytes = if state.is_soft_only() { CHARGE } else { 0 };
        assert_eq!(self.things().shelf.soft_bytes(), soft_bytes, "the soft pool is what is soft");
        let tabled: usize =
            self.things().accounts.iter().map(|account| account.further.lock().len()).sum();
        let lines_out = self.taken.load(Ordering::Relaxed) - self.given.load(Ordering::Relaxed);
        assert_eq!(tabled, lines_out as usize, "a line is in its account's table, or free");
    }

    /// At the end, when every handle and every reference has gone.
    fn is_over(&self) {
        self.validate();
        assert_eq!(self.freed.load(Ordering::Relaxed), 1, "freed exactly once");
        assert_eq!(self.charges(), [0, 0], "nothing stays charged");
        let (taken, given) =
            (self.taken.load(Ordering::Relaxed), self.given.load(Ordering::Relaxed));
        assert_eq!(taken, given, "no line is lost");
        assert!(self.things().accounts.iter().all(AccountLine::is_unused), "nothing is left");
        let stock = self.things().stock.lock();
        assert_eq!((stock.nameless_lines, stock.free_lines), (0, 1), "the lines are free, once");
    }
}

/// Every order there is, however many preemptions it takes: for two threads with few steps.
fn explored(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = None;
    builder.check(model);
}

/// Runs `here` and `there` at the same time on a scene that `before` has laid, then `after` when both are done.
fn meeting<T: 'static>(
    before: impl Fn(&Scene) + Send + Sync + 'static,
    there: impl Fn(&Scene) -> T + Send + Sync + Copy + 'static,
    here: impl Fn(&Scene) -> T + Send + Sync + 'static,
    after: impl Fn(&Scene, T, T) + Send + Sync + 'static,
) {
    explored(move || {
        let scene = Scene::new();
        before(&scene);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || there(&other));
        let here = here(&scene);
        let there = thread.join().expect("it did not panic");
        after(&scene, there, here);
        scene.is_over();
    });
}

const HOME: Held = Held::Home;
const NO_MORE: fn(&Scene, (), ()) = |_, (), ()| {};

/// One handle and a soft one of the first account, in its home.
fn softly_held(scene: &Scene) {
    scene.soft(HOME);
}

/// A soft handle of the first account, and nothing else.
fn soft_only(scene: &Scene) {
    scene.soft(HOME);
    scene.drop_handle(HOME);
    scene.validate();
}

/// Two soft handles of it.
fn twice_soft_only(scene: &Scene) {
    scene.soft(HOME);
    soft_only(scene);
}

#[test]
fn the_last_of_two_handles_frees_once() {
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, |scene| scene.drop_handle(HOME), |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn sharing_with_a_second_account_races_the_first_ones_last_drop() {
    let share = |scene: &Scene| {
        let second = scene.share(SECOND);
        scene.drop_handle(HOME);
        scene.drop_handle(second);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, share, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn an_account_that_comes_back_revives_its_line_or_gets_a_new_one() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        let other = Arc::clone(&scene);
        // The last handle of the second account goes while the first, which still holds the block, shares with it anew.
        let thread = thread::spawn(move || other.drop_handle(second));
        let again = scene.share(SECOND);
        thread.join().unwrap();
        scene.validate();
        let more = scene.share(SECOND);
        assert_eq!((more, scene.charges()), (again, [CHARGE, CHARGE]), "one grant");
        scene.drop_handle(more);
        scene.drop_handle(again);
        scene.drop_handle(HOME);
        scene.is_over();
    });
}

#[test]
fn two_accounts_claim_one_empty_home() {
    loom::model(|| {
        let scene = Scene::new();
        // The second account holds the block through a further grant; then the home falls empty.
        let keep = scene.share(SECOND);
        scene.drop_handle(HOME);
        scene.grant(keep).clone_handle();
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || {
            let first = other.share(FIRST);
            other.drop_handle(keep);
            other.drop_handle(first);
        });
        let first = scene.share(FIRST);
        scene.drop_handle(keep);
        scene.drop_handle(first);
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn every_block_that_is_given_back_from_afar_is_drained_once() {
    explored(|| {
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
    explored(|| {
        let scene = Scene::new();
        let cell = Arc::new(UnsafeCell::new(0));
        let (other, written) = (Arc::clone(&scene), Arc::clone(&cell));
        let retirer = thread::spawn(move || {
            // SAFETY: nobody reads before the block is retired; loom checks that.
            written.with_mut(|bytes| unsafe { bytes.write(7) });
            other.block().state.retire();
        });
        if scene.block().state.is_retired() {
            // SAFETY: written before it was retired; loom checks that.
            assert_eq!(cell.with(|bytes| unsafe { bytes.read() }), 7);
        }
        retirer.join().unwrap();
        assert!(scene.block().state.is_retired());
    });
}

#[test]
fn of_a_steal_and_an_upgrade_exactly_one_wins() {
    meeting(
        soft_only,
        |scene| scene.upgrade(HOME).is_ok(),
        Scene::steal,
        |scene, is_upgraded, is_stolen| {
            assert!(is_upgraded != is_stolen, "one of them");
            scene.validate();
            assert_eq!(scene.charges(), [if is_upgraded { CHARGE } else { 0 }, 0]);
            if is_upgraded {
                scene.drop_handle(HOME);
            }
            scene.drop_soft(HOME);
        },
    );
}

#[test]
fn what_is_upgraded_and_dropped_again_may_be_stolen_then_and_not_before() {
    let use_it = |scene: &Scene| {
        if scene.upgrade(HOME).is_ok() {
            scene.drop_handle(HOME);
        }
        scene.drop_soft(HOME);
    };
    let steal = |scene: &Scene| {
        scene.steal();
    };
    meeting(soft_only, use_it, steal, NO_MORE);
}

#[test]
fn the_last_holder_leaves_while_a_soft_reference_is_upgraded() {
    meeting(
        softly_held,
        |scene| scene.upgrade(HOME).expect("it is held all the while, strongly or softly"),
        |scene| scene.drop_handle(HOME),
        |scene, (), ()| {
            scene.validate();
            assert_eq!(scene.charges(), [CHARGE, 0]);
            scene.drop_handle(HOME);
            scene.validate();
            scene.drop_soft(HOME);
        },
    );
}

#[test]
fn the_last_holder_leaves_while_a_weak_reference_of_its_account_is_upgraded() {
    let upgrade = |scene: &Scene| {
        if let Ok(held) = scene.upgrade_weak(FIRST) {
            scene.drop_handle(held);
        }
        scene.drop_weak(FIRST);
    };
    meeting(|scene| scene.weak(FIRST), upgrade, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn the_last_holder_leaves_while_a_weak_reference_of_another_account_is_upgraded() {
    let upgrade = |scene: &Scene| {
        if let Ok(held) = scene.upgrade_weak(SECOND) {
            scene.drop_handle(held);
        }
        scene.drop_weak(SECOND);
    };
    meeting(|scene| scene.weak(SECOND), upgrade, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn a_weak_reference_becomes_a_handle_while_the_last_other_one_goes() {
    for account in [FIRST, SECOND] {
        let become_strong = move |scene: &Scene| {
            let held = scene.upgrade_weak(account);
            scene.drop_weak(account);
            if let Ok(held) = held {
                scene.drop_handle(held);
            }
        };
        let before = move |scene: &Scene| scene.weak(account);
        meeting(before, become_strong, |scene| scene.drop_handle(HOME), NO_MORE);
    }
}

#[test]
fn a_handle_becomes_a_weak_reference_while_the_last_other_one_goes() {
    let become_weak = |scene: &Scene| {
        scene.weak(FIRST);
        scene.drop_handle(HOME);
        if let Ok(held) = scene.upgrade_weak(FIRST) {
            scene.drop_handle(held);
        }
        scene.drop_weak(FIRST);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, become_weak, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn a_handle_becomes_another_account_s_weak_reference_while_the_last_other_one_goes() {
    let become_weak = |scene: &Scene| {
        let second = scene.share(SECOND);
        scene.drop_handle(HOME);
        scene.weak(SECOND);
        scene.drop_handle(second);
        scene.drop_weak(SECOND);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, become_weak, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn after_what_is_soft_was_retired_no_upgrade_succeeds() {
    meeting(
        twice_soft_only,
        |scene| {
            if scene.upgrade(HOME).is_ok() {
                scene.drop_handle(HOME);
            }
            scene.drop_soft(HOME);
        },
        |scene| {
            scene.retire();
            assert_eq!(scene.upgrade(HOME), Err(Refusal::Dead(Dead::Retired)));
            scene.drop_soft(HOME);
        },
        NO_MORE,
    );
}

#[test]
fn after_what_is_held_was_retired_no_weak_upgrade_succeeds() {
    let before = |scene: &Scene| {
        scene.soft(HOME);
        scene.weak(SECOND);
    };
    let upgrade = |scene: &Scene| {
        if let Ok(held) = scene.upgrade_weak(SECOND) {
            scene.drop_handle(held);
        }
    };
    let retire = |scene: &Scene| {
        assert!(!scene.block().state.retire(), "it is held");
        assert_eq!(scene.upgrade(HOME), Err(Refusal::Dead(Dead::Retired)));
        let refused = scene.upgrade_weak(SECOND).expect_err("it is retired");
        assert_eq!(refused, Refusal::Dead(Dead::Retired));
        scene.drop_handle(HOME);
    };
    meeting(before, upgrade, retire, |scene, (), ()| {
        // The soft reference keeps nothing of what was retired.
        scene.validate();
        assert_eq!(scene.freed.load(Ordering::Relaxed), 1);
        scene.drop_soft(HOME);
        scene.drop_weak(SECOND);
    });
}

#[test]
fn of_two_upgrades_of_one_grant_the_second_gives_its_surplus_back() {
    let upgrade = |scene: &Scene| scene.upgrade(HOME).expect("nobody steals");
    meeting(twice_soft_only, upgrade, upgrade, |scene, (), ()| {
        scene.validate();
        assert_eq!(scene.charges(), [CHARGE, 0], "one grant, charged once");
        scene.drop_handle(HOME);
        scene.drop_handle(HOME);
        scene.validate();
        scene.drop_soft(HOME);
        scene.drop_soft(HOME);
    });
}

#[test]
fn a_soft_and_a_weak_upgrade_of_one_account_make_one_grant() {
    let before = |scene: &Scene| {
        scene.weak(FIRST);
        soft_only(scene);
    };
    let upgrade_soft = |scene: &Scene| {
        scene.upgrade(HOME).expect("nobody steals");
        HOME
    };
    let upgrade_weak = |scene: &Scene| scene.upgrade_weak(FIRST).expect("nobody steals");
    meeting(before, upgrade_weak, upgrade_soft, |scene, weakly, softly| {
        scene.validate();
        assert_eq!((weakly, scene.charges()), (softly, [CHARGE, 0]), "one grant, charged once");
        scene.drop_handle(weakly);
        scene.drop_handle(softly);
        scene.drop_soft(HOME);
        scene.drop_weak(FIRST);
    });
}

#[test]
fn two_weak_upgrades_find_one_home_though_it_falls_empty_between_them() {
    loom::model(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.weak(FIRST);
        scene.weak(FIRST);
        scene.soft(HOME);
        scene.drop_handle(HOME);
        let threads = [(); 2].map(|()| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.upgrade_weak(FIRST).expect("the second account holds it"))
        });
        scene.drop_soft(HOME);
        let held = threads.map(|thread| thread.join().unwrap());
        scene.validate();
        assert_eq!((held[0], scene.charges()), (held[1], [CHARGE, CHARGE]), "one grant");
        for held in held {
            scene.drop_handle(held);
            scene.drop_weak(FIRST);
        }
        scene.drop_handle(second);
        scene.is_over();
    });
}

#[test]
fn a_weak_upgrade_finds_the_further_grant_whose_last_soft_handle_goes() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.soft(second);
        scene.weak(SECOND);
        scene.drop_handle(second);
        scene.validate();
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_soft(second));
        let again = scene.upgrade_weak(SECOND).expect("the first account holds it");
        thread.join().unwrap();
        scene.validate();
        assert_eq!(scene.charges(), [CHARGE, CHARGE]);
        scene.drop_handle(again);
        scene.drop_handle(HOME);
        scene.drop_weak(SECOND);
        scene.is_over();
    });
}

#[test]
fn the_last_soft_and_the_last_strong_handle_go_together_and_free_once() {
    meeting(softly_held, |scene| scene.drop_soft(HOME), |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn a_further_grant_loses_its_last_soft_and_its_last_strong_handle_together() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.soft(second);
        scene.drop_handle(HOME);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_soft(second));
        scene.drop_handle(second);
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn the_last_soft_handle_goes_while_the_block_is_stolen() {
    let steal = |scene: &Scene| {
        scene.steal();
    };
    meeting(soft_only, |scene| scene.drop_soft(HOME), steal, NO_MORE);
}

#[test]
fn two_accounts_soft_handles_go_while_the_block_is_stolen() {
    loom::model(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.soft(HOME);
        scene.soft(second);
        scene.drop_handle(HOME);
        scene.drop_handle(second);
        scene.validate();
        let (one, other) = (Arc::clone(&scene), Arc::clone(&scene));
        let first = thread::spawn(move || one.drop_soft(HOME));
        let thread = thread::spawn(move || other.drop_soft(second));
        scene.steal();
        first.join().unwrap();
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn the_last_weak_reference_goes_while_the_block_is_freed() {
    meeting(
        |scene| scene.weak(SECOND),
        |scene| scene.drop_weak(SECOND),
        |scene| scene.drop_handle(HOME),
        NO_MORE,
    );
}

#[test]
fn the_last_two_weak_references_go_after_the_bytes_together() {
    let before = |scene: &Scene| {
        scene.weak(FIRST);
        scene.weak(SECOND);
        scene.drop_handle(HOME);
        scene.validate();
    };
    meeting(before, |scene| scene.drop_weak(FIRST), |scene| scene.drop_weak(SECOND), NO_MORE);
}

#[test]
fn a_grant_becomes_soft_on_two_threads_at_once() {
    let soft = |scene: &Scene| {
        scene.soft(HOME);
        scene.drop_handle(HOME);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, soft, soft, |scene, (), ()| {
        scene.validate();
        assert_eq!(scene.block().state.soft_grants(), 1, "one grant");
        scene.drop_soft(HOME);
        scene.validate();
        scene.drop_soft(HOME);
    });
}

#[test]
fn a_grant_becomes_soft_again_while_its_last_soft_handle_goes() {
    meeting(
        softly_held,
        |scene| scene.drop_soft(HOME),
        |scene| scene.soft(HOME),
        |scene, (), ()| {
            scene.validate();
            scene.drop_handle(HOME);
            scene.validate();
            assert!(scene.steal() && !scene.steal());
            scene.validate();
            scene.drop_soft(HOME);
        },
    );
}

#[test]
fn an_account_is_never_seen_unused_while_anything_leads_to_a_charge() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || {
            // From hand to hand: there is always one of the three, and never for long.
            other.weak(SECOND);
            other.drop_handle(second);
            let held = other.upgrade_weak(SECOND).expect("the first account holds it");
            other.drop_weak(SECOND);
            other.soft(held);
            other.drop_handle(held);
            other.upgrade(held).expect("the first account holds it");
            other.drop_soft(held);
            held
        });
        assert!(!scene.things().accounts[1].is_unused(), "something leads to a charge");
        let held = thread.join().unwrap();
        scene.drop_handle(held);
        assert!(scene.things().accounts[1].is_unused(), "nothing does any more");
        scene.drop_handle(HOME);
        scene.is_over();
    });
}

#[test]
fn an_account_that_was_closed_takes_nothing_though_its_limit_is_set_meanwhile() {
    explored(|| {
        let account = Arc::new(AccountLine::new("closing", CHARGE));
        let other = Arc::clone(&account);
        let thread = thread::spawn(move || other.set_limit(u64::MAX));
        account.close();
        thread.join().unwrap();
        assert!(account.charge(CHARGE).is_err_and(|refused| refused.is_closed));
    });
}

/// As `SharedData::transfer_to`, from the first account to the second.
fn transfer(scene: &Scene) -> Held {
    let things = scene.things();
    let from = (&things.accounts[0], AccountNumber(FIRST));
    let (to, mut purse) = (AccountNumber(SECOND), &things.accounts[1]);
    let is_renamed = holding::rename(from, to, &things.pair, &mut purse).expect("no limit");
    if is_renamed {
        return HOME;
    }
    let held = scene.share(SECOND);
    scene.drop_handle(HOME);
    held
}

fn is_transferred(scene: &Scene, held: Held) {
    scene.validate();
    assert_eq!(scene.charges(), [0, CHARGE]);
    scene.drop_handle(held);
}

#[test]
fn a_block_is_transferred_while_the_last_weak_reference_to_it_goes() {
    meeting(
        |scene| scene.weak(FIRST),
        |scene| {
            scene.drop_weak(FIRST);
            HOME
        },
        transfer,
        |scene, _, held| is_transferred(scene, held),
    );
}

#[test]
fn a_block_is_transferred_while_its_last_soft_reference_goes() {
    meeting(
        softly_held,
        |scene| {
            scene.drop_soft(HOME);
            HOME
        },
        transfer,
        |scene, _, held| is_transferred(scene, held),
    );
}

#[test]
fn a_block_is_transferred_while_another_handle_of_its_account_goes() {
    meeting(
        |scene| scene.things().pair.home.clone_handle(),
        |scene| {
            scene.drop_handle(HOME);
            HOME
        },
        transfer,
        |scene, _, held| is_transferred(scene, held),
    );
}

#[test]
fn a_block_is_transferred_to_an_account_with_which_it_is_just_shared() {
    meeting(
        |scene| scene.things().pair.home.clone_handle(),
        |scene| {
            let held = scene.share(SECOND);
            scene.drop_handle(HOME);
            held
        },
        transfer,
        |scene, shared, moved| {
            scene.validate();
            assert_eq!((moved, scene.charges()), (shared, [0, CHARGE]), "one grant");
            scene.drop_handle(shared);
            scene.drop_handle(moved);
        },
    );
}

#[test]
fn a_block_is_transferred_to_an_account_that_gives_its_hold_up() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_handle(second));
        let held = transfer(&scene);
        thread.join().unwrap();
        is_transferred(&scene, held);
        scene.is_over();
    });
}

#[test]
fn a_private_block_is_renamed_and_what_was_read_before_comes_before_its_end() {
    explored(|| {
        let scene = Scene::new();
        let held = transfer(&scene);
        assert_eq!((held, scene.taken.load(Ordering::Relaxed)), (HOME, 0), "no line is needed");
        let other = Arc::clone(&scene);
        scene.read();
        let thread = thread::spawn(move || is_transferred(&other, held));
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn an_upgrade_that_its_account_has_no_room_for_leaves_all_as_it_was() {
    let full = |scene: &Scene| {
        soft_only(scene);
        scene.things().accounts[0].set_limit(CHARGE - 1);
    };
    let upgrade = |scene: &Scene| {
        assert!(matches!(scene.upgrade(HOME), Err(Refusal::Full(_) | Refusal::Dead(Dead::Stolen))));
        scene.drop_soft(HOME);
    };
    let steal = |scene: &Scene| {
        scene.steal();
    };
    meeting(full, upgrade, steal, NO_MORE);
}

#[test]
fn three_threads_upgrade_steal_and_let_go() {
    loom::model(|| {
        let scene = Scene::new();
        scene.weak(SECOND);
        soft_only(&scene);
        let (one, other) = (Arc::clone(&scene), Arc::clone(&scene));
        let upgrader = thread::spawn(move || {
            if let Ok(held) = one.upgrade_weak(SECOND) {
                one.drop_handle(held);
            }
            one.drop_weak(SECOND);
        });
        let dropper = thread::spawn(move || other.drop_soft(HOME));
        scene.steal();
        upgrader.join().unwrap();
        dropper.join().unwrap();
        scene.is_over();
    });
}

/// A whole heap, whose home arena for all threads is the first: loom's threads share it.
fn heap_of(arenas: usize) -> SharedHeap {
    set_home_arena(0);
    let bytes_max = arenas as u64 * (8 << 20);
    SharedHeap::new(Options { bytes_max, arenas, ..Options::default() }).expect("a few addresses")
}

/// Nothing is out, and no line was given back twice: those of the next blocks are all different.
fn is_empty(heap: &SharedHeap) {
    heap.validate();
    let gauges = heap.gauges();
    assert_eq!((gauges.used_blocks, gauges.lines_nameless, gauges.soft_blocks), (0, 0, 0));
    let account = heap.default_account();
    let bufs: Vec<_> = (0..3).map(|_| account.buf(64).expect("room")).collect();
    heap.validate();
    drop(bufs);
    heap.validate();
}

#[test]
fn lines_are_free_once_when_the_last_weak_reference_goes_as_the_bytes_do() {
    loom::model(|| {
        let heap = heap_of(1);
        let data = heap.default_account().copy_from(b"known").unwrap();
        let weak = data.weak();
        let thread = thread::spawn(move || drop(weak));
        drop(data);
        thread.join().unwrap();
        is_empty(&heap);
    });
}

#[test]
fn lines_are_free_once_when_the_last_two_weak_references_go_after_the_bytes() {
    loom::model(|| {
        let heap = heap_of(1);
        let data = heap.default_account().copy_from(b"known").unwrap();
        let (weak, other) = (data.weak(), data.weak());
        drop(data);
        assert_eq!(heap.gauges().lines_nameless, 1);
        let thread = thread::spawn(move || drop(weak));
        drop(other);
        thread.join().unwrap();
        is_empty(&heap);
    });
}

#[test]
fn lines_are_free_once_when_the_last_soft_reference_goes_as_the_block_is_stolen() {
    loom::model(|| {
        let heap = heap_of(1);
        let soft = heap.default_account().copy_from(b"soft").unwrap().soft();
        let thread = thread::spawn(move || drop(soft));
        heap.steal(u64::MAX);
        thread.join().unwrap();
        is_empty(&heap);
    });
}

#[test]
fn a_heap_stays_for_who_takes_a_block_without_a_handle_of_it() {
    loom::model(|| {
        let heap = heap_of(2);
        set_home_arena(1);
        let data = heap.default_account().copy_from(b"kept").unwrap();
        set_home_arena(0);
        // A copy in the first arena, then the block in the second goes.
        let thread = thread::spawn(move || data.compact_if(0).unwrap());
        drop(heap);
        let copy: SharedData = thread.join().unwrap();
        assert_eq!(copy.to_vec(), b"kept");
    });
}

#[test]
fn our_lock_lets_one_in_at_a_time_and_shows_each_what_the_last_did() {
    loom::model(|| {
        let lock = Arc::new(crate::lock::raw::Lock::new(UnsafeCell::new(0)));
        let try_to_add = |lock: &crate::lock::raw::Lock<UnsafeCell<u32>>| {
            let guard = lock.try_lock();
            // SAFETY: the lock is held; loom checks that nobody else is in there.
            u32::from(guard.is_some_and(|guard| {
                guard.with_mut(|value| unsafe { *value += 1 });
                true
            }))
        };
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || -> u32 { try_to_add(&other) + try_to_add(&other) });
        let added: u32 = try_to_add(&lock) + thread.join().unwrap();
        let guard = lock.try_lock().expect("nobody has it any more");
        // SAFETY: as above.
        assert_eq!(guard.with(|value| unsafe { *value }), added);
    });
}
