//! The tails of replies are made once a second, and shared by all replies of a core in that second.

use levada_http::h1::{Persistence, Tail};
use levada_http::{Compose, HttpDate};
use levada_shared::{Account, Full, SharedData};

/// The tails of one second.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    unix_s: u64,
    texts: [Option<SharedData>; 3],
}

impl Tails {
    /// The tail that ends a reply's head at `unix_s`.
    ///
    /// # Errors
    /// [`Full`] where the account has no room for some sixty bytes.
    #[inline]
    pub(crate) fn get(
        &mut self,
        account: &Account,
        unix_s: u64,
        persistence: Persistence,
    ) -> Result<SharedData, Full<()>> {
        if self.unix_s != unix_s {
            *self = Self { unix_s, ..Self::default() };
        }
        let text = &mut self.texts[persistence as usize];
        if let Some(text) = text {
            return Ok(text.clone());
        }
        let tail = Tail { date: HttpDate::from_unix_s(unix_s), persistence };
        let made = compose(account, &tail)?;
        *text = Some(made.clone());
        Ok(made)
    }
}

/// A text in a block of its own.
///
/// # Errors
/// [`Full`] where the account has no room for it.
pub(crate) fn compose(account: &Account, text: &impl Compose) -> Result<SharedData, Full<()>> {
    let mut buffer = account.buf(text.text_bytes())?;
    let composed = text.compose(&mut buffer);
    debug_assert!(composed.is_ok(), "the room was counted before");
    Ok(buffer.freeze())
}
