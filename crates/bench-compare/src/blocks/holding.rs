//! Holding: many blocks at once, to see what memory they take beside the bytes in them.

use std::io;

use crate::blocks::maker::{Fill, LINE_BYTES, Maker};
use crate::machine::resident::own_resident_bytes;

/// Which blocks are held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) count: u32,
    pub(crate) least_bytes: usize,
    pub(crate) most_bytes: usize,
}

/// What they took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// Beside the bytes in it, for a block.
    pub(crate) beside_bytes: f64,
    /// In all, of the bytes in them.
    pub(crate) share: f64,
}

impl Held {
    /// The length of each, the same for all who hold them: no order, and every length as often as another.
    pub(crate) fn lengths(self) -> impl Iterator<Item = usize> {
        let span = self.most_bytes - self.least_bytes + 1;
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        (0..self.count).map(move |_| {
            // Xorshift: whoever runs this gets the same lengths.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            self.least_bytes + usize::try_from(state >> 33).expect("31 bits") % span
        })
    }
}

/// Fills all of them whole and holds them. What the handles themselves take is not counted: they stand in a list that was
/// written before.
/// # Errors
/// If the kernel does not tell what is resident.
pub(crate) fn hold<M: Maker>(maker: &mut M, held: Held) -> io::Result<Took> {
    assert!(held.least_bytes >= LINE_BYTES, "a block has a line");
    let source = vec![7; held.most_bytes];
    let mut kept: Vec<Option<M::Data>> = (0..held.count).map(|_| None).collect();
    own_resident_bytes()?; // what looking itself takes, it takes now
    let before_bytes = own_resident_bytes()?;
    let mut data_bytes = 0;
    for (place, length) in kept.iter_mut().zip(held.lengths()) {
        *place = Some(maker.make(&source[..length], Fill::Whole));
        data_bytes += length as u64;
    }
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes) as f64;
    for data in kept.iter().flatten() {
        assert_eq!(M::bytes(data)[0], 7, "a block holds what was put in");
    }
    Ok(Took {
        beside_bytes: (grown_bytes - data_bytes as f64) / f64::from(held.count),
        share: grown_bytes / data_bytes as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_lie_between_the_ends_and_come_again_the_same() {
        let held = Held { count: 10_000, least_bytes: 64, most_bytes: 1024 };
        let lengths: Vec<_> = held.lengths().collect();
        assert!(lengths.iter().all(|length| (64..=1024).contains(length)));
        let mean = lengths.iter().sum::<usize>() / lengths.len();
        assert!((520..=568).contains(&mean), "{mean}");
        assert!(held.lengths().eq(lengths));
        let same = Held { count: 3, least_bytes: 4096, most_bytes: 4096 };
        assert!(same.lengths().eq([4096; 3]));
    }
}
