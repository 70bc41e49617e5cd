//! An epoch is the promise that lets readers go without locks: what nobody can find any more is used again two epochs later.
//!
//! There is one epoch for each OS process. A reader stores it in a line of his own and so is *pinned*; it advances when every
//! pinned reader has stored the present one. What became unreachable in epoch e can be seen by readers pinned in e or
//! e + 1 at most, so it is free in e + 2. Pinning is one store: the fence that it would need is given by who advances, for
//! all threads at once (`membarrier`). Where the kernel refuses that call, each pin has its own fence.
//!
//! Cost: to pin, one look-up of the thread's line, one load, one store; to advance, one system call and a load for each
//! thread.

use core::cell::Cell;
use core::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool as Told, AtomicU64 as Tally, compiler_fence};

use rustix::thread::{MembarrierCommand, membarrier};

use crate::lock::Lock;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

/// The number of an epoch.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Epoch(pub(crate) u64);

impl Epoch {
    /// How many advances make what was left in an epoch free.
    pub(crate) const GRACE: u64 = 2;

    /// The present one.
    #[inline]
    pub(crate) fn now() -> Self {
        Self(EPOCH.load(Ordering::Acquire))
    }

    /// The one in which something has become unreachable, for who made it so before this by an exchange (a compare-and-swap,
    /// a swap, a fetch-and-add).
    ///
    /// Were the epoch read before that can be seen by others, a reader of the next one could still find the thing, and two
    /// epochs would not be enough. On x86-64 an exchange is seen before anything behind it is read.
    #[inline]
    pub(crate) fn sealed_by_exchange() -> Self {
        if cfg!(any(loom, not(target_arch = "x86_64"))) {
            fence(Ordering::SeqCst);
        }
        Self::now()
    }

    /// The same for who made it so by a store.
    pub(crate) fn sealed() -> Self {
        fence(Ordering::SeqCst);
        Self::now()
    }

    /// No epoch: it is never over.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// Whether nobody can see any more what was left in this epoch.
    pub(crate) fn is_over(self) -> bool {
        self.0.saturating_add(Self::GRACE) <= Self::now().0
    }
}

/// One thread's line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Reader {
    /// The epoch that it is pinned in, or zero.
    pinned: AtomicU64,
    /// How often it was pinned; written by the thread alone, as the next.
    pins: AtomicU64,
    /// How many guards it has.
    depth: AtomicU32,
    is_taken: AtomicBool,
    /// When an advance first found it behind, in milliseconds, and in which epoch.
    behind_since_ms: AtomicU64,
    behind_epoch: AtomicU64,
    /// The epoch of the pin that was told of.
    told_epoch: AtomicU64,
    /// The name of its thread.
    name: Lock<String>,
    /// Gets of this thread, over all piles, that counters are dealt by.
    pub(crate) index: AtomicU32,
}

/// Lines of the first block; each further block has twice as many as the one before.
const FIRST_BLOCK: usize = if cfg!(loom) { 4 } else { 64 };
const BLOCKS: usize = if cfg!(loom) { 1 } else { 20 };

/// The epoch that begins an OS process, so that what is sealed in epoch zero is free at once.
const FIRST: u64 = 2;

#[cfg(not(loom))]
static EPOCH: AtomicU64 = AtomicU64::new(FIRST);
#[cfg(not(loom))]
static READERS: [OnceLock<Box<[Reader]>>; BLOCKS] = [const { OnceLock::new() }; BLOCKS];
#[cfg(not(loom))]
static ADVANCING: OnceLock<Lock<()>> = OnceLock::new();

#[cfg(not(loom))]
thread_local! {
    /// The thread's line, once it has one. It needs no drop, so that looking at it is no more than an address.
    static OWN: Cell<Option<&'static Reader>> = const { Cell::new(None) };
    /// Gives the line back when the thread ends.
    static END: End = const { End };
}

// A model begins anew with each order that it tries.
#[cfg(loom)]
loom::lazy_static! {
    static ref EPOCH: AtomicU64 = AtomicU64::new(FIRST);
    static ref READERS: [OnceLock<Box<[Reader]>>; BLOCKS] = [const { OnceLock::new() }; BLOCKS];
    static ref ADVANCING: OnceLock<Lock<()>> = OnceLock::new();
}

#[cfg(loom)]
loom::thread_local! {
    static OWN: Cell<Option<&'static Reader>> = Cell::new(None);
    static END: End = End;
}

/// See [`END`].
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let Ok(Some(reader)) = OWN.try_with(Cell::take) else { return };
        let depth = reader.depth.load(Ordering::Relaxed);
        if depth == 0 {
            reader.is_taken.store(false, Ordering::Release);
        } else {
            // A guard outlives its thread's line: one that was leaked keeps it for ever, another gives it back.
            reader.depth.store(depth + LEAVING, Ordering::Relaxed);
        }
    }
}

/// Added to the depth of a line that its last pin gives back.
const LEAVING: u32 = 1 << 31;

fn lines() -> impl Iterator<Item = &'static Reader> {
    READERS.iter().map_while(OnceLock::get).flatten()
}

fn take_line() -> &'static Reader {
    let mut index = 0;
    for (number, block) in READERS.iter().enumerate() {
        let block =
            block.get_or_init(|| (0..FIRST_BLOCK << number).map(|_| Reader::default()).collect());
        for line in block {
            let taken = !line.is_taken.load(Ordering::Relaxed)
                && line
                    .is_taken
                    .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if taken {
                line.index.store(index, Ordering::Relaxed);
                let thread = std::thread::current();
                let name =
                    thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
                *line.name.lock() = name;
                return line;
            }
            index += 1;
        }
    }
    unreachable!("an OS process has fewer than 2^26 threads")
}

/// Whether the kernel fences all threads for us.
fn has_membarrier() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    cfg!(not(loom))
        && *HAS.get_or_init(|| membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok())
}

/// Whether pins are one store, without a fence of their own.
pub(crate) fn pins_without_fence() -> bool {
    has_membarrier()
}

/// The proof that this thread is pinned: what it sees stays as it is while this lives.
#[derive(Debug)]
pub(crate) struct Pinned {
    reader: &'static Reader,
    /// A pin is of its thread.
    not_send: PhantomData<Cell<()>>,
    own: PhantomData<*const ()>,
}

impl Pinned {
    /// Pins this thread, which may be pinned already.
    #[inline]
    pub(crate) fn new() -> Self {
        match OWN.with(Cell::get) {
            Some(reader) => Self::of(reader),
            None => Self::first(),
        }
    }

    #[inline]
    fn of(reader: &'static Reader) -> Self {
        let depth = reader.depth.load(Ordering::Relaxed);
        reader.depth.store(depth + 1, Ordering::Relaxed);
        reader.pins.store(reader.pins.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        if depth == 0 {
            reader.pin();
        }
        Self { reader, not_send: PhantomData, own: PhantomData }
    }

    /// The first pin of a thread; or one of a thread that is about to end and has no line any more: what it kept is dropped.
    #[cold]
    fn first() -> Self {
        let reader = take_line();
        if END.try_with(|_| ()).is_ok() {
            OWN.with(|own| own.set(Some(reader)));
            return Self::of(reader);
        }
        reader.depth.store(LEAVING + 1, Ordering::Relaxed);
        reader.pin();
        Self { reader, not_send: PhantomData, own: PhantomData }
    }

    /// Ends the pin and begins another, unless it is inside of one.
    pub(crate) fn renew(&mut self) {
        if self.reader.depth.load(Ordering::Relaxed) == 1 {
            self.reader.pinned.store(0, Ordering::Release);
            self.reader.pin();
        }
    }

    /// How often this thread was pinned, nested pins included.
    #[inline]
    pub(crate) fn pins(&self) -> u64 {
        self.reader.pins.load(Ordering::Relaxed)
    }

    /// The number of the thread's line.
    #[inline]
    pub(crate) fn reader_index(&self) -> u32 {
        self.reader.index.load(Ordering::Relaxed)
    }
}

impl Drop for Pinned {
    #[inline]
    fn drop(&mut self) {
        let depth = self.reader.depth.load(Ordering::Relaxed) - 1;
        self.reader.depth.store(depth, Ordering::Relaxed);
        if depth == 0 {
            // Release: what was read and written under the pin comes before whatever follows an advance that sees this.
            self.reader.pinned.store(0, Ordering::Release);
        } else if depth == LEAVING {
            self.reader.leave();
        }
    }
}

impl Reader {
    /// Unpins the line and gives it back.
    #[cold]
    fn leave(&self) {
        self.depth.store(0, Ordering::Relaxed);
        self.pinned.store(0, Ordering::Release);
        self.is_taken.store(false, Ordering::Release);
    }

    #[inline]
    fn pin(&self) {
        // Acquire: what is read under the pin is read after it.
        let epoch = EPOCH.load(Ordering::Acquire);
        // Release: an advance that sees this pin and not the end of the former sees what was done under the former.
        self.pinned.store(epoch, Ordering::Release);
        if FENCED.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            register();
        }
    }
}

/// Whether `membarrier` was registered, so that pins need no fence.
static FENCED: Told = Told::new(false);

/// The first pins, and all where the kernel has no `membarrier`.
#[cold]
fn register() {
    if has_membarrier() {
        FENCED.store(true, Ordering::Relaxed);
    }
    fence(Ordering::SeqCst);
}

/// Tries to advance the epoch by one. False where a reader is behind, or another thread is at it.
pub(crate) fn advance(now_ms: u64) -> bool {
    let Some(_one) = ADVANCING.get_or_init(Lock::default).try_lock() else { return false };
    let epoch = EPOCH.load(Ordering::Relaxed);
    // All that was made unreachable before this line is so for everyone who pins after it.
    fence(Ordering::SeqCst);
    if has_membarrier() {
        let fenced = membarrier(MembarrierCommand::PrivateExpedited);
        fenced.expect("the kernel grants what it registered");
    }
    let mut is_behind = false;
    for reader in lines() {
        // Acquire: with an unpinned line come the last accesses under its pin.
        let pinned = reader.pinned.load(Ordering::Acquire);
        if pinned == 0 || pinned == epoch {
            continue;
        }
        is_behind = true;
        if reader.behind_epoch.swap(pinned, Ordering::Relaxed) != pinned {
            reader.behind_since_ms.store(now_ms, Ordering::Relaxed);
        }
    }
    if is_behind {
        return false;
    }
    EPOCH.store(epoch + 1, Ordering::Release);
    true
}

/// How often an advance is tried again while a reader is in the way, who promised to be brief.
const TRIES: u32 = 64;

/// Advances the epoch by one, and gives readers that are under way some time to end. False where one does not.
pub(crate) fn advance_past_readers(now_ms: u64) -> bool {
    let from = Epoch::now();
    (0..TRIES).any(|_| {
        let has_advanced = advance(now_ms) || Epoch::now() > from;
        if !has_advanced {
            std::thread::yield_now();
        }
        has_advanced
    })
}

/// For how long the reader has been pinned that keeps the epoch from advancing; zero if none does.
pub(crate) fn oldest_guard_ms(now_ms: u64) -> u64 {
    let epoch = EPOCH.load(Ordering::Relaxed);
    let behind = lines().filter(|reader| {
        let pinned = reader.pinned.load(Ordering::Relaxed);
        pinned != 0 && pinned != epoch && reader.behind_epoch.load(Ordering::Relaxed) == pinned
    });
    behind
        .map(|reader| now_ms.saturating_sub(reader.behind_since_ms.load(Ordering::Relaxed)))
        .max()
        .unwrap_or(0)
}

/// A guard that lasts.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OldGuard {
    /// The name of its thread, or the number of one that has none.
    pub thread: String,
    /// For how long at least it has kept what was deleted from being used again, in milliseconds.
    pub age_ms: u64,
}

static TOLD: Tally = Tally::new(0);

/// How often the epoch has advanced, in this OS process.
pub(crate) fn advances() -> u64 {
    Epoch::now().0 - FIRST
}

/// How many guards were told of.
pub(crate) fn guards_told() -> u64 {
    TOLD.load(Ordering::Relaxed)
}

/// A guard that has been in the way for `warn_ms` and was not told of.
pub(crate) fn old_guard(now_ms: u64, warn_ms: u64) -> Option<OldGuard> {
    let epoch = EPOCH.load(Ordering::Relaxed);
    lines().find_map(|reader| {
        let pinned = reader.pinned.load(Ordering::Relaxed);
        let is_behind = pinned != 0
            && pinned != epoch
            && reader.behind_epoch.load(Ordering::Relaxed) == pinned
            && reader.told_epoch.load(Ordering::Relaxed) != pinned;
        let age_ms = now_ms.saturating_sub(reader.behind_since_ms.load(Ordering::Relaxed));
        if !is_behind || age_ms < warn_ms {
            return None;
        }
        let is_first = reader.told_epoch.swap(pinned, Ordering::Relaxed) != pinned;
        is_first.then(|| {
            TOLD.fetch_add(1, Ordering::Relaxed);
            OldGuard { thread: reader.name.lock().clone(), age_ms }
        })
    })
}
