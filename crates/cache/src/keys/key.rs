//! A key is lent as bytes, which are compared and hashed.

/// The longest key of any length.
pub const KEY_BYTES_MAX: usize = 1024;

/// What a table's entries are found by. Two keys are one if their bytes are.
///
/// ```
/// use levada_cache::Key;
///
/// assert_eq!(<u64 as Key>::FIXED, Some(8));
/// assert_eq!("seven".with_bytes(<[u8]>::len), 5);
/// ```
pub trait Key {
    /// How many bytes each key has, if all have as many: their number is not kept then.
    const FIXED: Option<usize>;

    /// Lends the bytes.
    fn with_bytes<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R;
}

impl Key for [u8] {
    const FIXED: Option<usize> = None;

    #[inline]
    fn with_bytes<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(self)
    }
}

impl Key for str {
    const FIXED: Option<usize> = None;

    #[inline]
    fn with_bytes<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(self.as_bytes())
    }
}

impl<const N: usize> Key for [u8; N] {
    const FIXED: Option<usize> = Some(N);

    #[inline]
    fn with_bytes<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
        see(self)
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Key for $integer {
            const FIXED: Option<usize> = Some(size_of::<Self>());

            #[inline]
            fn with_bytes<R>(&self, see: impl FnOnce(&[u8]) -> R) -> R {
                see(&self.to_le_bytes())
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
