//! A value is what data, or a reference, shows: ranges of blocks, and bytes.
//!
//! A value of more than three pieces that was sliced from a longer one shares its list, and so keeps blocks that it does
//! not show, until the list goes; the model knows such blocks as hidden, and is not sure of them.

use std::collections::BTreeSet;

use levada_shared::SharedData;

pub(crate) type AccountIndex = usize;
pub(crate) type BlockIndex = usize;

/// A range of a block, held by an account or referred to by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) block: BlockIndex,
    pub(crate) account: AccountIndex,
    pub(crate) length: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Value {
    pub(crate) cuts: Vec<Cut>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hidden: BTreeSet<(AccountIndex, BlockIndex)>,
}

impl Value {
    /// What is shown from `from` to `to`, as a value of its own.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let mut part = Self { bytes: self.bytes[from..to].to_vec(), ..Self::default() };
        let mut before = 0;
        for cut in &self.cuts {
            let after = before + cut.length;
            let length = after.min(to).saturating_sub(before.max(from));
            if length > 0 {
                part.cuts.push(Cut { length, ..*cut });
            }
            before = after;
        }
        part
    }

    /// As `part`, where `data` shows it: it keeps the rest too, if it shares the list.
    pub(crate) fn window(&self, from: usize, to: usize, data: &SharedData) -> Self {
        let mut part = self.part(from, to);
        if data.piece_count() > 3 {
            part.hidden = self.hidden.clone();
            part.hidden.extend(self.cuts.iter().map(|cut| (cut.account, cut.block)));
        }
        part
    }

    /// The same shown by references or other accounts: nothing is hidden.
    pub(crate) fn shown(&self) -> Self {
        Self { hidden: BTreeSet::new(), ..self.clone() }
    }

    pub(crate) fn moved_to(&self, account: AccountIndex) -> Self {
        let mut moved = self.shown();
        moved.cuts.iter_mut().for_each(|cut| cut.account = account);
        moved
    }
}

pub(crate) fn is_equal(data: &SharedData, bytes: &[u8]) {
    assert_eq!(data.len(), bytes.len() as u64);
    let mut rest = bytes;
    for piece in data.pieces() {
        assert!(!piece.is_empty());
        let (here, behind) = rest.split_at(piece.len());
        assert!(piece == here, "bytes differ");
        rest = behind;
    }
}
