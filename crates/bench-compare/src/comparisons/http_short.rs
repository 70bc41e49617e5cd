//! `http-short`: one request for each connection, where accepting and closing are most of the work.

use std::rc::Rc;

use crate::comparisons::web_case::{Price, Warmth, WebCase};
use crate::frame::comparison::{Bar, Case, Comparison, Ground, Yardstick};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::http::content::Content;
use crate::load::plan::{Lifetime, Window};
use crate::machine::folder::ServedFolder;

const NGINX: Yardstick = Yardstick::Rival("nginx");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "http-short",
    manner: Manner::Servers,
    title: "http-short: CPU for a connection with one request",
    unit: "µs/connection",
    rate_unit: "connections/s",
    other_units: &[],
    yardsticks: &[Yardstick::Floor, NGINX],
    notes: &[
        "The client says `Connection: close`, so the server closes first and keeps the waiting state, as on the real network.",
        "A connection is counted when the client has seen the server's close.",
    ],
    cases,
};

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let target = folder.add("1024.bin", Content::new(1024, 1024))?;
    let case = WebCase {
        ground: ground.clone(),
        folder,
        targets: vec![target],
        warmth: Warmth::Warm,
        connection_count: 64,
        lifetime: Lifetime::OneRequest,
        window: Window::Timed { warm_up: ground.pace.warm_up, length: ground.pace.window },
        price: Price::UsPerRequest,
    };
    let bars = vec![
        Bar { against: Yardstick::Floor, first: None, goal: Some(1.10) },
        Bar { against: NGINX, first: Some(0.92), goal: Some(0.85) },
    ];
    Ok(vec![case.judged("1 KiB files", "64 at a time", bars)])
}
