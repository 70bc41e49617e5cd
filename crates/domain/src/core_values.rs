//! The values that a core keeps for all its processes, each under a number of its own.

use core::any::Any;
use core::cell::RefCell;

/// A number from [`crate::per_core::PerCore`] to a value of its type.
#[derive(Debug, Default)]
pub(crate) struct CoreValues(RefCell<Vec<Option<Box<dyn Any>>>>);

impl CoreValues {
    /// Takes a value out, for as long as it is in use.
    pub(crate) fn take(&self, number: usize) -> Option<Box<dyn Any>> {
        self.0.borrow_mut().get_mut(number)?.take()
    }

    /// Puts it back, or in.
    pub(crate) fn put(&self, number: usize, value: Box<dyn Any>) {
        let mut values = self.0.borrow_mut();
        if values.len() <= number {
            values.resize_with(number + 1, || None);
        }
        values[number] = Some(value);
    }
}
