//! A trick is one thing that a kernel may do and rarely does; a program that is right bears it.

/// Makes the tricks, their names and the list of them from one place.
macro_rules! tricks {
    ($($(#[doc = $doc:literal])+ $trick:ident,)+) => {
        /// One kind of mischief.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        pub enum Trick {
            $($(#[doc = $doc])+ $trick,)+
        }

        impl Trick {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$trick),+];
        }
    };
}

tricks! {
    /// A receive brings fewer bytes than there are.
    ShortReceive,
    /// A send takes fewer bytes than there is room for.
    ShortSend,
    /// A read from a file brings fewer bytes than there are.
    ShortRead,
    /// A write to a file takes fewer bytes than it was given.
    ShortWrite,
    /// An operation is tried later than it could be, or its completion is told later than it was made.
    Late,
    /// Completions come in another order than they were made.
    Disorder,
    /// An operation that goes on ends after a completion, which says so.
    Ending,
    /// A group has no block for a receive, although one will be back at once.
    Dry,
    /// The completion queue has sixteen places; what has none ends operations that go on.
    Crowd,
    /// Handing over is interrupted when some of the queue is taken: `EINTR`, `EAGAIN`, `EBUSY`.
    CutEnter,
    /// An operation on a socket ends with `EINTR` or `EAGAIN`.
    Interrupt,
    /// An operation on a file ends with `EINTR` or `EAGAIN`.
    InterruptFile,
    /// A datagram's sending ends with `EINTR` or `EAGAIN`.
    InterruptDatagram,
    /// No descriptor for an accept: `EMFILE`, `ENFILE`.
    NoDescriptor,
    /// No descriptor for a socket that is made: `EMFILE`.
    NoSocket,
    /// No descriptor for a file: `EMFILE`.
    NoFile,
    /// No memory for an accept: `ENOMEM`.
    NoMemory,
    /// A connection ended before it was accepted: `ECONNABORTED`.
    Aborted,
    /// The end of a connection comes with an empty block.
    EmptyBlock,
    /// A cancel takes its time; what it is about may succeed meanwhile.
    SlowCancel,
    /// What is cancelled succeeds if it can, in that moment.
    RacedCancel,
    /// A close that is linked behind a last send is done at the next entry.
    LateClose,
    /// Lent spans are written with nonsense when they are lent, and looked at when their completion is made.
    Scribble,
    /// A completion that was told is told again, when its index has a later generation.
    Stale,
    /// A zero-copy send is copied, and says so in one completion, or in its notice.
    Copied,
    /// The notice of a zero-copy send comes late.
    LateNotice,
    /// The notice of a zero-copy send does not come until the connection ends.
    HeldNotice,
    /// A zero-copy send fails, and its notice is still to come.
    ErrorWithMore,
    /// A place in the table gets no descriptor.
    NoInstall,
    /// A file marked as restless shrinks or grows while it is read.
    Restless,
    /// The connection is reset by its peer, at any byte.
    Reset,
    /// No group can be opened: `ENOMEM`.
    NoGroup,
}
