//! The status is the facts as one JSON object: heap, accounts, caches, processes, and who keeps most.

use core::cmp::Reverse;

use serde_json::{Value, json};

use crate::admin::facts::{CoreFacts, Facts};

/// How many of those who keep most are named.
const RETAINERS_MAX: usize = 8;

/// The page.
pub(crate) fn json(facts: &Facts) -> String {
    let (web, heap) = (&facts.web, &facts.heap);
    let mut retainers: Vec<_> = facts.accounts.iter().collect();
    retainers.sort_by_key(|account| Reverse(account.charged_bytes));
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "heap": {
            "limit_bytes": heap.reserved_bytes,
            "committed_bytes": heap.committed_bytes,
            "used_bytes": heap.used_bytes,
            "used_blocks": heap.used_blocks,
            "refusals": heap.full,
            "copied_bytes": heap.bytes_copied,
            "lost_bytes": heap.lost_bytes,
        },
        "accounts": facts.accounts.iter().map(|account| json!({
            "name": account.name,
            "charged_bytes": account.charged_bytes,
            "limit_bytes": (account.limit_bytes != u64::MAX).then_some(account.limit_bytes),
        })).collect::<Vec<_>>(),
        "top_retainers": retainers.iter().take(RETAINERS_MAX).map(|account| json!({
            "name": account.name,
            "charged_bytes": account.charged_bytes,
        })).collect::<Vec<_>>(),
        "caches": {
            "front": {
                "entries": web.front_entries,
                "bytes": web.front_bytes,
                "hits": web.front_hits,
                "misses": web.front_misses,
            },
            "storage": {
                "entries": web.kept_entries,
                "bytes": web.kept_bytes,
                "hits": web.storage_hits,
                "loads": web.loads,
                "unchanged": web.checks,
                "shared_loads": web.shared_loads,
                "retired": web.retired,
                "evicted": web.evicted,
            },
        },
        "connections": {
            "open": web.connections_open,
            "accepted": web.connections,
            "refused": web.connections_refused,
        },
        "requests": {
            "answered": web.requests,
            "by_class": web.replies,
            "body_bytes": web.body_bytes,
            "malformed": web.malformed,
            "timeouts": web.timeouts,
            "streamed": web.streamed,
            "stream_failures": web.stream_failures,
        },
        "log_lines_dropped": facts.dropped_lines,
        "cores": facts.cores.iter().map(core).collect::<Vec<_>>(),
    });
    format!("{status:#}\n")
}

fn core(facts: &CoreFacts) -> Value {
    json!({
        "core": facts.core,
        "processes_live": facts.processes_live,
        "spawns": facts.spawns,
        "turns": facts.turns,
        "kernel_enters": facts.enters,
        "passes": facts.passes,
        "streams_open": facts.streams_open,
        "files_in_flight": facts.files_in_flight,
        "blocks_lent": facts.blocks_lent,
        "receive_pauses": facts.receive_pauses,
        "stalls_aborted": facts.stalls_aborted,
        "bytes_by_reference": facts.bytes_by_reference,
        "processes": facts.processes.iter().map(|process| json!({
            "pid": process.pid,
            "name": process.name,
            "queued_messages": process.queued_messages,
            "held_bytes": process.held_bytes,
            "turns": process.turns,
            "messages": process.messages,
        })).collect::<Vec<_>>(),
    })
}
