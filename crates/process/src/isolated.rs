//! Isolated is the one door by which a type crosses that is no message: its user vouches that it shares nothing.

use crate::message::{Message, Visit};

/// An owned value on its way to another process, and what it weighs.
///
/// Nobody looks inside: what it carries of the shared heap stays charged to whose it was.
///
/// The compiler checks that it is `Send`; that it shares no memory with who sends it is the sender's word. Every use is listed
/// and read by people.
#[derive(Debug)]
pub struct Isolated<T> {
    value: T,
    owned_bytes: usize,
}

impl<T: Send + 'static> Isolated<T> {
    /// Wraps `value`, which owns `owned_bytes` outside itself.
    pub fn new(value: T, owned_bytes: usize) -> Self {
        Self { value, owned_bytes }
    }

    /// Gives the value to who received it.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: Send + 'static> Message for Isolated<T> {
    const FLAT: bool = false;
    const CHARGES: bool = false;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.owned(self.owned_bytes);
        visit.hidden();
    }
}
