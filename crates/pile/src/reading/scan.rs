//! A scan walks all records, span by span, without stopping anybody: one that is there from the first call to the last is
//! seen exactly once.

use crate::naming::header::{Header, Kind};
use crate::naming::pointer::Pointer;
use crate::pile::Pile;
use crate::places::class::Class;
use crate::places::segment::Memory;
use crate::places::span::SpanIndex;
use crate::reading::present::present;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;

/// Where a scan goes on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cursor {
    span: u32,
    slot: u32,
}

impl Cursor {
    /// The first record.
    pub const START: Self = Self { span: 0, slot: 0 };
}

/// A record that a scan came by.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'g> {
    /// Its bytes, in place.
    pub bytes: &'g [u8],
    /// What they are.
    pub kind: Kind,
}

impl Pile {
    /// Shows `see` the records from `from` on, until `budget` slots were looked at. Where to go on; `None` at the end.
    ///
    /// Each record that is live from the first call to the last is seen exactly once, others at most once. The pointer that
    /// `see` is given is the record's own. One guard is held for each call, so keep the budget at some thousands.
    ///
    /// ```
    /// # use levada_pile::{Cursor, Life, Pile};
    /// # let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
    /// for number in 0_u32..100 {
    ///     pile.put(&number.to_be_bytes(), Life::FOREVER)?;
    /// }
    /// let mut next = Some(Cursor::START);
    /// let mut records = 0;
    /// while let Some(from) = next {
    ///     next = pile.scan(from, 1000, &mut |_at, _seen| records += 1);
    /// }
    /// assert_eq!(records, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scan(
        &self,
        from: Cursor,
        budget: u32,
        see: &mut dyn FnMut(Pointer, Seen<'_>),
    ) -> Option<Cursor> {
        let pinned = Pinned::new();
        let spans = self.store.spans.supply.spans_opened();
        let mut left = budget.max(1);
        let Cursor { mut span, mut slot } = from;
        while span < spans {
            let class = self.store.spans.memory.class(SpanIndex(span));
            let slots = if class == Class::TAIL { 0 } else { class.shape().slots };
            while slot < slots {
                if left == 0 {
                    return Some(Cursor { span, slot });
                }
                left -= 1;
                self.see(SpanIndex(span), class, slot, &pinned, see);
                slot += 1;
            }
            left = left.saturating_sub(1);
            (span, slot) = (span + 1, 0);
            if left == 0 {
                return Some(Cursor { span, slot });
            }
        }
        None
    }

    fn see(
        &self,
        span: SpanIndex,
        class: Class,
        index: u32,
        pinned: &Pinned,
        see: &mut dyn FnMut(Pointer, Seen<'_>),
    ) {
        let slot = self.store.spans.memory.slot_of(span, class, index);
        let header = Header(slot.header().load(Ordering::Acquire));
        if !header.is_live()
            || header.is_inner()
            || header.is_kept()
            || (header.has_expiry() && self.store.has_expired(slot))
        {
            return;
        }
        let at = Pointer::new(Memory::place(span, class, index), header.generation());
        if let Ok(present) = present(&self.store, slot, header, at, pinned) {
            see(at, Seen { bytes: present.bytes, kind: header.kind() });
        }
    }
}
