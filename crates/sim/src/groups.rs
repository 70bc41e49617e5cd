//! A group is lent blocks, of which the kernel takes any for a receive: as many at a time as were agreed.

use std::collections::BTreeMap;

use levada_ring::{BlockId, Group};

use crate::dice::Dice;
use crate::lent::{Loan, Wrong};

/// A block that was taken for a completion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LentBlock {
    pub(crate) group: Group,
    pub(crate) block: BlockId,
    pub(crate) loan: Loan,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_group: BTreeMap<u16, Blocks>,
}

#[derive(Debug)]
struct Blocks {
    lent: Vec<LentBlock>,
    /// Of those, and of the ones in completions that were not told.
    out_count: usize,
    count_max: usize,
}

impl Groups {
    pub(crate) fn open(&mut self, group: Group, count_max: u16) {
        let blocks = Blocks { lent: Vec::new(), out_count: 0, count_max: count_max.into() };
        self.by_group.insert(group.0, blocks);
    }

    /// Takes a block in.
    pub(crate) fn lend(&mut self, group: Group, block: BlockId, loan: Loan) -> Result<(), Wrong> {
        let Some(blocks) = self.by_group.get_mut(&group.0) else {
            return Err(format!("{block:?} is lent to {group:?}, which was not opened"));
        };
        if blocks.lent.iter().any(|known| known.block == block) {
            return Err(format!("{block:?} of {group:?} is lent twice"));
        }
        if blocks.out_count == blocks.count_max {
            let count_max = blocks.count_max;
            return Err(format!("{group:?} has more than its {count_max} blocks lent"));
        }
        blocks.out_count += 1;
        blocks.lent.push(LentBlock { group, block, loan });
        Ok(())
    }

    /// Any block; none where the group is dry, or was never opened.
    pub(crate) fn take(&mut self, group: Group, dice: &mut Dice) -> Option<LentBlock> {
        let blocks = self.by_group.get_mut(&group.0)?;
        let index = dice.index(blocks.lent.len());
        (!blocks.lent.is_empty()).then(|| blocks.lent.swap_remove(index))
    }

    /// A block that was taken was not needed.
    pub(crate) fn put_back(&mut self, lent: LentBlock) {
        if let Some(blocks) = self.by_group.get_mut(&lent.group.0) {
            blocks.lent.push(lent);
        }
    }

    /// A block that was taken is the program's again.
    pub(crate) fn told(&mut self, group: Group) {
        if let Some(blocks) = self.by_group.get_mut(&group.0) {
            blocks.out_count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lent::Lent;
    use levada_ring::WriteSpan;

    #[test]
    fn more_blocks_than_agreed_and_a_block_lent_twice_are_refused() {
        let (mut groups, mut lent, mut dice) = (Groups::default(), Lent::default(), Dice::of(1));
        let mut loan = || {
            let span = WriteSpan { start: core::ptr::dangling_mut(), bytes: 0 };
            lent_nothing(&mut lent, span)
        };
        groups.open(Group(0), 2);
        assert!(groups.take(Group(0), &mut dice).is_none());
        groups.lend(Group(0), BlockId(0), loan()).unwrap();
        assert!(groups.lend(Group(0), BlockId(0), loan()).unwrap_err().contains("twice"));
        groups.lend(Group(0), BlockId(1), loan()).unwrap();
        assert!(groups.lend(Group(0), BlockId(2), loan()).unwrap_err().contains("its 2 blocks"));
        groups.take(Group(0), &mut dice).unwrap();
        assert!(groups.lend(Group(0), BlockId(2), loan()).is_err(), "it was not told");
        groups.told(Group(0));
        groups.lend(Group(0), BlockId(2), loan()).unwrap();
        assert!(groups.lend(Group(1), BlockId(0), loan()).unwrap_err().contains("not opened"));
    }

    #[expect(unsafe_code, reason = "lends a span of no bytes")]
    fn lent_nothing(lent: &mut Lent, span: WriteSpan) -> Loan {
        // SAFETY: the span has no bytes.
        unsafe { lent.lend_write(span, false) }.unwrap()
    }
}
