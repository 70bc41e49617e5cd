//! A scene is one block with what the counts of a heap know of it, on which threads meet.
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
use crate::lock::Lock;

pub(super) const CAPACITY_BYTES: u32 = 64;
pub(super) const CHARGE: u64 = CAPACITY_BYTES as u64;
pub(super) const FIRST: u32 = 0;
pub(super) const SECOND: u32 = 1;

/// A block, two accounts without handles, and a table of further grants with three lines.
///
/// The numbers beside are of the standard library, not loom's: they are no part of what is explored.
pub(super) struct Scene {
    pub(super) things: cell::UnsafeCell<Things>,
    pub(super) taken: AtomicU32,
    pub(super) given: AtomicU32,
    pub(super) freed: AtomicU32,
    pub(super) bytes: UnsafeCell<u32>,
}

/// What goes with the heap.
pub(super) struct Things {
    pub(super) pair: Pair,
    pub(super) accounts: [AccountLine; 2],
    pub(super) further: [Grant<Block>; 3],
    pub(super) shelf: Shelved,
    pub(super) stock: Lock<Stock>,
}

/// What an arena knows of the lines.
#[derive(Default)]
pub(super) struct Stock {
    pub(super) nameless_lines: u32,
    pub(super) free_lines: u32,
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
    pub(super) fn new() -> Arc<Self> {
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

    pub(super) fn things(&self) -> &Things {
        // SAFETY: changed in `end` only, and there by steps that loom checks against all others.
        unsafe { &*self.things.get() }
    }

    pub(super) fn block(&self) -> &Block {
        &self.things().pair.block
    }

    pub(super) fn take_lines_back(&self, stock: &mut Stock) {
        stock.nameless_lines -= 1;
        stock.free_lines += 1;
        self.end();
    }

    /// Nothing is out any more, so the heap may be dropped: by another thread, which takes the stock's lock first.
    pub(super) fn end(&self) {
        // SAFETY: loom checks that nobody else uses what is ended here, and the lock is the caller's.
        let things = unsafe { &mut *self.things.get() };
        things.pair.block.end();
        things.pair.home.end();
        things.accounts.iter_mut().for_each(AccountLine::end);
        things.further.iter_mut().for_each(Grant::end);
        things.shelf.end();
    }

    pub(super) fn read(&self) {
        // SAFETY: the caller has a handle, so nobody frees; loom checks that.
        self.bytes.with(|bytes| assert_eq!(unsafe { bytes.read() }, 0, "freed under a handle"));
    }

    pub(super) fn grant(&self, held: Held) -> &Grant<Block> {
        match held {
            Held::Home => &self.things().pair.home,
            Held::Further(index) => self.line(index),
        }
    }

    pub(super) fn try_hold(&self, number: u32, by: By) -> Result<Held, Refusal> {
        let number = AccountNumber(number);
        holding::hold(self, number, &self.things().pair, &mut self.account(number), by)
    }

    /// As `Handle::share_with`.
    pub(super) fn share(&self, account: u32) -> Held {
        self.try_hold(account, By::Holder).expect("no limit")
    }

    /// What stands in a further line is read while there is a handle, as `GrantPointer::place` does.
    pub(super) fn place(&self, held: Held) -> Option<NonNull<Block>> {
        (held != HOME).then(|| self.grant(held).block())
    }

    /// As `Handle::drop`, after a last read.
    pub(super) fn drop_handle(&self, held: Held) {
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
    pub(super) fn soft(&self, held: Held) {
        leaving::add_soft(self, self.grant(held), self.block());
    }

    /// As `SoftPiece::upgrade`, for who has a soft handle of the grant.
    pub(super) fn upgrade(&self, held: Held) -> Result<(), Refusal> {
        holding::upgrade(self, self.grant(held), self.block())?;
        self.read();
        Ok(())
    }

    /// As `SoftPiece::drop`.
    pub(super) fn drop_soft(&self, held: Held) {
        let (line, place) = (self.grant(held), self.place(held));
        if let Some(ended) = line.drop_soft() {
            let block = place.unwrap_or_else(|| line.block());
            // SAFETY: the one block of the scene.
            leaving::leave_soft(self, ended, held == HOME, unsafe { block.as_ref() });
        }
    }

    /// As `WeakPiece::of`, for who knows the lines.
    pub(super) fn weak(&self, account: u32) {
        self.block().add_weak();
        self.account(AccountNumber(account)).begin_reference();
    }

    /// As `WeakPiece::upgrade`, for who has a weak reference of the account.
    pub(super) fn upgrade_weak(&self, account: u32) -> Result<Held, Refusal> {
        let held = self.try_hold(account, By::Reference)?;
        self.read();
        Ok(held)
    }

    /// As `WeakPiece::drop`.
    pub(super) fn drop_weak(&self, account: u32) {
        self.account(AccountNumber(account)).end_reference();
        self.forget(self.block());
    }

    /// As `SoftPiece::retire`, for who has a reference.
    pub(super) fn retire(&self) {
        leaving::retire(self, self.block());
    }

    /// As the heap's hand.
    pub(super) fn steal(&self) -> bool {
        let shelved = self.shelf(self.block());
        let stolen = leaving::steal(self, shelved, |shelf, scene| shelf.steal(scene));
        if let Some(block) = stolen {
            self.free(block);
        }
        stolen.is_some()
    }

    pub(super) fn charges(&self) -> [u64; 2] {
        [0, 1].map(|account| self.things().accounts[account].charged_bytes())
    }

    /// At a quiet moment while something of the block is out: all that counts agrees.
    pub(super) fn validate(&self) {
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
    pub(super) fn is_over(&self) {
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
pub(super) fn explored(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = None;
    builder.check(model);
}

/// Runs `here` and `there` at the same time on a scene that `before` has laid, then `after` when both are done.
pub(super) fn meeting<T: 'static>(
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

pub(super) const HOME: Held = Held::Home;
pub(super) const NO_MORE: fn(&Scene, (), ()) = |_, (), ()| {};

/// One handle and a soft one of the first account, in its home.
pub(super) fn softly_held(scene: &Scene) {
    scene.soft(HOME);
}

/// A soft handle of the first account, and nothing else.
pub(super) fn soft_only(scene: &Scene) {
    scene.soft(HOME);
    scene.drop_handle(HOME);
    scene.validate();
}

/// Two soft handles of it.
pub(super) fn twice_soft_only(scene: &Scene) {
    scene.soft(HOME);
    soft_only(scene);
}
