//! `http-small`: small files over connections that stay, the daily bread of a web server.

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
    name: "http-small",
    manner: Manner::Servers,
    title: "http-small: CPU for a request over kept connections",
    unit: "µs/request",
    rate_unit: "requests/s",
    other_units: &[],
    yardsticks: &[Yardstick::Floor, NGINX],
    notes: &[
        "Closed loop: each connection asks again when its answer is whole.",
        "The floor reads no request and opens no file: it answers each empty line with the same bytes.",
        "64 and 1,000 connections are judged; the other counts show how the cost grows, in fewer rounds and with fewer rivals.",
    ],
    cases,
};

/// A file's length, its name, and what is asked of ours against nginx.
const FILES: [(u64, &str, f64, f64); 2] =
    [(1024, "1 KiB", 0.80, 0.70), (16 * 1024, "16 KiB", 0.92, 0.82)];

/// What is held against the bars.
const JUDGED: [u32; 2] = [64, 1_000];

/// What only shows how the cost grows, the judged ones among them.
const SWEEP: [u32; 7] = [1, 8, 64, 256, 1_000, 4_000, 10_000];

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let folder = Rc::new(ServedFolder::make(&ground.places.compare)?);
    let mut cases = Vec::new();
    for (length_bytes, name, first, goal) in FILES {
        let content = Content::new(length_bytes, length_bytes);
        let bars = vec![
            Bar { against: Yardstick::Floor, first: Some(1.30), goal: Some(1.10) },
            Bar { against: NGINX, first: Some(first), goal: Some(goal) },
        ];
        let target = folder.add(&format!("{length_bytes}.bin"), content)?;
        for connection_count in SWEEP {
            let is_judged = JUDGED.contains(&connection_count);
            let round_count = match ground.pace.sweep_round_count {
                _ if is_judged => ground.pace.round_count,
                Some(round_count) => round_count,
                None => continue,
            };
            let case = WebCase {
                ground: ground.clone(),
                folder: Rc::clone(&folder),
                targets: vec![target.clone()],
                warmth: Warmth::Warm,
                connection_count,
                lifetime: Lifetime::Kept,
                window: Window::Timed { warm_up: ground.pace.warm_up, length: ground.pace.window },
                price: Price::UsPerRequest,
            };
            cases.push(Case {
                panel: format!("{name} files"),
                point: counted(connection_count),
                entrants: if is_judged { case.entrants() } else { case.few_entrants() },
                round_count,
                bars: if is_judged { bars.clone() } else { Vec::new() },
            });
        }
    }
    Ok(cases)
}

fn counted(connection_count: u32) -> String {
    format!("{connection_count} connection{}", if connection_count == 1 { "" } else { "s" })
}
