//! A wish is how much something is wanted that a machine may refuse.

/// Whether something is wanted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "section", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Wish {
    /// Not wanted.
    No,
    /// Wanted, and done without where it cannot be had.
    #[default]
    Try,
    /// Wanted; where it cannot be had, that is an error.
    Must,
}
