//! A turn is one uninterrupted run of a process: its ready tasks are polled until none is, or the slice is used up.
//!
//! Cost: one guard against panics for all of it; the clock once a slice and at every eighth message
//! or poll.

use crate::block::{Block, Life, READY_ROOT, READY_TASKS};
use crate::body::Body;
use crate::circle;
use crate::contain::{contain, drop_contained, text_of};
use crate::deliver;
use crate::end::end;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forsake::forsake;
use crate::gauges::count;
use crate::heap_turn;
use crate::pid::Pid;
use crate::state::State;
use crate::waker::waker_of;
use std::any::Any;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What a turn came to.
enum Turn {
    /// The root is done.
    Done(Result<(), Failure>),
    /// The slice is used up, and something is still ready.
    Exhausted,
    /// Nothing is ready.
    Idle,
}

/// Runs the next turn; false if nobody is ready.
pub(crate) fn run(state: &Rc<State>) -> bool {
    let Some((slot, block)) = state.ready.choose(&state.table, || state.read_clock()) else {
        return false;
    };
    let pid = state.table.pid_of(slot, block);
    debug_assert!(block.life() == Life::Live, "who is listed lives");
    count(&state.counts.turns);
    block.turns.set(block.turns.get().wrapping_add(1));
    if block.is_doomed() {
        end_doomed(state, slot, block);
    } else {
        turn(state, slot, block, pid);
    }
    heap_turn::rest_oldest(state);
    state.ready.after_turn();
    let is_last = state.ready.is_empty();
    if state.outbound.is_dirty() {
        state.publish(is_last);
    }
    true
}

#[inline]
fn turn(state: &Rc<State>, slot: u32, block: &Block, pid: Pid) {
    state.course.enter(pid);
    block.set_running(true);
    let (onlook, number) = (state.course.onlook(), state.counts.turns.get());
    onlook.begin(number, pid, block.kind.get());
    let came_to = contain(|| {
        let came_to = poll_ready(state, block, pid);
        if state.heaps.take_entered() {
            heap_turn::end_turn(state, block, pid);
        }
        came_to
    });
    onlook.end(number);
    block.set_running(false);
    state.course.leave();
    match came_to {
        Ok(Turn::Done(outcome)) => done(state, slot, block, outcome),
        Err(panic) => end_panicked(state, slot, block, panic),
        Ok(_) if block.is_doomed() => end_doomed(state, slot, block),
        Ok(turn) => {
            if block.has_afterwards() && block.take_left() {
                forsake(state, slot, block);
            }
            moved_up(state, slot, block);
            if matches!(turn, Turn::Exhausted) {
                state.ready.exhaust(&state.table, slot, block);
            } else {
                circle::suspect(state, slot, block);
            }
        }
    }
}

/// The root is done: so is the process, unless tasks of it finish something.
fn done(state: &Rc<State>, slot: u32, block: &Block, outcome: Result<(), Failure>) {
    let finishing = block.extra().filter(|extra| extra.tasks.are_finishing());
    let Some(extra) = finishing.filter(|_| !block.is_doomed()) else {
        return end(state, slot, Exit::of(outcome));
    };
    state.course.enter(state.table.pid(slot));
    while let Some(task) = extra.tasks.take_youngest_unfinishing() {
        state.contained(|| drop(task));
    }
    let root = block.root.take();
    state.contained(|| drop(root));
    state.course.leave();
    extra.outcome.set(Some(outcome));
    block.ready.set(READY_ROOT | READY_TASKS);
    state.ready.wake(&state.table, slot, block);
}

/// Grants the room that was made in this turn to the cores that ask for it, in one go.
#[inline]
fn moved_up(state: &State, slot: u32, block: &Block) {
    if !block.line.is_empty() {
        deliver::advance(state, slot, block, true);
    }
}

/// Polls what is ready of a process.
#[inline]
fn poll_ready(state: &State, block: &Block, pid: Pid) -> Turn {
    loop {
        let ready = block.ready.replace(0);
        if ready & READY_ROOT != 0
            && let Poll::Ready(outcome) = poll_root(state, block, pid)
        {
            return Turn::Done(outcome);
        }
        if ready & READY_TASKS != 0 {
            poll_tasks(state, block, pid);
        }
        if block.ready.get() == 0 {
            return Turn::Idle;
        }
        if state.ready.is_spent() || block.is_doomed() {
            return Turn::Exhausted;
        }
    }
}

/// A root that is being polled: it goes back to its block whatever happens, to be dropped in the order of the end.
struct Polled<'a> {
    block: &'a Block,
    body: Option<Body>,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        self.block.root.set(self.body.take());
    }
}

#[inline]
fn poll_root(state: &State, block: &Block, pid: Pid) -> Poll<Result<(), Failure>> {
    state.ready.spend_poll(|| state.read_clock());
    state.course.task.set(0);
    state.course.cause.set(block.cause.get());
    state.course.cancelled.set(block.is_cancelled());
    let mut root = Polled { block, body: block.root.take() };
    let Some(body) = root.body.as_mut() else { return finished(block) };
    let waker = waker_of(pid, 0);
    let polled = body.poll(&mut Context::from_waker(&waker));
    drop(root);
    block.cause.set(state.course.cause.get());
    polled
}

/// What the root came to, if it is done and no task finishes anything any more.
#[cold]
fn finished(block: &Block) -> Poll<Result<(), Failure>> {
    let extra = block.extra().expect("a process without a root has left what it came to");
    if extra.tasks.are_finishing() {
        return Poll::Pending;
    }
    Poll::Ready(extra.outcome.take().expect("the same"))
}

fn poll_tasks(state: &State, block: &Block, pid: Pid) {
    let Some(extra) = block.extra() else { return };
    while let Some(mut task) = extra.tasks.take_ready() {
        state.ready.spend_poll(|| state.read_clock());
        state.course.task.set(task.number);
        state.course.cause.set(task.cause);
        state.course.finishing.set(task.is_finishing);
        state.course.cancelled.set(block.is_cancelled() && !task.is_finishing);
        let waker = waker_of(pid, task.number);
        let polled = task.body.poll(&mut Context::from_waker(&waker));
        task.cause = state.course.cause.get();
        state.course.finishing.set(false);
        if polled.is_ready() {
            if task.is_finishing {
                block.ready.set(block.ready.get() | READY_ROOT); // which may wait for this to end
            }
            extra.tasks.finish(task);
        } else {
            drop(extra.tasks.put_back(task));
        }
        if state.ready.is_spent() && extra.tasks.has_ready() {
            block.ready.set(block.ready.get() | READY_TASKS);
            return;
        }
    }
}

fn end_doomed(state: &Rc<State>, slot: u32, block: &Block) {
    let exit = block.take_doom().expect("who is doomed was told how");
    end(state, slot, exit);
}

fn end_panicked(state: &Rc<State>, slot: u32, block: &Block, panic: Box<dyn Any + Send>) {
    // The root or task that panicked did not come to say what it had taken on.
    block.cause.set(state.course.cause.get());
    let at = state.course.panicked_at.take().unwrap_or_else(|| "unknown".into());
    let text = text_of(&*panic);
    drop_contained(panic);
    end(state, slot, Exit::Panicked { at, text });
}
