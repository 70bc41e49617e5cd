//! A form is what all records of a keep have before their bytes: room for an expiry, and words that change in place.
//!
//! ```text
//! header 8 | expiry 4, where the form has one or the record a life | words, 4 each | bytes
//! ```

/// What each record of a keep has before its bytes.
///
/// ```
/// use levada_pile::Form;
/// assert_eq!(Form::default(), Form { has_expiry: false, words: 0 });
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Form {
    /// Whether each record has room for an expiry, also one that lives for ever: then its life can be changed to any other.
    pub has_expiry: bool,
    /// How many words of 32 bits stand before the bytes, which change in place: [`Form::WORDS_MAX`] at most.
    pub words: u8,
}

impl Form {
    /// The most words that a record can have.
    pub const WORDS_MAX: u8 = 4;

    /// Bytes of its words.
    #[inline]
    pub(crate) fn words_bytes(self) -> u32 {
        u32::from(self.words) * 4
    }
}
