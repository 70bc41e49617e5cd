//! The front is what can be read of bytes that may not all be there, with what stands behind it.

use super::refusal::Refusal;

/// `Ok(None)`: there is not enough of it to say.
pub(super) type Front<'a, T> = Result<Option<(T, &'a [u8])>, Refusal>;
