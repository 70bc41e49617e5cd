//! A sweep frees the cells that were not marked, and grows its pages older.
#![expect(unsafe_code, reason = "undoes the objects that were not marked")]

use crate::collecting::mark::Looker;
use crate::collecting::undoing::Undoing;
use crate::memory::region::{Kind, Page};
use crate::objects::object::{Object, TO_YOUNG};
use crate::spaces::remember::Remembered;
use crate::spaces::space::Space;
use crate::spaces::stable::{Stable, first_object, remove, used_bytes};

/// What sweeps came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Swept {
    pub(crate) freed_bytes: u64,
    /// Used cells of pages that stayed young.
    pub(crate) young_bytes: u64,
    pub(crate) pages: u64,
}

/// Sweeps the page at this place of the young ones. If it is old from then on, that is returned: its objects are to be looked at.
pub(crate) fn sweep_young(
    space: &Space,
    stable: &mut Stable,
    place: usize,
    swept: &mut Swept,
    undoing: &mut Undoing,
) -> Option<Page> {
    let page = stable.young[place];
    if sweep(space, &mut stable.remembered, page, swept, undoing) == 0 {
        let page = remove(&mut stable.young, place);
        Stable::give(&space.pool, &space.room, page);
        return None;
    }
    if page.grow_older() < space.pool.pacing().stable_survivals {
        swept.young_bytes += used_bytes(page);
        return None;
    }
    let page = remove(&mut stable.young, place);
    stable.relabel(page, used_bytes(page));
    Some(page)
}

/// Sweeps the page at this place of the old ones.
pub(crate) fn sweep_old(
    space: &Space,
    stable: &mut Stable,
    place: usize,
    swept: &mut Swept,
    undoing: &mut Undoing,
) {
    let page = stable.old[place];
    let kept = sweep(space, &mut stable.remembered, page, swept, undoing);
    if kept == 0 {
        let page = remove(&mut stable.old, place);
        return Stable::give(&space.pool, &space.room, page);
    }
    stable.paced.old_bytes += used_bytes(page);
    if page.kind() != Kind::Large && kept < page.class().page_cells() {
        let free = page.class().page_cells() - kept;
        stable.paced.hole_bytes += (free * page.class().bytes()) as u64;
        stable.add_hole(page);
    }
}

/// How many cells are used afterwards.
fn sweep(
    space: &Space,
    remembered: &mut Remembered,
    page: Page,
    swept: &mut Swept,
    undoing: &mut Undoing,
) -> usize {
    let before_bytes = used_bytes(page);
    let poisons = cfg!(debug_assertions) || space.pool.stress().poisons;
    let cell_bytes = if page.kind() == Kind::Large { page.bytes() } else { page.class().bytes() };
    if page.kind() != Kind::Plain || poisons {
        for cell in page.cells(true) {
            let object = first_object(cell);
            if page.kind() == Kind::Large {
                remembered.drop_cards(object);
            }
            // SAFETY: what is not marked is not reached, and its cell is free after this.
            unsafe { undoing.undo(object) };
            if poisons {
                // SAFETY: as above.
                unsafe { cell.write_bytes(0xD7, cell_bytes) };
            }
        }
    }
    let kept = page.keep_marked();
    swept.pages += 1;
    swept.freed_bytes += before_bytes - used_bytes(page);
    kept
}

/// Looks at the objects of pages that have become old: those that point to something younger are listed.
pub(crate) fn look_at_relabelled(stable: &mut Stable, pages: &[Page]) {
    for page in pages {
        for cell in page.cells(false) {
            let object: Object = first_object(cell);
            object.clear(TO_YOUNG); // as a young object's it said something else
            if !object.shape().has_pointers {
                continue;
            }
            if Looker::sees_younger(object) {
                stable.remembered.note_young(object);
                if page.kind() == Kind::Large && object.shape().is_slice {
                    stable.remembered.write_all_cards(object);
                }
            }
        }
    }
}
