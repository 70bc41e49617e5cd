//! A collection goes as deep as is due, and only between turns: the nursery; then the young pages; a major, slice by slice.
//!
//! ```text
//! minor ─┬─ enough became young: stable collection (mark young pages from what is older and younger, sweep them)
//!        └─ enough became old:   major ─► marking, a slice after each turn ─► all reached: sweeping, a slice after each turn ─► idle
//! ```
//!
//! A major marks as the program goes on: what is written is looked at again, what is born stable is marked, and what the nursery and the
//! roots point to is looked at in the step that ends the marking ("incremental update": Dijkstra et al., "On-the-Fly Garbage
//! Collection", 1978). No stable collection runs meanwhile, since the marks have one user.

use crate::collecting::mark::Marker;
use crate::collecting::minor::{Fit, RootTrace, minor};
use crate::collecting::sweep::{Swept, look_at_relabelled, sweep_old, sweep_young};
use crate::collecting::undoing::Undoing;
use crate::gauges::Collected;
use crate::limits::Depth;
use crate::memory::region::Page;
use crate::objects::object::{Object, TO_NURSERY, TO_YOUNG};
use crate::objects::visitor::Visitor;
use crate::spaces::remember::{Younger, look_at};
use crate::spaces::sieve::Sieve;
use crate::spaces::space::{More, Phase, Space, due};
use crate::spaces::stable::Stable;

/// How many pages are swept after a turn: some of them grow old then, and their objects are looked at.
const SWEEP_PAGES: u64 = 64;

/// How many that are remembered take as long to look at as a page.
const FILTERED_A_PAGE: u64 = 16;

/// How often the step that ends the marking may find more than a slice of unmarked objects before it marks them at once.
const ENDINGS_MAX: u32 = 8;

/// In how many turns a heap may refuse something before a major looks for what was let go of, although nothing has grown.
const REFUSED_TURNS_MAX: u32 = 4;

/// Collects what is due after a turn.
pub(crate) fn after_turn(
    space: &mut Space,
    root: RootTrace<'_>,
    undoing: &mut Undoing,
) -> Collected {
    space.is_due.set(false);
    let mut collected = Collected::default();
    let pacing = *space.pool.pacing();
    let is_grown = space.more.get_mut().as_ref().is_some_and(|more| {
        let external = &more.external;
        external.bytes() > external.at_minor_bytes
    });
    let (young, old) = due_now(space);
    let was_refused = space.was_refused.take();
    space.refused_turns.set(space.refused_turns.get().saturating_add(u32::from(was_refused)));
    let is_crowded = was_refused || space.room.is_above_soft();
    let is_full = space.born_bytes() >= pacing.nursery_bytes || is_grown;
    if is_full || young || old || is_crowded {
        collect_minor(space, root, &mut collected, undoing);
    }
    match space.phase.get() {
        Phase::Idle => {
            let (young, old) = due_now(space);
            let is_stuck = was_refused && space.refused_turns.get() >= REFUSED_TURNS_MAX;
            if old || is_stuck || (is_crowded && grew_since_major(space)) {
                begin_major(space, root);
                if was_refused {
                    finish_major(space, root, &mut collected, undoing);
                } else {
                    slice(space, root, pacing.slice_bytes, &mut collected, undoing);
                }
            } else if young || stays_elsewhere(space) {
                stable(space, root, &mut collected, undoing);
            }
        }
        Phase::Marking | Phase::Sweeping if is_crowded => {
            finish_major(space, root, &mut collected, undoing);
        }
        Phase::Marking => {
            let since_bytes =
                space.stable.get_mut().as_ref().map_or(0, |stable| stable.paced.since_slice_bytes);
            let bytes_max = pacing.slice_bytes.max(2 * since_bytes);
            slice(space, root, bytes_max, &mut collected, undoing);
        }
        Phase::Sweeping => sweep_slice(space, SWEEP_PAGES, &mut collected, undoing),
    }
    collected
}

/// Collects the whole of a depth.
pub(crate) fn collect(
    space: &mut Space,
    root: RootTrace<'_>,
    depth: Depth,
    undoing: &mut Undoing,
) -> Collected {
    let mut collected = Collected::default();
    if space.phase.get() != Phase::Idle && depth != Depth::Minor {
        finish_major(space, root, &mut collected, undoing);
    }
    collect_minor(space, root, &mut collected, undoing);
    match depth {
        Depth::Minor => {}
        Depth::Stable => stable(space, root, &mut collected, undoing),
        Depth::Major => {
            begin_major(space, root);
            finish_major(space, root, &mut collected, undoing);
        }
    }
    collected
}

/// Collects the nursery, unless there is no memory for copies: a marking finds out for itself what lives there.
fn collect_minor(
    space: &mut Space,
    root: RootTrace<'_>,
    collected: &mut Collected,
    undoing: &mut Undoing,
) {
    let Some(copied) = minor(space, root, Fit::Chunks, None, undoing) else { return };
    collected.depth = collected.depth.max(Some(Depth::Minor));
    collected.copied_bytes += copied.copied_bytes + copied.promoted_bytes;
    collected.freed_bytes += copied.freed_bytes;
}

fn due_now(space: &mut Space) -> (bool, bool) {
    let pacing = *space.pool.pacing();
    space.stable.get_mut().as_ref().map_or((false, false), |stable| due(stable, &pacing))
}

/// Whether so much more is held elsewhere than at the last stable collection that one is due.
fn stays_elsewhere(space: &mut Space) -> bool {
    let bytes_min = space.pool.pacing().young_bytes_min;
    space.more.get_mut().as_ref().is_some_and(|more| {
        let external = &more.external;
        let grown_bytes = external.bytes().saturating_sub(external.at_stable_bytes);
        grown_bytes > bytes_min.max(external.at_stable_bytes)
    })
}

/// Whether the heap, near its limit, has grown by a quarter of what the last major left free.
fn grew_since_major(space: &mut Space) -> bool {
    let used_bytes = space.room.used_bytes();
    let free_bytes = space.room.hard_bytes().saturating_sub(space.used_after_major_bytes.get());
    used_bytes.saturating_sub(space.used_after_major_bytes.get()) > free_bytes / 4
}

/// Marks the young pages from all that is not in them, and sweeps them.
fn stable(
    space: &mut Space,
    root: RootTrace<'_>,
    collected: &mut Collected,
    undoing: &mut Undoing,
) {
    collected.depth = collected.depth.max(Some(Depth::Stable));
    note_stable(space);
    let Some(mut stable) = space.stable.get_mut().take() else { return };
    stable.close_young_pages();
    let nursery = Sieve::of(&space.nursery.get_mut().chunks);
    let mut marker = Marker::new(&mut stable, nursery, true, true);
    mark_roots(space, root, &mut marker);
    mark_old(&mut marker);
    marker.drain(u64::MAX);
    let marked_count = marker.marked_count;
    let is_dead = |object: Object| {
        if !object.is_stable() {
            return !object.has(TO_NURSERY);
        }
        let page = Page::of(object.header());
        !page.is_old() && !page.is_marked(object.header())
    };
    if let Some(more) = space.more.get_mut() {
        more.weaks.clear(is_dead);
    }
    // The other list is of old ones, which stay.
    stable.remembered.to_nursery.retain(|object| !is_dead(*object));
    collected.freed_bytes += leave_nursery(space, &mut stable, true, undoing);
    stable.paced.young_since_bytes = 0;
    let (mut swept, mut relabelled) = (Swept::default(), Vec::new());
    for place in (0..stable.young.len()).rev() {
        let page = sweep_young(space, &mut stable, place, &mut swept, undoing);
        relabelled.extend(page);
    }
    look_at_relabelled(&mut stable, &relabelled);
    stable.paced.young_bytes = swept.young_bytes;
    collected.freed_bytes += swept.freed_bytes;
    collected.marked_objects += marked_count;
    *space.stable.get_mut() = Some(stable);
    note_marked(space, marked_count);
}

/// The counts of a heap that was collected before: a minor has made them.
fn more(space: &mut Space) -> &mut More {
    space.more.get_mut().get_or_insert_default()
}

fn note_stable(space: &mut Space) {
    let more = more(space);
    more.counts.stables += 1;
    more.external.at_stable_bytes = more.external.bytes();
}

fn note_marked(space: &mut Space, marked_count: u64) {
    let most = &mut more(space).counts.pause_marked_objects_max;
    *most = marked_count.max(*most);
}

/// Begins at the root value and the roots.
fn mark_roots(space: &Space, root: RootTrace<'_>, marker: &mut Marker<'_>) {
    root(&mut Visitor::new(marker));
    if let Some(roots) = space.more.borrow_mut().as_mut().and_then(|more| more.roots.as_mut()) {
        roots.trace(&mut Visitor::new(marker));
    }
}

/// Takes the tags off what was reached in the nursery. If all was looked at, the rest is undone there; how many bytes that were.
fn leave_nursery(
    space: &mut Space,
    stable: &mut Stable,
    is_drained: bool,
    undoing: &mut Undoing,
) -> u64 {
    stable.gray.retain(|object| object.is_stable());
    stable.gray_parts.retain(|(object, _)| object.is_stable());
    let cursor = space.cursor();
    let nursery = space.nursery.get_mut();
    nursery.fill_to(cursor);
    if is_drained {
        return nursery.sweep(undoing);
    }
    nursery
        .chunks
        .iter()
        .flat_map(|chunk| chunk.objects())
        .for_each(|object| object.clear(TO_NURSERY));
    0
}

/// Begins at the old objects that may point to young ones; who still does stays listed.
fn mark_old(marker: &mut Marker<'_>) {
    let mut listed = core::mem::take(&mut marker.stable.remembered.to_young);
    listed.retain(|object| {
        let mut cards = marker.stable.remembered.take_cards(*object);
        let sees = look_at(*object, cards.as_deref_mut(), Younger::Young, marker);
        marker.stable.remembered.put_cards(*object, cards);
        if !sees {
            object.clear(TO_YOUNG);
        }
        sees
    });
    marker.stable.remembered.to_young = listed;
}

/// Begins to mark everything.
fn begin_major(space: &mut Space, root: RootTrace<'_>) {
    let Some(mut stable) = space.stable.get_mut().take() else { return };
    space.phase.set(Phase::Marking);
    stable.paced.since_slice_bytes = 0;
    stable.endings = 0;
    let nursery = Sieve::of(&space.nursery.get_mut().chunks);
    mark_roots(space, root, &mut Marker::new(&mut stable, nursery, false, false));
    *space.stable.get_mut() = Some(stable);
}

/// Marks so many bytes; where nothing is left to look at, tries to end the marking.
fn slice(
    space: &mut Space,
    root: RootTrace<'_>,
    bytes_max: u64,
    collected: &mut Collected,
    undoing: &mut Undoing,
) {
    let Some(mut stable) = space.stable.get_mut().take() else { return };
    collected.depth = Some(Depth::Major);
    more(space).counts.major_slices += 1;
    stable.paced.since_slice_bytes = 0;
    let nursery = Sieve::of(&space.nursery.get_mut().chunks);
    let mut marker = Marker::new(&mut stable, nursery, false, false);
    let is_drained = marker.drain(bytes_max);
    let mut marked_count = marker.marked_count;
    *space.stable.get_mut() = Some(stable);
    if is_drained {
        marked_count += end_marking(space, root, bytes_max, collected, undoing);
    }
    collected.marked_objects += marked_count;
    note_marked(space, marked_count);
}

/// Looks at all that slices pass over: the roots, and through the nursery. Where that is soon done, marking is over.
fn end_marking(
    space: &mut Space,
    root: RootTrace<'_>,
    bytes_max: u64,
    collected: &mut Collected,
    undoing: &mut Undoing,
) -> u64 {
    let Some(mut stable) = space.stable.get_mut().take() else { return 0 };
    stable.endings += 1;
    let bytes_max = if stable.endings > ENDINGS_MAX { u64::MAX } else { bytes_max };
    let nursery = Sieve::of(&space.nursery.get_mut().chunks);
    let mut marker = Marker::new(&mut stable, nursery, false, true);
    mark_roots(space, root, &mut marker);
    marker.mark_through_remembered();
    let is_drained = marker.drain(bytes_max);
    let marked_count = marker.marked_count;
    if is_drained {
        let is_dead = |object: Object| {
            if !object.is_stable() {
                return !object.has(TO_NURSERY);
            }
            !Page::of(object.header()).is_marked(object.header())
        };
        if let Some(more) = space.more.get_mut() {
            more.weaks.clear(is_dead);
        }
        // All of these are stable: their pages say it, and their own lines stay where they are.
        stable
            .remembered
            .to_nursery
            .retain(|object| Page::of(object.header()).is_marked(object.header()));
        stable.filter_left = stable.remembered.to_young.len();
        stable.close_pages();
        stable.sweep_left = (stable.young.len(), stable.old.len());
        let paced = &mut stable.paced;
        (paced.young_bytes, paced.young_since_bytes) = (0, 0);
        (paced.old_bytes, paced.old_since_bytes, paced.hole_bytes) = (0, 0, 0);
        space.phase.set(Phase::Sweeping);
    }
    collected.freed_bytes += leave_nursery(space, &mut stable, is_drained, undoing);
    *space.stable.get_mut() = Some(stable);
    marked_count
}

/// Sweeps so many pages; after the last the major is over.
fn sweep_slice(
    space: &mut Space,
    pages_max: u64,
    collected: &mut Collected,
    undoing: &mut Undoing,
) {
    let Some(mut stable) = space.stable.get_mut().take() else { return };
    collected.depth = Some(Depth::Major);
    let (mut swept, mut relabelled) = (Swept::default(), Vec::new());
    let filtered_max = pages_max.saturating_mul(FILTERED_A_PAGE);
    let filtered = filter_remembered(&mut stable, filtered_max);
    swept.pages = filtered / FILTERED_A_PAGE;
    while swept.pages < pages_max && stable.sweep_left.0 > 0 {
        stable.sweep_left.0 -= 1;
        let place = stable.sweep_left.0;
        relabelled.extend(sweep_young(space, &mut stable, place, &mut swept, undoing));
    }
    while swept.pages < pages_max && stable.sweep_left.1 > 0 {
        stable.sweep_left.1 -= 1;
        let place = stable.sweep_left.1;
        sweep_old(space, &mut stable, place, &mut swept, undoing);
    }
    look_at_relabelled(&mut stable, &relabelled);
    stable.paced.young_bytes += swept.young_bytes;
    collected.freed_bytes += swept.freed_bytes;
    if stable.filter_left == 0 && stable.sweep_left == (0, 0) {
        if !stable.fills_holes(space.pool.pacing().hole_percent) {
            stable.forget_holes();
        }
        space.phase.set(Phase::Idle);
        space.used_after_major_bytes.set(space.room.used_bytes());
        space.refused_turns.set(0);
    }
    let is_over = space.phase.get() == Phase::Idle;
    *space.stable.get_mut() = Some(stable);
    if is_over {
        let more = more(space);
        more.counts.majors += 1;
        more.external.at_stable_bytes = more.external.bytes();
    } else {
        space.is_due.set(true);
    }
}

/// Forgets up to so many of those that are remembered for young objects and are dead, while their pages still say so; how many were
/// looked at.
fn filter_remembered(stable: &mut Stable, count_max: u64) -> u64 {
    let mut count = 0;
    while stable.filter_left > 0 && count < count_max {
        stable.filter_left -= 1;
        count += 1;
        let object = stable.remembered.to_young[stable.filter_left];
        if !Page::of(object.header()).is_marked(object.header()) {
            stable.remembered.to_young.swap_remove(stable.filter_left);
        }
    }
    count
}

/// Ends the major that is under way, in one go.
fn finish_major(
    space: &mut Space,
    root: RootTrace<'_>,
    collected: &mut Collected,
    undoing: &mut Undoing,
) {
    if space.phase.get() == Phase::Marking {
        slice(space, root, u64::MAX, collected, undoing);
    }
    if space.phase.get() == Phase::Sweeping {
        sweep_slice(space, u64::MAX, collected, undoing);
    }
}
