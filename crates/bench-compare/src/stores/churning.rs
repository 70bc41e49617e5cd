//! Churning: one thread gets and times each get, while another puts and deletes all the time and keeps the store in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use levada_shared::set_home_arena;

use crate::frame::fault::Fault;
use crate::machine::clock::now_ns;
use crate::machine::cores::move_to;
use crate::stores::dice::Dice;
use crate::stores::store::{Store, first_word};

/// So many puts and deletions lie between two strokes of upkeep.
const BETWEEN_UPKEEP: usize = 1_000;

/// The longest value that comes and goes.
const LONGEST_BYTES: usize = 2_048;

pub(crate) struct Churning<S: Store> {
    reader: S,
    /// None where nobody churns: the same loop, quiet.
    churner: Option<S>,
    handles: Vec<S::Handle>,
    coming_and_going: Vec<S::Handle>,
    dice: Dice,
}

impl<S: Store> Churning<S> {
    /// Fills the store with what is read, and with as much that will come and go.
    pub(crate) fn new(
        mut reader: S,
        churner: Option<S>,
        (value_bytes, count): (usize, u64),
    ) -> Self {
        let value = vec![7; LONGEST_BYTES];
        let mut dice = Dice::from_seed(count);
        let mut handles: Vec<_> = (0..count).map(|_| reader.put(&value[..value_bytes])).collect();
        dice.shuffle(&mut handles);
        let mut churner = churner;
        let mut coming_and_going = Vec::new();
        if let Some(churner) = &mut churner {
            let others = (0..count / 8).map(|_| churner.put(drawn(&mut dice, &value)));
            coming_and_going.extend(others);
        }
        Self { reader, churner, handles, coming_and_going, dice }
    }

    /// What each get took, in a window.
    /// # Errors
    /// If a core cannot be had.
    pub(crate) fn time_gets(&mut self, window: Duration) -> Result<Vec<u64>, Fault> {
        let is_over = AtomicBool::new(false);
        let Self { reader, churner, handles, coming_and_going, dice } = self;
        thread::scope(|scope| {
            let churning = churner.as_mut().map(|churner| {
                let (is_over, dice) = (&is_over, &mut *dice);
                scope.spawn(move || {
                    move_to(1)?;
                    set_home_arena(1);
                    churn(churner, coming_and_going, dice, is_over);
                    Ok(())
                })
            });
            let times_ns = move_to(0).map(|()| read(reader, handles, window));
            is_over.store(true, Ordering::Relaxed); // nothing else is told by it
            if let Some(churning) = churning {
                churning.join().expect("churning does not panic")?;
            }
            times_ns
        })
    }
}

/// The value of a length that was drawn.
fn drawn<'a>(dice: &mut Dice, value: &'a [u8]) -> &'a [u8] {
    let length = 8 + dice.below(value.len() as u64 - 8);
    &value[..usize::try_from(length).expect("below the longest")]
}

fn churn<S: Store>(
    store: &mut S,
    handles: &mut [S::Handle],
    dice: &mut Dice,
    is_over: &AtomicBool,
) {
    let value = vec![7; LONGEST_BYTES];
    while !is_over.load(Ordering::Relaxed) {
        for _ in 0..BETWEEN_UPKEEP {
            let at = usize::try_from(dice.below(handles.len() as u64)).expect("an index");
            store.delete(handles[at]);
            handles[at] = store.put(drawn(dice, &value));
        }
        store.tend();
    }
}

fn read<S: Store>(store: &S, handles: &[S::Handle], window: Duration) -> Vec<u64> {
    let window_ns = u64::try_from(window.as_nanos()).expect("windows are short");
    let begun_ns = now_ns();
    let mut times_ns = Vec::with_capacity(1 << 20);
    let mut sum = 0_u64;
    for handle in handles.iter().cycle() {
        let before_ns = now_ns();
        store.get_each(std::slice::from_ref(handle), &mut |bytes| {
            sum = sum.wrapping_add(first_word(bytes));
        });
        let after_ns = now_ns();
        times_ns.push(after_ns - before_ns);
        if after_ns - begun_ns >= window_ns {
            break;
        }
    }
    let expected = u64::from_le_bytes([7; 8]).wrapping_mul(times_ns.len() as u64);
    assert_eq!(sum, expected, "every value is what was put in");
    times_ns
}
