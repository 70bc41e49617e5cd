//! A trace context carries a cause beyond this program, and brings one in: the W3C's, level 1.
//!
//! The trace id is that of the request. The parent id is the step, exclusive-or a salt that the program keeps to itself, so that
//! steps of two programs are not taken for one another, and nobody outside can count them.

use crate::cause::{Cause, Sequence};
use crate::context::Context;
use std::fmt;

impl Cause {
    /// What names this step outside. Never zero.
    #[must_use]
    pub fn parent_id(self, salt: u64) -> u64 {
        // Zero is no id: one step in 2^64 has that of its opposite.
        match self.sequence().to_bits() ^ salt {
            0 => u64::MAX,
            id => id,
        }
    }

    /// The step that was named so; what comes back for a name that was not given here means nothing.
    #[must_use]
    pub fn step_of(parent_id: u64, salt: u64) -> Sequence {
        Sequence::from_bits(parent_id ^ salt)
    }

    /// The field `traceparent` for what is asked of others on behalf of this.
    ///
    /// ```
    /// # fn ask(cx: &levada_process::Context, salt: u64) {
    /// let field = cx.cause().to_traceparent(salt).to_string();
    /// assert_eq!((field.len(), &field[..3]), (55, "00-"));
    /// # }
    /// ```
    #[must_use]
    pub fn to_traceparent(self, salt: u64) -> Traceparent {
        Traceparent { cause: self, salt }
    }
}

/// A cause as the value of a field `traceparent`.
#[derive(Clone, Copy, Debug)]
pub struct Traceparent {
    cause: Cause,
    salt: u64,
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, parent_id) = (self.cause.id(), self.cause.parent_id(self.salt));
        let flags = u8::from(self.cause.sequence().is_sampled());
        write!(f, "00-{id:032x}-{parent_id:016x}-{flags:02x}")
    }
}

impl Context {
    /// Begins a request that was begun elsewhere: what runs next runs on its behalf, under this id. `parent_id` is the step there
    /// that led to this one, and is told where the chain of causes of a crash ends.
    pub fn begin_cause_under(&self, id: u128, parent_id: u64, sampled: bool) -> Cause {
        self.with(|state| {
            let cause = state.begin_cause(Some(id), sampled, parent_id);
            state.course.cause.set(cause);
            cause
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pid::CoreId;

    #[test]
    fn a_step_outside_is_its_number_under_a_salt_and_never_zero() {
        let sequence = Sequence::of(CoreId::new(3), 77, true);
        let cause = Cause::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, sequence);
        let salt = 0x0123_4567_89ab_cdef;
        assert_eq!(cause.parent_id(salt), sequence.to_bits() ^ salt);
        assert_eq!(Cause::step_of(cause.parent_id(salt), salt), sequence);
        assert_ne!(cause.parent_id(sequence.to_bits()), 0);
        let text = cause.to_traceparent(salt).to_string();
        let expected =
            format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{:016x}-01", cause.parent_id(salt));
        assert_eq!(text, expected);
    }
}
