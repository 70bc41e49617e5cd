//! A waker is one word that names a task: its clone is a copy, its drop is nothing.
//!
//! ```text
//! 63        54 53           30 29        18 17              0
//! | core  10 | slot       24  | task    12 | generation    18 |
//! ```
//!
//! On its own core it sets a bit and puts the process among the woken. From anywhere else it rings the bell of the process, which
//! takes no room and cannot be full; the core then polls all tasks of that process, since a bell does not say which. A waker
//! that is 2^18 generations old may wake a stranger, who finds nothing to do.
#![expect(
    unsafe_code,
    reason = "a waker is made of functions that take a pointer; here it is a number"
)]

use crate::block::Block;
use crate::here;
use crate::pid::{CoreId, Pid};
use crate::port::Port;
use crate::state::State;
use crate::waits::Wakee;
use std::mem::ManuallyDrop;
use std::ptr;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

const TASK_SHIFT: u32 = 18;
const SLOT_SHIFT: u32 = 30;
const CORE_SHIFT: u32 = 54;
const GENERATION: u64 = (1 << TASK_SHIFT) - 1;

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

/// A task's name as a word.
#[inline]
fn word_of(pid: Pid, task: u16) -> u64 {
    u64::from(pid.core().number()) << CORE_SHIFT
        | u64::from(pid.slot()) << SLOT_SHIFT
        | u64::from(task) << TASK_SHIFT
        | u64::from(pid.generation()) & GENERATION
}

/// Makes the waker of a task. Dropping it would do nothing, slowly.
#[inline]
pub(crate) fn waker_of(pid: Pid, task: u16) -> ManuallyDrop<Waker> {
    let word = ptr::without_provenance(address(word_of(pid, task)));
    // SAFETY: the functions of the table take any word: they read no memory through it, and are safe on any thread.
    ManuallyDrop::new(unsafe { Waker::new(word, &TABLE) })
}

/// Whom a leaf future is to have woken that was polled with `context`. Who keeps it otherwise than for an open wait, a mailbox or a
/// task, which the search for circles knows of, has to [unbind](State::unbind) the process.
#[inline]
pub(crate) fn wakee_of(state: &State, context: &Context<'_>) -> Wakee {
    let (waker, task) = (context.waker(), state.course.task.get());
    if let Some(pid) = state.course.pid.get()
        && ptr::eq(waker.vtable(), &raw const TABLE)
        && waker.data().addr() == address(word_of(pid, task))
    {
        return Wakee::Task { slot: pid.slot(), task };
    }
    Wakee::Other(waker.clone())
}

/// The house is 64-bit, and says so in `plain`: a word fits an address.
#[expect(clippy::cast_possible_truncation, reason = "the house is 64-bit")]
fn address(word: u64) -> usize {
    const { assert!(usize::BITS == 64) };
    word as usize
}

/// Who keeps a clone may wake the task at any time, for reasons that are not known here: the process is bound to nobody any more.
fn clone(word: *const ()) -> RawWaker {
    here::with(|state| {
        let (core, slot, generation) = parts(word);
        let state = state.filter(|state| state.core == core && slot < state.table.made());
        let block = state.map(|state| state.table.block(slot));
        block
            .filter(|block| u64::from(block.generation.get()) & GENERATION == generation)
            .map(Block::unbind)
    });
    RawWaker::new(word, &TABLE)
}

fn parts(word: *const ()) -> (CoreId, u32, u64) {
    let word = word.addr() as u64;
    let core = u16::try_from(word >> CORE_SHIFT).unwrap_or_default();
    let slot = u32::try_from(word >> SLOT_SHIFT & ((1 << 24) - 1)).unwrap_or_default();
    (CoreId::new(core), slot, word & GENERATION)
}

fn wake(word: *const ()) {
    let (core, slot, generation) = parts(word);
    let task =
        u16::try_from(word.addr() as u64 >> TASK_SHIFT & ((1 << 12) - 1)).unwrap_or_default();
    let is_done = here::with(|state| {
        let Some(state) = state.filter(|state| state.core == core) else { return false };
        if slot < state.table.made()
            && u64::from(state.table.block(slot).generation.get()) & GENERATION == generation
        {
            state.wake_task(slot, task);
        }
        true
    });
    if !is_done
        && let Some(port) = Port::of(core)
        && port.running().is_some()
    {
        port.ring(slot);
    }
}
