//! What the replies of meta commands say of an entry.

/// Facts of an entry, of which a reply names those that were asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ItemFacts {
    /// The client's 32 bits.
    pub client_flags: u32,
    /// The number that each change gives anew.
    pub cas: u64,
    /// How long the value is.
    pub value_bytes: u64,
    /// For how many seconds the entry lives on when the command is done; `None`: for ever.
    pub left_s: Option<u32>,
    /// For how many it did before. A `t` that stands before the `T` of its line says this one.
    pub left_before_s: Option<u32>,
    /// Seconds since it was last read, before this command.
    pub idle_s: u32,
    /// It was read before this command.
    pub is_fetched: bool,
    /// It was made by this command, for its `N`.
    pub is_created: bool,
    /// Its key is named in base64. A key that would end a word or a line is, whatever stands here.
    pub is_key_base64: bool,
    /// This command has won the right to fill it anew (`W`).
    pub is_won: bool,
    /// It was invalidated (`X`).
    pub is_stale: bool,
    /// Another has won before (`Z`).
    pub is_claimed: bool,
}
