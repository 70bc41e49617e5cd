//! Marking finds what of the stable space is reached: each object is marked when it is seen first, and listed to be looked at.
//!
//! While a major marks slice by slice the nursery is passed over. The step that ends a marking goes through it: what was not
//! reached there keeps nothing, or a circle through both would never go.

use core::ptr::NonNull;

use crate::memory::region::Page;
use crate::objects::object::{Object, TO_NURSERY};
use crate::objects::visitor::{Reach, Visitor};
use crate::spaces::remember::{Seeing, Younger, look_at};
use crate::spaces::sieve::Sieve;
use crate::spaces::stable::Stable;

/// How many bytes of a long slice are looked at in one go.
const PART_BYTES: usize = 16 << 10;

/// Marks what it is shown.
#[derive(Debug)]
pub(crate) struct Marker<'a> {
    pub(crate) stable: &'a mut Stable,
    /// What it holds back is not in the nursery.
    nursery: Sieve,
    /// Old pages count as reached.
    young_only: bool,
    /// What is in the nursery is looked at too; the tag that says so means nothing else there.
    through_nursery: bool,
    pub(crate) marked_count: u64,
    has_seen: bool,
}

impl<'a> Marker<'a> {
    pub(crate) fn new(
        stable: &'a mut Stable,
        nursery: Sieve,
        young_only: bool,
        through_nursery: bool,
    ) -> Self {
        Self { stable, nursery, young_only, through_nursery, marked_count: 0, has_seen: false }
    }

    /// Looks once more at what is marked and may point into the nursery.
    pub(crate) fn mark_through_remembered(&mut self) {
        for index in 0..self.stable.remembered.to_nursery.len() {
            let object = self.stable.remembered.to_nursery[index];
            if !Page::of(object.header()).is_marked(object.header()) {
                continue;
            }
            match self.stable.remembered.take_cards(object) {
                None => self.stable.gray.push(object),
                Some(mut cards) => {
                    look_at(object, Some(&mut cards), Younger::Nursery, self);
                    self.stable.remembered.put_cards(object, Some(cards));
                }
            }
        }
    }

    /// Looks at what is listed until that are so many bytes, or nothing is left; whether that is so.
    pub(crate) fn drain(&mut self, bytes_max: u64) -> bool {
        let mut left_bytes = bytes_max;
        loop {
            if let Some((object, first)) = self.stable.gray_parts.pop() {
                left_bytes = left_bytes.saturating_sub(self.look_at_part(object, first));
            } else if let Some(object) = self.stable.gray.pop() {
                left_bytes = left_bytes.saturating_sub(self.look_at(object));
            } else if let Some(object) = self.stable.written.pop() {
                if Page::of(object.header()).mark(object.header()) {
                    self.marked_count += 1;
                }
                left_bytes = left_bytes.saturating_sub(self.look_at(object));
            } else if let Some((object, first, count)) = self.stable.remembered.take_gray_card() {
                object.trace_part(first, count, &mut Visitor::new(self));
                left_bytes = left_bytes.saturating_sub((count * 8) as u64);
            } else {
                return true;
            }
            if left_bytes == 0 {
                return self.stable.is_black();
            }
        }
    }

    fn look_at(&mut self, object: Object) -> u64 {
        let bytes = object.bytes();
        if object.shape().is_slice && bytes > PART_BYTES {
            return self.look_at_part(object, 0);
        }
        object.trace(&mut Visitor::new(self));
        bytes as u64
    }

    fn look_at_part(&mut self, object: Object, first: usize) -> u64 {
        let element_bytes = object.shape().element_bytes().max(1);
        let count = (PART_BYTES / element_bytes).max(1).min(object.count() - first);
        if first + count < object.count() {
            self.stable.gray_parts.push((object, first + count));
        }
        object.trace_part(first, count, &mut Visitor::new(self));
        (count * element_bytes) as u64
    }
}

impl Reach for Marker<'_> {
    #[inline]
    fn reach(&mut self, header: NonNull<u8>) -> NonNull<u8> {
        let object = Object::at(header);
        if self.nursery.passes(header) && !object.is_stable() {
            self.has_seen = true;
            if self.through_nursery && !object.has(TO_NURSERY) {
                object.set(TO_NURSERY);
                if object.shape().has_pointers {
                    self.stable.gray.push(object);
                }
            }
            return header;
        }
        if self.young_only {
            if Page::is_old_at(header) {
                return header;
            }
            self.has_seen = true;
        }
        let page = Page::of(header);
        if page.mark(header) {
            self.marked_count += 1;
            if object.shape().has_pointers {
                self.stable.gray.push(object);
            }
        }
        header
    }
}

impl Seeing for Marker<'_> {
    fn look_anew(&mut self) {
        self.has_seen = false;
    }

    fn has_seen(&self) -> bool {
        self.has_seen
    }

    fn visitor(&mut self) -> Visitor<'_> {
        Visitor::new(self)
    }
}

/// Sees whether an object points to something younger than an old page.
#[derive(Debug, Default)]
pub(crate) struct Looker {
    has_seen: bool,
}

impl Looker {
    /// Whether it does.
    pub(crate) fn sees_younger(object: Object) -> bool {
        let mut looker = Self::default();
        object.trace(&mut Visitor::new(&mut looker));
        looker.has_seen
    }
}

impl Reach for Looker {
    fn reach(&mut self, header: NonNull<u8>) -> NonNull<u8> {
        if !Object::at(header).is_stable() || !Page::is_old_at(header) {
            self.has_seen = true;
        }
        header
    }
}
