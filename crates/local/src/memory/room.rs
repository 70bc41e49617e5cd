//! The room of a heap is what it may still take: under its own limit, and of whoever pays for it.

use core::cell::Cell;
use core::fmt;

use crate::limits::{Limits, Payer};

/// What a heap has taken, and may take.
pub(crate) struct Room {
    limits: Limits,
    used_bytes: Cell<u64>,
    /// What of that was taken although its payer refused: only survivors of a collection, which took more before it.
    unpaid_bytes: Cell<u64>,
    payer: Option<Box<dyn Payer>>,
}

impl Room {
    pub(crate) fn new(limits: Limits, payer: Option<Box<dyn Payer>>) -> Self {
        Self { limits, used_bytes: Cell::new(0), unpaid_bytes: Cell::new(0), payer }
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.get()
    }

    pub(crate) fn hard_bytes(&self) -> u64 {
        self.limits.hard_bytes
    }

    #[inline]
    pub(crate) fn is_above_soft(&self) -> bool {
        self.used_bytes.get() > self.limits.soft_bytes
    }

    /// Takes so many bytes, if that is within the limit and they are paid for.
    pub(crate) fn draw(&self, bytes: u64) -> bool {
        let used_bytes = self.used_bytes.get().saturating_add(bytes);
        if used_bytes > self.limits.hard_bytes || used_bytes == u64::MAX {
            return false;
        }
        if let Some(payer) = &self.payer
            && !payer.draw(bytes)
        {
            return false;
        }
        self.used_bytes.set(used_bytes);
        true
    }

    /// Takes so many bytes whatever the limit says: what survives a collection has its place.
    pub(crate) fn owe(&self, bytes: u64) {
        self.used_bytes.set(self.used_bytes.get() + bytes);
        if let Some(payer) = &self.payer
            && !payer.draw(bytes)
        {
            self.unpaid_bytes.set(self.unpaid_bytes.get() + bytes);
        }
    }

    pub(crate) fn leave(&self, bytes: u64) {
        self.used_bytes.set(self.used_bytes.get() - bytes);
        let unpaid_bytes = self.unpaid_bytes.get().min(bytes);
        self.unpaid_bytes.set(self.unpaid_bytes.get() - unpaid_bytes);
        if let Some(payer) = &self.payer {
            payer.leave(bytes - unpaid_bytes);
        }
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} B", self.used_bytes.get(), self.limits.hard_bytes)
    }
}
