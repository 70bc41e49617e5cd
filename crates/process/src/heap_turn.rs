//! A process's own heap is collected at the end of each turn that entered it, and rests when its core has nothing to do.
//!
//! What is collected then is part of the turn: a destructor that panics ends the process, and the time that it took is taken off
//! the slice. Cost of a turn that entered no heap: a load and a compare; of one that left nothing to collect: some 20 ns.

use crate::block::Block;
use crate::contain::{contain, drop_contained, text_of};
use crate::exit::Exit;
use crate::gauges::{Counts, count};
use crate::pid::Pid;
use crate::state::State;
use levada_local::{Collected, Depth};

/// Ends the turn of a heap that was entered in the turn of its process.
pub(crate) fn end_turn(state: &State, block: &Block, pid: Pid) {
    let Some(heap) = block.extra().and_then(|extra| extra.heap()) else { return };
    state.heaps.wake(pid);
    let collected = heap.end_turn();
    if collected != Collected::default() {
        note(&state.counts, &collected);
        state.ready.look_at_time(state.read_clock());
    }
}

fn note(counts: &Counts, collected: &Collected) {
    match collected.depth {
        None => {}
        Some(Depth::Minor) => count(&counts.own_heap_minors),
        Some(Depth::Stable) => count(&counts.own_heap_stables),
        Some(Depth::Major) => count(&counts.own_heap_major_slices),
    }
    let copied = &counts.own_heap_copied_bytes;
    copied.set(copied.get() + collected.copied_bytes);
    let freed = &counts.own_heap_freed_bytes;
    freed.set(freed.get() + collected.freed_bytes);
}

/// Has the heap rest that was not entered for longest, if there are too many that do not.
#[inline]
pub(crate) fn rest_oldest(state: &State) {
    if let Some(pid) = state.heaps.take_oldest() {
        rest(state, pid);
    }
}

/// Has all heaps rest, if nobody is ready to run.
pub(crate) fn rest_all(state: &State) {
    while state.ready.is_empty()
        && let Some(pid) = state.heaps.take_awake()
    {
        rest(state, pid);
    }
}

/// Has the heap of a process rest, if that lives and has one.
fn rest(state: &State, pid: Pid) {
    let Some(block) = state.table.find_live(pid) else { return };
    let Some(heap) = block.extra().and_then(|extra| extra.heap()) else { return };
    count(&state.counts.own_heap_rests);
    state.course.enter(pid);
    state.course.task.set(0);
    state.course.cause.set(block.cause.get());
    let rested = contain(|| heap.rest());
    state.course.leave();
    if let Err(panic) = rested {
        // It may be listed as ready: it ends in its next turn.
        let at = state.course.panicked_at.take().unwrap_or_else(|| "unknown".into());
        block.doom(Exit::Panicked { at, text: text_of(&*panic) });
        drop_contained(panic);
        state.wake_task(pid.slot(), 0);
    }
}

/// Ends the heap of a process that is taken apart.
pub(crate) fn end(state: &State, block: &Block, pid: Pid) {
    let Some(heap) = block.extra().and_then(|extra| extra.take_heap()) else { return };
    state.heaps.forget(pid);
    let live_count = &state.heaps.live_count;
    live_count.set(live_count.get() - 1);
    state.contained(|| heap.end());
    state.contained(|| drop(heap));
}
