//! What can be cached is a value whose bytes lie in blocks: on its own, or with what is known of it beside.

use crate::values::data::SharedData;
use crate::values::references::{Lost, SoftRef, WeakRef};

/// A value that caches can keep by reference. [`SharedData`] is one; a struct of such and of plain fields can be made one:
/// its references have the same plain fields, and a [`SoftRef`] or [`WeakRef`] for each piece of data.
///
/// ```
/// use levada_shared::{Cached, Lost, SharedData, SoftRef, WeakRef};
///
/// /// A page and its type, which is small and stays with the reference.
/// #[derive(Clone, Debug, PartialEq)]
/// struct Page<D = SharedData> { content_type: &'static str, body: D }
///
/// impl Cached for Page {
///     type Soft = Page<SoftRef>;
///     type Weak = Page<WeakRef>;
///     fn soft(&self) -> Page<SoftRef> { Page { content_type: self.content_type, body: self.body.soft() } }
///     fn weak(&self) -> Page<WeakRef> { Page { content_type: self.content_type, body: self.body.weak() } }
///     fn of_soft(soft: &Page<SoftRef>) -> Result<Self, Lost> {
///         Ok(Page { content_type: soft.content_type, body: soft.body.try_upgrade()? })
///     }
///     fn of_weak(weak: &Page<WeakRef>) -> Result<Self, Lost> {
///         Ok(Page { content_type: weak.content_type, body: weak.body.try_upgrade()? })
///     }
///     fn is_kept(soft: &Page<SoftRef>) -> bool { soft.body.is_alive() }
///     fn is_alive(weak: &Page<WeakRef>) -> bool { weak.body.is_alive() }
///     fn retire(soft: &Page<SoftRef>) { soft.body.retire() }
///     fn pinned_bytes(&self) -> u64 { self.body.pinned_bytes() }
/// }
/// # let heap = levada_shared::SharedHeap::new(Default::default())?;
/// let page = Page { content_type: "text/plain", body: heap.default_account().copy_from(b"water")? };
/// assert_eq!(Page::of_soft(&page.soft()), Ok(page));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Cached: Clone {
    /// Keeps it while memory lasts.
    type Soft;
    /// Finds it while somebody else keeps it.
    type Weak;

    /// A soft reference to all of it.
    fn soft(&self) -> Self::Soft;

    /// A weak reference to all of it.
    fn weak(&self) -> Self::Weak;

    /// All of it, held again.
    ///
    /// # Errors
    /// [`Lost`] if any part is.
    fn of_soft(soft: &Self::Soft) -> Result<Self, Lost>;

    /// All of it, held again.
    ///
    /// # Errors
    /// [`Lost`] if any part is.
    fn of_weak(weak: &Self::Weak) -> Result<Self, Lost>;

    /// Whether it could be held again now: false if any part was given up, or retired.
    fn is_kept(soft: &Self::Soft) -> bool;

    /// Whether it could be held again now.
    fn is_alive(weak: &Self::Weak) -> bool;

    /// Says that it is out of date: no reference to it is upgraded any more.
    fn retire(soft: &Self::Soft);

    /// How many bytes of blocks it keeps.
    fn pinned_bytes(&self) -> u64;
}

impl Cached for SharedData {
    type Soft = SoftRef;
    type Weak = WeakRef;

    fn soft(&self) -> SoftRef {
        self.soft()
    }

    fn weak(&self) -> WeakRef {
        self.weak()
    }

    fn of_soft(soft: &SoftRef) -> Result<Self, Lost> {
        soft.try_upgrade()
    }

    fn of_weak(weak: &WeakRef) -> Result<Self, Lost> {
        weak.try_upgrade()
    }

    fn is_kept(soft: &SoftRef) -> bool {
        soft.is_alive()
    }

    fn is_alive(weak: &WeakRef) -> bool {
        weak.is_alive()
    }

    fn retire(soft: &SoftRef) {
        soft.retire();
    }

    fn pinned_bytes(&self) -> u64 {
        self.pinned_bytes()
    }
}
