//! Metrics are the facts in the text format of Prometheus (version 0.0.4).

use core::fmt::Write as _;

use levada_shared::{AccountReport, Gauges};
use levada_store::StoreReport;

use crate::admin::facts::{CoreFacts, Facts, LINES_BYTES};

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
        (
            "front_misses_lost_total",
            "Of these, for files given up, or changed.",
            web.front_misses_lost,
        ),
        ("storage_hits_total", "Questions answered by what the storage keeps.", web.storage_hits),
        ("storage_hits_hot_total", "Questions about files that were hot.", web.storage_hits_hot),
        (
            "storage_misses_lost_total",
            "Questions about files that had been given up.",
            web.storage_misses_lost,
        ),
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
    add_heap(&mut page, &facts.heap);
    add_accounts(&mut page, &facts.accounts);
    page.metric("connections_open", "gauge", "Connections open now.", web.connections_open);
    for (name, help, value) in [
        ("front_entries", "Files that the cores know.", web.front_entries),
        ("kept_entries", "Files that the storage keeps.", web.kept_entries),
        ("kept_bytes", "Bytes that it has counted for these.", web.kept_bytes),
        ("hot_bytes", "Of these, bytes that are held whatever is needed.", web.hot_bytes),
    ] {
        page.metric(name, "gauge", help, value);
    }
    if let Some(dropped) = facts.dropped_lines {
        let help = "Lines of the access log that found no room.";
        page.metric("log_lines_dropped_total", "counter", help, dropped);
    }
    if let Some(store) = &facts.store {
        add_memcached(&mut page, store);
    }
    add_cores(&mut page, &facts.cores);
    page.0
}

fn add_memcached(page: &mut Page, store: &StoreReport) {
    for (name, value) in store.counters.rows() {
        let help = format!("As `stats` of the memcached service says it: {name}.");
        page.metric(&format!("memcached_{name}_total"), "counter", &help, value);
    }
    page.metric("memcached_evictions_total", "counter", "Items that gave way.", store.evictions);
    for (name, count) in store.refused {
        let help = "Puts that the table refused.";
        page.metric(&format!("memcached_{name}_total"), "counter", help, count);
    }
    for (name, help, value) in [
        ("memcached_connections_open", "Connections open now.", store.connections_open),
        ("memcached_receiving_bytes", "Bytes announced and not there.", store.receiving_bytes),
        ("memcached_items", "Items.", store.items),
        ("memcached_item_bytes", "Memory that they are charged with.", store.item_bytes),
        ("memcached_limit_bytes", "The most that it may be.", store.limit_bytes),
    ] {
        page.metric(name, "gauge", help, value);
    }
}

fn add_heap(page: &mut Page, heap: &Gauges) {
    let ceiling_bytes = heap.soft_ceiling_bytes.min(heap.reserved_bytes);
    for (name, help, value) in [
        ("heap_limit_bytes", "The most memory of the shared heap.", heap.reserved_bytes),
        ("heap_committed_bytes", "Memory that it has from the system.", heap.committed_bytes),
        ("heap_slab_bytes", "Of this, memory that is cut into blocks.", heap.slab_bytes),
        ("heap_used_bytes", "Memory in blocks that are in use.", heap.used_bytes),
        ("heap_used_blocks", "Blocks in use.", heap.used_blocks),
        ("heap_soft_bytes", "Of these, bytes that are given up when needed.", heap.soft_bytes),
        ("heap_soft_ceiling_bytes", "The most that may be kept so now.", ceiling_bytes),
        ("heap_lines_bytes", "Memory beside the blocks.", heap.lines * LINES_BYTES),
        ("heap_lines_nameless", "Lines of bytes that went, still known.", heap.lines_nameless),
        ("heap_lost_bytes", "Memory that the system did not take back.", heap.lost_bytes),
    ] {
        page.metric(name, "gauge", help, value);
    }
    page.metric("heap_full_total", "counter", "Blocks refused for want of memory.", heap.full);
    page.metric("heap_stolen_bytes_total", "counter", "Bytes given up.", heap.stolen_bytes);
    let labelled = [
        (
            "heap_steals_total",
            "Blocks given up, by what for.",
            vec![
                ("for=\"allocation\"", heap.steals_for_allocation),
                ("for=\"watermark\"", heap.steals_for_watermark),
                ("for=\"pressure\"", heap.steals_for_pressure),
            ],
        ),
        (
            "heap_copied_bytes_total",
            "Bytes copied on purpose, by the method that copies.",
            vec![
                ("by=\"write\"", heap.copied.write),
                ("by=\"copy_from\"", heap.copied.copy_from),
                ("by=\"copy_contiguous\"", heap.copied.copy_contiguous),
                ("by=\"compact_if\"", heap.copied.compact_if),
            ],
        ),
    ];
    for (name, help, samples) in labelled {
        page.head(name, "counter", help);
        for (label, value) in samples {
            page.sample(name, &format!("{{{label}}}"), value);
        }
    }
}

/// A number of an account: its name, kind and meaning, and where it stands, if there is one.
type OfAccount = (&'static str, &'static str, &'static str, fn(&AccountReport) -> Option<u64>);

fn add_accounts(page: &mut Page, accounts: &[AccountReport]) {
    let numbers: [OfAccount; 5] = [
        ("account_bytes", "gauge", "What each account of the heap is charged with.", |account| {
            Some(account.charged_bytes)
        }),
        ("account_peak_bytes", "gauge", "The most that it was seen with.", |account| {
            Some(account.peak_bytes)
        }),
        ("account_limit_bytes", "gauge", "What it may be charged with, if not all.", |account| {
            (account.limit_bytes != u64::MAX).then_some(account.limit_bytes)
        }),
        ("account_refused_total", "counter", "How often it had no room.", |account| {
            Some(account.refused)
        }),
        ("account_closed", "gauge", "Whether it takes nothing new.", |account| {
            Some(u64::from(account.is_closed))
        }),
    ];
    for (name, kind, help, value) in numbers {
        page.head(name, kind, help);
        for account in accounts {
            if let Some(value) = value(account) {
                let label = format!("{{account=\"{}\"}}", account.name.escape_default());
                page.sample(name, &label, value);
            }
        }
    }
}

/// A count of a core: its name, kind and meaning, and where it stands.
type OfCore = (&'static str, &'static str, &'static str, fn(&CoreFacts) -> u64);

fn add_cores(page: &mut Page, cores: &[CoreFacts]) {
    let counts: [OfCore; 16] = [
        ("core_processes", "gauge", "Processes that live.", |core| core.processes_live),
        ("core_spawns_total", "counter", "Processes made.", |core| core.spawns),
        ("core_turns_total", "counter", "Turns of processes.", |core| core.turns),
        ("core_turns_over_limit_total", "counter", "Turns that ran too long.", |core| {
            core.turns_over_limit
        }),
        (
            "core_cause_lost_total",
            "counter",
            "Chains of causes with an end that is lost.",
            |core| core.cause_lost,
        ),
        ("core_restarts_total", "counter", "Processes started anew.", |core| core.restarts),
        ("core_undelivered_total", "counter", "Messages that nobody took.", |core| {
            core.undelivered
        }),
        ("core_calls_total", "counter", "Calls begun.", |core| core.calls),
        ("core_cycles_total", "counter", "Waits that closed a circle.", |core| core.cycles),
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
    for (name, help, label, parts, values) in FAMILIES {
        page.head(name, "counter", help);
        for core in cores {
            for (part, count) in parts.iter().zip(values(core)) {
                let labels = format!("{{core=\"{}\",{label}=\"{part}\"}}", core.core);
                page.sample(name, &labels, *count);
            }
        }
    }
}

/// Counts of a core that belong together: name, meaning, by what they are told apart, its values, and where they stand.
type Family =
    (&'static str, &'static str, &'static str, &'static [&'static str], fn(&CoreFacts) -> &[u64]);

const FAMILIES: [Family; 5] = [
    (
        "core_controls_total",
        "What other cores said, by what it is about.",
        "about",
        &["room", "watch", "life", "failure"],
        |core| &core.controls,
    ),
    (
        "core_lane_batches_total",
        "Batches for other cores, by most units.",
        "units",
        &["1", "7", "63", "+Inf"],
        |core| &core.lane_batches,
    ),
    (
        "core_exits_total",
        "Processes that ended.",
        "reason",
        &["normal", "failed", "panicked", "killed", "cancelled", "linked", "overflow"],
        |core| &core.exits,
    ),
    ("core_messages_total", "Messages accepted.", "from", &["same", "lane", "outside"], |core| {
        &core.messages
    }),
    (
        "core_mailbox_full_total",
        "Messages that found a mailbox full.",
        "then",
        &["wait", "reject", "drop_oldest", "drop_newest", "stop"],
        |core| &core.mailbox_full,
    ),
];

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
