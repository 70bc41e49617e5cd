//! The status is the facts as one JSON object: heap, accounts, caches, processes, and who keeps most.

use std::collections::BTreeMap;

use levada_shared::{Retainer, SharedHeap};
use levada_store::StoreReport;
use serde_json::{Value, json};

use crate::admin::facts::{CoreFacts, Facts, LINES_BYTES};

/// How many of those who keep most are named.
const RETAINERS_MAX: usize = 10;

/// The page.
pub(crate) fn json(facts: &Facts, of: &SharedHeap) -> String {
    let (web, heap) = (&facts.web, &facts.heap);
    let limit = |bytes: u64| (bytes != u64::MAX).then_some(bytes);
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "heap": {
            "limit_bytes": heap.reserved_bytes,
            "committed_bytes": heap.committed_bytes,
            "slab_bytes": heap.slab_bytes,
            "used_bytes": heap.used_bytes,
            "used_blocks": heap.used_blocks,
            "soft_bytes": heap.soft_bytes,
            "soft_blocks": heap.soft_blocks,
            "soft_ceiling_bytes": limit(heap.soft_ceiling_bytes),
            "set_aside_bytes": heap.set_aside_bytes,
            "lines_bytes": heap.lines * LINES_BYTES,
            "lines_nameless": heap.lines_nameless,
            "steals": {
                "for_allocation": heap.steals_for_allocation,
                "for_watermark": heap.steals_for_watermark,
                "for_pressure": heap.steals_for_pressure,
            },
            "stolen_bytes": heap.stolen_bytes,
            "refusals": heap.full,
            "copied_bytes": heap.bytes_copied,
            "copied_bytes_by": {
                "write": heap.copied.write,
                "copy_from": heap.copied.copy_from,
                "copy_contiguous": heap.copied.copy_contiguous,
                "compact_if": heap.copied.compact_if,
            },
            "lost_bytes": heap.lost_bytes,
        },
        "accounts": facts.accounts.iter().map(|account| json!({
            "name": account.name,
            "charged_bytes": account.charged_bytes,
            "peak_bytes": account.peak_bytes,
            "limit_bytes": limit(account.limit_bytes),
            "refused": account.refused,
            "is_closed": account.is_closed,
        })).collect::<Vec<_>>(),
        "top_retainers": rows(&of.top_retainers(RETAINERS_MAX)),
        "quarantine": rows(&of.quarantine()),
        "caches": {
            "front": {
                "entries": web.front_entries,
                "hits": web.front_hits,
                "misses": web.front_misses,
                "misses_lost": web.front_misses_lost,
            },
            "storage": {
                "entries": web.kept_entries,
                "bytes": web.kept_bytes,
                "hot_bytes": web.hot_bytes,
                "hits": web.storage_hits,
                "hits_hot": web.storage_hits_hot,
                "misses_lost": web.storage_misses_lost,
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
        "memcached": facts.store.as_ref().map(memcached),
        "log_lines_dropped": facts.dropped_lines,
        "cores": facts.cores.iter().map(core).collect::<Vec<_>>(),
    });
    format!("{status:#}\n")
}

fn memcached(store: &StoreReport) -> Value {
    let counters = store.counters.rows();
    json!({
        "connections_open": store.connections_open,
        "receiving_bytes": store.receiving_bytes,
        "items": store.items,
        "item_bytes": store.item_bytes,
        "limit_bytes": store.limit_bytes,
        "evictions": store.evictions,
        "counters": counters.into_iter().collect::<BTreeMap<_, _>>(),
    })
}

fn rows(retainers: &[Retainer]) -> Vec<Value> {
    let row = |held: &Retainer| {
        json!({
            "account": held.account,
            "tag": held.tag,
            "blocks": held.blocks,
            "pinned_bytes": held.pinned_bytes,
            "oldest_s": held.oldest.as_secs(),
        })
    };
    retainers.iter().map(row).collect()
}

fn core(facts: &CoreFacts) -> Value {
    json!({
        "core": facts.core,
        "processes_live": facts.processes_live,
        "spawns": facts.spawns,
        "turns": facts.turns,
        "turns_over_limit": facts.turns_over_limit,
        "cause_lost": facts.cause_lost,
        "lane_batches": facts.lane_batches,
        "controls": facts.controls,
        "exits": facts.exits,
        "restarts": facts.restarts,
        "messages": facts.messages,
        "mailbox_full": facts.mailbox_full,
        "undelivered": facts.undelivered,
        "calls": facts.calls,
        "cycles": facts.cycles,
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
            "restarts": process.restarts,
            "state": process.state,
            "account_bytes": process.account_bytes,
            "cause": process.cause,
        })).collect::<Vec<_>>(),
    })
}
