//! One step of a program; numbers choose among what there is, modulo how much there is.

use proptest::prelude::{Strategy, any};
use proptest::{collection, prop_oneof, sample};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Buf,
    Write,
    Freeze,
    FreezeFilled,
    Move,
    DropBuf,
    LendData,
    LendBuf,
    TakeBack,
    Clone,
    Slice,
    Split,
    Append,
    Prepend,
    Share,
    Transfer,
    Join,
    Send,
    Soft,
    Weak,
    Retire,
    DropData,
    UpgradeSoft,
    CloneSoft,
    RetireSoft,
    DropSoft,
    UpgradeWeak,
    CloneWeak,
    DropWeak,
    Reserve,
    Rehome,
    DropRoom,
    Steal,
    Close,
}

/// How often each act comes, beside the others.
const WEIGHTS: &[(usize, Act)] = &[
    (5, Act::Buf),
    (5, Act::Write),
    (3, Act::Freeze),
    (3, Act::FreezeFilled),
    (1, Act::Move),
    (1, Act::DropBuf),
    (3, Act::LendData),
    (3, Act::LendBuf),
    (1, Act::TakeBack),
    (1, Act::Clone),
    (3, Act::Slice),
    (2, Act::Split),
    (4, Act::Append),
    (2, Act::Prepend),
    (4, Act::Share),
    (4, Act::Transfer),
    (1, Act::Join),
    (1, Act::Send),
    (9, Act::Soft),
    (4, Act::Weak),
    (1, Act::Retire),
    (16, Act::DropData),
    (8, Act::UpgradeSoft),
    (2, Act::CloneSoft),
    (1, Act::RetireSoft),
    (3, Act::DropSoft),
    (6, Act::UpgradeWeak),
    (1, Act::CloneWeak),
    (3, Act::DropWeak),
    (2, Act::Reserve),
    (3, Act::Rehome),
    (1, Act::DropRoom),
    (2, Act::Steal),
    (1, Act::Close),
];

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) act: Act,
    /// What is acted on, and with what.
    pub(crate) what: usize,
    pub(crate) with: usize,
    pub(crate) bytes: usize,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) is_kept: bool,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let acts: Vec<Act> =
        WEIGHTS.iter().flat_map(|(weight, act)| std::iter::repeat_n(*act, *weight)).collect();
    let bytes = prop_oneof![
        8 => 0_usize..300,
        3 => 300_usize..9000,
        1 => 57_000_usize..400_000,
        1 => 500_000_usize..3_000_000,
    ];
    let (pick, at) = (0_usize..1000, 0_u64..600);
    let parts = (sample::select(acts), pick.clone(), pick, bytes, at.clone(), at, any::<bool>());
    let step = parts.prop_map(|(act, what, with, bytes, from, to, is_kept)| Step {
        act,
        what,
        with,
        bytes,
        from,
        to,
        is_kept,
    });
    collection::vec(step, 1..300)
}
