//! `http-large`: bodies that are all of the work, from memory and from the disk.

use std::rc::Rc;

use crate::comparisons::web_case::{Price, Warmth, WebCase};
use crate::frame::comparison::{Bar, Case, Comparison, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::http::content::Content;
use crate::load::plan::{Lifetime, Window};
use crate::machine::folder::ServedFolder;

const NGINX: Yardstick = Yardstick::Rival("nginx");
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// How many cold files a round fetches, one after the other.
const COLD_FILE_COUNT: u64 = 4;

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "http-large",
    manner: Manner::Servers,
    title: "http-large: CPU for 10^9 bytes",
    unit: "ms/GB",
    rate_unit: "requests/s",
    other_units: &[],
    yardsticks: &[Yardstick::Floor, NGINX],
    notes: &[
        "Cold files are dropped from the page cache (posix_fadvise DONTNEED, then looked whether they are gone) before each round.",
        "A cold round is four files, fetched one after the other over one connection; the floor has no such case.",
    ],
    cases,
};

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let bar = Bar { against: NGINX, first: Some(1.0), goal: Some(0.6) };
    let mut cases = Vec::new();
    for (length_bytes, name) in [(64 * KIB, "64 KiB"), (MIB, "1 MiB")] {
        let content = Content::new(length_bytes, length_bytes);
        let target = folder.add(&format!("{length_bytes}.bin"), content)?;
        let case = WebCase {
            ground: ground.clone(),
            folder: Rc::clone(&folder),
            targets: vec![target],
            warmth: Warmth::Warm,
            connection_count: 64,
            lifetime: Lifetime::Kept,
            window: Window::Timed { warm_up: ground.pace.warm_up, length: ground.pace.window },
            price: Price::MsPerGb,
        };
        cases.push(case.judged("from memory, 64 connections", name, vec![bar]));
    }
    let cold = (0..COLD_FILE_COUNT).map(|index| {
        let content = Content::new(1_000 + index, 64 * MIB);
        folder.add(&format!("cold-{index}.bin"), content)
    });
    let case = WebCase {
        ground: ground.clone(),
        folder: Rc::clone(&folder),
        targets: cold.collect::<Result<_, _>>()?,
        warmth: Warmth::Cold,
        connection_count: 1,
        lifetime: Lifetime::Kept,
        window: Window::Counted(COLD_FILE_COUNT),
        price: Price::MsPerGb,
    };
    cases.push(case.judged("cold, one connection", "64 MiB", vec![bar]));
    Ok(cases)
}
