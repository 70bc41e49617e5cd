//! What is due: the spans in which a record's life may have ended by some second, the soonest first.
//!
//! Each span stands there once at most, with the second in its line, so the set has a row for each span that holds records
//! with a life and none for a record. It is touched when a span gets its first such record, when a shorter life comes into
//! one, and when one was swept: each time for 64 KiB of records. A wheel would spare the few steps of its search and need
//! the links by which partly free spans hang on the list of their class.

use std::collections::BTreeSet;

use crate::lock::Lock;
use crate::naming::life::shortest_s;
use crate::places::segment::Memory;
use crate::places::span::{SpanIndex, SpanLine};
use crate::sync::Ordering;

/// What a span of mixed lives waits at least after the first of them has ended, so that it is not looked at for each.
const MIXED_SLACK_S: u32 = 60;

/// The spans that are to be swept.
#[derive(Debug, Default)]
pub(crate) struct Due(Lock<BTreeSet<(u32, SpanIndex)>>);

impl Due {
    /// Lets the span be swept in this second, or sooner if that was agreed already.
    pub(crate) fn agree(&self, span: SpanIndex, line: &SpanLine, at_s: u32) {
        // Zero means none.
        let at_s = at_s.max(1);
        let mut spans = self.0.lock();
        let agreed_s = line.deadline_s.load(Ordering::Relaxed);
        if agreed_s == 0 || at_s < agreed_s {
            spans.remove(&(agreed_s, span));
            spans.insert((at_s, span));
            line.deadline_s.store(at_s, Ordering::Relaxed);
        }
    }

    /// A span that is due in this second, which leaves the set.
    pub(crate) fn pop(&self, memory: &Memory, now_s: u32) -> Option<SpanIndex> {
        let mut spans = self.0.lock();
        let &(at_s, span) = spans.first()?;
        if at_s > now_s {
            return None;
        }
        spans.pop_first();
        memory.line(span).deadline_s.store(0, Ordering::Relaxed);
        Some(span)
    }
}

/// How long after a record's end its span may wait: a quarter of the shortest life in it, so that others of the span end
/// meanwhile.
pub(crate) fn slack_s(line: &SpanLine) -> u32 {
    let quarter_s = shortest_s(line.shortest()) / 4;
    quarter_s.max(if line.is_mixed() { MIXED_SLACK_S } else { 1 })
}

/// The latest second for a span into which records are put: none that is put from now on ends sooner than a shortest life
/// from now.
pub(crate) fn latest_s(line: &SpanLine, now_s: u32) -> u32 {
    now_s.saturating_add(shortest_s(line.shortest())).saturating_add(slack_s(line))
}
