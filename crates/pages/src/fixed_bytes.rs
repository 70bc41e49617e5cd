//! Fixed bytes are a run of memory that has one owner and never moves, whoever owns it: so an operation of the kernel's may have it.
//!
//! Cost: an address, a length and two words that say whose it is; nothing is allocated.
#![expect(unsafe_code, reason = "owns bytes by their address; see the invariant of `KeptBytes`")]

use core::any::TypeId;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// An owner of bytes that stay where they are.
///
/// # Safety
/// From `into_raw` until `from_raw` of the same type the bytes are initialised, stay at that address, and nobody else writes them.
/// `from_raw` may be called, and the owner that it makes dropped, on any thread.
pub unsafe trait FixedBytes: Send + Sized + 'static {
    /// Gives the bytes up to who keeps their address. They stay for ever unless `from_raw` takes them back.
    fn into_raw(self) -> NonNull<[u8]>;

    /// Takes back what `into_raw` gave up.
    ///
    /// # Safety
    /// `raw` came from `into_raw` of this type, is taken back once, and nobody touches it otherwise from here on.
    unsafe fn from_raw(raw: NonNull<[u8]>) -> Self;
}

/// An owner whose bytes may be written at their address.
///
/// # Safety
/// Nobody else reads them either, from `into_raw` until `from_raw`.
pub unsafe trait FixedBytesMut: FixedBytes {}

// SAFETY: a box's bytes stay where they are, are its own, and may be freed on any thread.
unsafe impl FixedBytes for Box<[u8]> {
    fn into_raw(self) -> NonNull<[u8]> {
        NonNull::from(Self::leak(self))
    }

    unsafe fn from_raw(raw: NonNull<[u8]>) -> Self {
        // SAFETY: promised by the caller.
        unsafe { Self::from_raw(raw.as_ptr()) }
    }
}

// SAFETY: as above.
unsafe impl FixedBytesMut for Box<[u8]> {}

/// Bytes of some owner whose type is not said: an operation keeps them, and gives them back as what they were.
///
/// ```
/// use levada_pages::KeptBytes;
///
/// let kept = KeptBytes::of(Box::<[u8]>::from(*b"argument"));
/// assert_eq!(kept.as_bytes(), b"argument");
/// let given: Box<[u8]> = kept.into_owner().unwrap();
/// assert_eq!(&given[..], b"argument");
/// ```
///
/// # Invariants
/// 1. `bytes` came from `into_raw` of the type with this `owner`, whose `from_raw` is in `free`; they are this value's alone.
pub struct KeptBytes {
    bytes: NonNull<[u8]>,
    free: unsafe fn(NonNull<[u8]>),
    owner: TypeId,
}

// SAFETY: an owner of fixed bytes can be sent, and made again on any thread.
unsafe impl Send for KeptBytes {}

impl KeptBytes {
    /// Keeps the bytes of an owner.
    pub fn of<B: FixedBytes>(owner: B) -> Self {
        Self { bytes: owner.into_raw(), free: free::<B>, owner: TypeId::of::<B>() }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the invariant.
        unsafe { self.bytes.as_ref() }
    }

    /// Where they are, for who reads them there. They may be written there if they are those of a [`FixedBytesMut`].
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<[u8]> {
        self.bytes
    }

    /// The owner that was put in.
    ///
    /// # Errors
    /// The bytes, where it is of another type.
    pub fn into_owner<B: FixedBytes>(self) -> Result<B, Self> {
        if self.owner != TypeId::of::<B>() {
            return Err(self);
        }
        let kept = ManuallyDrop::new(self);
        // SAFETY: the invariant: they are of this type, and `kept` is not dropped.
        Ok(unsafe { B::from_raw(kept.bytes) })
    }
}

/// # Safety
/// As [`FixedBytes::from_raw`].
unsafe fn free<B: FixedBytes>(raw: NonNull<[u8]>) {
    // SAFETY: passed on to the caller.
    drop(unsafe { B::from_raw(raw) });
}

impl Drop for KeptBytes {
    fn drop(&mut self) {
        // SAFETY: the invariant; they are not used after.
        unsafe { (self.free)(self.bytes) };
    }
}

impl fmt::Debug for KeptBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptBytes({} B)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_the_owner_that_they_were_and_as_no_other() {
        struct Other(Box<[u8]>);
        // SAFETY: as of the box that it is.
        unsafe impl FixedBytes for Other {
            fn into_raw(self) -> NonNull<[u8]> {
                FixedBytes::into_raw(self.0)
            }

            unsafe fn from_raw(raw: NonNull<[u8]>) -> Self {
                // SAFETY: passed on to the caller.
                Self(unsafe { FixedBytes::from_raw(raw) })
            }
        }
        let bytes: Box<[u8]> = Box::from(*b"sixteen bytes ..");
        let address = bytes.as_ptr();
        let kept = KeptBytes::of(bytes).into_owner::<Other>().err().unwrap();
        let bytes = kept.into_owner::<Box<[u8]>>().unwrap();
        assert_eq!((bytes.as_ptr(), &bytes[..4]), (address, &b"sixt"[..]));
        drop(KeptBytes::of(Other(bytes)));
    }
}
