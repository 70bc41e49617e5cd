//! Statistics are what the service counts, in the reference's words: clients and tools look for those.

use core::time::Duration;

use levada_domain::{Io, PerCore};
use levada_memcache::{Reply, Stat, StatValue, Stats};
use levada_shared::SharedData;

use crate::counters::Counters;
use crate::desk_message::ToDesk;
use crate::front::Front;
use crate::outgoing::Outgoing;
use crate::pass::VERSION;

/// How long a core has to answer a question about itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// All that is not one item's is said of this class, as if there were no other.
const CLASS: u32 = 1;

/// Asks all cores and answers. `None` where there is no room for the answer.
pub(crate) async fn gather(io: &Io, front: &PerCore<Front>, stats: Stats) -> Option<SharedData> {
    let hall = front.with(|front| front.hall.clone());
    let desks = hall.desks.get().map_or(&[][..], Vec::as_slice);
    let mut counters = Counters::default();
    for desk in desks {
        if stats == Stats::Reset {
            // A core that does not answer goes on counting.
            let _is_reset: bool = desk.call(ANSWER_WITHIN, ToDesk::Reset).await.is_ok();
        } else if matches!(stats, Stats::General | Stats::Items | Stats::Slabs)
            && let Ok(counted) = desk.call(ANSWER_WITHIN, ToDesk::Report).await
        {
            counters.add(&counted);
        }
    }
    front.with(|front| front.tell(io, stats, &counters))
}

impl Front {
    fn tell(&mut self, io: &Io, stats: Stats, counters: &Counters) -> Option<SharedData> {
        let mut lines = Lines(Outgoing::new(&self.account, &mut self.block));
        let hall = &self.hall;
        let items = hall.items.gauges();
        match stats {
            Stats::General => {
                lines.number("pid", std::process::id().into());
                lines.number("uptime", hall.now_s(io.now()).into());
                lines.number("time", io.unix_s());
                lines.text("version", VERSION);
                lines.number("pointer_size", 64);
                lines.number("max_connections", self.config.limits.connections_max);
                lines.number("curr_connections", hall.connections_open());
                for (name, value) in counters.rows() {
                    lines.number(name, value);
                }
                lines.number("limit_maxbytes", items.limit_bytes);
                lines.number("accepting_conns", 1);
                lines.number("threads", io.cores().len() as u64);
                lines.number("bytes", items.charged_bytes);
                lines.number("curr_items", items.count);
                lines.number("evictions", items.evictions);
                lines.number("expired_unfetched", 0);
                lines.number("evicted_unfetched", items.evicted_unread);
                lines.number("reclaimed", items.expired);
                for (name, count) in items.refused {
                    lines.number(name, count);
                }
                lines.number("receiving_bytes", hall.receiving_bytes());
            }
            Stats::Settings => {
                let limits = &self.config.limits;
                lines.number("maxbytes", items.limit_bytes);
                lines.number("maxconns", limits.connections_max);
                for place in &hall.places {
                    match place.strip_prefix("unix:") {
                        Some(path) => lines.text("domain_socket", path),
                        None => lines.text("inter", place),
                    }
                }
                lines.number("udpport", 0);
                lines.text("evictions", "on");
                lines.number("num_threads", io.cores().len() as u64);
                lines.text("cas_enabled", "yes");
                lines.text("detail_enabled", "no");
                lines.text("dump_enabled", "no");
                lines.text("auth_enabled_sasl", "no");
                lines.text("auth_enabled_ascii", "no");
                lines.text("ssl_enabled", "no");
                lines.text("binding_protocol", "ascii");
                lines.number("item_size_max", limits.item_bytes_max as u64);
                lines.text("flush_enabled", if self.config.may_flush { "yes" } else { "no" });
                lines.number("idle_timeout", limits.idle.map_or(0, |idle| idle.as_secs()));
                lines.number("value_timeout", limits.value_within.as_secs());
                lines.number("line_max", limits.line_bytes_max as u64);
                lines.number("receiving_max", limits.receiving_bytes_max);
                lines.number("hold_from", self.config.hold_from_bytes as u64);
                lines.number("receive_from", self.config.receive_from_bytes as u64);
            }
            Stats::Items => {
                let mut line = |name, value| lines.of_class("items:", name, value);
                line("number", items.count);
                line("mem_requested", items.charged_bytes);
                line("evicted", items.evictions);
                line("outofmemory", counters.store_no_memory);
                line("reclaimed", items.expired);
                line("evicted_unfetched", items.evicted_unread);
            }
            Stats::Slabs => {
                let mut line = |name, value| lines.of_class("", name, value);
                line("used_chunks", items.count);
                line("mem_requested", items.charged_bytes);
                line("get_hits", counters.get_hits);
                line("cmd_set", counters.cmd_set);
                line("delete_hits", counters.delete_hits);
                line("incr_hits", counters.incr_hits);
                line("decr_hits", counters.decr_hits);
                line("cas_hits", counters.cas_hits);
                line("cas_badval", counters.cas_badval);
                line("touch_hits", counters.touch_hits);
                lines.number("active_slabs", 1);
                lines.number("total_malloced", items.charged_bytes);
            }
            Stats::Conns => {
                let places = hall.places.iter().map(|place| (place.as_str(), "conn_listening"));
                for (number, (place, state)) in (1..).zip(places) {
                    lines.of_connection(number, "addr", place);
                    lines.of_connection(number, "state", state);
                }
            }
            Stats::Sizes => lines.text("sizes_status", "disabled"),
            Stats::Reset => {
                lines.0.reply(&Reply::Reset);
                return lines.finish();
            }
        }
        lines.0.reply(&Reply::End);
        lines.finish()
    }
}

/// Lines of statistics.
struct Lines<'a>(Outgoing<'a>);

impl Lines<'_> {
    fn number(&mut self, name: &str, value: u64) {
        self.0.reply(&Reply::Stat(Stat::of(name, StatValue::Number(value))));
    }

    fn text(&mut self, name: &str, value: &str) {
        self.0.reply(&Reply::Stat(Stat::of(name, StatValue::Text(value))));
    }

    fn of_class(&mut self, group: &str, name: &str, value: u64) {
        let value = StatValue::Number(value);
        self.0.reply(&Reply::Stat(Stat { group, class: Some(CLASS), name, value }));
    }

    fn of_connection(&mut self, number: u32, name: &str, value: &str) {
        let value = StatValue::Text(value);
        self.0.reply(&Reply::Stat(Stat { group: "", class: Some(number), name, value }));
    }

    fn finish(self) -> Option<SharedData> {
        let (data, is_whole) = self.0.finish();
        is_whole.then_some(data)
    }
}
