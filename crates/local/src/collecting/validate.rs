//! A walk over a whole heap, which compares what is there with what is kept of it.
//!
//! It follows pointers only to headers that it found itself, so that what it says is true of a broken heap too.

use core::ptr::NonNull;
use std::collections::HashSet;

use crate::collecting::minor::RootTrace;
use crate::memory::class::UNIT_BYTES;
use crate::memory::region::{Kind, Page};
use crate::objects::object::{Object, TO_NURSERY, TO_YOUNG};
use crate::objects::visitor::{Reach, Visitor};
use crate::spaces::remember::Younger;
use crate::spaces::space::{Phase, Space};
use crate::spaces::stable::{Stable, first_object};
use crate::spaces::weak::target_of;

/// # Panics
/// At the first thing that is not as it must be.
pub(crate) fn validate(space: &mut Space, root: RootTrace<'_>) {
    let cursor = space.cursor();
    space.nursery.get_mut().fill_to(cursor);
    let mut found = Found::default();
    found.find_nursery(space);
    if let Some(stable) = space.stable.get_mut() {
        found.find_stable(stable);
    }
    found.reached = found.young_headers.union(&found.stable_headers).copied().collect();
    root(&mut Visitor::new(&mut Checker::new(&found, "the root value")));
    if let Some(more) = space.more.get_mut() {
        if let Some(roots) = &more.roots {
            for object in roots.objects() {
                found.check(object, "a root");
            }
        }
        for cell in more.weaks.cells() {
            found.check(cell, "the list of weak pointers");
            if let Some(target) = NonNull::new(target_of(cell).get()) {
                found.check(Object::at(target), "a weak pointer");
            }
        }
    }
    found.check_pointers(space);
    found.check_lists(space);
    if let Some(raw) = space.raw.get() {
        raw.validate();
    }
    check_charge(space);
}

#[derive(Debug, Default)]
struct Found {
    young_headers: HashSet<usize>,
    stable_headers: HashSet<usize>,
    reached: HashSet<usize>,
    objects: Vec<Object>,
}

impl Found {
    fn find_nursery(&mut self, space: &Space) {
        for object in space.nursery.borrow().chunks.iter().flat_map(|chunk| chunk.objects()) {
            assert!(!object.is_stable(), "what is in the nursery has an age");
            assert!(object.moved().is_none(), "what was moved is in no chunk that is kept");
            self.young_headers.insert(object.header().addr().get());
            self.objects.push(object);
        }
    }

    fn find_stable(&mut self, stable: &Stable) {
        for (list, is_old) in [(&stable.young, false), (&stable.old, true)] {
            for (place, page) in list.iter().enumerate() {
                assert_eq!(page.is_old(), is_old, "a page is in the list of its label");
                assert_eq!(page.place(), place, "a page knows its place");
                for cell in page.cells(false) {
                    let object = first_object(cell);
                    assert!(object.is_stable(), "what is in a cell never moves");
                    let drops = object.shape().needs_drop();
                    assert!(page.kind() == Kind::Large || drops == (page.kind() == Kind::Dropping));
                    self.stable_headers.insert(object.header().addr().get());
                    self.objects.push(object);
                }
            }
        }
    }

    fn check(&self, object: Object, from: &str) {
        let address = object.header().addr().get();
        assert!(self.reached.contains(&address), "{from} leads to something that is no object");
    }

    /// Every pointer of a reachable object leads to an object, and what points to something younger is listed.
    fn check_pointers(&self, space: &mut Space) {
        let phase = space.phase.get();
        let stable = space.stable.get_mut();
        for object in self.objects.iter().filter(|object| object.shape().has_pointers) {
            let page = object.is_stable().then(|| Page::of(object.header()));
            if let Some(page) = page
                && phase == Phase::Sweeping
                && !page.is_marked(object.header())
            {
                continue; // dead perhaps: what it points to may be gone
            }
            let step = if object.shape().is_slice { 1 } else { object.count() };
            for index in (0..object.count()).step_by(step.max(1)) {
                let mut checker = Checker::new(self, "an object");
                object.trace_part(index, 1, &mut Visitor::new(&mut checker));
                let Some((page, stable)) = page.zip(stable.as_ref()) else { continue };
                let remembered = &stable.remembered;
                if checker.sees_nursery {
                    assert!(object.has(TO_NURSERY), "a pointer into the nursery is remembered");
                    assert!(remembered.has_card(*object, index, Younger::Nursery), "by its card");
                }
                if page.is_old() && (checker.sees_nursery || checker.sees_young) {
                    assert!(
                        object.has(TO_YOUNG),
                        "an old object's pointer to a young is remembered"
                    );
                    assert!(remembered.has_card(*object, index, Younger::Young), "by its card");
                }
            }
        }
    }

    fn check_lists(&self, space: &mut Space) {
        let phase = space.phase.get();
        let Some(stable) = space.stable.get_mut() else { return };
        let remembered = &stable.remembered;
        let addresses = |list: &[Object]| -> HashSet<usize> {
            let found: HashSet<usize> =
                list.iter().map(|object| object.header().addr().get()).collect();
            assert_eq!(found.len(), list.len(), "who is remembered is listed once");
            found
        };
        let (to_nursery, to_young) =
            (addresses(&remembered.to_nursery), addresses(&remembered.to_young));
        for address in to_nursery.union(&to_young) {
            assert!(self.stable_headers.contains(address), "who is remembered is there");
        }
        for object in self.objects.iter().filter(|object| object.is_stable()) {
            let address = object.header().addr().get();
            let page = Page::of(object.header());
            if phase != Phase::Sweeping {
                assert_eq!(object.has(TO_NURSERY), to_nursery.contains(&address));
                assert!(!page.is_old() || object.has(TO_YOUNG) == to_young.contains(&address));
            }
            assert!(phase != Phase::Idle || !page.is_marked(object.header()), "a mark is left");
        }
        assert!(
            stable.is_black() || phase == Phase::Marking,
            "what is gray is looked at before the sweep"
        );
    }
}

/// What is charged is what there is.
fn check_charge(space: &Space) {
    let mut bytes = space.nursery.borrow().chunk_bytes();
    if let Some(stable) = &*space.stable.borrow() {
        bytes += stable.pages().map(|page| page.units() * UNIT_BYTES).sum::<usize>();
    }
    assert_eq!(
        space.room.used_bytes(),
        bytes as u64 + space.raw_bytes(),
        "each byte is charged once"
    );
}

/// Checks each pointer that it is shown.
struct Checker<'a> {
    found: &'a Found,
    from: &'static str,
    sees_nursery: bool,
    sees_young: bool,
}

impl<'a> Checker<'a> {
    fn new(found: &'a Found, from: &'static str) -> Self {
        Self { found, from, sees_nursery: false, sees_young: false }
    }
}

impl Reach for Checker<'_> {
    fn reach(&mut self, header: NonNull<u8>) -> NonNull<u8> {
        self.found.check(Object::at(header), self.from);
        if self.found.young_headers.contains(&header.addr().get()) {
            self.sees_nursery = true;
        } else if !Page::of(header).is_old() {
            self.sees_young = true;
        }
        header
    }
}
