//! A version says which bytes of a record were seen: it is never given twice while the pile is open.

/// Which bytes of a record were seen, for [`crate::Pile::compare_update`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Version(pub(crate) u64);

/// The bytes of a record, as they are now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present<'g> {
    pub(crate) bytes: &'g [u8],
    pub(crate) version: Version,
}
