//! A command is what a line asks for, read and checked as a whole before anything of it is done.

use crate::answer::{Answer, Asked};
use crate::exp_time::ExpTime;
use crate::item::ItemFacts;
use crate::key::{Key, Keys};
use crate::meta_reply::{Echo, ItemDump, MetaCode, MetaReply};
use crate::refusal::Refusal;
use crate::reply::{Reply, ValueHead};

/// What a line asks for.
#[derive(Clone, Copy, Debug)]
pub enum Command<'b> {
    /// `get`, `gets`, `gat`, `gats`, `bget`.
    Get(Get<'b>),
    /// `mg`
    MetaGet(MetaGet<'b>),
    /// `set`, `add`, `replace`, `append`, `prepend`, `cas`, `ms`: a value follows the line.
    Store(Store<'b>),
    /// `incr`, `decr`, `ma`
    Arith(Arith<'b>),
    /// `delete`, `md`
    Delete(Delete<'b>),
    /// `touch`
    Touch(Touch<'b>),
    /// `me`
    Dump(Dump<'b>),
    /// `mn`
    Noop,
    /// `flush_all`
    FlushAll(FlushAll),
    /// `stats`
    Stats(Stats),
    /// `version`
    Version,
    /// `verbosity`
    Verbosity(Verbosity),
    /// `quit`: what was answered is sent, then the connection closed.
    Quit,
}

/// One or more keys to read.
#[derive(Clone, Copy, Debug)]
pub struct Get<'b> {
    /// The keys; `gat` with a time alone has none, and is answered with `END`.
    pub keys: Keys<'b>,
    /// The answer says each entry's number.
    pub with_cas: bool,
    /// The life that each entry found gets.
    pub touch: Option<ExpTime>,
}

impl Get<'_> {
    /// The line before the value of a key that was found. [`Reply::End`] stands behind all of them.
    #[inline]
    #[must_use]
    pub fn hit<'r>(
        &self,
        key: &'r [u8],
        client_flags: u32,
        value_bytes: u64,
        cas: u64,
    ) -> Reply<'r> {
        let cas = self.with_cas.then_some(cas);
        Reply::Value(ValueHead { key, client_flags, value_bytes, cas })
    }
}

/// One key to read, and to be made or filled anew.
#[derive(Clone, Copy, Debug)]
pub struct MetaGet<'b> {
    /// The key.
    pub key: Key<'b>,
    /// `v`: the value is sent.
    pub wants_value: bool,
    /// `u`: the entry's queue, its time of access and its mark of having been read stay as they are.
    pub leaves_no_trace: bool,
    /// `N`: an absent entry is made, empty, with this life, and is won.
    pub create: Option<ExpTime>,
    /// `T`: a present entry gets this life.
    pub touch: Option<ExpTime>,
    /// `R`: an entry that has less left to live is won, if nobody has it. Nought wins nothing.
    pub recache: Option<ExpTime>,
    /// `R` stands behind `T` and looks at the new life.
    pub is_recache_after_touch: bool,
    pub(crate) asked: Asked<'b>,
}

impl<'b> MetaGet<'b> {
    /// The answer for an entry that was found or made. With `v` its value follows, then
    /// [`Reply::ValueEnd`].
    #[must_use]
    pub fn hit(&self, facts: ItemFacts) -> Reply<'b> {
        let code = if self.wants_value {
            MetaCode::Value { value_bytes: facts.value_bytes }
        } else {
            MetaCode::Done
        };
        Reply::Meta(MetaReply { code, asked: self.asked, facts, echo: Echo::Get })
    }

    /// The answer for an absent entry: nothing with `q`.
    #[must_use]
    pub fn miss(&self) -> Reply<'b> {
        if self.asked.is_quiet {
            return Reply::Nothing;
        }
        named(MetaCode::Absent, self.asked)
    }
}

/// What a storage command does with a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Store.
    Set,
    /// Store where there is none.
    Add,
    /// Store where there is one.
    Replace,
    /// Put the value behind the one there is; flags and life stay.
    Append,
    /// Put the value before the one there is; flags and life stay.
    Prepend,
    /// Store where the entry has the number given.
    Cas,
}

/// An entry to store. Its value stands behind the line: [`value_bytes`](Self::value_bytes), then CR LF.
#[derive(Clone, Copy, Debug)]
pub struct Store<'b> {
    /// The key.
    pub key: Key<'b>,
    /// What to do.
    pub mode: Mode,
    /// The client's 32 bits.
    pub client_flags: u32,
    /// How long it lives.
    pub exp: ExpTime,
    /// How long the value is.
    pub value_bytes: u32,
    /// The number that the entry must have; always there for [`Mode::Cas`], where 0 is no entry's
    /// number. `Append` and `Prepend` of `ms` may have one too.
    pub compare: Option<u64>,
    /// `I` with [`Mode::Cas`]: an entry with a greater number takes the value too, keeps its life and
    /// is stale.
    pub stores_stale: bool,
    /// The entry is over the limit: the value is to be stepped over, an entry of the key removed if
    /// this is `set` or `ms`, and the command refused with [`Refusal::TooLarge`].
    pub is_too_large: bool,
    pub(crate) answer: Answer<'b>,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stored {
    /// It is stored, under this number.
    Stored {
        /// The entry's number.
        cas: u64,
    },
    /// What the mode needs was not so.
    NotStored,
    /// The entry has another number.
    Exists,
    /// There is no entry to compare with.
    NotFound,
}

impl<'b> Store<'b> {
    /// A command to write. Its other fields may be set: flags and time are 0.
    #[must_use]
    pub fn new(mode: Mode, key: Key<'b>, value_bytes: u32) -> Self {
        Self {
            key,
            mode,
            client_flags: 0,
            exp: ExpTime::NEVER,
            value_bytes,
            compare: None,
            stores_stale: false,
            is_too_large: false,
            answer: Answer::Classic { is_hidden: false },
        }
    }

    /// The same with `noreply`; a meta command stays as it is, since its flags say `q`.
    #[must_use]
    pub fn without_reply(self) -> Self {
        Self { answer: self.answer.hidden(), ..self }
    }

    /// Says whether what stands behind the value is as it must be; if not, the value is not stored
    /// and the command refused with [`Refusal::BadDataChunk`].
    #[inline]
    #[must_use]
    pub fn is_end_right(end: [u8; 2]) -> bool {
        end == *b"\r\n"
    }

    /// How many bytes follow the line.
    #[inline]
    #[must_use]
    pub fn block_bytes(&self) -> u64 {
        u64::from(self.value_bytes).saturating_add(2)
    }

    /// This is `ms`.
    #[must_use]
    pub fn is_meta(&self) -> bool {
        matches!(self.answer, Answer::Meta(_))
    }

    /// The answer.
    #[inline]
    #[must_use]
    pub fn reply(&self, stored: Stored) -> Reply<'b> {
        match self.answer {
            Answer::Classic { is_hidden: true } => Reply::Nothing,
            Answer::Classic { is_hidden: false } => match stored {
                Stored::Stored { .. } => Reply::Stored,
                Stored::NotStored => Reply::NotStored,
                Stored::Exists => Reply::Exists,
                Stored::NotFound => Reply::NotFound,
            },
            Answer::Meta(asked) => {
                let (code, cas) = match stored {
                    Stored::Stored { .. } if asked.is_quiet => return Reply::Nothing,
                    Stored::Stored { cas } => (MetaCode::Done, cas),
                    Stored::NotStored => (MetaCode::NotStored, 0),
                    Stored::Exists => (MetaCode::Exists, 0),
                    Stored::NotFound => (MetaCode::NotFound, 0),
                };
                let is_key_base64 = asked.key.is_base64();
                let facts = ItemFacts { cas, is_key_base64, ..ItemFacts::default() };
                Reply::Meta(MetaReply { code, asked, facts, echo: Echo::Set })
            }
        }
    }

    /// An error line for this command: nothing with `noreply`.
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> Reply<'b> {
        refused(&self.answer, refusal)
    }
}

/// A number to change.
#[derive(Clone, Copy, Debug)]
pub struct Arith<'b> {
    /// The key.
    pub key: Key<'b>,
    /// Up, and past 64 bits from nought; or down, and no further than nought.
    pub is_increment: bool,
    /// By how much.
    pub delta: u64,
    /// The number that the entry must have.
    pub compare: Option<u64>,
    /// `N`: what an absent entry is made with.
    pub create: Option<Create>,
    /// `T`: the life that a present entry gets.
    pub touch: Option<ExpTime>,
    pub(crate) wants_value: bool,
    pub(crate) answer: Answer<'b>,
}

/// What `ma` makes an absent entry with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Create {
    /// Its life.
    pub exp: ExpTime,
    /// Its value; the delta is not added.
    pub initial: u64,
}

/// What became of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    /// It is this number now. Of the facts, the number of the entry, what is left of its life, and
    /// whether it was created, are looked at.
    Number(u64, ItemFacts),
    /// There is no entry, and none was to be made.
    NotFound,
    /// The entry has another number than the one given.
    Exists,
    /// The entry could not be made.
    NotStored,
}

impl<'b> Arith<'b> {
    /// A command to write: `incr` or `decr`.
    #[must_use]
    pub fn new(key: Key<'b>, is_increment: bool, delta: u64) -> Self {
        Self {
            key,
            is_increment,
            delta,
            compare: None,
            create: None,
            touch: None,
            wants_value: true,
            answer: Answer::Classic { is_hidden: false },
        }
    }

    /// The same with `noreply`; a meta command stays as it is, since its flags say `q`.
    #[must_use]
    pub fn without_reply(self) -> Self {
        Self { answer: self.answer.hidden(), ..self }
    }

    /// What the command makes of a number.
    #[inline]
    #[must_use]
    pub fn apply(&self, number: u64) -> u64 {
        if self.is_increment {
            number.wrapping_add(self.delta)
        } else {
            number.saturating_sub(self.delta)
        }
    }

    /// The answer.
    #[must_use]
    pub fn reply(&self, counted: Counted) -> Reply<'b> {
        match self.answer {
            Answer::Classic { is_hidden: true } => Reply::Nothing,
            Answer::Classic { is_hidden: false } => match counted {
                Counted::Number(number, _) => Reply::Number(number),
                Counted::NotFound => Reply::NotFound,
                Counted::Exists => Reply::Exists,
                Counted::NotStored => Reply::NotStored,
            },
            Answer::Meta(asked) => match counted {
                // The reference says aloud that it made an entry.
                Counted::Number(_, facts) if asked.is_quiet && !facts.is_created => Reply::Nothing,
                Counted::Number(number, facts) => {
                    let code =
                        if self.wants_value { MetaCode::Number(number) } else { MetaCode::Done };
                    let facts = ItemFacts { is_key_base64: asked.key.is_base64(), ..facts };
                    Reply::Meta(MetaReply { code, asked, facts, echo: Echo::Arith })
                }
                Counted::NotFound => named(MetaCode::NotFound, asked),
                Counted::Exists => named(MetaCode::Exists, asked),
                Counted::NotStored => named(MetaCode::NotStored, asked),
            },
        }
    }

    /// An error line for this command: nothing with `noreply`.
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> Reply<'b> {
        refused(&self.answer, refusal)
    }
}

/// An entry to remove, or to mark as stale.
#[derive(Clone, Copy, Debug)]
pub struct Delete<'b> {
    /// The key.
    pub key: Key<'b>,
    /// The number that the entry must have.
    pub compare: Option<u64>,
    /// `I`: the entry stays, is stale, is won by nobody and gets a new number.
    pub invalidates: bool,
    /// `T`, which counts only with `I`: the life that the entry gets.
    pub touch: Option<ExpTime>,
    pub(crate) answer: Answer<'b>,
}

/// What became of an entry that was to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deleted {
    /// It is gone, or stale.
    Done,
    /// There was none.
    NotFound,
    /// It has another number.
    Exists,
}

impl<'b> Delete<'b> {
    /// A command to write: `delete`.
    #[must_use]
    pub fn new(key: Key<'b>) -> Self {
        let answer = Answer::Classic { is_hidden: false };
        Self { key, compare: None, invalidates: false, touch: None, answer }
    }

    /// The same with `noreply`; a meta command stays as it is, since its flags say `q`.
    #[must_use]
    pub fn without_reply(self) -> Self {
        Self { answer: self.answer.hidden(), ..self }
    }

    /// The answer.
    #[must_use]
    pub fn reply(&self, deleted: Deleted) -> Reply<'b> {
        match self.answer {
            Answer::Classic { is_hidden: true } => Reply::Nothing,
            Answer::Classic { is_hidden: false } => match deleted {
                Deleted::Done => Reply::Deleted,
                Deleted::NotFound => Reply::NotFound,
                Deleted::Exists => Reply::Exists,
            },
            Answer::Meta(asked) => match deleted {
                Deleted::Done if asked.is_quiet => Reply::Nothing,
                Deleted::Done => named(MetaCode::Done, asked),
                Deleted::NotFound => named(MetaCode::NotFound, asked),
                Deleted::Exists => named(MetaCode::Exists, asked),
            },
        }
    }
}

/// An entry that gets a new life.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'b> {
    /// The key.
    pub key: Key<'b>,
    /// The life.
    pub exp: ExpTime,
    pub(crate) is_hidden: bool,
}

impl<'b> Touch<'b> {
    /// A command to write.
    #[must_use]
    pub fn new(key: Key<'b>, exp: ExpTime) -> Self {
        Self { key, exp, is_hidden: false }
    }

    /// The same with `noreply`.
    #[must_use]
    pub fn without_reply(self) -> Self {
        Self { is_hidden: true, ..self }
    }

    /// The answer.
    #[must_use]
    pub fn reply(&self, is_found: bool) -> Reply<'b> {
        match (self.is_hidden, is_found) {
            (true, _) => Reply::Nothing,
            (false, true) => Reply::Touched,
            (false, false) => Reply::NotFound,
        }
    }
}

/// An entry to be described.
#[derive(Clone, Copy, Debug)]
pub struct Dump<'b> {
    /// The key.
    pub key: Key<'b>,
}

impl<'b> Dump<'b> {
    /// The answer for an entry that is there: its class, and how much memory it takes. For one that
    /// is not it is [`Reply::Absent`].
    #[must_use]
    pub fn hit(&self, facts: ItemFacts, class: u32, item_bytes: u64) -> Reply<'b> {
        Reply::Dump(ItemDump { key: self.key, facts, class, item_bytes })
    }
}

/// All entries are to go, now or later.
#[derive(Clone, Copy, Debug)]
pub struct FlushAll {
    /// When: [`ExpTime::delay_s`].
    pub at: ExpTime,
    pub(crate) is_hidden: bool,
}

impl FlushAll {
    /// A command to write.
    #[must_use]
    pub fn new(at: ExpTime) -> Self {
        Self { at, is_hidden: false }
    }

    /// The answer.
    #[must_use]
    pub fn reply(&self) -> Reply<'static> {
        if self.is_hidden { Reply::Nothing } else { Reply::Ok }
    }

    /// An error line for this command: nothing with `noreply`.
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> Reply<'static> {
        refused(&Answer::Classic { is_hidden: self.is_hidden }, refusal)
    }
}

/// How much the server is to say of itself, which this one takes and ignores.
#[derive(Clone, Copy, Debug)]
pub struct Verbosity {
    /// The level.
    pub level: u32,
    pub(crate) is_hidden: bool,
}

impl Verbosity {
    /// The answer.
    #[must_use]
    pub fn reply(&self) -> Reply<'static> {
        if self.is_hidden { Reply::Nothing } else { Reply::Ok }
    }
}

/// Which statistics are asked for. All but `Reset` end with [`Reply::End`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stats {
    /// Of the server.
    General,
    /// How it is set.
    Settings,
    /// Of the entries, by class.
    Items,
    /// Of the memory, by class.
    Slabs,
    /// How many entries there are of each length.
    Sizes,
    /// Of the connections.
    Conns,
    /// Counters go back to nought; answered with [`Reply::Reset`].
    Reset,
}

fn named<'b>(code: MetaCode, asked: Asked<'b>) -> Reply<'b> {
    let facts = ItemFacts { is_key_base64: asked.key.is_base64(), ..ItemFacts::default() };
    Reply::Meta(MetaReply { code, asked, facts, echo: Echo::Name })
}

fn refused(answer: &Answer<'_>, refusal: Refusal) -> Reply<'static> {
    match answer {
        Answer::Classic { is_hidden: true } => Reply::Nothing,
        _ => Reply::Refusal(refusal),
    }
}
