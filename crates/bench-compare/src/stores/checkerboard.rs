//! A checkerboard: values of any length, of which every third stays; then others in the room that is free, of other lengths.

use std::io;

use crate::machine::resident::own_resident_bytes;
use crate::stores::dice::Dice;
use crate::stores::store::Store;

/// When it is looked at what is resident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Moment {
    /// When two of three are gone.
    Thinned,
    /// When as many bytes were put again as had gone.
    Refilled,
}

/// What the values that are there take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    pub(crate) live_bytes: u64,
    pub(crate) resident_bytes: u64,
}

/// So many strokes of upkeep are made before it is looked.
const UPKEEP: usize = 1_000;

/// Lays out a board of `data_bytes`, with lengths up to `longest_bytes`.
/// # Errors
/// If the kernel does not tell what is resident.
pub(crate) fn lay_out<S: Store>(
    store: &mut S,
    moment: Moment,
    (longest_bytes, data_bytes): (usize, u64),
) -> io::Result<Board> {
    let value = vec![7; longest_bytes];
    let mut dice = Dice::from_seed(11);
    let mut handles = Vec::new();
    own_resident_bytes()?; // what looking itself takes, it takes now
    let before_bytes = own_resident_bytes()?;
    // Short ones are many: a length is a draw below a draw.
    let mut length = |longest: usize| {
        let end = dice.below(longest as u64 - 8) + 1;
        8 + usize::try_from(dice.below(end)).expect("below the longest")
    };
    let mut live_bytes = 0;
    while live_bytes < data_bytes {
        let bytes = &value[..length(longest_bytes)];
        handles.push(Some((store.put(bytes), bytes.len())));
        live_bytes += bytes.len() as u64;
    }
    for place in handles.iter_mut().enumerate().filter(|(at, _)| at % 3 != 0).map(|(_, one)| one) {
        if let Some((handle, length)) = place.take() {
            store.delete(handle);
            live_bytes -= length as u64;
        }
    }
    if moment == Moment::Refilled {
        // Others than before: half as long, so that nothing fits where it was.
        let mut free = handles.iter_mut().filter(|place| place.is_none());
        let mut more = Vec::new();
        while live_bytes < data_bytes {
            let bytes = &value[..length(longest_bytes / 2)];
            let kept = Some((store.put(bytes), bytes.len()));
            live_bytes += bytes.len() as u64;
            match free.next() {
                Some(place) => *place = kept,
                None => more.push(kept),
            }
        }
        handles.extend(more);
    }
    (0..UPKEEP).for_each(|_| store.tend());
    let list_bytes = size_of_val(handles.as_slice()) as u64;
    let resident_bytes = own_resident_bytes()?.saturating_sub(before_bytes + list_bytes);
    Ok(Board { live_bytes, resident_bytes })
}
