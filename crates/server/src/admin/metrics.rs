//! Metrics are the facts in the text format of Prometheus (version 0.0.4).

use core::fmt::Write as _;

use crate::admin::facts::{CoreFacts, Facts};

/// The page.
pub(crate) fn text(facts: &Facts) -> String {
    let mut page = Page(String::new());
    let web = &facts.web;
    for (name, help, value) in [
        ("connections_total", "Connections accepted.", web.connections),
        ("connections_refused_total", "Connections over the limit.", web.connections_refused),
        ("requests_total", "Requests answered.", web.requests),
        ("body_bytes_total", "Bytes of bodies in replies.", web.body_bytes),
        ("malformed_total", "Requests that broke the rules of HTTP.", web.malformed),
        ("timeouts_total", "Requests that took too long to come.", web.timeouts),
        ("streamed_total", "Files sent from the disk, too large to be kept.", web.streamed),
        ("stream_failures_total", "Of these, those cut short.", web.stream_failures),
        ("front_hits_total", "Requests answered by a core's own cache.", web.front_hits),
        ("front_misses_total", "Requests that asked the storage.", web.front_misses),
        ("storage_hits_total", "Questions answered by what the storage keeps.", web.storage_hits),
        ("loads_total", "Files looked for on the disk.", web.loads),
        ("checks_total", "Of these, those that had not changed.", web.checks),
        ("shared_loads_total", "Questions that shared another's load.", web.shared_loads),
        ("retired_total", "Files kept that had changed.", web.retired),
        ("evicted_total", "Files that gave way to others.", web.evicted),
    ] {
        page.metric(name, "counter", help, value);
    }
    page.head("build_info", "gauge", "The version that runs.");
    page.sample("build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
    page.head("replies_total", "counter", "Replies by the first digit of their status.");
    for (digit, count) in (1..).zip(web.replies) {
        page.sample("replies_total", &format!("{{class=\"{digit}xx\"}}"), count);
    }
    let heap = &facts.heap;
    for (name, help, value) in [
        ("connections_open", "Connections open now.", web.connections_open),
        ("front_entries", "Files in the caches of the cores.", web.front_entries),
        ("front_bytes", "Bytes that these hold.", web.front_bytes),
        ("kept_entries", "Files that the storage keeps.", web.kept_entries),
        ("kept_bytes", "Bytes that these hold.", web.kept_bytes),
        ("heap_limit_bytes", "The most memory of the shared heap.", heap.reserved_bytes),
        ("heap_committed_bytes", "Memory that it has from the system.", heap.committed_bytes),
        ("heap_used_bytes", "Memory in blocks that are in use.", heap.used_bytes),
        ("heap_used_blocks", "Blocks in use.", heap.used_blocks),
        ("heap_lost_bytes", "Memory that the system did not take back.", heap.lost_bytes),
    ] {
        page.metric(name, "gauge", help, value);
    }
    page.metric("heap_full_total", "counter", "Blocks refused for want of memory.", heap.full);
    page.metric(
        "heap_copied_bytes_total",
        "counter",
        "Bytes copied on purpose.",
        heap.bytes_copied,
    );
    page.head("account_bytes", "gauge", "What each account of the shared heap is charged with.");
    for account in &facts.accounts {
        let label = format!("{{account=\"{}\"}}", account.name.escape_default());
        page.sample("account_bytes", &label, account.charged_bytes);
    }
    if let Some(dropped) = facts.dropped_lines {
        let help = "Lines of the access log that found no room.";
        page.metric("log_lines_dropped_total", "counter", help, dropped);
    }
    add_cores(&mut page, &facts.cores);
    page.0
}

/// A count of a core: its name, kind and meaning, and where it stands.
type OfCore = (&'static str, &'static str, &'static str, fn(&CoreFacts) -> u64);

fn add_cores(page: &mut Page, cores: &[CoreFacts]) {
    let counts: [OfCore; 10] = [
        ("core_processes", "gauge", "Processes that live.", |core| core.processes_live),
        ("core_spawns_total", "counter", "Processes made.", |core| core.spawns),
        ("core_turns_total", "counter", "Turns of processes.", |core| core.turns),
        ("core_enters_total", "counter", "Entries into the kernel.", |core| core.enters),
        ("core_streams_open", "gauge", "Sockets open.", |core| core.streams_open),
        ("core_files_in_flight", "gauge", "Operations on files.", |core| core.files_in_flight),
        ("core_blocks_lent", "gauge", "Receive blocks with the kernel.", |core| core.blocks_lent),
        ("core_receive_pauses_total", "counter", "Receives without a block.", |core| {
            core.receive_pauses
        }),
        ("core_bytes_by_reference_total", "counter", "Bytes sent without a copy.", |core| {
            core.bytes_by_reference
        }),
        ("core_stalls_total", "counter", "Peers that took nothing too long.", |core| {
            core.stalls_aborted
        }),
    ];
    for (name, kind, help, value) in counts {
        page.head(name, kind, help);
        for core in cores {
            page.sample(name, &format!("{{core=\"{}\"}}", core.core), value(core));
        }
    }
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let told = writeln!(self.0, "# HELP levada_{name} {help}\n# TYPE levada_{name} {kind}");
        debug_assert!(told.is_ok(), "a string takes everything");
    }

    fn sample(&mut self, name: &str, labels: &str, value: u64) {
        let told = writeln!(self.0, "levada_{name}{labels} {value}");
        debug_assert!(told.is_ok(), "a string takes everything");
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.sample(name, "", value);
    }
}
