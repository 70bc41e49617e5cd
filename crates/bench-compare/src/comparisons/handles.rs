//! `handles`: what it costs to clone, slice, share, move and join shared bytes, beside `Arc` and `Bytes`.
//!
//! A further act is a function that makes its loops, in `handles/`, and a [`case`] in the list below.

use crate::frame::comparison::{Bar, Case, Comparison, Entrant, Ground, Side, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::handles::bytes_handles::Joins;
use crate::handles::levada_handles::{Accounts, Keeper, Reference};
use crate::handles::message::Message;
use crate::handles::{arc_handles, bare_count, bytes_handles, levada_handles};
use crate::loops::looping::{Prepared, entrant};

const ARC: Yardstick = Yardstick::Rival("Arc");
const BYTES: Yardstick = Yardstick::Rival("Bytes");
const COPYING: Yardstick = Yardstick::Rival("BytesMut");
const FREEING: Yardstick = Yardstick::Rival("freeing");
const ALONE: Yardstick = Yardstick::Rival("ours on 1 core");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "handles",
    manner: Manner::Loops,
    title: "handles: time to clone, slice, share, move and join shared bytes",
    unit: "ns",
    rate_unit: "turns/s",
    other_units: &["allocations", "copied bytes"],
    yardsticks: &[Yardstick::Floor, ARC, BYTES, COPYING, ALONE, FREEING],
    notes: &[
        "Arc is Arc<[u8]>, with one allocation for count and bytes; a Bytes was cloned once before, so that its count is there.",
        "Each is one turn of a loop, shown to the compiler by reference before it is dropped; on 2 cores both threads take turns on one block all the time, and a turn is the mean of theirs.",
        "A turn is the median of some fifty batches of turns; a pass in which a thread had less than 97 % of its core (column `core`) is made again, four times at most.",
        "Joined is a payload with a head of 64 B and an end of 16 B, and taken apart again; the one who copies copies them together, into a fresh buffer or into one whose memory is used again.",
        "What nobody holds is kept softly; the only references that Arc has are weak, and find what somebody holds.",
        "A block for a block: 4 KiB are made in the place of the oldest of many, which is stolen from a soft reference in a full heap, or freed by its only holder.",
        "Allocations and copied bytes are counted once a case, over 1,000 turns.",
    ],
    cases,
};

/// The length of what is not joined: it matters to nobody.
const LENGTH_BYTES: usize = 1024;

const PAYLOADS: [(usize, &str); 5] =
    [(64, "64 B"), (256, "256 B"), (1024, "1 KiB"), (4 * 1024, "4 KiB"), (16 * 1024, "16 KiB")];

const PIECE_COUNTS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let counting = [
        clone_alone(ground),
        clone_beside(ground, Accounts::Two),
        clone_beside(ground, Accounts::One),
    ];
    let finding = [
        find(ground, Reference::Soft, Keeper::Holder),
        find(ground, Reference::Soft, Keeper::Nobody),
        find(ground, Reference::Weak, Keeper::Holder),
        find(ground, Reference::Weak, Keeper::Nobody),
        renew(ground),
    ];
    let moving = [slice(ground), there_and_back(ground), share(ground)];
    let joining = PAYLOADS.into_iter().map(|payload| join(ground, payload));
    let sweep = ground.pace.sweep_round_count.map(|round_count| {
        PIECE_COUNTS.into_iter().map(move |piece_count| pieces(ground, piece_count, round_count))
    });
    Ok(counting
        .into_iter()
        .chain(moving)
        .chain(finding)
        .chain(joining)
        .chain(sweep.into_iter().flatten())
        .collect())
}

fn clone_alone(ground: &Ground) -> Case {
    let rows = vec![
        ours(ground, || levada_handles::clone_and_drop(1, LENGTH_BYTES)),
        arc(ground, 1),
        bytes(ground, || bytes_handles::clone_and_drop(1, LENGTH_BYTES)),
        floor(ground, 1),
    ];
    case(ground, ("clone and drop", "1 core"), rows, vec![bar(ARC, 1.2, 1.0), goal(BYTES, 0.25)])
}

fn clone_beside(ground: &Ground, accounts: Accounts) -> Case {
    let rows = vec![
        ours(ground, move || levada_handles::clone_and_drop_on_two_cores(accounts, LENGTH_BYTES)),
        arc(ground, 2),
        bytes(ground, || bytes_handles::clone_and_drop(2, LENGTH_BYTES)),
        floor(ground, 2),
        entrant(ground, "levada, 1 core", Side::Rival("ours on 1 core"), || {
            levada_handles::clone_and_drop(1, LENGTH_BYTES)
        }),
    ];
    let (point, bars) = match accounts {
        Accounts::Two => {
            ("2 cores, 2 accounts", vec![bar(BYTES, 0.3, 0.1), goal(ARC, 0.3), first(ALONE, 1.5)])
        }
        Accounts::One => ("2 cores, 1 account", vec![bar(ARC, 1.2, 1.0)]),
    };
    case(ground, ("clone and drop", point), rows, bars)
}

fn slice(ground: &Ground) -> Case {
    let rows = vec![
        ours(ground, || levada_handles::slice_and_drop(LENGTH_BYTES)),
        bytes(ground, || bytes_handles::slice_and_drop(LENGTH_BYTES)),
    ];
    case(ground, ("slices and accounts", "slice and drop"), rows, vec![bar(BYTES, 0.5, 0.3)])
}

fn there_and_back(ground: &Ground) -> Case {
    let rows = vec![
        ours(ground, || levada_handles::there_and_back(LENGTH_BYTES)),
        entrant(ground, "levada, a buffer", Side::OursToo, || {
            levada_handles::buffer_there_and_back(LENGTH_BYTES)
        }),
        arc(ground, 1),
    ];
    let name = ("slices and accounts", "to an account and back");
    case(ground, name, rows, vec![bar(ARC, 5.0, 3.0)])
}

fn share(ground: &Ground) -> Case {
    let rows = vec![ours(ground, || levada_handles::share_and_drop(LENGTH_BYTES)), arc(ground, 1)];
    case(ground, ("slices and accounts", "share and drop"), rows, Vec::new())
}

fn find(ground: &Ground, by: Reference, keeper: Keeper) -> Case {
    let point = match (by, keeper) {
        (Reference::Soft, Keeper::Holder) => "soft, held",
        (Reference::Soft, Keeper::Nobody) => "soft, by nobody held",
        (Reference::Weak, Keeper::Holder) => "weak, held",
        (Reference::Weak, Keeper::Nobody) => "weak, by nobody held",
    };
    let rows = vec![
        ours(ground, move || levada_handles::upgrade_and_drop(by, keeper, LENGTH_BYTES)),
        entrant(ground, "Weak of Arc, held", Side::Rival("Arc"), || {
            arc_handles::upgrade_and_drop(LENGTH_BYTES)
        }),
    ];
    case(ground, ("upgrade and drop", point), rows, Vec::new())
}

fn renew(ground: &Ground) -> Case {
    let rows = vec![
        ours(ground, levada_handles::renew_by_stealing),
        entrant(
            ground,
            "levada, freeing",
            Side::Rival("freeing"),
            levada_handles::renew_by_freeing,
        ),
    ];
    case(ground, ("a block for a block", "stolen, or freed"), rows, vec![bar(FREEING, 3.0, 2.0)])
}

fn join(ground: &Ground, (payload_bytes, point): (usize, &str)) -> Case {
    let message = Message::around(payload_bytes);
    let copying = |name, joins| {
        entrant(ground, name, Side::Rival("BytesMut"), move || {
            bytes_handles::join_and_split(joins, message)
        })
    };
    let rows = vec![
        ours(ground, move || levada_handles::join_and_split(message)),
        copying("BytesMut, fresh", Joins::InAFresh),
        copying("BytesMut, kept", Joins::InAKept),
    ];
    case(ground, ("join 3 and take apart", point), rows, Vec::new())
}

fn pieces(ground: &Ground, piece_count: usize, round_count: usize) -> Case {
    let several = if piece_count == 1 { "" } else { "s" };
    let point = format!("{piece_count} piece{several}");
    let rows = vec![
        ours(ground, move || levada_handles::clone_and_drop(piece_count, LENGTH_BYTES)),
        entrant(ground, "Vec<Bytes>", Side::Rival("Bytes"), move || {
            bytes_handles::clone_and_drop_pieces(piece_count, LENGTH_BYTES)
        }),
    ];
    Case { round_count, ..case(ground, ("clone and drop by pieces", &point), rows, Vec::new()) }
}

fn ours(ground: &Ground, prepare: impl FnOnce() -> Prepared + 'static) -> Entrant {
    entrant(ground, "levada", Side::Ours, prepare)
}

fn bytes(ground: &Ground, prepare: impl FnOnce() -> Prepared + 'static) -> Entrant {
    entrant(ground, "Bytes", Side::Rival("Bytes"), prepare)
}

fn arc(ground: &Ground, core_count: usize) -> Entrant {
    let prepare = move || arc_handles::clone_and_drop(core_count, LENGTH_BYTES);
    entrant(ground, "Arc", Side::Rival("Arc"), prepare)
}

fn floor(ground: &Ground, core_count: usize) -> Entrant {
    entrant(ground, "bare count", Side::Floor, move || bare_count::up_and_down(core_count))
}

fn case(
    ground: &Ground,
    (panel, point): (&str, &str),
    entrants: Vec<Entrant>,
    bars: Vec<Bar>,
) -> Case {
    let (panel, point) = (panel.to_owned(), point.to_owned());
    Case { panel, point, entrants, round_count: ground.pace.round_count, bars }
}

fn bar(against: Yardstick, first: f64, goal: f64) -> Bar {
    Bar { against, first: Some(first), goal: Some(goal) }
}

fn first(against: Yardstick, first: f64) -> Bar {
    Bar { against, first: Some(first), goal: None }
}

fn goal(against: Yardstick, goal: f64) -> Bar {
    Bar { against, first: None, goal: Some(goal) }
}
