//! Every order in which frees of raw buffers, and drops of roots, can meet the heap that they belong to, tried by loom.
//!
//! Each model was seen to fail with the ordering that it guards weakened to Relaxed.
#![expect(unsafe_code, reason = "plays owners and their heap, who keep what they promise")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::raw::frees::{Freed, RawFrees};
use crate::spaces::roots::Entry;

/// A heap's raw memory: what stands in its cells, and what it knows of its pages.
struct Scene {
    frees: RawFrees,
    cells: Vec<RawCell>,
    /// Written by whoever takes cells back, or gives the pages back.
    pages: UnsafeCell<u32>,
    returned: AtomicUsize,
}

struct RawCell {
    link: NonNull<u8>,
    content: UnsafeCell<u32>,
}

// SAFETY: the cells are reached by their owners alone; that this is so is what loom looks at.
unsafe impl Send for Scene {}

// SAFETY: as above.
unsafe impl Sync for Scene {}

impl Scene {
    fn with_cells(count: usize) -> Arc<Self> {
        let cell = || RawCell {
            link: NonNull::from(Box::leak(Box::new([0_u64; 2]))).cast(),
            content: UnsafeCell::new(0),
        };
        Arc::new(Self {
            frees: RawFrees::new(),
            cells: (0..count).map(|_| cell()).collect(),
            pages: UnsafeCell::new(0),
            returned: AtomicUsize::new(0),
        })
    }

    /// An owner writes into its buffer and frees it; the last one of a dead heap gives the pages back.
    fn write_and_free(&self, index: usize) {
        let cell = &self.cells[index];
        // SAFETY: the cell is this owner's.
        cell.content.with_mut(|content| unsafe { *content += 1 });
        // SAFETY: as above; it is not used after.
        if unsafe { self.frees.free(cell.link) } == Freed::Last {
            self.give_back();
        }
    }

    fn give_back(&self) {
        // SAFETY: nobody else is left.
        self.pages.with_mut(|pages| unsafe { *pages += 1 });
        for cell in &self.cells {
            // SAFETY: as above.
            cell.content.with_mut(|content| unsafe { *content = 0 });
        }
        self.returned.fetch_add(1, Ordering::Relaxed);
    }

    /// The heap takes back what was freed, and uses it again; how many that were.
    fn drain(&self) -> u64 {
        let mut count = 0;
        // SAFETY: called by the heap alone.
        for link in unsafe { self.frees.take() } {
            // SAFETY: the heap is there.
            self.pages.with_mut(|pages| unsafe { *pages += 1 });
            let cell = self.cells.iter().find(|cell| cell.link == link);
            let cell = cell.expect("what comes back was given out");
            // SAFETY: the cell is free.
            cell.content.with_mut(|content| unsafe { *content = 7 });
            count += 1;
        }
        count
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for cell in &self.cells {
            // SAFETY: made so in `with_cells`.
            drop(unsafe { Box::from_raw(cell.link.cast::<[u64; 2]>().as_ptr()) });
        }
    }
}

#[test]
fn each_buffer_that_is_freed_elsewhere_is_drained_once() {
    loom::model(|| {
        let scene = Scene::with_cells(3);
        let freeing = [0, 1].map(|index| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.write_and_free(index))
        });
        scene.write_and_free(2);
        let mut drained = scene.drain();
        for freeing in freeing {
            freeing.join().unwrap();
        }
        drained += scene.drain();
        assert_eq!((drained, scene.returned.load(Ordering::Relaxed)), (3, 0));
    });
}

#[test]
fn the_pages_of_a_heap_that_goes_are_given_back_once() {
    loom::model(|| {
        let scene = Scene::with_cells(2);
        let freeing = [0, 1].map(|index| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.write_and_free(index))
        });
        let mut live_count = 2;
        loop {
            live_count -= scene.drain();
            if live_count == 0 {
                scene.give_back();
                break;
            }
            if scene.frees.orphan(live_count) {
                break;
            }
        }
        for freeing in freeing {
            freeing.join().unwrap();
        }
        assert_eq!(scene.returned.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn an_object_is_taken_over_when_its_last_root_is_gone_and_not_before() {
    loom::model(|| {
        let entry = Arc::new(Entry::vacant());
        let object = Arc::new(UnsafeCell::new(1));
        entry.keep(NonNull::<u64>::dangling().cast());
        let dropping = {
            let (entry, object) = (Arc::clone(&entry), Arc::clone(&object));
            thread::spawn(move || {
                entry.share();
                // SAFETY: a root keeps it; that this suffices is what loom looks at.
                object.with(|object| assert_eq!(unsafe { *object }, 1));
                entry.leave();
                entry.leave();
            })
        };
        if entry.kept().is_none() {
            // SAFETY: no root is left.
            object.with_mut(|object| unsafe { *object = 2 });
        }
        dropping.join().unwrap();
        assert!(entry.kept().is_none());
    });
}
