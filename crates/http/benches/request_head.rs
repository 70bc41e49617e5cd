//! What it costs to read a request's head, and beside it the scan of `httparse` alone, in one run.
//!
//! `cargo bench -p levada-http --bench request_head`. They alternate; each figure is the median of
//! the rounds, with the least. `httparse` finds lines and no more: no framing, host, persistence or
//! known fields. `decided` is ours and all that follows without I/O: path, coding, conditions,
//! ranges.
#![expect(clippy::print_stdout, reason = "a bench shows its figures")]

use std::hint::black_box;
use std::time::Instant;

use levada_http::h1::{HeadLimits, parse_head};
use levada_http::{
    Coding, CodingSet, FileVersion, PREFERENCE, PathRules, RangePlan, Validators, choose_coding,
    judge, plan_ranges,
};

const ROUNDS: usize = 41;
const HEADS_PER_ROUND: u32 = 20_000;

const SMALL: &[u8] =
    b"GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n\r\n";
const CURL: &[u8] =
    b"GET /assets/app.js HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";
const BROWSER: &[u8] = b"GET /assets/logo.svg?v=12 HTTP/1.1\r\n\
    Host: www.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive\r\n\
    Referer: https://www.example.org/\r\n\
    Sec-Fetch-Dest: image\r\n\
    Sec-Fetch-Mode: no-cors\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    If-None-Match: \"1a2b-17a1b2c3d4e5f600\"\r\n\r\n";

fn main() {
    println!(
        "{:<8} {:>5} {:>14} {:>14} {:>14}   ns, median (least)",
        "head", "bytes", "read", "decided", "httparse"
    );
    let version =
        FileVersion { length_bytes: 1_024, modified_unix_s: 1_700_000_000, modified_ns: 0 };
    let validators = Validators::from_file(version, Coding::Identity);
    let mut scratch = Vec::new();
    for (name, head) in [("small", SMALL), ("curl", CURL), ("browser", BROWSER)] {
        let (mut read, mut decided, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            read.push(round(|| {
                matches!(parse_head(black_box(head), &HeadLimits::default()), Ok(Some(_)))
            }));
            decided.push(round(|| decide(black_box(head), &validators, &mut scratch).is_some()));
            theirs.push(round(|| {
                let mut headers = [httparse::EMPTY_HEADER; 32];
                let mut request = httparse::Request::new(&mut headers);
                request.parse(black_box(head)).is_ok()
            }));
        }
        let [read, decided, theirs] = [read, decided, theirs].map(figures);
        println!("{name:<8} {:>5} {read:>14} {decided:>14} {theirs:>14}", head.len());
    }
}

/// All that is decided about a request before a byte of a file is touched.
fn decide(head: &[u8], validators: &Validators, scratch: &mut Vec<u8>) -> Option<RangePlan> {
    let head = parse_head(head, &HeadLimits::default()).ok()??;
    let (method, fields) = (head.request.method, &head.request.fields);
    black_box(PathRules::default().resolve(head.request.target.path()?, scratch).ok()?);
    black_box(choose_coding(fields, CodingSet::IDENTITY.with(Coding::Gzip), &PREFERENCE)?);
    black_box(judge(method, fields, validators));
    Some(plan_ranges(method, fields, 1_024, validators))
}

#[expect(clippy::disallowed_methods, reason = "a bench reads time")]
fn round(mut parse: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..HEADS_PER_ROUND {
        assert!(black_box(parse()), "the heads of this bench are right");
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(HEADS_PER_ROUND)
}

fn figures(mut rounds: Vec<f64>) -> String {
    rounds.sort_by(f64::total_cmp);
    format!("{:.0} ({:.0})", rounds[ROUNDS / 2], rounds[0])
}
